"""LLVM: IR text to code in memory, through llvmlite, loaded at the first compilation.

O2 with loop and SLP vectorisation, for the host's processor; linked by ORC, which reports
an unresolved symbol where the older linker would jump to nowhere.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import importlib.machinery
import importlib.util
import itertools
import os
import sys
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from . import cache

__all__ = ["Library", "build", "build_once"]

_names = itertools.count()
_PIPELINE = "O2, loops, SLP if it verifies; 1"  # part of the name of cached code: change it with the passes below
_lock = threading.Lock()
_forking: list[Any] = []  # llvmlite's lock, while this process forks
_kept: dict[str, Any] = {}  # libraries that are never freed, by their text
_ending = threading.Event()  # the process is being taken down


@lru_cache(maxsize=1)
def _llvm() -> Any:
    llvm = importlib.import_module("llvmlite.binding")
    atexit.register(_at_exit)
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@lru_cache(maxsize=1)
def _processor() -> tuple[str, str]:
    llvm = _llvm()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    if cpu.startswith("znver"):  # AMD: strided elements are loaded and stored one by one in a third of the time
        features += ",+prefer-no-gather,+prefer-no-scatter"
    return cpu, features


@lru_cache(maxsize=1)
def _machine() -> tuple[Any, Any, str]:
    llvm = _llvm()
    triple = llvm.get_process_triple()
    cpu, features = _processor()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features, opt=2, jit=True)
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


def _at_exit() -> None:
    """Wait until no thread is in LLVM: it would find it taken down."""
    _ending.set()
    with _lock:
        pass


@contextlib.contextmanager
def _in_llvm() -> Iterator[None]:
    """One thread at a time; while the process ends, the main thread alone: others are not waited for any more."""
    with _lock:
        if _ending.is_set() and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the process is ending, and nothing is compiled any more")
        yield


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
    """Code in memory; it lives as long as this object. `addresses` are those of its functions, by name."""

    def __init__(self, text: str, symbols: dict[str, int], *names: str) -> None:
        self.text = text
        with _in_llvm():
            place = cache.name_of((text, *_facts()))
            code = cache.load(place)
            if code is not None:
                try:
                    self._tracker = _linked(code, symbols, names)
                except RuntimeError:  # it was made where there were other symbols
                    code = None
            if code is None:
                machine, _, triple = _machine()
                code = machine.emit_object(_optimised(text, machine, triple))
                self._tracker = _linked(code, symbols, names)
                cache.store(place, code)
            self.addresses = {name: self._tracker[name] for name in names}
            self.address = self.addresses[names[0]]

    def keep(self) -> None:
        """Leave the code in memory for good: also while the process ends, when LLVM could not free it any more."""
        self._tracker.detach()

    @property
    def asm(self) -> str:
        """The machine code, as text."""
        with _in_llvm():
            machine, _, triple = _machine()
            return machine.emit_assembly(_optimised(self.text, machine, triple))


def _linked(code: bytes, symbols: dict[str, int], names: tuple[str, ...]) -> Any:
    """Return what keeps the object code in memory, its symbols bound by name."""
    builder = _llvm().JITLibraryBuilder().add_object_img(code)
    for name, address in symbols.items():
        builder = builder.import_symbol(name, address)
    for name in names:
        builder = builder.export_symbol(name)
    return builder.add_current_process().link(_machine()[1], f"pullback{next(_names)}")


@lru_cache(maxsize=1)
def _facts() -> tuple[str, ...]:
    """Return what decides the object code besides its IR."""
    llvm = _llvm()
    machine, _, triple = _machine()
    return (
        _PIPELINE,
        triple,
        *_processor(),
        ".".join(map(str, llvm.llvm_version_info)),
        str(machine.target_data),
        str(np.lib.NumpyVersion(np.__version__).major),
        str(sys.implementation.cache_tag),
        str(sys.maxsize),
    )


def build(text: str, symbols: dict[str, int], *names: str) -> Library:
    """Compile a module whose functions are called by these names; the first is its `address`."""
    return Library(text, symbols, *(names or ("entry",)))


def build_once(text: str, symbols: dict[str, int], *names: str) -> Library:
    """Compile a module that is never freed; threads that come at once may each compile it, but get the same code."""
    library = _kept.setdefault(text, build(text, symbols, *names))
    library.keep()
    return library


@lru_cache(maxsize=32)
def blas(name: str) -> int:
    """Return the address of a function of BLAS or LAPACK (Fortran interface), from SciPy's capsules."""
    capsules = _extension("scipy.linalg.cython_blas").__pyx_capi__
    if name not in capsules:
        capsules = _extension("scipy.linalg.cython_lapack").__pyx_capi__
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


def _extension(name: str) -> Any:
    """Return an extension module of SciPy, without the packages around it where it can do without.

    Importing scipy.linalg takes 0.2 s, the extension alone 2 ms; a later import of the package finds it there.
    """
    if name in sys.modules:
        return sys.modules[name]
    scipy = importlib.import_module("scipy")
    folder = Path(str(scipy.__file__)).parent.joinpath(*name.split(".")[1:-1])
    machinery = importlib.machinery
    loader = machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES
    spec = machinery.FileFinder(str(folder), loader).find_spec(name)
    try:
        if spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    except ImportError:  # built otherwise: it needs its package first
        sys.modules.pop(name, None)
    return importlib.import_module(name)


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
