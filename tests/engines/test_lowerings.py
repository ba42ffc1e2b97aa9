"""Assembling, indexing, contractions and walks along an axis: native, equal to the evaluator, no call back."""
# ruff: noqa: B023 - each lambda is traced at once, in the turn of the loop that makes it

import itertools
import re

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import OutOfRange
from pullback.core.tree import flatten
from pullback.primitives.assembling import pad, roll, triangle
from pullback.primitives.choice import share
from pullback.primitives.cumulative import cummax, cummin, cumprod, cumsum, recurrence
from pullback.primitives.indexing import (
    cut,
    dynamic_slice,
    dynamic_update_slice,
    index_add,
    index_set,
    last_written,
    ramp,
)
from tests.engines.native import Compiled, evaluated

FIRST = (("array", 0),)


def close(f, *args, rtol=1e-13):
    """Hold f to the evaluator, within rounding; nothing is called back. Return what was compiled."""
    program = pb.trace(f)(*args)
    leaves = flatten(args)[0]
    compiled = Compiled(program)
    assert not compiled.called_back, [eq.primitive.name for eq in compiled.called_back]
    for _ in range(2):
        with np.errstate(all="ignore"):
            actual = compiled(*leaves)
        for a, b, t in zip(actual, evaluated(program, leaves), program.out_types, strict=True):
            assert np.shape(a) == t.shape
            assert np.asarray(a).dtype == t.dtype
            scale = float(np.max(np.abs(np.where(np.isfinite(b), b, 0)), initial=0))
            np.testing.assert_allclose(np.asarray(a), b, rtol=rtol, atol=rtol * scale)
    return compiled


def normal(*shape, dtype=np.float64):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(dtype)


# Assembling -------------------------------------------------------------------------------

SHAPES = [(1,), (7,), (40,), (3, 5), (20, 33), (2, 3, 50), (100, 3)]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize("shape", SHAPES)
def test_parts_come_from_where_they_were(shape, dtype):
    x = (normal(*shape) * 3).astype(dtype)
    for axis in range(len(shape)):
        first = (slice(None),) * axis + (slice(0, 1),)
        close(lambda x: np.concatenate([x[first], x, x[first], x], axis=axis), x)
        close(lambda x: np.stack([x, x[::-1], x], axis=axis), x)
        close(lambda x: roll(x, shifts=(1, -3), axes=(axis, axis)), x)
        close(lambda x: pad(x, 1, widths=tuple((a == axis, 2 * (a == axis)) for a in range(len(shape)))), x)


def test_parts_are_fused_into_what_reads_them():
    def f(x):
        return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x

    compiled = close(f, normal(100))
    assert compiled.text.count("define internal void @nest") == 1


def test_a_roll_of_what_is_computed_does_not_compute_it_four_times():
    def f(x):
        y = np.sin(x) * x
        return (np.roll(y, -1) - np.roll(y, 2)) * np.roll(y, 1) - y

    compiled = close(f, normal(1000))
    assert len(re.findall(r"call double @pb\.sin", compiled.module.text)) == 1


def test_nothing_is_chosen_an_element_where_a_loop_can_be_cut():
    compiled = close(lambda x: np.concatenate([x, 2 * x, x[:5]]) + 1, normal(100))
    assert "select" not in compiled.module.text


@pytest.mark.parametrize("shape", [(4, 4), (20, 30), (3, 4, 4), (0, 3)])
def test_triangles(shape):
    for k, lower in itertools.product((-1, 0, 2), (True, False)):
        close(lambda x: triangle(x, lower=lower, k=k), normal(*shape))


def test_empty_parts_and_parts_of_nothing():
    x = normal(10)
    close(lambda x: np.concatenate([x[:0], x, x[:0]]), x)
    close(lambda x: np.concatenate([x, x]), x[:0])
    close(lambda x: np.roll(x, 3), x[:0])
    close(lambda x: np.stack([x, x]), np.float64(2.0))


def test_parts_that_are_read_after_a_reshape():
    close(lambda x: np.stack([x, 2 * x, np.cos(x)], axis=1).reshape(-1) + 1, normal(20, 40))
    close(lambda x: np.concatenate([x, 2 * x]).reshape(8, -1).T[::-1], normal(20, 40))


def test_many_parts():
    close(lambda x: np.stack([x[i] * i for i in range(100)]) + x, normal(100))


