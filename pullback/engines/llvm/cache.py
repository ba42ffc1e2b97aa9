"""The object cache: machine code on disk, so that a second process need not compile again.

An entry is named by the hash of all that decides the code: its IR, the processor and its features, the
versions of LLVM and of pullback, and the binary interfaces of NumPy and Python. Code that is run must be
one's own: the folder and the entries must belong to this user, and nobody else may be able to write to
them; what is not so, or is damaged, is ignored and made again. Entries are written beside and moved into
place, so that several processes can fill one cache. Where it cannot be written, it is not.

Environment, read at each compilation: ``PULLBACK_CACHE_DIR`` names the folder, ``PULLBACK_CACHE=0``
switches the cache off.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["folder", "load", "name_of", "store"]

MOST_BYTES = 256 * 2**20  # all entries together: those not used for the longest go first
_MAGIC = b"pullback object 1\n"
_log = logging.getLogger("pullback.cache")
_is_private = hasattr(os, "getuid")  # elsewhere the user's own folder is private by its place


def folder() -> Path | None:
    """Return where entries are kept; None where the cache is switched off or there is no such place."""
    if os.environ.get("PULLBACK_CACHE", "1").lower() in ("0", "off", "no", "false"):
        return None
    if given := os.environ.get("PULLBACK_CACHE_DIR"):
        return Path(given)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "pullback" / "cache" if local else None
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "pullback"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "pullback"


def name_of(parts: Sequence[str]) -> str:
    """Return the name of the entry that these parts decide."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest() + ".o"


def load(name: str) -> bytes | None:
    """Return the object code of an entry; None if there is none that can be trusted."""
    place = folder()
    if place is None:
        return None
    try:
        if not _is_ours(os.stat(place)):
            _log.warning("the cache %s is not used: others may write to it, or it belongs to another user", place)
            return None
        file = os.open(place / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with open(file, "rb") as entry:
            if not _is_ours(os.fstat(entry.fileno())):
                return None
            data = entry.read()
    except OSError:
        return None
    head, code = data[: len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
    if head != _MAGIC + hashlib.sha256(code).digest():
        _log.info("the entry %s is damaged: it is made again", name)
        return None
    with suppress(OSError):
        os.utime(place / name)  # used: it goes last
    return code


def store(name: str, code: bytes) -> None:
    """Keep the object code of an entry, if there is a place for it."""
    place = folder()
    if place is None:
        return
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(os.stat(place)):
            return
        path = place / f"writing-{os.urandom(8).hex()}"
        made = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        file = os.open(path, made, 0o600)  # to be read by its owner alone
        try:
            with open(file, "wb") as entry:
                entry.write(_MAGIC + hashlib.sha256(code).digest() + code)
            os.replace(path, place / name)
        except OSError:
            with suppress(OSError):
                os.unlink(path)
            raise
        _make_room(place)
    except OSError as error:  # full, read-only, no such place: the code runs all the same
        _log.info("the cache %s cannot be written: %s", place, error)


def _is_ours(status: os.stat_result) -> bool:
    """Return whether it is this user's, and nobody else may write to it."""
    if not _is_private:
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _make_room(place: Path) -> None:
    """Remove what has not been used for the longest, where entries together are too large."""
    found = []
    with os.scandir(place) as entries:
        for entry in entries:
            with suppress(OSError):  # another process has removed it
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= MOST_BYTES:
            break
        with suppress(OSError):
            os.unlink(path)
            total -= size
