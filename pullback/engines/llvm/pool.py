"""pool: threads that take pieces of large loops.

The threads are Python's, parked in native code without the GIL: between two loops they spin for some
microseconds, then yield, then sleep on a lock of CPython's (a futex, where there are such), and cost
nothing. They are started when a loop first wants them, again after a fork, and end with the process.

A loop is cut into pieces by its size, not by the number of threads. Whoever is free takes the next
piece (a counter); the thread that has called takes pieces too, and waits at the end only for those who
are in the middle of one: a thread that does not get to run delays nobody. One loop at a time has the
pool; a loop that finds it taken, by another thread, runs its pieces one after the other.

Joining and closing is Dekker's protocol, with sequential consistency: a worker counts itself in
(`active`) and then looks whether the loop is open; the caller closes it and then looks whether anybody
is in. At least one of them sees the other.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import platform
import threading
from functools import lru_cache
from typing import Any

from pullback.engines.threads import MOST, WORDS, address

from .native import Library, build_once

__all__ = ["PARALLEL", "SYMBOL", "count"]

SYMBOL = {"pb_pool": address}  # what modules that have `PARALLEL` in them need
_SPIN, _YIELD = 2000, 64  # looks before a worker yields, and sleeps: some 50 µs each

# Words of the shared memory; what is written by different threads stands in different cache lines.
_ENTER, _MOST, _PREPARE = 1, 2, 3  # how to enter the pool; how many workers there may be; what compiles the pool
_BUSY, _OPEN, _TASK, _TABLE, _PIECES, _LIMIT = 8, 16, 17, 18, 19, 20
_NEXT, _ACTIVE, _EPOCH, _WORKERS, _STOP = 24, 32, 40, 41, 42
_SLEEPS = 48  # of each worker: whether it sleeps, and its lock; eight words, a cache line
assert _SLEEPS + 8 * MOST <= WORDS

_X86, _ARM = "call void @llvm.x86.sse2.pause()", "call void @llvm.aarch64.hint(i32 1)"
_PAUSE = {"x86_64": _X86, "amd64": _X86, "aarch64": _ARM, "arm64": _ARM}  # by processor, for one who waits

_log = logging.getLogger("pullback")
_PREPARES, _STARTS = ctypes.CFUNCTYPE(None), ctypes.CFUNCTYPE(None, ctypes.c_int64)

# In every module that has large loops: it runs the pieces one after the other, or enters the pool.
PARALLEL = f"""@pb_pool = external global i64
define internal i64 @wanted(i64 %asked) {{
  %all = load atomic i64, ptr @pb_pool monotonic, align 8
  %own = icmp sgt i64 %asked, 0
  %wanted = select i1 %own, i64 %asked, i64 %all
  ret i64 %wanted
}}
define internal void @parallel(ptr %task, ptr %table, i64 %n, i64 %asked) noinline {{
start:
  %wanted = call i64 @wanted(i64 %asked)
  %many = icmp sgt i64 %wanted, 1
  br i1 %many, label %look, label %turn
look:
  %enter.at = getelementptr i64, ptr @pb_pool, i64 {_ENTER}
  %there = load atomic ptr, ptr %enter.at acquire, align 8
  %is.there = icmp ne ptr %there, null
  br i1 %is.there, label %enter, label %prepare
prepare:
  %prepare.at = getelementptr i64, ptr @pb_pool, i64 {_PREPARE}
  %make = load ptr, ptr %prepare.at
  call void %make()
  %made = load atomic ptr, ptr %enter.at acquire, align 8
  %is.made = icmp ne ptr %made, null
  br i1 %is.made, label %enter, label %turn
enter:
  %pool = phi ptr [ %there, %look ], [ %made, %prepare ]
  call void %pool(ptr %task, ptr %table, i64 %n, i64 %wanted)
  ret void
turn:
  %i = phi i64 [ 0, %start ], [ 0, %prepare ], [ %next, %turn ]
  call void %task(ptr %table, i64 %i)
  %next = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %turn, label %done
done:
  ret void
}}
"""


def _at(*names: tuple[str, int]) -> str:
    """Return the lines that make registers of the addresses of words."""
    return "".join(f"  %{name} = getelementptr i64, ptr @pb_pool, i64 {word}\n" for name, word in names)


def _worker_at(i: str, k: str = "") -> str:
    return (
        f"  %word{k} = mul i64 {i}, 8\n  %first{k} = add i64 %word{k}, {_SLEEPS}\n"
        f"  %sleeps{k} = getelementptr i64, ptr @pb_pool, i64 %first{k}\n"
        f"  %lock.at{k} = getelementptr i64, ptr %sleeps{k}, i64 1\n"
    )


def _module(pause: str) -> str:
    """Return the module of the pool: `enter` for callers, `work` for workers, `wake` for both."""
    return f"""@pb_pool = external global i64
