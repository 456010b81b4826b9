"""The training loop, for every model of this package."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gvae.config import TrainConfig
from gvae.errors import InputError, TrainingError
from gvae.losses import LossOutput
from gvae.randomness import new_generator
from gvae.train.task import EpochRecord, History, Task


def fit(
    task: Task[Any], config: TrainConfig, *, on_epoch: Callable[[EpochRecord], None] | None = None
) -> History:
    """Train ``task.model`` in place.

    The same seed gives the same weights, bit for bit, on one machine's CPU, whatever the global random state.

    Parameters
    ----------
    task
        What to train, for instance ``LinkTask(model, split.development)``.
    config
        How.
    on_epoch
        Called after each epoch, for progress.

    Returns
    -------
    History
        The losses and validation figures, and which epoch's weights were kept.

    Raises
    ------
    TrainingError
        If the loss is no longer finite.
    InputError
        If the epoch is to be chosen on validation data and there is none.
    """
    started = time.perf_counter()
    device = next(task.model.parameters()).device
    generator = new_generator(config.seed, "training", device)
    history, best = History(), _Best()
    task.model.train()
    task.start(config)
    for epoch in range(1, config.epochs + 1):
        record = _run_epoch(task, config, epoch, generator)
        history.records.append(record)
        history.epoch = epoch
        if config.select == "val" and record.val is not None:
            best.offer(task.model, epoch, record.val)
        if on_epoch is not None:
            on_epoch(record)
        if config.patience is not None and epoch - best.epoch >= config.patience:
            break
    if config.select == "val":
        history.epoch = best.restore(task.model)
    history.seconds = time.perf_counter() - started
    return history


def _run_epoch(task: Task[Any], config: TrainConfig, epoch: int, generator: torch.Generator) -> EpochRecord:
    losses = [task.step(batch, generator) for batch in task.batches(generator)]
    total, recon, kl = (_mean(losses, part) for part in ("total", "recon", "kl"))
    if not math.isfinite(total):
        raise TrainingError(
            f"the loss is {total} at epoch {epoch}; a lower learning rate than {config.lr} may help"
        )
    due = epoch % config.eval_every == 0 or epoch == config.epochs
    val = task.validate() if due else None
    if due and val is None and config.select == "val":
        raise InputError("select='val' needs validation data; the task has none")
    return EpochRecord(epoch, total, recon, kl, val)


def _mean(losses: list[LossOutput], part: str) -> float:
    return sum(getattr(loss, part).item() for loss in losses) / len(losses)


class _Best:
    """The best epoch so far and a copy of its weights."""

    def __init__(self) -> None:
        self.epoch, self.figure = 0, -math.inf
        self._state: dict[str, Any] = {}

    def offer(self, model: nn.Module, epoch: int, figure: float) -> None:
        if figure > self.figure:
            self.epoch, self.figure = epoch, figure
            self._state = copy.deepcopy(model.state_dict())

    def restore(self, model: nn.Module) -> int:
        model.load_state_dict(self._state)
        return self.epoch