def test_a_heat_step_and_its_gradient():
    def step(u):
        inner = u[1:-1, 1:-1]
        around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        return np.pad(inner + 0.1 * (around - 4 * inner), 1)

    close(pb.value_and_grad(lambda u: np.sum(pb.fori_loop(0, 5, lambda i, u: step(u), u) ** 2)), normal(12, 40))


def test_slices_with_steps_and_their_transposes():
    x = normal(21, 40)
    for index in [np.s_[::2, ::-3], np.s_[5:2:-1], np.s_[:, 3], np.s_[None, 4, ..., 1:]]:
        close(pb.value_and_grad(lambda x: np.sum(x[index] ** 2)), x)


def test_small_functions_that_stack_stay_one_loop_of_registers():
    def f(v):
        return np.stack([v[0] * np.sin(v[1]), v[2] / v[0]])

    for jacobian in (pb.jacfwd, pb.jacrev):
        compiled = close(pb.vmap(jacobian(f)), normal(1000, 3) + 5)
        assert compiled.text.count("define internal void @nest") == 1
        assert compiled.arena_size == 0


# Indexing ---------------------------------------------------------------------------------

I, J = np.array([3, -1, 0, 3, -10, 9, 2]), np.arange(35).reshape(5, 7) % 11


def test_gathers():
    x, y = normal(10), normal(10, 11)
    close(lambda x, i: x[i] * 2, x, I)
    close(lambda x, i: x[i], x, I.astype(np.int32))
    close(lambda y, i: y[i], y, I)
    close(lambda y, j: y[:, j] + 1, y, J)
    close(lambda y, i, j: y[i, j], y, I, J)
    close(lambda y, i, j: y[None, i, None, j], y, I, J[:, :1])
    close(lambda y, i: np.take_along_axis(y, i, 1), y, J[:1].repeat(10, 0))
    close(lambda x, i: np.take(x, i, mode="clip"), x, 3 * I)
    close(lambda x, i: np.exp(x)[i], x, I)
    close(lambda x, i: x[i], x, I[:0])


def test_gathers_and_their_transposes():
    x, y = normal(10), normal(10, 11)
    close(pb.value_and_grad(lambda x, i: np.sum(x[i] ** 2)), x, I)
    close(pb.value_and_grad(lambda y, j: np.sum(y[:, j] ** 2)), y, J)
    close(pb.vmap(pb.grad(lambda x, i: x[i] ** 2)), y, np.arange(10))


def test_writes():
    x, v = normal(10), normal(7)
    unique = np.array([3, -1, 0, 5, 1, 8, 2])
    for write in (index_set, index_add):
        close(lambda x, i, v: write(x, v, i, spec=FIRST), x, unique, v)
        close(lambda x, i: write(2 * x, 1.0, i, spec=FIRST), x, unique)
        close(lambda x, i, v: write(x, v, i, spec=(*FIRST, ("all",))), normal(10, 7), 3, v)
        close(pb.vmap(lambda x, i: write(x, 1.0, i, spec=FIRST)), normal(20, 10), np.arange(20) % 10)
    close(lambda x, i, v: index_add(x, v, i, spec=FIRST), x, I, v)
    close(lambda x, i, v: index_set(x, v, i, spec=FIRST), x, I, v)  # the last one stays
    close(lambda x, i: cut(x, i, spec=FIRST), x, I)
    close(lambda x: cut(index_set(x, 2.0, 3, spec=FIRST), 4, spec=FIRST), normal(100))


def test_what_is_written_may_be_made_from_what_is_written_over():
    spec, x = (("slice", 0, 40, 1),), normal(100)
    close(lambda x, i: index_add(2 * x, (2 * x)[::-1][:40], i, spec=spec), x, 7)

    def turn(i, y):
        return index_set(y, y[59::-1][:40] + y[0], i, spec=spec)

    close(lambda x: pb.fori_loop(0, 9, turn, x), x)
    close(lambda x: pb.fori_loop(0, 9, lambda i, y: index_set(y, y[i] + y[i + 1], i, spec=FIRST), x), x)


def test_which_of_the_values_written_are_the_last():
    many = np.random.default_rng(0).integers(-100, 100, size=200)
    close(lambda i: last_written(i, shape=(10,), spec=FIRST), I)
    close(lambda i: last_written(i, shape=(100,), spec=FIRST), many)
    close(lambda i: last_written(i, shape=(100, 4), spec=(*FIRST, ("all",))), many)
    close(pb.grad(lambda v, x, i: np.sum(index_set(x, v, i, spec=FIRST) ** 2)), normal(7), normal(10), I)


