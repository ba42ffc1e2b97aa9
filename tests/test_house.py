"""The house: every primitive is tested, every file is small, and what is public says what it does."""

import ast
import importlib
from pathlib import Path

import pytest

import pullback
from pullback.core.primitive import Primitive, primitives

ROOT = Path(pullback.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TESTS = Path(__file__).parent
MOST_LINES = 450


def _imported_primitives(path):
    """Yield the primitives that a test file imports: ``from pullback.primitives.x import y``, or x itself and x.y."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pullback.primitives"):
            for alias in node.names:
                found = getattr(importlib.import_module(node.module), alias.name)
                inside = [getattr(found, name) for name in used if hasattr(found, name)]
                yield from (x for x in (found, *inside) if isinstance(x, Primitive))


def test_every_primitive_has_a_test():
    tested = {p for path in (TESTS / "primitives").glob("test_*.py") for p in _imported_primitives(path)}
    missing = sorted(name for name, p in primitives.items() if p not in tested)
    assert not missing, f"no conformance test in tests/primitives of: {', '.join(missing)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_small(path):
    n = len(path.read_text(encoding="utf-8").splitlines())
    assert n <= MOST_LINES, f"{n} lines: split it along the idea that made it grow"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_is_public_says_what_it_does(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no docstring at the head of the file"
    primitive = path.parent.name == "primitives"  # the rules of a primitive inherit those of `Primitive`
    silent = [f"{name}, line {node.lineno}" for name, node in _public(tree, primitive) if not ast.get_docstring(node)]
    assert not silent, f"no docstring: {'; '.join(silent)}"


def _public(node, skip_methods):
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or child.name.startswith("_"):
            continue
        yield child.name, child
        if isinstance(child, ast.ClassDef) and not skip_methods:
            overridden = bool(child.bases)  # a method that overrides another inherits its docstring
            for name, method in _public(child, skip_methods):
                if not overridden or isinstance(method, ast.ClassDef):
                    yield f"{child.name}.{name}", method
