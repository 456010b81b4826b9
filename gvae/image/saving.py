"""An image model as a bundle, see `gvae.bundle`, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gvae.bundle import read_bundle, write_bundle
from gvae.config import TrainConfig
from gvae.environment import environment
from gvae.errors import InputError
from gvae.image.images import Images
from gvae.image.model import ImageModel
from gvae.image.registry import Sizes, build_image_model
from gvae.train import History


@dataclass(frozen=True)
class SavedImageModel:
    """An image model as it was read.

    Parameters
    ----------
    model
        With its weights, in evaluation mode, on the CPU.
    name
        Which it is, of ``gvae image models``.
    sizes
        What it was built of.
    settings
        What `save_image_model` was told, by the names of its parameters: ``source``, ``config``,
        ``training``, and of ``history`` the numbers ``epochs``, ``epoch`` and ``seconds``.
    """

    model: ImageModel
    name: str
    sizes: Sizes
    settings: dict[str, Any]


def save_image_model(
    folder: str | Path,
    model: ImageModel,
    *,
    name: str,
    sizes: Sizes,
    source: Mapping[str, Any],
    config: TrainConfig,
    history: History,
    training: Mapping[str, Any],
) -> None:
    """Write a trained model to a new folder: a bundle without a graph, there whole or not at all.

    Parameters
    ----------
    folder
        It must not exist; its parent must.
    model
        On any device.
    name, sizes
        What `build_image_model` made it of.
    source
        Where the images came from, JSON values by name: the arguments of `load_images`, and what was left
        out of them.
    config, history
        How it was trained by `gvae.train.fit`, and what happened.
    training
        What else there is to tell of the training, JSON values by name: the batch size, the binarisation.

    Raises
    ------
    InputError
        If the folder exists, or something does not fit into JSON.
    OutputError
        If it cannot be written.
    """
    run = {"epochs": history.epochs, "epoch": history.epoch, "seconds": history.seconds}
    shared = {"source": dict(source), "training": dict(training)}
    write_bundle(
        folder,
        tensors=model.state_dict(),
        config={"name": name, "sizes": asdict(sizes), "config": asdict(config), "history": run, **shared},
        history=[record.to_dict() for record in history.records],
        manifest={
            "kind": "image",
            "model": name,
            **shared,
            "val": next((record.val for record in history.records if record.epoch == history.epoch), None),
            "seconds": history.seconds,
            "device": str(next(model.parameters()).device),
            "environment": environment(),
        },
    )


def load_image_model(folder: str | Path) -> SavedImageModel:
    """Read a folder that `save_image_model` or ``gvae image train`` wrote.

    Raises
    ------
    InputError
        If it is no bundle, one of a graph, is damaged or changed, or was written by a newer version; if this
        version builds the model in another way.
    """
    bundle = read_bundle(folder, kind="image")
    try:
        settings = dict(bundle.config)
        name, sizes = settings.pop("name"), settings.pop("sizes")
        made_of = Sizes(**{**sizes, "shape": tuple(sizes["shape"])})
        model = build_image_model(name, made_of)
    except (LookupError, TypeError, ValueError, RuntimeError) as error:  # whole, but not what save wrote
        raise InputError(f"{folder}: does not hold a model of images ({error!r})") from error
    try:
        model.load_state_dict(bundle.tensors)
    except RuntimeError as error:  # torch's, a line for each weight
        raise InputError(
            f"{folder}: its weights do not fit {name} as this version of gvae builds it; train it again"
        ) from error
    return SavedImageModel(model.eval(), name, made_of, settings)


def images_hash(images: Images) -> str:
    """SHA-256 of images and labels: values, types and shapes; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for tensor in (images.x,) if images.y is None else (images.x, images.y):
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()
