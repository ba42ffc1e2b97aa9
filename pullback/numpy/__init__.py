"""NumPy, of Tracers: ``import pullback.numpy as np`` is a drop-in, and ``import numpy as np`` works too.

NumPy hands every function and operator that meets a Tracer to the handlers in this folder.
What it cannot hand over (``np.array`` of Tracers, ``np.zeros`` to be filled …) is here under
NumPy's names; all the rest of this module *is* NumPy.
"""

from __future__ import annotations

from . import (
    arguments,
    creation,
    diagonals,
    einsum,
    indexing,
    joining,
    moments,
    nans,
    operators,
    products,
    reductions,
    shapes,
    sorting,
    ufuncs,
    updates,
)
