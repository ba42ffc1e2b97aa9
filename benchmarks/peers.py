"""The other libraries, each imported when its turn comes and set to one thread."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .timing import Call


def jax() -> Any:
    """Return JAX, with float64."""
    found = importlib.import_module("jax")
    found.config.update("jax_enable_x64", True)
    return found


def torch() -> Any:
    """Return PyTorch, on one thread."""
    found = importlib.import_module("torch")
    found.set_num_threads(1)
    return found


def jax_jit(make: Callable[[Any, Any], Callable], args: tuple) -> Callable[[], Call]:
    """Return the builder of a call of ``jax.jit(make(jax, jax.numpy))(*args)``.

    The arguments lie on JAX's device before; the result is waited for.
    """

    def build() -> Call:
        j = jax()
        compiled = j.jit(make(j, j.numpy))
        point = j.tree_util.tree_map(j.numpy.asarray, args)
        return lambda: j.block_until_ready(compiled(*point))

    return build


def torch_eager(make: Callable[[Any], Callable], args: tuple) -> Callable[[], Call]:
    """Return the builder of a call of ``make(torch)(*args)``, with arrays made tensors before."""

    def build() -> Call:
        t = torch()
        function = make(t)
        point = [tensors(t, a) for a in args]
        return lambda: function(*point)

    return build


def tensors(t: Any, arg: Any) -> Any:
    """Return tensors in place of arrays, in a list or alone."""
    return [tensors(t, a) for a in arg] if isinstance(arg, list | tuple) else t.tensor(arg)
