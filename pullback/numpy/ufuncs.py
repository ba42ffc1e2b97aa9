"""NumPy's ufuncs of Tracers: plain calls go straight to a primitive, or to a small composition.

Options of a call: ``dtype=``, ``casting=`` and ``out=`` work as in NumPy; ``where=`` leaves elements
undefined without ``out=``, and is refused then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import DTypeError, NotWritten
from pullback.core.primitive import Primitive, primitives
from pullback.core.recorder import bind
from pullback.core.tracer import Tracer, define_ufunc
from pullback.core.types import type_of
from pullback.primitives.arithmetic import mul
from pullback.primitives.exponential import integer_power, power
from pullback.primitives.shaping import convert

from .arguments import OPERANDS, as_dtype, operand, strong
from .outputs import store_ufunc
from .views import copied

__all__ = ["COMPOSED", "DIRECT", "call_ufunc", "composed"]

DIRECT: dict[np.ufunc, str] = {
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.true_divide: "div", np.negative: "neg",
    np.exp: "exp", np.exp2: "exp2", np.expm1: "expm1", np.log: "log", np.log2: "log2", np.log10: "log10",
    np.log1p: "log1p", np.logaddexp: "logaddexp", np.logaddexp2: "logaddexp2", np.sqrt: "sqrt", np.cbrt: "cbrt",
    np.square: "square", np.reciprocal: "reciprocal", np.power: "power",
    np.sin: "sin", np.cos: "cos", np.tan: "tan", np.arcsin: "arcsin", np.arccos: "arccos", np.arctan: "arctan",
    np.arctan2: "arctan2", np.hypot: "hypot", np.sinh: "sinh", np.cosh: "cosh", np.tanh: "tanh",
    np.arcsinh: "arcsinh", np.arccosh: "arccosh", np.arctanh: "arctanh",
    np.absolute: "absolute", np.conjugate: "conj",
    np.maximum: "maximum", np.minimum: "minimum", np.fmax: "fmax", np.fmin: "fmin",
    np.equal: "equal", np.not_equal: "not_equal", np.less: "less", np.less_equal: "less_equal",
    np.greater: "greater", np.greater_equal: "greater_equal",
    np.logical_and: "logical_and", np.logical_or: "logical_or", np.logical_xor: "logical_xor",
    np.logical_not: "logical_not",
    np.bitwise_and: "bitwise_and", np.bitwise_or: "bitwise_or", np.bitwise_xor: "bitwise_xor", np.invert: "invert",
    np.left_shift: "left_shift", np.right_shift: "right_shift", np.bitwise_count: "bitwise_count",
    np.isnan: "isnan", np.isinf: "isinf", np.isfinite: "isfinite", np.signbit: "signbit",
    np.floor: "floor", np.ceil: "ceil", np.trunc: "trunc", np.rint: "rint", np.sign: "sign",
    np.floor_divide: "floor_divide", np.remainder: "remainder", np.fmod: "fmod", np.copysign: "copysign",
    np.gcd: "gcd", np.lcm: "lcm", np.heaviside: "heaviside", np.spacing: "spacing", np.ldexp: "ldexp",
}  # fmt: skip

_DEFAULTS = {"where": True, "casting": "same_kind", "subok": True, "dtype": None, "out": None}


def _positive(x: Any) -> Any:
    return copied(strong(x))


def _radians(x: Any) -> Any:
    return mul(as_dtype(x, _float_loop(np.deg2rad, x)), math.pi / 180)


def _degrees(x: Any) -> Any:
    return mul(as_dtype(x, _float_loop(np.rad2deg, x)), 180 / math.pi)


def _fabs(x: Any) -> Any:
    return primitives["absolute"](as_dtype(x, _float_loop(np.fabs, x)))


def _float_power(x: Any, y: Any) -> Any:
    dtype = np.float_power.resolve_dtypes((type_of(x).dtype, type_of(y).dtype, None))[-1]
    return primitives["power"](as_dtype(x, dtype), as_dtype(y, dtype))


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return primitives["floor_divide"](x, y), primitives["remainder"](x, y)


def _modf(x: Any) -> tuple[Any, Any]:
    x = as_dtype(x, _float_loop(np.modf, x))
    whole = primitives["trunc"](x)
    finite = primitives["select"](primitives["isinf"](x), 0.0, x)
    return primitives["fmod"](finite, 1.0), whole


def _frexp(x: Any) -> tuple[Any, Any]:
    x = as_dtype(x, _float_loop(np.modf, x))
    power = primitives["exponent"](x)
    return primitives["ldexp"](x, primitives["neg"](power)), power


def _float_loop(ufunc: np.ufunc, x: Any) -> np.dtype:
    """Return the dtype in which a ufunc of floats only computes."""
    try:
        return ufunc.resolve_dtypes((type_of(x).dtype, *[None] * ufunc.nout))[-1]
    except TypeError as error:
        raise DTypeError(
            f"{ufunc.__name__} of {type_of(x).strong}",
            where=source.here(),
            why=f"NumPy's {ufunc.__name__} takes no such dtype",
            fix="convert it first: x.astype(np.float64)",
        ) from error


COMPOSED: dict[np.ufunc, Callable[..., Any]] = {
    np.positive: _positive,
    np.deg2rad: _radians,
    np.radians: _radians,
    np.rad2deg: _degrees,
    np.degrees: _degrees,
    np.fabs: _fabs,
    np.float_power: _float_power,
    np.divmod: _divmod,
    np.modf: _modf,
    np.frexp: _frexp,
}


def _unary(ufunc: np.ufunc, primitive: Primitive) -> Callable[..., Any]:
    def handler(x: Any, **options: Any) -> Any:
        if options:
            return _with_options(ufunc, primitive, (operand(x),), options)
        return bind(primitive, (x if type(x) in OPERANDS else operand(x),), {})

    return handler


def _binary(ufunc: np.ufunc, primitive: Primitive) -> Callable[..., Any]:
    def handler(a: Any, b: Any, **options: Any) -> Any:
        if options:
            return _with_options(ufunc, primitive, (operand(a), operand(b)), options)
        if type(a) in OPERANDS and type(b) in OPERANDS:
            return bind(primitive, (a, b), {})
        return bind(primitive, (operand(a), operand(b)), {})

    return handler


def _power(x: Any, y: Any, **options: Any) -> Any:
    """``np.power``: a Python integer as exponent needs no logarithm and no case at 0."""
    if type(y) is int and -_LARGE < y < _LARGE and type(x) is Tracer and x.type.inexact and not options:
        return bind(integer_power, (x,), {"n": y})
    return _binary_power(x, y, **options)


_LARGE = 64  # as for the operator
_binary_power = _binary(np.power, power)


def composed(ufunc: np.ufunc, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of a ufunc that `function` computes: what a user passes is made ready, and options work."""

    def handler(*xs: Any, **options: Any) -> Any:
        xs = tuple(operand(x) for x in xs)
        return _with_options(ufunc, function, xs, options) if options else function(*xs)

    return handler


