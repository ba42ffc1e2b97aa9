"""Loops that Python has unrolled run as native loops, and compute what they computed unrolled."""

import random

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import OutOfRange
from pullback.core.tree import flatten
from pullback.engines.llvm import flat
from pullback.primitives.indexing import index_set
from pullback.transforms import rolling
from pullback.transforms.simplify import simplify
from tests.engines.native import Compiled, evaluated, same

N = 12
FIRST = (("array", 0),)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(rolling, "LEAST_WORK", 8)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def held(f, *args, rtol=0.0):
    """Hold the native, rolled f to the evaluator and to its unrolled native code, and return what was compiled."""
    program = simplify(pb.trace(f)(*args))
    leaves = flatten(args)[0]
    compiled = Compiled(program)
    expected = evaluated(program, leaves)
    with np.errstate(all="ignore"):
        for run in (compiled, compiled.guarded):
            for x, y in zip(run(*leaves), expected, strict=True):
                assert np.asarray(x).dtype == y.dtype
                if rtol:
                    np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * max(1.0, float(np.max(np.abs(y)))))
                else:
                    same(np.asarray(x), y)
    return compiled


def loops(compiled):
    return [eq for eq in compiled.program.equations if eq.primitive.name == "loop"]


def total(f):
    return lambda *args: sum(np.sum(y * y) for y in f(*args))


# Random loops --------------------------------------------------------------------------------------

OPERATIONS = (
    "add",
    "mul",
    "sub",
    "max",
    "abs",
    "literal",
    "literals",
    "weight",
    "row",
    "square",
    "const",
    "older",
    "gather",
)


def random_loop(seed):
    """Return a function whose Python loop has random turns: carries, weights, rows, literals, early reads."""
    r = random.Random(seed)
    shape, n, n_state = r.choice([(), (3,), (20,)]), r.randint(7, 14), r.randint(1, 3)
    body = [(r.choice(OPERATIONS), r.random(), r.random(), r.randint(0, 5)) for _ in range(r.randint(2, 7))]
    often = r.choice([0, 0.1, 1.0])
    kept, inner = [k for k in range(n) if r.random() < often], r.choice([0, 0, 0, 7])

    def f(args):
        state, older, outs = list(args["x"]), [args["c"], args["c"]], []
        for k in range(n):
            values = [*state, args["c"]]
            for name, a, b, t in body:
                x, y = values[int(a * len(values))], values[int(b * len(values))]
                values.append(one(name, x, y, args, k, t, older, n))
            for _ in range(inner):
                values[-1] = values[-1] * 0.5 + values[0]
            state = [values[-1 - i] for i in range(n_state)]
            older.append(state[-1])
            if k in kept:
                outs.append(state[0])
        return [*state, *outs]

    rng = np.random.default_rng(seed)
    draw = lambda: rng.standard_normal(shape) if shape else float(rng.standard_normal())  # noqa: E731
    args = {"x": [draw() for _ in range(n_state)], "w": [draw() for _ in range(n)], "c": draw()}
    return f, {**args, "rows": rng.standard_normal((n, *shape))}


def one(name, x, y, args, k, t, older, n):
    rows = args["rows"]
    return {
        "add": lambda: 0.5 * x + y * 0.25,
        "mul": lambda: x * y * 0.5,
        "sub": lambda: x - y,
        "max": lambda: np.maximum(x, y),
        "abs": lambda: np.abs(x),
        "literal": lambda: x * 0.75,
        "literals": lambda: x * (0.1 * k) + (k if t > 2 else 0.5),
        "weight": lambda: x * args["w"][k],
        "row": lambda: x + rows[k if t % 2 else n - 1 - k],
        "square": lambda: x * x * 0.1,
        "const": lambda: x + args["c"],
        "older": lambda: x + older[-2] * 0.5,
        "gather": lambda: x * rows[(k * 5 + t) % n],
    }[name]()


@pytest.mark.parametrize("seed", range(24))
def test_random_loops_are_equal_bit_for_bit(seed, small):
    held(*random_loop(seed))


@pytest.mark.parametrize("seed", range(100, 112))
def test_gradients_of_random_loops(seed, small):
    f, args = random_loop(seed)
    held(pb.grad(total(f)), args, rtol=1e-12)


