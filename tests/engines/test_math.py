"""Mathematical functions in LLVM IR: against mpmath in ulp, against NumPy at the special values."""

import ctypes
import functools
import importlib
import itertools
import math
import re
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
import scipy.special

import pullback
from pullback.engines.llvm.math import AVAILABLE, BRANCHING, coefficients, declares, define, library, symbol

from . import ulp


def _lgamma(x):
    """SciPy's, but for what it has otherwise than C: at the smallest x, and at -inf."""
    tiny = (np.abs(x) < 1e-300) & (x != 0)
    y = np.where(tiny, -np.log(np.abs(x)), scipy.special.gammaln(x))
    return np.where(np.isneginf(x), np.inf, y)


MODES = [("estrin", True), ("horner", True), ("estrin", False), ("horner", False)]
WORDS = {"f64": "double", "f32": "float"}
FUNCTIONS = sorted(itertools.product(AVAILABLE, WORDS))
BOUNDS = {"pow": 1.0}
NUMPY = {
    "sigmoid": lambda x: np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x))),
    "softplus": lambda x: np.logaddexp(x, np.zeros_like(x)),
    "gaussian": lambda x: np.exp(-x * x),
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "lgamma": _lgamma,
    "pow": np.power,
}


@functools.cache
def _machine():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2, jit=True)
    return machine, llvm.create_lljit_compiler(machine), itertools.count()


def _loop(name, dtype):
    w, xs = WORDS[dtype], "xy"[: 1 + (name.removesuffix(".alone") in ulp.TWO_ARGUMENTS)]
    loads = "".join(
        f"  %p{x} = getelementptr inbounds {w}, ptr %{x}, i64 %i\n  %v{x} = load {w}, ptr %p{x}\n" for x in xs
    )
    return f"""define void @loop(ptr noalias %x, ptr noalias %y, ptr noalias %out, i64 %n) "stackrealign" {{
  br label %body
body:
  %i = phi i64 [ 0, %0 ], [ %next, %body ]
{loads}  %r = call {w} {symbol(name, dtype)}({", ".join(f"{w} %v{x}" for x in xs)})
  %po = getelementptr inbounds {w}, ptr %out, i64 %i
  store {w} %r, ptr %po
  %next = add nuw nsw i64 %i, 1
  %end = icmp eq i64 %next, %n
  br i1 %end, label %done, label %body
done:
  ret void
}}
"""


def _linked(text, symbols, names):
    """Return the code of a module in memory, and its optimised IR."""
    machine, jit, numbers = _machine()
    module = llvm.parse_assembly(text)
    module.verify()
    module.triple, module.data_layout = llvm.get_process_triple(), str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    linking = llvm.JITLibraryBuilder().add_object_img(machine.emit_object(module)).add_current_process()
    for imported, address in symbols.items():
        linking = linking.import_symbol(imported, address)
    for exported in names:
        linking = linking.export_symbol(exported)
    return linking.link(jit, f"math{next(numbers)}"), str(module)


@functools.cache
def _rescues(name, dtype, schedule, fma):
    text, names = library(name, dtype, schedule, fma)
    code, _ = _linked(text, {}, names)
    return code, {symbol: code[symbol] for symbol in names}


@functools.cache
def compiled(name, dtype, schedule="estrin", fma=True):
    """Return a function of arrays that runs the loop, and the optimised IR."""
    text = define([(name, dtype)], schedule, fma)
    symbols = {}
    for wanted in declares(text):
        symbols |= _rescues(*wanted, schedule, fma)[1]
    code, ir = _linked(text + _loop(name, dtype), symbols, ["loop"])
    entry = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(code["loop"])

    def run(*xs):
        xs = [np.ascontiguousarray(x, ulp.DTYPES[dtype]) for x in xs]
        out = np.empty_like(xs[0])
        entry(xs[0].ctypes.data, xs[-1].ctypes.data, out.ctypes.data, out.size)
        return out

    run.code = code  # it lives as long as the function does
    return run, ir


def _check(name, dtype, mode, n, rng):
    run, _ = compiled(name, dtype, *mode)
    xs = ulp.points(name, dtype, n, rng)
    found = ulp.worst(name, dtype, run(*xs), *xs)
    assert found[0] <= BOUNDS.get(name, 2.0), f"{found[0]} ulp: (x, … , f(x)) = {found[1:]}"


