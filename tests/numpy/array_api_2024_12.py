"""The Python array API standard, version 2024.12, as data: https://data-apis.org/array-api/2024.12

Functions by name (those of the extensions with ``linalg.`` and ``fft.`` before it) with their signatures, what
arrays have, dtypes, constants, and the table of promotion.
"""


def words(text):
    return text.split()


ELEMENTWISE_1 = words(
    "abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag isfinite isinf isnan "
    "log log10 log1p log2 logical_not negative positive real reciprocal round sign signbit sin sinh sqrt square tan "
    "tanh trunc"
)
ELEMENTWISE_2 = words(
    "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal "
    "floor_divide greater greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor maximum "
    "minimum multiply nextafter not_equal pow remainder subtract"
)

FUNCTIONS = {
    **dict.fromkeys(ELEMENTWISE_1, "(x, /)"),
    **dict.fromkeys(ELEMENTWISE_2, "(x1, x2, /)"),
    "__array_namespace_info__": "()",
    "all": "(x, /, *, axis=None, keepdims=False)",
    "any": "(x, /, *, axis=None, keepdims=False)",
    "arange": "(start, /, stop=None, step=1, *, dtype=None, device=None)",
    "argmax": "(x, /, *, axis=None, keepdims=False)",
    "argmin": "(x, /, *, axis=None, keepdims=False)",
    "argsort": "(x, /, *, axis=-1, descending=False, stable=True)",
    "asarray": "(obj, /, *, dtype=None, device=None, copy=None)",
    "astype": "(x, dtype, /, *, copy=True, device=None)",
    "broadcast_arrays": "(*arrays)",
    "broadcast_to": "(x, /, shape)",
    "can_cast": "(from_, to, /)",
    "clip": "(x, /, min=None, max=None)",
    "concat": "(arrays, /, *, axis=0)",
    "count_nonzero": "(x, /, *, axis=None, keepdims=False)",
    "cumulative_prod": "(x, /, *, axis=None, dtype=None, include_initial=False)",
    "cumulative_sum": "(x, /, *, axis=None, dtype=None, include_initial=False)",
    "diff": "(x, /, *, axis=-1, n=1, prepend=None, append=None)",
    "empty": "(shape, *, dtype=None, device=None)",
    "empty_like": "(x, /, *, dtype=None, device=None)",
    "expand_dims": "(x, /, axis)",
    "eye": "(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None)",
    "finfo": "(type, /)",
    "flip": "(x, /, *, axis=None)",
    "from_dlpack": "(x, /, *, device=None, copy=None)",
    "full": "(shape, fill_value, *, dtype=None, device=None)",
    "full_like": "(x, /, fill_value, *, dtype=None, device=None)",
    "iinfo": "(type, /)",
    "isdtype": "(dtype, kind)",
    "linspace": "(start, stop, /, num, *, dtype=None, device=None, endpoint=True)",
    "matmul": "(x1, x2, /)",
    "matrix_transpose": "(x, /)",
    "max": "(x, /, *, axis=None, keepdims=False)",
    "mean": "(x, /, *, axis=None, keepdims=False)",
    "meshgrid": "(*arrays, indexing='xy')",
    "min": "(x, /, *, axis=None, keepdims=False)",
    "moveaxis": "(x, source, destination, /)",
    "nonzero": "(x, /)",
    "ones": "(shape, *, dtype=None, device=None)",
    "ones_like": "(x, /, *, dtype=None, device=None)",
    "permute_dims": "(x, /, axes)",
    "prod": "(x, /, *, axis=None, dtype=None, keepdims=False)",
    "repeat": "(x, repeats, /, *, axis=None)",
    "reshape": "(x, /, shape, *, copy=None)",
    "result_type": "(*arrays_and_dtypes)",
    "roll": "(x, /, shift, *, axis=None)",
    "searchsorted": "(x1, x2, /, *, side='left', sorter=None)",
    "sort": "(x, /, *, axis=-1, descending=False, stable=True)",
    "squeeze": "(x, /, axis)",
    "stack": "(arrays, /, *, axis=0)",
    "std": "(x, /, *, axis=None, correction=0.0, keepdims=False)",
    "sum": "(x, /, *, axis=None, dtype=None, keepdims=False)",
    "take": "(x, indices, /, *, axis=None)",
    "take_along_axis": "(x, indices, /, *, axis=-1)",
    "tensordot": "(x1, x2, /, *, axes=2)",
    "tile": "(x, repetitions, /)",
    "tril": "(x, /, *, k=0)",
    "triu": "(x, /, *, k=0)",
    "unique_all": "(x, /)",
    "unique_counts": "(x, /)",
    "unique_inverse": "(x, /)",
    "unique_values": "(x, /)",
    "unstack": "(x, /, *, axis=0)",
    "var": "(x, /, *, axis=None, correction=0.0, keepdims=False)",
    "vecdot": "(x1, x2, /, *, axis=-1)",
    "where": "(condition, x1, x2, /)",
    "zeros": "(shape, *, dtype=None, device=None)",
    "zeros_like": "(x, /, *, dtype=None, device=None)",
    "linalg.cholesky": "(x, /, *, upper=False)",
    "linalg.cross": "(x1, x2, /, *, axis=-1)",
    "linalg.det": "(x, /)",
    "linalg.diagonal": "(x, /, *, offset=0)",
    "linalg.eigh": "(x, /)",
    "linalg.eigvalsh": "(x, /)",
    "linalg.inv": "(x, /)",
    "linalg.matmul": "(x1, x2, /)",
    "linalg.matrix_norm": "(x, /, *, keepdims=False, ord='fro')",
    "linalg.matrix_power": "(x, n, /)",
    "linalg.matrix_rank": "(x, /, *, rtol=None)",
    "linalg.matrix_transpose": "(x, /)",
    "linalg.outer": "(x1, x2, /)",
    "linalg.pinv": "(x, /, *, rtol=None)",
    "linalg.qr": "(x, /, *, mode='reduced')",
    "linalg.slogdet": "(x, /)",
    "linalg.solve": "(x1, x2, /)",
    "linalg.svd": "(x, /, *, full_matrices=True)",
    "linalg.svdvals": "(x, /)",
    "linalg.tensordot": "(x1, x2, /, *, axes=2)",
    "linalg.trace": "(x, /, *, offset=0, dtype=None)",
    "linalg.vecdot": "(x1, x2, /, *, axis=-1)",
    "linalg.vector_norm": "(x, /, *, axis=None, keepdims=False, ord=2)",
    "fft.fft": "(x, /, *, n=None, axis=-1, norm='backward')",
    "fft.fftfreq": "(n, /, *, d=1.0, dtype=None, device=None)",
    "fft.fftn": "(x, /, *, s=None, axes=None, norm='backward')",
    "fft.fftshift": "(x, /, *, axes=None)",
    "fft.hfft": "(x, /, *, n=None, axis=-1, norm='backward')",
    "fft.ifft": "(x, /, *, n=None, axis=-1, norm='backward')",
    "fft.ifftn": "(x, /, *, s=None, axes=None, norm='backward')",
    "fft.ifftshift": "(x, /, *, axes=None)",
    "fft.ihfft": "(x, /, *, n=None, axis=-1, norm='backward')",
    "fft.irfft": "(x, /, *, n=None, axis=-1, norm='backward')",
    "fft.irfftn": "(x, /, *, s=None, axes=None, norm='backward')",
    "fft.rfft": "(x, /, *, n=None, axis=-1, norm='backward')",
    "fft.rfftfreq": "(n, /, *, d=1.0, dtype=None, device=None)",
    "fft.rfftn": "(x, /, *, s=None, axes=None, norm='backward')",
}

