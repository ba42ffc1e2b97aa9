"""Ufuncs, their methods, and other functions of single elements."""

import numpy as np

from tests.numpy.surface import UNIT, X, Z, table

INTEGERS = np.array([[6, -4, 9], [1, 15, 2]])
INFINITE = np.array([np.nan, np.inf, -np.inf, 1.5])


def of_ufuncs(names):
    """Each of the ufuncs that this NumPy has, by name."""
    return {name: getattr(np, name) for name in names.split() if hasattr(np, name)}


def with_row(names):
    """Each binary ufunc of an array and its first row."""
    return {name: lambda x, f=f: f(x, x[0]) for name, f in of_ufuncs(names).items()}


CASES = [
    *table(of_ufuncs("exp exp2 expm1 sin cos tan arctan atan sinh cosh tanh arcsinh asinh cbrt square negative "
                     "positive fabs abs absolute sign conj conjugate reciprocal modf radians deg2rad degrees rad2deg "
                     "frexp"), X),
    *table(of_ufuncs("log log2 log10 sqrt"), np.abs(X)),
    *table(of_ufuncs("log1p arcsin asin arccos acos arctanh atanh"), UNIT),
    *table(of_ufuncs("arccosh acosh"), np.abs(X) + 1.0),
    *table(of_ufuncs("exp sin sqrt log square absolute conj"), Z),
    *table(with_row("add subtract multiply divide true_divide logaddexp logaddexp2 arctan2 atan2 hypot maximum "
                    "minimum fmax fmin copysign heaviside"), X),
    *table({"power": [lambda x: np.power(np.abs(x), x[0]), lambda x: np.power(x, 3), lambda x: np.power(x, -2.0)],
            "pow": lambda x: np.pow(np.abs(x), x[0]), "float_power": lambda x: np.float_power(np.abs(x), x[0]),
            "remainder": lambda x: np.remainder(x, 0.71), "mod": lambda x: np.mod(x, x[0] + 9.0),
            "fmod": lambda x: np.fmod(x, 0.71), "divmod": lambda x: np.divmod(x, 0.71),
            "ldexp": lambda x: np.ldexp(x, [1, 2, 0, -3])}, X),
    *table({"ufunc.reduce": [lambda x: np.add.reduce(x, axis=1, where=X > 0, initial=2.0),
                             lambda x: np.multiply.reduce(x, axis=None, keepdims=True),
                             lambda x: np.maximum.reduce(x, axis=0, where=X > 0, initial=-9.0),
                             lambda x: np.logaddexp.reduce(x, axis=(0, 1), where=X > 0),
                             lambda x: np.hypot.reduce(x, axis=0, where=X > 0, initial=1.0),
                             lambda x: np.fmax.reduce(x, axis=1, where=X > 0, initial=0.5),
                             lambda x: np.subtract.reduce(x, axis=1)],
            "ufunc.accumulate": [lambda x: np.add.accumulate(x, axis=1), lambda x: np.maximum.accumulate(x),
                                 lambda x: np.logaddexp.accumulate(x, axis=1)],
            "ufunc.reduceat": [lambda x: np.add.reduceat(x, [0, 2, 1], axis=1),
                               lambda x: np.multiply.reduceat(x, [0, 1])],
            "ufunc.outer": lambda x: np.subtract.outer(x, x[0]), "ufunc.at": lambda x: added_at(x),
            "clip": [lambda x: np.clip(x, -1, 1.2), lambda x: np.clip(x, x[0] - 1, None)],
            "sinc": np.sinc, "i0": np.i0, "nan_to_num": np.nan_to_num,
            "real": lambda x: np.real(x * 1j + x), "imag": lambda x: np.imag(x * 1j),
            "unwrap": [lambda x: np.unwrap(3 * x), lambda x: np.unwrap(3 * x, 1.5, axis=0, period=4.0)],
            "piecewise": lambda x: np.piecewise(x, [x < 0, x > 1], [lambda v: v**2, np.sin, 3.0]),
            "where": lambda x: np.where(x > 0, x**2, 1.0)}, X),
    *table({"angle": [np.angle, lambda z: np.angle(z, deg=True)], "real": np.real, "imag": np.imag}, Z),
    *table({"real_if_close": lambda x: np.real_if_close(x + 0j)}, X, known=True),
    *table({"vectorize": [lambda x: np.vectorize(lambda a, b: a * b**2)(x, x[0]),
                          lambda x: np.vectorize(lambda v, c: (v * c, c), signature="(n),()->(n),()")(x, 2.0)]}, X),
    # Without derivative:
    *table(of_ufuncs("floor ceil trunc rint signbit spacing isnan isinf isfinite logical_not"), X, moves=False),
    *table(with_row("equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor "
                    "floor_divide"), X, moves=False),
    *table(with_row("bitwise_and bitwise_or bitwise_xor gcd lcm"), INTEGERS, moves=False),
    *table({name: lambda i, f=f: f(i, 2) for name, f in of_ufuncs(
        "left_shift right_shift bitwise_left_shift bitwise_right_shift").items()}, INTEGERS, moves=False),
    *table(of_ufuncs("invert bitwise_not bitwise_invert bitwise_count"), INTEGERS, moves=False),
    *table({"round": lambda x: np.round(x, 1), "around": np.around, "fix": np.fix,
            "isclose": lambda x: np.isclose(x, X),
            "allclose": lambda x: np.allclose(x, X), "array_equal": lambda x: np.array_equal(x, X),
            "array_equiv": lambda x: np.array_equiv(x, X[:1]), "ndarray.round": lambda x: x.round(1)}, X, moves=False),
    *table({"isreal": np.isreal, "iscomplex": np.iscomplex}, Z, moves=False),
    *table({"isposinf": np.isposinf, "isneginf": np.isneginf, "nan_to_num": lambda x: np.nan_to_num(x, True, 1, 2, 3)},
           INFINITE, moves=False),
]  # fmt: skip


def added_at(x):
    """A histogram by ufunc.at."""
    y = np.zeros(3)
    np.add.at(y, [0, 2, 0, 1], x[0])
    return y
