"""Mathematical functions as LLVM IR: text that a loop inlines and LLVM vectorises.

Promised: ≤ 2 ulp (pow ≤ 1) over the whole range, in float32 and float64, and the special
values of C's Annex F, -0.0 and subnormals among them. No fast-math flag anywhere, and fused
multiply-add only where `fma` says so. No loop, no branch; sin, cos and tan alone
call a function (see trigonometric.py), which has vector forms.

``tests/engines/test_math.py`` measures every function against mpmath.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import exponentials, inverse, logarithms, powers, special, trigonometric
from .builder import F32, F64, Builder, Kernel, Schedule, Value

__all__ = ["AVAILABLE", "define", "symbol"]

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
_GUARDED = frozenset(["sin", "cos", "tan"])


def symbol(name: str, dtype: str) -> str:
    """Return the LLVM name of a function; dtype is "f64" or "f32"."""
    return f"@pb.{name}.{dtype}"


def define(names: Iterable[tuple[str, str]], schedule: Schedule = "estrin", fma: bool = True) -> str:
    """Return LLVM IR that defines functions, and what they depend on, each once.

    Parameters
    ----------
    names : iterable of (name, dtype)
        A name in `AVAILABLE`, and "f64" or "f32".
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
    parts: list[str] = []
    far: dict[str, str] = {}
    kept: list[str] = []
    for name, dtype in wanted:
        parts.append(_definition(name, dtype, schedule, fma))
        if name in _GUARDED:
            parts.append(trigonometric.rescue(name, _FORMATS[dtype], fma))
            if dtype == "f32":
                parts.append(trigonometric.single(name))
            far[name] = trigonometric.far(name, fma)
            rescue = f"{symbol(name, dtype)}.rescue"
            kept += [rescue, *(f"{rescue}.v{n}" for n in trigonometric.WIDTHS[dtype])]
    if far:
        parts += [trigonometric.table(), *far.values(), _keep(kept)]
    return "\n".join(parts)


def _definition(name: str, dtype: str, schedule: Schedule, fma: bool) -> str:
    kernel, arity = _FUNCTIONS[name]
    outer = _FORMATS[dtype]
    kernel = powers.pow_single if (name, dtype) == ("pow", "f32") else kernel
    b = Builder(outer, schedule, fma)
    xs = [Value(b, f"%{v}", outer.word) for v in "xy"[:arity]]
    y = kernel(b, *xs)
    parameters = ", ".join(f"{x.word} {x.name}" for x in xs)
    attributes = "alwaysinline nounwind willreturn memory(none)"
    head = f"define internal {outer.word} {symbol(name, dtype)}({parameters}) {attributes} {{"
    return "\n".join([head, *b.lines, f"  ret {outer.word} {y.name}", "}", ""])


def _keep(symbols: list[str]) -> str:
    """Return a list that keeps the vector forms until the vectoriser has seen them."""
    pointers = ", ".join(f"ptr {s}" for s in symbols)
    return f'@llvm.compiler.used = appending global [{len(symbols)} x ptr] [{pointers}], section "llvm.metadata"\n'
