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
    task: Task[Any], config: TrainConfig, *, on_epoch: Callable[[int, EpochRecord | None], None] | None = None
) -> History:
    """Train ``task.model`` in place and leave it in evaluation mode.

    The same seed gives the same weights, bit for bit, on one machine's CPU, whatever the global random
    state: layers that draw from it (dropout) draw from a copy with this seed, and it is left as it was.

    Parameters
    ----------
    task
        What to train, for instance ``LinkTask(model, split.development)``.
    config
        How.
    on_epoch
        Called after each epoch, for progress, with its number and its record, if it was recorded.

    Returns
    -------
    History
        Losses and validation figures every ``config.eval_every`` epochs, and which epoch was kept.

    Raises
    ------
    TrainingError
        If the loss or the logits are no longer finite at an epoch that is looked at.
    InputError
        If the epoch or the end is to be chosen on validation data and there is none.
    """
    started = time.perf_counter()
    device = next(task.model.parameters()).device
    generator = new_generator(config.seed, "training", device)
    history, best = History(), _Best()
    task.model.train()
    task.start(config)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(generator.initial_seed())
        for epoch in range(1, config.epochs + 1):
            due = epoch % config.eval_every == 0 or epoch == config.epochs
            losses = [task.step(batch, generator, value=due) for batch in task.batches(generator)]
            record = _record(task, config, epoch, losses) if due else None
            if record is not None:
                history.records.append(record)
                best.offer(task.model, record, keep=config.select == "val")
            if on_epoch is not None:
                on_epoch(epoch, record)
            if record is not None and config.patience is not None and epoch - best.epoch >= config.patience:
                break
    history.epochs = epoch
    history.epoch = best.restore(task.model) if config.select == "val" else epoch
    task.model.eval()
    history.seconds = time.perf_counter() - started
    return history


def _record(task: Task[Any], config: TrainConfig, epoch: int, losses: list[LossOutput]) -> EpochRecord:
    total, recon, kl = (
        sum(getattr(loss, part).item() for loss in losses) / len(losses) for part in ("total", "recon", "kl")
    )
    if not math.isfinite(total):
        raise TrainingError(
            f"the loss is {total} at epoch {epoch}: training diverged; try a learning rate below {config.lr}"
        )
    val = task.validate()
    if val is None and (config.select == "val" or config.patience is not None):
        raise InputError("select='val' and patience need validation data; the task has none")
    return EpochRecord(epoch, total, recon, kl, val)


class _Best:
    """The epoch with the best validation figure so far, the first of equals, and a copy of its weights."""

    def __init__(self) -> None:
        self.epoch, self.figure = 0, -math.inf
        self._state: dict[str, Any] = {}

    def offer(self, model: nn.Module, record: EpochRecord, keep: bool) -> None:
        if record.val is not None and record.val > self.figure:
            self.epoch, self.figure = record.epoch, record.val
            self._state = copy.deepcopy(model.state_dict()) if keep else {}

    def restore(self, model: nn.Module) -> int:
        model.load_state_dict(self._state)
        return self.epoch
