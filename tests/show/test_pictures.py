"""Pictures: that they are written, show what they should, and leave no trace in pyplot."""

import itertools
import sys

import numpy as np
import pytest

from pullback.chain import Chain
from pullback.core.errors import MissingExtra
from pullback.show import (
    confusion_matrix,
    draw_chain,
    draw_confusion,
    draw_curves,
    draw_decision_boundary,
    draw_fit,
    extras,
)
from pullback.show.extras import require


def _texts(figure):
    return [t.get_text() for axes in figure.axes for t in (*axes.texts, axes.title, axes._left_title)]


def _is_png(path):
    return path.read_bytes().startswith(b"\x89PNG")


def _cost(*sizes):
    params = [np.ones((b, a)) for a, b in itertools.pairwise(sizes)]
    return Chain([lambda x, w: w @ x] * len(params)).cost(np.ones(sizes[0]), params)


def test_the_picture_of_a_chain_is_to_scale(tmp_path):
    cost = _cost(5, 3, 4, 1)
    figure = draw_chain(cost, tmp_path / "new" / "cost.png")
    assert _is_png(tmp_path / "new" / "cost.png")
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert axes.get_aspect() == 1
        sides = [(round(5 * p.get_height()), round(5 * p.get_width())) for p in axes.patches]
        assert sides == [(1, 4), (4, 3), (3, 5)]  # the last layer on the left, as in the formula


def test_the_picture_of_a_chain_shows_each_product_and_its_price():
    texts = _texts(draw_chain(_cost(5, 3, 4, 1)))
    for shown in ("1 · 4 · 3 = 12", "1 · 3 · 5 = 15", "4 · 3 · 5 = 60", "1 · 4 · 5 = 20"):
        assert shown in texts
    assert "from the loss back: 27 multiplications (the fewest possible)" in texts


def test_the_best_order_is_drawn_where_it_is_neither_of_the_two():
    figure = draw_chain(_cost(60, 4, 80, 6, 50))
    assert len(figure.axes) == 3
    assert "the best order: 15 120 multiplications (the fewest possible)" in _texts(figure)


def test_a_chain_of_one_layer_can_be_drawn(tmp_path):
    draw_chain(_cost(3, 1), tmp_path / "one.png")
    assert _is_png(tmp_path / "one.png")


def test_curves_confusion_boundary_and_fit_are_written(tmp_path, rng):
    x = rng.normal(size=(20, 2))
    y = (x[:, 0] > 0).astype(int)
    draw_curves({"a": [3.0, 2.0, 1.0], "b": [3.0, 1.0, 0.5]}, tmp_path / "curves.png", title="Loss")
    figure = draw_confusion(y, 1 - y, ["no", "yes"], tmp_path / "confusion.png", title="Test")
    draw_decision_boundary(lambda p: 1 / (1 + np.exp(-p[:, 0])), x, y, tmp_path / "boundary.png")
    draw_fit(x[:, 0], x[:, 0] + 0.1, tmp_path / "fit.png")
    assert all(_is_png(tmp_path / f"{name}.png") for name in ("curves", "confusion", "boundary", "fit"))
    assert "Test: 0 of 20 right" in _texts(figure)


def test_pictures_have_titles_and_labelled_axes(rng):
    x, y = rng.normal(size=(9, 2)), np.arange(9) % 2
    figures = [
        draw_curves({"a": [1.0, 0.5]}),
        draw_confusion(y, y, [0, 1]),
        draw_decision_boundary(lambda p: np.linspace(0, 1, len(p)), x, y),
        draw_fit(x[:, 0], x[:, 1]),
    ]
    for figure in figures:
        axes = figure.axes[0]
        assert axes.get_title()
        assert axes.get_xlabel()
        assert axes.get_ylabel()


def test_the_confusion_matrix_counts_true_by_row():
    assert confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0], 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_pictures_leave_pyplot_alone():
    draw_curves({"a": [1.0, 0.5]})
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_missing_extra_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")

    monkeypatch.setattr(extras.importlib, "import_module", missing)
    with pytest.raises(MissingExtra, match="matplotlib is not installed") as raised:
        draw_curves({"a": [1.0]})
    assert raised.value.fix == "pip install 'pullback[show]'"
    assert isinstance(raised.value, ImportError)


def test_a_package_that_lacks_something_of_its_own_is_not_called_missing(monkeypatch):
    def broken(name):
        raise ModuleNotFoundError("No module named 'kiwisolver'", name="kiwisolver")

    monkeypatch.setattr(extras.importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="kiwisolver"):
        require("matplotlib.figure")
