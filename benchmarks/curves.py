"""Draw how the validation bound of image models rose: a line for each run, from its ``history.jsonl``.

python -m benchmarks.curves RUN [RUN ...] [--out benchmarks/results/images_curves.png]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from gvae.bundle import read_bundle
from gvae.errors import GvaeError, InputError
from gvae.image.charts import COLORS
from gvae.plots import check_ending, write_figure

OUT = Path(__file__).parent / "results" / "images_curves.png"


@dataclass(frozen=True)
class Curve:
    """Validation bounds of one run, nats an image, by epoch; its name is the folder's."""

    name: str
    epochs: list[int]
    bounds: list[float]


def read_curve(folder: Path) -> Curve:
    """Read the history of a run that ``gvae image train`` wrote.

    Raises
    ------
    InputError
        If it is none, or has no validation figures.
    """
    records = [record for record in read_bundle(folder, kind="image").history if record["val"] is not None]
    if not records:
        raise InputError(f"{folder}: its history has no validation figures")
    return Curve(
        folder.resolve().name,
        [record["epoch"] for record in records],
        [record["val"] for record in records],
    )


def plot(curves: Sequence[Curve]) -> Figure:
    """Bounds by epoch, on a logarithmic axis: most is learned early."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for i, curve in enumerate(curves):
        color, dashes = COLORS[i % len(COLORS)], "-" if i < len(COLORS) else "--"
        axes.plot(curve.epochs, curve.bounds, dashes, color=color, linewidth=1.5, label=curve.name)
    axes.set(xscale="log", xlabel="epoch", ylabel="validation bound, nats an image")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(which="major", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def main(words: Sequence[str] | None = None) -> int:
    """Read, draw and write; the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.curves", description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of gvae image train")
    parser.add_argument("--out", type=Path, default=OUT, help="the picture: .png, .svg or .pdf")
    chosen = parser.parse_args(words)
    try:
        check_ending(chosen.out, "--out")
        write_figure(plot([read_curve(folder) for folder in chosen.runs]), chosen.out)
    except GvaeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
