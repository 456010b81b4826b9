"""What the commands of ``gvae image`` share: a run with its images, and a picture with its numbers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
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

    def test(self, data_dir: str | None) -> Images:
        """The test images, with their labels if the model is told the class."""
        images = self.split(data_dir).test
        return images if self.saved.model.classes else replace(images, y=None)

    def some(self, data_dir: str | None, number: int | None, usual: int = 10, each: int = 1) -> Images:
        """The first test images: ``each`` for each of ``number``; by default the usual number, or fewer.

        Raises
        ------
        InputError
            If there are not so many.
        """
        test = self.test(data_dir)
        most = len(test) // each
        number = min(usual, max(1, most)) if number is None else require_int("number", number, at_least=1)
        if number > most:
            raise InputError(
                f"number must be at most {most}, there are {len(test)} test images, got {number}"
            )
        return test.take(slice(each * number))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of the data, their numbers where they have none."""
        numbers = map(str, range(self.saved.sizes.classes))
        return tuple(self.saved.settings["source"].get("class_names") or numbers)

    def of_class(self, label: int | None) -> str:
        """What a title says of a class; nothing of None."""
        return "" if label is None else f" of class {self.class_names[label]}"

    def class_to_draw(self, asked: str | None) -> int | None:
        """The class that ``--class`` asks for; None if it asks for none.

        Raises
        ------
        InputError
            If the model knows no class, or not this one.
        """
        if asked is None:
            return None
        if not self.saved.model.classes:
            raise InputError(
                f"--class is for models that know the class (cvae, m2); {self.saved.name} does not"
            )
        return class_number(asked, self.class_names, "--class")

    def classes_to_draw(self, label: int | None, number: int) -> Tensor | None:
        """So many classes: this one, or all in turn; None for a model that knows none."""
        import torch

        classes = self.saved.model.classes
        if not classes:
            return None
        return torch.arange(number) % classes if label is None else torch.full((number,), label)

    def write(self, figure: Figure | None, out: str | None, json: str | None, **numbers: Any) -> None:
        """Write the picture, and with ``--json`` its numbers; tensors become lists."""
        from gvae.plots import write_figure

        if json is not None:
            known: dict[str, Any] = {"run": self.path, "model": self.saved.name}
            if names := self.saved.settings["source"].get("class_names"):
                known["class_names"] = names
            write_json(json, known | {name: _plain(value) for name, value in numbers.items()})
        if figure is not None and out is not None:
            write_figure(figure, out)
            typer.echo(f"written: {out}", err=True)


def class_number(asked: str, names: Sequence[str], option: str) -> int:
    """The class that an option asks for, by its name, or by its number if no name could be meant.

    Raises
    ------
    InputError
        If there is no such class.
    """
    if asked in names:
        return names.index(asked)
    named_by_numbers = any(name.isdecimal() for name in names) and [*names] != [*map(str, range(len(names)))]
    if asked.isdecimal() and int(asked) < len(names) and not named_by_numbers:
        return int(asked)
    if not names:
        raise InputError(f"{option} needs labels, and these images have none")
    some = ", ".join([*names[:12], *["..."] * (len(names) > 12)])
    raise InputError(f"{option} must be one of the classes {some}, got {asked!r}")


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
