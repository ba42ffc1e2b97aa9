"""interrupts: signals during native code, which runs without the GIL and sees none.

Loops look at the clock now and then, and every 50 ms or so they take the GIL and let Python
handle the signals that have come. What a handler raises (KeyboardInterrupt for Ctrl-C) is
kept, the loop is left, and it is raised when native code has returned. Python's handlers run
in the main thread alone, so one exception at a time is kept, for the whole process.

One loop nest, one matrix product and one LAPACK call run to their end, as they do in NumPy.
"""

from __future__ import annotations

import ctypes
from typing import NoReturn

__all__ = ["POLL", "look_up", "raise_kept", "symbols"]

POLL = 3  # what the function is left with where a handler has raised

_kept = (ctypes.c_void_p * 3)()
_FUNCTIONS = ("PyGILState_Ensure", "PyGILState_Release", "PyErr_CheckSignals", "PyErr_Fetch")


def look_up(clock: str) -> str:
    """Return the functions that loops call: `look_up`, true where a handler of Python's has raised; `signals`."""
    ticks = 1 << (27 if "cycle" in clock else 20)  # cycles of 2 to 5 GHz, or the steps of arm64's slower counter
    return f"""@pb_kept = external global [3 x ptr]
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare i32 @PyErr_CheckSignals()
declare void @PyErr_Fetch(ptr, ptr, ptr)
define internal i1 @look_up(ptr %due) noinline {{
start:
  %now = call i64 @{clock}()
  %when = load i64, ptr %due
  %late = icmp uge i64 %now, %when
  br i1 %late, label %set, label %on
set:
  %next = add i64 %now, {ticks}
  store i64 %next, ptr %due
  %new = icmp eq i64 %when, 0
  br i1 %new, label %on, label %look
look:
  %raised = call i1 @signals()
  ret i1 %raised
on:
  ret i1 false
}}
define internal i1 @signals() noinline {{
start:
  %state = call i32 @PyGILState_Ensure()
  %said = call i32 @PyErr_CheckSignals()
  %raised = icmp ne i32 %said, 0
  br i1 %raised, label %keep, label %out
keep:
  %value = getelementptr ptr, ptr @pb_kept, i64 1
  %trace = getelementptr ptr, ptr @pb_kept, i64 2
  call void @PyErr_Fetch(ptr @pb_kept, ptr %value, ptr %trace)
  br label %out
out:
  call void @PyGILState_Release(i32 %state)
  ret i1 %raised
}}
"""


def symbols() -> dict[str, int]:
    """Return the addresses of what `look_up` names."""
    found = {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in _FUNCTIONS}
    return {**found, "pb_kept": ctypes.addressof(_kept)}


def raise_kept() -> NoReturn:
    """Raise what a handler has raised while native code ran."""
    words = [_kept[i] for i in range(3)]
    ctypes.memset(_kept, 0, ctypes.sizeof(_kept))
    restore = ctypes.pythonapi.PyErr_Restore
    restore.argtypes, restore.restype = [ctypes.c_void_p] * 3, None
    restore(*words)  # a call by way of `pythonapi` raises what it finds set
    raise AssertionError("nothing was kept")