@pytest.mark.parametrize(("name", "dtype"), FUNCTIONS)
def test_a_function_is_accurate(name, dtype, rng):
    _check(name, dtype, MODES[0], 160, rng)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dtype"), FUNCTIONS)
def test_a_function_is_accurate_at_thousands_of_points(name, dtype, rng):
    _check(name, dtype, MODES[0], 2000, rng)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES[1:], ids=lambda m: f"{m[0]} {'with' if m[1] else 'without'} FMA")
@pytest.mark.parametrize(("name", "dtype"), FUNCTIONS)
def test_a_function_is_accurate_in_every_schedule_with_and_without_fma(name, dtype, mode, rng):
    _check(name, dtype, mode, 200, rng)


def _special(dtype):
    t = ulp.DTYPES[dtype]
    tiny, most = np.finfo(t).smallest_subnormal, np.finfo(t).max
    x = [
        0,
        tiny,
        np.finfo(t).tiny,
        1e-5,
        0.5,
        1,
        1.5,
        2,
        3,
        4,
        5,
        8,
        10,
        25.5,
        100,
        710,
        1e5,
        2.0**24 + 2,
        most,
        np.inf,
    ]
    return np.array([*x, *(-v for v in x), np.nan, -1075, -150, 2.0**53 - 1], t)


def _same_or_close(got, want, ulps):
    with np.errstate(all="ignore"):
        close = np.abs(got - want) <= ulps * np.spacing(np.abs(want))
    same = (got == want) & (np.signbit(got) == np.signbit(want))
    return same | (np.isnan(got) & np.isnan(want)) | (close & (want != 0) & np.isfinite(want))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fma", [True, False], ids=["with FMA", "without FMA"])
@pytest.mark.parametrize(("name", "dtype"), FUNCTIONS)
def test_special_values_are_those_of_numpy(name, dtype, fma):
    x = _special(dtype)
    xs = [v.ravel() for v in np.meshgrid(x, x)] if name in ulp.TWO_ARGUMENTS else [x]
    want = NUMPY.get(name, getattr(np, name, None))(*(v.astype(np.float64) for v in xs))
    want = want.astype(x.dtype)
    got = compiled(name, dtype, "estrin", fma)[0](*xs)
    # SciPy's and NumPy's own errors: 10 ulp; exp(-x²) loses x² of them
    wrong = ~_same_or_close(got, want, 10 if name != "gaussian" else 3000)
    assert not wrong.any(), [(*(v[i] for v in xs), got[i], want[i]) for i in np.flatnonzero(wrong)[:5]]


@pytest.mark.parametrize("dtype", WORDS)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("fma", [True, False], ids=["with FMA", "without FMA"])
def test_circular_functions_are_right_at_huge_arguments(name, dtype, fma):
    # closest to a multiple of pi/2 of all doubles and of all floats (Muller, Elementary Functions, table 11.1)
    worst = [5.319372648326541e255, 16367173 * 2.0**72]
    x = np.array([*worst, 1e22, 1e300, 2.0**1023, 1.5, 2.0**30, 2.0**31, 7e5, 1e38, 2.0**16 + 1, 3e9], dtype=float)
    x = x[x < np.finfo(ulp.DTYPES[dtype]).max].astype(ulp.DTYPES[dtype])
    got = compiled(name, dtype, "estrin", fma)[0](x)
    assert ulp.worst(name, dtype, got, x)[0] <= 2


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 16, 31, 33, 64])
@pytest.mark.parametrize("dtype", WORDS)
def test_one_huge_argument_does_not_disturb_its_neighbours(n, dtype):
    run, _ = compiled("sin", dtype)
    x = np.linspace(-3, 3, n).astype(ulp.DTYPES[dtype])
    x[n // 2] = 1e30
    expected = np.concatenate([run(v[None]) for v in x])  # one at a time: no vectors
    np.testing.assert_array_equal(run(x), expected)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 16, 33])
