"""The demos do what they promise."""

import numpy as np
import pytest

from pullback.show.demos import digits as digits_demo
from pullback.show.demos.digits import WAYS, digits, greatest_difference, initial, load
from pullback.show.demos.moons import moons
from pullback.show.demos.regression import regression

pytest.importorskip("sklearn")


@pytest.fixture
def said():
    lines = []
    return lines, lines.append


@pytest.mark.slow
def test_the_digits_are_learned_in_four_ways(tmp_path, said):
    lines, say = said
    result = digits(tmp_path, say)
    assert set(result.accuracy) == set(WAYS)
    assert min(result.accuracy.values()) >= 0.97
    # An entry of a gradient is a sum over 1347 images, of products with three roundings each.
    assert result.difference < 1347 * 3 * np.finfo(float).eps
    assert all(f.exists() for f in result.files)
    text = "\n".join(lines)
    for shown in ("test accuracy 98.00 %", "differ by at most", "42 340", "Kept in memory", "digits.py:"):
        assert shown in text


def test_the_test_images_are_a_stratified_quarter():
    data = load()
    assert (len(data.x), len(data.x_test)) == (1347, 450)
    shares = np.bincount(data.y_test) / np.bincount(np.concatenate([data.y, data.y_test]))
    assert np.all(np.abs(shares - 0.25) < 0.01)


def test_the_four_gradients_agree_at_the_start():
    data = load()
    assert greatest_difference(initial(), data) < 1e-13


def test_the_job_is_short_with_few_epochs(tmp_path, said):
    _, say = said
    result = digits(tmp_path, say, epochs=1)
    assert min(result.accuracy.values()) > 0.5
    assert digits_demo.EPOCHS == 30


def test_the_regression_recovers_its_plane(tmp_path, said):
    lines, say = said
    result = regression(tmp_path, say)
    np.testing.assert_allclose(result.slopes, [2.0, -3.0], rtol=1e-12)
    np.testing.assert_allclose(result.intercept, 1.0, rtol=1e-12)
    assert result.file.exists()
    assert any("(2.000000, -3.000000)" in line for line in lines)


def test_the_moons_are_parted(tmp_path, said):
    _, say = said
    result = moons(tmp_path, say)
    assert result.accuracy > 0.97
    assert all(f.exists() for f in result.files)
