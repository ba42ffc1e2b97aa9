"""forms: how the arguments of a call lie in memory, and how its result is put together, said in data.

A `Form` is what the interpreter of calls (`llvm/entry.py`) is given beside the code of a
Program: a list of *nodes* that the objects of a call must match one by one, and a list of
*steps* that make the result. Nodes are in breadth-first order, so that the children of a
container follow each other; the first nodes are the arguments themselves.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

__all__ = ["NUMBERS", "Form", "Kind", "Make", "Node", "Step"]

# Classes whose objects are numbers of one dtype; not of long doubles, which have bytes that say nothing.
NUMBERS = frozenset({float, complex} | {t for t in np.sctypeDict.values() if np.dtype(t).char in "?bBhHiIlLqQefdFD"})


class Kind(IntEnum):
    """What a node must be.

    ARRAY: an ndarray of a dtype and shape, in C order and aligned, that is handed over as it is; CELL: one of no
    axes, whose value is taken out; NUMBER: a Python float or complex, or a NumPy scalar; INT and BOOL: Python's;
    SAME: one object and no other; then containers, of exactly that type.
    """

    ARRAY = 0
    CELL = 1
    NUMBER = 2
    INT = 3
    BOOL = 4
    SAME = 5
    TUPLE = 6
    LIST = 7
    DICT = 8


class Node(NamedTuple):
    """One argument, or a part of one.

    Attributes
    ----------
    kind : Kind
    expected : object
        The `ArrayType` of ARRAY and CELL, the class of a NUMBER or a container, the object of SAME.
    number : int
        Which input of the Program a leaf is; of a container, the node that is its first child.
    count : int
        Children of a container; bytes of a NUMBER.
    keys : tuple
        Of a dict, in the order in which it has them.
    """

    kind: Kind
    expected: Any = None
    number: int = 0
    count: int = 0
    keys: tuple = ()


class Make(IntEnum):
    """What a step does with a stack of objects: push a result or a constant; take the last n and push one of them."""

    RESULT = 0
    CONSTANT = 1
    TUPLE = 2
    LIST = 3
    DICT = 4
    CALL = 5  # the last, a tuple, is what a callable is called with


class Step(NamedTuple):
    """One step: which result (or how many objects), the constant or the callable, the keys of a dict."""

    make: Make
    number: int = 0
    value: Any = None
    keys: tuple = ()


class Form(NamedTuple):
    """How the arguments of one call lie, and how its result is put together.

    Attributes
    ----------
    n_args : int
        Arguments that are given by position; those given by name follow.
    names : tuple of str
    nodes : tuple of Node
    steps : tuple of Step
    """

    n_args: int
    names: tuple[str, ...]
    nodes: tuple[Node, ...]
    steps: tuple[Step, ...]

    @property
    def key(self) -> tuple:
        """What is equal for equal forms of calls of one signature: objects are told apart by who they are."""
        return self.n_args, self.names, tuple((x.kind, id(x.expected), x.number, x.count, x.keys) for x in self.nodes)
