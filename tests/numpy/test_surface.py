"""Every public function of NumPy: its values, its derivative both ways, under jit and under vmap; or why not."""

import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import NoValue, PullbackError
from pullback.numpy.surface import DERIVATIVE, REFUSED_STATUS, VALUE, surface
from tests.numpy.checks import assert_same, check_derivative, check_lanes, check_value, leaves
from tests.numpy.surface import X, arrays, elementwise, linear, refused, statistics, values

CASES = [*elementwise.CASES, *arrays.CASES, *statistics.CASES, *linear.CASES, *values.CASES]
ENTRIES = {entry.name: entry for entry in surface()}


def named(cases):
    """The cases by the names under which tests run: that of the function, and a number from the second on."""
    found, times = {}, {}
    for case in cases:
        times[case.name] = times.get(case.name, 0) + 1
        found[case.name + (f" {times[case.name]}" if times[case.name] > 1 else "")] = case
    return found


NAMED = named(CASES)
MOVING = {name: case for name, case in NAMED.items() if case.moves}


@pytest.mark.parametrize("case", NAMED.values(), ids=NAMED)
def test_the_value_is_numpys(case):
    f, args = case.f, case.args
    if case.known:
        assert_same(pb.vjp(f, *args)[0], f(*args), exact=False)
        with pytest.raises(NoValue):
            pb.jit(f)(*args)
    else:
        check_value(f, *args, exact=False)
        if case.lanes:
            check_lanes(f, *args)


@pytest.mark.parametrize("case", MOVING.values(), ids=MOVING)
def test_the_derivative_is_that_of_differences(case, rng):
    check_derivative(case.f, *case.args, rng=rng)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.filterwarnings("ignore")  # NumPy's own, of integers where it wants floats: log(0), and ranks
def test_the_dtype_is_numpys_of_other_dtypes_too(dtype):
    wrong = []
    for name, case in NAMED.items():
        if case.known or case.args[0].dtype != float:
            continue
        args = [(5 * x).astype(dtype) if dtype is np.int64 else x.astype(dtype) for x in case.args]
        try:
            expected = case.f(*args)
        except (TypeError, ValueError, IndexError):  # LinAlgError is a ValueError
            continue  # NumPy refuses it
        found = pb.trace(case.f)(*args)(*args)
        kinds = [[(np.asarray(y).dtype, np.shape(y)) for y in leaves(result)] for result in (found, expected)]
        if kinds[0] != kinds[1]:
            wrong.append((name, kinds))
    assert not wrong


CHUNK = 12
COMPILED = [case for case in CASES if not case.known]


@pytest.mark.parametrize("start", range(0, len(COMPILED), CHUNK))
def test_compiled_it_is_the_same(start):
    for case in COMPILED[start : start + CHUNK]:
        assert_same(pb.jit(case.f)(*case.args), case.f(*case.args), exact=False)


STILL = {
    name: case
    for name, case in NAMED.items()
    if ENTRIES[case.name].status == VALUE and not case.moves and case.args[0].dtype == float
}


@pytest.mark.parametrize("case", STILL.values(), ids=STILL)
def test_what_is_evaluated_only_does_not_move(case):
    _, pushed = pb.jvp(case.f, case.args, tuple(np.ones_like(x) for x in case.args))
    for v in leaves(pushed):
        assert not np.any(np.asarray(v))


@pytest.mark.parametrize("name", values.PLAIN)
def test_what_is_no_array_is_numpys(name):
    f, seen = values.PLAIN[name], []
    pb.grad(lambda x: seen.append(f(x)) or x.sum())(X)
    assert seen == [f(X)]


@pytest.mark.parametrize("name", refused.CALLS)
def test_what_is_refused_says_what_to_write(name):
    if "mat" in name:
        warnings.simplefilter("ignore", PendingDeprecationWarning)
    with pytest.raises((TypeError, AttributeError, ValueError, NotImplementedError)) as caught:
        pb.grad(lambda x: refused.CALLS[name](x))(X)
    if name not in refused.BY_NUMPY:
        assert isinstance(caught.value, PullbackError)
        assert "fix:" in str(caught.value)


OUTSIDE = np.vectorize(lambda a: a**2)


def test_numpys_vectorize_from_outside_names_ours():
    with pytest.raises(PullbackError, match=r"fix:   pullback\.numpy\.vectorize"):
        pb.grad(lambda x: OUTSIDE(x).sum())(X)


def test_every_public_function_is_in_a_group_and_shown():
    shown = {case.name for case in CASES} | set(values.PLAIN) | set(refused.CALLS) | refused.NO_ARRAY
    moving = {case.name for case in MOVING.values()}
    entries = surface()  # raises for one that is in no group
    assert {e.status for e in entries} == {DERIVATIVE, VALUE, REFUSED_STATUS}
    assert not [e.name for e in entries if e.name not in shown]
    assert not [e.name for e in entries if e.status == DERIVATIVE and e.name not in moving]
    assert not shown - set(ENTRIES)
