"""Every primitive alone, native code against the evaluator."""

import itertools

import numpy as np
import pytest
from numpy.exceptions import ComplexWarning

from pullback.core.errors import DTypeError
from pullback.core.primitive import infer_types, primitives
from pullback.core.types import type_of
from pullback.primitives.elementwise import Elementwise
from tests.engines.native import Compiled, alone, assert_ulp, held, same

FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, np.pi, 1e-3, 1e5, -700.0, 88.5, 709.5, np.inf, -np.inf, np.nan,
    5e-324, 1e-310, -1e-310, 1e-40, 2.3e-308, 1.2e-38, 1e308, -1e308, 3e38, -3e38, 2.0**31, -(2.0**31), 2.0**63,
]  # fmt: skip
NUMBERS = ("float64", "float32", "int64", "int32", "complex128")
DTYPES = (*NUMBERS, "bool", "uint8", "uint64", "int16")


MET = {("float64", "float32"), ("int64", "float64"), ("int32", "float32"), ("int32", "int64"), ("float64", "bool"),
       ("bool", "int32"), ("complex128", "float64"), ("uint8", "int64"), ("uint64", "int64"),
       ("uint8", "float32")}  # fmt: skip


def values(dtype):
    """Values at which things go wrong, of one dtype."""
    dtype = np.dtype(dtype)
    with np.errstate(all="ignore"):
        if dtype.kind == "f":
            return np.array(FLOATS).astype(dtype)
        if dtype.kind == "c":
            parts = [0.0, -0.0, 1.5, -2.0, np.inf, np.nan]
            return np.array([complex(a, b) for a in parts for b in parts]).astype(dtype)
        if dtype.kind == "b":
            return np.array([False, True])
        info = np.iinfo(dtype)
        ends = [info.max, info.max - 1, info.min, info.min + 1]
        return np.array([x for x in (0, 1, -1, 2, -3, 7, 63, 64, 100, *ends) if x >= info.min], dtype)


def elementwise_cases(primitive, arity):
    """Yield operands of all pairings of dtypes that the primitive takes, arranged so that every value meets every."""
    for dtypes in itertools.product(DTYPES, repeat=arity):
        if arity > 1 and dtypes not in MET and len(set(dtypes[-2:])) > 1:
            continue
        full = [values(d) for d in dtypes]
        if arity == 3:
            full = [np.array([0, 1], dtypes[0]).astype(dtypes[0]), *full[1:]]
        operands = [x.reshape((-1, *(1,) * (arity - 1 - i))) for i, x in enumerate(full)]
        yield operands
        if len(set(dtypes)) > 1:
            continue
        yield [x.ravel()[-1:].reshape(()) for x in operands]  # 0-d
        yield [x.ravel()[:0] for x in operands]  # empty


def fits(primitive, operands, params):
    try:
        infer_types(primitive, tuple(type_of(x) for x in operands), params)
        with np.errstate(all="ignore"):
            primitive.evaluate(*operands, **params)
    except (DTypeError, TypeError, ValueError, ComplexWarning):  # ValueError: an integer to a negative power
        return False
    return True


# Units in the last place: ours are within 2, pow within 1 and NumPy's SIMD loops within 4; both are approximations.
APPROXIMATE = """exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh arccosh
arctanh cbrt arctan2 hypot absolute angle power sigmoid logaddexp logaddexp2 erf erfc gaussian sinc root"""
FUNCTIONS = dict.fromkeys(APPROXIMATE.split(), 6)
OF_COMPLEX = {"sqrt": 4, "power": 2000}  # of z**w = e^(w log z), twice |w log z|: as NumPy's
FUNCTIONS["integer_power"] = 64  # n factors, rounded once each
ANY_ZERO = {"maximum", "minimum", "fmax", "fmin", "clip"}  # of 0.0 and -0.0 NumPy takes either, as its loops unroll
ARITY = {"mask": 2, "select": 3, "share": 2, "clip": 3}
PARAMS = {
    "share": [
        {"greatest": g, "ties": t, "loses": l} for g in (True, False) for t in ("share", "first") for l in (True, False)
    ],
    "integer_power": [{"n": n} for n in (2, 3, 7, 64)],
    "convert": [{"dtype": np.dtype(d)} for d in DTYPES],
    "spherical_jn": [{"n": 0}, {"n": 2}],
}
UNARY = "neg zeros_like stop_gradient real imag conj angle sign absolute exponent sinc sigmoid erf erfc gaussian root"


