"""A small convolutional network that tells horizontal from vertical bars.

Run: python examples/convolution.py
"""

import numpy as np

from pullback.chain import Chain, adam, add, conv2d, dot, flatten, he, max_pool, relu, softmax_cross_entropy


def bars(rng, n):
    """Return n noisy images of 8 × 8 pixels with one bar each, and 0 for horizontal, 1 for vertical."""
    x = 0.3 * rng.standard_normal((n, 1, 8, 8))
    y = rng.integers(0, 2, n)
    for image, vertical, place in zip(x[:, 0], y, rng.integers(0, 8, n), strict=True):
        if vertical:
            image[:, place] += 1.0
        else:
            image[place] += 1.0
    return x, y


def main():
    rng = np.random.default_rng(0)
    x, y = bars(rng, 128)
    chain = Chain([conv2d.partial(padding=1), add, relu, max_pool, flatten, dot, add, softmax_cross_entropy])
    params = [he(rng, (4, 1, 3, 3)), np.zeros((4, 1, 1)), None, None, None, he(rng, (64, 2)), np.zeros(2)]
    optimiser = adam(0.02)
    state = optimiser.init(params)
    for step in range(101):
        value, _, grads = chain.backward(x, [*params, y])
        if step % 25 == 0:
            print(f"step {step:3}   loss {value:.4f}")
        params, state = optimiser.update(grads[:-1], state, params)
    x, y = bars(rng, 500)
    accuracy = np.mean(np.argmax(chain[:-1].evaluate(x, params), axis=1) == y)
    print(f"accuracy on new images: {100 * accuracy:.1f} %")
    assert accuracy > 0.95


if __name__ == "__main__":
    main()
