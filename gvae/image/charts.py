"""Charts of codes and figures, bound to no window; `gvae.plots.write_figure` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray
from torch import Tensor

COLORS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#000000", "#F0E442")
"""Okabe and Ito's, which the colour-blind tell apart; more classes take the next of `MARKERS`."""
MARKERS = "o^sDv"


def scatter(
    codes: Tensor, labels: Tensor | None = None, title: str = "", names: Sequence[str] = ()
) -> Figure:
    """Draw codes as dots, coloured by class; of more than two dimensions the two principal axes.

    Parameters
    ----------
    codes
        Shape ``(n, D)``; of one dimension, it is drawn against the image's number.
    labels
        Classes, integers from 0, shape ``(n,)``; all dots are alike without them.
    title
        Above them.
    names
        Of the classes; their numbers by default.
    """
    points, axis_names = _plane(codes.detach().cpu().double().numpy())
    figure, axes = _chart(5.6, 4.6, title, *axis_names)
    size = min(24, max(2, 5000 / len(points)))
    classes = np.zeros(len(points), dtype=int) if labels is None else labels.cpu().numpy()
    present = np.unique(classes)
    for label in present:
        x, y = points[classes == label].T
        color, marker = COLORS[label % len(COLORS)], MARKERS[label // len(COLORS) % len(MARKERS)]
        axes.scatter(x, y, size, color=color, marker=marker, linewidths=0, alpha=0.8, label=str(label))
    if labels is not None:
        _legend(figure, axes, [names[label] if names else str(label) for label in present], size)
    return figure


def roc_curve(
    false_positive_rates: NDArray[np.float64], true_positive_rates: NDArray[np.float64], title: str = ""
) -> Figure:
    """Draw a receiver operating characteristic; its area stands in the title, the diagonal is chance.

    Parameters
    ----------
    false_positive_rates, true_positive_rates
        As `gvae.image.roc` gives them, from (0, 0) to (1, 1).
    title
        Before the area.
    """
    heights = (true_positive_rates[1:] + true_positive_rates[:-1]) / 2
    area = float(heights @ np.diff(false_positive_rates))
    heading = f"{title}\n" if title else ""
    names = ("false positive rate", "true positive rate")
    figure, axes = _chart(4.2, 4.4, f"{heading}AUC {100 * area:.1f} %", *names)
    axes.plot((0, 1), (0, 1), color="0.65", linewidth=0.8, linestyle="--")
    axes.plot(false_positive_rates, true_positive_rates, color=COLORS[0], linewidth=1.8, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    return figure


def learning_curves(
    labels_per_class: Sequence[int], accuracies: Mapping[str, Sequence[float]], title: str = ""
) -> Figure:
    """Draw accuracies over the number of labels that were known, a line for each way to learn from them.

    Parameters
    ----------
    labels_per_class
        In any order, drawn on a logarithmic scale.
    accuracies
        By the name of what was learned from: one for each of these numbers, from 0 to 1.
    title
        Above them.
    """
    figure, axes = _chart(5.0, 4.0, title, "labels a class", "test accuracy, percent")
    order = np.argsort(labels_per_class)
    x = np.asarray(labels_per_class)[order]
    for (name, shares), color, marker in zip(accuracies.items(), cycle(COLORS), cycle(MARKERS), strict=False):
        axes.plot(x, 100 * np.asarray(shares)[order], color=color, marker=marker, markersize=5, label=name)
    axes.set_xscale("log")
    axes.set_xticks(x, [str(number) for number in x])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    return figure


def _chart(width: float, height: float, title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """A figure of so many inches with one pair of axes; a long title is written small."""
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    axes = figure.add_subplot()
    longest = max(map(len, title.splitlines()), default=1)
    axes.set_title(title, fontsize=min(11, 110 * (width - 0.8) / longest), parse_math=False)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _legend(figure: Figure, axes: Axes, names: Sequence[str], size: float) -> None:
    """The classes beside the axes, at most 20 in a column; their dots are larger than those of ``size``."""
    legend = figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside right upper",
        title="class",
        frameon=False,
        ncols=-(-len(names) // 20),
        markerscale=6 / size**0.5,
        fontsize=8,
        title_fontsize=8,
    )
    for text, name in zip(legend.get_texts(), names, strict=True):  # here, as a label "_x" would be left out
        text.set(text=name, parse_math=False)


def _plane(codes: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """Two columns to draw, and what they are."""
    if codes.shape[1] == 1:
        return np.column_stack([np.arange(len(codes)), codes[:, 0]]), ("image", "latent number")
    if codes.shape[1] == 2:
        return codes, ("first latent number", "second latent number")
    centred = codes - codes.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)  # rising
    axes = axes[:, :-3:-1]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), (0, 1)])  # one of the two directions, always
    shares = values[:-3:-1] / max(values.sum(), np.finfo(float).tiny)
    first, second = (f"{100 * share:.0f} % of the variance" for share in shares)
    return centred @ axes, (f"first principal axis, {first}", f"second principal axis, {second}")