def arity_of(name, primitive):
    if name in ARITY:
        return ARITY[name]
    if name in (*UNARY.split(), *PARAMS):
        return 1
    if isinstance(primitive, Elementwise) and hasattr(primitive, "ufunc"):
        return primitive.ufunc.nin
    return {"complex_": 2, "smul": 2, "sdiv": 2}.get(name)


def finite(x):
    return np.where(np.isfinite(x), x, 0.5).astype(x.dtype)


ELEMENTWISE = [n for n, p in primitives.items() if arity_of(n, p)]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_elementwise_primitive(name):
    primitive = primitives[name]
    arity = arity_of(name, primitive)
    cases = [
        (operands, params)
        for params in PARAMS.get(name, [{}])
        for operands in elementwise_cases(primitive, arity)
        if fits(primitive, operands, params)
    ]
    if name == "power":  # of complex infinities C leaves much open
        cases = [([finite(x) for x in xs] if any(x.dtype.kind == "c" for x in xs) else xs, p) for xs, p in cases]
    assert cases

    def compare(actual, expected):
        limit = FUNCTIONS.get(name, 0)
        if expected.dtype.kind == "c":
            limit = OF_COMPLEX.get(name, limit)
        if limit:
            assert_ulp(limit)(actual, expected)
        else:
            same(actual, expected, name not in ANY_ZERO)

    for chunk in range(0, len(cases), 30):
        program, operands = alone(primitive, cases[chunk : chunk + 30])
        held(program, operands, compare)


# What moves and reduces ---------------------------------------------------------------------

ALL, NEW = ("all",), ("newaxis",)
A = np.arange(24.0).reshape(2, 3, 4) - 7.5
B = A[0]
WIDE = np.random.default_rng(0).normal(size=(7, 50))
I = np.array([2, 0, -1, 1])


def each(x, *params, dtypes=DTYPES):
    """Yield cases of x in several dtypes."""
    return [((np.asarray(x).astype(d),), p) for p in params for d in dtypes]


def axes_of(*axes, **more):
    return [{"axes": a, **more} for a in axes]


REDUCED = [
    *each(A, *axes_of((0,), (1,), (2,), (0, 1), (0, 2), (0, 1, 2), (), (1, 2), keepdims=False)),
    *each(A, *axes_of((0,), (1, 2), (0, 1, 2), keepdims=True)),
    *each(WIDE, *axes_of((0,), (1,), (0, 1), keepdims=False)),
    *each(np.float64(3.0), {"axes": ()}),
    *each(A[:, :0], {"axes": (0,)}, {"axes": (0, 2)}),  # kept and empty
    *each(A[:1, :, :1], {"axes": (0,)}, {"axes": (2,)}, {"axes": (0, 2)}),
    *[((values(d),), {"axes": (0,)}) for d in DTYPES if d != "complex128"],
]
EMPTY_SUMS = each(A[:, :0], {"axes": (1,)}, {"axes": (0, 1, 2)}) + each(np.zeros((100, 0)), {"axes": (1,)})
ALONG = [c for a in range(3) for c in each(A, {"axis": a}, dtypes=("float64", "float32", "int64", "int32", "bool"))]
BOTH_WAYS = [c for r in (False, True) for a in range(2) for c in each(WIDE, {"axis": a, "reverse": r})]
GETS = [
    ((A, 1), {"spec": (("array", 0), ALL, ALL)}),
    ((A, -1), {"spec": (("array", 0), ALL, ALL)}),
    ((A, np.int32(-1)), {"spec": (ALL, ("array", 0), ALL)}),
    ((A, 3), {"spec": (("slice", 0, 2, -2), ALL, ALL)[::-1]}),
    ((A, 0, 1, 2), {"spec": (("array", 0), ("array", 1), ("array", 2))}),
    ((A, 1), {"spec": (NEW, ALL, NEW, ("array", 0), ALL)}),
    ((A, 1, 2), {"spec": (ALL, ("slice", 0, 2, 1), ("slice", 1, 2, -2))}),
    ((A, I), {"spec": (ALL, ALL, ("array", 0))}),
    ((A, I[:2] % 2, I[2:]), {"spec": (("array", 0), ALL, ("array", 1))}),
    ((A, I.reshape(2, 2)), {"spec": (ALL, ("array", 0), ALL)}),
    ((WIDE, I % 7), {"spec": (("array", 0), ALL)}),
    ((A[:, :0], 1), {"spec": (("array", 0), ALL, ALL)}),
    ((A, I[:0]), {"spec": (("array", 0), ALL, ALL)}),
    ((B, I.reshape(4, 1)[:3]), {"spec": (("array", 0), ("iota", 1))}),
    *[((A, i), {"spec": (ALL, ("array", 0), ALL), "mode": "clip"}) for i in (-9, -1, 0, 2, 3, 99)],
    *[((A, i), {"spec": (ALL, ("slice", 0, 2, 1), ALL), "mode": "clip"}) for i in (-9, -3, -1, 0, 1, 2, 3, 99)],
    *[((A, i), {"spec": (ALL, ALL, ("slice", 0, 2, -2)), "mode": "clip"}) for i in (-9, -1, 0, 1, 2, 3, 99)],
    *[((WIDE, i), {"spec": (ALL, ("slice", 0, 40, 1)), "mode": "clip"}) for i in (-90, -1, 0, 9, 10, 11, 49, 50)],
    ((A, np.array([-9, 0, 9])), {"spec": (ALL, ("array", 0), ALL), "mode": "clip"}),
]
READ = [c for c in GETS if c[1].get("mode") != "clip"]


