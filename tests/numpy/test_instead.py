"""What is to be written in place of what is refused: it must itself work."""

import re

import numpy as np
import pytest

import pullback as pb
from pullback.core.dispatch import handlers, qualified
from pullback.core.errors import NoAttribute, NotTraceable
from pullback.numpy.instead import REFUSED
from pullback.numpy.surface import REFUSED_STATUS, surface

WORKING = {entry.name for entry in surface() if entry.status != REFUSED_STATUS} | {"from_dlpack"}  # outside


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_named_works_itself(name):
    for inner in re.findall(r"np\.((?:linalg\.)?\w+)", REFUSED[name].instead):
        assert inner in WORKING, f"np.{inner} does not work"


def test_what_has_a_handler_is_not_refused():
    there = {qualified(f).removeprefix("numpy.") for f in handlers}
    assert not there & set(REFUSED)


def test_the_error_shows_the_reason_and_what_to_write():
    with pytest.raises(NotTraceable, match=r"numpy\.nextafter of something") as caught:
        pb.grad(lambda x: np.nextafter(x, 1.0).sum())(np.ones(3))
    assert caught.value.why == REFUSED["nextafter"].why
    assert REFUSED["nextafter"].instead in caught.value.fix
    with pytest.raises(NotTraceable) as caught:
        pb.grad(lambda x: np.frompyfunc(abs, 1, 1)(x).sum())(np.ones(3))
    assert "np.vectorize" in caught.value.fix
    with pytest.raises(NoAttribute) as caught:
        pb.grad(lambda x: x.flags.owndata * x.sum())(np.ones(3))
    assert REFUSED["ndarray.flags"].why in str(caught.value)
