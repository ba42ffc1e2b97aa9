"""Mathematical functions as LLVM IR: text that a loop inlines and LLVM vectorises.

Promised: ≤ 2 ulp (pow ≤ 1) over the whole range, in float32 and float64, and the special
values of C's Annex F, -0.0 and subnormals among them. No fast-math flag anywhere, and fused
multiply-add only where `fma` says so. No loop, no branch; sin, cos, tan and pow alone
call a function (see rescues.py), which has vector forms, and is in a `library` of its own.

``tests/engines/test_math.py`` measures every function against mpmath.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from . import complexes, exponentials, inverse, logarithms, powers, special, trigonometric
from .builder import F32, F64, Builder, Kernel, Schedule, Value
from .rescues import called, declared, exported

__all__ = ["AVAILABLE", "BRANCHING", "declares", "define", "library", "symbol"]

_FUNCTIONS: dict[str, tuple[Kernel, int]] = {
    "exp": (exponentials.exp, 1),
    "exp2": (exponentials.exp2, 1),
    "expm1": (exponentials.expm1, 1),
    "gaussian": (exponentials.gaussian, 1),
    "sigmoid": (exponentials.sigmoid, 1),
    "sinh": (exponentials.sinh, 1),
    "cosh": (exponentials.cosh, 1),
    "tanh": (exponentials.tanh, 1),
    "log": (logarithms.log, 1),
    "log2": (logarithms.log2, 1),
    "log10": (logarithms.log10, 1),
    "log1p": (logarithms.log1p, 1),
    "logaddexp": (logarithms.logaddexp, 2),
    "softplus": (logarithms.softplus, 1),
    "arcsinh": (logarithms.arcsinh, 1),
    "arccosh": (logarithms.arccosh, 1),
    "arctanh": (logarithms.arctanh, 1),
    "sin": (trigonometric.sin, 1),
    "cos": (trigonometric.cos, 1),
    "tan": (trigonometric.tan, 1),
    "arcsin": (inverse.arcsin, 1),
    "arccos": (inverse.arccos, 1),
    "arctan": (inverse.arctan, 1),
    "arctan2": (inverse.arctan2, 2),
    "pow": (powers.pow_, 2),
    "cbrt": (powers.cbrt, 1),
    "hypot": (powers.hypot, 2),
    "erf": (special.erf, 1),
    "erfc": (special.erfc, 1),
    "lgamma": (special.lgamma, 1),
}
AVAILABLE = frozenset(_FUNCTIONS)
_FORMATS = {"f64": F64, "f32": F32}
_SINGLE: dict[str, Kernel] = {"pow": powers.pow_single, "tanh": exponentials.tanh_single}
BRANCHING = frozenset(["sin", "cos", "tan", "pow"])  # those with a form for serial code: see `rescues.py`
_ALONE = ".alone"
_LIBRARIES = {"sin": "trigonometric", "cos": "trigonometric", "tan": "trigonometric", "pow": "pow"}
_DECLARED = re.compile(r"^declare \w+ @pb\.(\w+)\.(f64|f32)\.(?:far|rescue)\(", re.MULTILINE)


def symbol(name: str, dtype: str) -> str:
    """Return the LLVM name of a function; dtype is "f64" or "f32"."""
    return f"@pb.{name}.{dtype}"


def define(names: Iterable[tuple[str, str]], schedule: Schedule = "estrin", fma: bool = True) -> str:
    """Return LLVM IR that defines functions, and what they depend on, each once.

    Parameters
    ----------
    names : iterable of (name, dtype)
        A name in `AVAILABLE`, or one in `BRANCHING` with ".alone" behind it: for serial code; and "f64" or "f32".
    schedule : {"estrin", "horner"}
        Order of the polynomials: the shortest chain, which is faster in serial code and (measured on
        Zen 4: pow by a tenth, else level) over arrays too; or the fewest operations and registers.
    fma : bool
        Whether the machine has a fused multiply-add. Without one, results may differ in the last bit.

    Returns
    -------
    str
        Text for a module. Intrinsics are not declared: LLVM's parser knows them.
    """
    wanted = sorted(set(names))
    done: set[tuple[str, str]] = set()
    parts: list[str] = []
    kept: list[str] = []
    while wanted:
        name, dtype = wanted.pop()
        if (name, dtype) in done:
            continue
        done.add((name, dtype))
        text, needs = _definition(name, dtype, schedule, fma)
        parts.append(text)
        wanted += sorted(needs)
        plain, f = name.removesuffix(_ALONE), _FORMATS[dtype]
        if plain not in BRANCHING:
            continue
        parts.append(declared(plain, f, _FUNCTIONS[plain][1], alone=plain != name))
        if plain == name:
            kept += [f"ptr @{x}" for x in called(plain, f)]
        else:
            parts.append(powers.branch(f) if plain == "pow" else trigonometric.branch(plain, f, fma))
    if kept:  # until the vectoriser has seen them
        list_ = f"[{len(kept)} x ptr] [{', '.join(kept)}]"
        parts.append(f'@llvm.compiler.used = appending global {list_}, section "llvm.metadata"\n')
    return "\n".join(parts)


def declares(text: str) -> set[tuple[str, str]]:
    """Return which libraries define what a module declares: "trigonometric" or "pow", and a dtype."""
    return {(_LIBRARIES[name], dtype) for name, dtype in _DECLARED.findall(text)}


def library(name: str, dtype: str, schedule: Schedule = "estrin", fma: bool = True) -> tuple[str, list[str]]:
    """Return a library that modules have in common: its LLVM IR, and the names of what it defines for them."""
    f = _FORMATS[dtype]
    text = powers.rescues(f, schedule, fma) if name == "pow" else trigonometric.rescues(f, fma)
    return text, [x for function, of in _LIBRARIES.items() if of == name for x in exported(function, f)]


def _definition(name: str, dtype: str, schedule: Schedule, fma: bool) -> tuple[str, set[tuple[str, str]]]:
    """Return the text of a function, and those that it calls."""
    if name.startswith("complex."):
        return _complex_definition(name, dtype, schedule, fma)
    plain = name.removesuffix(_ALONE)
    kernel, arity = _FUNCTIONS[plain]
    outer = _FORMATS[dtype]
    kernel = _SINGLE.get(plain, kernel) if dtype == "f32" else kernel
    b = Builder(outer, schedule, fma, alone=plain != name)
    xs = [Value(b, f"%{v}", outer.word) for v in "xy"[:arity]]
    y = kernel(b, *xs)
    return _function(symbol(name, dtype), outer.word, xs, b.lines, y.name), b.needs


def _complex_definition(name: str, dtype: str, schedule: Schedule, fma: bool) -> tuple[str, set[tuple[str, str]]]:
    """Return a function of the parts of complex numbers; those of float32 may be calculated in float64."""
    kernel, arity, widened = complexes.COMPLEX[name.removeprefix("complex.")]
    outer = _FORMATS[dtype]
    inner = F64 if widened else outer
    b = Builder(inner, schedule, fma)
    xs = [Value(b, f"%{v}", outer.word) for v in "xyuv"[: 2 * arity]]
    parts = kernel(b, *(x if inner is outer else b.widen(x) for x in xs))
    pair, result = f"{{ {outer.word}, {outer.word} }}", "undef"
    for i, part in enumerate(parts):
        part = part if inner is outer else b.narrow(part)
        result = b.emit(pair, f"insertvalue {pair} {result}, {outer.word} {part.name}, {i}").name
    return _function(symbol(name, dtype), pair, xs, b.lines, result), b.needs


def _function(symbol: str, word: str, xs: list[Value], lines: list[str], result: str) -> str:
    parameters = ", ".join(f"{x.word} {x.name}" for x in xs)
    head = f"define internal {word} {symbol}({parameters}) alwaysinline nounwind willreturn memory(none) {{"
    return "\n".join([head, *lines, f"  ret {word} {result}", "}", ""])
