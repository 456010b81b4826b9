"""The plot of growth."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.speed.measure import Run
from benchmarks.speed.summary import Growth, growths

COLORS = ("#0072B2", "#009E73", "#56B4E9", "#CC79A7", "#D55E00", "#E69F00", "#000000")
MARKERS = "os^Dv*P"


def plot(runs: Sequence[Run]) -> Figure | None:
    """Seconds of an epoch by nodes, both logarithmic, a panel for each family of graphs; None without any."""
    found = [growth for growth in growths(runs) if any(growth.seconds_per_epoch)]
    families = list(dict.fromkeys(growth.family for growth in found))
    names = list(dict.fromkeys(growth.contender for growth in found))
    if not found:
        return None
    figure = Figure(figsize=(1.5 + 4.2 * len(families), 4.4), layout="constrained")
    for i, kind in enumerate(families):
        first = figure.axes[0] if figure.axes else None
        axes = figure.add_subplot(1, len(families), i + 1, sharey=first)
        for growth in found:
            if growth.family == kind:
                _draw(axes, growth, names.index(growth.contender))
        _finish(axes, kind)
    figure.axes[0].set_ylabel("seconds of an epoch")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return figure


def _draw(axes: Axes, growth: Growth, i: int) -> None:
    color, marker = COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]
    axes.plot(growth.nodes, growth.seconds_per_epoch, color=color, marker=marker, label=growth.contender)


def _finish(axes: Axes, kind: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel="nodes (mean degree 10)", title=kind)
    axes.grid(which="major", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
