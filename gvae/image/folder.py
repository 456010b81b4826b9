"""Images from a folder of pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gvae.data.input_files import translated
from gvae.errors import InputError
from gvae.image.arrays import images_from_array
from gvae.image.images import Images

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
"""What a picture's name ends in, in capitals too; other files, and hidden ones, are left aside."""
GREY = ("1", "L", "LA")
"""Pillow's modes without colour, of at most 8 bits."""


def read_folder(folder: Path) -> Images:
    """Read all pictures of a folder, in the order of their names.

    If the folder has sub-folders, each is a class of that name, and the labels count them in the order of
    their names. Grey pictures have one channel and colour pictures three, also those with a palette; values
    are divided by the largest that the file can hold (255, or 65,535 for 16 bits). Of several frames the
    first is read, and a rotation noted in a photograph is not applied. An alpha channel that is opaque
    everywhere is dropped; a transparent picture is refused, as its colours depend on a background that it
    does not have.

    Raises
    ------
    InputError
        If there are no pictures, or pictures beside sub-folders; if one is damaged or transparent; or if two
        differ in size or channels.
    """
    classes = sorted(entry for entry in _visible(folder) if entry.is_dir())
    if not classes:
        return images_from_array(_stack(_pictures(folder)))
    beside = [entry for entry in _visible(folder) if _is_picture(entry)]
    if beside:
        raise InputError(
            f"{folder}: expected pictures or folders of pictures, "
            f"got both, {beside[0].name} and {classes[0].name}"
        )
    members = [_pictures(entry) for entry in classes]
    labels = np.repeat(np.arange(len(classes)), [len(paths) for paths in members])
    images = images_from_array(_stack([path for paths in members for path in paths]), labels)
    return replace(images, names=tuple(entry.name for entry in classes))


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror})") from error


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and path.is_file()


def _pictures(folder: Path) -> list[Path]:
    paths = [entry for entry in _visible(folder) if _is_picture(entry)]
    if not paths:
        raise InputError(f"{folder}: expected pictures ({', '.join(ENDINGS)}), got none")
    return paths


def _stack(paths: list[Path]) -> NDArray[np.float32]:
    """Pictures of one size and kind, ``(n, C, H, W)``."""
    pictures = [_read(path) for path in paths]
    for path, picture in zip(paths, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            raise InputError(
                f"{path}: expected {_size(pictures[0])} as {paths[0]}, got {_size(picture)}; "
                "bring all pictures to one size and kind first"
            )
    return np.stack(pictures)


def _size(picture: NDArray[np.float32]) -> str:
    channels, height, width = picture.shape
    return f"{width} x {height} pixels in {'grey' if channels == 1 else 'colour'}"


def _read(path: Path) -> NDArray[np.float32]:
    """One picture, ``(C, H, W)``, values from 0 to 1."""
    with translated(path, "a picture"), Image.open(path) as picture:
        if picture.mode.startswith("I"):
            return _sixteen_bits(path, picture)
        if picture.mode == "F":
            raise InputError(f"{path}: expected whole numbers for pixels, got floats; save them as .npy")
        if _is_transparent(picture):
            raise InputError(f"{path}: has transparent pixels; put the picture on a background first")
        if _is_grey(picture):
            return _scaled(np.asarray(picture.convert("L"))[None], 255)
        return _scaled(np.asarray(picture.convert("RGB")).transpose(2, 0, 1), 255)


def _sixteen_bits(path: Path, picture: Image.Image) -> NDArray[np.float32]:
    values: NDArray[Any] = np.asarray(picture)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(f"{path}: expected at most 16 bits a pixel, got {values.min()} to {values.max()}")
    return _scaled(values[None], 65535)


def _scaled(values: NDArray[Any], largest: int) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = np.divide(values, largest, dtype=np.float32)
    return scaled


def _is_transparent(picture: Image.Image) -> bool:
    if not {"A", "a"} & {*picture.getbands()} and "transparency" not in picture.info:
        return False
    return bool(np.asarray(picture.convert("RGBA"))[..., 3].min() < 255)


def _is_grey(picture: Image.Image) -> bool:
    """Whether there are no colours; a palette is grey if all of its entries are."""
    if not picture.mode.startswith("P"):
        return picture.mode in GREY
    palette = np.reshape(picture.getpalette("RGB") or [], (-1, 3))
    return bool((palette == palette[:, :1]).all())
