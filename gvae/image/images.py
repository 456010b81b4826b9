"""Images in memory: one tensor with values in [0, 1], labels where there are some, and three parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gvae.catalog import BINARIZATIONS as BINARIZATIONS
from gvae.errors import InputError


@dataclass(frozen=True)
class Images:
    """Images of one size.

    Parameters
    ----------
    x
        Shape ``(n, C, H, W)``, float32.
    y
        Classes, integers from 0, shape ``(n,)``; -1 for an image without a label, None if no image has one.
    names
        Of the classes, in their order; none for classes that are known by their numbers.

    Raises
    ------
    InputError
        If x has another number of dimensions or no image, is not finite, y has another length, or a class no
        name among some.
    """

    x: Tensor
    y: Tensor | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.x.dim() != 4 or not self.x.numel():
            raise InputError(f"images must have the shape (n, C, H, W), got {tuple(self.x.shape)}")
        if not bool(self.x.isfinite().all()):
            image = int((~self.x.isfinite()).flatten(1).any(1).nonzero()[0])
            raise InputError(f"images must be finite; image {image} is not")
        if self.y is not None and self.y.shape != (len(self.x),):
            raise InputError(f"labels must be one an image, {len(self.x)}, got {tuple(self.y.shape)}")
        if self.names and self.y is not None and int(self.y.max()) >= len(self.names):
            raise InputError(
                f"{len(self.names)} classes have names, got an image of class {int(self.y.max())}"
            )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(C, H, W)`` of one image."""
        channels, height, width = self.x.shape[1:]
        return channels, height, width

    @property
    def classes(self) -> int:
        """Number of classes; 0 without labels."""
        if self.y is None:
            return 0
        return len(self.names) or int(self.y.max()) + 1

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of all classes, their numbers where they have none."""
        return self.names or tuple(map(str, range(self.classes)))

    def take(self, index: Tensor | slice) -> Images:
        """Some of the images, in the order of the index."""
        return replace(self, x=self.x[index], y=None if self.y is None else self.y[index])

    def to(self, device: torch.device) -> Images:
        """The same on a device."""
        return replace(self, x=self.x.to(device), y=None if self.y is None else self.y.to(device))

    def require_probabilities(self) -> None:
        """InputError for values outside [0, 1], which no pixel can be drawn with."""
        low, high = float(self.x.min()), float(self.x.max())
        if low < 0 or high > 1:
            raise InputError(f"binarisation needs values in [0, 1], got {low:g}..{high:g}; scale them first")

    def binarized(self, generator: torch.Generator) -> Images:
        """Each pixel 1 with its value as probability; InputError for values outside [0, 1]."""
        self.require_probabilities()
        return replace(self, x=black_or_white(self.x, generator))


def black_or_white(x: Tensor, generator: torch.Generator) -> Tensor:
    """Ones with the probabilities ``x``, and zeros; as `torch.bernoulli`, in half the time."""
    return (torch.rand(x.shape, generator=generator, device=x.device) < x).to(x.dtype)


@dataclass(frozen=True)
class ImageSplit:
    """Three parts: to learn from, to choose by (or None), and to score once; ``name`` says of what."""

    name: str
    train: Images
    val: Images | None
    test: Images

    @property
    def parts(self) -> tuple[Images, ...]:
        """Those that there are."""
        return tuple(part for part in (self.train, self.val, self.test) if part is not None)

    def without_class(self, label: int) -> ImageSplit:
        """The same with no image of one class to learn from or to choose by; ``test`` keeps it.

        Raises
        ------
        InputError
            If there are no labels, no such class, or nothing is left.
        """
        classes = self.train.classes
        if not 0 <= label < classes:
            known = f"a class, 0..{classes - 1}" if classes else "labels, and these images have none"
            raise InputError(f"leaving a class out needs {known}, got class {label}")
        val = None if self.val is None else _without(self.val, label)
        return replace(self, train=_without(self.train, label), val=val)


def _without(images: Images, label: int) -> Images:
    if images.y is None or bool((images.y == label).all()):
        raise InputError(f"nothing is left of {len(images)} images without class {images.class_names[label]}")
    return images.take(images.y != label)
