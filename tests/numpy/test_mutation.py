"""Mutation as in NumPy: the same code on plain arrays is the oracle of values, differences that of derivatives."""

import numpy as np
import pytest
import scipy.special

import pullback as pb
import pullback.numpy as pnp
from pullback.core import errors
from pullback.numpy.buffers import Buffer
from tests.numpy.checks import HOW_GRADS, everywhere

A = np.arange(12.0).reshape(3, 4) / 7 + 0.3
V = np.array([0.7, 1.9, 1.1, 0.4, 2.3])
W = np.array([2.0, -1.0, 0.5])


def items(x):
    y = x * 1.0
    y[0, 0] = 2 * x[1, 1]
    y[1] = x[0] * x[2]
    y[:, 2] += x[:, 1]
    y[::-2, 1:3] = y[:2, :2]
    y[2, ...] = 5.0
    y[1, [0, 2]] = x[0, 1], 3.0
    y[[0, 0], 3] = x[2, :2]  # the last one counts
    y[None, 0] = x[None, None, 1]  # leading axes of size 1 are dropped
    y[0] = True
    y[-1, 1:] = [x[0, 0], 1.0, x[0, 1]]
    return (y,)


def operators(x):
    y = x * 1.0
    z = y
    y += x
    y *= x[0]
    y -= 1
    y /= 2.0
    y **= 2
    y %= 3.1
    y @= np.eye(4)
    y //= 0.01
    return y, z, z is y


def masks(x):
    y = x * 1.0
    y[y > 1] = 0.25
    y[y > 0.5] += x[0, 0]
    y[y < 0.6] *= 2.0
    m = x > 0.9
    y[m] = np.sqrt(y[m]) / 3 + 2 * y[m]
    y[x[:, 0] > 1] -= x[1, 1]
    y[x[:, 0] < 1] = x[2]
    return (y,)


def functions(x):
    y, z = x * 1.0, x * 2.0
    np.copyto(y, x[0])
    np.copyto(y, z, where=x > 1)
    np.put(y, [0, 5, -1], [x[0, 0], 9.0])
    np.put(z, [13, -20], x[1], mode="wrap")
    np.place(z, x < 1, [x[2, 2], x[0, 3]])
    np.putmask(y, x < 0.7, x[0])
    np.fill_diagonal(z, x[1, 0])
    np.fill_diagonal(y.T, x[0, :2], wrap=True)
    np.put_along_axis(z, np.array([[1], [0], [3]]), x[:, :1], axis=1)
    return y, z


def ufunc_at(x):
    y = x * 1.0
    np.add.at(y, (np.array([0, 0, 1]), np.array([1, 1, 2])), x[2, :3])
    np.subtract.at(y[1], [3, 3], x[0, 0])
    np.multiply.at(y, ([0, 0, 0], [0, 0, 1]), x[1, :3])
    np.maximum.at(y[2], [0, 1, 0], 0.9)
    np.negative.at(y, (0, [1, 1]))
    np.add.at(y, slice(1, None), x[0])
    return (y,)


def methods(x):
    y, z, w = x * 1.0, np.sin(5 * x), np.cos(9 * x)
    y[1].fill(x[0, 0])
    z.sort()
    z.sort(axis=0)
    w[0].sort()
    w.partition(1, axis=0)
    y.put([0, 1], x[2, :2])
    y.flat[3] = x[0, 0]
    y.flat[[4, 5]] = x[1, 1], 1.0
    y.flat[8:] = x[0, :2]
    z.real = x
    z.T[0] = 1.0
    return y, z, w[1]


def outs(x):
    y, r, m = x * 1.0, x[0] * 1.0, x[:3, :3] * 1.0
    np.sin(x, out=y)
    np.add(y, x[0], y[::-1])
    np.multiply(x, 2.0, out=y, where=x > 1)
    np.sum(x, axis=0, out=r)
    np.cumsum(y, 1, None, y)
    x.mean(axis=0, out=r[...])
    np.matmul(m, m, out=m)
    np.clip(m, 1.0, 2.0, out=m.T)
    np.add.reduce(x, out=r)
    np.divmod(y, 0.7, out=(y, np.empty_like(y)))
    return y, r, m


