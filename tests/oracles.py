"""What derivatives are checked against. Imports nothing of pullback.

Five independent sources of truth, from the most exact to the most general:

- `mp_derivative`: mpmath, to as many digits as it takes. One variable, elementwise.
- `complex_step`: full double precision. Analytic functions of real arrays.
- `assert_transposes`: full double precision. A linear map against its transpose.
- `directional`: about 12 digits. Smooth functions, real or complex arrays.
- `central_difference`: about 10 digits. The same, from two evaluations close to x.

Functions of several arrays take `x` and `v` as tuples and are called as
``f(*x)``; a single array needs no tuple. A function gives one array, or a tuple
or list of arrays, and so does the oracle (always a tuple).

References
----------
.. [1] W. Squire and G. Trapp, "Using complex variables to estimate derivatives
   of real functions", SIAM Review 40 (1998), 110-112.
.. [2] A. Griewank and A. Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008,
   section 1 (the size of the step) and section 3.2 (the dot-product identity).
.. [3] L. F. Richardson, "The approximate arithmetical solution by finite
   differences", Phil. Trans. A 210 (1911), 307-357.
"""

import math

import mpmath
import numpy as np


def complex_step(f, x, v, h=1e-30):
    """Derivative of an analytic `f` along `v`, to full precision, without subtraction.

    Parameters
    ----------
    f : callable
        Complex-analytic, in complex arithmetic too. Not for `abs`, comparisons,
        `conj` or anything else that is not.
    x, v : array, or tuple of arrays
        Real points and real directions. Single precision is raised to double.
    h : float
        So small that h² vanishes beside 1; there is no difference to cancel.

    Notes
    -----
    Im f(x + i h v) / h, with an error of O(h²) [1]_.
    """
    x, v = _tuple(x), _tuple(v)
    assert not any(np.iscomplexobj(a) for a in (*x, *v)), "complex_step is for real x and v"
    moved = [np.add(a, 1j * h * np.asarray(b, dtype=np.float64)) for a, b in zip(x, v, strict=True)]
    return _map(lambda y: np.imag(y) / h, f(*moved))


def central_difference(f, x, v, h=None):
    """(f(x + h v) - f(x - h v)) / 2h.

    Notes
    -----
    The truncation is h² |f'''| / 6 and the rounding eps |f| / h; h = eps^(1/3)
    balances them and leaves about eps^(2/3), relative to the scales of x and f [2]_.
    The step is a power of two, so that h v is exact. Complex `x` and `v` are
    moved along `v`: for a function that is not holomorphic this is the real
    derivative along that direction.
    """
    x, v = _tuple(x), _tuple(v)
    h = _step(x, v, 1 / 3) if h is None else h
    return _map(lambda above, below: (above - below) / (2 * h), f(*_moved(x, v, h)), f(*_moved(x, v, -h)))


def richardson(f, x, v, h=None):
    """Two central differences, extrapolated: (4 D(h/2) - D(h)) / 3.

    Notes
    -----
    The terms in h² cancel [3]_. What is left is O(h⁴) and O(eps / h): with
    h = eps^(1/5), about eps^(4/5) = 3e-13. The step is wider than that of
    `central_difference`, 7e-4 of the scale of x: mind kinks and the edge of the domain.
    """
    x, v = _tuple(x), _tuple(v)
    h = _step(x, v, 1 / 5) if h is None else h
    coarse = central_difference(f, x, v, h)
    fine = central_difference(f, x, v, h / 2)
    return _map(lambda a, b: (4 * b - a) / 3, coarse, fine)


def directional(f, x, v, h=None):
    """Derivative of `f` at `x` along `v`, J(x) v, by differences: `richardson`."""
    return richardson(f, x, v, h)


def jacobian_by_differences(f, x, h=None):
    """Jacobian of `f` at one real array `x`; shape ``f(x).shape + x.shape``.

    One `directional` an entry of `x`.
    """
    x = np.asarray(x)
    assert not np.iscomplexobj(x), "a complex Jacobian has two conventions: use `directional`"
    columns = [np.asarray(directional(f, x, e, h)) for e in _basis(x)]
    if not columns:
        return np.zeros(np.shape(f(x)) + x.shape)
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)


