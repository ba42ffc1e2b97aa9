"""What is to be written in place of a function that has no handler: it must itself have one."""

import re

import numpy as np
import pytest

import pullback as pb
from pullback.core.dispatch import handlers, qualified
from pullback.core.errors import NotTraceable
from pullback.numpy.instead import INSTEAD

PLAIN = {"eye", "arange", "isnan", "pi"}  # of plain arguments only


@pytest.mark.parametrize("name", INSTEAD)
def test_what_is_named_works_itself(name):
    for inner in re.findall(r"np\.((?:linalg\.)?\w+)", INSTEAD[name]):
        function = np
        for part in inner.split("."):
            function = getattr(function, part)
        assert isinstance(function, np.ufunc) or function in handlers or inner in PLAIN, f"np.{inner} has no handler"


def test_what_has_a_handler_needs_no_substitute():
    there = {qualified(f).removeprefix("numpy.") for f in handlers}
    assert not there & set(INSTEAD)


def test_the_error_shows_it():
    with pytest.raises(NotTraceable, match=r"numpy\.linalg\.lstsq of something") as caught:
        pb.grad(lambda x: np.linalg.lstsq(np.eye(3), x)[0].sum())(np.ones(3))
    assert "np.linalg.solve(a.T @ a, a.T @ b)" in caught.value.fix


def test_a_misspelt_name_is_not_needed_for_a_near_one():
    with pytest.raises(NotTraceable, match="sort_complex") as caught:
        pb.grad(lambda x: np.sort_complex(x).sum())(np.ones(3))
    assert "np.sort" in caught.value.fix
