"""``gvae image train``: learn images and keep the model in a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from gvae.config import TrainConfig, require_int
from gvae.errors import TrainingError

from ._console import epoch_reporter, print_table, progress_bar
from ._image_options import ImageModelOptions, SourceOptions
from ._image_runs import class_number, place_of
from ._options import option, starting, takes
from ._resume import Resume, discard, kept_if_interrupted, partial_of

if TYPE_CHECKING:
    from gvae.image import ImageModel, ImageSplit, Sizes
    from gvae.train import History

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits, mnist, fashion-mnist, a folder of pictures (sub-folders are classes), an .npy or .npz.",
        autocompletion=starting(("digits", "mnist", "fashion-mnist")),
    ),
]
Out = Annotated[str, typer.Option(metavar="RUN", help="The folder to write; it must not exist.")]
Seed = Annotated[
    int, option("Of the weights, the noise, and the parts of images that have none of their own.")
]


class Prepared(NamedTuple):
    """What training begins with."""

    split: ImageSplit
    model: ImageModel
    sizes: Sizes
    source: dict[str, Any]
    training: dict[str, Any]


@takes(source=SourceOptions, options=ImageModelOptions)
def command(
    out: Out,
    data: Data = "digits",
    seed: Seed = 0,
    resume: Resume = False,
    *,
    source: SourceOptions,
    options: ImageModelOptions,
) -> None:
    """Learn images; write the model and how it was made to a folder.

    Example: gvae image train digits --latent 2 --out RUN, then gvae image manifold RUN --out m.png
    """
    config = options.config(require_int("seed", seed, at_least=0))
    partial = partial_of(out, resume)
    if partial is None:
        return
    with kept_if_interrupted(partial):
        from gvae.image import save_image_model

        prepared = _prepare(data, source, options, seed)
        history, failure = _fit(prepared, options, config, partial)
        diverged = {"diverged": history.epochs} if failure is not None else {}
        save_image_model(
            out,
            prepared.model,
            name=options.model,
            sizes=prepared.sizes,
            source=prepared.source,
            config=config,
            history=history,
            training=prepared.training | diverged,
        )
    discard(partial)
    if failure is not None:
        raise TrainingError(f"{failure}, which {out} holds") from failure
    _report(prepared, config, history, out)


def _prepare(data: str, source: SourceOptions, options: ImageModelOptions, seed: int) -> Prepared:
    """The images to learn from and the model to learn them by."""
    from gvae.environment import resolve_device
    from gvae.image import Sizes, build_image_model, load_images
    from gvae.image.saving import images_hash
    from gvae.image.task import default_batch_size

    device = resolve_device(options.device)
    split = load_images(data, data_dir=source.data_dir, val=source.val, seed=seed, download=source.download)
    asked, left_out = source.without_class, None
    if asked is not None:
        left_out = class_number(asked, split.train.class_names, "--without-class")
    told = {
        "source": place_of(data),
        "data_dir": source.data_dir and os.path.abspath(source.data_dir),
        "seed": seed,
        "val": source.val,
        "sha256": images_hash(split.train),
        "class_names": split.train.names,
        "without_class": left_out,
        "labels_per_class": source.labels_per_class,
    }
    sizes = Sizes(split.train.shape, classes=split.train.classes, **options.sizes())
    model = build_image_model(options.model, sizes, seed=seed).to(device)
    chosen = _chosen(split, told)
    batch_size = options.batch_size or default_batch_size(len(chosen.train))
    training = {"batch_size": batch_size, "binarize": options.binarize}
    return Prepared(chosen, model, sizes, told, training)


def _chosen(split: ImageSplit, told: Mapping[str, Any]) -> ImageSplit:
    """The images and labels that are learned from."""
    from dataclasses import replace

    from gvae.image import hide_labels
    from gvae.randomness import new_generator

    if told["without_class"] is not None:
        split = split.without_class(told["without_class"])
    if told["labels_per_class"] is not None:
        kept = require_int("labels-per-class", told["labels_per_class"], at_least=1)
        split = replace(split, train=hide_labels(split.train, kept, new_generator(told["seed"], "labels")))
    return split


def _fit(
    prepared: Prepared, options: ImageModelOptions, config: TrainConfig, partial: Path
) -> tuple[History, TrainingError | None]:
    """Train; if training diverged, the model has the weights of the best epoch, and there is an error."""
    from gvae.image import task_for
    from gvae.train import Checkpoint, fit

    model, split = prepared.model, prepared.split
    device = next(model.parameters()).device
    val = None if split.val is None else split.val.to(device)
    task = task_for(model, split.train.to(device), val, **prepared.training)
    learned = {name: value for name, value in prepared.source.items() if name not in ("source", "data_dir")}
    told = {"model": options.model, "sizes": asdict(prepared.sizes), "images": learned, **prepared.training}
    keeper = Checkpoint(partial, fingerprint=told)
    with progress_bar() as progress:
        bar = progress.add_task(f"{split.name} {options.model}", total=config.epochs, status="")
        report = epoch_reporter(progress, bar, figure=lambda val: f"val {val:.2f}")
        try:
            return fit(task, config, on_epoch=report, checkpoint=keeper), None
        except TrainingError as error:
            if error.history is None or not error.history.epoch:  # no epoch was good
                raise
            return error.history, error


def _report(prepared: Prepared, config: TrainConfig, history: History, out: str) -> None:
    split, model = prepared.split, prepared.model
    shape = " x ".join(map(str, split.train.shape))
    kept = "none" if split.val is None else f"{len(split.val):,}"
    images = f"{len(split.train):,} to learn from, {kept} to validate, {shape} each ({split.name})"
    weights = sum(weight.numel() for weight in model.parameters())
    rows = [
        ("images", images),
        ("model", f"z of {model.latent} dimensions, {weights:,} weights"),
        ("trained", f"{history.epochs:,} epochs in {history.seconds:.1f} s"),
    ]
    val = history.records[-1].val
    if val is not None:
        name = _val_name(model, config)
        rows.append((name, f"{val:.2f} nats an image" + ": minus the loss" * (name == "val figure")))
    rows.append(("written", f"{out} (model, config, history, manifest)"))
    print_table("Trained", ("part", "value"), rows)


def _val_name(model: ImageModel, config: TrainConfig) -> str:
    """What minus the loss is: the ELBO of a VAE, another bound of log p(x), or neither."""
    from gvae.image.vae import VAE

    if not isinstance(model, VAE) or config.beta != 1:
        return "val figure"
    return "val ELBO" if model.samples == 1 else "val bound"
