"""What all elementwise primitives share: types as NumPy gives them, broadcasting, errors in the user's words."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.core.errors import DTypeError, ShapeError
from pullback.core.primitive import infer_types, primitives
from pullback.core.types import array_type, type_of
from pullback.primitives.arithmetic import add, mul, sub
from pullback.primitives.comparison import Discrete
from pullback.primitives.elementwise import Elementwise, elementwise_type
from pullback.primitives.trigonometric import sinc
from pullback.primitives.unary import Inverse, Unary

UFUNCS = [
    p
    for p in primitives.values()
    if isinstance(p, Elementwise) and "ufunc" in {**vars(p), **vars(type(p))} and getattr(p, "ufunc", None).nout == 1
    and p.name not in ("smul", "sdiv", "integer_power", "spherical_jn")
]  # fmt: skip
DTYPES = [bool, np.int8, np.uint16, np.int64, np.float16, np.float32, np.float64, np.complex64, np.complex128]
PYTHON = [True, 2, 2.0, 2j]


def _numpy_type(ufunc, *operands):
    try:
        with np.errstate(all="ignore"):
            return type_of(np.asarray(ufunc(*operands))).strong
    except (TypeError, OverflowError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize("primitive", [p for p in UFUNCS if p.ufunc.nin == 1] + [sinc], ids=str)
def test_unary_types_are_numpys(primitive):
    function = np.sinc if primitive is sinc else primitive.ufunc
    for x in (*(np.ones(2, d) for d in DTYPES), *PYTHON):
        expected = _numpy_type(function, x)
        if isinstance(expected, type):
            with pytest.raises(DTypeError):
                infer_types(primitive, (type_of(x),), {})
        else:
            (found,) = infer_types(primitive, (type_of(x),), {})
            assert found.strong is expected, x


@pytest.mark.parametrize("primitive", [p for p in UFUNCS if p.ufunc.nin == 2], ids=str)
def test_binary_types_are_numpys_with_weak_python_numbers(primitive):
    operands = [*(np.ones(2, d) for d in DTYPES), *PYTHON]
    for a, b in itertools.product(operands, operands):
        expected = _numpy_type(primitive.ufunc, a, b)
        types = type_of(a), type_of(b)
        if expected is TypeError:
            with pytest.raises(DTypeError):
                infer_types(primitive, types, {})
        elif not isinstance(expected, type):
            (found,) = infer_types(primitive, types, {})
            assert found.strong is expected, (a, b)
            assert not (found.weak and not (types[0].weak and types[1].weak))


@given(st.lists(st.sampled_from([1, 2, 3]), max_size=3), st.lists(st.sampled_from([1, 2, 3]), max_size=3))
def test_shapes_broadcast_as_numpys_or_raise(a, b):
    types = array_type(tuple(a), np.float64), array_type(tuple(b), np.float64)
    try:
        expected = np.broadcast_shapes(tuple(a), tuple(b))
    except ValueError:
        with pytest.raises(ShapeError, match="multiply of shapes"):
            infer_types(mul, types, {})
    else:
        assert infer_types(mul, types, {})[0].shape == expected


def test_a_clash_of_shapes_names_both_and_the_sizes_that_differ():
    with pytest.raises(ShapeError, match=r"(?s)add of shapes \(3,\) and \(4,\).*3 and 4 differ.*a\[:, None\]"):
        elementwise_type(np.add, (type_of(np.ones(3)), type_of(np.ones(4))))


def test_dtypes_that_numpy_does_not_take_are_refused():
    booleans = type_of(np.ones(2, bool))
    with pytest.raises(DTypeError, match=r"(?s)subtract of bool\[2\] and bool\[2\].*astype"):
        infer_types(sub, (booleans, booleans), {})


def test_python_numbers_stay_weak_under_python_operators_only():
    assert type(add(2.0, 3.0)) is float
    assert type(primitives["floor_divide"](7, 2)) is int
    assert isinstance(primitives["sin"](2.0), np.float64)


def test_cost_counts_each_element_of_the_result():
    a, b = array_type((4, 1), np.float64), array_type((3,), np.float64)
    cost = mul.cost((a, b), infer_types(mul, (a, b), {}))
    assert cost.flops == 12
    assert cost.bytes == 8 * (4 + 3 + 12)


def test_the_base_classes_state_no_rule_that_their_members_must():
    for base in (Unary, Inverse):
        member = type("Nameless", (base,), {"ufunc": np.sin})()
        with pytest.raises(NotImplementedError):
            member.jvp((1.0,), 1.0, (1.0,))
    assert not Discrete.smooth
