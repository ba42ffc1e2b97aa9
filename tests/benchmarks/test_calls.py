"""The benchmark of calls: what is timed is right, and the table says what was found."""

import numpy as np
import pytest

from benchmarks import calls
from benchmarks.engine.case import OURS


@pytest.mark.parametrize("case", calls.cases(), ids=lambda case: case["work"])
def test_what_is_timed_is_what_plain_numpy_computes(case):
    f, args = case["make"](np), case["args"]
    found = calls.contenders(case)[OURS]()()
    value = found[0] if case.get("grad") else found
    want = f(*args)
    for a, b in zip(*(x.values() if isinstance(x, dict) else [x] for x in (value, want)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    if case.get("grad"):
        x, h = args[0], 1e-30
        steps = [np.imag(f(x + 1j * h * e)) / h for e in np.eye(x.size)]
        np.testing.assert_allclose(found[1], steps, rtol=1e-12)


def test_the_table_says_who_is_how_fast_and_what_was_aimed_at():
    row = {"work": "a call", "aim": 10, "contenders": {OURS: {"rounds": [1e-6]}, calls.NUMPY: {"rounds": [2e-5]}}}
    text = calls.markdown({"rows": [row, {**row, "aim": 30}]})
    assert "| a call | pullback | 1 |" in text
    assert "| jax.jit, NumPy in | 20 | 20× | 10× reached |" in text
    assert "30× missed" in text
