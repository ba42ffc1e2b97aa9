"""Programs: typed lists of equations in A-normal form, each variable bound once.

    results = primitive[params](operands)

A Program is frozen: a pass returns a new one. Its constants are variables with values
beside them and outside its structural hash, so that two Programs that do the same work
on different data are equal. A Program held in an equation's parameters is closed: it has
no constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from . import conventions
from . import source as _source
from .errors import CheckError
from .interning import Recent, made_once
from .primitive import Cost, Primitive, freeze
from .printer import print_program
from .types import type_of

__all__ = ["Equation", "Literal", "Program", "Var", "held_programs", "intern", "note_native"]


class Var:
    """A variable: bound once, typed. It has no name until it is printed."""

    __slots__ = ("type",)

    def __init__(self, type: Any) -> None:
        self.type = type

    def __repr__(self) -> str:
        return f"Var({self.type})"


class Literal:
    """A scalar written into an equation."""

    __slots__ = ("type", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.type = type_of(value)

    @property
    def key(self) -> tuple:
        """What makes two literals equal: NaN equals itself, and -0.0 is not 0.0."""
        return self.type, repr(self.value)

    def __repr__(self) -> str:
        return f"{self.value!r}" if self.type.weak else f"{self.type.dtype.name}({self.value})"


class Equation(NamedTuple):
    """``results = primitive[params](operands)``, and the user's source line."""

    primitive: Primitive
    operands: tuple[Any, ...]
    results: tuple[Var, ...]
    params: dict[str, Any]
    source: Any = None

    @property
    def cost(self) -> Cost:
        """Floating-point operations and bytes moved, from the primitive."""
        return self.primitive.cost(
            tuple(x.type for x in self.operands), tuple(x.type for x in self.results), **self.params
        )

    @property
    def calls_out(self) -> bool:
        """Whether it prints or calls back, itself or in a Program that it holds."""
        if self.primitive.effect in ("print", "callback"):
            return True
        return bool(self.params) and any(p.calls_out for p in held_programs(self.params))

    def __reduce__(self):
        return Equation, (self.primitive, self.operands, self.results, self.params, _source.portable(self.source))


_FROZEN = frozenset({"inputs", "constants", "equations", "outputs", "signature"})


