"""One gradient a sample: to see which samples pull hardest, and to clip each gradient by its own norm.

Run: python examples/per_sample_gradients.py
"""

import numpy as np

import pullback as pb
from pullback.chain import Chain, add, dot, squared_loss, tanh


def main():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 3))
    y = np.sin(x.sum(axis=1, keepdims=True))
    y[5] += 10.0  # one target is wrong
    chain = Chain([dot, add, tanh, dot, squared_loss])
    params = [rng.normal(size=(3, 8)), np.zeros(8), None, rng.normal(size=(8, 1)), y]

    _, _, usual = chain.backward(x, params)
    _, _, each = chain.backward(x, params, per_sample=True)
    for a, b in zip(each, usual, strict=True):
        if b is not None and b.shape != y.shape:
            print(f"gradients a sample {a.shape}, add up to {b.shape}:", np.allclose(a.sum(axis=0), b))

    norms = np.sqrt(sum(np.sum(each[i].reshape(32, -1) ** 2, axis=1) for i in (0, 1, 3)))
    print(f"norms: median {np.median(norms):.3f}, greatest {norms.max():.3f} at sample {norms.argmax()}")
    assert norms.argmax() == 5

    bound = np.median(norms)
    scales = np.minimum(1.0, bound / norms)
    clipped = np.tensordot(scales, each[0], axes=1)
    print(f"norm of the gradient of w1: {np.linalg.norm(usual[0]):.3f}, clipped a sample {np.linalg.norm(clipped):.3f}")

    # The same with vmap of grad, for a function of one sample:
    def loss(w, x, y):
        return np.sum((np.tanh(x @ w[0] + w[1]) @ w[2] - y) ** 2) / 32

    gradients = pb.vmap(pb.grad(loss), in_axes=(None, 0, 0))((params[0], params[1], params[3]), x, y)
    print("vmap of grad agrees:", np.allclose(gradients[0], each[0]))


if __name__ == "__main__":
    main()
