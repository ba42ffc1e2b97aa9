"""pullback: NumPy programs in, derivatives out.

>>> import numpy as np, pullback as pb
>>> pb.grad(lambda x: np.sum(np.sin(x)))(np.zeros(2))
array([1., 1.])
"""

from . import engines, numpy, primitives, transforms
from .api.batching import vmap
from .api.checkpoint import checkpoint, stop_gradient
from .api.control import associative_scan, cond, fori_loop, map, scan, switch, while_loop
from .api.custom import custom_jvp, custom_vjp
from .api.debug import debug_nans
from .api.function import Function
from .api.gradients import grad, hvp, jvp, linear_transpose, linearize, value_and_grad, vjp
from .api.jacobians import hessian, jacfwd, jacobian, jacrev
from .api.jit import jit
from .api.tracing import trace
from .core.conventions import conventions

__version__ = "0.1.0"
