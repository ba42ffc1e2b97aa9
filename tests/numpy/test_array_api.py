"""`pullback.numpy` and Tracers against the Python array API standard, 2024.12: names, signatures, values, promotion.

The oracle is array-api-strict, which takes what the standard says and nothing else.
"""

import inspect
import operator

import numpy as np
import pytest

import pullback as pb
import pullback.numpy as xp
from pullback.core.errors import NotTraceable
from tests.numpy import array_api_2024_12 as standard
from tests.numpy.array_api_cases import CASES, FLAT
from tests.numpy.checks import assert_same, check_derivative

strict = pytest.importorskip("array_api_strict")
if np.lib.NumpyVersion(np.__version__) < "2.1.0":
    pytest.skip("NumPy 2.0 has not all of the standard's functions", allow_module_level=True)

NO_ARRAYS = {"can_cast", "finfo", "iinfo", "isdtype", "result_type"}  # what gives something else

pytestmark = pytest.mark.filterwarnings("ignore:.*2024.12:UserWarning")


@pytest.fixture(autouse=True)
def strict_2024():
    with strict.ArrayAPIStrictFlags(api_version="2024.12"):
        yield


def find(namespace, name):
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


def to_strict(x):
    if isinstance(x, list | tuple) and any(isinstance(y, np.ndarray | np.dtype) for y in x):
        return type(x)(map(to_strict, x))
    if isinstance(x, np.ndarray):
        return strict.asarray(x)
    return getattr(strict, x.name) if isinstance(x, np.dtype) else x


def strict_keywords(keywords):
    keywords = {name: to_strict(x) for name, x in keywords.items()}
    if isinstance(keywords.get("dtype"), str):
        keywords["dtype"] = getattr(strict, keywords["dtype"])
    if keywords.get("device") == "cpu":
        keywords["device"] = strict.Device("CPU_DEVICE")
    return keywords


def to_numpy(y):
    if isinstance(y, tuple | list):
        return [to_numpy(part) for part in y]
    return np.asarray(y) if isinstance(y, strict._array_object.Array) else y


def reference(name, args, keywords):
    return to_numpy(find(strict, name)(*map(to_strict, args), **strict_keywords(keywords)))


def keywords_of(keywords):
    """Dtypes by name become those of the namespace."""
    return {name: getattr(xp, x) if name == "dtype" and isinstance(x, str) else x for name, x in keywords.items()}


def defaults(name, args, keywords):
    """Every argument that is not given at the standard's default, by name."""
    parameters = list(inspect.signature(eval(f"lambda {standard.FUNCTIONS[name][1:-1]}: 0")).parameters.values())
    left = [p for p in parameters[len(args) :] if p.name not in keywords and p.default is not p.empty]
    return {p.name: p.default for p in left if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}


CALLS = [
    pytest.param(name, *case, id=f"{name}-{i}")
    for name in sorted(standard.FUNCTIONS)
    for i, case in enumerate(CASES.get(name, []))
]


# Names and signatures -------------------------------------------------------------------------


def test_the_table_is_that_of_the_standard():
    for name, signature in standard.FUNCTIONS.items():
        parameters = inspect.signature(find(strict, name)).parameters.values()
        plain = [
            p.replace(annotation=p.empty, default=None if "UNDEF" in str(p.default) else p.default) for p in parameters
        ]
        assert str(inspect.Signature(plain)) == signature, name


def test_every_function_has_a_case_that_uses_every_keyword():
    assert set(standard.FUNCTIONS) - {"__array_namespace_info__"} == set(CASES)
    for name, cases in CASES.items():
        parameters = inspect.signature(eval(f"lambda {standard.FUNCTIONS[name][1:-1]}: 0")).parameters.values()
        wanted = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
        assert wanted <= {keyword for _, keywords in cases for keyword in keywords}, name


def compared(name, actual, expected):
    if name.endswith("info"):
        for field in ("bits", "max", "min", *(("eps", "smallest_normal") if name == "finfo" else ())):
            assert getattr(actual, field) == getattr(expected, field)
    elif name.startswith("empty"):
        assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    elif name == "unique_values":  # in any order
        assert_same(np.sort(actual), np.sort(expected))
    elif name == "result_type":
        assert actual == np.dtype(str(expected).rpartition(".")[2])
    else:
        assert_same(actual, expected, exact=False)


