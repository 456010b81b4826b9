"""Figures of results, as PNG, SVG or PDF; the same results give the same bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from gvae.catalog import metric_label
from gvae.errors import InputError
from gvae.files import write_file

if TYPE_CHECKING:
    from gvae.comparison import Comparison

FORMATS = (".png", ".svg", ".pdf")
"""Endings that `write_figure` knows."""

COLORS = ("#0072B2", "#D55E00")
"""Of A and B: blue and vermilion of Okabe and Ito, which the colour-blind tell apart."""

_DATES = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}  # none, so that bytes repeat


def plot_comparisons(comparisons: Sequence[Comparison]) -> Figure:
    """Draw the runs of A and B as dots, joined by seed, and their means as bars; a panel each.

    Each panel has a scale of its own: what counts is the difference within a seed, which is small beside
    the differences between graphs.

    Parameters
    ----------
    comparisons
        One or more, as `gvae.comparison.compare_runs` gives them.

    Returns
    -------
    Figure
        Of matplotlib, bound to no window; `write_figure` writes it.

    Raises
    ------
    InputError
        If there is no comparison.
    """
    if not comparisons:
        raise InputError("a plot needs at least one comparison, got none")
    columns = min(3, len(comparisons))
    rows = math.ceil(len(comparisons) / columns)
    figure = Figure(
        figsize=(1.0 + 2.6 * max(columns, 1.4), 0.6 + 3.2 * rows),
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1),
    )
    for i, comparison in enumerate(comparisons):
        _draw(figure.add_subplot(rows, columns, i + 1), comparison)
    legend = "dots: runs, joined by seed; bars: means\n[ ]: 95 % interval of the mean difference"
    own = "; each panel has its own scale" if len(comparisons) > 1 else ""
    figure.supxlabel(legend + own, fontsize=8)
    return figure


def check_ending(path: str | Path, what: str) -> None:
    """Raise ``InputError``, which begins with ``what``, unless `write_figure` knows the file's ending."""
    if Path(path).suffix.lower() not in FORMATS:
        raise InputError(f"{what} {path}: the ending must be one of {', '.join(FORMATS)}")


def write_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as the file's ending says, whole or not at all.

    Raises
    ------
    InputError
        If the ending is none of ``.png``, ``.svg`` and ``.pdf``.
    OutputError
        If the file cannot be written.
    """
    check_ending(path, "plot")
    ending = Path(path).suffix.lower()

    def write(target: Path) -> None:
        with mpl.rc_context({"svg.hashsalt": "gvae"}):
            figure.savefig(target, format=ending[1:], dpi=200, metadata=_DATES[ending])

    write_file(path, write)


def _draw(axes: Axes, comparison: Comparison) -> None:
    sides = [[100 * score for score in scores] for scores in (comparison.scores_a, comparison.scores_b)]
    for pair in zip(*sides, strict=True):
        axes.plot((0, 1), pair, color="0.65", linewidth=0.8, zorder=1)
    for x, (scores, color) in enumerate(zip(sides, COLORS, strict=True)):
        axes.scatter([x] * len(scores), scores, s=22, color=color, alpha=0.75, linewidths=0, zorder=2)
        outside = x + (-0.22 if x == 0 else 0.22)  # beside the dots, which lie on x
        mean = fmean(scores)
        axes.plot((outside - 0.12, outside + 0.12), (mean, mean), color=color, linewidth=3, zorder=3)
    axes.set_xlim(-0.5, 1.5)
    axes.set_xticks((0, 1), (f"A: {comparison.model_a}", f"B: {comparison.model_b}"), parse_math=False)
    axes.set_ylabel(f"{metric_label(comparison.metric)}, percent")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.margins(y=0.08)
    axes.spines[["top", "right"]].set_visible(False)
    test = comparison.test
    axes.set_title(comparison.dataset or "graph", fontsize=11, pad=18, parse_math=False)
    summary = f"A - B: {100 * test.mean:+.2f} [{100 * test.low:+.2f}, {100 * test.high:+.2f}]"
    axes.text(0.5, 1.02, summary, transform=axes.transAxes, ha="center", va="bottom", fontsize=8)
