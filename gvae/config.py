"""How one model is trained: a frozen record, checked when it is made. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gvae.catalog import LOSSES, check_name
from gvae.errors import InputError


@dataclass(frozen=True)
class TrainConfig:
    """Settings of `gvae.train.fit`; the defaults are those of Kipf and Welling (2016), section 3.

    Parameters
    ----------
    epochs
        Passes over the training data; at least 1.
    lr
        Learning rate of Adam, per step; positive.
    beta
        Weight of the KL term; 1 is Kipf's objective (see `gvae.losses.negative_elbo`), 0 leaves it out.
    loss
        ``"full"``: the exact reconstruction loss over all pairs. ``"sampled"``: its unbiased estimate.
    select
        ``"last"`` keeps the last epoch, ``"val"`` the epoch with the best validation figure.
    eval_every
        Epochs between two looks at the validation part (the last epoch is always looked at).
    patience
        Stop when the validation figure has not risen for so many epochs; ``None`` never stops early.
        Needs ``select="val"``.
    seed
        Seed of all that is random in training: the posterior's noise, sampled negatives.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    epochs: int = 200
    lr: float = 0.01
    beta: float = 1.0
    loss: str = "full"
    select: Literal["last", "val"] = "last"
    eval_every: int = 10
    patience: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        require_int("epochs", self.epochs, at_least=1)
        require_int("eval_every", self.eval_every, at_least=1)
        require_int("seed", self.seed, at_least=0)
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise InputError(f"lr must be a positive number, got {self.lr}")
        if not (math.isfinite(self.beta) and self.beta >= 0):
            raise InputError(f"beta must be a number >= 0, got {self.beta}")
        check_name("loss", self.loss, LOSSES)
        check_name("select", self.select, ("last", "val"))
        if self.patience is not None:
            require_int("patience", self.patience, at_least=1)
            if self.select != "val":
                raise InputError("patience needs select='val': the last epoch is kept otherwise")


def require_int(name: str, value: object, at_least: int) -> int:
    """Return ``value`` if it is an integer of at least ``at_least``; else raise ``InputError``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise InputError(f"{name} must be an integer >= {at_least}, got {value!r}")
    return value