RESULTS = {  # functions that give named tuples: the names
    "linalg.eigh": ("eigenvalues", "eigenvectors"),
    "linalg.qr": ("Q", "R"),
    "linalg.slogdet": ("sign", "logabsdet"),
    "linalg.svd": ("U", "S", "Vh"),
    "unique_all": ("values", "indices", "inverse_indices", "counts"),
    "unique_counts": ("values", "counts"),
    "unique_inverse": ("values", "inverse_indices"),
}

CONSTANTS = {"e": 2.718281828459045, "inf": float("inf"), "nan": float("nan"), "newaxis": None, "pi": 3.141592653589793}

KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
KINDS["integral"] = KINDS["signed integer"] + KINDS["unsigned integer"]
KINDS["numeric"] = KINDS["integral"] + KINDS["real floating"] + KINDS["complex floating"]
DTYPES = KINDS["bool"] + KINDS["numeric"]

ATTRIBUTES = ("dtype", "device", "mT", "ndim", "shape", "size", "T")
METHODS = ("__array_namespace__", "__bool__", "__complex__", "__dlpack__", "__dlpack_device__", "__float__",
           "__getitem__", "__index__", "__int__", "__setitem__", "to_device")  # fmt: skip
UNARY_OPERATORS = ("abs", "invert", "neg", "pos")
COMPARISONS = ("eq", "ge", "gt", "le", "lt", "ne")
OPERATORS = ("add", "and", "floordiv", "lshift", "matmul", "mod", "mul", "or", "pow", "rshift", "sub", "truediv", "xor")

# Promotion of two arrays: each is one kind with itself, or with the other; what is not here is not specified.
PROMOTION = {
    ("bool", "bool"): "bool",
    **{(f"{kind}{i}", f"{kind}{j}"): f"{kind}{max(i, j)}"
       for kind in ("int", "uint") for i in (8, 16, 32, 64) for j in (8, 16, 32, 64)},
    **{(f"int{i}", f"uint{j}"): f"int{max(i, 2 * j)}" for i in (8, 16, 32, 64) for j in (8, 16, 32)},
    **{(f"float{i}", f"float{j}"): f"float{max(i, j)}" for i in (32, 64) for j in (32, 64)},
    **{(f"complex{i}", f"complex{j}"): f"complex{max(i, j)}" for i in (64, 128) for j in (64, 128)},
    **{(f"float{i}", f"complex{j}"): f"complex{max(2 * i, j)}" for i in (32, 64) for j in (64, 128)},
}  # fmt: skip
PROMOTION.update({(b, a): result for (a, b), result in list(PROMOTION.items())})

# Promotion of an array and a Python scalar: the array's dtype, but a complex scalar makes complex numbers of floats.
SCALARS = {
    **{(dtype, True): dtype for dtype in KINDS["bool"]},
    **{(dtype, 2): dtype for dtype in KINDS["numeric"]},
    **{(dtype, 2.0): dtype for dtype in KINDS["real floating"] + KINDS["complex floating"]},
    **{(dtype, 2j): dtype for dtype in KINDS["complex floating"]},
    ("float32", 2j): "complex64",
    ("float64", 2j): "complex128",
}