declare void @pb_start(i64)
declare i32 @pb_yield()
declare i32 @PyThread_acquire_lock(ptr, i32)
declare void @PyThread_release_lock(ptr)

define internal void @pieces(ptr %task, ptr %table, i64 %n) {{
start:
{_at(("next.at", _NEXT))}
  br label %take
take:
  %i = atomicrmw add ptr %next.at, i64 1 monotonic
  %mine = icmp slt i64 %i, %n
  br i1 %mine, label %run, label %done
run:
  call void %task(ptr %table, i64 %i)
  br label %take
done:
  ret void
}}

; Wake the first workers of those that sleep.
define void @wake(i64 %n) {{
start:
  br label %look
look:
  %i = phi i64 [ 0, %start ], [ %i.next, %next ]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %one, label %done
one:
{_worker_at("%i")}
  %got = cmpxchg ptr %sleeps, i64 1, i64 0 seq_cst seq_cst
  %slept = extractvalue {{ i64, i1 }} %got, 1
  br i1 %slept, label %release, label %next
release:
  %lock = load ptr, ptr %lock.at
  call void @PyThread_release_lock(ptr %lock)
  br label %next
next:
  %i.next = add i64 %i, 1
  br label %look
done:
  ret void
}}

define internal void @alone(ptr %task, ptr %table, i64 %n) {{
start:
  br label %turn
turn:
  %i = phi i64 [ 0, %start ], [ %next, %turn ]
  call void %task(ptr %table, i64 %i)
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %turn, label %done
done:
  ret void
}}

define void @enter(ptr %task, ptr %table, i64 %n, i64 %wanted) {{
start:
{_at(("most.at", _MOST), ("workers.at", _WORKERS), ("busy", _BUSY), ("epoch.at", _EPOCH), ("open", _OPEN))}
{_at(("task.at", _TASK), ("table.at", _TABLE), ("n.at", _PIECES), ("limit.at", _LIMIT), ("next.at", _NEXT))}
{_at(("active", _ACTIVE))}
  %more = sub i64 %wanted, 1
  %others = sub i64 %n, 1
  %useful = call i64 @llvm.smin.i64(i64 %more, i64 %others)
  %most = load atomic i64, ptr %most.at monotonic, align 8
  %cap = call i64 @llvm.smin.i64(i64 %useful, i64 %most)
  %had = load atomic i64, ptr %workers.at monotonic, align 8
  %enough = icmp sge i64 %had, %cap
  br i1 %enough, label %own, label %begin
begin:
  call void @pb_start(i64 %cap)
  br label %own
own:
  %workers = load atomic i64, ptr %workers.at acquire, align 8
  %limit = call i64 @llvm.smin.i64(i64 %cap, i64 %workers)
  %any = icmp sgt i64 %limit, 0
  br i1 %any, label %try, label %serial
try:
  %got = cmpxchg ptr %busy, i64 0, i64 1 acquire monotonic
  %mine = extractvalue {{ i64, i1 }} %got, 1
  br i1 %mine, label %publish, label %serial
serial:
  call void @alone(ptr %task, ptr %table, i64 %n)
  ret void
publish:
  %last = load i64, ptr %epoch.at
  %epoch = add i64 %last, 1
  store i64 %epoch, ptr %epoch.at
  store ptr %task, ptr %task.at
  store ptr %table, ptr %table.at
  store i64 %n, ptr %n.at
  store i64 %limit, ptr %limit.at
  store atomic i64 0, ptr %next.at monotonic, align 8
  store atomic i64 %epoch, ptr %open seq_cst, align 8
  call void @wake(i64 %limit)
  call void @pieces(ptr %task, ptr %table, i64 %n)
  store atomic i64 0, ptr %open seq_cst, align 8
  br label %wait
wait:
  %looks = phi i64 [ 0, %publish ], [ %looks.next, %again ]
  %in = load atomic i64, ptr %active seq_cst, align 8
  %empty = icmp eq i64 %in, 0
  br i1 %empty, label %leave, label %pause
pause:
  %looks.next = add i64 %looks, 1
  %long = icmp sgt i64 %looks, {_SPIN}
  br i1 %long, label %yield, label %spin
spin:
  {pause}
  br label %again
yield:
  %yielded = call i32 @pb_yield()
  br label %again
again:
  br label %wait
leave:
  store atomic i64 0, ptr %busy release, align 8
  ret void
}}