def test_an_update_in_the_memory_of_a_reshape():
    x, w = normal(40, 20), normal(20, 40)
    front = (("slice", 0, 50, 1),)

    def turn(i, x):
        return index_add(x, x.reshape(20, 40).ravel()[::-1][:50], 0, spec=front)

    close(lambda x: pb.fori_loop(0, 4, turn, x), x.ravel())
    step = lambda i, x, w: x + 0.01 * (x.reshape(20, 40).T @ w).reshape(40, 40)[:, :20]  # noqa: E731
    close(lambda x, w: pb.fori_loop(0, 4, lambda i, x: step(i, x, w), x), x, w)
    close(lambda x: (index_add((2 * x).reshape(800), 1.0, 3, spec=FIRST), x.reshape(20, 40) + 1), x)
    close(lambda x: index_add(x.reshape(800), 1.0, 3, spec=FIRST), x)  # and x itself stays


@pytest.mark.parametrize("side", ["left", "right"])
def test_searches_in_sorted_arrays(side):
    a, v = np.sort(np.round(normal(37), 1)), np.round(normal(5, 10), 1)
    whole = np.arange(10), np.arange(-3, 14)
    for x, y in [(a, v), (a[:1], v), (a[:0], v), (a, np.float64(0.3)), (a, np.arange(3)), whole]:
        close(lambda x, y: np.searchsorted(x, y, side=side), x, y)
    a[-2:], v[2, 3] = np.nan, np.nan
    close(lambda x, y: np.searchsorted(x, y, side=side), a, v)
    close(pb.vmap(lambda x, y: np.searchsorted(x, y, side=side)), np.sort(normal(20, 15)), normal(20, 6))
    close(pb.grad(lambda x, *of: np.sum(np.interp(x, *of))), normal(100), np.arange(-5.0, 5.0), normal(10))


def test_loops_that_write_one_element_a_turn_do_not_copy():
    def f(x):
        return pb.fori_loop(1, 200, lambda i, y: index_set(y, y[i - 1] * 0.5 + 1, i, spec=FIRST), x)

    compiled = close(f, normal(200))
    body = compiled.text.split("do", 1)[1]
    assert "memcpy" not in body[body.index("br label %while") :].split("define")[0].split("done")[0]
    close(pb.grad(lambda x: np.sum(pb.fori_loop(0, 50, lambda i, y: y + np.sin(x[i]) * y, 0.1))), normal(50))


def test_a_loop_that_returns_the_old_value_too_copies():
    x = normal(10)
    close(lambda x: pb.scan(lambda c, i: (index_set(c, 2.0, i, spec=FIRST), c), x, np.arange(10)), x)
    swap = lambda i, y: index_set(index_set(y, y[i + 1], i, spec=FIRST), y[i], i + 1, spec=FIRST)  # noqa: E731
    close(lambda x: pb.fori_loop(0, 5, swap, x), x)
    close(lambda x: pb.fori_loop(0, 5, lambda i, y: (y[1], index_set(y[0], y[1][i], i, spec=FIRST)), (x, 2 * x)), x)


@pytest.mark.parametrize("start", [-30, -3, 0, 4, 8, 30])
def test_dynamic_slices(start):
    x = normal(10)
    close(lambda x, i: dynamic_slice(x, i, sizes=(4,)) + 1, x, start)
    close(lambda x, v, i: dynamic_update_slice(x, v, i), x, x[:3], start)
    close(pb.grad(lambda x, i: np.sum(dynamic_slice(x, i, sizes=(4,)) ** 2)), x, start)
    close(pb.vmap(lambda x, i: dynamic_slice(x, i, sizes=(4,))), normal(20, 10), np.arange(20) + start)
    close(lambda i: ramp(i, n=4, step=2, bound=10), start)


