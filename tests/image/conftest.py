"""What several test files of the image module share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure

from gvae.image.images import ImageSplit
from gvae.image.sources import load_images


@pytest.fixture(scope="session")
def digits() -> ImageSplit:
    """scikit-learn's digits, 1 x 8 x 8."""
    return load_images("digits")


def texts(figure: Figure) -> list[Any]:
    """All that are shown; matplotlib keeps ticks beyond the ends, which are not drawn."""
    axes = figure.axes[0]
    labels = [axes.xaxis.label, axes.yaxis.label, axes.title, *figure.texts]
    for axis, (first, last) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        places = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
        labels += [label for place, label in places if min(first, last) <= place <= max(first, last)]
    labels += [text for legend in figure.legends for text in legend.get_texts()]
    return [text for text in labels if text.get_text()]


def _check_texts(figure: Figure) -> None:
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in texts(figure)]
    bounds = figure.bbox
    assert all(bounds.x0 <= box.x0 and box.x1 <= bounds.x1 for box in boxes)
    assert all(bounds.y0 <= box.y0 and box.y1 <= bounds.y1 for box in boxes)
    assert not [(i, j) for i, box in enumerate(boxes) for j in range(i) if box.overlaps(boxes[j])]


@pytest.fixture(scope="session")
def check_texts() -> Callable[[Figure], None]:
    """A function of a figure: all its texts lie inside, and none on another."""
    return _check_texts
