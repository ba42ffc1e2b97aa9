"""PyTorch style: a function with its own backward, under grad, grad of grad, vmap and jit.

log(1 + e^x) as it stands overflows for x > 709, and so does its automatic derivative. A custom
Function states both in a form that does not.

Run: python examples/custom_function.py
"""

import numpy as np

import pullback as pb


class Softplus(pb.Function):
    """log(1 + exp(x)), and its derivative 1 / (1 + exp(-x)), without an exponential of a positive number."""

    @staticmethod
    def forward(ctx, x):
        """Compute the value, and keep the derivative."""
        e = np.exp(-np.abs(x))
        ctx.save_for_backward(np.where(x >= 0, 1.0, e) / (1.0 + e))
        return np.maximum(x, 0.0) + np.log1p(e)

    @staticmethod
    def backward(ctx, u):
        """Return u times the derivative."""
        (sigmoid,) = ctx.saved_tensors
        return u * sigmoid


def naive(x):
    return np.log(1.0 + np.exp(x))


def main():
    for x in (-3.0, 1.0, 30.0):
        print(f"x = {x:5}: custom {pb.grad(Softplus.apply)(x):.15f}   automatic {pb.grad(naive)(x):.15f}")
    with np.errstate(over="ignore", invalid="ignore"):
        print(f"x =  1000: custom {pb.grad(Softplus.apply)(1000.0)}   automatic {pb.grad(naive)(1000.0)}")

    xs = np.linspace(-2.0, 2.0, 5)
    slopes = pb.vmap(pb.jit(pb.grad(Softplus.apply)))(xs)
    print("slopes, by vmap of jit of grad:", slopes)
    curvature = pb.grad(pb.grad(Softplus.apply))(1.0)
    print(f"second derivative at 1: {curvature:.12f}")
    assert np.isclose(curvature, np.exp(-1.0) / (1 + np.exp(-1.0)) ** 2, rtol=1e-14)
    assert np.allclose(slopes, 1 / (1 + np.exp(-xs)), rtol=1e-14)


if __name__ == "__main__":
    main()