def written(x, indices, params):
    """Return a value to write where an index reads."""
    return -1.5 * np.ones(
        infer_types(primitives["index_get"], tuple(type_of(v) for v in (x, *indices)), params)[0].shape
    )


WRITES = [((x, written(x, i, p), *i), p) for (x, *i), p in GETS]
CONTRACTIONS = [
    ((a, b), {"a_axes": al, "b_axes": bl, "out_axes": out})
    for (m, k, n) in ((2, 3, 4), (1, 5, 1), (6, 5, 7), (40, 33, 34), (3, 0, 2), (0, 3, 2), (17, 1, 5), (17, 40, 1))
    for d in DTYPES
    for a, b in [
        (
            np.random.default_rng(m).integers(-4, 5, (m, k)).astype(d),
            np.random.default_rng(n).integers(-4, 5, (k, n)).astype(d),
        )
    ]
    for al, bl, out, a, b in [
        ((0, 1), (1, 2), (0, 2), a, b),
        ((0, 1), (1, 2), (2, 0), a, b),
        ((1, 0), (1, 2), (0, 2), np.ascontiguousarray(a.T), b),
        ((0, 1), (2, 1), (0, 2), a, np.ascontiguousarray(b.T)),
        ((1, 0), (2, 1), (2, 0), np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)),
        ((0, 1), (1,), (0,), a, b[:, 0] if n else b),
        ((1,), (1, 2), (2,), a[0] if m else a, b),
    ]
    if len(al) == a.ndim and len(bl) == b.ndim
] + [
    ((A, A), {"a_axes": (0, 1, 2), "b_axes": (0, 3, 2), "out_axes": (0, 1, 3)}),
    ((A, A), {"a_axes": (0, 1, 2), "b_axes": (0, 1, 2), "out_axes": ()}),
    ((A, A), {"a_axes": (0, 1, 2), "b_axes": (3, 4, 5), "out_axes": (3, 0, 1)}),
    ((A, B), {"a_axes": (0, 1, 2), "b_axes": (1, 2), "out_axes": (0, 1, 2)}),
    ((WIDE, WIDE), {"a_axes": (0, 1), "b_axes": (2, 1), "out_axes": (0, 2)}),
    ((WIDE[0], WIDE[1]), {"a_axes": (0,), "b_axes": (0,), "out_axes": ()}),
    ((WIDE[0], WIDE[1]), {"a_axes": (0,), "b_axes": (1,), "out_axes": (0, 1)}),
    ((B.astype(np.int32), B), {"a_axes": (0, 1), "b_axes": (2, 1), "out_axes": (0, 2)}),
]
INVERSE = {"inverse": True, "norm": "ortho"}
MATRIX = WIDE[:, :7] @ WIDE[:, :7].T + 7 * np.eye(7)