; What a worker does until the process ends.
define void @work(i64 %me) {{
start:
{_worker_at("%me")}
{_at(("stop.at", _STOP), ("open", _OPEN), ("task.at", _TASK), ("table.at", _TABLE), ("n.at", _PIECES))}
{_at(("limit.at", _LIMIT), ("active", _ACTIVE))}
  %lock = load ptr, ptr %lock.at
  br label %look
look:
  %done = phi i64 [ 0, %start ], [ %done, %again ], [ %now, %left ]
  %looks = phi i64 [ 0, %start ], [ %looks.new, %again ], [ 0, %left ]
  %epoch = load atomic i64, ptr %open seq_cst, align 8
  %new = call i1 @news(i64 %epoch, i64 %done)
  br i1 %new, label %join, label %idle
idle:
  %stop = load atomic i64, ptr %stop.at monotonic, align 8
  %stops = icmp ne i64 %stop, 0
  br i1 %stops, label %end, label %rest
rest:
  %looks.next = add i64 %looks, 1
  %tired = icmp sgt i64 %looks, {_SPIN}
  br i1 %tired, label %yields, label %spin
spin:
  {pause}
  br label %again
yields:
  %sleepy = icmp sgt i64 %looks, {_SPIN + _YIELD}
  br i1 %sleepy, label %sleep, label %yield
yield:
  %yielded = call i32 @pb_yield()
  br label %again
sleep:
  store atomic i64 1, ptr %sleeps seq_cst, align 8
  %epoch.now = load atomic i64, ptr %open seq_cst, align 8
  %stop.now = load atomic i64, ptr %stop.at seq_cst, align 8
  %new.now = call i1 @news(i64 %epoch.now, i64 %done)
  %stops.now = icmp ne i64 %stop.now, 0
  %stays = or i1 %new.now, %stops.now
  br i1 %stays, label %stay, label %doze
stay:
  %got = cmpxchg ptr %sleeps, i64 1, i64 0 seq_cst seq_cst
  %awake = extractvalue {{ i64, i1 }} %got, 1
  br i1 %awake, label %again, label %doze
doze:
  %locked = call i32 @PyThread_acquire_lock(ptr %lock, i32 1)
  br label %again
again:
  %looks.new = phi i64 [ %looks.next, %spin ], [ %looks.next, %yield ], [ 0, %stay ], [ 0, %doze ]
  br label %look
join:
  %before = atomicrmw add ptr %active, i64 1 seq_cst
  %now = load atomic i64, ptr %open seq_cst, align 8
  %opened = icmp ne i64 %now, 0
  br i1 %opened, label %invited, label %left
invited:
  %limit = load i64, ptr %limit.at
  %am = icmp slt i64 %me, %limit
  br i1 %am, label %run, label %left
run:
  %task = load ptr, ptr %task.at
  %table = load ptr, ptr %table.at
  %n = load i64, ptr %n.at
  call void @pieces(ptr %task, ptr %table, i64 %n)
  br label %left
left:
  %after = atomicrmw sub ptr %active, i64 1 seq_cst
  br label %look
end:
  ret void
}}

