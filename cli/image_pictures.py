"""``gvae image sample``, ``reconstruct``, ``interpolate``, ``manifold``, ``traverse``, ``inpaint``."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from gvae.catalog import MASKS, check_name
from gvae.config import require_int
from gvae.errors import InputError

from ._image_options import RUN, Class, DataDir, Limit, Number, Picture, Seed
from ._image_runs import ImageRun
from ._options import Json, option

Drawn = Annotated[int | None, option("Images to draw.", "64, or 8 of each class", metavar="N")]
Pairs = Annotated[int, option("Pairs of test images: each of the first N with each of the next N.")]
Steps = Annotated[int, option("Images of a row, both ends included.")]
Passes = Annotated[
    int, option("Passes through the model, after each of which the known pixels are put back.")
]
Spherical = Annotated[
    bool, typer.Option("--spherical", help="Along a great circle instead of a straight line.")
]
Side = Annotated[int, option("Images a side.")]
Which = Annotated[int, option("Number of the test image, from 0.")]
Mask = Annotated[str, option(f"What is unknown: {', '.join(MASKS)}.", of=MASKS)]


def sample(
    run: RUN, out: Picture, number: Drawn = None, label: Class = None, seed: Seed = 0, json: Json = None
) -> None:
    """Draw images from the prior.

    Example: gvae image sample RUN --out samples.png
    """
    opened = ImageRun.open(run, out, json)
    from gvae.image.passes import drawn
    from gvae.image.pictures import grid
    from gvae.randomness import new_generator

    model = opened.saved.model
    each = model.classes if label is None else 0  # a column for each class
    number = require_int("number", 8 * (each or 8) if number is None else number, at_least=1)
    y = opened.classes_to_draw(label, number)
    images = drawn(model, number, new_generator(seed, "samples"), y)
    title = opened.title("samples" if label is None else f"samples of class {label}")
    names = [str(name) for name in range(each)][:number]
    figure = grid(images, each or math.ceil(math.sqrt(number)), title, columns_named=names)
    opened.write(figure, out, json, seed=seed, classes=y, images=images)


def reconstruct(
    run: RUN, out: Picture, number: Number = 10, data_dir: DataDir = None, json: Json = None
) -> None:
    """Draw test images above their reconstructions.

    Example: gvae image reconstruct RUN --out reconstructions.png
    """
    opened = ImageRun.open(run, out, json)
    import torch

    from gvae.image.passes import reconstructions
    from gvae.image.pictures import grid

    images = opened.some(data_dir, number)
    decoded = reconstructions(opened.saved.model, images)
    errors = (decoded - images.x).square().flatten(1).sum(dim=1)
    both, names = torch.cat([images.x, decoded]), ("image", "reconstructed")
    figure = grid(both, number, opened.title("reconstructions of test images"), rows_named=names)
    opened.write(
        figure, out, json, images=images.x, labels=images.y, reconstructions=decoded, squared_errors=errors
    )


def interpolate(
    run: RUN,
    out: Picture,
    number: Pairs = 6,
    steps: Steps = 10,
    spherical: Spherical = False,
    data_dir: DataDir = None,
    json: Json = None,
) -> None:
    """Draw ways between the codes of test images, a row a pair; a conditional model keeps the first class.

    Example: gvae image interpolate RUN --spherical --out ways.png
    """
    opened = ImageRun.open(run, out, json)
    from gvae.image import tasks
    from gvae.image.pictures import grid

    pairs = opened.some(data_dir, 2 * require_int("number", number, at_least=1))
    y = None if pairs.y is None else pairs.y[:number]
    model, first, last = opened.saved.model, pairs.x[:number], pairs.x[number:]
    images = tasks.interpolate(model, first, last, steps, spherical=spherical, y=y)
    title = opened.title("spherical interpolation" if spherical else "interpolation")
    names = ["first", *[""] * (steps - 2), "last"]
    figure = grid(images.flatten(0, 1), steps, title, columns_named=names)
    opened.write(figure, out, json, spherical=spherical, images=images)


def manifold(
    run: RUN, out: Picture, side: Side = 20, limit: Limit = 3.0, label: Class = None, json: Json = None
) -> None:
    """Draw the images of a square of the latent plane, for models of two latent dimensions.

    Example: gvae image manifold RUN --out manifold.png
    """
    opened = ImageRun.open(run, out, json)
    from gvae.image import tasks
    from gvae.image.pictures import manifold_picture

    if opened.saved.model.classes and label is None:
        raise InputError(f"{opened.saved.name} has a plane for each class: give one with --class")
    y = opened.classes_to_draw(label, 1)
    images = tasks.manifold(opened.saved.model, side, limit, y)
    title = opened.title("latent plane" if label is None else f"latent plane of class {label}")
    opened.write(manifold_picture(images, limit, title), out, json, limit=limit, images=images)


def traverse(
    run: RUN,
    out: Picture,
    image: Which = 0,
    steps: Steps = 9,
    limit: Limit = 3.0,
    data_dir: DataDir = None,
    json: Json = None,
) -> None:
    """Draw a test image as one latent number after the other moves, a row each, while the others stay.

    Example: gvae image traverse RUN --image 3 --out traversal.png
    """
    opened = ImageRun.open(run, out, json)
    import torch

    from gvae.image import tasks
    from gvae.image.pictures import grid

    one = opened.some(data_dir, require_int("image", image, at_least=0) + 1).take(slice(image, None))
    images = tasks.traverse(opened.saved.model, one.x, steps, limit, one.y)
    values = [f"{value:.3g}" for value in torch.linspace(-limit, limit, steps).tolist()]
    figure = grid(
        images.flatten(0, 1),
        steps,
        opened.title(f"traversal of test image {image}"),
        rows_named=[f"z{i}" for i in range(len(images))],
        columns_named=values,
    )
    opened.write(figure, out, json, image=image, limit=limit, images=images)


def inpaint(
    run: RUN,
    out: Picture,
    mask: Mask = "bottom",
    number: Number = 10,
    steps: Passes = 20,
    data_dir: DataDir = None,
    json: Json = None,
) -> None:
    """Draw test images, the same with a part unknown (grey), and with that part filled in by the model.

    Example: gvae image inpaint RUN --mask left --out filled.png
    """
    check_name("mask", mask, MASKS)
    opened = ImageRun.open(run, out, json)
    import torch

    from gvae.image import masks, tasks
    from gvae.image.pictures import grid

    images = opened.some(data_dir, number)
    unknown = masks.mask(mask, *images.shape[1:])
    filled = tasks.inpaint(opened.saved.model, images.x, unknown, steps=steps, y=images.y)
    errors = (filled - images.x).square().flatten(1).sum(dim=1)
    rows = torch.cat([images.x, images.x.masked_fill(unknown, 0.5), filled])
    names = ("image", "known", "filled in")
    figure = grid(rows, number, opened.title(f"{mask} filled in"), rows_named=names)
    opened.write(figure, out, json, mask=mask, images=images.x, filled=filled, squared_errors=errors)
