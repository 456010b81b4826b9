"""How one model is trained: a frozen record, checked when it is made. Needs no torch."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

from gvae.catalog import LOSSES, SCHEDULES, check_name
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
        Weight of the KL term; 1 is Kipf's objective (see `gvae.losses.variational_loss`), 0 leaves it out.
    loss
        ``"full"``: the exact reconstruction loss over all pairs. ``"sampled"``: its unbiased estimate.
        ``"quadratic"``, ``"squared"``: other objectives over all pairs, exact in linear time, see
        `gvae.losses`.
    block
        Rows of logits that ``"full"`` and ``"sampled"`` hold at a time; ``None`` takes as many as the
        processor's cache holds. It changes speed and memory, not the objective.
    select
        ``"last"`` keeps the last epoch, ``"val"`` the epoch with the best validation figure.
    eval_every
        Epochs between two looks at the loss and the validation part; the last epoch is always looked at.
    patience
        Stop when the validation figure has not risen for so many epochs, as seen at the epochs that are
        looked at; ``None`` never stops early. Which epoch is kept is still ``select``'s to say.
    seed
        Seed of all that is random in training: the posterior's noise, sampled negatives.
    schedule
        ``"constant"``, or ``"cosine"``: the learning rate falls from ``lr`` to nearly 0 along half a cosine,
        epoch by epoch, in all of the task's optimisers (Loshchilov and Hutter 2017, arXiv 1608.03983, without
        restarts).

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    epochs: int = 200
    lr: float = 0.01
    beta: float = 1.0
    loss: str = "full"
    block: int | None = None
    select: Literal["last", "val"] = "last"
    eval_every: int = 10
    patience: int | None = None
    seed: int = 0
    schedule: Literal["constant", "cosine"] = "constant"

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("eval_every", 1), ("seed", 0)):
            object.__setattr__(self, name, require_int(name, getattr(self, name), at_least=least))
        for name in ("patience", "block"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, require_int(name, getattr(self, name), at_least=1))
        if not (_is_finite(self.lr) and self.lr > 0):
            raise InputError(f"lr must be a positive number, got {self.lr!r}")
        if not (_is_finite(self.beta) and self.beta >= 0):
            raise InputError(f"beta must be a number >= 0, got {self.beta!r}")
        check_name("schedule", self.schedule, SCHEDULES)
        check_name("loss", self.loss, LOSSES)
        check_name("select", self.select, ("last", "val"))

    def lr_at(self, epoch: int) -> float:
        """The learning rate of an epoch, the first being 1."""
        if self.schedule == "constant":
            return self.lr
        return self.lr / 2 * (1 + math.cos(math.pi * (epoch - 1) / self.epochs))


def require_int(name: str, value: Any, at_least: int) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``at_least``.

    Raises
    ------
    InputError
        If it is not; integers of NumPy are welcome, booleans and floats are not.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < at_least:
        raise InputError(f"{name} must be an integer >= {at_least}, got {value!r}")
    return number


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
