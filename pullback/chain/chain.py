"""Chain: layers one after the other, and backprop written out.

For f = f_L ∘ … ∘ f_2 ∘ f_1 with parameters w_1 … w_L, and a scalar at the end (the last layer is
a loss), the chain rule is a product of Jacobians:

    ∂f/∂x   = J_x(f_L) · … · J_x(f_2) · J_x(f_1)
    ∂f/∂w_k = J_x(f_L) · … · J_x(f_k+1) · J_w(f_k)

The first factor is a row vector. Multiplied from the loss back, it stays one: each step is a
vector times a matrix, and the same row vector serves the gradients of all w_k on its way. That
is `Chain.backward`. What the order costs, in numbers, is `Chain.cost`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pullback.core.errors import ArgumentError, NonScalarOutput
from pullback.core.source import here
from pullback.core.tree import flatten
from pullback.core.types import type_of

from .cost import ChainCost, chain_cost
from .layer import Layer, layer
from .vjps import LayerVjp

__all__ = ["Chain"]


class Chain:
    """Layers one after the other.

    Parameters
    ----------
    layers : sequence of Layer or callable
        Each a function f(x, w); plain functions are made layers. The last is the loss, where
        gradients are wanted: it gives a scalar, and its parameters are the targets.

    Examples
    --------
    >>> import numpy as np
    >>> from pullback.chain import Chain, add, dot, squared_loss
    >>> chain = Chain([dot, add, squared_loss])
    >>> x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0], [1.0]])
    >>> params = [np.ones((2, 1)), np.zeros(1), y]
    >>> float(chain.evaluate(x, params))
    22.5
    >>> value, ux, grads = chain.backward(x, params)
    >>> grads[0]
    array([[21.],
           [30.]])
    """

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers: tuple[Layer, ...] = tuple(f if isinstance(f, Layer) else layer(f) for f in layers)
        if not self.layers:
            raise ArgumentError(
                "a chain of no layers",
                where=here(),
                why="its value is that of the last",
                fix="Chain([dot, add, squared_loss])",
            )

    def evaluate(self, x: Any, params: Sequence[Any], return_all: bool = False) -> Any:
        """Return the value of the chain; with `return_all`, the list of x and of what each layer gives.

        Parameters
        ----------
        x : array
            A batch, samples along the first axis.
        params : sequence
            One entry a layer, None for a layer without parameters.
        return_all : bool
            Return ``[x, f_1(x, w_1), …, value]``.
        """
        values = [x]
        for i, (f, w) in enumerate(self._paired(params)):
            with _InLayer(i, f, values[-1], w):
                values.append(f(values[-1], w))
            if not return_all:
                del values[0]
        return values if return_all else values[-1]

    def forward(self, x: Any, params: Sequence[Any], per_sample: bool = False) -> tuple[Any, list[LayerVjp]]:
        """Return the value, and what is kept for the way back: the vjp of each layer at its input.

        Each vjp holds what its layer needs of the forward pass, and nothing else is kept;
        ``vjp.residuals`` lists it.
        """
        kept: list[LayerVjp] = []
        for i, (f, w) in enumerate(self._paired(params)):
            with _InLayer(i, f, x, w):
                x, vjp = f.value_and_vjp(x, w, per_sample)
            kept.append(vjp)
        return x, kept

    def backward(self, x: Any, params: Sequence[Any], per_sample: bool = False) -> tuple[Any, Any, list[Any]]:
        """Return (value, gradient by x, list of gradients by the parameters): backprop.

        Parameters
        ----------
        x, params
            As for `evaluate`.
        per_sample : bool
            One gradient of each w a sample, along a new first axis; they add up to the usual
            gradient. (The entry of the loss, and of a layer of random numbers, is as usual.)

        Returns
        -------
        value : float
        ux : array
            Of the shape of x.
        grads : list
            One entry a layer: None where there are no parameters, or integers. The last is the
            gradient by the targets, to be left unused in training.

        Notes
        -----
        Two to three times the work of `evaluate`.
        """
        value, kept = self.forward(x, params, per_sample)
        u = _one_for(value)
        grads: list[Any] = []
        while kept:
            vjp = kept.pop()  # from the last layer to the first; what it kept is let go of
            u, grad_w = vjp(u)
            grads.append(grad_w)
        return value, u, grads[::-1]

    def cost(self, x: Any, params: Sequence[Any]) -> ChainCost:
        """Return the shapes of all Jacobians, and the price of multiplying them in different orders.

        The layers are evaluated once, for their shapes; no Jacobian is formed.

        Examples
        --------
        >>> import numpy as np
        >>> from pullback.chain import Chain, layer
        >>> n, m, d = 5, 3, 4
        >>> chain = Chain([lambda x, w: w @ x, lambda x, w: np.sin(w @ x), lambda x, w: np.sum(x)])
        >>> cost = chain.cost(np.ones(n), [np.ones((m, n)), np.ones((d, m)), None])
        >>> cost.from_loss == m * d + n * m, cost.from_input == n * m * d + n * d
        (True, True)
        """
        return chain_cost([repr(f) for f in self.layers], self.evaluate(x, params, return_all=True), list(params))

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: Any) -> Any:
        """Return a layer; a slice gives the chain of those layers, ``chain[:-1]`` the one without its loss."""
        return Chain(self.layers[i]) if isinstance(i, slice) else self.layers[i]

    def __repr__(self) -> str:
        return f"Chain([{', '.join(map(repr, self.layers))}])"

    def _paired(self, params: Sequence[Any]) -> list[tuple[Layer, Any]]:
        if not isinstance(params, list | tuple):
            raise ArgumentError(
                f"the parameters of a chain, given as a {type(params).__name__}",
                where=here(),
                why="they are a list with one entry a layer",
                fix=f"params = [{', '.join(f'w_{f.__name__}' for f in self.layers)}]",
            )
        if len(params) != len(self.layers):
            raise ArgumentError(
                f"a chain of {len(self.layers)} layers with {len(params)} entries of parameters",
                where=here(),
                why="there is one entry a layer: None for one without parameters, the targets for the loss",
                fix=f"params = [{', '.join(f'w_{f.__name__}' for f in self.layers)}]",
            )
        return list(zip(self.layers, params, strict=True))


def _one_for(value: Any) -> Any:
    """Return the cotangent 1 of the loss."""
    leaves, structure = flatten(value)
    t = type_of(leaves[0]) if len(leaves) == 1 and leaves[0] is value else None
    if t is None or t.ndim or t.dtype.kind != "f":
        raise NonScalarOutput(
            f"backward through a chain whose value is {t or structure}",
            where=here(),
            why="backprop begins with the gradient of one real number, the loss",
            fix="let the last layer be a loss (squared_loss, softmax_cross_entropy …); "
            "for the vjp of a layer: layer.make_vjp(x, w)(u)",
        )
    return np.ones((), t.dtype)[()]


class _InLayer:
    """Context in which an error is told the layer that it arose in."""

    def __init__(self, i: int, f: Layer, x: Any, w: Any) -> None:
        self.i, self.f, self.x, self.w = i, f, x, w

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, Exception) and not getattr(error, "__notes__", None):
            error.add_note(
                f"in layer {self.i} of the chain, {self.f!r}, with x: {_described(self.x)}, w: {_described(self.w)}"
            )


def _described(tree: Any) -> str:
    leaves, _ = flatten(tree)
    shown = [str(type_of(x)) if hasattr(x, "dtype") else type(x).__name__ for x in leaves]
    return ", ".join(shown) or "None"
