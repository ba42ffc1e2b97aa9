"""Bundle adjustment (ADBench's): the 2 × 15 Jacobians of the reprojection error, over many observations.

The 15 numbers of an observation: rotation 3, centre 3, focal length, principal point 2, radial
distortion 2 (the camera), point 3, weight. They are gathered before, for all contenders. The
angle of the rotation is not zero. `pb.jacobian` takes the cheaper way, which is reverse: two
outputs, fifteen inputs; JAX's `jacfwd` and `jacrev` are both there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from benchmarks import c, peers
from benchmarks.timing import Call

from .case import Case, ours

OBSERVATIONS = {"tiny": 3, "quick": 1000, "full": 31_843}


def residual(np: Any) -> Callable[[Any, Any], Any]:
    """Return ``weight (projection - feature)``, two numbers, as a function of the 15 and of the feature."""

    def f(z: Any, feature: Any) -> Any:
        rotation, centre, focal, principal = z[0:3], z[3:6], z[6], z[7:9]
        radial, point, weight = z[9:11], z[11:14], z[14]
        image = rotated(np, rotation, point - centre)
        image = image[:2] / image[2]
        r2 = np.sum(image * image)
        distorted = image * (1 + radial[0] * r2 + radial[1] * r2 * r2)
        return weight * (principal + distorted * focal - feature)

    return f


def rotated(np: Any, rotation: Any, y: Any) -> Any:
    """Return y, turned about the axis `rotation` by its length: Rodrigues' formula."""
    angle = np.sqrt(np.sum(rotation * rotation))
    w = rotation / angle
    cosine, sine = np.cos(angle), np.sin(angle)
    return y * cosine + np.cross(w, y) * sine + w * (np.sum(w * y) * (1 - cosine))


def data(p: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the 15 numbers (p, 15) and the feature (p, 2) of p observations; points lie before their cameras."""
    rng = np.random.default_rng(5)
    rotation = rng.uniform(0.05, 0.4, size=(p, 3)) * rng.choice([-1, 1], size=(p, 3))
    centre, point = rng.normal(size=(p, 3)), rng.normal(size=(p, 3))
    point[:, 2] += 10
    camera = [rng.uniform(500, 900, size=(p, 1)), rng.normal(size=(p, 2)), 0.01 * rng.normal(size=(p, 2))]
    weight = rng.uniform(0.5, 1, size=(p, 1))
    return np.concatenate([rotation, centre, *camera, point, weight], axis=1), 100 * rng.normal(size=(p, 2))


def in_c(args: tuple) -> Call:
    z, features = args
    out = np.empty((len(z), 2, 15))
    f = c.bind(c.load("ba").ba_jacobian, len(z), z, features, out, result=None)
    return lambda: (f(), out)[1]


def cases(size: str) -> list[Case]:
    p = OBSERVATIONS[size]
    args = data(p)
    contenders = ours(pb.vmap(pb.jacobian(residual(np))), args)
    contenders["jax.jit jacfwd"] = peers.jax_jit(lambda jax, jnp: jax.vmap(jax.jacfwd(residual(jnp))), args)
    contenders["jax.jit jacrev"] = peers.jax_jit(lambda jax, jnp: jax.vmap(jax.jacrev(residual(jnp))), args)
    contenders["C"] = lambda: in_c(args)
    work = f"bundle adjustment: Jacobians (2, 15) of {p:,} observations"
    at_least = {"jax.jit jacfwd": 5, "jax.jit jacrev": 5, "C": 1}
    return [Case(work, contenders, rtol=1e-11, at_least=at_least)]
