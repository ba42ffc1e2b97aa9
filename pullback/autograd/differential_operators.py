"""autograd's differential operators, with its signatures: ``operator(fun, argnum=0)`` of the same arguments."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from pullback.api import checkpoint as _checkpoint
from pullback.api import gradients as _gradients
from pullback.api import jacobians as _jacobians
from pullback.core.errors import ArgumentError
from pullback.core.source import here

__all__ = [
    "checkpoint",
    "deriv",
    "elementwise_grad",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "jacobian",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_jvp_reversemode",
    "make_vjp",
    "multigrad_dict",
    "tensor_jacobian_product",
    "value_and_grad",
    "vector_jacobian_product",
]

Function = Callable[..., Any]
Argnum = int | Sequence[int]


def grad(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function that computes the gradient of a scalar function by one argument, or a tuple of them.

    An output of one element counts as a scalar, whatever its shape.

    Examples
    --------
    >>> float(grad(lambda x, y: x * y, 1)(3.0, 4.0))
    3.0
    """
    return _gradients.grad(_scalar(fun), argnum)


def value_and_grad(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function that computes ``(value, gradient)``: what scipy.optimize takes with ``jac=True``.

    Examples
    --------
    >>> value, gradient = value_and_grad(lambda x: x**2)(3.0)
    >>> float(value), float(gradient)
    (9.0, 6.0)
    """

    def twice(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        value = fun(*args, **kwargs)
        return value, value

    with_value = grad_and_aux(twice, argnum)

    @wraps(fun)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        gradient, value = with_value(*args, **kwargs)
        return value, gradient

    return value_and_gradient


def grad_and_aux(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function that computes ``(gradient, aux)`` of a function that returns ``(scalar, aux)``."""
    return _gradients.grad(_scalar(fun, pair=True), argnum, has_aux=True)


def grad_named(fun: Function, argname: str) -> Function:
    """Return the gradient by the argument of this name."""
    names = list(inspect.signature(fun).parameters)
    if argname not in names:
        raise ArgumentError(
            f"grad_named by {argname!r}",
            where=here(),
            why=f"the function's arguments are {', '.join(names)}",
            fix="name one of them",
        )
    return grad(fun, names.index(argname))


def multigrad_dict(fun: Function) -> Function:
    """Return a function that computes the gradients by all arguments, in a dict by their names."""
    signature = inspect.signature(fun)

    @wraps(fun)
    def gradients(*args: Any, **kwargs: Any) -> OrderedDict:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()

        def of_dict(arguments: dict) -> Any:
            again = inspect.BoundArguments(signature, OrderedDict(arguments))
            return fun(*again.args, **again.kwargs)

        found = grad(of_dict)(dict(bound.arguments))
        return OrderedDict((name, found[name]) for name in bound.arguments)

    return gradients


def holomorphic_grad(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the complex derivative of a holomorphic function.

    Examples
    --------
    >>> complex(holomorphic_grad(lambda z: z**2)(1 + 2j))
    (2+4j)
    """
    return _gradients.grad(_scalar(fun), argnum, holomorphic=True)


def elementwise_grad(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the sum of each column of the Jacobian: of an elementwise function, its derivative at each element."""
    made = make_vjp(fun, argnum)

    @wraps(fun)
    def elementwise(*args: Any, **kwargs: Any) -> Any:
        vjp, value = made(*args, **kwargs)
        return vjp(_ones(value))

    return elementwise


def deriv(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the derivative in forward mode, along ones: of a function of one number, its derivative."""
    made = make_jvp(fun, argnum)

    @wraps(fun)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        chosen = args[argnum] if isinstance(argnum, int) else tuple(args[i] for i in argnum)
        return made(*args, **kwargs)(_ones(chosen))[1]

    return derivative


def jacobian(fun: Function, argnum: Argnum = 0) -> Function:
    """Return the Jacobian, of shape ``fun(x).shape + x.shape``.

    Examples
    --------
    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobians.jacobian(fun, argnum)


def hessian(fun: Function, argnum: int = 0) -> Function:
    """Return the Hessian."""
    return _jacobians.hessian(fun, argnum)


def make_vjp(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function that computes ``(vjp, value)``; ``vjp(g)`` is the cotangent of the argument.

    Examples
    --------
    >>> vjp, value = make_vjp(np.sin)(0.0)
    >>> float(vjp(2.0))
    2.0
    """

    @wraps(fun)
    def made(*args: Any, **kwargs: Any) -> tuple[Function, Any]:
        of_one, chosen = _of_one(fun, argnum, args, kwargs)
        value, pullback = _gradients.vjp(of_one, chosen)
        return lambda g: pullback(g)[0], value

    return made


def make_jvp(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function that computes ``jvp``; ``jvp(v)`` is ``(value, tangent)``.

    Examples
    --------
    >>> value, tangent = make_jvp(np.sin)(0.0)(2.0)
    >>> float(tangent)
    2.0
    """

    @wraps(fun)
    def made(*args: Any, **kwargs: Any) -> Function:
        of_one, chosen = _of_one(fun, argnum, args, kwargs)
        return lambda v: _gradients.jvp(of_one, (chosen,), (v,))

    return made


def make_jvp_reversemode(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function that computes ``jvp``; ``jvp(v)`` is the tangent. The function runs once."""

    @wraps(fun)
    def made(*args: Any, **kwargs: Any) -> Function:
        of_one, chosen = _of_one(fun, argnum, args, kwargs)
        return _gradients.linearize(of_one, chosen)[1]

    return made


def make_hvp(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function that computes ``(hvp, gradient)``; ``hvp(v)`` is the Hessian times v."""
    return make_vjp(grad(fun, argnum), argnum)


def hessian_tensor_product(fun: Function, argnum: int = 0) -> Function:
    """Return a function of ``(*args, tensor)``: the product of the Hessian with the tensor."""

    @wraps(fun)
    def product(*args: Any, **kwargs: Any) -> Any:
        *given, tensor = args
        of_one, chosen = _of_one(grad(fun, argnum), argnum, tuple(given), kwargs)
        return _gradients.jvp(of_one, (chosen,), (tensor,))[1]

    return product


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun: Function, argnum: Argnum = 0) -> Function:
    """Return a function of ``(*args, tensor)``: the tensor times the Jacobian, from the left."""

    @wraps(fun)
    def product(*args: Any, **kwargs: Any) -> Any:
        *given, tensor = args

        def contracted(*inner: Any, **keywords: Any) -> Any:
            return np.tensordot(tensor, fun(*inner, **keywords), axes=np.ndim(tensor))

        return jacobian(contracted, argnum)(*given, **kwargs)

    return product


vector_jacobian_product = tensor_jacobian_product


def _half_square(x: Any) -> Any:
    return 0.5 * np.sum(x**2, axis=-1)


def make_ggnvp(f: Function, g: Function = _half_square, f_argnum: int = 0) -> Function:
    """Return a function that computes the product of v with the generalised Gauss-Newton matrix of ``g(f(x))``."""

    @wraps(f)
    def made(*args: Any, **kwargs: Any) -> Function:
        of_one, chosen = _of_one(f, f_argnum, args, kwargs)
        value, push = _gradients.linearize(of_one, chosen)
        _, pullback = _gradients.vjp(of_one, chosen)
        return lambda v: pullback(_gradients.hvp(g, (value,), (push(v),)))[0]

    return made


def checkpoint(fun: Function) -> Function:
    """Return a function whose derivative recomputes it instead of keeping what it needs."""
    return _checkpoint.checkpoint(fun)


def _of_one(fun: Function, argnum: Argnum, args: tuple, kwargs: dict) -> tuple[Function, Any]:
    """Return the function of the chosen argument (or tuple of arguments) alone, and that argument."""
    nums = (argnum,) if isinstance(argnum, int) else tuple(argnum)
    if any(not -len(args) <= i < len(args) for i in nums):
        raise ArgumentError(
            f"argnum={argnum!r} of a function that was called with {len(args)} positional arguments",
            where=here(),
            why="argnum counts positional arguments from 0",
            fix="argnum=0 for the first",
        )

    def of_one(x: Any) -> Any:
        every = list(args)
        for i, y in zip(nums, (x,) if isinstance(argnum, int) else x, strict=True):
            every[i] = y
        return fun(*every, **kwargs)

    chosen = tuple(args[i] for i in nums)
    return of_one, chosen[0] if isinstance(argnum, int) else chosen


def _scalar(fun: Function, pair: bool = False) -> Function:
    """Return the function with an output of one element made a scalar (the first of two, if it returns a pair)."""

    @wraps(fun)
    def scalar(*args: Any, **kwargs: Any) -> Any:
        out = fun(*args, **kwargs)
        if pair:
            value, aux = out
            return _one_element(value), aux
        return _one_element(out)

    return scalar


def _one_element(x: Any) -> Any:
    return np.reshape(x, ()) if getattr(x, "ndim", 0) and x.size == 1 else x


def _ones(tree: Any) -> Any:
    """Return ones like each array of a tree."""
    if isinstance(tree, dict):
        return {k: _ones(x) for k, x in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(_ones(x) for x in tree)
    return np.ones_like(tree)