def scalars(x):
    total, kept = 0.0, []
    for i in range(3):
        total += x[0, i]
        kept.append(total)
    return total, *kept


CASES = [items, operators, masks, functions, ufunc_at, methods, outs, scalars]


@pytest.mark.parametrize("f", CASES)
def test_it_is_numpys(f):
    everywhere(lambda x: [y for y in f(x) if y is not True], A)


def test_whatever_is_made_inside_takes_tracers():
    def f(x):
        made = [
            np.zeros(5), np.ones(5), np.empty(5), np.full(5, 2.0), np.zeros_like(x), np.ones_like(V), np.copy(V),
            np.array([1.0] * 5), np.arange(5.0), np.linspace(0, 1, 5), np.eye(5)[1], pnp.zeros(5), pnp.array(V),
            np.zeros(5) + 1.0, np.where(V > 1, V, 0.0) * np.ones(5), np.maximum(np.zeros(5), 1.0),
            np.cumsum(np.ones(5)),
        ]  # fmt: skip
        for y in made:
            y[:] = 0.5
            y[1] = x[0] * x[1]
            y[3:] += x[3:]
        return made

    everywhere(f, V, hows=("grad", "grad of jit", "vmap of grad"))


def recurrence(x):
    out = np.zeros(6)
    view, back = out[1:], out[::-1]
    out[0] = x[0]
    for i in range(5):
        view[i] = out[i] * x[i] + 0.1 * back[i]
    table = np.empty((2, 3))
    table.T[:] = out.reshape(2, 3).T * 2
    table[0] += view[:3]
    return out, table, back.copy(), np.sum(view**2), out.mean(), len(out) * out.max()


def test_buffers_are_arrays_with_numpys_views():
    everywhere(recurrence, V)


def views_of_buffers(x):
    """Functions that make views of a buffer, before it holds a Tracer and after."""

    def views(y):
        return [
            np.flip(y), np.swapaxes(y, 0, 1), np.split(y, 2)[1], np.rot90(y), y[::-1, 1], np.diagonal(y), y.reshape(-1),
            np.asarray(y), np.expand_dims(y, 0), np.broadcast_to(y, (2, 4, 3)), np.ravel(y), y.T[1:], *list(y),
        ]  # fmt: skip

    y = np.zeros((4, 3))
    before = views(y)
    before[0][0, 0] = 1.0
    before[2][0] = x[:3]
    after = views(y)
    before[4][1] *= x[3]
    after[1][2] = x[4]
    return y, *before, *after


def test_views_of_buffers_are_views_of_what_they_hold():
    everywhere(views_of_buffers, V, hows=("grad", "grad of jit"))


def test_ways_to_write_to_a_buffer_of_numbers():
    def f(x):
        ys = [np.zeros(5) for _ in range(8)]
        ys[0].fill(x[0])
        ys[1].put([1, 2], x[1:3])
        ys[2].flat[1:] = x[:2]
        ys[3].flat = x[4]
        np.copyto(ys[4], x)
        np.add.at(ys[5], [1, 1], x[1])
        np.sin(x, out=ys[6])
        ys[7][np.array([True, False, True, False, False])] = x[:2]
        return [*ys, ys[0].dot(x)]

    everywhere(f, V, hows=("grad", "grad of jit"))


def test_a_buffer_of_numbers_is_an_array_for_everybody():
    def f(x):
        y = np.zeros(4)
        view = y[1:3]
        y[0], view[1] = 1.5, 2.5
        y += 1
        assert isinstance(y, np.ndarray)
        assert type(y + 1) is Buffer
        seen.append(np.linalg.norm(y).item())
        seen.append(scipy.special.expit(y)[0])
        seen.append(memoryview(y)[3])
        seen.append(float(y[0]))
        seen.append(np.asarray(y, dtype=np.float32).tolist())
        seen.append(type(np.sort(y).sum()))
        return (x * y).sum()

    seen: list = []
    np.testing.assert_array_equal(pb.grad(f)(np.ones(4)), [2.5, 1.0, 3.5, 1.0])
    assert seen[2] == 1.0
    assert seen[3] == 2.5
    assert seen[4] == [2.5, 1.0, 3.5, 1.0]


