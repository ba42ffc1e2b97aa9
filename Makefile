# All set-up happens here: `make demo` and `make test` need Python 3.11 or later
# and make, nothing else. The environment lives in .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
# Two workers; each file is run whole and in order by one of them.
JOBS   ?= 2
PYTEST := $(BIN)/python -m pytest
# The benchmarks compare with PyTorch on the CPU: TORCH='torch' takes any release.
TORCH  ?= torch==2.13.0

# Pictures need no screen; one BLAS thread a worker; no notice of new releases of pyright.
export MPLBACKEND := Agg
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
SINGLE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help demo test pytest doctest lint types layers format bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      train on real data and show what pullback can do"
	@echo "make test      tests, doctests, lint, types and import layers"
	@echo "make pytest | doctest | lint | types | layers     one part of it"
	@echo "make format    rewrite the code in the house style"
	@echo "make bench     measure side by side with autograd, PyTorch and JAX"
	@echo "make clean     remove the environment and all caches"

demo: $(VENV)/demo.stamp
	$(BIN)/pullback demo

test: pytest doctest lint types layers

pytest: $(VENV)/dev.stamp
	$(SINGLE) $(PYTEST) -n $(JOBS) --dist loadfile --durations 10 --durations-min 1

# Those in docstrings. The examples in Markdown are run by tests/test_docs.py, among the tests.
doctest: $(VENV)/dev.stamp
	$(SINGLE) $(PYTEST) --doctest-modules pullback

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/dev.stamp
	$(BIN)/pyright

layers: $(VENV)/dev.stamp
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: $(VENV)/bench.stamp
	$(SINGLE) $(BIN)/python -m benchmarks.eager
	$(SINGLE) $(BIN)/python -m benchmarks.engine
	$(SINGLE) $(BIN)/python -m benchmarks.calls
	$(BIN)/python -m benchmarks.first_call
	$(BIN)/python -m benchmarks.second_process
	$(BIN)/python -m benchmarks.lengths
	$(SINGLE) $(BIN)/python -m benchmarks.updates
	$(SINGLE) $(BIN)/python -m benchmarks.science
	$(BIN)/python -m benchmarks.threads

# A stamp says that the extra of its name is installed; it is out of date as
# soon as pyproject.toml is newer.
$(VENV)/%.stamp: pyproject.toml | $(VENV)/pyvenv.cfg
	$(PIP) install --quiet --editable '.[$*]'
	@touch $@

# The pin goes first, so that the extra finds its torch already there.
$(VENV)/bench.stamp: pyproject.toml | $(VENV)/pyvenv.cfg
	$(PIP) install --quiet '$(TORCH)'
	$(PIP) install --quiet --editable '.[bench,demo]'
	@touch $@

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pullback needs Python 3.11 or later, and $(PYTHON) is older or missing: make PYTHON=python3.11 ..."; exit 1; }
	@echo "Setting up $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No venv module: on Debian and Ubuntu, apt install python3-venv"; exit 1; }

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
