"""Backprop the functional way: layers f(x, w), chains of them, what a chain costs, and training.

>>> import numpy as np
>>> from pullback.chain import Chain, add, dot, relu, softmax_cross_entropy
>>> chain = Chain([dot, add, relu, softmax_cross_entropy])
>>> x, y = np.eye(3), np.array([0, 1, 1])
>>> value, ux, grads = chain.backward(x, [np.eye(3)[:, :2], np.zeros(2), None, y])
>>> [None if g is None else g.shape for g in grads]
[(3, 2), (2,), None, None]
"""

from .chain import Chain
from .cost import ChainCost, LayerCost, Price
from .initialisers import glorot, he, normal, zeros
from .layer import Layer, layer
from .layers import (
    add,
    add_bias,
    conv2d,
    dot,
    dropout,
    flatten,
    gelu,
    log_softmax,
    max_pool,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from .losses import binary_cross_entropy, softmax_cross_entropy, squared_loss
from .optimisers import Optimiser, State, adam, adamw, momentum, sgd
from .schedules import constant, cosine, exponential, warmup

__all__ = [
    "Chain",
    "ChainCost",
    "Layer",
    "LayerCost",
    "Optimiser",
    "Price",
    "State",
    "adam",
    "adamw",
    "add",
    "add_bias",
    "binary_cross_entropy",
    "constant",
    "conv2d",
    "cosine",
    "dot",
    "dropout",
    "exponential",
    "flatten",
    "gelu",
    "glorot",
    "he",
    "layer",
    "log_softmax",
    "max_pool",
    "momentum",
    "normal",
    "relu",
    "sgd",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "squared_loss",
    "tanh",
    "warmup",
    "zeros",
]
