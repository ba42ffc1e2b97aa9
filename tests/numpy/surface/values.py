"""What is evaluated and does not move: constants, indices, shapes, dtypes, text."""

import numpy as np

from tests.numpy.surface import X, table

SHAPES = {
    "shape": np.shape, "ndim": np.ndim, "size": lambda x: np.size(x, 1),
    "ndarray.shape": lambda x: x.shape, "ndarray.ndim": lambda x: x.ndim, "ndarray.size": lambda x: x.size,
    "ndarray.dtype": lambda x: x.dtype, "ndarray.itemsize": lambda x: x.itemsize, "ndarray.nbytes": lambda x: x.nbytes,
    "ndarray.strides": lambda x: x.strides, "ndarray.device": lambda x: x.device,
    "broadcast_shapes": lambda x: np.broadcast_shapes(x.shape, (2, 1, 1)), "iterable": np.iterable,
    "isscalar": np.isscalar, "ndindex": lambda x: list(np.ndindex(x.shape)),
}  # fmt: skip
KINDS = {
    "result_type": lambda x: np.result_type(x, np.float32),
    "can_cast": lambda x: np.can_cast(x, np.float32, "same_kind"),
    "common_type": np.common_type, "min_scalar_type": np.min_scalar_type, "isrealobj": np.isrealobj,
    "iscomplexobj": np.iscomplexobj, "promote_types": lambda x: np.promote_types(x.dtype, np.complex64),
    "isdtype": lambda x: np.isdtype(x.dtype, "real floating"),
    "issubdtype": lambda x: np.issubdtype(x.dtype, np.floating),
    "mintypecode": lambda x: np.mintypecode(x.dtype.char), "typename": lambda x: np.typename(x.dtype.char),
    "shares_memory": lambda x: np.shares_memory(x, x), "may_share_memory": lambda x: np.may_share_memory(x, x),
    "einsum_path": lambda x: np.einsum_path("ij,kj,kl->il", x, x, x), "array_str": lambda x: np.array_str(x),
    "array_repr": lambda x: np.array_repr(x), "array2string": lambda x: np.array2string(x),
    "base_repr": lambda x: np.base_repr(len(x), 2), "binary_repr": lambda x: np.binary_repr(len(x)),
    "format_float_positional": lambda x: np.format_float_positional(len(x)),
    "format_float_scientific": lambda x: np.format_float_scientific(len(x)),
}  # fmt: skip
CONSTANTS = {
    **{name: lambda x, name=name: getattr(np, name)(len(x)) for name in (
        "arange", "bartlett", "blackman", "eye", "hamming", "hanning", "identity", "ones", "tri", "zeros")},
    "empty": lambda x: np.empty(len(x)).shape, "empty_like": lambda x: np.empty_like(x).shape,
    "fft.fftfreq": lambda x: np.fft.fftfreq(len(x), 0.1), "fft.rfftfreq": lambda x: np.fft.rfftfreq(len(x)),
    "zeros_like": np.zeros_like, "ones_like": lambda x: np.ones_like(x, shape=(2,)),
    "indices": lambda x: np.indices(x.shape), "diag_indices": lambda x: np.diag_indices(len(x)),
    "diag_indices_from": lambda x: np.diag_indices_from(x[:, :3]), "tril_indices": lambda x: np.tril_indices(len(x)),
    "triu_indices": lambda x: np.triu_indices(len(x)), "tril_indices_from": np.tril_indices_from,
    "triu_indices_from": np.triu_indices_from, "mask_indices": lambda x: np.mask_indices(len(x), np.triu),
}  # fmt: skip

PLAIN = {**SHAPES, **KINDS}  # whose results are no arrays
CASES = table(CONSTANTS, X, moves=False)
