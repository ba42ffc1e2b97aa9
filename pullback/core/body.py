"""Writing a Program down: the recorder of bodies, and of what is linear.

`ProgramRecorder` takes every operation on a Tracer while it is the *floor*, and finishes
with a Program. Operands from outside (Tracers of outer recorders, plain arrays) become
captures. `LinearRecorder` is not the floor: it takes only what touches its own inputs,
the tangents (or cotangents), and tracks which of its variables are *masked*, so that
products after a mask are recorded as strong ones (0 * inf = 0).

Plain arrays are mutable, so they are captured as snapshots: copied, and compared with
the copy when they are met again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import conventions, source
from .arrays import Data, snapshot
from .primitive import infer_types, primitives
from .program import Equation, Literal, Program, Var
from .recorder import Recorder
from .sizes import Real, Size, plain
from .tracer import Tracer, concrete, floor
from .types import PYTHON_SCALARS, Tape, type_of

__all__ = ["LinearRecorder", "ProgramRecorder"]


class ProgramRecorder(Recorder):
    """Records a body as a Program.

    Parameters
    ----------
    values : bool
        Carry concrete values beside the variables wherever the operands have them, so that
        Python's own control flow works; what Python took is kept as a guard if `guard`.
    closed : bool
        Write down every operation, those of plain values too, and arrays as equations: the
        Program of a pass has no constants, as the one that it came from had none.
    """

    __slots__ = ("_atoms", "_kept", "captured", "closed", "equations", "guards", "inputs", "layouts", "token",
                 "values")  # fmt: skip

    def __init__(self, values: bool = False, guard: bool = False, closed: bool = False) -> None:
        super().__init__()
        self.closed = closed
        self.values = values
        self.guards = guard
        self.inputs: list[Var] = []
        self.captured: list[tuple[Var, Any]] = []
        self.equations: list[Equation] = []
        self._atoms: dict[Any, Var] = {}
        self._kept: dict[int, Any] = {}
        self.layouts: Any = None  # which variables are not C-ordered: filled by `numpy.views` where it asks

    def __enter__(self):
        self.token = floor.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        floor.reset(self.token)
        self.close()

    # Inputs -------------------------------------------------------------------------------

    def input(self, type: Any, value: Any = None) -> Tracer:
        """Return the Tracer of a new input."""
        var = Var(type)
        self.inputs.append(var)
        return Tracer(self, value, var, type)

    def take(self, x: Tracer) -> Tracer:
        """Return a Tracer of this recorder for one from outside."""
        return Tracer(self, concrete(x) if self.values else None, self.atom(x), x.type)

    def atom(self, x: Any) -> Var | Literal:
        """Return what stands for an operand in an equation, capturing it if it is from outside."""
        if type(x) is Tracer:
            if x.recorder is self:
                return x.entry
            return self._capture((x.recorder.level, _identity(x.entry)), x.__copy__(), x.type)
        if type(x) in PYTHON_SCALARS or isinstance(x, np.generic):
            return Literal(x)
        if type(x) is Size or type(x) is Real:
            return Literal(plain(x))
        if isinstance(x, Tape):  # nobody writes to a tape
            return self._capture(id(x), x, x.type)
        return self._capture_array(x)

    def _capture(self, key: Any, value: Any, type: Any) -> Var:
        var = self._atoms.get(key)
        if var is None:
            var = self._atoms[key] = Var(type)
            self.captured.append((var, value))
        return var

    def _capture_array(self, x: Any) -> Var:
        known = self._kept.get(id(x))
        kept = snapshot(x, known[1] if known else None)
        if known is None or kept is not known[1]:
            self._kept[id(x)] = (x, kept)  # holds x, so that its id stays its own
        return self._write_constant(kept) if self.closed else self._capture(id(kept), kept, type_of(kept))

    def _write_constant(self, kept: Any) -> Var:
        var = self._atoms.get(id(kept))
        if var is None:
            var = self._atoms[id(kept)] = Var(type_of(kept))
            self.equations.append(Equation(primitives["constant"], (), (var,), {"data": Data(kept)}))
        return var

    # Recording ----------------------------------------------------------------------------

    def process(self, primitive: Any, operands: tuple, params: dict, known: Any = None) -> Any:
        """Record one equation; `known` are the values of its results where the caller has them."""
        if "known" in params:  # values computed already: of this run, and no part of the Program
            params = dict(params)
            known = params.pop("known").values
        atoms = tuple([self.atom(x) for x in operands])
        types = tuple([a.type for a in atoms])
        with_source = source.here()
        results = tuple([Var(t) for t in infer_types(primitive, types, params)])
        self.equations.append(Equation(primitive, atoms, results, params, with_source))
        out = [Tracer(self, None, x, x.type) for x in results]
        if self.values:
            self._give_values(primitive, operands, params, out, known)
        return tuple(out) if primitive.multiple else out[0]

    def write_in(self, program: Program, operands: Sequence[Any]) -> list[Any] | None:
        """Write all equations of a Program down, and return its outputs; None where each must be bound by itself.

        It does what binding them one by one would do, in a tenth of the time: the types are known. So the
        operands must be of the Program's own types, and none a Tracer that something further in records.
        """
        if self.values or program.constants:
            return None
        env: dict[Any, Any] = {}
        plain = ()
        for x, var in zip(operands, program.inputs, strict=True):
            if type(x) is Tracer:
                recorder = x.recorder
                if x.type is not var.type or recorder.level > self.level:
                    return None
                env[var] = x.entry if recorder is self else self.atom(x)
            elif type_of(x) is var.type:
                plain = (*plain, var)
                env[var] = self.atom(x)
            else:
                return None
        if plain and not self.closed and _evaluates(program, plain):
            return None
        where, write, new = source.here(2), self.equations.append, tuple.__new__
        for primitive, inputs, results, params, line in program.equations:
            read = tuple([env[x] if type(x) is Var else x for x in inputs])
            own = []
            for x in results:
                env[x] = var = Var(x.type)
                own.append(var)
            write(new(Equation, (primitive, read, tuple(own), params, where if line is None else line or None)))
        return [self._given(x, env, program.inputs, operands) for x in program.outputs]

    def _given(self, x: Any, env: dict[Any, Any], inputs: tuple[Var, ...], operands: Sequence[Any]) -> Any:
        """Return what stands for an output of a Program that was written in."""
        if type(x) is Literal:
            return x.value
        return operands[inputs.index(x)] if x in inputs else Tracer(self, None, env[x], x.type)

    def _give_values(self, primitive: Any, operands: tuple, params: dict, out: list[Tracer], known: Any) -> None:
        if known is None:
            values = [concrete(x) for x in operands]
            if any(v is None for v in values):
                return
            known = primitive.evaluate_weak(tuple(values), params)
            known = known if primitive.multiple else (known,)
        for x, value in zip(out, known, strict=True):
            x.value = value

    def took(self, tracer: Tracer, kind: type, value: Any) -> None:
        if self.guards:
            expected = value.tobytes() if kind is np.ndarray else value
            self.process(primitives["guard"], (tracer,), {"kind": kind, "expected": expected})

    def source_of(self, tracer: Tracer) -> Any:
        for eq in reversed(self.equations):
            if any(x is tracer.entry for x in eq.results):
                return eq.source
        return self.made if any(x is tracer.entry for x in self.inputs) else None

    # The end --------------------------------------------------------------------------------

    def finish(self, outputs: Any, signature: Any = None) -> Program:
        """Return the Program, its captures as constants."""
        outs = tuple(self.atom(x) for x in outputs)
        return Program(tuple(self.inputs), tuple(self.equations), outs, tuple(self.captured), signature)

    def finish_closed(self, outputs: Any) -> tuple[Program, list[Any]]:
        """Return a closed Program whose leading inputs are the captures, and what was captured."""
        outs = tuple(self.atom(x) for x in outputs)
        inputs = tuple(x for x, _ in self.captured) + tuple(self.inputs)
        return Program(inputs, tuple(self.equations), outs), [value for _, value in self.captured]


class LinearRecorder(ProgramRecorder):
    """Records what is linear in its inputs; used as a floor it may hold residual inputs too.

    `moving` maps each variable that depends on the linear inputs to whether it is masked.
    """

    __slots__ = ("moving", "strong_zeros")

    def __init__(self, closed: bool = False) -> None:
        super().__init__(closed=closed)
        self.moving: dict[Var, bool] = {}
        self.strong_zeros = conventions.current().strong_zeros

    def linear_input(self, type: Any, masked: bool = False) -> Tracer:
        """Return the Tracer of a tangent or cotangent."""
        x = self.input(type)
        self.moving[x.entry] = masked and self.strong_zeros
        return x

    def write_in(self, program: Program, operands: Sequence[Any]) -> None:
        """Leave each equation to `process`, which follows what moves."""

    def is_masked(self, x: Any) -> bool:
        """Return whether a Tracer's zeros were made by a mask."""
        return type(x) is Tracer and x.recorder is self and self.moving.get(x.entry, False)

    def process(self, primitive: Any, operands: tuple, params: dict, known: Any = None) -> Any:
        moving = [
            i for i, x in enumerate(operands) if type(x) is Tracer and x.recorder is self and x.entry in self.moving
        ]
        masked = False
        if moving and self.strong_zeros:
            masked = primitive.masks or all(self.moving[operands[i].entry] for i in moving)
            if masked and primitive.strong is not None:
                primitive, operands = _strengthened(primitive, operands, moving[0])
        out = super().process(primitive, operands, params, known)
        if moving:
            for x in out if primitive.multiple else (out,):
                self.moving[x.entry] = masked
        return out


def _evaluates(program: Program, plain: tuple[Var, ...]) -> bool:
    """Return whether an equation of a Program has no operand that is traced, where these inputs are plain values."""

    def found() -> bool:
        return any(all(type(x) is Literal or x in plain for x in eq.operands) for eq in program.equations)

    return program.derived(("evaluates", plain), found)


def _strengthened(primitive: Any, operands: tuple, masked: int) -> tuple[Any, tuple]:
    """Return the strong product, the masked factor first."""
    if masked == 0:
        return primitive.strong, operands
    return primitive.strong, (operands[masked], operands[1 - masked])


def _identity(entry: Any) -> Any:
    """Return a hashable stand-in for what an outer recorder wrote down for a Tracer."""
    return entry if isinstance(entry, int | Var) else id(entry)