class Program:
    """A typed, frozen list of equations.

    Attributes
    ----------
    inputs : tuple of Var
        Bound by the caller.
    constants : tuple of (Var, value)
        Arrays that the user's code took from outside, or Tracers of an outer recorder.
    equations : tuple of Equation
        In an order in which they can be run.
    outputs : tuple of Var or Literal
        What is returned.
    signature : Signature or None
        How arguments and results are structured, where the Program came from `trace`.

    Examples
    --------
    >>> import pullback as pb, numpy as np
    >>> program = pb.trace(lambda x: np.sin(x) * 2.0)(np.ones(3))
    >>> program.equations[0].primitive
    sin
    >>> program(np.zeros(3))
    array([0., 0., 0.])
    """

    def __init__(
        self,
        inputs: tuple[Var, ...],
        equations: tuple[Equation, ...],
        outputs: tuple[Any, ...],
        constants: tuple[tuple[Var, Any], ...] = (),
        signature: Any = None,
    ) -> None:
        self.inputs = inputs
        self.constants = constants
        self.equations = equations
        self.outputs = outputs
        self.signature = signature
        self._canonical: Program | None = None  # the other that `intern` found
        self._is_canonical = False
        self.is_simple = False  # whether `simplify` has made it
        self._derived: dict[Any, Any] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FROZEN and name in self.__dict__:
            raise AttributeError(f"a Program is frozen: {name!r} cannot be set; a pass returns a new Program")
        self.__dict__[name] = value

    @property
    def in_types(self) -> tuple[Any, ...]:
        """Types of the inputs."""
        return tuple(x.type for x in self.inputs)

    @property
    def out_types(self) -> tuple[Any, ...]:
        """Types of the outputs."""
        return tuple(x.type for x in self.outputs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the Program on arguments of the structure that it was traced with."""
        if self.signature is None:
            raise TypeError("this Program takes flat lists of arrays: run it with pullback.core.replay.replay")
        return self.signature.run(self, args, kwargs)

    def __str__(self) -> str:
        return print_program(self)

    def __repr__(self) -> str:
        return print_program(self)

    # Cost ---------------------------------------------------------------------------------

    @cached_property
    def cost(self) -> Cost:
        """Floating-point operations and bytes of all equations; a loop of unknown length counts as one turn."""
        costs = [eq.cost for eq in self.equations]
        return Cost(sum(c.flops for c in costs), sum(c.bytes for c in costs))

    def costs(self) -> Iterator[tuple[Equation, Cost]]:
        """Yield each equation with its cost."""
        for eq in self.equations:
            yield eq, eq.cost

    @cached_property
    def calls_out(self) -> bool:
        """Whether it prints or calls back into the user's code, in a Program that it holds too."""
        return any(eq.calls_out for eq in self.equations)

    # Structure ----------------------------------------------------------------------------

    @cached_property
    def structure(self) -> tuple:
        """What the Program does, with variables numbered in order of binding: equal for equal Programs."""
        number: dict[Var, int] = {}

        def bound(xs: Any) -> tuple:
            for x in xs:
                number[x] = len(number)
            return tuple([x.type for x in xs])

        def used(xs: Any) -> tuple:
            return tuple([number[x] if type(x) is Var else x.key for x in xs])

        head = bound([x for x, _ in self.constants]), bound(self.inputs)
        body = tuple(
            (eq.primitive.name, used(eq.operands), freeze(eq.params), bound(eq.results)) for eq in self.equations
        )
        return head, body, used(self.outputs)

    @cached_property
    def sources(self) -> tuple:
        """Where each equation was written, those of Programs that it holds too."""
        found = []
        for eq in self.equations:
            where = eq.source
            found.append((id(where[0]), where[1]) if where and len(where) == 2 else where)
            if eq.params:
                found += [p.sources for p in held_programs(eq.params)]
        return tuple(found)

    @cached_property
    def _hash(self) -> int:
        return hash(self.structure)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Program):
            return NotImplemented
        return self._hash == other._hash and self.structure == other.structure

    # What is derived from it ------------------------------------------------------------------

    def derived(self, key: tuple, make: Callable[[], Any]) -> Any:
        """Return what `make` derives from this Program: made once for each key and conventions, and kept."""
        key = *key, conventions.current()
        if key in self._derived:
            return self._derived[key]
        with _source.inherit(_source.NOWHERE):  # a derivation belongs to no line of the user's
            return made_once(self, self._derived, key, make)

    def bare(self) -> Program:
        """Return the same Program without what was derived from it: for what is itself derived, and keeps it."""
        program = Program(self.inputs, self.equations, self.outputs, self.constants, self.signature)
        program.is_simple = self.is_simple
        return program

    def __reduce__(self):
        return Program, (self.inputs, self.equations, self.outputs, self.constants, self.signature)


def held_programs(params: dict) -> list[Program]:
    """Return the Programs among parameters, those inside tuples too."""
    found = []
    for value in params.values():
        found += [p for p in (value if isinstance(value, tuple) else (value,)) if isinstance(p, Program)]
    return found


_NATIVE = 32  # what native code weighs, with all that was made on the way to it: some 100 kB
_canonical = Recent(4096)  # so many Programs, or 128 of them that are compiled


def intern(program: Program) -> Program:
    """Return the one Program of this structure and these source lines: what is derived from it is derived once.

    Only for closed Programs. A bounded number is remembered, by use; a Program that was forgotten
    lives on where it is used.
    """
    if program.constants:
        raise CheckError(f"a Program of {len(program.constants)} constants was to be held: they would be lost")
    if program._is_canonical:
        return program
    found = program._canonical
    if found is None:
        found = _canonical.one((program, program.sources), program)
        if found is program:  # noted by a flag: a Program that held itself would live until the collector came
            program._is_canonical = True
        else:
            program._canonical = found
    return found


def note_native(program: Program) -> None:
    """Note that a Program has native code, of which fewer are remembered."""
    if program._is_canonical:
        _canonical.weigh((program, program.sources), _NATIVE)
