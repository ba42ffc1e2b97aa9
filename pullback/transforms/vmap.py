"""vmap: f of one lane to f of many, by each primitive's batch rule.

Inside, the batch axis is always the first: whoever maps over another moves it there
once, on the way in, and back on the way out.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NamedTuple

from pullback.core.body import ProgramRecorder
from pullback.core.made import Latest
from pullback.core.primitive import Same
from pullback.core.program import Program
from pullback.core.recorder import Recorder
from pullback.core.replay import replay
from pullback.core.source import made_at
from pullback.core.tracer import Tracer, settled
from pullback.core.types import TapeType, array_type, tape_type, type_of
from pullback.primitives.tapes import spread

from .simplify import simplify

__all__ = ["BatchedProgram", "VmapRecorder", "batch_program", "mapping"]

mapping: ContextVar[bool] = ContextVar("pullback maps over lanes", default=False)  # a function of one lane is running


class VmapRecorder(Recorder):
    """Replaces each operation on a lane by the operation on all lanes, as it is made."""

    __slots__ = ("_latest", "size")

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._latest = Latest()

    def input(self, lanes: Any) -> Tracer:
        """Return the Tracer of one lane, given all of them with the batch axis in front."""
        return Tracer(self, None, settled(lanes), lane_type(type_of(lanes)))

    def process(self, primitive: Any, operands: tuple, params: dict) -> Any:
        batched = tuple([type(x) is Tracer and x.recorder is self for x in operands])
        values = tuple([x.entry if b else x for x, b in zip(operands, batched, strict=True)])
        out = primitive.batch(self.size, values, batched, **params)
        if primitive.multiple:
            return tuple([self._lane(x) for x in out])
        return self._lane(out)

    def _lane(self, out: Any) -> Any:
        if type(out) is Same:
            return settled(out.value)
        lane = self.input(out)
        self._latest.note(lane)
        return lane

    def source_of(self, tracer: Tracer) -> Any:
        return self._latest.source_of(tracer) or made_at(tracer.entry) or self.made

    def lanes(self, x: Any) -> Any:
        """Return all lanes of an output, repeated if it is the same in every lane."""
        return x.entry if type(x) is Tracer and x.recorder is self else spread(x, self.size)

    def is_batched(self, x: Any) -> bool:
        """Return whether an output differs from lane to lane."""
        return type(x) is Tracer and x.recorder is self


def lane_type(type: Any) -> Any:
    """Return the type of one lane."""
    if isinstance(type, TapeType):
        return tape_type(lane_type(type.element))
    return array_type(type.shape[1:], type.dtype)


class BatchedProgram(NamedTuple):
    """The Program over all lanes, and which of its outputs have a batch axis."""

    program: Program
    batched: tuple[bool, ...]


def batch_program(
    program: Program, size: int, batched: tuple[bool, ...], force: tuple[bool, ...] | None = None
) -> BatchedProgram:
    """Return the Program of `size` lanes.

    Parameters
    ----------
    batched : tuple of bool
        Which inputs have a batch axis in front.
    force : tuple of bool, optional
        Outputs that must have a batch axis even where all lanes agree.
    """
    force = force or (False,) * len(program.outputs)
    return program.derived(("batch", size, batched, force), lambda: _batch(program, size, batched, force))


def _batch(program: Program, size: int, batched: tuple, force: tuple) -> BatchedProgram:
    with ProgramRecorder(closed=True) as outer:
        recorder = VmapRecorder(size)
        xs = [
            recorder.input(outer.input(t.batched(size))) if b else outer.input(t)
            for t, b in zip(program.in_types, batched, strict=True)
        ]
        outs = replay(program, xs)
        out_batched = tuple(f or recorder.is_batched(y) for y, f in zip(outs, force, strict=True))
        lanes = [recorder.lanes(y) if b else y for y, b in zip(outs, out_batched, strict=True)]
        recorder.close()
        whole = outer.finish(lanes)
    return BatchedProgram(simplify(whole), out_batched)