@pytest.mark.parametrize("bad", [10, -11, 2**40, -(2**40)])
def test_an_index_out_of_range_raises_and_writes_nothing(bad):
    x = normal(10)
    many = np.array([1, 2, bad, 3])
    add = pb.trace(lambda x, i: index_add(2 * x, 1.0, i, spec=FIRST))
    for compiled, i in (
        (Compiled(pb.trace(lambda x, i: x[i])(x, 3)), bad),
        (Compiled(pb.trace(lambda x, i: x[i])(x, many)), many),
        (Compiled(add(x, 3)), bad),
        (Compiled(add(x, many)), many),
    ):
        with pytest.raises(IndexError, match=f"index {bad} is out of bounds for axis 0 with size 10"):
            compiled(x, i)
        with pytest.raises(OutOfRange):
            compiled(x, i)


# Contractions -----------------------------------------------------------------------------

EINSUMS = [
    ("ij,jk->ik", (3, 4), (4, 5)), ("ij,jk->ik", (30, 40), (40, 50)), ("ij,kj->ik", (30, 40), (50, 40)),
    ("ji,jk->ik", (40, 30), (40, 50)), ("ji,kj->ki", (40, 30), (50, 40)), ("ij,j->i", (90, 70), (70,)),
    ("i,ij->j", (90,), (90, 70)), ("i,i->", (1000,), (1000,)), ("i,i->", (5,), (5,)), ("i,j->ij", (50,), (60,)),
    ("bij,bjk->bik", (10, 30, 20), (10, 20, 40)), ("bij,bkj->bik", (10, 30, 20), (10, 40, 20)),
    ("bij,jk->bik", (10, 30, 20), (20, 40)), ("bij,jbk->kbi", (10, 30, 20), (20, 10, 40)),
    ("bij,bjk->bik", (100, 4, 4), (100, 4, 4)), ("bij,bj->bi", (100, 30, 20), (100, 20)),
    ("bij,bij->b", (40, 6, 7), (40, 6, 7)), ("ijk,jkl->il", (30, 8, 9), (8, 9, 30)),
    ("ijk,kjl->il", (30, 8, 9), (9, 8, 30)), ("ijk,kl->jl", (10, 8, 9), (9, 11)), ("ij,ij->ij", (20, 30), (20, 30)),
    ("ij,k->k", (20, 30), (40,)), ("ij,jk->ik", (3, 0), (0, 4)), ("ij,jk->ik", (0, 3), (3, 4)),
    ("ij,jk->ik", (1, 300), (300, 1)), ("ij,jk->ik", (300, 1), (1, 300)), ("nd,kd->nk", (200, 10), (25, 10)),
    ("abcd,cdef->abef", (3, 4, 5, 6), (5, 6, 7, 8)), ("i,->i", (50,), ()), ("aij,ajb->iab", (6, 30, 20), (6, 20, 30)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
@pytest.mark.parametrize(("spec", "a", "b"), EINSUMS)
def test_contractions(spec, a, b, dtype):
    x, y = np.trunc(3 * normal(*a)).astype(dtype), np.trunc(3 * normal(*b)).astype(dtype)
    close(lambda x, y: np.einsum(spec, x, y), x, y, rtol=1e-5 if dtype == "float32" else 1e-13)


def test_products_that_are_scaled_and_added_to_are_one_call():
    w, x, y = normal(64, 32), normal(128, 64), normal(128, 32)
    compiled = close(lambda w, x, y: w - 0.1 * (x.T @ y), w, x, y)
    assert "define internal void @nest" not in compiled.module.text
    close(lambda w, x, y: 2 * (x @ w) + y, w, x, y)
    close(lambda w, x, y: y + -(x @ w) / 3, w, x, y)
    close(lambda w, x, y: (x @ w) - y, w, x, y)


def test_a_product_added_to_its_own_factor():
    x, w = normal(40, 40), normal(40, 40) / 40
    close(lambda x, w: pb.fori_loop(0, 5, lambda i, x: x + 0.1 * (x @ w), x), x, w)
    close(lambda x, w: pb.fori_loop(0, 5, lambda i, x: x - w.T @ (w @ x), x), x, w)


# Along an axis ----------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 5, 7), (30, 1, 40), (2, 3, 0), (1, 1, 1)])
def test_cumulative_operations(shape, axis, reverse):
    x = np.round(normal(*shape) * 2)
    x.flat[5:6] = np.nan
    for f in (cumsum, cumprod, cummax, cummin):
        close(lambda x: f(2 * x, axis=axis, reverse=reverse), x)
        close(lambda x: f(x, axis=axis, reverse=reverse), np.nan_to_num(x).astype(np.int64))
    close(lambda a, b: recurrence(a, b, axis=axis, reverse=reverse), x, normal(*shape))


def test_cumulative_operations_have_native_gradients():
    close(pb.grad(lambda x: np.sum(np.cumprod(x) ** 2)), normal(50))
    close(pb.grad(lambda x: np.sum(cummax(x, axis=0) ** 2)), normal(50))
    close(pb.vmap(lambda x: np.cumsum(x) * 2), normal(50, 3))


@pytest.mark.parametrize("axis", [0, 1, 2, None])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_places_of_extrema(axis, dtype):
    x = np.round(normal(30, 5, 40) * 2)
    x[3, 2, 1] = x[3, 1, 1] = np.nan
    x = (np.nan_to_num(x) if dtype in ("int64", "bool") else x).astype(dtype)
    for f in (np.argmax, np.argmin):
        close(lambda x: f(x, axis=axis), x)
    close(lambda x: np.argmax(x, axis=1), np.zeros((100, 4), dtype))


@pytest.mark.parametrize("axis", [0, 1, (0, 2), None])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "bool"])
def test_reductions(axis, dtype):
    x = normal(30, 5, 40) * 2
    x[3, 2, 1], x[4, 1, 1] = np.nan, np.inf
    x = (np.nan_to_num(x, posinf=9) if dtype in ("int64", "int32", "bool") else x).astype(dtype)
    for f in (np.sum, np.prod, np.any, np.all, np.max, np.min):
        close(lambda x: f(x, axis=axis), x, rtol=1e-4 if dtype == "float32" else 1e-12)


