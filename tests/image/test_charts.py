"""Charts: what is drawn is what was given, under its name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from gvae.image.charts import COLORS, MARKERS, learning_curves, roc_curve, scatter

Check = Callable[[Figure], None]


@pytest.mark.parametrize("classes", [1, 10, 25, 45])
def test_codes_are_dots_in_the_colour_of_their_class(
    classes: int, check_texts: Check, generator: torch.Generator
) -> None:
    codes, labels = torch.rand(3 * classes, 2, generator=generator), torch.arange(3 * classes) % classes
    figure = scatter(codes, labels, "codes")
    kinds = set()
    for i, dots in enumerate(figure.axes[0].collections):
        assert np.asarray(dots.get_offsets()) == pytest.approx(codes[labels == i].numpy())
        color = to_hex(np.asarray(dots.get_facecolor())[0]).upper()
        assert color == COLORS[i % len(COLORS)]
        kinds.add((color, np.asarray(dots.get_paths()[0].vertices).tobytes()))
    assert len(kinds) == min(classes, len(COLORS) * len(MARKERS))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [str(i) for i in range(classes)]
    check_texts(figure)


def test_codes_without_labels_have_no_legend(generator: torch.Generator) -> None:
    figure = scatter(torch.rand(9, 2, generator=generator))
    assert len(figure.axes[0].collections) == 1
    assert not figure.legends


def test_many_dimensions_are_drawn_along_the_two_principal_axes(generator: torch.Generator) -> None:
    codes = torch.rand(50, 3, generator=generator) * torch.tensor([1.0, 100.0, 10.0]) + 5
    figure = scatter(codes)
    (dots,) = figure.axes[0].collections
    found, centred = np.asarray(dots.get_offsets()), (codes - codes.mean(dim=0)).numpy()
    assert np.corrcoef(found[:, 0], centred[:, 1])[0, 1] > 0.999
    assert np.corrcoef(found[:, 1], centred[:, 2])[0, 1] > 0.9
    assert figure.axes[0].get_xlabel() == "first principal axis, 99 % of the variance"
    assert len(scatter(codes[:1]).axes[0].collections) == 1


def test_one_dimension_is_drawn_against_the_number() -> None:
    (dots,) = scatter(torch.tensor([[3.0], [1.0]])).axes[0].collections
    assert np.asarray(dots.get_offsets()).tolist() == [[0, 3], [1, 1]]


def test_the_roc_curve_has_its_area_and_the_diagonal(check_texts: Check) -> None:
    figure = roc_curve(np.array([0, 0, 0.5, 1]), np.array([0, 0.5, 0.5, 1]), "class 3 held out")
    chance, curve = figure.axes[0].lines
    assert np.asarray(curve.get_xydata()).tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [1, 1]]
    assert np.asarray(chance.get_xydata()).tolist() == [[0, 0], [1, 1]]
    assert figure.axes[0].get_title() == "class 3 held out\nAUC 62.5 %"
    check_texts(figure)


def test_the_legend_has_the_names_of_classes_as_they_are(check_texts: Check) -> None:
    names = ["$a$", "_b", "cats & dogs", "never seen"]
    figure = scatter(torch.eye(3), torch.tensor([2, 0, 1]), "codes", names)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names[:3]
    assert not any(text.get_parse_math() for text in figure.legends[0].get_texts())
    check_texts(figure)


def test_accuracies_are_lines_in_the_order_of_the_labels(check_texts: Check) -> None:
    figure = learning_curves([10, 1, 5], {"codes": [0.9, 0.5, 0.8], "pixels": [0.7, 0.3, 0.6]}, "few labels")
    codes, pixels = figure.axes[0].lines
    assert np.asarray(codes.get_xydata()).tolist() == [[1, 50], [5, 80], [10, 90]]
    assert np.asarray(pixels.get_ydata()).tolist() == [30, 60, 70]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "5", "10"]
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["codes", "pixels"]
    check_texts(figure)


def test_long_titles_have_room(check_texts: Check) -> None:
    title = "full-covariance, photographs: class african grey parrot as the anomaly"
    check_texts(roc_curve(np.array([0, 1]), np.array([0, 1]), title))
    check_texts(learning_curves([1, 2], {"codes": [0.5, 0.6]}, title))
    check_texts(scatter(torch.eye(2), torch.arange(2), title, ["african grey parrot", "owl"]))
