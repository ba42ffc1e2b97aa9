"""Primitives: one file a family, every rule of a primitive beside it."""

from . import (
    arithmetic,
    assembling,
    choice,
    comparison,
    complex,
    contraction,
    cumulative,
    determinants,
    discrete,
    exponential,
    indexing,
    linalg,
    reductions,
    shaping,
    sorting,
    trigonometric,
)

__all__ = [
    "arithmetic",
    "assembling",
    "choice",
    "comparison",
    "complex",
    "contraction",
    "cumulative",
    "determinants",
    "discrete",
    "exponential",
    "indexing",
    "linalg",
    "reductions",
    "shaping",
    "sorting",
    "trigonometric",
]
