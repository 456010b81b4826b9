"""``gvae image reconstruct``, ``denoise``, ``inpaint``, ``super-resolve``: what a model makes of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from gvae.catalog import MASKS, check_name

from ._image_options import RUN, DataDir, Number, Picture, Seed
from ._image_runs import ImageRun
from ._options import Json, option

if TYPE_CHECKING:
    from torch import Tensor

Noise = Annotated[float, option("Standard deviation of the noise; the noisy values stay in [0, 1].")]
Passes = Annotated[
    int, option("Passes through the model, after each of which the known pixels are put back.")
]
Mask = Annotated[str, option(f"What is unknown: {', '.join(MASKS)}.", of=MASKS)]


def reconstruct(
    run: RUN, out: Picture, number: Number = None, data_dir: DataDir = None, json: Json = None
) -> None:
    """Draw test images above their reconstructions.

    Example: gvae image reconstruct RUN --out reconstructions.png
    """
    opened = ImageRun.open(run, out, json)
    from gvae.image.passes import reconstructions

    images = opened.some(data_dir, number)
    decoded = reconstructions(opened.saved.model, images)
    rows = {"image": images.x, "reconstructed": decoded}
    numbers = {"images": images.x, "labels": images.y, "reconstructions": decoded}
    _write(opened, out, json, "reconstructions of test images", rows, numbers)


def denoise(
    run: RUN,
    out: Picture,
    noise: Noise = 0.3,
    number: Number = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Draw test images, the same with normal noise, and what the model makes of these.

    An autoencoder trained for it (gvae image train DATA --model denoising) does this best.

    Example: gvae image denoise RUN --noise 0.5 --out restored.png
    """
    opened = ImageRun.open(run, out, json)
    from gvae.image import tasks
    from gvae.randomness import new_generator

    images, generator = opened.some(data_dir, number), new_generator(seed, "noise")
    noisy, restored = tasks.denoise(opened.saved.model, images.x, noise, generator=generator, y=images.y)
    rows = {"image": images.x, "noisy": noisy, "restored": restored}
    numbers = {"noise": noise, "seed": seed, "images": images.x, "noisy": noisy, "restored": restored}
    _write(opened, out, json, f"noise of {noise:g} taken away", rows, numbers)


def inpaint(
    run: RUN,
    out: Picture,
    mask: Mask = "bottom",
    number: Number = None,
    steps: Passes = 20,
    data_dir: DataDir = None,
    json: Json = None,
) -> None:
    """Draw test images, the same with a part unknown (grey), and with that part filled in by the model.

    Example: gvae image inpaint RUN --mask left --out filled.png
    """
    check_name("mask", mask, MASKS)
    opened = ImageRun.open(run, out, json)
    from gvae.image import masks, tasks

    images = opened.some(data_dir, number)
    unknown = masks.mask(mask, *images.shape[1:])
    filled = tasks.inpaint(opened.saved.model, images.x, unknown, steps=steps, y=images.y)
    rows = {"image": images.x, "known": images.x.masked_fill(unknown, 0.5), "filled in": filled}
    numbers = {"mask": mask, "images": images.x, "filled": filled}
    _write(opened, out, json, f"{mask} filled in", rows, numbers)


def super_resolve(
    run: RUN, out: Picture, number: Number = None, data_dir: DataDir = None, json: Json = None
) -> None:
    """Draw test images, the same at half the size, and what the model makes of these.

    Example: gvae image super-resolve RUN --out sharp.png
    """
    opened = ImageRun.open(run, out, json)
    from gvae.image import tasks

    images = opened.some(data_dir, number)
    small, restored = tasks.super_resolve(opened.saved.model, images.x, images.y)
    blocks = small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)  # each of its pixels as 2 x 2
    rows = {"image": images.x, "small": blocks, "restored": restored}
    numbers = {"images": images.x, "small": small, "restored": restored}
    _write(opened, out, json, "brought back from half the size", rows, numbers)


def _write(
    opened: ImageRun,
    out: str,
    json: str | None,
    what: str,
    rows: Mapping[str, Tensor],
    numbers: Mapping[str, Any],
) -> None:
    """Draw rows of images under each other; the numbers tell how far the last row is from the first."""
    import torch

    from gvae.image.passes import squared_errors
    from gvae.image.pictures import grid

    first, *_, last = rows.values()
    figure = grid(torch.cat([*rows.values()]), len(first), opened.title(what), rows_named=[*rows])
    opened.write(figure, out, json, **numbers, squared_errors=squared_errors(last, first))
