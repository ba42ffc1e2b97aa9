"""The object cache: a second process compiles nothing, and what cannot be trusted is made again."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("llvmlite")
from pullback.engines.llvm import cache, native

TEXT = """
define i32 @entry(ptr %p) {{
  store i32 {}, ptr %p
  ret i32 0
}}
"""
PROGRAM = """
import numpy as np, pullback as pb
from pullback.engines.llvm import native
made = []
optimised = native._optimised
native._optimised = lambda *args: made.append(1) or optimised(*args)
f = pb.jit(pb.grad(lambda w, x: np.sum(np.tanh(x @ w) ** 2)))
w, x = np.full((30, 20), 0.1), np.ones((40, 30))
value = f(w, x)
assert f.lower(w, x).why == ""
print(len(made), repr(float(value.sum())))
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("PULLBACK_CACHE", "1")
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path / "objects"))
    return tmp_path / "objects"


@pytest.fixture
def compiles(monkeypatch):
    """The numbers of modules that LLVM's passes ran over."""
    made = []
    optimised = native._optimised
    monkeypatch.setattr(native, "_optimised", lambda *args: made.append(1) or optimised(*args))
    return made


def number(k):
    """Return what native code for k writes: k."""
    library = native.build(TEXT.format(k), {})
    box = native.ctypes.c_int32(0)
    assert (
        native.ctypes.CFUNCTYPE(native.ctypes.c_int32, native.ctypes.c_void_p)(library.address)(
            native.ctypes.addressof(box)
        )
        == 0
    )
    return box.value


def entries(place):
    return sorted(place.glob("*.o"))


def test_the_second_time_nothing_is_compiled(place, compiles):
    assert [number(5), number(5), number(6)] == [5, 5, 6]
    assert len(compiles) == 2
    assert len(entries(place)) == 2
    assert not list(place.glob("writing-*"))


@pytest.mark.slow
def test_a_second_process_compiles_nothing_and_gives_the_same(place):
    runs = [subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True) for _ in "ab"]
    (first, value), (second, again) = (run.stdout.split() for run in runs)
    assert int(first) > 0
    assert int(second) == 0
    assert value == again


@pytest.mark.slow
def test_two_processes_fill_one_cache_together(place):
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True), "ab"))
    assert [run.returncode for run in runs] == [0, 0]
    assert entries(place)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
        lambda data: b"x" * len(data),
    ],
    ids=["cut short", "empty", "one bit", "another file"],
)
def test_a_damaged_entry_is_made_again(place, compiles, damage):
    number(5)
    (entry,) = entries(place)
    good = entry.read_bytes()
    entry.write_bytes(damage(good))
    assert number(5) == 5
    assert len(compiles) == 2
    assert entry.read_bytes() == good


def test_an_entry_whose_symbols_are_not_there_is_made_again(place, compiles):
    number(5)
    (entry,) = entries(place)
    needy = "declare void @nobody_has_this()\n" + TEXT.format(5).replace("ret", "call void @nobody_has_this()\n  ret")
    machine, _, triple = native._machine()
    cache.store(entry.name, machine.emit_object(native._optimised(needy, machine, triple)))
    assert number(5) == 5


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files here")
@pytest.mark.parametrize("which", ["folder", "entry"])
def test_what_others_may_write_to_is_not_run(place, compiles, which):
    number(5)
    os.chmod(place if which == "folder" else entries(place)[0], 0o777)
    assert number(5) == 5
    assert len(compiles) == 2


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files here")
def test_what_belongs_to_another_user_is_not_run(place, compiles, monkeypatch):
    number(5)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert number(5) == 5
    assert len(compiles) == 2


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed here")
def test_a_link_is_not_followed(place, compiles, tmp_path):
    number(5)
    (entry,) = entries(place)
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert number(5) == 5
    assert len(compiles) == 2


def test_a_disk_that_is_full_is_no_error(place, compiles, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert number(5) == 5
    assert not list(place.iterdir())


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path / "file" / "objects"))
    assert number(5) == 5


def test_switched_off_nothing_is_written(place, monkeypatch):
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    assert number(5) == 5
    assert not place.exists()


def test_what_is_not_used_makes_room(place, monkeypatch):
    number(5)
    (old,) = entries(place)
    os.utime(old, (1, 1))
    monkeypatch.setattr(cache, "MOST_BYTES", old.stat().st_size + 100)
    number(6)
    assert old not in entries(place)
    assert len(entries(place)) == 1


def test_the_name_of_an_entry_depends_on_each_part_and_its_place():
    names = {cache.name_of(parts) for parts in (["a", "b"], ["ab", ""], ["b", "a"], ["a", "b", ""], ["a"])}
    assert len(names) == 5
