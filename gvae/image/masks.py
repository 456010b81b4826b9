"""Masks of what is unknown of an image, for `gvae.image.inpaint`."""

from __future__ import annotations

import torch
from torch import Tensor

from gvae.catalog import MASKS, check_name


def mask(name: str, height: int, width: int) -> Tensor:
    """True where an image is unknown, shape ``(H, W)``.

    Parameters
    ----------
    name
        ``"top"``, ``"bottom"``, ``"left"``, ``"right"``: that half, without the line in the middle where the
        number of lines is odd; ``"centre"``: the middle, half as high and as wide.
    height, width
        H and W, each at least 2.
    """
    check_name("mask", name, MASKS)
    rows, columns = {
        "top": (slice(height // 2), slice(None)),
        "bottom": (slice(height - height // 2, None), slice(None)),
        "left": (slice(None), slice(width // 2)),
        "right": (slice(None), slice(width - width // 2, None)),
        "centre": (slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)),
    }[name]
    unknown = torch.zeros(height, width, dtype=torch.bool)
    unknown[rows, columns] = True
    return unknown