STRUCTURAL = {
    "reshape": [
        *each(
            A, {"shape": (6, 4)}, {"shape": (2, 12)}, {"shape": (24,)}, {"shape": (3, 2, 4)}, {"shape": (1, 2, 3, 4)}
        ),
        *each(WIDE, {"shape": (350,)}, {"shape": (50, 7)}, {"shape": (7, 5, 10)}, {"shape": (35, 10)}),
        *each(A[:0], {"shape": (3, 0)}),
        *each(np.float64(2.0), {"shape": (1, 1)}),
    ],
    "broadcast": [*each(B, {"shape": (2, 3, 4)}), *each(B[:, :1], {"shape": (3, 50)}), *each(2.5, {"shape": (0, 3)})],
    "sum_to": [  # never of booleans
        *each(A, *({"shape": s} for s in ((3, 4), (1, 4), (), (2, 1, 4), (1, 1, 1))), dtypes=NUMBERS),
        *each(WIDE, *({"shape": s} for s in ((1, 50), (7, 1), (50,), ())), dtypes=NUMBERS),
    ],
    "transpose": [
        *each(A, *axes_of((2, 0, 1), (0, 2, 1), (2, 1, 0))),
        *each(WIDE, {"axes": (1, 0)}),
        *each(1.0, {"axes": ()}),
        *each(A[:0], {"axes": (2, 0, 1)}),
    ],
    "flip": [
        *each(A, *axes_of((), (0,), (1, 2), (0, 1, 2))),
        *each(WIDE, {"axes": (1,)}),
        *each(A[:0], {"axes": (0,)}),
    ],
    "roll": [
        *each(A, {"shifts": (1,), "axes": (0,)}, {"shifts": (-2, 5), "axes": (1, 2)}, {"shifts": (0,), "axes": (1,)}),
        *each(WIDE, {"shifts": (3,), "axes": (1,)}, {"shifts": (1, 1), "axes": (1, 1)}),
        *each(A[:, :0], {"shifts": (1,), "axes": (1,)}),
    ],
    "pad": [
        ((np.asarray(x).astype(d), np.asarray(1).astype(d)[()]), {"widths": w})
        for d in DTYPES
        for x, w in [
            (B, ((1, 2), (0, 3))),
            (B, ((0, 0), (0, 0))),
            (WIDE, ((0, 1), (40, 0))),
            (A[:0], ((1, 0), (0, 0), (1, 1))),
            (2.0, ()),
        ]
    ],
    "triangle": [
        *each(A, *({"lower": l, "k": k} for l in (True, False) for k in (-3, -1, 0, 1, 4))),
        *each(WIDE, {"lower": True, "k": 3}),
    ],
    "concatenate": [
        *[((B.astype(d), B.astype(d), B[:0].astype(d)), {"axis": 0}) for d in DTYPES],
        *[((WIDE.astype(d), WIDE[:, :3].astype(d), B[:1].astype(d).repeat(7, 0)), {"axis": 1}) for d in DTYPES],
        ((B, B.astype(np.int32)), {"axis": 1}),
        ((A, A, A, A, A), {"axis": 2}),
        (tuple(WIDE[:, i : i + 1] for i in range(50)) * 2, {"axis": 1}),
    ],
    "stack": [
        *[((B.astype(d), B.astype(d) + B.astype(d)), {"axis": a}) for d in DTYPES for a in (0, 1, 2)],
        ((np.float64(1.0), np.float64(2.0)), {"axis": 0}),
        (tuple(WIDE), {"axis": 1}),
        (tuple(np.float64(x) for x in WIDE[0]) * 2, {"axis": 0}),
    ],
    "ramp": [((s,), {"n": n, "step": t}) for s in (3, np.int64(-2)) for n in (0, 1, 5, 100) for t in (1, -2)],
    "iota": [
        ((), {"n": n, "dtype": np.dtype(d)}) for n in (0, 1, 5, 100) for d in ("int64", "float64", "float32", "int32")
    ],
    "index_get": [*GETS, *[((x.astype(d), *i), p) for (x, *i), p in READ for d in ("bool", "float32", "complex128")]],
    "index_set": WRITES,
    "index_add": WRITES,
    "cut": GETS,
    "scatter": [((v, *i), {"shape": x.shape, **p}) for (x, v, *i), p in WRITES],
    "last_written": [(tuple(i), {"shape": x.shape, **p}) for (x, *i), p in GETS],
    "sum": REDUCED + EMPTY_SUMS,
    "prod": REDUCED + EMPTY_SUMS,
    "max": REDUCED,
    "min": REDUCED,
    "any": REDUCED + EMPTY_SUMS,
    "all": REDUCED + EMPTY_SUMS,
    "argmax": ALONG,
    "argmin": ALONG,
    "sort": ALONG,
    "argsort": ALONG,
    "cumsum": BOTH_WAYS,
    "cumprod": BOTH_WAYS,
    "cummax": BOTH_WAYS,
    "cummin": BOTH_WAYS,
    "recurrence": [((WIDE, 1 - WIDE), p) for (_, p) in BOTH_WAYS],
    "searchsorted": [((np.sort(WIDE[0]), WIDE), {"side": s}) for s in ("left", "right")],
    "contract": CONTRACTIONS,
    "fft": [((x,), {"axes": a, **p}) for x in (A, A + 1j * A[::-1]) for a, p in (((-1,), {}), ((-2, -3), INVERSE))],
    "rfft": [*each(A, {"axis": -1}, {"axis": -2, "norm": "forward"}, dtypes=("float64", "float32", "int64"))],
    "irfft": [*each(A + 1j, {"n": 6, "axis": -1}, {"n": 5, "axis": -2}, dtypes=("complex128", "complex64"))],
    "inv": [((MATRIX,), {})],
    "det": [((MATRIX,), {})],
    "slogdet": [((MATRIX,), {})],
    "cholesky": [((MATRIX,), {})],
    "eig": [((MATRIX,), {})],
    "eigh": [((MATRIX,), {}), ((MATRIX,), {"lower": False})],
    "svd": [((WIDE[:, :5],), {"full": full}) for full in (True, False)],
    "qr": [((x,), {"complete": full}) for x in (WIDE[:, :5], WIDE) for full in (True, False)],
    "pinv": [((WIDE, 1e-15), {}), ((MATRIX, 1e-15), {"hermitian": True})],
    "same_space": [((MATRIX, MATRIX[0]), {"unitary": True})],
    "cofactor": [((MATRIX,), {}), ((MATRIX[:2, :2],), {})],
    "cofactor_tangent": [((MATRIX, WIDE[:, :7]), {})],
    "minors": [((MATRIX,), {"signed": True})],
    "sum_minors": [((np.random.default_rng(0).normal(size=(7, 7, 6, 6)),), {"signed": True})],
    "solve": [((MATRIX, WIDE), {})],
    "triangular_solve": [((MATRIX, WIDE), {"lower": True})],
}
# Sums are in another order; by the data here (|x| < 5, fewer than 500 terms) a tolerance of 1e-12 or 1e-4 is 20 times
# what n ulp of the sum of magnitudes come to.
REASSOCIATED = {"sum", "prod", "sum_to", "contract", "cumsum", "cumprod", "recurrence", "inv", "det", "slogdet"}
REASSOCIATED |= {"cholesky", "cofactor", "solve", "eigh", "svd", "qr", "pinv"}
REASSOCIATED |= {"cofactor_tangent", "minors", "sum_minors", "triangular_solve", "index_add", "scatter"}


