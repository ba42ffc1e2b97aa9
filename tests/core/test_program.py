"""Programs print, compare, hash, count, run and pickle."""

import math
import pickle
from typing import NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ArgumentError, CheckError, TreeError
from pullback.core.program import Literal, Program, intern
from pullback.transforms.simplify import simplify


class Point(NamedTuple):
    x: object
    y: object


def _traced(n=3, scale=2.0):
    return pb.trace(lambda x: np.sin(x) * scale)(np.ones(n))


def test_a_program_prints_with_types_and_source_lines():
    text = str(_traced())
    lines = text.splitlines()
    assert lines[0] == "Program(a: float64[3]) {"
    assert lines[1].startswith("  b: float64[3] = sin(a)    # test_program.py:")
    assert lines[2].startswith("  c: float64[3] = mul(b, 2.0)    # test_program.py:")
    assert lines[3:] == ["  return c", "}"]
    assert repr(_traced()) == str(_traced())


def test_the_source_line_is_the_line_of_the_operation():
    def f(x):
        y = np.sin(x)
        return y * y

    program = pb.trace(f)(1.0)
    lines = [str(program).splitlines()[i].rsplit(":", 1)[1] for i in (1, 2)]
    first = f.__code__.co_firstlineno
    assert lines == [str(first + 1), str(first + 2)]


def test_held_programs_print_inside_the_equation():
    text = str(pb.trace(lambda x: pb.cond(x > 0, np.sin, np.cos, x))(1.0))
    assert "branches[0]: Program(" in text
    assert "branches[1]: Program(" in text
    assert "cos(" in text
    text = str(pb.trace(lambda x: pb.fori_loop(0, 7, lambda i, y: np.sin(y), x))(1.0))
    assert "body: Program(" in text
    assert "7" in text


def test_a_program_with_many_variables_names_each_differently():
    def f(x):
        for _ in range(60):
            x = np.sin(x)
        return x

    lines = str(pb.trace(f)(1.0)).splitlines()[1:-2]
    names = [line.split(":")[0].strip() for line in lines]
    assert len(set(names)) == 60
    assert "aa" in names


def test_programs_of_equal_work_are_equal_and_hash_alike():
    a, b = _traced(), _traced()
    assert a == b
    assert hash(a) == hash(b)
    assert len({a, b}) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda: _traced(n=4),
        lambda: _traced(scale=3.0),
        lambda: pb.trace(lambda x: np.cos(x) * 2.0)(np.ones(3)),
        lambda: pb.trace(lambda x: np.sin(x) * x)(np.ones(3)),
        lambda: pb.trace(lambda x: np.sin(x) * 2.0)(np.ones(3, np.float32)),
        lambda: pb.trace(lambda x: (np.sin(x) * 2.0, x))(np.ones(3)),
        lambda: pb.trace(lambda x: np.sin(x) * np.float64(2.0))(np.ones(3)),
    ],
)
def test_programs_of_other_work_are_not_equal(other):
    assert _traced() != other()


def test_a_program_is_no_other_thing():
    assert _traced() != 1


def test_the_data_of_constants_is_outside_the_structure():
    a = pb.trace(lambda x: x + np.array([1.0, 2.0]))(np.ones(2))
    b = pb.trace(lambda x: x + np.array([3.0, 4.0]))(np.ones(2))
    assert a == b
    np.testing.assert_array_equal(a(np.zeros(2)), [1.0, 2.0])
    np.testing.assert_array_equal(b(np.zeros(2)), [3.0, 4.0])


def test_literals_tell_signed_zeros_apart_and_nan_equals_itself():
    assert Literal(0.0).key != Literal(-0.0).key
    assert Literal(math.nan).key == Literal(math.nan).key
    assert Literal(1).key != Literal(1.0).key
    assert Literal(1.0).key != Literal(np.float64(1.0)).key


def test_interned_programs_of_one_structure_are_one():
    a, b = (Program(p.inputs, p.equations, p.outputs) for p in (_traced(), _traced()))
    assert intern(a) is intern(b)


def test_the_cost_counts_flops_and_bytes_of_each_equation():
    a, b = np.ones((4, 5)), np.ones((5, 6))
    program = pb.trace(lambda a, b: (a @ b) + 1.0)(a, b)
    flops = [cost.flops for _, cost in program.costs()]
    assert flops[-1] == 24
    assert flops[0] == 2 * 4 * 5 * 6
    assert program.cost.flops == sum(flops)
    moved = [cost.bytes for _, cost in program.costs()]
    assert moved[0] == 8 * (20 + 30 + 24)
    assert program.cost.bytes == sum(moved)


