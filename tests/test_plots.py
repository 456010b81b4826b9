"""Figures: what is drawn is what was measured, and files are whole."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from gvae.comparison import Comparison, corrected_t_test
from gvae.errors import InputError
from gvae.plots import COLORS, plot_comparisons, write_figure

A, B = (0.90, 0.91, 0.92, 0.93, 0.94), (0.89, 0.89, 0.91, 0.91, 0.93)
FIRST_BYTES = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def comparison(dataset: str | None = "cora", metric: str = "auc") -> Comparison:
    test = corrected_t_test(np.subtract(A, B), 0.1)
    measured = ("gae", "vgae", "kipf", "kipf", tuple(range(5)), A, B)
    return Comparison(dataset, metric, *measured, False, 0.1, test, (0.01, 0.02), 0.06)


def test_dots_lines_and_bars_are_the_runs() -> None:
    axes = plot_comparisons([comparison()]).axes[0]
    for i, (scores, color) in enumerate(zip((A, B), COLORS, strict=True)):
        dots = axes.collections[i]
        assert np.asarray(dots.get_offsets()) == pytest.approx(
            np.array([(i, 100 * score) for score in scores])
        )
        assert to_hex(np.asarray(dots.get_facecolor())[0]).upper() == color
    joined, bars = axes.lines[:5], axes.lines[5:]
    ends = np.array([line.get_ydata() for line in joined])
    assert ends == pytest.approx(100 * np.array([A, B]).T)
    assert [np.asarray(bar.get_ydata())[0] for bar in bars] == pytest.approx([92.0, 90.6])
    assert axes.get_ylabel() == "AUC, percent"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["A: gae", "B: vgae"]
    assert "+1.40 [" in axes.texts[0].get_text()


def shown_ticks(axes: Axes) -> list[Text]:
    """Labels along y; matplotlib keeps some beyond the ends, which are not drawn."""
    low, high = axes.get_ylim()
    return [label for label in axes.get_yticklabels() if low <= label.get_position()[1] <= high]


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_no_two_texts_overlap(count: int) -> None:
    figure = plot_comparisons([comparison("les-miserables", "hits@100")] * count)
    figure.draw_without_rendering()
    texts = [text for axes in figure.axes for text in (axes.title, axes.yaxis.label, *axes.texts)]
    texts += [label for axes in figure.axes for label in axes.get_xticklabels() + shown_ticks(axes)]
    boxes = [text.get_window_extent() for text in (*texts, *figure.texts)]
    assert len(figure.axes) == count
    assert not [(i, j) for i, box in enumerate(boxes) for j in range(i) if box.overlaps(boxes[j])]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize("ending", FIRST_BYTES)
def test_the_ending_decides_and_bytes_repeat(ending: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}{ending}" for name in ("one", "two")]
    for path in paths:
        write_figure(plot_comparisons([comparison("a $ and $ b"), comparison(None)]), path)
    assert paths[0].read_bytes().startswith(FIRST_BYTES[ending])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(os.listdir(tmp_path)) == [path.name for path in paths]


def test_other_endings_and_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the ending must be one of \.png, \.svg, \.pdf"):
        write_figure(Figure(), tmp_path / "plot.gif")
    with pytest.raises(InputError, match="at least one comparison"):
        plot_comparisons([])
    assert os.listdir(tmp_path) == []
