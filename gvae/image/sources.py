"""Where images come from: a data set's name, a folder of pictures, or a file of an array."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from gvae.config import require_int
from gvae.errors import InputError, UnknownNameError
from gvae.image.arrays import images_from_array, read_array
from gvae.image.download import DOWNLOADS, default_folder, local_files
from gvae.image.folder import read_folder
from gvae.image.idx import read_labelled
from gvae.image.images import Images, ImageSplit
from gvae.randomness import new_generator

DIGITS = "digits"
NAMES = (DIGITS, *DOWNLOADS)
"""Data sets by name."""


def load_images(
    source: str,
    *,
    data_dir: str | Path | None = None,
    val: int | None = None,
    seed: int = 0,
    download: bool = False,
) -> ImageSplit:
    """Load images, in three parts.

    ``"digits"``
        scikit-learn's handwritten digits, 1,797 of 1 x 8 x 8, divided by 16; test 360, val 180. No download.
    ``"mnist"``, ``"fashion-mnist"``
        70,000 of 1 x 28 x 28, from IDX files (LeCun et al. 1998; Xiao, Rasul and Vollgraf 2017,
        arXiv 1708.07747); test is the 10,000 of the test files, val the last 5,000 of the others.
    a folder of pictures, an ``.npy`` or ``.npz`` file
        See `gvae.image.folder.read_folder` and `gvae.image.arrays.read_array`; test and val 10 % each,
        rounded down, at least one image each.

    Parameters
    ----------
    source
        One of these names, or a path; ``"./mnist"`` is a path.
    data_dir
        Folder of the IDX files; by default ``gvae/images/SOURCE`` in ``$XDG_CACHE_HOME`` or ``~/.cache``.
    val
        Images of the validation part; by default as above, with 0 there is none.
    seed
        Shuffles what has no split of its own before it is parted; with labels, each part has about the
        classes' shares. The split of a named data set is always the same: that of the digits is drawn by
        seed 0.
    download
        Fetch IDX files that are missing.

    Returns
    -------
    ImageSplit
        Its name is the source.

    Raises
    ------
    InputError
        If there is no such source, it cannot be read, is too small for three parts, or is no data set of
        IDX files and ``data_dir`` or ``download`` is given.
    DownloadError
        If a file cannot be fetched.
    """
    if source in DOWNLOADS:
        folder = default_folder(source) if data_dir is None else Path(data_dir)
        return _idx_split(source, folder, 5000 if val is None else val, download)
    if data_dir is not None or download:
        raise InputError(f"data_dir and download are for {', '.join(DOWNLOADS)}, got source {source!r}")
    if source == DIGITS:
        return _shuffled(source, _digits(), 360, 180 if val is None else val, seed=0)
    images = _read_path(source)
    tenth = max(1, len(images) // 10)
    return _shuffled(source, images, tenth, tenth if val is None else val, seed)


def _digits() -> Images:
    from sklearn.datasets import load_digits

    found = load_digits()
    return images_from_array(found.images / 16, found.target)


def _idx_split(name: str, folder: Path, val: int, download: bool) -> ImageSplit:
    train_images, train_labels, test_images, test_labels = local_files(name, folder, download=download)
    learn, test = read_labelled(train_images, train_labels), read_labelled(test_images, test_labels)
    if learn.shape != test.shape:
        raise InputError(
            f"{test_images}: expected images of {learn.shape} as {train_images}, got {test.shape}"
        )
    return _parted(name, learn, test, val)


def _read_path(source: str) -> Images:
    path = Path(source)
    if os.path.isdir(source):  # "" is none
        return read_folder(path)
    if path.suffix.lower() in (".npy", ".npz"):
        return read_array(path)
    if os.path.isfile(source):
        raise InputError(f"{path}: expected a folder of pictures, an .npy or an .npz file")
    raise UnknownNameError.of("images", source, (*NAMES, "a folder of pictures", "an .npy or .npz file"))


def _shuffled(name: str, images: Images, test: int, val: int, seed: int) -> ImageSplit:
    if len(images) < 3:
        raise InputError(f"{name}: expected at least 3 images, for three parts, got {len(images)}")
    order = _order(images, new_generator(seed, "image split"))
    return _parted(name, images.take(order[test:]), images.take(order[:test]), val)


def _parted(name: str, learn: Images, test: Images, val: int) -> ImageSplit:
    """Make the last ``val`` images of ``learn`` the validation part."""
    val = require_int("val", val, at_least=0)
    if val == 0:
        return ImageSplit(name, learn, None, test)
    if val >= len(learn):
        raise InputError(
            f"{name}: val must be at most {len(learn) - 1}, to leave some to learn from, got {val}"
        )
    return ImageSplit(name, learn.take(slice(-val)), learn.take(slice(-val, None)), test)


def _order(images: Images, generator: torch.Generator) -> Tensor:
    """A random order; with labels one in which every stretch has about the classes' shares."""
    order = torch.randperm(len(images), generator=generator)
    if images.y is None:
        return order
    y = images.y[order]
    place = torch.empty(len(order), dtype=torch.double)  # where in the order, from 0 to 1
    for label in set(y.tolist()):
        rows = (y == label).nonzero().flatten()
        place[rows] = (torch.arange(len(rows), dtype=torch.double) + 0.5) / len(rows)
    return order[place.argsort(stable=True)]
