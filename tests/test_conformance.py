"""The conformance suite refuses wrong rules: one wrong rule of each kind, put into a primitive and found."""

import numpy as np
import pytest

from pullback.core.primitive import infer_types, is_linear, primitives
from pullback.primitives.arithmetic import add, mask, mul, sub
from pullback.primitives.choice import maximum, select
from pullback.primitives.complex import conj, imag
from pullback.primitives.exponential import exp, log
from pullback.primitives.shaping import sum_to
from tests.conformance import check_rules


@pytest.fixture
def spoil(monkeypatch):
    """Return a function that replaces a rule; what had been derived from the right one is forgotten, both ways."""

    def forget():
        for primitive in primitives.values():
            primitive.rules.clear()

    def replace(primitive, rule, wrong):
        monkeypatch.setattr(type(primitive), rule, wrong)
        forget()

    yield replace
    monkeypatch.undo()
    forget()


X = np.array([[0.3, 0.9, 0.5], [0.2, 0.7, 0.4]])
Y = np.array([0.6, 0.8, 0.1])

WRONG = [
    pytest.param(exp, "derivative", lambda self, x, y: mul(y, 1 + 1e-10), (X,), id="a slope off by 1e-10"),
    pytest.param(exp, "jvp", lambda self, xs, y, vs: None, (X,), id="a derivative that is silently zero"),
    pytest.param(log, "function", lambda self, params: np.exp, (X,), id="a fast path that does something else"),
    pytest.param(mul, "linear", lambda self, n, params: ((0, 1),), (X, Y), id="linear groups that are not"),
    pytest.param(sub, "transpose", lambda self, u, a, b: (u, u), (X, Y), id="a transpose of the wrong sign"),
    pytest.param(
        mul,
        "transpose",
        lambda self, u, a, b: (mul(u, b), None) if is_linear(a) else (None, sub(mul(u, a), u)),
        (X, Y),
        id="a transpose of one operand",
    ),
    pytest.param(conj, "transpose", lambda self, u, x: (u,), (X + 1j,), id="a transpose that does not conjugate"),
    pytest.param(imag, "transpose", lambda self, u, x: (mul(u, 1j),), (X + 1j,), id="a transpose that does"),
    pytest.param(
        select,
        "transpose",
        lambda self, u, c, x, y: (None, mask(c, u) if is_linear(x) else None, u if is_linear(y) else None),
        (X > 0.45, X, Y),
        id="a cotangent for what was not chosen",
    ),
    pytest.param(mul, "batch", lambda self, n, xs, batched: mul(*xs), (X, Y), id="a batch that is not aligned"),
    pytest.param(add, "batch", lambda self, n, xs, batched: add(xs[0], xs[0]), (X, X + 1), id="a batch of one operand"),
    pytest.param(
        maximum, "jvp", lambda self, xs, y, vs: vs[0] if vs[1] is None else vs[1], (X, Y), id="a tangent for the loser"
    ),
    pytest.param(
        sum_to, "evaluate", lambda self, x, shape: np.broadcast_to(np.mean(x), shape), (X,), id="a sum that is a mean"
    ),
]


@pytest.mark.parametrize(("primitive", "rule", "wrong", "operands"), WRONG)
def test_it_finds(primitive, rule, wrong, operands, spoil, rng):
    params = {"shape": (3,)} if primitive is sum_to else {}
    oracle = "differences" if primitive is maximum else "complex step"
    check_rules(primitive, *operands, rng=rng, jvp_oracle=oracle, **params)
    spoil(primitive, rule, wrong)
    with pytest.raises((AssertionError, ValueError)):
        check_rules(primitive, *operands, rng=rng, jvp_oracle=oracle, **params)


def test_it_finds_a_type_that_is_not_what_is_evaluated(monkeypatch, rng):
    x = np.ones(17, np.float32)  # of no other test: types are inferred once
    monkeypatch.setattr(type(exp), "infer", lambda self, x: x.like(dtype=np.float64))
    try:
        with pytest.raises(AssertionError, match=r"exp: inferred float64\[17\], evaluated float32\[17\]"):
            check_rules(exp, x, rng=rng)
    finally:
        infer_types.__globals__["_infer"].cache_clear()
