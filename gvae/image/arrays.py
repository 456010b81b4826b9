"""Images from NumPy arrays, in memory and in ``.npy`` and ``.npz`` files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gvae.data.input_files import check_file, translated
from gvae.errors import InputError
from gvae.image.images import Images

CHANNELS = (1, 3)
"""Grey, and red, green and blue."""
SIGNATURES = (b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")
"""How a .npy and a .npz file begin; the last is a .npz without arrays."""


def read_array(path: Path) -> Images:
    """Read the images of a ``.npy`` or a ``.npz`` file.

    A ``.npz`` file has its images in ``x``, or in its only array, and may have labels in ``y``. Nothing is
    unpickled.

    Raises
    ------
    InputError
        If the file is missing, damaged, holds objects, or what `images_from_array` refuses.
    """
    check_file(path)
    with translated(path, "NumPy arrays"):
        values, labels = _load(path)
    try:
        return images_from_array(values, labels)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def images_from_array(values: NDArray[Any], labels: NDArray[Any] | None = None) -> Images:
    """Make images of an array.

    Parameters
    ----------
    values
        Shape ``(n, H, W)``, ``(n, C, H, W)`` or ``(n, H, W, C)``, C 1 or 3. Channels are second where the
        second dimension is 1 or 3, otherwise last. uint8 is divided by 255; floats are taken as they are,
        also outside [0, 1].
    labels
        Classes, integers from 0, shape ``(n,)``.

    Raises
    ------
    InputError
        If shape or type is another, a value is NaN or infinite, or the labels do not fit.
    """
    if values.dtype != np.uint8 and values.dtype.kind != "f":
        raise InputError(f"expected uint8 from 0 to 255, or floats, got {values.dtype}")
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, which Images refuses
        x = torch.from_numpy(np.ascontiguousarray(_channels_second(values), dtype=np.float32))
    if values.dtype == np.uint8:
        x /= 255
    return Images(x, None if labels is None else _classes(labels))


def _channels_second(values: NDArray[Any]) -> NDArray[Any]:
    """``(n, C, H, W)``."""
    if values.ndim == 3:
        return values[:, None]
    if values.ndim == 4 and values.shape[1] in CHANNELS:
        return values
    if values.ndim == 4 and values.shape[3] in CHANNELS:
        return values.transpose(0, 3, 1, 2)
    raise InputError(
        f"expected the shape (n, H, W), (n, C, H, W) or (n, H, W, C) with C 1 or 3, got {values.shape}"
    )


def _classes(labels: NDArray[Any]) -> Tensor:
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(
            f"expected labels as integers of shape (n,), got {labels.dtype} of shape {labels.shape}"
        )
    y = torch.from_numpy(labels.astype(np.int64))
    if len(y) and int(y.min()) < 0:
        raise InputError(f"expected labels from 0, got {int(y.min())}")
    return y


def _load(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    with path.open("rb") as file:  # NumPy would leave it open where an archive is damaged
        if not file.read(6).startswith(SIGNATURES):
            raise InputError(f"{path}: expected a .npy or .npz file, got something else")
        file.seek(0)
        loaded = np.load(file, allow_pickle=False)
        return (loaded, None) if isinstance(loaded, np.ndarray) else _members(path, loaded)


def _members(path: Path, arrays: Mapping[str, Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    names = ["x"] if "x" in arrays else [name for name in arrays if name != "y"]
    if len(names) != 1:
        raise InputError(f"{path}: expected an array x, or only one, got {', '.join(arrays) or 'none'}")
    values, labels = arrays[names[0]], arrays.get("y")
    for array in (values, labels):
        if isinstance(array, bytes):  # a member of the archive that is no .npy file
            raise InputError(f"{path}: expected NumPy arrays alone, got another file in it")
    return values, labels