def test_a_buffer_comes_out_as_a_plain_array():
    def f(x):
        y, z = np.zeros(3), np.ones(2)
        y[0] = x
        return {"held": y, "numbers": z, "view": y[:2]}

    for how in (lambda f: lambda x: pb.vjp(f, x)[0], pb.jit, lambda f: lambda x: pb.jvp(f, (x,), (1.0,))[0]):
        got = how(f)(2.0)
        assert {type(y) for y in got.values()} == {np.ndarray}
        np.testing.assert_array_equal(got["held"], [2.0, 0.0, 0.0])
        np.testing.assert_array_equal(got["view"], [2.0, 0.0])


def test_the_memory_under_a_held_buffer_is_not_taken_for_numbers():
    def f(x):
        y, k = np.zeros(3), np.zeros(3, int)
        early = np.asarray(y).view(np.ndarray)
        y[0] = x
        raw.append(early)
        k[0] = 3
        return y.sum()

    raw: list = []
    pb.grad(f)(1.0)
    assert np.isnan(raw[0]).all()


def test_integer_buffers_take_what_is_converted_to_integers():
    def f(x):
        k = np.zeros(3, int)
        k[0] = x[0]
        k[1:] = x[1:]
        assert k.dtype == int
        return k * x

    everywhere(f, np.array([1.25, 2.5, 3.75]), hows=("grad", "grad of jit", "vmap of grad"))


def test_a_batched_value_makes_the_buffer_batched():
    def f(x, w):
        out = np.zeros(3)
        out[1] = w.sum()
        assert out[1] is not None
        out[0] = x
        return out

    np.testing.assert_array_equal(pb.vmap(f, in_axes=(0, None))(np.array([1.0, 2.0]), W), [[1, 1.5, 0], [2, 1.5, 0]])


def test_traced_indices_write_and_read():
    def f(x):
        def turn(i, carry):
            y, z = carry
            y[i] = y[i - 1] * x[i]
            z[i, 1:] += y[i]
            row = z[i]
            row[0] = x[i]
            return y, z

        y, z = pb.fori_loop(1, 5, turn, (x * 1.0, np.zeros((5, 3))))
        return y, z

    def plain(x):
        y, z = x.copy(), np.zeros((5, 3))
        for i in range(1, 5):
            y[i] = y[i - 1] * x[i]
            z[i, 1:] += y[i]
            z[i, 0] = x[i]
        return y, z

    for ours, theirs in zip(pb.jit(f)(V), plain(V), strict=True):
        np.testing.assert_allclose(ours, theirs)
    loss = lambda f: lambda x: sum(np.sum(np.sin(y)) for y in f(x))  # noqa: E731
    want = [(loss(plain)(V + e) - loss(plain)(V - e)) / 2e-6 for e in 1e-6 * np.eye(5)]
    for how in ("grad", "grad of jit", "jit of grad", "vmap of grad", "jacfwd"):
        np.testing.assert_allclose(HOW_GRADS[how](loss(f))(V), want, rtol=1e-6, atol=1e-8)


def test_bodies_change_their_own_carry_and_not_the_callers():
    def f(x):
        y = x * 1.0

        def turn(c, a):
            c *= a
            c[0] = 1.0
            return c, c.copy()

        last, all_ = pb.scan(turn, y, x)
        picked = pb.cond(x[0] > 0, lambda z: z.__imul__(2.0), lambda z: z, y)
        return y, last, all_, picked

    y, last, all_, picked = pb.jit(f)(V)
    np.testing.assert_array_equal(y, V)
    np.testing.assert_array_equal(picked, 2 * V)
    np.testing.assert_array_equal(last, all_[-1])
    assert last[0] == 1.0