@pytest.mark.parametrize(("name", "args", "keywords"), CALLS)
def test_arrays_give_what_the_standard_says(name, args, keywords):
    function = find(xp, name)
    compared(name, function(*args, **keywords_of(keywords)), reference(name, args, keywords))
    if not name.startswith("empty") and not name.endswith("info"):
        given = keywords_of({**defaults(name, args, keywords), **keywords})
        assert_same(function(*args, **given), function(*args, **keywords_of(keywords)))


def with_zero_added(x, zero):
    """Floating arrays, also in lists, as Tracers: with a traced 0 added."""
    if isinstance(x, list):
        return [with_zero_added(part, zero) for part in x]
    return x + zero.astype(x.dtype) if isinstance(x, np.ndarray) and x.dtype.kind in "fc" else x


@pytest.mark.parametrize(("name", "args", "keywords"), [c for c in CALLS if c.values[0] != "nextafter"])
def test_tracers_give_what_the_standard_says(name, args, keywords):
    expected = reference(name, args, keywords)
    seen = []

    def f(zero):
        seen.append(find(xp, name)(*(with_zero_added(x, zero) for x in args), **keywords_of(keywords)))
        return zero if name in NO_ARRAYS else seen[-1]

    y = pb.vjp(f, np.zeros(()))[0]
    compared(name, seen[0] if name in NO_ARRAYS else y, expected)
    if not name.startswith("unique"):  # how many there are depends on values
        y = pb.jit(f)(np.zeros(()))
        compared(name, seen[-1] if name in NO_ARRAYS else y, expected)


def moves(x):
    return any(map(moves, x)) if isinstance(x, list) else isinstance(x, np.ndarray) and x.dtype.kind in "fc"


SMOOTH = [call for call in CALLS if call.values[0] not in FLAT and any(map(moves, call.values[1]))]


@pytest.mark.parametrize(("name", "args", "keywords"), SMOOTH)
def test_derivatives_agree_with_differences(name, args, keywords):
    lists = [i for i, x in enumerate(args) if isinstance(x, list)]
    flat = [*args[0], *args[1:]] if lists else list(args)
    places = [i for i, x in enumerate(flat) if moves(x)]

    def f(*arrays):
        given = list(flat)
        for i, x in zip(places, arrays, strict=True):
            given[i] = x
        if lists:
            given = [given[: len(args[0])], *given[len(args[0]) :]]
        if name in ("linalg.eigh", "linalg.cholesky", "linalg.eigvalsh"):
            given[0] = (given[0] + given[0].mT) / 2
        y = find(xp, name)(*given, **keywords_of(keywords))
        y = y[:1] if name.startswith("unique_") and isinstance(y, tuple) else y
        if name == "linalg.qr":
            return y[0][:, :2] @ y[1][:2]  # what no sign touches
        return y

    check_derivative(f, *(flat[i] for i in places), rng=np.random.default_rng(7))


