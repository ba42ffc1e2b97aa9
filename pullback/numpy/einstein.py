"""einsum: explicit and implicit, any number of operands, ellipsis, repeated labels.

Two operands at a time are contracted, in the order that `numpy.einsum_path` finds greedily.
A label repeated within one operand takes its diagonal first; an axis of size 1 against a
longer one broadcasts, as in NumPy.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from pullback.core import source
from pullback.core.errors import ShapeError
from pullback.core.recorder import bind
from pullback.primitives.contraction import contract
from pullback.primitives.reductions import sum_

from .arguments import as_dtype, dtype_of, ndim, operand, permute, refuse, reshaped, shape, strong
from .diagonals import diagonal
from .products import contracted
from .registry import covers

__all__ = ["einsum"]

Label = Any  # a letter; for an axis under the ellipsis, its number from the right: -1, -2, …


@covers(np.einsum)
def einsum(
    *operands: Any, out: Any = None, optimize: Any = False, dtype: Any = None, order: Any = None, casting: Any = None
) -> Any:
    """Sum of products over labelled axes."""
    if (
        len(operands) == 3
        and type(operands[0]) is str
        and out is None
        and dtype is None
        and order is None
        and casting is None
    ):
        text, a, b = operands
        a, b = operand(a), operand(b)
        axes = _two(text, shape(a), shape(b)) if shape(a) and shape(b) else None
        if axes is not None:
            return bind(contract, (a, b), {"a_axes": axes[0], "b_axes": axes[1], "out_axes": axes[2]})
    refuse("einsum", out=out)
    text, xs = _written(operands)
    xs = [_cast(strong(operand(x)), dtype, casting or "safe") for x in xs]
    labels, result = _labels(text, tuple(ndim(x) for x in xs))
    terms = [_without_repeats(x, list(own)) for x, own in zip(xs, labels, strict=True)]
    terms = _without_ones(terms)
    order_of = _path(tuple(tuple(own) for _, own in terms), tuple(shape(x) for x, _ in terms), result)
    for pair in order_of:
        taken = [terms.pop(i) for i in sorted(pair, reverse=True)]
        terms.append(_together(taken, terms, result))
    return _finished(*terms[0], result)


def _cast(x: Any, dtype: Any, casting: Any) -> Any:
    if dtype is not None and not np.can_cast(dtype_of(x), dtype, casting):
        raise TypeError(f"Cannot cast from {dtype_of(x)!r} to {np.dtype(dtype)!r} according to the rule {casting!r}")
    return as_dtype(x, dtype)


@lru_cache(maxsize=1024)
def _two(text: str, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple, tuple, tuple] | None:
    """Return the axes of one plain contraction; None where a label is repeated, or an axis broadcasts."""
    (of_a, of_b), result = _labels(text.replace(" ", ""), (len(a), len(b)))
    sizes: dict[Label, int] = {}
    pairs = [*zip(of_a, a, strict=True), *zip(of_b, b, strict=True)]
    if len(set(of_a)) != len(of_a) or len(set(of_b)) != len(of_b):
        return None
    if any(sizes.setdefault(label, n) != n for label, n in pairs):
        return None
    number = {label: k for k, label in enumerate(sizes)}
    return tuple(tuple(number[x] for x in own) for own in (of_a, of_b, result))  # type: ignore[return-value]


def _written(operands: tuple) -> tuple[str, list[Any]]:
    """Return the subscripts as text, and the arrays; the form with lists of ints is translated."""
    if not operands:
        raise ValueError("must specify the einstein sum subscripts string and at least one operand")
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    arrays, lists = list(operands[0:-1:2]), list(operands[1::2])
    parts = [_letters(x) for x in lists]
    tail = f"->{_letters(operands[-1])}" if len(operands) % 2 else ""
    return ",".join(parts[: len(arrays)]) + tail, arrays


def _letters(given: Any) -> str:
    return "".join("..." if x is Ellipsis else chr(ord("A") + x if x < 26 else ord("a") + x - 26) for x in given)


@lru_cache(maxsize=1024)
def _labels(text: str, ndims: tuple[int, ...]) -> tuple[tuple[tuple[Label, ...], ...], tuple[Label, ...]]:
    """Return the labels of each operand's axes, and of the result's."""
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(ndims):
        raise ValueError(f"einsum of {text!r}: {len(parts)} subscripts for {len(ndims)} operands")
    found = tuple(_expanded(part, n, text) for part, n in zip(parts, ndims, strict=True))
    hidden = sorted({x for own in found for x in own if isinstance(x, int)})
    if not arrow:
        letters = [x for own in found for x in own if isinstance(x, str)]
        return found, (*hidden, *sorted(x for x in set(letters) if letters.count(x) == 1))
    if "..." in right:
        head, _, tail = right.partition("...")
        result: tuple[Label, ...] = (*head, *hidden, *tail)
    else:
        result = tuple(right)
    known = {x for own in found for x in own}
    for x in result:
        if x not in known:
            raise ValueError(
                f"einstein sum subscripts string included output subscript {x!r} which never appeared in an input"
            )
    if len(set(result)) != len(result):
        raise ValueError("einstein sum subscripts string includes an output subscript multiple times")
    return found, result


def _expanded(part: str, n: int, text: str) -> tuple[Label, ...]:
    head, dots, tail = part.partition("...")
    hidden = n - len(head) - len(tail)
    if any(not x.isalpha() for x in head + tail):
        raise ValueError(f"invalid subscript in {text!r}: subscripts must be letters")
    if hidden < 0 or (hidden and not dots):
        raise ValueError(f"einsum of {text!r}: {part!r} has {len(head + tail)} subscripts for an operand of {n} axes")
    return (*head, *range(-hidden, 0), *tail)


def _without_repeats(x: Any, labels: list[Label]) -> tuple[Any, list[Label]]:
    """Take the diagonal of axes that have one label."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            if shape(x)[i] != shape(x)[j]:
                raise ValueError(
                    f"dimensions in single operand for collapsing index {label!r} don't match "
                    f"({shape(x)[i]} != {shape(x)[j]})"
                )
            x = diagonal(x, 0, i, j)
            labels = [*labels[:i], *labels[i + 1 : j], *labels[j + 1 :], label]
    return x, labels


