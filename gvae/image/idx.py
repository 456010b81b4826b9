"""IDX files, the format of MNIST (LeCun, Cortes and Burges 1998), plain or gzipped."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gvae.data.input_files import check_file, read_bytes
from gvae.errors import InputError
from gvae.image.arrays import images_from_array
from gvae.image.images import Images

UNSIGNED_BYTES = 0x00000800
"""The magic number of a file of bytes, less its number of dimensions: 0x803 for images, 0x801 for labels."""


def read_labelled(images: Path, labels: Path) -> Images:
    """Read a file of images and the file of their labels.

    Returns
    -------
    Images
        Shape ``(n, 1, H, W)``, the bytes divided by 255; labels ``(n,)``.

    Raises
    ------
    InputError
        See `read_idx`; or if there are not as many labels as images.
    """
    values, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(values) != len(classes):
        raise InputError(
            f"{labels}: expected {len(values)} labels, one an image of {images}, got {len(classes)}"
        )
    return images_from_array(values, classes)


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes.

    The file is a magic number, the length of each dimension, both as big-endian 32-bit integers, and a byte
    for each value.

    Parameters
    ----------
    path
        The file; gzip is told by its content.
    dimensions
        3 for images ``(n, H, W)``, 1 for labels ``(n,)``.

    Raises
    ------
    InputError
        If the file is missing or empty, has another magic number, holds nothing, or has more or fewer bytes
        than its header tells of.
    """
    check_file(path)
    content = read_bytes(path)
    sizes = _sizes(path, content, dimensions)
    header = 4 * (1 + dimensions)
    surplus = len(content) - header - math.prod(sizes)
    if surplus:
        raise InputError(
            f"{path}: expected {' x '.join(map(str, sizes))} bytes after the header, "
            f"got {abs(surplus)} too {'many' if surplus > 0 else 'few'}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(sizes)


def _sizes(path: Path, content: bytes, dimensions: int) -> tuple[int, ...]:
    magic = (UNSIGNED_BYTES + dimensions).to_bytes(4, "big")
    if content[:4] != magic:
        got = f"0x{content[:4].hex()}" if content else "no byte"
        raise InputError(f"{path}: expected an IDX file with the magic number 0x{magic.hex()}, got {got}")
    header = content[4 : 4 * (1 + dimensions)]
    if len(header) < 4 * dimensions:
        raise InputError(f"{path}: expected a header of {4 + 4 * dimensions} bytes, got {len(content)}")
    sizes: tuple[int, ...] = struct.unpack(f">{dimensions}I", header)
    if 0 in sizes:
        raise InputError(f"{path}: expected at least one value, got {' x '.join(map(str, sizes))}")
    return sizes
