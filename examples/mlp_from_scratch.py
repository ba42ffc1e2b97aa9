"""An MLP from scratch, the functional way: layers, their VJPs written by hand, and backprop as a product from the left.

Run: python examples/mlp_from_scratch.py
"""

import numpy as np

from pullback.chain import Chain, adam, glorot, layer, softmax_cross_entropy


@layer
def dot(x, w):
    return x @ w


@layer
def add(x, w):
    return x + w


@layer
def tanh(x, w=None):
    return np.tanh(x)


# The rules by hand: u is the cotangent of the output, of its shape (bs, b).
dot.make_vjp = lambda x, w: lambda u: (u @ w.T, x.T @ u)
add.make_vjp = lambda x, w: lambda u: (u, u.sum(axis=0))
tanh.make_vjp = lambda x, w: lambda u: (u / np.cosh(x) ** 2, None)


def spirals(rng, n):
    """Return n points on each of three spirals, and the number of their spiral."""
    t = np.sqrt(rng.uniform(0.05, 1.0, (3, n)))
    angle = 5.0 * t + 2 * np.pi / 3 * np.arange(3)[:, None] + 0.12 * rng.standard_normal((3, n))
    x = np.stack([t * np.cos(angle), t * np.sin(angle)], axis=-1).reshape(-1, 2)
    return x, np.repeat(np.arange(3), n)


def main():
    rng = np.random.default_rng(0)
    x, y = spirals(rng, 100)
    chain = Chain([dot, add, tanh, dot, add, tanh, dot, add, softmax_cross_entropy])
    params = []
    for a, b in [(2, 32), (32, 32), (32, 3)]:
        params += [glorot(rng, (a, b)), np.zeros(b), None]
    params = params[:-1]

    for f, w in [(dot, params[0]), (add, np.zeros(2)), (tanh, None)]:
        print(f"{f!r}: by hand and automatic differ by {f.check(x, w):.1e}")

    optimiser = adam(0.02)
    state = optimiser.init(params)
    for step in range(301):
        value, _, grads = chain.backward(x, [*params, y])
        if step % 100 == 0:
            print(f"step {step:3}   loss {value:.4f}")
        params, state = optimiser.update(grads[:-1], state, params)

    predicted = np.argmax(chain[:-1].evaluate(x, params), axis=1)
    accuracy = np.mean(predicted == y)
    print(f"accuracy {100 * accuracy:.1f} %")
    assert accuracy > 0.95


if __name__ == "__main__":
    main()
