"""Sources: the user's own line, taken when recorded and resolved when asked."""

import pickle

import numpy as np

import pullback as pb
from pullback.core import source


def test_nowhere_is_a_question_mark():
    assert source.describe(None) == "?"
    assert source.line_text(None) == ""


def test_here_skips_the_function_that_asks():
    def asks():
        return source.here()

    assert source.describe(asks()).startswith("test_source.py:")


def test_a_source_pickles_as_file_and_line():
    program = pb.trace(lambda x: np.sin(x))(1.0)
    kept = pickle.loads(pickle.dumps(program)).equations[0].source
    assert source.describe(kept) == source.describe(program.equations[0].source)


def test_derived_equations_keep_the_line_of_the_primal():
    def f(x):
        return np.sum(np.exp(x))

    line = f"test_source.py:{f.__code__.co_firstlineno + 1}"
    _, pullback = pb.vjp(f, np.ones(3))
    assert {r.where for r in pullback.residuals} == {line}
    assert line in str(pullback.program)


def test_a_line_inside_a_loop_body_is_the_bodys():
    def turn(i, y):
        return np.sin(y)

    line = f"test_source.py:{turn.__code__.co_firstlineno + 1}"
    assert line in str(pb.trace(lambda x: pb.fori_loop(0, 3, turn, x))(1.0))
