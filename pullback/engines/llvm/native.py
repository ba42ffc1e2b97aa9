"""LLVM: IR text to code in memory, through llvmlite, loaded at the first compilation.

O2 with loop and SLP vectorisation, for the host's processor; linked by ORC, which reports
an unresolved symbol where the older linker would jump to nowhere.
"""

from __future__ import annotations

import ctypes
import importlib
import itertools
import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["Library", "build"]

_names = itertools.count()
_lock = threading.Lock()
_forking: list[Any] = []  # llvmlite's lock, while this process forks


@lru_cache(maxsize=1)
def _llvm() -> Any:
    llvm = importlib.import_module("llvmlite.binding")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@lru_cache(maxsize=1)
def _machine() -> tuple[Any, Any, str]:
    llvm = _llvm()
    triple = llvm.get_process_triple()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, jit=True
    )
    return machine, llvm.create_lljit_compiler(machine), triple


@lru_cache(maxsize=1)
def has_fma() -> bool:
    """Return whether the host multiplies and adds in one instruction."""
    features = _llvm().get_host_cpu_features()
    return bool(features.get("fma") or features.get("neon"))


def clock() -> str:
    """Return the intrinsic that reads a clock: on arm64 the cycle counter is not for user programs."""
    arm = _llvm().get_process_triple().startswith(("aarch64", "arm"))
    return "llvm.readsteadycounter" if arm else "llvm.readcyclecounter"


def _before_fork() -> None:
    """Wait until no other thread is in LLVM: its locks would stay locked in the child."""
    _lock.acquire()
    if _llvm.cache_info().currsize:
        _forking.append(_llvm().ffi.lib._lock)
        _forking[-1].__enter__()


def _after_fork() -> None:
    while _forking:
        _forking.pop().__exit__(None, None, None)
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def _free(manager: Any) -> None:
    """Free a pass manager: in llvmlite 0.50 it inherits a `_dispose` that does nothing, and keeps 150 kB each time."""
    llvm = _llvm()
    if type(manager)._dispose is llvm.ffi.ObjectRef._dispose:
        llvm.newpassmanagers.NewPassManager._dispose(manager)


def _optimised(text: str, machine: Any, triple: str) -> Any:
    """Return the module after LLVM's passes.

    It is verified once more: the SLP vectoriser of LLVM 22 may put a use before its definition, at
    which the code generator would end the process. Then it is left out.
    """
    llvm = _llvm()
    for loops, slp in ((True, True), (True, False), (False, False)):
        module = llvm.parse_assembly(text)
        module.verify()
        module.triple = triple
        module.data_layout = str(machine.target_data)
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization, options.slp_vectorization = loops, slp
        passes = llvm.create_pass_builder(machine, options)
        manager = passes.getModulePassManager()
        manager.run(module, passes)
        _free(manager)
        try:
            module.verify()
        except RuntimeError:
            if not loops:
                raise
        else:
            return module
    raise AssertionError("the last way returns or raises")


class Library:
    """Code in memory; it lives as long as this object."""

    def __init__(self, text: str, symbols: dict[str, int], entry: str) -> None:
        llvm = _llvm()
        with _lock:
            machine, jit, triple = _machine()
            module = _optimised(text, machine, triple)
            self.ir = str(module)
            self.object = machine.emit_object(module)
            builder = llvm.JITLibraryBuilder().add_object_img(self.object)
            for name, address in symbols.items():
                builder = builder.import_symbol(name, address)
            builder = builder.add_current_process()
            self._tracker = builder.export_symbol(entry).link(jit, f"pullback{next(_names)}")
            self.address = self._tracker[entry]

    @property
    def asm(self) -> str:
        """The machine code, as text."""
        llvm = _llvm()
        module = llvm.parse_assembly(self.ir)
        return _machine()[0].emit_assembly(module)


def build(text: str, symbols: dict[str, int], entry: str = "entry") -> Library:
    """Compile a module whose function is ``i32 entry(ptr)``, of that name."""
    return Library(text, symbols, entry)


@lru_cache(maxsize=32)
def blas(name: str) -> int:
    """Return the address of a BLAS function (Fortran interface), from SciPy's capsules."""
    capsules = importlib.import_module("scipy.linalg.cython_blas").__pyx_capi__
    capsule = capsules[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))


# Around products: the first to come in notes the number of threads, the last to leave sets it back. They are calls of
# many threads, and of many compiled functions; the gate is theirs together: a lock, how many are in, what was noted.
_gate = (ctypes.c_int64 * 3)()
if hasattr(os, "register_at_fork"):  # in a child nobody is in
    os.register_at_fork(after_in_child=lambda: ctypes.memset(_gate, 0, ctypes.sizeof(_gate)))
ONE_THREAD = "@blas_gate = external global [3 x i64]\n" + "".join(
    f"""define internal void @blas_{name}() {{
start:
  br label %try
try:
  %got = cmpxchg ptr @blas_gate, i64 0, i64 1 acquire monotonic
  %mine = extractvalue {{ i64, i1 }} %got, 1
  br i1 %mine, label %in, label %try
in:
  %count = getelementptr i64, ptr @blas_gate, i64 1
  %noted = getelementptr i64, ptr @blas_gate, i64 2
  %before = load i64, ptr %count
  %after = add i64 %before, {step}
  store i64 %after, ptr %count
  %turn = icmp eq i64 %{watched}, 0
  br i1 %turn, label %set, label %out
set:
{lines}  br label %out
out:
  store atomic i64 0, ptr @blas_gate release, align 8
  ret void
}}
"""
    for name, step, watched, lines in (
        (
            "enter",
            1,
            "before",
            "  %had = call i32 @blas_threads()\n  %wide = zext i32 %had to i64\n  store i64 %wide, ptr %noted\n"
            "  call void @set_blas_threads(i32 1)\n",
        ),
        (
            "leave",
            -1,
            "after",
            "  %wide = load i64, ptr %noted\n  %had = trunc i64 %wide to i32\n"
            "  call void @set_blas_threads(i32 %had)\n",
        ),
    )
)


@lru_cache(maxsize=1)
def blas_threads() -> dict[str, int]:
    """Return the addresses of what reads and sets the number of threads of SciPy's OpenBLAS; empty for another BLAS.

    Its threads wait for each other longer than a small product takes, so native code runs it
    with one, and sets back what it found: the number belongs to the whole process.
    """
    scipy = importlib.import_module("scipy")
    for path in sorted(Path(str(scipy.__file__)).parent.parent.glob("scipy.libs/*openblas*")):
        library = ctypes.CDLL(str(path))
        names = {"blas_threads": "scipy_openblas_get_num_threads", "set_blas_threads": "scipy_openblas_set_num_threads"}
        if all(hasattr(library, name) for name in names.values()):
            found = {ours: _address(getattr(library, name)) for ours, name in names.items()}
            return {**found, "blas_gate": ctypes.addressof(_gate)}
    return {}


def _address(function: object) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # pyright: ignore[reportArgumentType]
