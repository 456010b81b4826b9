"""The training loop, for every model of this package."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch

from gvae.config import TrainConfig
from gvae.errors import InputError, TrainingError
from gvae.losses import LossOutput
from gvae.randomness import new_generator
from gvae.train.checkpoint import Checkpoint, TrainingState
from gvae.train.task import EpochRecord, History, Task

OnEpoch = Callable[[int, EpochRecord | None], None]


def fit(
    task: Task[Any],
    config: TrainConfig,
    *,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
) -> History:
    """Train ``task.model`` in place and leave it in evaluation mode.

    The same seed gives the same weights, bit for bit, on one machine's CPU, whatever the global random
    state: layers that draw from it (dropout) draw from a copy with this seed, and it is left as it was.
    That holds, too, for a run that was stopped and goes on from its checkpoint.

    Parameters
    ----------
    task
        What to train, for instance ``LinkTask(model, split.development)``.
    config
        How.
    on_epoch
        Called after each epoch that is run here, for progress, with its number and its record, if it was
        recorded.
    checkpoint
        Keeps the state of training now and then; if it holds one, training goes on from there. It is left
        for the caller to remove. Without it nothing is kept.

    Returns
    -------
    History
        Losses and validation figures every ``config.eval_every`` epochs, and which epoch was kept.

    Raises
    ------
    TrainingError
        If the loss or the logits are no longer finite at an epoch that is looked at.
    InputError
        If the epoch or the end is to be chosen on validation data and there is none; if the checkpoint's
        folder cannot be used, or holds a damaged file or that of a run with other settings.
    OutputError
        If the state cannot be written.
    """
    started = time.perf_counter()
    device = next(task.model.parameters()).device
    task.model.train()
    task.start(config)
    state = TrainingState(task, new_generator(config.seed, "training", device), started)
    history, best = state.history, state.best
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(state.generator.initial_seed())
        if checkpoint is not None:
            checkpoint.resume(state, config)
        for epoch in range(history.epochs + 1, config.epochs + 1):
            record = _epoch(state, config, epoch)
            if on_epoch is not None:
                on_epoch(epoch, record)
            if record is not None and config.patience is not None and epoch - best.epoch >= config.patience:
                break
            if checkpoint is not None:
                checkpoint.offer(state)
    history.epoch = best.restore(task.model) if config.select == "val" else history.epochs
    task.model.eval()
    history.seconds = time.perf_counter() - state.started
    return history


def _epoch(state: TrainingState, config: TrainConfig, epoch: int) -> EpochRecord | None:
    """Train for one epoch; its record if it is due."""
    task, history = state.task, state.history
    due = epoch % config.eval_every == 0 or epoch == config.epochs
    losses = [task.step(batch, state.generator, value=due) for batch in task.batches(state.generator)]
    history.epochs = epoch
    if not due:
        return None
    record = _record(task, config, epoch, losses)
    history.records.append(record)
    state.best.offer(task.model, record, keep=config.select == "val")
    return record


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