def _without_ones(terms: list[tuple[Any, list[Label]]]) -> list[tuple[Any, list[Label]]]:
    """Drop axes of size 1 that meet a longer one; refuse sizes that differ otherwise."""
    sizes: dict[Label, int] = {}
    for x, labels in terms:
        for label, n in zip(labels, shape(x), strict=True):
            old = sizes.setdefault(label, n)
            if old == 1:
                sizes[label] = n
            elif n not in (1, old):
                raise ShapeError(
                    f"einsum: the axes labelled {label!r} have sizes {old} and {n}",
                    where=source.here(),
                    why="axes of one label must have one size",
                    fix="give them two labels, or cut the arrays to one size",
                    operands=[x for x, _ in terms],
                )
    out = []
    for x, labels in terms:
        kept = [i for i, label in enumerate(labels) if shape(x)[i] == sizes[label]]
        out.append((reshaped(x, tuple(shape(x)[i] for i in kept)), [labels[i] for i in kept]))
    return out


@lru_cache(maxsize=1024)
def _path(labels: tuple, shapes: tuple, result: tuple) -> tuple[tuple[int, ...], ...]:
    """Return which operands to contract, step by step; the result of a step goes to the end."""
    if len(labels) < 3:
        return ((0, 1),) if len(labels) == 2 else ()
    number: dict[Label, int] = {}
    for own in labels:
        for x in own:
            number.setdefault(x, len(number))
    arguments: list[Any] = []
    for own, sizes in zip(labels, shapes, strict=True):
        arguments += [np.broadcast_to(0.0, sizes), [number[x] for x in own]]
    found = np.einsum_path(*arguments, [number[x] for x in result], optimize="greedy")[0][1:]
    return tuple(tuple(pair) for pair in found)


def _together(taken: list, others: list, result: tuple) -> tuple[Any, list[Label]]:
    """Contract the operands that were taken, two by two."""
    term = taken[-1]
    rest = taken[:-1]
    while rest:
        x, labels = rest.pop()
        wanted = {label for _, own in (*others, *rest) for label in own} | set(result)
        last = not others and not rest
        both = dict.fromkeys((*term[1], *labels))
        out = [label for label in (result if last else both) if label in wanted and label in both]
        term = contracted(term[0], x, term[1], labels, out), out
    return term


def _finished(x: Any, labels: list[Label], result: tuple) -> Any:
    """Sum out what the result does not have, and put the axes in its order."""
    axes = tuple(i for i, label in enumerate(labels) if label not in result)
    if axes:
        x = as_dtype(sum_(x, axes=axes), dtype_of(x))  # small integers stay small
        labels = [label for label in labels if label in result]
    return permute(x, tuple(labels.index(label) for label in result))