@pytest.mark.parametrize("dtype", WORDS)
def test_bases_that_are_not_normal_do_not_disturb_their_neighbours(n, dtype, rng):
    run, _ = compiled("pow", dtype)
    x, y = rng.uniform(0.1, 10, (2, n)).astype(ulp.DTYPES[dtype])
    odd = np.array([0.0, -2.0, np.inf, np.finfo(x.dtype).smallest_subnormal, np.nan, -0.0], x.dtype)
    for value in odd:
        x[n // 2], y[n // 2] = value, 3.0
        expected = np.concatenate([run(v[None], w[None]) for v, w in zip(x, y, strict=True)])
        np.testing.assert_array_equal(run(x, y), expected)
        np.testing.assert_array_equal(run(x, y)[n // 2], value**3)


@pytest.mark.parametrize("fma", [True, False], ids=["with FMA", "without FMA"])
@pytest.mark.parametrize("dtype", WORDS)
@pytest.mark.parametrize("name", sorted(BRANCHING))
def test_the_form_for_serial_code_gives_the_same(name, dtype, fma, rng):
    x = _special(dtype)
    xs = [v.ravel() for v in np.meshgrid(x, x)] if name in ulp.TWO_ARGUMENTS else [x]
    xs = [np.concatenate(pair) for pair in zip(xs, ulp.points(name, dtype, 100, rng), strict=True)]
    alone, vector = (compiled(form, dtype, "estrin", fma)[0] for form in (f"{name}.alone", name))
    np.testing.assert_array_equal(alone(*xs), vector(*xs))


@pytest.mark.slow
def test_tanh_of_every_float32_is_accurate():
    run, _ = compiled("tanh", "f32")
    first, last = (int(np.float32(x).view(np.int32)) for x in (1e-4, 9.5))
    for start in range(first, last, 2**22):
        x = np.arange(start, min(start + 2**22, last), dtype=np.int32).view(np.float32)
        exact = np.tanh(x.astype(np.float64))  # to an ulp of float64
        assert np.max(np.abs(run(x) - exact) / np.spacing(np.nextafter(exact.astype(np.float32), 0))) <= 2


@pytest.mark.parametrize(("name", "dtype"), FUNCTIONS)
def test_a_loop_over_a_function_becomes_vector_code(name, dtype):
    _, ir = compiled(name, dtype)
    body = ir[ir.index("define void @loop") :].split("\n}")[0]
    assert re.search(r"f(mul|add) <\d+ x (double|float)>", body)
    if name in ("sin", "cos", "tan"):
        assert re.search(rf"call <\d+ x {WORDS[dtype]}> @pb\.{name}\.{dtype}\.rescue\.v\d+", body)


@pytest.mark.parametrize("schedule", ["horner", "estrin"])
def test_no_arithmetic_is_relaxed(schedule):
    libraries = [*itertools.product(["trigonometric", "pow"], WORDS)]
    parts = [define(FUNCTIONS, schedule, fma=False), *(library(*x, schedule, fma=False)[0] for x in libraries)]
    text = "\n".join(parts)
    assert not re.search(r"\b(fast|nnan|ninf|nsz|arcp|afn|contract|reassoc)\b", text)
    assert "llvm.fma" not in text
    assert "llvm.fma" in define(FUNCTIONS, schedule, fma=True)


def test_the_text_depends_on_the_set_of_names_alone():
    text = define(FUNCTIONS)
    assert text == define([*reversed(FUNCTIONS), *FUNCTIONS])
    for name, dtype in FUNCTIONS:
        assert text.count(f" {symbol(name, dtype)}(") == 1
    module = llvm.parse_assembly(text)
    module.verify()


def test_nothing_gives_an_empty_text():
    assert define([]) == ""


def test_the_package_knows_no_llvmlite():
    folder = Path(pullback.__file__).parent / "engines" / "llvm" / "math"
    assert not [p.name for p in folder.glob("*.py") if "import llvmlite" in p.read_text(encoding="utf-8")]


def test_coefficients_are_those_that_the_script_computes():
    fit = importlib.import_module("pullback.engines.llvm.math.fit")
    for dtype, bits in fit.BITS.items():
        jobs = fit.jobs(bits)
        assert {n for n, d in coefficients.TABLES if d == dtype} == set(jobs)
        for name in ("exp", "sin", "erf", "lgamma"):
            c = [float(ulp.DTYPES[dtype](float(c))).hex() for c in jobs[name]()]
            assert c == list(coefficients.TABLES[name, dtype])
    assert math.isclose(coefficients.TWO_OVER_PI[0] / 2**64, 2 / math.pi)
