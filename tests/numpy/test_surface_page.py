"""docs/numpy.md says of every function of NumPy what it is, and names a test that there is."""

import re

import pytest

from docs.numpy_surface import PAGE, VERSION, version_of, written
from tests.numpy import test_surface
from tests.numpy.surface import refused, values

CASES = {
    "test_the_value_is_numpys": test_surface.NAMED,
    "test_the_derivative_is_that_of_differences": test_surface.MOVING,
    "test_what_is_no_array_is_numpys": values.PLAIN,
    "test_what_is_refused_says_what_to_write": refused.CALLS,
}


def test_the_page_is_up_to_date():
    page = PAGE.read_text(encoding="utf-8")
    if version_of(page) != VERSION:
        pytest.skip(f"the page tells of NumPy {version_of(page)}")
    assert page == written(page), "run: python docs/numpy_surface.py"


def test_the_tests_that_the_page_names_are_there():
    named = re.findall(r"`(test_\w+)\[([^\]]+)\]`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 400
    for test, case in named:
        assert callable(getattr(test_surface, test)), test
        assert case in CASES[test], f"{test}[{case}]"
