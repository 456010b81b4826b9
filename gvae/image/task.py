"""The task of image models: batches of one tensor, one optimiser."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from gvae.allocator import keep_freed_memory
from gvae.catalog import check_name
from gvae.config import TrainConfig, require_int
from gvae.errors import TrainingError
from gvae.image.images import BINARIZATIONS, Images, black_or_white
from gvae.image.model import ImageModel
from gvae.losses import LossOutput
from gvae.onednn import onednn_products
from gvae.randomness import new_generator
from gvae.train.adam import adam_step

EVALUATED_AT_ONCE = 500
"""Validation images that pass the model together."""


def default_batch_size(images: int) -> int:
    """The largest power of two from 16 to 128 that leaves an epoch 64 steps; 16 if none does."""
    return min(128, max(16, 1 << (max(images // 64, 1).bit_length() - 1)))


class ImageTask:
    """Train an `ImageModel` by Adam on batches, for `gvae.train.fit`.

    Parameters
    ----------
    model
        On the same device as the images.
    train, val
        What to learn from, and what the epochs are judged by: the mean of the negative loss, for a VAE its
        ELBO in nats, one draw of z for each image; without ``val`` nothing is judged.
    batch_size
        Images a batch, by default `default_batch_size`; the last of an epoch may be smaller.
    binarize
        One of `BINARIZATIONS`. ``val`` is drawn once, from ``config.seed``, unless it is ``"none"``.
    """

    def __init__(
        self,
        model: ImageModel,
        train: Images,
        val: Images | None = None,
        *,
        batch_size: int | None = None,
        binarize: str = "none",
    ) -> None:
        check_name("binarize", binarize, BINARIZATIONS)
        self.model = model
        if batch_size is None:
            batch_size = default_batch_size(len(train))
        self.batch_size = require_int("batch_size", batch_size, at_least=1)
        self._train, self._val, self._binarize = train, val, binarize

    def start(self, config: TrainConfig) -> None:
        """Check the images, draw what is drawn once, and build Adam."""
        keep_freed_memory()
        self._beta, self._seed = config.beta, config.seed
        device = self._train.x.device
        for images in (self._train, self._val):
            if images is not None:
                self.model.check(images.x)
        if self._binarize != "none":
            self._train.require_probabilities()
        if self._binarize == "static":
            self._train = self._train.binarized(new_generator(config.seed, "binarize", device))
        if self._binarize != "none" and self._val is not None:
            self._val = self._val.binarized(new_generator(config.seed, "binarize val", device))
        self._build_optimizers(config.lr)

    def _build_optimizers(self, lr: float) -> None:
        self._weights = [*self.model.parameters()]
        self._optimizer = torch.optim.Adam(self._weights, lr=lr, fused=True)

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Adam, alone."""
        return (self._optimizer,)

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        """Indices of the images, in a new order, in batches."""
        order = torch.randperm(len(self._train), generator=generator, device=generator.device)
        return order.split(self.batch_size)  # type: ignore[no-any-return, no-untyped-call]

    def images(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The images of a batch, binarised anew if they are to be, and their labels."""
        x = self._train.x.index_select(0, batch)
        y = None if self._train.y is None else self._train.y[batch]
        return (black_or_white(x, generator) if self._binarize == "dynamic" else x), y

    def step(self, batch: Tensor, generator: torch.Generator, value: bool) -> LossOutput:
        """One step of Adam on the model's loss."""
        x, y = self.images(batch, generator)
        with onednn_products(math.prod(self.model.shape)):
            loss = self.model.loss(x, y, self._beta, generator)
            for weight in self._weights:
                weight.grad = None
            loss.total.backward()  # type: ignore[no-untyped-call]
        adam_step(self._optimizer)
        return loss

    @torch.no_grad()
    def validate(self) -> float | None:
        """Minus the mean loss of the validation images, with the same draws each time."""
        if self._val is None:
            return None
        generator = new_generator(self._seed, "validation", self._val.x.device)
        self.model.eval()
        try:
            total = 0.0
            for first in range(0, len(self._val), EVALUATED_AT_ONCE):
                part = self._val.take(slice(first, first + EVALUATED_AT_ONCE))
                loss = self.model.loss(part.x, part.y, self._beta, generator)
                total += loss.total.item() * len(part)
        finally:
            self.model.train()
        if not math.isfinite(total):
            raise TrainingError(f"the loss on validation images is {total}")
        return -total / len(self._val)