def sample(dtype, low, high):
    """Four numbers of a dtype, where most functions are defined."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.array([True, False, True, True])
    if kind in "iu":
        return np.arange(low, low + 4).astype(dtype)
    x = np.linspace(low, high, 4)
    return (x + 0.25j * x[::-1] if kind == "c" else x).astype(dtype)


def accepted(name, *arrays):
    """What array-api-strict says, or None where the standard leaves these dtypes out."""
    try:
        return reference(name, arrays, {})
    except TypeError:
        return None


@pytest.mark.parametrize("name", [n for n in standard.ELEMENTWISE_1 if n != "nextafter"])
def test_functions_of_one_array_take_every_dtype_of_the_standards(name):
    low, high = (1.25, 2.75) if name == "acosh" else (0.15, 0.85)
    seen = 0
    for dtype in standard.DTYPES:
        x = sample(dtype, low if np.dtype(dtype).kind in "fc" else 2, high)
        expected = accepted(name, x)
        if expected is not None:
            seen += 1
            assert_same(pb.trace(find(xp, name))(x)(x), expected, exact=False)
            assert_same(find(xp, name)(x), expected, exact=False)
    assert seen


@pytest.mark.parametrize("name", [n for n in standard.ELEMENTWISE_2 if n != "nextafter"])
def test_functions_of_two_arrays_take_every_dtype_of_the_standards(name):
    seen = 0
    for dtype in standard.DTYPES:
        inexact = np.dtype(dtype).kind in "fc"
        x, y = sample(dtype, 0.3 if inexact else 2, 2.9), sample(dtype, 0.7 if inexact else 1, 1.6)
        expected = accepted(name, x, y)
        if expected is not None:
            seen += 1
            assert_same(pb.trace(find(xp, name))(x, y)(x, y), expected, exact=False)
            assert_same(pb.trace(lambda x, y=y: find(xp, name)(x, y))(x)(x), expected, exact=False)
    assert seen


REDUCTIONS = ("all", "any", "argmax", "count_nonzero", "cumulative_prod", "cumulative_sum", "diff", "max", "mean",
              "min", "nonzero", "prod", "sort", "std", "sum", "take_along_axis", "unique_counts", "var")  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_take_every_dtype_of_the_standards(name):
    seen = 0
    for dtype in standard.DTYPES:
        x = sample(dtype, 0.3 if np.dtype(dtype).kind in "fc" else 2, 2.9)
        arrays = (x, np.array([1, 0])) if name == "take_along_axis" else (x,)
        expected = accepted(name, *arrays)
        if expected is not None:
            seen += 1
            if np.dtype(dtype).kind in "fc":
                assert_same(pb.vjp(lambda x, rest=arrays[1:]: find(xp, name)(x, *rest), x)[0], expected, exact=False)
            if not name.startswith(("unique", "nonzero")):
                assert_same(pb.trace(find(xp, name))(*arrays)(*arrays), expected, exact=False)
    assert seen


def test_named_tuples_have_the_standards_names():
    for name, fields in standard.RESULTS.items():
        function, seen = find(xp, name), []
        args, _ = CASES[name][-1]
        assert function(*args)._fields == fields
        pb.vjp(lambda x, f=function, seen=seen: seen.append(f(x)._fields) or x, *args)
        assert seen == [fields]


def test_constants_and_dtypes_are_there():
    for name, value in standard.CONSTANTS.items():
        np.testing.assert_equal(getattr(xp, name), value)
    for name in standard.DTYPES:
        assert np.dtype(getattr(xp, name)).name == name


def test_nextafter_is_refused_with_the_reason():
    with pytest.raises(NotTraceable, match="nextafter"):
        pb.grad(lambda x: xp.nextafter(x, 1.0))(0.5)


# Promotion --------------------------------------------------------------------------------------


def promotes(f, *arrays):
    return pb.trace(f)(*arrays)(*arrays).dtype.name


@pytest.mark.parametrize(("a", "b"), standard.PROMOTION)
def test_arrays_promote_by_the_table(a, b):
    expected = standard.PROMOTION[a, b]
    x, y = np.ones(2, a), np.ones(2, b)
    operation = xp.logical_or if a == "bool" else xp.add
    assert promotes(operation, x, y) == expected
    assert pb.trace(lambda x: operation(x, y))(x)(x).dtype.name == expected
    assert promotes(lambda x, y: xp.concat([x, y]), x, y) == expected
    assert promotes(lambda x, y: xp.where(x == 1, x, y), x, y) == expected
    seen = []
    pb.trace(lambda x, y: seen.append((xp.result_type(x, y), xp.can_cast(x, y.dtype))) or x)(x, y)
    assert seen == [(np.dtype(expected), expected == b)]


@pytest.mark.parametrize(("dtype", "scalar"), standard.SCALARS)
def test_python_scalars_keep_the_arrays_dtype(dtype, scalar):
    expected = standard.SCALARS[dtype, scalar]
    x = np.ones(2, dtype)
    operations = [xp.logical_or] if dtype == "bool" else [operator.mul, xp.multiply, lambda a, b: xp.where(True, a, b)]
    for operation in operations:
        assert promotes(lambda x, f=operation: f(x, scalar), x) == expected
        assert promotes(lambda x, f=operation: f(scalar, x), x) == expected
    assert xp.result_type(x, scalar).name == expected
    seen = []
    pb.trace(lambda x: seen.append(xp.result_type(x, scalar).name) or x)(x)
    assert seen == [expected]
