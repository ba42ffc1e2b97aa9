"""Reports: what is kept, and what a Program costs, by source line and by layer."""

import inspect

import numpy as np
import pytest

import pullback as pb
from pullback.chain import Chain, add, dot, layer, relu, squared_loss
from pullback.core.errors import ArgumentError
from pullback.show import chain_memory, memory, work


def mlp(w1, w2, x):
    h = np.tanh(x @ w1)
    return np.sum((h @ w2) ** 2)


FIRST = inspect.getsourcelines(mlp)[1]


@pytest.fixture
def weights(rng):
    return rng.normal(size=(4, 6)), rng.normal(size=(6, 2)), rng.normal(size=(8, 4))


def test_memory_adds_up_by_source_line(weights):
    _, pullback = pb.vjp(mlp, *weights)
    report = memory(pullback)
    assert report.total == sum(r.nbytes for r in pullback.residuals) == sum(line.nbytes for line in report.lines)
    assert {line.where for line in report.lines} == {f"test_reports.py:{FIRST + 1}", f"test_reports.py:{FIRST + 2}"}
    assert [line.nbytes for line in report.lines] == sorted((line.nbytes for line in report.lines), reverse=True)


def test_checkpoint_shows_in_the_memory_report(weights):
    kept = memory(pb.vjp(mlp, *weights)[1]).total
    assert memory(pb.vjp(pb.checkpoint(mlp), *weights)[1]).total < kept


def test_the_memory_table_names_lines_and_arrays(weights):
    report = memory(pb.vjp(mlp, *weights)[1])
    for plain in (True, False):
        text = report.table(plain=plain)
        assert f"test_reports.py:{FIRST + 1}" in text
        assert "float64[8,6]" in text
    assert "bytes" in str(report)
    assert repr(report) == f"MemoryReport({report.total} bytes in 2 places)"


def test_memory_of_something_else_is_refused():
    with pytest.raises(ArgumentError, match="memory of float"):
        memory(1.0)


def test_the_memory_of_a_chain_is_shown_by_layer(rng):
    by_hand = layer(lambda x, w: x * w, make_vjp=lambda x, w: lambda u: (u * w, np.sum(u * x, axis=0)))
    chain = Chain([dot, add, relu, by_hand, squared_loss])
    x = rng.normal(size=(8, 4))
    report = chain_memory(chain, x, [rng.normal(size=(4, 3)), np.zeros(3), None, np.ones(3), np.zeros((8, 3))])
    assert [line.where.split()[1] for line in report.lines] == ["dot", "add", "relu", "<lambda>", "squared_loss"]
    assert report.lines[0].nbytes == 8 * (8 * 4 + 4 * 3)
    assert report.lines[1].nbytes == 0
    assert report.lines[2].nbytes == 8 * 3  # one bit would do: a byte a truth value


def test_work_adds_up_by_source_line(weights):
    program = pb.trace(mlp)(*weights)
    report = work(program)
    assert (report.flops, report.nbytes) == tuple(program.cost)
    first = next(line for line in report.lines if line.where == f"test_reports.py:{FIRST + 1}")
    assert first.text == "h = np.tanh(x @ w1)"
    assert first.flops >= 2 * 8 * 4 * 6
    assert first.equations == 2


def test_work_of_a_transposed_program_shows_the_users_lines(weights):
    _, pullback = pb.vjp(mlp, *weights)
    report = work(pullback.program)
    assert f"test_reports.py:{FIRST + 1}" in {line.where for line in report.lines}
    for plain in (True, False):
        assert "h = np.tanh(x @ w1)" in report.table(plain=plain)
    assert repr(report).startswith("WorkReport(")
