"""What of NumPy pullback refuses: the reason, and what to write instead. The error shows both."""

from __future__ import annotations

from typing import NamedTuple

from pullback.core import dispatch

__all__ = ["REFUSED", "Refusal"]


class Refusal(NamedTuple):
    """Why something is refused, and what works in its place."""

    why: str
    instead: str


_PLAIN = "pullback.stop_gradient(x) gives the plain array"
_FILES = Refusal("it reads or writes a file, and a derivative does not survive that", f"call it outside, or {_PLAIN}")
_BYTES = Refusal("it looks at the bits of numbers, which do not move with them", _PLAIN)
_DATES = Refusal("dates are no numbers", "x.astype(float) of the dates, outside")
_MATRIX = Refusal("subclasses of ndarray with arithmetic of their own are not supported", "np.asarray(x), and a @ b")
_MEMORY = Refusal("how a value lies in memory is no part of what is traced", "x.copy() is C-ordered")
_NUMBERS = Refusal("a plain number has no derivative", "keep it an array: x[i] in place of x[i].item()")

REFUSED: dict[str, Refusal] = {
    "nextafter": Refusal("it steps from one floating-point number to the next, which has no derivative", _PLAIN),
    "isnat": _DATES,
    **dict.fromkeys(
        ("busday_count", "busday_offset", "busdaycalendar", "datetime_as_string", "datetime_data", "is_busday"), _DATES,
    ),
    **dict.fromkeys(
        ("fromfile", "fromregex", "genfromtxt", "load", "loadtxt", "memmap", "save", "savetxt", "savez",
         "savez_compressed", "ndarray.dump", "ndarray.dumps", "ndarray.tofile"), _FILES,
    ),
    **dict.fromkeys(
        ("frombuffer", "fromstring", "ndarray.byteswap", "ndarray.getfield", "ndarray.setfield", "ndarray.tobytes"),
        _BYTES,
    ),
    **dict.fromkeys(("asmatrix", "bmat", "matrix", "recarray", "record"), _MATRIX),
    **dict.fromkeys(
        ("isfortran", "ndarray.base", "ndarray.ctypes", "ndarray.data", "ndarray.flags", "ndarray.setflags"), _MEMORY,
    ),
    **dict.fromkeys(("ndarray.item", "ndarray.tolist"), _NUMBERS),
    "ndarray.choose": Refusal("the method of a plain array takes plain choices", "np.choose(i, [x, y])"),
    "ndarray.resize": Refusal("an array does not change its shape in place", "x = np.resize(x, shape)"),
    "lib.scimath.*": Refusal(
        "whether a result is complex would depend on values", "np.sqrt(x), or np.sqrt(x + 0j) where it may be complex"
    ),
    "broadcast": Refusal("it reads elements as plain numbers", "np.broadcast_arrays(x, y), np.broadcast_shapes"),
    "flatiter": Refusal("it reads elements as plain numbers", "x.flat, x.ravel()"),
    "from_dlpack": Refusal("memory of another library holds numbers only", "convert it outside: np.from_dlpack(x)"),
    "fromiter": Refusal("it reads elements as plain numbers", "np.stack(list(elements))"),
    "frompyfunc": Refusal("its results are Python objects", "np.vectorize(f), or a function of arrays"),
    "nditer": Refusal("it reads and writes elements as plain numbers", "np.ndenumerate(x), x.flat"),
    "nested_iters": Refusal("it reads and writes elements as plain numbers", "np.ndenumerate(x), x.flat"),
}  # fmt: skip

dispatch.instead.update({name: refusal.instead for name, refusal in REFUSED.items()})
dispatch.reasons.update({name: refusal.why for name, refusal in REFUSED.items()})
