"""The state of training: all that the epochs to come depend on, beside the settings and the data."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from gvae.train.task import EpochRecord, History, Task


@dataclass
class Best:
    """The best recorded epoch so far, and a copy of its weights; epoch 0 has those before training.

    Best is the highest validation figure, the first of equals; without validation data, the last epoch.
    """

    weights: dict[str, Any]
    epoch: int = 0
    figure: float = -math.inf

    @classmethod
    def untrained(cls, model: nn.Module) -> Best:
        """Before the first epoch."""
        return cls(copy.deepcopy(model.state_dict()))

    def offer(self, model: nn.Module, record: EpochRecord) -> None:
        """Look at an epoch, and copy its weights if it is the best."""
        if record.val is None or record.val > self.figure:
            self.epoch, self.figure = record.epoch, -math.inf if record.val is None else record.val
            self.weights = copy.deepcopy(model.state_dict())

    def restore(self, model: nn.Module) -> int:
        """Give the model the weights of the best epoch; its number."""
        model.load_state_dict(self.weights)
        return self.epoch


@dataclass
class TrainingState:
    """All that the epochs to come depend on, beside the settings and the data.

    Parameters
    ----------
    task
        Started: its model and its optimisers are part of the state.
    generator
        Of training; the global random state, of the CPU and of the generator's device, belongs to it.
    started
        When training began, on the clock `time.perf_counter`.
    history
        What happened so far; ``history.epochs`` are done.

    Attributes
    ----------
    best
        The best epoch so far.
    """

    task: Task[Any]
    generator: torch.Generator
    started: float
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.best = Best.untrained(self.task.model)

    def state_dict(self) -> dict[str, Any]:
        """Everything, as nested dicts and lists of tensors, numbers and text; the tensors are not copied."""
        device = self.generator.device
        return {
            "epoch": self.history.epochs,
            "records": [record.to_dict() for record in self.history.records],
            "seconds": time.perf_counter() - self.started,
            "best": vars(self.best),
            "model": self.task.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.task.optimizers],
            "generator": self.generator.get_state(),
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave; the time it tells of counts as spent."""
        self.task.model.load_state_dict(state["model"])
        for optimizer, its in zip(self.task.optimizers, state["optimizers"], strict=True):
            by_number = {int(number): value for number, value in its["state"].items()}  # JSON made them text
            optimizer.load_state_dict({**its, "state": by_number})
        self.history.epochs = state["epoch"]
        self.history.records = [EpochRecord.from_dict(record) for record in state["records"]]
        self.best = Best(**state["best"])
        self.started -= state["seconds"]
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["cpu"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"], self.generator.device)
