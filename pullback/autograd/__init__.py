"""For code written for autograd: change ``import autograd.numpy as np`` to ``import pullback.autograd.numpy as np``.

The names, signatures and results are those of the package autograd (Maclaurin, Duvenaud,
Johnson, Townsend): ``grad(fun, argnum=0)`` and so on; underneath it is all pullback. Plain
NumPy works as well, so that ``import numpy as np`` is the better choice for new code.

What is different: errors are pullback's, and what autograd lets pass by silently (an output
that does not depend on the input warns there; here it is a zero) follows pullback.

Examples
--------
>>> import pullback.autograd.numpy as np
>>> from pullback.autograd import grad, elementwise_grad
>>> def tanh(x):
...     return (1.0 - np.exp(-2 * x)) / (1.0 + np.exp(-2 * x))
>>> float(grad(tanh)(1.0).round(6))
0.419974
>>> elementwise_grad(tanh)(np.array([0.0, 1.0])).round(3)
array([1.  , 0.42])
"""

from .builtins import dict, isinstance, list, tuple, type
from .differential_operators import (
    checkpoint,
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_jvp_reversemode,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)
from .extend import primitive

__all__ = [
    "checkpoint",
    "deriv",
    "dict",
    "elementwise_grad",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "isinstance",
    "jacobian",
    "list",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_jvp_reversemode",
    "make_vjp",
    "multigrad_dict",
    "primitive",
    "tensor_jacobian_product",
    "tuple",
    "type",
    "value_and_grad",
    "vector_jacobian_product",
]
