"""Views of Tracers: what is written to one is seen by all that share its elements, and by nothing else."""

import gc
import weakref

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import LeakedTracer, MutationError
from pullback.core.views import is_stale, root_of
from tests.numpy.checks import everywhere

A = np.arange(12.0).reshape(3, 4) / 7 + 0.3
Z = A + 1j * A[::-1]


def sliced(x):
    y = x * 1.0
    v = y[1:, ::2]
    y[2, 2] = x[0, 0]
    v[0] *= 3.0
    return y, v


def of_a_view(x):
    y = x * 1.0
    v = y[1:][:, 1:]
    w = v[0]
    w[...] = x[2, 1:] ** 2
    y[1, 1] += 5 * x[0, 0]
    return y, v, w


def written_whole_when_stale(x):
    y = x * 1.0
    v, w = y[1:], y[::-1]
    y += x
    np.copyto(v, x[:2] ** 2)
    y *= 2.0
    np.sin(x, out=w)
    y[0] = x[1]
    v.fill(x[0, 0])
    y += 3.0
    return y, v, w


def overlapping(x):
    y = (x * 1.0).ravel()
    a, b = y[:-1], y[1:]
    a += b
    b[:] = a
    return y, a, b


def backwards(x):
    y = x * 1.0
    v = y[::-1, ::-2]
    v[0] = x[0, :2] * 2
    return y, v, np.flip(y, 1), y[-1:0:-1]


def transposed(x):
    y = x * 1.0
    t, s, m = y.T, np.swapaxes(y, 0, 1)[1:], np.moveaxis(y, 0, -1)
    t[0] = x[:, 1] * x[:, 2]
    s[0, 0] *= 4
    return y, t, s, m


def reshaped(x):
    y = x * 1.0
    r, f = y.reshape(2, 6), y.ravel()
    f[::5] = x[0, 0]
    r[1] += r[0]
    return y, r, f, y.flatten()


def reshape_that_copies(x):
    y = x * 1.0
    t = y.T
    c = t.reshape(-1)
    c[0] = 100 * x[0, 0]
    y[1, 1] = x[2, 2]
    return y, t, c


def reshape_of_slices(x):
    y = x * 1.0
    kept = y[1:].reshape(-1)
    copied = y[:, 1:].reshape(-1)
    kept[0], copied[0] = x[0, 0], x[0, 1]
    return y, kept, copied


def axes_of_one(x):
    y = x * 1.0
    e, s, n = np.expand_dims(y, 1), y[:1].squeeze(), y.T[:, None]
    e[0, 0] = x[1]
    s[1] += x[2, 2]
    n[3] *= 2.0
    return y, e, s, n, np.atleast_3d(y)


def split_up(x):
    y = x * 1.0
    left, right = np.split(y, 2, axis=1)
    left *= right
    first, *_ = np.unstack(y) if hasattr(np, "unstack") else list(y)
    first -= 1.0
    return y, left, right, first


def rows(x):
    y = x * 1.0
    for k, row in enumerate(y):
        row *= k + x[0, 0]
    for row in y.T:
        row[1:] = row[:-1]
    return (y,)


def rotated(x):
    y = x * 1.0
    turned = [np.rot90(y, k) for k in range(4)]
    turned[1][0] *= 2
    turned[3][-1, -1] = x[1, 1]
    return y, *turned


def read_only(x):
    y = x * 1.0
    d, b = y.diagonal(), np.broadcast_to(y[0], (2, 4))
    y[0] = x[1]
    y[1, 1] = 7.0
    return y, d, b


def diagonal_through_ravel(x):
    y = x[:, :3] * x[:, 1:]
    y.ravel()[::4] += x[0, :3]
    y.flat[1:3] = x[1, 1]
    return (y,)


def swapped(x):
    y = x * 1.0
    y[:, 0], y[:, 1] = y[:, 1], y[:, 0].copy()
    y[0], y[1] = y[1], y[0]  # aliases: row 0 is lost, as in NumPy
    return (y,)


def copies(x):
    y = x * 1.0
    c = [
        y.copy(),
        +y,
        y[[0, 1]],
        np.where(y > 1, y, 0.0),
        y.astype(float),
        y.flatten(),
        np.array(y),
        np.positive(y),
        np.concatenate([y]),
    ]
    kept = np.asarray(y), y.astype(float, copy=False), y[...], y.view(), y.real
    y[:] = x[0, 0]
    return *c, *kept


def parts_of_complex(z):
    y = z * 1.0
    re, im = y.real, y.imag
    re[0] = 2 * im[1]
    y[1] *= 1j
    y.imag = re
    return y, re, im


def through_a_copy(x):
    y = np.exp(x.T).copy()  # which is in C order, whatever its origin
    y.ravel()[::5] = x[0, 0]
    return (y,)


CASES = [
    sliced, of_a_view, written_whole_when_stale, overlapping, backwards, transposed, reshaped, reshape_that_copies,
    reshape_of_slices,
    axes_of_one,
    split_up, rows, rotated, read_only, diagonal_through_ravel, swapped, copies, through_a_copy,
]  # fmt: skip


@pytest.mark.parametrize("f", CASES)
def test_views_are_numpys(f):
    everywhere(f, A)


