"""Pytrees: containers pass through every derivative, and leaves come back where they were."""

import dataclasses
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import IntegerInput
from pullback.core.tree import flatten, leaf_paths, map_leaves, unflatten


class Pair(NamedTuple):
    first: object
    second: object


@dataclasses.dataclass
class Layer:
    w: object
    b: object
    name: str = "dense"


@dataclasses.dataclass(frozen=True)
class Frozen:
    w: object


@dataclasses.dataclass
class Careful:
    x: object

    def __post_init__(self):
        assert isinstance(self.x, np.ndarray), "only arrays"


def loss(tree):
    leaves = [x for x in flatten(tree)[0] if not isinstance(x, str)]
    return sum(np.sum((i + 1.0) * x**2) for i, x in enumerate(leaves))


W, B = np.array([1.0, 2.0]), np.array(3.0)
TREES = [
    pytest.param({"w": W, "b": B}, id="dict"),
    pytest.param([W, [B, W]], id="list"),
    pytest.param((W, (B,), ()), id="tuple"),
    pytest.param(Pair(W, Pair(B, None)), id="namedtuple"),
    pytest.param(Layer(W, B), id="dataclass"),
    pytest.param(Frozen(Layer(W, {"b": B})), id="frozen dataclass"),
    pytest.param(OrderedDict(z=W, a=B), id="ordered dict"),
    pytest.param({"none": None, "x": W}, id="None"),
]


@pytest.mark.parametrize("tree", TREES)
def test_a_gradient_has_the_structure_of_its_argument(tree):
    got = pb.grad(loss)(tree)
    assert type(got) is type(tree)
    leaves, structure = flatten(tree)
    numbers = [i for i, x in enumerate(leaves) if not isinstance(x, str)]
    grads = _at_leaves(got, structure)
    for k, i in enumerate(numbers):
        np.testing.assert_array_equal(grads[i], 2.0 * (k + 1.0) * leaves[i])


def _at_leaves(tree, structure):
    """Return what stands at the leaves' places, None too."""
    paths = leaf_paths(unflatten(structure, [0] * structure.num_leaves))
    return [eval(f"tree{path}", {"tree": tree}) for path in paths]


def test_leaves_that_are_no_arrays_pass_through_and_come_back_as_none():
    got = pb.grad(lambda p: p["x"] ** 2 * len(p["name"]))({"x": 3.0, "name": "abc"})
    assert got["name"] is None
    assert got["x"] == 18.0
    layer = pb.grad(lambda p: np.sum(p.w) * p.b)(Layer(W, 2.0))
    assert layer.name is None
    assert layer.b == 3.0


def test_none_stays_none():
    assert pb.grad(lambda p: p[0] ** 2)((2.0, None)) == (4.0, None)


def test_an_integer_leaf_raises_with_its_path():
    with pytest.raises(IntegerInput, match=r"argument 0\['layers'\]\[1\]\.b"):
        pb.grad(lambda p: 0.0)({"layers": [1.0, Layer(W, 3)]})
    with pytest.raises(IntegerInput, match=r"argument 1\[0\]"):
        pb.grad(lambda a, p: p[0] * 1.0, argnums=(0, 1))(1.0, (np.arange(3),))


def test_a_dataclass_is_rebuilt_without_its_init():
    got = pb.grad(lambda p: np.sum(p.x**2))(Careful(W))
    assert isinstance(got, Careful)
    np.testing.assert_array_equal(got.x, 2 * W)


def test_a_dataclass_may_be_returned():
    out, v = pb.jvp(lambda x: Layer(x * 2.0, x**2), (3.0,), (1.0,))
    assert (out.w, out.b) == (6.0, 9.0)
    assert (v.w, v.b) == (2.0, 6.0)


def test_a_dataclass_of_dataclasses_is_found_at_any_depth():
    leaves, structure = flatten({"a": [Frozen(Layer(1.0, Frozen(2.0)))]})
    assert leaves == [1.0, 2.0, "dense"]
    assert unflatten(structure, leaves)["a"][0].w.b.w == 2.0


def test_map_leaves_takes_several_trees_of_one_structure():
    assert map_leaves(lambda a, b: a + b, {"x": 1.0, "y": (2.0,)}, {"x": 10.0, "y": (20.0,)}) == {
        "x": 11.0,
        "y": (22.0,),
    }


def test_paths_are_written_as_one_would_write_them():
    assert leaf_paths({"w": 1.0, "p": (2.0, Layer(3.0, 4.0))}) == [
        "['p'][0]",
        "['p'][1].w",
        "['p'][1].b",
        "['p'][1].name",
        "['w']",
    ]


def test_an_instance_of_a_class_that_is_no_container_is_a_leaf():
    class Opaque:
        scale = 3.0

    assert pb.grad(lambda p: p["x"] * p["o"].scale)({"x": 1.0, "o": Opaque()}) == {"x": 3.0, "o": None}
