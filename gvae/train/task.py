"""What the one training loop needs of a task, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from gvae.config import TrainConfig
from gvae.errors import InputError
from gvae.losses import LossOutput

Batch = TypeVar("Batch")


class Task(Protocol[Batch]):
    """One model and its data. The loop knows nothing of graphs, images, or how many optimisers there are."""

    @property
    def model(self) -> nn.Module:
        """Everything that is learned; its state is what the loop keeps and restores."""

    def start(self, config: TrainConfig) -> None:
        """Make ready: build the operators and the optimisers."""

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """All optimisers, in an order that stays; there from `start` on. A checkpoint keeps their state."""

    def batches(self, generator: torch.Generator) -> Iterable[Batch]:
        """The batches of one epoch; a full graph is one batch."""

    def step(self, batch: Batch, generator: torch.Generator, value: bool) -> LossOutput:
        """Learn from one batch: loss, gradient and the update of each optimiser that the task owns.

        The loop asks for the loss's ``value`` in the epochs that it records; in others it may be NaN.
        """

    def validate(self) -> float | None:
        """The figure on validation data that chooses the epoch, higher is better; None without such data.

        TrainingError if it cannot be told because the logits are no longer finite.
        """


@dataclass(frozen=True)
class EpochRecord:
    """What is known of an epoch: mean losses over its batches, and the validation figure, if there is one."""

    epoch: int
    total: float
    recon: float
    kl: float
    val: float | None

    def to_dict(self) -> dict[str, Any]:
        """A flat record, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> EpochRecord:
        """Make the record that gave this dict; InputError if its names are others."""
        names = [field.name for field in fields(cls)]
        if sorted(record) != sorted(names):
            raise InputError(f"the record of an epoch has {', '.join(names)}; got {', '.join(record)}")
        return cls(**record)


@dataclass
class History:
    """What happened in `fit`.

    Parameters
    ----------
    records
        One every ``eval_every`` epochs, and one for the last.
    epochs
        Epochs trained.
    epoch
        The epoch whose weights the model has now, counted from 1; 0 are those before training.
    seconds
        Time of training: building the operators and all epochs.
    """

    records: list[EpochRecord] = field(default_factory=list)
    epochs: int = 0
    epoch: int = 0
    seconds: float = 0.0