def close(actual, expected):
    if expected.dtype.kind not in "fc":
        same(actual, expected)
        return
    rtol = 1e-12 if expected.dtype.itemsize == 8 * (1 + (expected.dtype.kind == "c")) else 1e-4
    with np.errstate(all="ignore"):
        scale = np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected))
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=min(rtol * scale, 1.0))


@pytest.mark.parametrize("name", STRUCTURAL)
def test_a_primitive_that_moves_or_reduces(name):
    primitive, cases = primitives[name], STRUCTURAL[name]
    cases = [c for c in cases if fits(primitive, *c)]
    assert cases
    compare = close if name in REASSOCIATED else lambda a, b: same(a, b, name not in ("max", "min", "cummax", "cummin"))
    for chunk in range(0, len(cases), 40):
        program, operands = alone(primitive, cases[chunk : chunk + 40])
        held(program, operands, compare)


def test_every_primitive_is_held():
    elsewhere = {"call", "checkpoint", "cond", "custom", "custom_linear", "loop", "guard", "constant"}
    elsewhere |= {"pure_callback", "debug_print"}
    elsewhere |= {"special", "special_parts"}  # test_specials
    elsewhere |= {"matrix_function", "frechet", "sylvester", "lu"}  # NumPy's: tests/scipy/test_linalg
    elsewhere |= {"philox"}  # NumPy's own: tests/random draws natively
    tapes = {"count_turns", "empty_tape", "add_tapes", "batch_tape", "unbatch_tape", "mask_tape"}
    others = {name for name, p in primitives.items() if not type(p).__module__.startswith("pullback.")}
    assert set(primitives) - others - elsewhere - tapes == set(ELEMENTWISE) | set(STRUCTURAL)


