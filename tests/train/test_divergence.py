"""Runs that diverge: where they stop, what is said, and what the model is left with."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.config import TrainConfig
from gvae.data import Development, LinkSplit, split_links
from gvae.errors import InputError, TrainingError
from gvae.losses import LossOutput
from gvae.models import GraphModel, build
from gvae.train import Checkpoint, EpochRecord, LinkTask, fit

CONFIG = TrainConfig(epochs=20, eval_every=2, lr=0.01)


class Exploding(LinkTask):
    """From an epoch on, each step multiplies the weights by a number."""

    def __init__(self, model: GraphModel, development: Development, epoch: int, factor: float) -> None:
        super().__init__(model, development)
        self.left, self.factor = epoch, factor

    def step(self, batch: None, generator: torch.Generator, value: bool) -> LossOutput:
        loss = super().step(batch, generator, value)
        self.left -= 1
        if self.left <= 0:
            with torch.no_grad():
                for weight in self.model.parameters():
                    weight.mul_(self.factor)
        return loss


@pytest.fixture
def split(random_graph: Callable[..., Data]) -> LinkSplit:
    return split_links(random_graph())


def weights(model: GraphModel) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_has(model: GraphModel, expected: dict[str, Tensor]) -> None:
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def diverged(task: LinkTask, config: TrainConfig, checkpoint: Checkpoint | None = None) -> TrainingError:
    with pytest.raises(TrainingError) as info:
        fit(task, config, checkpoint=checkpoint)
    assert not task.model.training
    return info.value


@pytest.mark.parametrize("select", ["last", "val"])
@pytest.mark.parametrize("factor", [1e8, 1e30, float("inf"), float("nan")])
def test_the_best_epoch_on_val_is_kept(
    factor: float, select: Literal["last", "val"], split: LinkSplit
) -> None:
    """Whichever gives way first: the loss, the weights, the logits or the gradients."""
    config = replace(CONFIG, select=select)
    model, good = (build("vgae", split.development.train) for _ in range(2))
    error = diverged(Exploding(model, split.development, 11, factor), config)
    history = error.history
    assert history is not None
    assert history.epochs in (12, 14)
    vals = {record.epoch: record.val or 0 for record in history.records}
    assert list(vals) == list(range(2, history.epochs, 2))
    best = max(vals, key=lambda epoch: vals[epoch])
    assert history.epoch == best <= 10
    assert str(error).endswith(
        f" at epoch {history.epochs}: training diverged; try a learning rate below 0.01; "
        f"the model has the weights of epoch {best}, the best until then"
    )
    assert history.seconds > 0
    fit(LinkTask(good, split.development), replace(config, epochs=best, select="last"))
    assert_has(model, weights(good))


def test_without_validation_data_the_last_good_epoch_is_kept(random_graph: Callable[..., Data]) -> None:
    development = split_links(random_graph(), val=0).development
    model, good = (build("gae", development.train) for _ in range(2))
    error = diverged(Exploding(model, development, 12, float("nan")), CONFIG)  # after that loss is taken
    assert error.history is not None
    assert (error.history.epochs, error.history.epoch) == (12, 10)
    fit(LinkTask(good, development), replace(CONFIG, epochs=10))
    assert_has(model, weights(good))


@pytest.mark.parametrize("loss", ["full", "sampled"])
@pytest.mark.parametrize("lr", [1e7, 1e30, 1e300])
def test_without_a_good_epoch_the_model_is_as_before(lr: float, loss: str, split: LinkSplit) -> None:
    model = build("vgae", split.development.train)
    before = weights(model)
    error = diverged(LinkTask(model, split.development), TrainConfig(lr=lr, loss=loss, epochs=20))
    assert error.history is not None
    assert (error.history.epochs, error.history.epoch, error.history.records) == (10, 0, [])
    assert str(error).endswith(
        f" at epoch 10: training diverged; try a learning rate below {lr:g} or inputs of smaller numbers; "
        "the model has the weights from before training"
    )
    assert_has(model, before)


@pytest.mark.parametrize("scale", [1e11, 1e15, 1e19, 1e25, 1e37])
def test_features_that_are_too_large_stop_the_run(scale: float, random_graph: Callable[..., Data]) -> None:
    """Below the overflow of the loss, it is the squares of the gradients that Adam can no longer hold."""
    data = random_graph()
    data.x = data.x * scale
    development = split_links(data).development
    model = build("gae", development.train)
    assert "inputs of smaller numbers" in str(diverged(LinkTask(model, development), CONFIG))


def test_a_beta_that_is_too_large_is_named(split: LinkSplit) -> None:
    model = build("vgae", split.development.train)
    error = diverged(LinkTask(model, split.development), replace(CONFIG, beta=1e30))
    assert "try a learning rate below 0.01 or a beta below 1e+30 or inputs" in str(error)


def test_a_rate_that_is_high_but_not_too_high_is_let_run(split: LinkSplit) -> None:
    """The loss explodes, but nothing overflows: it may come down again."""
    model = build("vgae", split.development.train)
    config = TrainConfig(lr=3.0, epochs=20, eval_every=1, select="val")
    records = fit(LinkTask(model, split.development), config).records
    assert len(records) == 20
    assert max(record.total for record in records) > 1e3


def test_a_run_that_was_stopped_knows_its_best_epoch_when_it_goes_on(
    split: LinkSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoint, "due", lambda self: True)

    def stop(epoch: int, record: EpochRecord | None) -> None:
        if epoch == 8:
            raise KeyboardInterrupt

    first, second = (build("gae", split.development.train) for _ in range(2))
    task = LinkTask(first, split.development)
    with pytest.raises(KeyboardInterrupt):
        fit(task, CONFIG, on_epoch=stop, checkpoint=Checkpoint(tmp_path / "state"))
    again = Exploding(second, split.development, 2, float("nan"))
    error = diverged(again, CONFIG, Checkpoint(tmp_path / "state"))
    assert error.history is not None
    assert error.history.epochs == 10
    whole = build("gae", split.development.train)
    fit(LinkTask(whole, split.development), replace(CONFIG, epochs=error.history.epoch))
    assert_has(second, weights(whole))


def test_the_history_goes_with_the_error_between_processes(split: LinkSplit) -> None:
    model = build("gae", split.development.train)
    error = diverged(LinkTask(model, split.development), TrainConfig(lr=1e30))
    copied = copy.deepcopy(error)  # goes the way of pickling
    assert (str(copied), copied.history) == (str(error), error.history)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_before_training(value: float, split: LinkSplit) -> None:
    model = build("vgae", split.development.train)
    with torch.no_grad():
        model.get_parameter("encoder.heads.mu.lin.weight")[1, 2] = value
    with pytest.raises(
        InputError, match=rf"weights must be finite, got {value} in encoder\.heads\.mu\.lin\.weight; build"
    ):
        fit(LinkTask(model, split.development), CONFIG)
