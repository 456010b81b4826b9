"""``gvae image sample``, ``interpolate``, ``manifold``, ``traverse``: pictures of what a model knows."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from gvae.config import require_int
from gvae.errors import InputError

from ._image_options import RUN, Class, DataDir, Limit, Picture, Seed
from ._image_runs import ImageRun
from ._options import Json, option

Drawn = Annotated[int | None, option("Images to draw.", "64, or 8 of each class", metavar="N")]
Pairs = Annotated[
    int | None,
    option(
        "Pairs of test images: the first N, each with one of the next N.",
        "6, or all",
        metavar="N",
    ),
]
Steps = Annotated[int, option("Images of a row, both ends included.")]
Spherical = Annotated[
    bool, typer.Option("--spherical", help="Along a great circle instead of a straight line.")
]
Side = Annotated[int, option("Images a side.")]
Which = Annotated[int, option("Number of the test image, from 0.")]


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

    model, chosen = opened.saved.model, opened.class_to_draw(label)
    each = model.classes if chosen is None else 0  # a column for each class
    number = require_int("number", 8 * (each or 8) if number is None else number, at_least=1)
    y = opened.classes_to_draw(chosen, number)
    images = drawn(model, number, new_generator(seed, "samples"), y)
    title = opened.title("samples" + opened.of_class(chosen))
    names = opened.class_names[:each][:number]
    figure = grid(images, each or math.ceil(math.sqrt(number)), title, columns_named=names)
    opened.write(figure, out, json, seed=seed, classes=y, images=images)


def interpolate(
    run: RUN,
    out: Picture,
    number: Pairs = None,
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

    pairs = opened.some(data_dir, number, usual=6, each=2)
    first, last = pairs.x.chunk(2)
    y = None if pairs.y is None else pairs.y[: len(first)]
    images = tasks.interpolate(opened.saved.model, first, last, steps, spherical=spherical, y=y)
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

    chosen = opened.class_to_draw(label)
    if opened.saved.model.classes and chosen is None:
        raise InputError(f"{opened.saved.name} has a plane for each class: give one with --class")
    y = opened.classes_to_draw(chosen, 1)
    images = tasks.manifold(opened.saved.model, side, limit, y)
    title = opened.title("latent plane" + opened.of_class(chosen))
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

    test = opened.test(data_dir)
    if require_int("image", image, at_least=0) >= len(test):
        raise InputError(f"image must be at most {len(test) - 1}, the last test image, got {image}")
    one = test.take(slice(image, image + 1))
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
