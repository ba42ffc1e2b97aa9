"""pullback: NumPy programs in, derivatives out.

>>> import numpy as np, pullback as pb
>>> pb.grad(lambda x: np.sum(np.sin(x)))(np.zeros(2))
array([1., 1.])
"""

from . import chain as chain
from . import engines as _engines  # noqa: F401 (fills the slot through which call and loop run Programs)
from . import numpy as numpy
from . import random as random
from . import scipy as scipy
from .api.batching import vmap
from .api.branches import cond, switch
from .api.callbacks import debug_print, pure_callback
from .api.checking import check_grads
from .api.checkpoint import checkpoint, stop_gradient
from .api.custom import custom_jvp, custom_vjp
from .api.debug import debug_nans
from .api.function import Function
from .api.gradients import grad, hvp, jvp, linear_transpose, linearize, value_and_grad, vjp
from .api.jacobians import hessian, jacfwd, jacobian, jacrev
from .api.jit import jit
from .api.loops import fori_loop, map, scan, while_loop
from .api.prefixes import associative_scan
from .api.threads import set_threads
from .api.tracing import trace
from .core.conventions import conventions
from .core.errors import PullbackError
from .core.program import Program
from .numpy.plain import plain_numpy

__version__ = "0.1.0"

__all__ = [
    "Function",
    "Program",
    "PullbackError",
    "associative_scan",
    "chain",
    "check_grads",
    "checkpoint",
    "cond",
    "conventions",
    "custom_jvp",
    "custom_vjp",
    "debug_nans",
    "debug_print",
    "fori_loop",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linear_transpose",
    "linearize",
    "map",
    "numpy",
    "plain_numpy",
    "pure_callback",
    "random",
    "scan",
    "scipy",
    "set_threads",
    "stop_gradient",
    "switch",
    "trace",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