def hessian_by_differences(f, x, h=None):
    """Second derivatives of `f` at one real array `x`; shape ``f(x).shape + x.shape + x.shape``.

    Notes
    -----
    D(h) = (f(x + h a + h b) - f(x + h a - h b) - f(x - h a + h b) + f(x - h a - h b)) / 4h²
    for each pair of basis vectors a, b, extrapolated as in `richardson`. The
    error is O(h⁴) and O(eps / h²): with h = eps^(1/6), about eps^(2/3) = 4e-11.
    Differences of values only: a wrong gradient cannot hide in it.
    """
    x = np.asarray(x)
    assert not np.iscomplexobj(x), "for real x"
    basis = _basis(x)
    if not basis:
        return np.zeros(np.shape(f(x)) + x.shape + x.shape)
    h = _step((x,), (np.ones_like(x),), 1 / 6) if h is None else h

    def mixed(a, b, h):
        p, m = h * (a + b), h * (a - b)
        return (np.asarray(f(x + p)) - f(x + m) - f(x - m) + f(x - p)) / (4 * h * h)

    rows = [[(4 * mixed(a, b, h / 2) - mixed(a, b, h)) / 3 for b in basis] for a in basis]
    stacked = np.moveaxis(np.array(rows), (0, 1), (-2, -1))
    return stacked.reshape(stacked.shape[:-2] + x.shape + x.shape)


def mp_derivative(function, x, digits=50, n=1):
    """`n`-th derivative of a function of one number at each entry of `x`, by mpmath.

    Parameters
    ----------
    function : callable
        From mpf to mpf, in mpmath's functions: `mpmath.tanh`.
    x : array of floats
        Taken exactly.
    digits : int
        To begin with. They are doubled until two results agree to 30 digits, so that a
        derivative far below the function (tanh'(300) is 3e-260) comes out right.

    Returns
    -------
    ndarray of mpf, of the shape of `x`
        For `assert_ulp`. A derivative that vanishes with the step is exactly 0. The
        difference is central: at a kink, the mean of the two sides.
    """
    x = np.asarray(x)
    result = np.empty(x.shape, dtype=object)
    for place in np.ndindex(x.shape):
        result[place] = _mp_derivative_at(function, x[place], digits, n)
    return result


def _mp_derivative_at(function, point, digits, n, most=20_000):
    point = _exact(point)
    assert mpmath.isfinite(point), f"no differences at {point}"
    earlier = None
    while digits <= most:
        with mpmath.workdps(digits):
            value = mpmath.diff(function, point, n)
        # At fewer digits a 0 may mean that the function did not move in any of them.
        if digits >= 700 and abs(value) < mpmath.mpf(10) ** -400:
            return mpmath.mpf(0)
        if earlier is not None and value != 0 and abs(value - earlier) <= mpmath.mpf(10) ** -30 * abs(value):
            return value
        earlier, digits = value, 2 * digits
    raise ArithmeticError(f"the derivative at {point} has not settled within {most} digits")


def assert_ulp(actual, expected, ulps):
    """Each entry of `actual` is within `ulps` units in the last place of `expected`.

    Parameters
    ----------
    actual : array of float32, float64, complex64 or complex128
    expected : array or list of mpf, mpc or floats
        Taken exactly, and of the same shape.
    ulps : float
        In units of the spacing of ``actual.dtype`` at ``|expected|``. 0.5 is correctly
        rounded. A complex entry is held to the spacing at its modulus.

    Notes
    -----
    No absolute tolerance: a result that is tiny must be right relative to itself.
    NaN equals NaN; an infinity equals the same infinity, and what lies beyond the
    largest float of the type.
    """
    actual, expected = np.asarray(actual), np.asarray(expected, dtype=object)
    assert actual.dtype.kind in "fc", f"assert_ulp is for floats, not {actual.dtype}"
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    errors = [(_ulps_between(actual[i], expected[i]), i) for i in np.ndindex(actual.shape)]
    if errors:
        worst, i = max(errors)
        assert worst <= ulps, (
            f"{worst:.4g} ulp off, where {ulps} are allowed, at index {i}: {actual[i]!r}, "
            f"expected {mpmath.nstr(_exact(expected[i]), 20)} "
            f"({sum(e > ulps for e, _ in errors)} of {len(errors)} entries are off)"
        )


def _ulps_between(actual, expected):
    """Error in ulps, as a float; inf where one of them is NaN or infinite and the other is not."""
    real = actual.real.dtype
    a, b = _exact(actual), _exact(expected)
    if mpmath.isnan(a) or mpmath.isnan(b):
        return 0.0 if mpmath.isnan(a) and mpmath.isnan(b) else math.inf
    if a == b:
        return 0.0
    with np.errstate(over="ignore"):
        rounded = _round(b, actual.dtype)
    if not (np.isfinite(actual) and np.isfinite(rounded)):
        return 0.0 if actual == rounded else math.inf
    with mpmath.workdps(60):
        return float(abs(a - b) / _exact(np.spacing(real.type(abs(rounded)))))