def test_a_loop_of_known_length_costs_so_many_turns():
    one = pb.trace(lambda x: pb.fori_loop(0, 1, lambda i, y: np.sin(y) * y, x))(np.ones(8)).cost
    ten = pb.trace(lambda x: pb.fori_loop(0, 10, lambda i, y: np.sin(y) * y, x))(np.ones(8)).cost
    assert ten.flops == 10 * one.flops > 0


def test_the_dearest_branch_is_the_cost_of_a_cond():
    def dear(x):
        return x @ x

    program = pb.trace(lambda c, x: pb.cond(c, dear, lambda x: x, x))(True, np.ones((8, 8)))
    assert program.cost.flops >= 2 * 8**3


def test_a_program_runs_on_the_structure_that_it_was_traced_with():
    program = pb.trace(lambda d, *, p: {"s": d["a"] * p.x, "rest": (None, p.y)})(
        {"a": np.ones(2)}, p=Point(2.0, np.ones(1))
    )
    out = program({"a": np.array([1.0, 3.0])}, p=Point(5.0, np.array([7.0])))
    np.testing.assert_array_equal(out["s"], [5.0, 15.0])
    assert out["rest"][0] is None
    np.testing.assert_array_equal(out["rest"][1], [7.0])


def test_a_program_refuses_other_structures_shapes_and_dtypes():
    program = _traced()
    with pytest.raises(TreeError, match="structure"):
        program([np.ones(3)])
    with pytest.raises(ArgumentError, match=r"float64\[4\]"):
        program(np.ones(4))
    with pytest.raises(ArgumentError, match=r"float32\[3\]"):
        program(np.ones(3, np.float32))


def test_results_of_a_program_are_owned():
    program = pb.trace(lambda x: (x, x, np.reshape(x, (3, 1))))(np.ones(3))
    x = np.zeros(3)
    a, b, c = program(x)
    for y in (a, b, c):
        assert y.flags.writeable
        y += 1.0
    np.testing.assert_array_equal(x, 0.0)
    np.testing.assert_array_equal(a, 1.0)
    np.testing.assert_array_equal(c, 1.0)


def _model(p, x):
    def turn(i, y):
        return pb.cond(i > 1, np.sin, np.cos, y * p["w"])

    return {"out": pb.fori_loop(0, 4, turn, x), "n": None}


def test_programs_pickle_with_equations_constants_and_source_lines():
    program = pb.trace(_model)({"w": np.ones(3)}, np.ones(3))
    again = pickle.loads(pickle.dumps(program))
    assert again == program
    x, w = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(again({"w": w}, x)["out"], program({"w": w}, x)["out"])
    assert "test_program.py:" in str(again)
    assert str(again) == str(program)


def test_a_program_has_no_attributes_that_run_it_without_a_signature():
    program = _traced()
    bare = Program(program.inputs, program.equations, program.outputs)
    with pytest.raises(TypeError, match="replay"):
        bare(np.ones(3))


@pytest.mark.parametrize("name", ["inputs", "equations", "outputs", "constants", "signature"])
def test_a_program_is_frozen(name):
    program = _traced()
    with pytest.raises(AttributeError, match="frozen"):
        setattr(program, name, ())


def test_programs_of_one_structure_from_two_lines_keep_their_own_lines():
    def one(i, y):
        return np.sin(y)

    def other(i, y):
        return np.sin(y)

    for f in (one, other):
        line = f"test_program.py:{f.__code__.co_firstlineno + 1}"
        assert line in str(pb.trace(lambda x, f=f: pb.fori_loop(0, 3, f, x))(1.0))


def test_a_program_with_constants_cannot_be_held():
    with pytest.raises(CheckError, match="constants"):
        intern(pb.trace(lambda x: x + np.ones(3))(np.ones(3)))


def test_long_programs_trace_print_run_and_pickle():
    def f(x):
        for _ in range(3000):
            x = np.sin(x)
        return x

    program = pb.trace(f)(0.5)
    assert len(str(program).splitlines()) == 3003
    assert pickle.loads(pickle.dumps(program))(0.5) == f(0.5)
    assert len(simplify(program).equations) == 3000
    np.testing.assert_allclose(pb.grad(f)(0.5), pb.jvp(f, (0.5,), (1.0,))[1], rtol=1e-12)
