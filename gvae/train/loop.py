"""The training loop, for every model of this package."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gvae.config import TrainConfig
from gvae.errors import InputError, TrainingError
from gvae.losses import LossOutput
from gvae.models.weights import check_weights, non_finite
from gvae.randomness import new_generator
from gvae.train.checkpoint import Checkpoint
from gvae.train.state import TrainingState
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
        If the loss, the weights or the logits are no longer finite at an epoch that is looked at. The model
        then has the weights of the best epoch until then: that with the highest validation figure, or without
        validation data the last one; those before training if there is none. ``error.history`` tells.
    InputError
        If the model's weights are not finite from the start; if the epoch or the end is to be chosen on
        validation data and there is none; if the checkpoint's
        folder cannot be used, or holds a damaged file or that of a run with other settings.
    OutputError
        If the state cannot be written.
    """
    started = time.perf_counter()
    check_weights(task.model)
    device = next(task.model.parameters()).device
    task.model.train()
    task.start(config)
    state = TrainingState(task, new_generator(config.seed, "training", device), started)
    history = state.history
    try:
        _train(state, config, on_epoch, checkpoint)
    except TrainingError as error:
        history.epoch = state.best.restore(task.model)
        raise TrainingError(f"{error} {_advice(history, config)}", history) from error
    else:
        history.epoch = state.best.restore(task.model) if config.select == "val" else history.epochs
    finally:
        task.model.eval()
        history.seconds = time.perf_counter() - state.started
    return history


def _train(
    state: TrainingState, config: TrainConfig, on_epoch: OnEpoch | None, checkpoint: Checkpoint | None
) -> None:
    """All epochs that are left, with the global random state that belongs to them."""
    device, history = state.generator.device, state.history
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(state.generator.initial_seed())
        if checkpoint is not None:
            checkpoint.resume(state, config)
        best = state.best
        for epoch in range(history.epochs + 1, config.epochs + 1):
            record = _epoch(state, config, epoch)
            if on_epoch is not None:
                on_epoch(epoch, record)
            if record is not None and config.patience is not None and epoch - best.epoch >= config.patience:
                break
            if checkpoint is not None:
                checkpoint.offer(state)


def _epoch(state: TrainingState, config: TrainConfig, epoch: int) -> EpochRecord | None:
    """Train for one epoch; its record if it is due."""
    task, history = state.task, state.history
    due = epoch % config.eval_every == 0 or epoch == config.epochs
    if config.schedule != "constant":
        _set_rate(task, config.lr_at(epoch))
    losses = [task.step(batch, state.generator, value=due) for batch in task.batches(state.generator)]
    history.epochs = epoch
    if not due:
        return None
    record = _record(task, config, epoch, losses)
    history.records.append(record)
    state.best.offer(task.model, record)
    return record


def _set_rate(task: Task[Any], lr: float) -> None:
    for optimizer in task.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr


def _record(task: Task[Any], config: TrainConfig, epoch: int, losses: list[LossOutput]) -> EpochRecord:
    total, recon, kl = (
        sum(getattr(loss, part).item() for loss in losses) / len(losses) for part in ("total", "recon", "kl")
    )
    if not math.isfinite(total):
        raise TrainingError(f"the loss is {total}")
    if found := non_finite(task.model):  # the loss is that from before the last step
        raise TrainingError(f"the model's weights are not finite ({found})")
    if any(map(_overflowed, task.optimizers)):  # Adam divides by them: nothing would be learned any more
        raise TrainingError("the optimiser's averages of the gradients are not finite")
    try:
        val = task.validate()
    except TrainingError as error:
        raise TrainingError("the model's logits are not finite") from error
    if val is None and (config.select == "val" or config.patience is not None):
        raise InputError("select='val' and patience need validation data; the task has none")
    return EpochRecord(epoch, total, recon, kl, val)


def _overflowed(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an average that an optimiser keeps is no longer finite."""
    kept = (value for state in optimizer.state.values() for value in state.values())
    return not all(value.isfinite().all() for value in kept if isinstance(value, Tensor))


def _advice(history: History, config: TrainConfig) -> str:
    """When training diverged, what to change, and what is kept."""
    remedies = [f"a learning rate below {config.lr:g}"]
    kept = f"of epoch {history.epoch}, the best until then"
    if config.beta > 1:
        remedies.append(f"a beta below {config.beta:g}")
    if history.epoch == 0:
        remedies.append("inputs of smaller numbers")
        kept = "from before training"
    return (
        f"at epoch {history.epochs}: training diverged; try {' or '.join(remedies)}; "
        f"the model has the weights {kept}"
    )