@pytest.mark.parametrize("how", ["jit", "fori_loop", "cond", "checkpoint", "scan"])
def test_a_body_does_not_write_to_what_is_outside_of_it(how):
    hows = {
        "jit": lambda f, y: pb.jit(lambda z: f())(y),
        "fori_loop": lambda f, y: pb.fori_loop(0, 2, lambda i, c: f() + c, 0.0),
        "cond": lambda f, y: pb.cond(y[0] > 0, lambda z: f(), lambda z: 0.0, y),
        "checkpoint": lambda f, y: pb.checkpoint(lambda z: f())(y),
        "scan": lambda f, y: pb.scan(lambda c, a: (f() + c, a), 0.0, y)[0],
    }

    def write_to(make, write):
        def f(x):
            y = make(x)

            def body():
                write(y, x)
                return 1.0

            return hows[how](body, x) + y.sum()

        return f

    for make in (lambda x: x * 1.0, lambda x: (x * 1.0)[1:], lambda x: x):
        for write in (lambda y, x: y.__setitem__(0, 1.0), lambda y, x: y.__iadd__(1.0), lambda y, x: y.sort()):
            with pytest.raises(errors.MutationError, match="made outside of a body") as caught:
                pb.grad(write_to(make, write))(V)
            assert "return it" in caught.value.fix
    with pytest.raises(errors.MutationError, match="made outside of a body"):
        pb.grad(write_to(lambda x: np.zeros(3), lambda y, x: y.__setitem__(0, x[0])))(V)


def test_an_inner_value_written_into_an_outer_array_does_not_leave_its_trace():
    def f(x):
        y = x * 1.0

        def inner(z):
            y[0] = z[0]
            return z.sum()

        g = pb.grad(inner)(x)
        return g.sum() + y.sum()

    with pytest.raises(errors.LeakedTracer, match=r"y\[0\] = z\[0\]"):
        pb.grad(f)(V)


def test_an_outer_value_may_be_written_inside_another_transformation():
    def f(x):
        y = x * 1.0

        def inner(z):
            product = z * y
            y[0] = 7.0 * x[1]
            return product.sum() + y.sum()

        return pb.grad(inner)(x * 2.0).sum() + y.sum()

    # the gradient of inner is y as it was when the product was made
    np.testing.assert_allclose(pb.grad(f)(V), [1.0, 1 + 1 + 7.0, 2.0, 2.0, 2.0])
    np.testing.assert_allclose(pb.jit(pb.grad(f))(V), pb.grad(f)(V))


def test_what_a_pullback_keeps_is_not_reached():
    def f(x):
        y, pull = pb.vjp(np.exp, x)
        y[0] = 0.0
        x2 = x * 1.0
        value, pull2 = pb.vjp(lambda z: z * x2, x)
        x2[1] = 100.0
        value[:] = 0.0
        return pull(np.ones(5))[0].sum() + pull2(np.ones(5))[0].sum()

    np.testing.assert_allclose(pb.grad(f)(V), np.exp(V) + 1)