def _exact(number):
    """As mpf or mpc, without rounding. (mpmath would round float32's `repr`, or refuse it.)"""
    if isinstance(number, mpmath.mpf | mpmath.mpc):
        return number
    if isinstance(number, complex | np.complexfloating):
        return mpmath.mpc(float(number.real), float(number.imag))
    return mpmath.mpf(int(number) if isinstance(number, int | np.integer) else float(number))


def _round(number, dtype):
    """To the nearest number of `dtype`; to infinity beyond the largest."""
    if dtype.kind == "c":
        return dtype.type(complex(number))
    return dtype.type(float(number.real))


def assert_transposes(f, f_t, v, u, rtol=1e-13, conjugate=False):
    """<u, f(v)> == <f_t(u), v>, relative to the norms and not to the product.

    Parameters
    ----------
    f : callable
        Linear over the reals: ``f(*v)``, one array or a tuple of arrays.
    f_t : callable
        ``f_t(u)``, one array for each of `v`; None is a structural zero.
    v : array, or tuple of arrays
    u : array, or tuple of arrays
        Of the shapes of f's results; `f_t` gets it as it is.
    rtol : float
        For double precision. The products of n terms err by n eps of the norms
        (Higham, "Accuracy and Stability", 2002, section 3.1).
    conjugate : bool
        What a transpose of complex maps is. False, as in JAX: <a, b> = Re Σ a b, where
        the transpose of z -> c z is u -> c u. True, the adjoint: <a, b> = Re Σ conj(a) b,
        where it is u -> conj(c) u.

    Notes
    -----
    The product <u, f(v)> may be small by accident; |u| |f(v)| may not. As that
    too is small where f itself cancels, the scale is the larger of |u| |f(v)| and
    |f_t(u)| |v|. The real part alone is enough: as a bilinear form over the reals it
    determines f_t, and the identity then holds also for maps that are linear over the
    reals only (real, imag, conj).
    """
    v = _tuple(v)
    fv, cotangents = _results(f(*v)), _results(u)
    for k, (a, b) in enumerate(zip(fv, cotangents, strict=True)):
        assert np.shape(a) == np.shape(b), f"result {k}: shape {np.shape(a)}, and u has {np.shape(b)}"
    pulled = _results(f_t(u))
    assert len(pulled) == len(v), f"{len(pulled)} cotangents for {len(v)} operands"
    for k, (p, a) in enumerate(zip(pulled, v, strict=True)):
        assert p is None or np.shape(p) == np.shape(a), f"cotangent {k}: {np.shape(p)} for an operand {np.shape(a)}"
    forward = _product(cotangents, fv, conjugate)
    reverse = _product(pulled, v, conjugate)
    scale = max(_norm(cotangents) * _norm(fv), _norm(pulled) * _norm(v))
    assert abs(forward - reverse) <= rtol * scale, (
        f"<u, f(v)> = {forward!r}, <f_t(u), v> = {reverse!r}: they differ by {abs(forward - reverse):.3g}, "
        f"and {rtol:.1g} of {scale:.3g} is allowed"
    )


def _product(a, b, conjugate):
    pairs = [(p, q) for p, q in zip(a, b, strict=True) if p is not None]
    return float(sum(np.sum((np.conj(p) if conjugate else _wide(p)) * _wide(q)).real for p, q in pairs))


def _norm(arrays):
    return math.sqrt(sum(float(np.sum(np.abs(_wide(a)) ** 2)) for a in arrays if a is not None))


def _wide(a):
    return np.asarray(a, dtype=np.complex128 if np.iscomplexobj(a) else np.float64)


def _tuple(x):
    return x if isinstance(x, tuple) else (x,)


def _results(y):
    return tuple(y) if isinstance(y, tuple | list) else (y,)


def _map(function, *results):
    """`function` over results that are arrays, or over each of tuples of arrays."""
    if isinstance(results[0], tuple | list):
        return tuple(function(*map(np.asarray, parts)) for parts in zip(*results, strict=True))
    return function(*map(np.asarray, results))


def _moved(x, v, h):
    return [np.asarray(a) + h * np.asarray(b) for a, b in zip(x, v, strict=True)]


def _step(x, v, power):
    """eps^power times the scale of x, over that of v, rounded to a power of two."""
    eps = max(np.finfo(np.result_type(a, np.float32)).eps for a in map(np.asarray, x))
    largest_x = max((np.max(np.abs(a)) for a in x if np.size(a)), default=0.0)
    largest_v = max((np.max(np.abs(a)) for a in v if np.size(a)), default=0.0)
    scale = max(1.0, float(largest_x)) / (float(largest_v) or 1.0)
    return 2.0 ** round(math.log2(float(eps) ** power * scale))


def _basis(x):
    """The unit arrays of the shape of x, in the order of its entries."""
    return list(np.eye(x.size, dtype=np.result_type(x, np.float32)).reshape(x.size, *x.shape))