# How operands lie in memory --------------------------------------------------------------------


def unaligned(x):
    raw = np.empty(x.nbytes + 1, np.uint8)
    out = raw[1:].view(x.dtype).reshape(x.shape) if x.size else x
    out[...] = x
    return out


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


class Mine(np.ndarray):
    pass


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
    "strided rows": lambda x: np.repeat(x, 3, axis=0)[::3] if x.ndim else x,
    "backwards": lambda x: np.ascontiguousarray(np.flip(x))[(slice(None, None, -1),) * x.ndim],
    "unaligned": unaligned,
    "read-only": read_only,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape) if x.ndim and x.size else x,
    "of a subclass": lambda x: x.view(Mine),
}
USES = {
    "add": lambda x: ((x, x), {}),
    "select": lambda x: ((x.astype(bool), x, x), {}),
    "sum": lambda x: ((x,), {"axes": (0,)}),
    "contract": lambda x: ((x, x), {"a_axes": (0, 1), "b_axes": (2, 1), "out_axes": (0, 2)}),
    "concatenate": lambda x: ((x, x), {"axis": 0}),
    "index_get": lambda x: ((x, 1), {"spec": (ALL, ("array", 0))}),
    "sort": lambda x: ((x,), {"axis": 1}),
    "transpose": lambda x: ((x,), {"axes": (1, 0)}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_operands_may_lie_anyhow(layout):
    for name, use in USES.items():
        for x in (B, WIDE > 0, B.astype(np.int32), WIDE.astype(np.float32)):
            operands, params = use(x)
            if not fits(primitives[name], operands, params):
                continue
            program, _ = alone(primitives[name], [(operands, params)])
            lying = [LAYOUTS[layout](v) if isinstance(v, np.ndarray) else v for v in operands]
            held(program, lying, close)


def test_scalars_come_in_every_guise():
    program, _ = alone(primitives["mul"], [((np.float64(2.0), np.float64(3.0)), {})])
    for x in (
        2.5,
        np.float64(2.5),
        np.array(2.5),
        np.array([2.5])[0],
        np.array(2.5, ">f8"),
        np.array([1.0, 2.5])[1:].reshape(()),
    ):
        held(program, [x, 3.0])
    program, _ = alone(primitives["add"], [((np.float32(2.0), np.int32(3)), {}), ((np.bool_(True), np.int64(1)), {})])
    held(program, [np.float32(0.1), np.int32(-7), np.bool_(True), 2**62])
    held(program, [np.array(0.1, np.float32), np.array(-7, np.int32), np.array(False), np.array(-5)])


def test_an_input_of_another_shape_is_refused():
    program, _ = alone(primitives["mul"], [((B, B), {})])
    run = Compiled(program)
    for wrong in (B[0], B.T, B[None], np.float64(1.0)):
        with pytest.raises(Exception, match="shape"):
            run(B, wrong)