define internal i1 @news(i64 %epoch, i64 %done) {{
  %open = icmp ne i64 %epoch, 0
  %other = icmp ne i64 %epoch, %done
  %new = and i1 %open, %other
  ret i1 %new
}}
declare i64 @llvm.smin.i64(i64, i64)
{pause.replace("call", "declare").replace("i32 1", "i32")}
"""


def _word(k: int, kind: Any = ctypes.c_int64) -> Any:
    return kind.from_address(address + 8 * k)


class _Pool:
    """The workers of this process.

    What native code calls here prepares, and runs no piece: it may fail, or be interrupted.
    """

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.lock = threading.Lock()  # held while workers are started: never waited for
        self.callbacks = _PREPARES(self.prepare), _STARTS(self.start)
        self.is_ending = self.is_broken = False
        self.reset()

    def reset(self) -> None:
        """Forget the workers, as in a child process: there it has none."""
        self.lock = threading.Lock()
        self.threads.clear()
        ctypes.memset(address + 8 * _BUSY, 0, 8 * (WORDS - _BUSY))
        _word(_MOST).value = MOST - 1
        _word(_PREPARE).value = ctypes.cast(self.callbacks[0], ctypes.c_void_p).value or 0

    def prepare(self) -> None:
        """Compile the pool, when a loop first wants it."""
        if self.is_broken:
            return
        try:
            _word(_ENTER).value = _library().addresses["enter"]
        except Exception as error:  # the pieces can be run all the same
            self.is_broken = True
            _log.warning("large loops run on one thread: %s: %s", type(error).__name__, error)

    def start(self, n: int) -> None:
        """Start workers until there are n; if there cannot be so many, do not ask again."""
        if not self.lock.acquire(blocking=False):
            return
        try:
            if not self.threads:
                atexit.register(self.end)
            work = _STARTS(_library().addresses["work"])
            while len(self.threads) < n and not self.is_ending:
                i = len(self.threads)
                _word(_SLEEPS + 8 * i).value = 0
                _word(_SLEEPS + 8 * i + 1).value = _new_lock()
                thread = threading.Thread(target=work, args=(i,), name=f"pullback worker {i + 1}", daemon=True)
                thread.start()
                self.threads.append(thread)
                _word(_WORKERS).value = i + 1
        except Exception as error:
            _word(_MOST).value = len(self.threads)
            _log.warning("there can be no more than %s threads: %s", len(self.threads) + 1, error)
        finally:
            self.lock.release()

    def end(self) -> None:
        """Let the workers end: the code that they are in will be gone."""
        self.is_ending = True
        _word(_MOST).value = 0
        _word(_STOP).value = 1
        _STARTS(_library().addresses["wake"])(len(self.threads))
        for thread in self.threads:
            thread.join(5.0)


def _new_lock() -> int:
    """Return a lock of CPython's, which is held: who takes it sleeps until it is released."""
    api = ctypes.pythonapi
    api.PyThread_allocate_lock.restype = ctypes.c_void_p
    api.PyThread_acquire_lock.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lock = api.PyThread_allocate_lock()
    if not lock:
        raise MemoryError("no memory for a lock")
    api.PyThread_acquire_lock(lock, 1)
    return lock


@lru_cache(maxsize=1)
def _library() -> Library:
    yields = ctypes.windll.kernel32.SwitchToThread if os.name == "nt" else ctypes.CDLL(None).sched_yield
    named = {
        "pb_yield": yields,
        "pb_start": _pool.callbacks[1],
        "PyThread_acquire_lock": ctypes.pythonapi.PyThread_acquire_lock,
        "PyThread_release_lock": ctypes.pythonapi.PyThread_release_lock,
    }
    symbols = {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in named.items()}
    return build_once(_module(_PAUSE.get(platform.machine().lower(), "")), symbols | SYMBOL, "enter", "work", "wake")


def count() -> int:
    """Return how many workers there are: the threads besides those that call."""
    return len(_pool.threads)


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.reset)
