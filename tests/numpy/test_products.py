"""Products and einsum, against NumPy, in every combination of ranks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.core import errors
from tests.numpy.checks import check, check_derivative, check_value

ARRAYS = [np.float64(1.5), np.arange(3.0) - 0.5, np.arange(9.0).reshape(3, 3) / 4, np.arange(18.0).reshape(2, 3, 3) / 9]
OUT = np.zeros((3, 3))  # from outside: it cannot hold Tracers
NAMES = ["scalar", "vector", "matrix", "stack"]
PAIRS = [pytest.param(ARRAYS[i], ARRAYS[j], id=f"{NAMES[i]}-{NAMES[j]}") for i in range(4) for j in range(4)]
C = np.arange(9.0).reshape(3, 3) + 1j * np.arange(9.0)[::-1].reshape(3, 3) ** 0.5


@pytest.mark.parametrize(("a", "b"), PAIRS)
@pytest.mark.parametrize("product", [np.dot, np.inner, np.outer, np.kron, np.multiply.outer])
def test_products_are_numpys(product, a, b, rng):
    check_value(product, a, b, exact=False)
    check_derivative(product, a, b, rng=rng)


@pytest.mark.parametrize(("a", "b"), [p for p in PAIRS if "scalar" not in p.id])
def test_matmul_is_numpys(a, b, rng):
    check(np.matmul, a, b, rng=rng, exact=False, lanes=False)
    check(lambda a: a @ b, a, rng=rng, exact=False)
    check(lambda b: a @ b, b, rng=rng, exact=False)


@pytest.mark.parametrize(
    ("m", "n"),
    [((1, 3, 2), (5, 2, 4)), ((5, 1, 3, 2), (1, 7, 2, 1)), ((2,), (4, 2, 3)), ((4, 3, 2), (2,)), ((1, 1, 2), (2, 1))],
)
def test_leading_axes_of_matmul_broadcast(m, n, rng):
    check(np.matmul, rng.normal(size=m), rng.normal(size=n), rng=rng, exact=False, lanes=False)


def test_other_products_are_numpys(rng):
    v, m, s = ARRAYS[1:]
    check(np.vdot, v, m[0], rng=rng, exact=False)
    check(np.vdot, C, C.T.copy(), rng=rng, exact=False, lanes=False)
    check(np.cross, v, m, rng=rng, lanes=False)
    check(lambda a: np.cross(a, v, axis=0), m, rng=rng)
    check(np.linalg.cross, v, m[1], rng=rng)
    check(lambda a: np.tensordot(a, m, 1), s, rng=rng, exact=False)
    check(lambda a: np.tensordot(a, s, axes=([0, 2], [0, 1])), s, rng=rng, exact=False)
    check(lambda a: np.tensordot(a, m, axes=0), v, rng=rng, exact=False)
    check(lambda a: np.linalg.multi_dot([v, a, m, a @ m, v]), m, rng=rng, exact=False)
    check(lambda a: np.linalg.multi_dot([a, m]), m, rng=rng, exact=False)
    check(lambda a: [np.linalg.matrix_power(a, n) for n in (0, 1, 2, 5)], m, rng=rng, exact=False)
    check(lambda a: np.linalg.matrix_power(a + np.eye(3), -2), m, rng=rng, exact=False)
    check(lambda a: np.linalg.outer(a, v), v, rng=rng)
    check(lambda a: np.linalg.tensordot(a, m), m, rng=rng, exact=False)
    check(lambda a: np.linalg.matmul(a, m), m, rng=rng, exact=False)
    check(lambda a: np.linalg.vecdot(a, m), s, rng=rng, exact=False)
    check(lambda a: np.vecdot(a, m, axis=0), m, rng=rng, exact=False)
    check(lambda a: a.dot(m), m, rng=rng, exact=False)
    check(lambda a: a @ C, m, rng=rng, exact=False)


def test_products_of_integers_keep_their_dtype():
    n = np.arange(9, dtype=np.int32).reshape(3, 3)
    for f in (np.matmul, np.dot, np.inner, lambda a, b: np.einsum("ij,jk", a, b), np.vdot):
        check_value(f, n, n)


EINSUMS = [
    ("ij,jk->ik", (3, 4), (4, 2)),
    ("ij,jk", (3, 4), (4, 2)),
    ("ba", (3, 4)),
    ("ij->", (3, 4)),
    ("ij->j", (3, 4)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij->ji", (3, 3, 2)),
    ("iii->i", (3, 3, 3)),
    ("i,i", (4,), (4,)),
    ("i,j->ij", (4,), (3,)),
    ("i,j->ji", (4,), (3,)),
    ("ij,ij->i", (3, 4), (3, 4)),
    ("ij,kl->il", (3, 4), (2, 5)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bij,bjk->kb", (2, 3, 4), (2, 4, 5)),
    ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
    ("...ij,jk", (2, 3, 4), (4, 5)),
    ("...ij,...jk->...ik", (5, 1, 3, 4), (2, 4, 5)),
    ("...,...", (3, 4), (4,)),
    ("i...->...", (3, 4, 2)),
    ("...i->i...", (3, 4, 2)),
    ("ij,jk,kl->il", (3, 4), (4, 2), (2, 5)),
    ("i,ij,j", (3,), (3, 4), (4,)),
    ("ij,ik,il->jkl", (2, 3), (2, 4), (2, 5)),
    ("ijk,j->ik", (2, 3, 4), (3,)),
    (",ij", (), (3, 4)),
    ("ij,ij->ij", (1, 4), (3, 4)),
    ("ij,jk,jk,i->ik", (3, 4), (4, 2), (4, 2), (3,)),
    (" i j , j k -> i k ", (3, 4), (4, 2)),
]


@pytest.mark.parametrize("case", EINSUMS, ids=lambda case: case[0])
def test_einsum_is_numpys(case, rng):
    text, *shapes = case
    xs = [rng.normal(size=s) for s in shapes]
    check(lambda *xs: np.einsum(text, *xs), *xs, rng=rng, exact=False, lanes=all(shapes))


def test_einsum_takes_lists_of_labels(rng):
    a, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    check(lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), a, b, rng=rng, exact=False)
    check(lambda a, b: np.einsum(a, [..., 1], b, [1, 30], optimize=True), a, b, rng=rng, exact=False)
    check_value(lambda a: np.einsum("ij->i", a, dtype=np.complex128), a, exact=False)


@given(st.data())
def test_any_einsum_of_three_operands(data):
    sizes = {"i": 2, "j": 3, "k": 1, "l": 2}
    labels = [data.draw(st.lists(st.sampled_from("ijkl"), max_size=3)) for _ in range(3)]
    known = sorted({x for own in labels for x in own})
    out = data.draw(st.permutations(known))[: data.draw(st.integers(0, len(known)))]
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=[sizes[x] for x in own]) for own in labels]
    text = ",".join("".join(own) for own in labels) + "->" + "".join(out)
    check_value(lambda *xs: np.einsum(text, *xs), *xs, exact=False)


@pytest.mark.parametrize(
    ("f", "kind", "match"),
    [
        (lambda x: x @ np.ones(4), ValueError, r"matmul of shapes \(3, 3\) and \(4,\)"),
        (lambda x: x @ 2.0, ValueError, "does not have enough dimensions"),
        (lambda x: np.dot(x, np.ones((4, 3))), errors.ShapeError, "axis 1 of the first has size 3"),
        (lambda x: np.matmul(np.ones((2, 3, 3)), np.stack([x, x, x])), errors.ShapeError, "leading axes"),
        (lambda x: np.einsum("ij,jk", x), ValueError, "operands"),
        (lambda x: np.einsum("ij->ik", x), ValueError, "never appeared"),
        (lambda x: np.einsum("ij->ii", x), ValueError, "multiple times"),
        (lambda x: np.einsum("ijk", x), ValueError, "subscripts"),
        (lambda x: np.einsum("i1,j", x, x), ValueError, "letters"),
        (lambda x: np.einsum("ij,j->i", x, np.ones(4)), errors.ShapeError, "sizes 3 and 4"),
        (lambda x: np.matmul(x, x, axes=[(0, 1), (0, 1), (0, 1)]), errors.NotWritten, "axes="),
        (lambda x: np.matmul(x, x, out=OUT), errors.MutationError, "out="),
    ],
)
def test_misuse_is_refused_as_by_numpy(f, kind, match):
    with pytest.raises(kind, match=match):
        pb.trace(f)(ARRAYS[2])


def test_the_order_of_a_long_einsum_is_found_greedily():
    shapes = [(50, 2), (2, 50), (50, 2)]
    xs = [np.ones(s) for s in shapes]
    program = pb.trace(lambda a, b, c: np.einsum("ij,jk,kl->il", a, b, c))(*xs)
    assert all(x.type.size < 2500 for eq in program.equations for x in eq.results)
    assert len(list(itertools.chain(program.equations))) == 2