def test_second_derivatives_go_through_writes():
    def f(x):
        y = np.zeros(6)
        y[:5] = x
        y[5] = x[0] * x[1]
        y[1:] *= y[:-1]
        y.sort()
        return np.sum(np.sin(y)) + y[2] * y[3]

    hessian = pb.hessian(f)(V)
    step = 1e-5
    want = [(pb.grad(f)(V + e) - pb.grad(f)(V - e)) / (2 * step) for e in step * np.eye(5)]
    np.testing.assert_allclose(hessian, want, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(pb.jit(pb.hessian(f))(V), hessian)


def test_errors_are_numpys():
    def of(write):
        return pb.grad(lambda x: (y := x * 1.0, write(y, x))[0].sum())

    for write, kind, match in (
        (lambda y, x: y.__iadd__(np.ones((2, 5))), ValueError, "non-broadcastable output operand with shape"),
        (lambda y, x: y.__setitem__(7, 1.0), IndexError, "out of bounds"),
        (lambda y, x: y.__setitem__(slice(2), [1.0, 2.0, 3.0]), ValueError, "could not be broadcast"),
        (lambda y, x: np.copyto(y, 1j * x), TypeError, "Cannot cast"),
        (lambda y, x: np.add(y, 1j, out=y), TypeError, "Cannot cast"),
        (lambda y, x: np.sum(y, out=y), ValueError, "non-broadcastable"),
        (lambda y, x: np.put(y, [9], 1.0), IndexError, "out of bounds"),
        (lambda y, x: setattr(y, "imag", 1.0), TypeError, "imaginary part"),
        (lambda y, x: y.fill([1.0, 2.0]), ValueError, "sequence"),
        (lambda y, x: np.fill_diagonal(y, 1.0), ValueError, "at least 2-d"),
    ):
        with pytest.raises(kind, match=match):
            of(write)(V)
    y = np.arange(3)
    with pytest.raises(TypeError, match="Cannot cast ufunc"):
        pb.trace(lambda k: k.__itruediv__(2))(y)


def test_a_mask_without_values_is_for_elementwise_work():
    def f(x):
        chosen = x[x > 1]
        return chosen.sum()

    with pytest.raises(errors.NoValue, match="a mask chooses"):
        pb.jit(f)(V)
    with pytest.raises(errors.NoValue, match="a mask chooses"):
        pb.jit(lambda x: x.__setitem__(x > 1, x[x > 2]))(V)
    with pytest.raises(errors.NoValue, match="a mask chooses"):
        pb.jit(lambda x: x[x > 1] + x)(V)


def test_the_derivative_outside_of_a_mask_without_values_is_not_touched():
    def f(x):
        y = x * 1.0
        m = x > 1
        y[m] = np.sqrt(y[m] - 1)  # not a number elsewhere
        return y.sum()

    np.testing.assert_allclose(pb.jit(pb.grad(f))(V), pb.grad(f)(V))
    assert np.isfinite(pb.jit(pb.grad(f))(V)).all()


def test_a_mask_that_is_written_twice_is_one_mask():
    def f(x):
        y = x * 2.0
        y[y > 1.5] = 1.0 / y[y > 1.5]
        y[(y > 0.5) & (np.abs(x - 1) < 0.8)] *= np.sqrt(y[(y > 0.5) & (np.abs(x - 1) < 0.8)])
        return (y,)

    everywhere(f, V)

    def changed_between(x):
        y = x * 2.0
        chosen = y[y > 1.5]
        y += 1.0
        y[y > 1.5] = chosen
        return y

    with pytest.raises(errors.NoValue, match="a mask chooses"):
        pb.jit(changed_between)(V)


def test_out_of_a_method_or_function_of_what_holds_tracers_is_a_buffer_too():
    def f(x):
        a, b, c = np.zeros((2, 5)), np.empty(5), np.empty(2)
        a[0], a[1] = x, x**2
        a.sum(axis=0, out=b)
        np.cumsum(b, out=b)
        np.max(a, axis=1, out=c)
        return b, c

    everywhere(f, V)


def test_parts_of_a_complex_buffer_are_set():
    def f(x):
        z = np.zeros(5, complex)
        z.real = x
        z.imag[::2] = x[::2] ** 2
        w = np.ones(5, complex)
        w.imag = x * 2
        u = np.ones(5, complex)
        u.imag = 3.0  # numbers only
        return (z * w * u).real, (z * w * u).imag

    everywhere(f, V)


def test_what_numpy_does_not_cast_is_its_own_error():
    def f(x):
        y = np.zeros(5, int)
        y += x
        return np.sum(y * x)

    for transformed in (f, pb.grad(f), pb.jit(f)):
        with pytest.raises(TypeError, match="Cannot cast ufunc 'add' output"):
            transformed(V)
