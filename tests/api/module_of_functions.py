"""Functions at module level, as pickling wants them."""

import numpy as np

import pullback as pb


def loss(x):
    return np.sum(np.sin(x) ** 2)


@pb.jit
def decorated(x):
    return np.sum(np.cos(x))


gradient = pb.grad(loss)
jitted = pb.jit(gradient)
batched = pb.vmap(pb.grad(loss))
hessian = pb.hessian(loss)
kept = pb.checkpoint(loss)


@pb.grad
def slope(x):
    return x**3


@pb.custom_vjp
def ruled(x):
    return np.sin(x)


ruled.defvjp(lambda x: (np.sin(x), x), lambda x, u: (10.0 * u * np.cos(x),))
ruled_gradient = pb.jit(pb.grad(ruled))


class Scale(pb.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, u):
        return u * ctx.factor, None


def looped(x):
    return pb.fori_loop(0, 3, lambda i, y: np.sin(y), x)


def work(k):
    x = np.linspace(0.0, 1.0, 5) + k
    return float(np.sum(jitted(x))), float(decorated(x)), float(pb.grad(looped)(0.3 + k))