def test_most_random_loops_are_rolled(small):
    count = 0
    for seed in range(24):
        f, args = random_loop(seed)
        count += any(eq.primitive.name == "loop" for eq in flat.prepared(simplify(pb.trace(f)(args))).equations)
    assert count > 14


@pytest.mark.parametrize("seed", [0, 5, 9])
def test_the_unrolled_native_code_gives_the_same(seed, small, monkeypatch):
    f, args = random_loop(seed)
    rolled = Compiled(simplify(pb.trace(f)(args)))
    monkeypatch.setattr(flat, "ROLL", False)
    unrolled = Compiled(simplify(pb.trace(f)(args)))
    assert not loops(unrolled)
    leaves = flatten((args,))[0]
    for x, y in zip(rolled(*leaves), unrolled(*leaves), strict=True):
        same(np.asarray(x), np.asarray(y))


# What is read and written ---------------------------------------------------------------------------


def test_layers_of_separate_weights_are_a_loop_that_copies_no_weight():
    def f(ws, bs, x):
        for w, b in zip(ws, bs, strict=True):
            x = np.tanh(x @ w + b)
        return np.sum(x * x)

    args = [normal(20, 20, seed=i) / 4 for i in range(N)], [normal(20, seed=i) for i in range(N)], normal(8, 20)
    compiled = held(pb.value_and_grad(f, argnums=(0, 1, 2)), *args, rtol=1e-12)
    assert [eq.params["reverse"] for eq in loops(compiled)] == [False, True]
    assert "table" in compiled.loops
    assert compiled.arena_size < 2 * N * 20 * 20 * 8  # the gradients by the weights, and not the weights too


def test_a_stack_of_stacks_is_copied(small):
    def f(ws, x):
        for row in [np.stack(ws[k : k + 3]) for k in range(N)]:
            x = np.sin(x) * row
        return x, np.stack(ws)[1:4]

    held(f, [normal(5, seed=i) for i in range(N + 3)], normal(3, 5), rtol=1e-14)


def test_rows_of_what_a_loop_has_written_are_no_copies():
    def f(x, a):
        for _ in range(60):
            x = np.tanh(a @ x)
        return np.sum(x * x)

    compiled = held(pb.grad(f, argnums=(0, 1)), normal(30), normal(30, 30) / 5, rtol=1e-11)
    back = loops(compiled)[1]
    made = {x: eq for eq in compiled.program.equations for x in eq.results}
    parts = [made[x].results[0] for x in back.operands if x in made and made[x].primitive.name == "index_get"]
    assert len(parts) == 2
    for x in parts:
        assert "alias" in next(
            line for line in compiled.loops.splitlines() if f"float64[{x.type.shape[0]},30] = index_get" in line
        )


def test_rows_that_are_results_and_are_read_again(small):
    def f(x):
        out = []
        for _ in range(N):
            x = np.sin(x) * 0.9
            out.append(x)
        return out[3], out[3] @ out[4], out[-1], out[-2] + 1.0

    held(f, normal(4), rtol=1e-15)
    held(f, normal(300), rtol=1e-13)


def test_a_row_is_not_written_over_by_what_is_changed_in_place(small):
    def f(x):
        outs = []
        for _ in range(N):
            x = np.sin(x)
            outs.append(x)
        return pb.fori_loop(0, 4, lambda i, c: index_set(c, 0.5, i, spec=FIRST), outs[2]), outs[2], outs[5]

    held(f, normal(100), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.int32, bool])
def test_other_dtypes(dtype, small):
    def f(x, y):
        for _ in range(N):
            x = x & y if dtype is bool else (x * y + y) // 2 if np.dtype(dtype).kind == "i" else x * 0.5 + y
            y = ~y if dtype is bool else y
        return x, y

    x = (normal(5) * 3).astype(dtype)
    assert loops(held(f, x, x + x))


def test_python_scalars_stay_weak(small):
    def f(x, y):
        for i in range(N):
            x = x * 0.5 + i
        return x * y

    held(f, 3.0, normal(3).astype(np.float32))
    assert pb.jit(f)(3.0, np.ones(3, np.float32)).dtype == np.float32


