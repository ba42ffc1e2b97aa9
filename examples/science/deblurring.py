"""Deblurring an image: the misfit after a blur, and a smoothed total variation."""

import numpy as np


def objective(image, blurred, kernel):
    """Return half the squared misfit of the blurred image, plus a penalty on its slopes."""
    k = kernel.shape[0] // 2
    padded = np.pad(image, k, mode="edge")
    model = np.zeros_like(image)
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            model += kernel[i, j] * padded[i : i + image.shape[0], j : j + image.shape[1]]
    misfit = 0.5 * np.sum((model - blurred) ** 2)
    dx, dy = np.diff(image, axis=0)[:, :-1], np.diff(image, axis=1)[:-1]
    return misfit + 0.05 * np.sum(np.sqrt(dx**2 + dy**2 + 1e-6))


def arguments(rng):
    image = np.zeros((48, 48))
    image[12:36, 16:30] = 1.0
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256.0
    return image + 0.05 * rng.normal(size=image.shape), image, kernel
