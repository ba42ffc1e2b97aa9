"""The benchmark of first calls measures what it says: each case runs, and the fit of the growth is one."""

import json

import numpy as np
import pytest

import pullback as pb
from benchmarks import first_call
from tests.oracles import directional


@pytest.mark.parametrize("name", sorted(first_call.CASES))
def test_each_case_has_a_gradient(name):
    loss, args = first_call.CASES[name][0](np, 3)
    x = np.asarray(args[-1])
    v = np.cos(np.arange(x.size)).reshape(x.shape)
    g = pb.grad(loss, argnums=len(args) - 1)(*args)
    np.testing.assert_allclose(np.sum(g * v), directional(lambda x: loss(*args[:-1], x), x, v), rtol=1e-6, atol=1e-9)


def test_one_measurement_prints_seconds(capsys):
    first_call.main(["--one", "scalars", "5", first_call.OURS])
    clock, processor = json.loads(capsys.readouterr().out)
    assert 0 < processor < 60
    assert 0 < clock < 60


def test_a_process_that_takes_too_long_counts_as_the_cap(monkeypatch):
    def run(*args, timeout, **kwargs):
        raise first_call.subprocess.TimeoutExpired("", timeout)

    monkeypatch.setattr(first_call.subprocess, "run", run)
    assert first_call._in_process("scalars", 5, first_call.PEER, 7.0) == (7.0, 7.0)


def test_the_exponent_of_a_linear_growth_is_one(monkeypatch, capsys):
    monkeypatch.setattr(first_call, "_in_process", lambda name, n, library, cap: (0.0, 0.001 * n))
    assert abs(first_call.growth("scalars", 1, 1.0)["exponent"] - 1) < 1e-12
    assert "n^1.00" in capsys.readouterr().out
