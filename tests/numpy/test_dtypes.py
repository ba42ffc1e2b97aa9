"""Every case of the other tables once more: in single precision, of integers, complex, and on strided views."""

import warnings

import numpy as np
import pytest

from tests.numpy import test_functions, test_indexing, test_joining, test_mapping, test_reductions, test_shapes
from tests.numpy.checks import check_value

TABLES = [
    (test_functions.X, test_functions.SMOOTH | test_functions.DISCRETE),
    (test_indexing.X, test_indexing.OTHERS),
    (test_joining.X, test_joining.CASES),
    (test_mapping.X, test_mapping.CASES),
    (test_shapes.X, test_shapes.CASES),
    (test_reductions.X, {p.id: p.values[0] for p in test_reductions.CASES}),
]
CASES = [pytest.param(f, x, id=name) for x, table in TABLES for name, f in table.items()]

KINDS = {
    "float32": lambda x: x.astype(np.float32),
    "int64": lambda x: (4 * x).astype(np.int64),
    "int8": lambda x: (4 * x).astype(np.int8),
    "complex128": lambda x: x + 0.5j * x,
    "strided": lambda x: np.asfortranarray(np.repeat(x, 2, axis=-1))[..., ::2],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("f", "x"), CASES)
def test_the_dtype_of_the_result_is_numpys(f, x, kind):
    x = KINDS[kind](x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # conversions and roots that NumPy warns of
        try:
            f(x)
        except (TypeError, ValueError, np.exceptions.DTypePromotionError):
            pytest.skip("NumPy refuses it too")
        check_value(f, x, exact=False)
