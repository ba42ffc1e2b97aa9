"""SciPy's special functions in native code: its own C functions, the same results, and what calls back."""

import numpy as np
import pytest
import scipy.special

import pullback as pb
from pullback.core.errors import NotWritten
from pullback.engines.llvm.kinds import kind_of
from pullback.engines.llvm.specials import symbols
from pullback.primitives.special import TABLE, apply, special, special_parts, ufunc_named
from tests.engines.native import alone, held

X = np.array([[0.05, 0.3, 0.45], [0.6, 0.75, 0.95]])
ORDERS = {"v": 1.0, "n": 2, "m": 1, "k": 2, "a": 1.5, "b": 2.5, "c": 3.5, "alpha": 0.5, "beta": 1.5, "p": 2.5, "q": 1.5}


@pytest.fixture(autouse=True)
def native_engine(monkeypatch):
    """Native code, whatever the suite runs on."""
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)


def _operands(entry, dtype):
    """Return operands of a function: the last is an array, the others numbers that it takes."""
    others = [ORDERS.get(name, 0.7) for name in entry.arguments[:-1]]
    return [*others, X.astype(dtype)]


def _takes_floats(name):
    """Return whether the installed SciPy has a ufunc of a name that gives floats of floats."""
    try:
        ufunc = ufunc_named(name)
    except NotWritten:
        return False
    return ufunc.nout == 1 and any(t.partition("->")[0].endswith("d") and t.endswith(">d") for t in ufunc.types)


REAL = [name for name, entry in TABLE.items() if entry.evaluate is None and _takes_floats(name)]


@pytest.mark.parametrize("part", range(8))
@pytest.mark.filterwarnings("ignore:non-integer arg n is deprecated")
def test_native_code_gives_what_scipy_gives(part):
    """Bit for bit, as it is the same function."""
    cases = [(_operands(TABLE[name], np.float64), {"function": name}) for name in REAL[part::8] if name != "gammaln"]
    program, operands = alone(special, cases)
    held(program, operands)


@pytest.mark.parametrize("part", range(8))
@pytest.mark.filterwarnings("ignore:non-integer arg n is deprecated")
def test_single_precision_goes_through_double_where_there_is_no_other(part):
    """Some of SciPy's loops compute in single precision, and are off by a few units in the last place."""
    names = [n for n in REAL[part::8] if n not in ("gammaln", "pro_cv", "obl_cv")]  # SciPy's do not come to an end
    program, operands = alone(special, [(_operands(TABLE[n], np.float32), {"function": n}) for n in names])
    held(program, operands, lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6))


def test_the_logarithm_of_gamma_is_our_own():
    x = np.concatenate([np.linspace(0.01, 30.0, 500), -np.linspace(0.05, 9.95, 100), [1e10, np.inf, 0.0]])
    program, operands = alone(special, [((x,), {"function": "gammaln"})])
    held(program, operands, lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-15, atol=2e-15))


def test_few_functions_of_floats_call_back():
    cases = [(_operands(TABLE[name], np.float64), {"function": name}) for name in REAL]
    program, _ = alone(special, cases)
    missing = {eq.params["function"] for eq in program.equations if kind_of(eq) == "callback"}
    inner = {name for name in REAL if TABLE[name].ufunc.startswith("_")}  # what Cython does not see
    assert missing <= inner, missing - inner


@pytest.mark.parametrize("name", ["zeta", "lambertw", "wofz", "spherical_jn", "airy"])
def test_what_has_no_entry_point_calls_back(name):
    arguments = {"zeta": (2.0, X), "lambertw": (X, 0, 1e-8), "spherical_jn": (2, X), "wofz": (X + 1j,)}.get(name, (X,))
    f = lambda *xs: apply(name, *xs)  # noqa: E731
    native = pb.jit(f)
    assert f"[{name}](" in repr(native.lower(*arguments).callbacks)
    for a, b in zip(np.atleast_1d(native(*arguments)), np.atleast_1d(f(*arguments)), strict=True):
        np.testing.assert_array_equal(a, b)
    primitive = special_parts if TABLE[name].results > 1 else special
    strong = [x if isinstance(x, np.ndarray) else np.asarray(x)[()] for x in arguments]
    program, operands = alone(primitive, [(strong, {"function": name})])
    held(program, operands)


def test_gradients_stay_native():
    f = lambda x: np.sum(scipy.special.log_ndtr(x) * scipy.special.j0(x) + scipy.special.erfcx(x))  # noqa: E731
    native = pb.jit(pb.grad(f))
    assert not native.lower(X).callbacks
    np.testing.assert_allclose(native(X), pb.grad(f)(X), rtol=1e-13)


def test_equal_calls_are_made_once():
    native = pb.jit(lambda x: scipy.special.j0(x) + 2 * scipy.special.j0(x)).lower(X)
    assert native.asm.count("special.j0") <= 2  # one call (and its name)


def test_code_names_what_it_calls_and_is_bound_when_it_is_linked():
    text = pb.jit(scipy.special.psi).lower(X).llvm_ir
    assert "declare double @special.psi.d_d(double, i32)" in text
    assert list(symbols(text)) == ["special.psi.d_d"]
    assert "inttoptr" not in text


def test_native_code_knows_the_edges():
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, -2.0])
    names = ("gamma", "psi", "ndtr", "log_ndtr", "erfcx", "j0", "i0e", "exp1", "expi", "rgamma", "dawsn", "entr")
    program, operands = alone(special, [((x,), {"function": name}) for name in names])
    held(program, operands)
