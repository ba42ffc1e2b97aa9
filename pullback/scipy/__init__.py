"""SciPy, of Tracers: ``from pullback.scipy import linalg, special``, and ``from scipy import special`` for its ufuncs.

NumPy hands SciPy's ufuncs that meet a Tracer to the handlers in this folder. What is no ufunc (logsumexp,
softmax, polygamma …) is here under SciPy's names; with plain arguments all of it is SciPy itself. SciPy is
imported when it is first needed.
"""

from pullback.numpy import array_api as _array_api

from . import linalg as linalg
from . import special as special
from . import ufuncs as _ufuncs  # noqa: F401 (fills the slot through which SciPy's ufuncs reach their handlers)

__all__ = ["linalg", "special"]

_array_api.extensions["special"] = special  # where SciPy, under SCIPY_ARRAY_API, looks for a namespace's own
