"""How each function of the array API standard is called in tests: by position, and with keywords that say something.

Arrays are chosen where the functions are defined, away from ties and kinks.
"""

import numpy as np

from tests.numpy.array_api_2024_12 import ELEMENTWISE_1, ELEMENTWISE_2, words

_rng = np.random.default_rng(2024)
X = _rng.normal(size=(3, 4))
S = _rng.normal(size=(3, 3)) + 3 * np.eye(3)  # square, regular
H = S @ S.T  # symmetric, positive
Z = X + 1j * _rng.normal(size=(3, 4))
POS = np.abs(X) + 0.5
UNIT = 0.9 * np.tanh(X)
I = np.array([[3, -1, 4], [1, -5, 9]])
J = np.array([2, 1, 3])
B = X > 0
AT = np.array([2, 0, 1])

_IN = {
    "acos": UNIT,
    "asin": UNIT,
    "atanh": UNIT,
    "acosh": POS + 1,
    "bitwise_invert": I,
    "imag": Z,
    "real": Z,
    "conj": Z,
}
_IN.update(dict.fromkeys(("log", "log10", "log1p", "log2", "sqrt"), POS))
_IN["logical_not"] = B
_INTEGERS = [name for name in ELEMENTWISE_2 if name.startswith("bitwise")]

