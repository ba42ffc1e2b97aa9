"""lengths: what is done about long code, since LLVM's time grows with it, and with long functions more than linearly.

Where there is little code, all of it is inlined. Where there is much, nests stay functions, and those
that run once and are no loops call mathematical functions, each of which is then compiled once. In what
a loop calls they are inlined all the same: there the time of the calls counts, and vectors are found.
"""

from __future__ import annotations

import re

__all__ = ["kept_apart"]

_LONG, _NOT_INLINED = 100_000, 2_000  # characters: of all nests, and of one
_CALL = re.compile(r"call (\{[^}]*\}|\w+) @(pb\.[\w.]+)\(([^)]*)\)")


def kept_apart(functions: list[str], repeated: set[str]) -> list[str]:
    """Return the texts of nests, and where they are long in sum, marked so that LLVM does not make one of them all.

    `repeated` are the names of those that loops call.
    """
    if sum(map(len, functions)) <= _LONG:
        return functions
    wrappers: dict[str, str] = {}

    def called(match: re.Match[str]) -> str:
        word, name, arguments = match.groups()
        types = [x.split()[0] for x in arguments.split(",")]
        if name not in wrappers:
            xs = ", ".join(f"{t} %x{i}" for i, t in enumerate(types))
            wrappers[name] = (
                f"define internal {word} @apart.{name}({xs}) noinline nounwind willreturn memory(none) {{\n"
                f"  %y = call {word} @{name}({xs})\n  ret {word} %y\n}}\n"
            )
        return f"call {word} @apart.{name}({arguments})"

    apart = []
    for f in functions:
        f = f if " phi " in f or _name_of(f) in repeated else _CALL.sub(called, f)
        apart.append(f.replace(") #0 {", ") noinline #0 {", 1) if len(f) > _NOT_INLINED else f)
    return [*wrappers.values(), *apart]


def _name_of(function: str) -> str:
    return function[: function.index("(", function.index("@"))].rpartition("@")[2]
