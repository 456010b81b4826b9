"""Pictures made of images, bound to no window; `gvae.plots.write_figure` writes them.

Images keep their pixels: each becomes a square of whole dots, and gaps are equally wide everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from gvae.config import require_int
from gvae.errors import InputError

SMALLEST_FONT = 5
"""Points; longer names of columns are cut."""

DOTS = 200
"""Dots an inch, as `gvae.plots.write_figure` writes them."""

SIDE, WIDEST, PLANE, GAP = 100, 1800, 1200, 6
"""Dots: of an image in a grid; at most, of a whole row; of a latent plane; between two images of a grid."""

Pixels = NDArray[np.float32]


def grid(
    images: Tensor,
    columns: int,
    title: str = "",
    *,
    rows_named: Sequence[str] = (),
    columns_named: Sequence[str] = (),
) -> Figure:
    """Draw images in rows, from the left to the right.

    Parameters
    ----------
    images
        Shape ``(n, C, H, W)`` with one channel (grey) or three (colour); values are cut off at 0 and 1.
    columns
        Images in a row; the last row may have fewer.
    title
        Above them.
    rows_named, columns_named
        Names on the left of the rows and below the columns; none by default.

    Raises
    ------
    InputError
        If there is no image, the shape is another, or columns is below 1.
    """
    columns = min(require_int("columns", columns, at_least=1), len(images))
    pixels = _mosaic(_channels_last(images), columns, min(SIDE, WIDEST // columns), GAP)
    rows = -(-len(images) // columns)
    left, bottom = _room(rows_named), 60 if columns_named else 20
    figure, axes = _canvas(pixels, title, left, bottom)
    _name_ticks(axes, "y", rows_named, pixels.shape[0] / rows)
    _name_ticks(axes, "x", columns_named, pixels.shape[1] / columns)
    return figure


def manifold_picture(images: Tensor, limit: float, title: str = "") -> Figure:
    """Draw the images of a square of the latent plane next to each other; the ticks are the codes.

    Parameters
    ----------
    images
        What `gvae.image.manifold` gives, shape ``(side, side, C, H, W)``.
    limit
        The latent numbers go from minus this to this.
    title
        Above them.

    Raises
    ------
    InputError
        If the shape is another.
    """
    if images.dim() != 5 or images.size(0) != images.size(1):
        raise InputError(f"a manifold must have the shape (side, side, C, H, W), got {tuple(images.shape)}")
    side = images.size(0)
    pixels = _mosaic(_channels_last(images.flatten(0, 1)), side, PLANE // side, gap=4)
    figure, axes = _canvas(pixels, title, left=110, bottom=100)
    values = np.linspace(-limit, limit, 5)
    for axis, length in ((axes.xaxis, pixels.shape[1]), (axes.yaxis, pixels.shape[0])):
        centres = length / side * (0.5 + (side - 1) * np.linspace(0, 1, 5))  # of the images with these codes
        falling = axis is axes.yaxis
        axis.set_ticks(centres[::-1] if falling else centres, [f"{value:g}" for value in values])
        axis.set_tick_params(length=3, labelsize=8)
    axes.set_xlabel("first latent number", fontsize=8)
    axes.set_ylabel("second latent number", fontsize=8)
    return figure


def _channels_last(images: Tensor) -> Pixels:
    """``(n, H, W)`` or ``(n, H, W, 3)`` with values in [0, 1]."""
    if images.dim() != 4 or images.size(1) not in (1, 3) or not len(images):
        raise InputError(
            f"a picture needs images of shape (n, C, H, W) with 1 or 3 channels, got {tuple(images.shape)}"
        )
    pixels = images.detach().cpu().float().clamp(0, 1).permute(0, 2, 3, 1).numpy()
    return pixels[..., 0] if images.size(1) == 1 else pixels


def _mosaic(images: Pixels, columns: int, side: int, gap: int) -> Pixels:
    """One picture of all images, about ``side`` dots each; pixels are squares of whole dots, gaps white."""
    height, width = images.shape[1:3]
    times = max(1, round(side / max(height, width)))
    large = images.repeat(times, axis=1).repeat(times, axis=2)
    rows = -(-len(images) // columns)
    blank = np.ones((rows * columns - len(images), *large.shape[1:]), dtype=np.float32)
    margins = ((0, 0), (gap // 2, gap - gap // 2), (gap // 2, gap - gap // 2), (0, 0))[: large.ndim]
    cells = np.pad(np.concatenate([large, blank]), margins, constant_values=1)
    cells = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)  # (rows, H, columns, W, ...)
    return cells.reshape(cells.shape[0] * cells.shape[1], cells.shape[2] * cells.shape[3], *cells.shape[4:])


def _canvas(pixels: Pixels, title: str, left: int, bottom: int) -> tuple[Figure, Axes]:
    """A figure in which each number of ``pixels`` is one dot; the margins, too, are in dots."""
    height, width = pixels.shape[:2]
    right, top = 20, 80 if title else 20
    whole = max(left + width + right, 20 * len(title))
    left += (whole - left - width - right) // 2
    tall = bottom + height + top
    figure = Figure(figsize=((whole + 0.01) / DOTS, (tall + 0.01) / DOTS))  # matplotlib rounds dots down
    axes = figure.add_axes((left / whole, bottom / tall, width / whole, height / tall))
    axes.imshow(
        pixels,
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation="nearest",
        aspect="auto",
        extent=(0, pixels.shape[1], pixels.shape[0], 0),
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    figure.text(0.5, 1 - 40 / tall, title, ha="center", va="center", fontsize=11, parse_math=False)
    return figure, axes


def _room(names: Sequence[str]) -> int:
    """Dots for names on the left."""
    return 20 + max((16 + 14 * len(name) for name in names), default=0)


def _name_ticks(axes: Axes, axis: str, names: Sequence[str], cell: float) -> None:
    if names:
        centres = [cell * (i + 0.5) for i in range(len(names))]
        at = axes.xaxis if axis == "x" else axes.yaxis
        fit = max(3, int(0.55 * cell / SMALLEST_FONT)) if axis == "x" else max(map(len, names))
        shown = [name if len(name) <= fit else f"{name[: fit - 1]}…" for name in names]
        size = min(8, 0.55 * cell / max(map(len, shown))) if axis == "x" else 8
        at.set_ticks(centres, shown, fontsize=size, parse_math=False)
        at.set_tick_params(length=0)
