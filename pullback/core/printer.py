"""A Program as readable text: types, parameters and the user's source lines."""

from __future__ import annotations

from typing import Any

from . import source

__all__ = ["names", "print_program"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def print_program(program: Any, indent: str = "") -> str:
    """Return the text of a Program, one equation a line.

    Examples
    --------
    >>> import pullback as pb
    >>> print(pb.trace(lambda x: 2.0 * x)(1.0))  # doctest: +ELLIPSIS
    Program(a: float64[]~) {
      b: float64[]~ = mul(2.0, a)    # ...
      return b
    }
    """
    names = _Names()
    lines = [f"Program({', '.join(names.typed(x) for x in program.inputs)}) {{"]
    lines += [f"{indent}  {names.typed(x)} = constant" for x, _ in program.constants]
    held: list[str] = []
    for eq in program.equations:
        params, inner = _params(eq, indent)
        held = inner
        operands = ", ".join(names[x] for x in eq.operands)
        results = ", ".join(names.typed(x) for x in eq.results) or "()"
        line = f"{indent}  {results} = {eq.primitive.name}{params}({operands})"
        where = source.describe(eq.source)
        lines.append(line + (f"    # {where}" if where != "?" else ""))
        lines += held
    lines.append(f"{indent}  return {', '.join(names[x] for x in program.outputs)}")
    lines.append(f"{indent}}}")
    return "\n".join(lines)


def _params(eq: Any, indent: str) -> tuple[str, list[str]]:
    """Return the parameters in brackets, and the Programs among them as indented lines."""
    plain, held = {}, []
    for key, value in eq.params.items():
        programs = value if isinstance(value, tuple) else (value,)
        if programs and all(hasattr(p, "equations") for p in programs):
            for i, p in enumerate(programs):
                label = key if len(programs) == 1 else f"{key}[{i}]"
                held.append(f"{indent}    {label}: {print_program(p, indent + '    ')}")
        else:
            plain[key] = value
    text = eq.primitive.written(eq.params) if held else eq.primitive.written(plain)
    return f"[{text}]" if text else "", held


def names() -> Any:
    """Return a table that names variables in the order in which it is asked for them."""
    return _Names()


class _Names(dict):
    """Names variables a, b, … z, aa, ab, … in the order in which they are met."""

    def __missing__(self, x: Any) -> str:
        if hasattr(x, "value"):
            return repr(x)
        n, name = len(self), ""
        while True:
            n, letter = divmod(n, 26)
            name = _LETTERS[letter] + name
            if n == 0:
                break
            n -= 1
        self[x] = name
        return name

    def typed(self, x: Any) -> str:
        return f"{self[x]}: {x.type}"