def _with_options(ufunc: np.ufunc, function: Callable[..., Any], xs: tuple, options: dict) -> Any:
    """Call with NumPy's keyword options: they work, or raise."""
    options = {name: v for name, v in options.items() if not _is_default(name, v)}
    outs = options.pop("out", None)
    dtype, casting = options.pop("dtype", None), options.pop("casting", "same_kind")
    options.pop("subok", None)
    where = options.pop("where", True) if outs is not None else True
    if options:
        name = next(iter(options))
        raise NotWritten(
            f"np.{ufunc.__name__}({name}=...) of something that is being differentiated or traced",
            where=source.here(),
            why="this option is not supported" + (": elements left out are undefined" if name == "where" else " yet"),
            fix=f"np.where(condition, np.{ufunc.__name__}(x), default)" if name == "where" else f"leave {name}= out",
        )
    results = function(*_cast(ufunc, xs, dtype, casting))
    return results if outs is None else store_ufunc(ufunc, outs, results, where, casting)


def _is_default(name: str, value: Any) -> bool:
    if name == "out":
        return value is None or (isinstance(value, tuple) and all(x is None for x in value))
    if name == "order":
        return value in ("K", "A", "C")  # how the result lies in memory: no value depends on it
    return name in _DEFAULTS and value is _DEFAULTS[name]


def _cast(ufunc: np.ufunc, xs: tuple, dtype: Any, casting: Any) -> tuple:
    """Return the operands in the dtypes of the loop that NumPy would pick."""
    given = tuple(_python(x) if type_of(x).weak else type_of(x).dtype for x in xs)
    if all(type_of(x).weak for x in xs):
        given = tuple(type_of(x).dtype for x in xs)
    options: dict[str, Any] = (
        {} if dtype is None else {"signature": (*[None] * ufunc.nin, *[np.dtype(dtype)] * ufunc.nout)}
    )
    loop = ufunc.resolve_dtypes((*given, *[None] * ufunc.nout), casting=casting, **options)
    return tuple(convert(x, dtype=d) if type_of(x).dtype != d else x for x, d in zip(xs, loop, strict=False))


def _python(x: Any) -> type:
    return {"b": bool, "i": int, "f": float, "c": complex}[type_of(x).dtype.kind]


_handlers: dict[np.ufunc, Callable[..., Any]] = {}


def call_ufunc(ufunc: np.ufunc, *xs: Any) -> Any:
    """Apply a ufunc by its handler, to Tracers and values alike."""
    return _handlers[ufunc](*xs)


def define_ufuncs() -> None:
    """Fill the table that ``Tracer.__array_ufunc__`` looks up."""
    for ufunc, name in DIRECT.items():
        _handlers[ufunc] = (_unary if ufunc.nin == 1 else _binary)(ufunc, primitives[name])
    _handlers[np.power] = _power
    for ufunc, function in COMPOSED.items():
        _handlers[ufunc] = composed(ufunc, function)
    for ufunc, handler in _handlers.items():
        define_ufunc(ufunc, handler)


define_ufuncs()