def test_loops_in_bodies_are_rolled_too(small):
    def steps(x):
        for _ in range(N):
            x = np.sin(x) * 0.5
        return x

    looped = held(lambda x: pb.fori_loop(0, 3, lambda i, c: steps(c) + i, x), normal(5), rtol=1e-15)
    assert looped.loops.count("loop ") == 2
    branched = held(lambda x: pb.cond(x[0] > 0, steps, lambda x: x, x), normal(5), rtol=1e-15)
    assert branched.loops.count("loop ") == 1


def test_what_a_checkpoint_computes_again_is_computed_again(small):
    step = pb.checkpoint(lambda x: np.sin(np.sin(np.sin(x))))

    def f(x):
        for _ in range(N):
            x = x - 0.1 * pb.grad(lambda x: np.sum(step(x)))(x)
        return x

    compiled = held(f, normal(5), rtol=1e-14)
    (loop,) = loops(compiled)
    names = [eq.primitive.name for eq in flat.prepared(loop.params["body"]).equations]
    assert len(names) == len(loop.params["body"].equations)


def test_an_index_out_of_range_is_raised_with_its_line(small):
    def f(x, i):
        for k in range(N):
            x = x * 0.5 + x[i + k]  # here
        return x

    g = pb.jit(f)
    assert g(normal(50), 3).shape == (50,)
    with pytest.raises(OutOfRange, match="here"):
        g(normal(50), 45)


def test_what_is_printed_comes_in_order(small, capsys):
    def f(x):
        for i in range(N):
            x = x * 2.0
            pb.debug_print("{} {}", i, x)
        return x

    pb.jit(f)(1.0)
    assert capsys.readouterr().out.splitlines() == [f"{i} {2.0 ** (i + 1)}" for i in range(N)]


def test_lower_shows_the_loop():
    def f(x):
        for _ in range(1000):
            x = np.sin(x) * 0.99 + 0.01
        return x

    lowered = pb.jit(pb.grad(f)).lower(np.float64(0.5))
    assert str(lowered.loops).count("loop ") == 2
    assert len(str(lowered.loops).splitlines()) < 50


# What it costs ----------------------------------------------------------------------------------------


def test_code_does_not_grow_with_the_number_of_turns():
    def code(n):
        def f(x, a):
            for _ in range(n):
                x = np.tanh(a @ x)
            return np.sum(x * x)

        return len(Compiled(pb.trace(pb.grad(f))(normal(20), normal(20, 20))).text)

    assert code(400) < 1.2 * code(40)  # a long loop looks for signals too


def test_equal_nests_are_written_once(monkeypatch):
    monkeypatch.setattr(flat, "ROLL", False)

    def f(x, a):
        for _ in range(30):
            x = np.tanh(a @ x)
        return x

    compiled = Compiled(pb.trace(f)(normal(40), normal(40, 40)))
    assert compiled.text.count("define internal void @nest") < 5


def no_repeats(n, seed=0):
    """Return a function of n random operations, few of which repeat."""
    r = random.Random(seed)
    steps = [(r.choice("+-*msdl"), r.randint(1, 6), r.random()) for _ in range(n)]

    def f(x):
        values = [x, x * 0.5]
        for name, back, c in steps:
            a, b = values[-1], values[-min(back, len(values))]
            values.append({
                "+": lambda a, b, c: a + b, "-": lambda a, b, c: a - b, "*": lambda a, b, c: a * b * 0.1,
                "m": lambda a, b, c: np.maximum(a, b), "s": lambda a, b, c: np.sin(a),
                "d": lambda a, b, c: a / (1.0 + b * b), "l": lambda a, b, c: 0.5 * a + c,
            }[name](a, b, c))  # fmt: skip
        return values[-1]

    return f


@pytest.mark.parametrize("shape", [(), (3,), (40,)])
def test_long_programs_without_repeats_are_functions_of_bounded_length(shape):
    x = normal(*shape) if shape else np.float64(0.3)
    compiled = held(no_repeats(1600 if not shape else 500 if shape == (3,) else 1600), x, rtol=1e-12)
    functions = compiled.text.split("define internal void @nest")[1:]
    assert len(functions) > 3
    assert max(f.split("\n}")[0].count("\n") for f in functions) < 4000


def test_nothing_runs_on_the_evaluator_for_its_length():
    assert not pb.jit(no_repeats(1600)).lower(np.float64(0.3)).why
