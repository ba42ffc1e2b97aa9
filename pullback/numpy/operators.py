"""Operators: what ``a + b``, ``a[i] = v`` and ``a < b`` mean for Tracers.

The hot path: a binary operator is one set lookup and one `bind`. An operand that is no
number gives NotImplemented, so that Python asks the other side and then raises TypeError.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.core.primitive import Primitive, primitives
from pullback.core.recorder import bind
from pullback.core.tracer import Tracer
from pullback.core.tree import contents
from pullback.primitives.exponential import integer_power, power, reciprocal, sqrt, square

from .arguments import OPERANDS, operand
from .chosen import Chosen
from .views import copied
from .writing import change, is_scalar, set_item

__all__ = ["BINARY", "UNARY"]

BINARY = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "left_shift",
    "rshift": "right_shift",
}
COMPARISONS = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}
UNARY = {"neg": "neg", "abs": "absolute", "invert": "invert"}
_UFUNCS = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
           "mod": "remainder", "pow": "power", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or",
           "xor": "bitwise_xor", "lshift": "left_shift", "rshift": "right_shift"}  # fmt: skip

_SHORTCUTS: dict[float, Primitive] = {2: square, 0.5: sqrt, -1: reciprocal}
_LARGE = 64  # beyond, a loop over ever new exponents would derive ever new rules


def _forward(primitive: Primitive) -> Callable[[Any, Any], Any]:
    def method(self: Tracer, other: Any) -> Any:
        if type(other) in OPERANDS:
            return bind(primitive, (self, other), {})
        other = _other(other)
        return other if other is NotImplemented else bind(primitive, (self, other), {})

    return method


def _reflected(primitive: Primitive) -> Callable[[Any, Any], Any]:
    def method(self: Tracer, other: Any) -> Any:
        if type(other) in OPERANDS:
            return bind(primitive, (other, self), {})
        other = _other(other)
        return other if other is NotImplemented else bind(primitive, (other, self), {})

    return method


def _unary(primitive: Primitive) -> Callable[[Any], Any]:
    def method(self: Tracer) -> Any:
        return bind(primitive, (self,), {})

    return method


def _other(x: Any) -> Any:
    """Return an unusual operand made ready, or NotImplemented where Python should ask it instead."""
    if isinstance(x, list | tuple | np.ndarray | np.generic) or type(x) in contents:
        return operand(x)
    if type(x) is Chosen:
        return NotImplemented
    if hasattr(x, "__array__") and getattr(x, "__array_ufunc__", None) is not None:
        return operand(x)
    return NotImplemented


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    apply = getattr(python, f"__{name}__")
    ufunc = getattr(np, _UFUNCS[name])

    def method(self: Tracer, other: Any) -> Any:
        if is_scalar(self):
            return apply(self, other)  # Python rebinds the name, and nothing can be aliased
        if type(other) not in OPERANDS and _other(other) is NotImplemented:
            return NotImplemented
        return change(ufunc, apply, self, other)

    method.__name__ = f"__i{name}__"
    return method


def _power(self: Tracer, other: Any, mod: Any = None) -> Any:
    if mod is not None:
        return NotImplemented
    if type(other) in OPERANDS:
        if (type(other) is int or type(other) is float) and self.type.inexact:
            shortcut = _SHORTCUTS.get(other)  # as ndarray does: the square is a product, 0.5 is the root
            if shortcut is not None and not self.type.weak:  # Python's power of its numbers is one of them
                return bind(shortcut, (self,), {})
            if type(other) is int and -_LARGE < other < _LARGE:
                return bind(integer_power, (self,), {"n": other})
        return bind(power, (self, other), {})
    other = _other(other)
    return other if other is NotImplemented else bind(power, (self, other), {})


def _divmod(self: Tracer, other: Any) -> Any:
    return self // other, self % other


def _rdivmod(self: Tracer, other: Any) -> Any:
    return other // self, other % self


def _positive(self: Tracer) -> Tracer:
    return copied(self)


def _del_item(self: Tracer, index: Any) -> None:
    raise ValueError("cannot delete array elements")


def _contains(self: Tracer, item: Any) -> bool:
    return bool((self == item).any())


def define_operators() -> None:
    """Give Tracers their operators."""
    for name, primitive in (*BINARY.items(), *COMPARISONS.items()):
        Tracer.define(f"__{name}__", _forward(primitives[primitive]))
        if name in BINARY:
            Tracer.define(f"__r{name}__", _reflected(primitives[primitive]))
    for name, primitive in UNARY.items():
        Tracer.define(f"__{name}__", _unary(primitives[primitive]))
    for name in _UFUNCS:
        Tracer.define(f"__i{name}__", _in_place(name))
    Tracer.define("__pow__", _power)
    Tracer.define("__rpow__", _reflected(power))
    Tracer.define("__pos__", _positive)
    Tracer.define("__divmod__", _divmod)
    Tracer.define("__rdivmod__", _rdivmod)
    Tracer.define("__setitem__", set_item)
    Tracer.define("__delitem__", _del_item)
    Tracer.define("__contains__", _contains)


define_operators()
