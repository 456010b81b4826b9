"""What the commands of ``gvae image`` share: a run with its images, and a picture with its numbers."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gvae.config import require_int
from gvae.errors import GvaeWarning, InputError

from ._console import check_json_target, write_json
from ._graphs import check_out, check_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from gvae.image import Images, ImageSplit, SavedImageModel

TRAIN = "gvae image train"
DECIMALS = 5
"""Of pixels in JSON."""


@dataclass(frozen=True)
class ImageRun:
    """A run that was read."""

    path: str
    saved: SavedImageModel

    @classmethod
    def open(cls, path: str, out: str | None, json: str | None) -> ImageRun:
        """Read a run, once it is clear that the outputs can be written."""
        from gvae.plots import FORMATS

        check_run(path, TRAIN)
        check_out(out, FORMATS)
        check_json_target(json)
        from gvae.image import load_image_model

        return cls(path, load_image_model(path))

    def title(self, what: str) -> str:
        """What stands above a picture."""
        return f"{self.saved.name}, {Path(self._source()).name}: {what}"

    def split(self, data_dir: str | None) -> ImageSplit:
        """The images that it was trained on, found again; ``data_dir`` says where they are now.

        Raises
        ------
        InputError
            If they are not there, or the run does not say what they were.
        """
        from gvae.image import load_images
        from gvae.image.saving import images_hash
        from gvae.image.sources import NAMES

        source, told = self._source(), self.saved.settings["source"]
        if source in NAMES:
            folder = told.get("data_dir") if data_dir is None else data_dir
            split = load_images(source, data_dir=folder, val=told.get("val"))
        else:
            place = source if data_dir is None else data_dir
            split = load_images(place, val=told.get("val"), seed=told.get("seed", 0))
        if split.train.shape != self.saved.sizes.shape or images_hash(split.train) != told.get("sha256"):
            text = f"the images of {source} are not those that {self.path} was trained on"
            warnings.warn(text, GvaeWarning, stacklevel=2)
        return split

    def _source(self) -> str:
        source = self.saved.settings["source"].get("source")
        if not isinstance(source, str):
            raise InputError(f"{self.path}: does not say what images it was trained on")
        return source

    def some(self, data_dir: str | None, number: int) -> Images:
        """The first test images, with their labels if the model is told the class.

        Raises
        ------
        InputError
            If there are fewer, or they are not what the model is of.
        """
        test = self.split(data_dir).test
        if require_int("number", number, at_least=1) > len(test):
            raise InputError(f"number must be at most the number of test images, {len(test)}, got {number}")
        images = test.take(slice(number))
        return images if self.saved.model.classes else replace(images, y=None)

    def classes_to_draw(self, label: int | None, number: int) -> Tensor | None:
        """So many classes: the one that is asked for, or all in turn; None for a model that knows none."""
        import torch

        classes = self.saved.model.classes
        if label is None:
            return torch.arange(number) % classes if classes else None
        if not classes:
            raise InputError(
                f"--class is for models that know the class (cvae, m2); {self.saved.name} does not"
            )
        if not 0 <= label < classes:
            raise InputError(f"--class must lie in 0..{classes - 1}, got {label}")
        return torch.full((number,), label)

    def write(self, figure: Figure | None, out: str | None, json: str | None, **numbers: Any) -> None:
        """Write the picture, and with ``--json`` its numbers; tensors become lists."""
        from gvae.plots import write_figure

        if json is not None:
            known = {"run": self.path, "model": self.saved.name}
            write_json(json, known | {name: _plain(value) for name, value in numbers.items()})
        if figure is not None and out is not None:
            write_figure(figure, out)
            typer.echo(f"written: {out}", err=True)


def place_of(source: str) -> str:
    """A source as a run keeps it: a data set's name, or a whole path."""
    from gvae.image.sources import NAMES

    return source if source in NAMES else os.path.abspath(source)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # a tensor or an array
        return _rounded(value.tolist()) if "float" in str(value.dtype) else value.tolist()
    return value


def _rounded(value: Any) -> Any:
    return [_rounded(part) for part in value] if isinstance(value, list) else round(value, DECIMALS)
