"""The benchmark of many lengths measures what it says."""

import json

import numpy as np
import pytest

import pullback as pb
from benchmarks import lengths

pytest.importorskip("llvmlite")


@pytest.mark.parametrize("name", sorted(lengths.CASES))
def test_a_case_has_one_code_for_its_lengths(name, monkeypatch):
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)
    monkeypatch.delenv("PULLBACK_CHECK", raising=False)
    loss, arguments, dynamic = lengths.CASES[name][0](np)
    f = pb.jit(pb.grad(loss), dynamic=dynamic)
    for n in (700, 900):  # a small product is no call of BLAS, and another code
        np.testing.assert_allclose(f(*arguments(n)), pb.grad(loss)(*arguments(n)), rtol=1e-10, atol=1e-12)
    assert f._n_traces == 0


def test_one_measurement_prints_seconds(capsys):
    lengths.main(["--one", "waves", "2", lengths.OURS])
    clock, processor = json.loads(capsys.readouterr().out)
    assert clock > 0
    assert processor > 0


def test_a_row_says_whether_the_figure_is_reached(capsys, monkeypatch):
    monkeypatch.setattr(
        lengths, "in_process", lambda module, arguments, cap: (1.0 if "jax" in arguments[2] else 0.1,) * 2
    )
    row = lengths.row("waves", 2, 60.0)
    assert row["times"] == {lengths.OURS: [0.1, 0.1], lengths.PEER: [1.0, 1.0]}
    assert "10.0x   (at least 20x: missed)" in capsys.readouterr().out


def test_an_unknown_case_is_refused():
    with pytest.raises(SystemExit):
        lengths.main(["absent"])