CASES = {
    **{name: [((_IN.get(name, X),), {})] for name in ELEMENTWISE_1},
    **{name: [((X, POS[0]), {}), ((X, 2.5), {}), ((2.5, POS), {})] for name in ELEMENTWISE_2},
    **{name: [((I, J), {}), ((I, 3), {})] for name in _INTEGERS},
    "pow": [((POS, X), {}), ((X, 2), {}), ((2.0, X), {})],
    "logical_and": [((B, B[0]), {})],
    "logical_or": [((B, B[0]), {})],
    "logical_xor": [((B, B[0]), {})],
    "all": [((B,), {"axis": (0, 1), "keepdims": True})],
    "any": [((B,), {"axis": 1, "keepdims": True})],
    "arange": [((1, 7), {"step": 2, "dtype": "float32", "device": "cpu"}), ((4,), {})],
    "argmax": [((X,), {"axis": 0, "keepdims": True})],
    "argmin": [((X,), {"axis": 1, "keepdims": True})],
    "argsort": [((X,), {"axis": 0, "descending": True, "stable": False})],
    "asarray": [((X,), {"dtype": "float64", "device": "cpu", "copy": True}), (([[1, 2.0]],), {})],
    "astype": [((X, np.dtype("complex128")), {"copy": False, "device": "cpu"})],
    "broadcast_arrays": [((X, X[0], POS[:, :1]), {})],
    "broadcast_to": [((X, (2, 3, 4)), {}), ((X,), {"shape": (2, 3, 4)})],
    "can_cast": [((X, np.dtype("complex128")), {}), ((X, np.dtype("float32")), {})],
    "clip": [((X,), {"min": -0.5, "max": 0.7}), ((X, None, 0.4), {}), ((X, POS - 1), {})],
    "concat": [(([X, POS],), {"axis": 1}), (([X, X[0]],), {"axis": None})],
    "count_nonzero": [((B,), {"axis": 1, "keepdims": True})],
    "cumulative_prod": [((X,), {"axis": 0, "dtype": "float64", "include_initial": True})],
    "cumulative_sum": [((X,), {"axis": 1, "dtype": "float64", "include_initial": True})],
    "diff": [((X,), {"axis": 0, "n": 2, "prepend": X[:1], "append": POS[:1]})],
    "empty": [(((2, 3),), {"dtype": "float32", "device": "cpu"})],
    "empty_like": [((X,), {"dtype": "float32", "device": "cpu"})],
    "expand_dims": [((X, 1), {}), ((X,), {"axis": -1})],
    "eye": [((3, 4), {"k": 1, "dtype": "float32", "device": "cpu"})],
    "finfo": [((X,), {}), ((np.dtype("complex64"),), {})],
    "flip": [((X,), {"axis": (0, 1)})],
    "from_dlpack": [((X,), {"device": "cpu", "copy": True})],
    "full": [(((2, 3), 1.5), {"dtype": "float32", "device": "cpu"})],
    "full_like": [((X,), {"fill_value": 2.0, "dtype": "float32", "device": "cpu"})],
    "iinfo": [((I,), {}), ((np.dtype("int8"),), {})],
    "isdtype": [((np.dtype("int8"), ("integral", np.dtype("bool"))), {}), ((np.dtype("int8"), "real floating"), {})],
    "linspace": [((0.5, 2.0), {"num": 4, "dtype": "float32", "device": "cpu", "endpoint": False})],
    "matmul": [((X, POS.T), {}), ((X, X[0]), {})],
    "matrix_transpose": [((X,), {})],
    "max": [((X,), {"axis": (0, 1), "keepdims": True})],
    "mean": [((X,), {"axis": 1, "keepdims": True})],
    "meshgrid": [((X[0], X[1]), {"indexing": "ij"})],
    "min": [((X,), {"axis": 1, "keepdims": True})],
    "moveaxis": [((X, 0, 1), {}), ((X[None], (0, 1), (2, 0)), {})],
    "nonzero": [((B,), {})],
    "ones": [((4,), {"dtype": "int8", "device": "cpu"})],
    "ones_like": [((X,), {"dtype": "float32", "device": "cpu"})],
    "permute_dims": [((X[None],), {"axes": (2, 0, 1)})],
    "prod": [((X,), {"axis": 0, "dtype": "float64", "keepdims": True})],
    "repeat": [((X, 2), {"axis": 1}), ((X, np.array([2, 0, 1])), {"axis": 0})],
    "reshape": [((X,), {"shape": (2, -1), "copy": True})],
    "result_type": [((X, np.dtype("float32"), 1.0), {})],
    "roll": [((X,), {"shift": (1, -1), "axis": (0, 1)})],
    "searchsorted": [((X[0], X[1]), {"side": "right", "sorter": np.argsort(X[0])}), ((np.sort(X[0]), X), {})],
    "sort": [((X,), {"axis": 0, "descending": True, "stable": False})],
    "squeeze": [((X[None, :, None],), {"axis": (0, 2)})],
    "stack": [(([X, POS],), {"axis": -1})],
    "std": [((X,), {"axis": 0, "correction": 1.0, "keepdims": True})],
    "sum": [((X,), {"axis": (0, 1), "dtype": "float64", "keepdims": True})],
    "take": [((X, AT), {"axis": 1})],
    "take_along_axis": [((X, np.argsort(X, axis=0)), {"axis": 0})],
    "tensordot": [((X, POS), {"axes": ((0, 1), (0, 1))}), ((X, POS.T), {"axes": 1})],
    "tile": [((X, (2, 1, 2)), {})],
    "tril": [((X,), {"k": -1})],
    "triu": [((X,), {"k": 1})],
    **{f"unique_{kind}": [((np.array([2, 1, 2, 3]),), {}), ((X,), {})]
       for kind in ("all", "counts", "inverse", "values")},
    "unstack": [((X,), {"axis": 1})],
    "var": [((X,), {"axis": (0, 1), "correction": 0.5, "keepdims": True})],
    "vecdot": [((X, POS), {"axis": -2})],
    "where": [((B, X, POS), {}), ((B, X, 0.0), {}), ((B, 1.0, X), {})],
    "zeros": [(((2,),), {"dtype": "complex64", "device": "cpu"})],
    "zeros_like": [((X,), {"dtype": "float32", "device": "cpu"})],
    "linalg.cholesky": [((H,), {"upper": True})],
    "linalg.cross": [((X[:, :3], S), {"axis": -1}), ((X, POS), {"axis": -2})],
    "linalg.det": [((S,), {})],
    "linalg.diagonal": [((X,), {"offset": 1})],
    "linalg.eigh": [((H,), {})],
    "linalg.eigvalsh": [((H,), {})],
    "linalg.inv": [((S,), {})],
    "linalg.matmul": [((X, POS.T), {})],
    "linalg.matrix_norm": [((X,), {"keepdims": True, "ord": ord}) for ord in ("nuc", 1, 2, np.inf, -1, -2)],
    "linalg.matrix_power": [((S, 3), {}), ((S, -2), {})],
    "linalg.matrix_rank": [((S,), {"rtol": 0.1})],
    "linalg.matrix_transpose": [((X,), {})],
    "linalg.outer": [((X[0], X[1]), {})],
    "linalg.pinv": [((X,), {"rtol": 1e-3})],
    "linalg.qr": [((X.T,), {"mode": "complete"})],
    "linalg.slogdet": [((S,), {})],
    "linalg.solve": [((S, X), {}), ((S, S[0]), {})],
    "linalg.svd": [((X,), {"full_matrices": False})],
    "linalg.svdvals": [((X,), {})],
    "linalg.tensordot": [((X, POS.T), {"axes": 1})],
    "linalg.trace": [((X,), {"offset": 1, "dtype": "float64"})],
    "linalg.vecdot": [((X, POS), {"axis": -2})],
    "linalg.vector_norm": [((X,), {"axis": (0, 1), "keepdims": True, "ord": ord}) for ord in (3, 1, np.inf)],
    **{f"fft.{name}": [((z,), {"n": 5, "axis": 0, "norm": "ortho"})]
       for name, z in (("fft", Z), ("ifft", Z), ("rfft", X), ("irfft", Z), ("hfft", Z), ("ihfft", X))},
    **{f"fft.{name}": [((z,), {"s": (4, 5), "axes": (0, 1), "norm": "forward"})]
       for name, z in (("fftn", Z), ("ifftn", Z), ("rfftn", X), ("irfftn", Z))},
    "fft.fftfreq": [((5,), {"d": 0.5, "dtype": "float32", "device": "cpu"})],
    "fft.rfftfreq": [((5,), {"d": 0.5, "dtype": "float32", "device": "cpu"})],
    "fft.fftshift": [((X,), {"axes": (0,)})],
    "fft.ifftshift": [((X,), {"axes": (1,)})],
}  # fmt: skip

# What has no derivative: integers, truth values, steps, dtypes, what is made of no array.
FLAT = {
    *words(
        "__array_namespace_info__ all any arange argmax argmin argsort can_cast ceil count_nonzero empty empty_like "
        "equal eye finfo floor floor_divide full full_like greater greater_equal iinfo isdtype isfinite isinf isnan "
        "less less_equal linspace logical_and logical_not logical_or logical_xor nextafter nonzero not_equal ones "
        "ones_like result_type round searchsorted sign signbit trunc zeros zeros_like fft.fftfreq fft.rfftfreq "
        "linalg.matrix_rank"
    ),
    *_INTEGERS,
    "bitwise_invert",
}
