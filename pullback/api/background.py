"""Compiling in the background: one thread for the process, which takes job after job.

The thread is a daemon, and at exit the job that runs is waited for and those that wait are
dropped: code of LLVM's must not run on while the process is taken down. A forked child
has no such thread: its unfinished jobs are done by one of its own.
"""

from __future__ import annotations

import atexit
import contextvars
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Job"]

_log = logging.getLogger("pullback")


class Job:
    """Something to compute, which begins at once in another thread; what it raises is kept, and logged.

    Attributes
    ----------
    result : object
        None until it is done.
    error : BaseException or None
    """

    def __init__(self, what: str, work: Callable[[], Any]) -> None:
        self.what, self._context = what, contextvars.copy_context()
        self._work: Callable[[], Any] | None = work
        self.result: Any = None
        self.error: BaseException | None = None
        self._over = threading.Event()
        _worker.take(self)

    @property
    def done(self) -> bool:
        """Whether it is over."""
        if not self._over.is_set():
            _worker.wake()
        return self._over.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; return whether it is."""
        return self.done or self._over.wait(timeout)

    def run(self) -> None:
        """Do the work, in the context that it was ordered in."""
        try:
            self.result = self._context.run(self._work) if self._work else None
        except BaseException as error:  # whoever asks for the result gets it
            self.error = error
            _log.warning("compiling %s in the background failed: %s: %s", self.what, type(error).__name__, error)
        finally:
            self._over.set()
            self._work = None  # lets go of what it held

    def renew(self) -> None:
        """Begin anew, in a forked child, if it was not over."""
        self._over = threading.Event()
        self._context = self._context.copy()  # the parent's thread may be in the other, for ever
        if self._work is None:
            self._over.set()


class _Worker:
    """The thread and its jobs, the one that runs in front."""

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self.closing = False
        self.start_over()

    def start_over(self) -> None:
        """Forget the thread and its locks, as a forked child must; the jobs are kept."""
        self.changed = threading.Condition()
        self.thread: threading.Thread | None = None
        for job in self.jobs:
            job.renew()

    def take(self, job: Job) -> None:
        """Do a job when those before it are done."""
        with self.changed:
            self.jobs.append(job)
            self.changed.notify_all()
        self.wake()

    def wake(self) -> None:
        """See that there is a thread where there are jobs."""
        with self.changed:
            if self.thread is None and self.jobs and not self.closing:
                self.thread = threading.Thread(target=self.work, name="pullback compiler", daemon=True)
                self.thread.start()

    def work(self) -> None:
        """Do the jobs, until the process ends."""
        while True:
            with self.changed:
                while not (self.jobs or self.closing):
                    self.changed.wait()
                if self.closing:
                    return
                job = self.jobs[0]
            job.run()
            with self.changed:
                self.jobs.remove(job)
            del job  # waiting for the next one, it would hold the last

    def close(self) -> None:
        """Wait for the job that runs; drop the others."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join()


_worker = _Worker()
atexit.register(_worker.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_worker.start_over)
