"""``gvae image anomaly``, ``transfer`` and ``evaluate``: figures of a model of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gvae.catalog import DEVICES
from gvae.errors import InputError

from ._console import STDOUT, print_table, progress_bar
from ._image_options import RUN, DataDir, Picture, Seed
from ._image_runs import ImageRun, class_number
from ._options import Json, option

if TYPE_CHECKING:
    from gvae.image import Images

HoldOut = Annotated[
    str | None,
    option(
        "The class (name or number) whose images are the anomalies.",
        "that of --without-class in training",
        metavar="CLASS",
    ),
]
FEW = (1, 2, 5, 10)
Labels = Annotated[
    list[int] | None,
    option(
        "Images of each class whose label is known; may be repeated.", "1, 2, 5, 10, if there are as many"
    ),
]
Curves = Annotated[
    str | None, typer.Option("--out", metavar="FILE", help="The accuracies as curves: .png, .svg or .pdf.")
]
Scatter = Annotated[
    str | None, typer.Option("--out", metavar="FILE", help="The codes by class: .png, .svg or .pdf.")
]
Samples = Annotated[
    list[int], option("Draws an image of the importance-sampled log-likelihood; may be repeated.")
]
Device = Annotated[str, option("auto, cpu or cuda.", of=DEVICES)]


def anomaly(
    run: RUN,
    out: Picture,
    hold_out: HoldOut = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Tell the images of one class from all others by how strange they are to a model that never saw it.

    Example: gvae image train digits --without-class 3 --out RUN, then gvae image anomaly RUN --out roc.png
    """
    opened = ImageRun.open(run, out, json)
    from gvae.image import anomaly_auc, anomaly_scores, roc
    from gvae.image.charts import roc_curve

    model, test = opened.saved.model, opened.split(data_dir).test
    if test.y is None:
        raise InputError("anomalies are the images of a class, and these images have no labels")
    label = _held_out(opened, hold_out)
    name, y = opened.class_names[label], test.y if model.classes else None
    scores, anomalies = anomaly_scores(model, test.x, seed=seed, y=y), test.y == label
    false, true = roc(scores, anomalies)
    auc = anomaly_auc(scores, anomalies)
    figure = roc_curve(false, true, opened.title(f"class {name} as the anomaly"))
    curve = {"false_positive_rates": false, "true_positive_rates": true}
    if label != opened.saved.settings["source"].get("without_class"):
        typer.echo(f"Note: {run} was trained with images of class {name}, too", err=True)
    opened.write(figure, out, json, held_out=label, auc=auc, scores=scores, anomalies=anomalies, **curve)
    rows = [
        ("AUC, percent", f"{100 * auc:.1f}"),
        (f"median score of class {name}", f"{float(scores[anomalies].median()):.2f}"),
        ("median score of the others", f"{float(scores[~anomalies].median()):.2f}"),
    ]
    caption = (
        f"{int(anomalies.sum()):,} anomalies among {len(test):,} test images; strange images score high."
    )
    print_table(f"Anomalies by {run}", ("measure", ">value"), rows, caption, err=json == STDOUT)


def _held_out(opened: ImageRun, asked: str | None) -> int:
    if asked is not None:
        return class_number(asked, opened.class_names, "--hold-out")
    label: int | None = opened.saved.settings["source"].get("without_class")
    if label is None:
        raise InputError(
            f"--hold-out CLASS is needed: {opened.path} was trained on all classes "
            "(gvae image train --without-class leaves one out)"
        )
    return label


def transfer(
    run: RUN,
    out: Curves = None,
    labels_per_class: Labels = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Learn classes from few labels: test accuracy of a logistic regression on the codes, and on the pixels.

    Example: gvae image transfer RUN --labels-per-class 10 --labels-per-class 100 --out accuracies.png
    """
    opened = ImageRun.open(run, out, json)
    from gvae import image
    from gvae.image.charts import learning_curves

    split = opened.split(data_dir)
    numbers = [*dict.fromkeys(labels_per_class or _few(split.train))]
    both = [image.transfer(opened.saved.model, split, number, seed) for number in numbers]
    of_codes, of_pixels = zip(*both, strict=True)
    curves = {"codes": of_codes, "pixels": of_pixels}
    figure = learning_curves(numbers, curves, opened.title("classes from few labels"))
    opened.write(figure, out, json, seed=seed, labels_per_class=numbers, **curves)
    rows = [
        (f"{number:,}", *(f"{100 * share:.1f}" for share in each))
        for number, each in zip(numbers, both, strict=True)
    ]
    columns = (">labels a class", ">from codes, percent", ">from pixels, percent")
    caption = (
        f"Logistic regression, accuracy on {len(split.test):,} test images; labels drawn by seed {seed}."
    )
    print_table(f"Classes from few labels by {run}", columns, rows, caption, err=json == STDOUT)


def _few(images: Images) -> list[int]:
    """Of the usual numbers of labels those that the smallest class has."""
    counts = [] if images.y is None else images.y[images.y >= 0].bincount().tolist()
    least = min((count for count in counts if count), default=0)
    return [number for number in FEW if number <= least] or [1]


def evaluate(
    run: RUN,
    out: Scatter = None,
    samples: Samples = [200],  # noqa: B006
    data_dir: DataDir = None,
    device: Device = "auto",
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Score a model on the test images: bounds in nats, units in use, what the codes know of the classes.

    Example: gvae image evaluate RUN --samples 200 --samples 5000 --json figures.json
    """
    opened = ImageRun.open(run, out, json)
    from gvae.environment import resolve_device
    from gvae.image import evaluate_images
    from gvae.image.charts import scatter
    from gvae.image.passes import codes
    from gvae.image.vae import VAE

    split, model = opened.split(data_dir), opened.saved.model.to(resolve_device(device))
    binarize = opened.saved.settings["training"].get("binarize", "none")
    figure = None
    if out is not None:
        title = opened.title("codes of test images")
        figure = scatter(codes(model, split.test), split.test.y, title, split.test.class_names)
    with progress_bar() as progress:
        draws = len(split.test) * sum(samples) if isinstance(model, VAE) else None
        bar = progress.add_task("evaluating", total=draws, status="")
        found = evaluate_images(
            model,
            split,
            samples=samples,
            binarize=binarize,
            seed=seed,
            on_draws=lambda number: progress.advance(bar, number),
        ).to_dict()
    opened.write(figure, out, json, **found)
    caption = f"{found['images']:,} test images, seed {seed}, binarisation {binarize}."
    if found["frechet_distance"] is not None:
        caption += " The Fréchet distance is on features of a classifier trained here: no FID."
    print_table(f"Figures of {run}", ("measure", ">value"), _rows(found), caption, err=json == STDOUT)


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What there is, by its name."""
    rows = [
        ("negative ELBO, nats", found["negative_elbo"], "{:.2f}"),
        ("  reconstruction", found["recon"], "{:.2f}"),
        ("  KL", found["kl"], "{:.2f}"),
        *(
            (f"negative log-likelihood, {int(number):,} samples, nats", -value, "{:.2f}")
            for number, value in (found["log_likelihood"] or {}).items()
        ),
        ("accuracy of its classifier, percent", _percent(found["accuracy"]), "{:.1f}"),
        ("active units", found["active_units"], "{}"),
        ("linear probe, percent", _percent(found["linear_probe"]), "{:.1f}"),
        ("5 nearest neighbours, percent", _percent(found["nearest_neighbours"]), "{:.1f}"),
        ("Fréchet distance", found["frechet_distance"], "{:.3f}"),
    ]
    return [(name, form.format(value)) for name, value, form in rows if value is not None]


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value