def test_reductions_of_nothing():
    for shape in [(3, 0), (0, 3)]:
        for f in (np.sum, np.prod, np.any, np.all):
            close(lambda x: f(x, axis=1), np.ones(shape))


# Elements ---------------------------------------------------------------------------------

A = np.array([1.0, -2, 3, np.nan, 0.0, -0.0, np.inf, -np.inf, 5.5, -7.25])
B = np.array([2.0, 3, -2, 1, 0, 1, 2, 3, -np.inf, 2.5])


@pytest.mark.parametrize("f", [np.fmax, np.fmin, np.remainder, np.floor_divide, np.fmod, np.heaviside, np.copysign])
def test_of_floats(f):
    close(f, A[:, None], B)
    close(f, A.astype(np.float32)[:, None], B.astype(np.float32))


@pytest.mark.parametrize(
    "f", [np.fmax, np.fmin, np.remainder, np.floor_divide, np.fmod, np.left_shift, np.right_shift, np.bitwise_xor]
)
@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_of_integers(f, dtype):
    info = np.iinfo(dtype)
    x = np.array([7, -7, 3, 0, -9, 100, 64, -1, info.max, info.min], dtype)
    close(f, x[:, None], x)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "uint32", "uint64"])
def test_of_other_integers(dtype):
    info = np.iinfo(dtype)
    x = np.array([0, 1, 2, 100, info.max, info.max - 1, info.min, info.min + 1], dtype)
    close(lambda x: (x / 255.0, x * 0.5, x.astype(np.float32), x.astype(np.int64)), x)
    close(lambda x: (np.sum(x), np.max(x), np.min(x)), x)
    close(lambda x, y: (x + y, x * y, x - y, x < y, x == y, np.maximum(x, y), np.where(x > y, x, y)), x[:, None], x)
    close(lambda x: (np.roll(x, 1)[::-1], np.concatenate([x, x[:3]]), np.stack([x, x])), x)
    close(lambda x, i: x[i], x, np.arange(5).astype(dtype))


def test_powers_clips_and_scales():
    for n in (-3, -1, 0, 1, 2, 5):
        close(lambda x: x**n, A)
    close(lambda x: np.clip(x, -1.0, 2.0), A)
    close(lambda x: np.ldexp(x, np.arange(-5, 5)), A)
    close(np.signbit, A)
    for greatest, ties, loses in itertools.product((True, False), ("share", "first"), (True, False)):
        close(lambda a, b: share(a, b, greatest=greatest, ties=ties, loses=loses), A[:, None], B)


def test_arrays_that_stand_in_the_program():
    k = normal(5, 40)
    close(pb.grad(lambda x: np.sum(k * x * x)), normal(5, 40))
    close(lambda x: pb.fori_loop(0, 3, lambda i, x: index_add(x * k, k, 0, spec=(("slice", 0, 5, 1), ("all",))), x), k)
