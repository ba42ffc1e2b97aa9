"""Views: Tracers that are read from another one, as NumPy's views are from their base.

A Tracer that NumPy would make a view of another has an *alias*: its parent and how it is
read from it. Writing is functional inside: the Tracer object *moves on* to a new value, so
that every name of it sees the new one; then its ancestors move on, each with the view
written back into it, and what else was read from them is *stale*. A stale Tracer has empty
slots: whoever reads `recorder`, `value` or `entry` of it ends in ``Tracer.__getattr__``, which
reads it again through its parent. So operations on Tracers that are no views look at nothing
and pay nothing.

Invariants
    a Tracer that is not stale has no stale ancestor
    an alias lists, weakly, the views that were read since it was written last
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from weakref import ref

from . import source
from .errors import MutationError
from .tracer import Tracer, floor
from .tracer import refresh as slot
from .tree import flatten

__all__ = [
    "Alias",
    "adopt",
    "check_inside",
    "is_stale",
    "made_stale",
    "move_on",
    "read_leaves",
    "refresh",
    "rewrite",
    "running",
]

_MANY = 32

# While a user's function runs: a list, in which something is once a view has become stale in it.
running: ContextVar[list[bool] | None] = ContextVar("pullback runs a function", default=None)


class Alias:
    """What a Tracer is a view of, how it is read, and which views have been read from it.

    Attributes
    ----------
    parent : Tracer or None
        None of a Tracer that owns its elements.
    how : object
        Has ``read(parent)``, ``write(parent, view)`` and ``layout(array)``; see `numpy.views`.
    children : list
        Weak references to the views that are not stale.
    ordered : bool or None
        Of one that owns its elements: whether it is C-ordered in NumPy; decided before it is first written to.
    """

    __slots__ = ("_limit", "children", "how", "ordered", "parent")

    children: Any

    def __init__(self, parent: Tracer | None, how: Any) -> None:
        self.parent = parent
        self.how = how
        self.children = ()  # a list, once there is one
        self.ordered: bool | None = None

    def add(self, view: Tracer) -> None:
        """Note a view that is up to date; forget those that nobody holds any more, now and then."""
        children = self.children
        if not children:
            self.children = [ref(view)]
            self._limit = _MANY
            return
        if len(children) >= self._limit:
            children[:] = [r for r in children if r() is not None]
            self._limit = max(_MANY, 2 * len(children))
        children.append(ref(view))


def adopt(parent: Tracer, how: Any, view: Tracer) -> Tracer:
    """Make a Tracer that was just read from `parent` a view of it, and return it."""
    alias = parent.alias
    if alias is None:
        alias = parent.alias = Alias(None, None)
    view.alias = Alias(parent, how)
    alias.add(view)
    return view


_recorder_of = Tracer.__dict__["recorder"].__get__  # the slot itself: it does not fall back on __getattr__


def is_stale(x: Tracer) -> bool:
    """Return whether a Tracer has to be read again."""
    try:
        _recorder_of(x)
    except AttributeError:
        return True
    return False


def move_on(x: Tracer, new: Tracer) -> None:
    """Let a Tracer, under all its names, be what `new` is."""
    x.recorder, x.value, x.entry = new.recorder, new.value, new.entry


def rewrite(x: Tracer, new: Tracer) -> None:
    """Let a Tracer that was written to be `new`; write it back to its base; make other views stale."""
    move_on(x, new)
    _forget(x, None)
    while x.alias is not None and x.alias.parent is not None:
        parent, how = x.alias.parent, x.alias.how
        move_on(parent, how.write(parent, x))
        _forget(parent, x)
        parent.alias.add(x)  # not listed yet, if it was stale when all of it was written
        x = parent


def _forget(x: Tracer, but: Tracer | None) -> None:
    """Make all that was read from a Tracer stale, but for one."""
    waiting = [(x, but)]
    while waiting:
        parent, kept = waiting.pop()
        alias = parent.alias
        if alias is None or not alias.children:
            continue
        children, alias.children = alias.children, ()
        for child in (r() for r in children):
            if child is not None and child is not kept and not is_stale(child):
                del child.recorder, child.value, child.entry
                made_stale()
                waiting.append((child, None))


def made_stale() -> None:
    """Note that what the running function returns may be stale."""
    state = running.get()
    if state is not None and not state:
        state.append(True)


def read_leaves(out: Any) -> None:
    """Read again what is stale of a function's results, while their recorders are live."""
    for x in flatten(out)[0]:
        if type(x) is Tracer:
            _ = x.recorder


def refresh(x: Tracer) -> None:
    """Read a stale Tracer again, through its stale ancestors."""
    stale = [x]
    while is_stale(stale[-1].alias.parent):
        stale.append(stale[-1].alias.parent)
    for view in reversed(stale):
        alias = view.alias
        with _outside(alias.parent.recorder.level):
            move_on(view, alias.how.read(alias.parent))
        alias.parent.alias.add(view)


class _outside:  # noqa: N801 (a context manager, used as a word)
    """Context in which the bodies that a level lies outside of take no operation: its views are read out there."""

    __slots__ = ("level", "token")

    def __init__(self, level: int) -> None:
        self.level = level

    def __enter__(self) -> None:
        body = floor.get()
        while body is not None and body.level > self.level:
            outer = body.token.old_value
            body = None if outer is body.token.MISSING else outer
        self.token = floor.set(body)

    def __exit__(self, *_: object) -> None:
        floor.reset(self.token)


def root_of(x: Tracer) -> Tracer:
    """Return the Tracer that owns the elements of a view."""
    while x.alias is not None and x.alias.parent is not None:
        x = x.alias.parent
    return x


def check_inside(x: Tracer) -> None:
    """Raise MutationError if a body is being traced that a Tracer, or what it is a view of, comes from outside of."""
    body = floor.get()
    if body is not None and root_of(x).recorder.level < body.level:
        raise outside(x.type)


def outside(type: Any) -> MutationError:
    """Return the error for a write, in a body, to what was made outside of it."""
    return MutationError(
        f"an array that was made outside of a body was written to inside it: {type.strong}",
        where=source.here(),
        why="the bodies of jit, cond, scan, loops and checkpoint are traced once, and give back what they return: "
        "a write to what they close over would be lost",
        fix="pass it to the body and return it (in a loop, as part of the carry), or write to a copy: x = x.copy()",
    )


slot.append(refresh)