def test_real_and_imaginary_parts_are_views():
    for how in (lambda f: f, pb.jit):
        for ours, theirs in zip(how(parts_of_complex)(Z), parts_of_complex(Z), strict=True):
            np.testing.assert_allclose(ours, theirs)
    everywhere(lambda x: [part(y) for y in parts_of_complex(x * (1 + 2j)) for part in (np.real, np.imag)], A)


def test_what_numpy_gives_out_read_only_is_not_written_to():
    for f in (lambda y: np.diagonal(y), lambda y: np.broadcast_to(y, (2, 3, 4)), lambda y: np.diag(y)):
        with pytest.raises(ValueError, match="assignment destination is read-only"):
            pb.grad(lambda x, f=f: f(x * 1.0).__setitem__(0, 1.0))(A)


def test_a_reshape_of_an_array_in_unknown_order_says_so():
    def f(x):
        y = np.exp(x.T)
        z = y.ravel()
        z[0] = 1.0
        return y.sum() + z.sum()

    def alone(x):
        z = np.exp(x.T).ravel()
        z[0] = 1.0
        return z.sum()

    for how in (pb.grad, pb.trace):
        with pytest.raises(MutationError, match="may or may not reach another array"):
            how(f)(A)
    np.testing.assert_allclose(pb.grad(alone)(A), np.where(np.arange(12).reshape(3, 4) == 0, 0.0, np.exp(A)))


def test_a_result_is_no_view_of_an_argument():
    def f(x):
        y = x * 1.0
        made = [np.roll(y, 0), np.tile(y, 1), np.repeat(y, 1, 0), np.pad(y, 0), np.round(y.imag) + y, np.clip(y, -9, 9)]
        y[:] = 0.0
        return sum(np.sum(z) for z in made)

    assert pb.value_and_grad(f)(A)[0] == pytest.approx(f(A))


def test_only_what_is_read_is_read_again():
    """An operation on a Tracer that is no view looks at nothing; a view is stale until somebody asks."""

    def f(x):
        y = x * 1.0
        v = y[1:]
        assert not is_stale(v)
        y[0] = 2.0
        assert is_stale(v)
        assert v.shape == (2, 4)
        assert is_stale(v)
        v.sum()
        assert not is_stale(v)
        assert root_of(v) is y
        return y.sum()

    pb.grad(f)(A)
    program = pb.trace(lambda x: (y := x * 1.0, y[1:], y.__setitem__(0, 2.0))[0])(A)
    assert [eq.primitive.name for eq in program.equations] == ["mul", "index_get", "index_set"]


def test_a_view_in_a_body_is_read_again_outside_of_it():
    def f(x):
        y = x * 1.0
        v = y[0]
        y[0] = x[1]
        inside = pb.fori_loop(0, 3, lambda i, c: c + v * x[2], np.zeros(4))
        return inside.sum() + (v * v).sum()

    def plain(x):
        return 3 * (x[1] * x[2]).sum() + (x[1] * x[1]).sum()

    np.testing.assert_allclose(pb.grad(f)(A), pb.grad(plain)(A))
    np.testing.assert_allclose(pb.jit(pb.grad(f))(A), pb.grad(plain)(A))


def test_a_long_chain_of_views_is_read_without_recursion():
    def f(x):
        first = y = x * 1.0
        for _ in range(3000):
            y = y[::-1]
        first[0] = 5.0 * x[1]
        return y[0] * x[2]

    np.testing.assert_array_equal(pb.grad(f)(np.array([1.0, 2.0, 3.0])), [0.0, 15.0, 10.0])


def test_views_hold_their_base_and_not_the_other_way_round():
    gone = []

    def f(x):
        y = x * 1.0
        v = y[1:]
        gone.append(weakref.ref(v))
        del v
        assert gone[0]() is None
        views = [y[i:] for i in range(3)]
        y[:] = x
        gone.extend(map(weakref.ref, [y, *views]))
        return y.sum() + views[2].sum()

    gc.disable()
    try:
        pb.grad(f)(A)
        assert all(r() is None for r in gone)
    finally:
        gc.enable()


def test_a_dead_view_is_not_remembered():
    def f(x):
        y = x * 1.0
        for _ in range(5000):
            y[1:]
        assert len(y.alias.children) < 100
        return y.sum()

    pb.grad(f)(A)


def test_a_view_outlives_no_trace():
    kept = []

    def f(x):
        y = x * 1.0
        v = y[1:]
        y[0] = 1.0
        kept.append(v)
        return y.sum()

    pb.grad(f)(A)
    with pytest.raises(LeakedTracer):
        np.sum(kept[0])


def test_writing_does_not_change_how_an_array_lies():
    """NumPy's exp(x.T) is in Fortran order, before a write and after: a ravel is a copy, which is not known here."""

    def f(x, write):
        y = np.exp(x.T)
        write(y)
        z = (y * 2.0 if write.__name__ == "first" else y).ravel()
        z[0] = 5.0
        return y.sum() + z.sum()

    def first(y):
        y[0] = 1.0

    def all_of_it(y):
        y *= np.ones((4, 3))

    for how in (pb.grad, lambda f: pb.trace(f)):
        for write in (all_of_it,):
            with pytest.raises(MutationError, match="may or may not reach"):
                how(lambda x, write=write: f(x, write))(A)
    assert pb.value_and_grad(lambda x: f(x, first))(A)[0] == pytest.approx(f(A, first))
