from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gvae.config import TrainConfig
from gvae.errors import InputError
from gvae.image.adversarial_task import AdversarialTask
from gvae.image.images import ImageSplit
from gvae.image.model import ImageModel
from gvae.image.registry import Sizes, build_image_model, task_for
from gvae.image.task import ImageTask
from gvae.train import Checkpoint, EpochRecord, History, fit

CONFIG = TrainConfig(epochs=3, lr=1e-3, eval_every=1)
NAMES = ["gan", "vae-gan"]


def build(name: str, hidden: int = 16) -> ImageModel:
    return build_image_model(name, Sizes((1, 8, 8), hidden=hidden, latent=4))


def moved(before: dict[str, Tensor], model: ImageModel) -> dict[bool, set[bool]]:
    """Whether weights have changed: those of the discriminator (True), and the others (False)."""
    found: dict[bool, set[bool]] = {True: set(), False: set()}
    for name, value in model.state_dict().items():
        found[name.startswith("discriminator.")].add(not torch.equal(value, before[name]))
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("resting", [0, 1])
def test_each_optimiser_moves_its_own_network(name: str, resting: int, digits: ImageSplit) -> None:
    """With the learning rate of one of them at 0, the network of the other moves alone."""
    model = build(name)
    task = task_for(model, digits.train)
    task.start(CONFIG)
    for group in task.optimizers[resting].param_groups:
        group["lr"] = 0.0
    before = {key: value.clone() for key, value in model.state_dict().items()}
    task.step(torch.arange(100), torch.Generator().manual_seed(0), value=True)
    assert moved(before, model) == {resting == 1: {True}, resting == 0: {False}}


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_has_one_optimiser(name: str, digits: ImageSplit) -> None:
    model = build(name)
    task = task_for(model, digits.train)
    task.start(CONFIG)
    owned = [weight for opt in task.optimizers for group in opt.param_groups for weight in group["params"]]
    assert len(owned) == len(set(owned))
    assert set(owned) == set(model.parameters())


def test_the_generator_answers_the_new_discriminator(digits: ImageSplit) -> None:
    """The generator's loss is that against the discriminator after its step."""
    model = build("gan")
    task = task_for(model, digits.train)
    task.start(replace(CONFIG, lr=0.01))
    generator, x = torch.Generator().manual_seed(0), digits.train.x[:100]
    told = model.discriminator_loss(x, torch.Generator().manual_seed(0)).item()  # type: ignore[operator]
    task.optimizers[1].param_groups[0]["lr"] = 0.0
    loss = task.step(torch.arange(100), generator, value=True)
    generator = torch.Generator().manual_seed(0)
    model.prior_sample(100, generator)  # what the discriminator's step drew
    answer = model.loss(x, None, 1.0, generator)
    assert loss.recon.item() == pytest.approx(answer.recon.item(), rel=1e-5)
    assert loss.total.item() == pytest.approx(told + answer.total.item(), rel=1e-5)
    assert not loss.total.requires_grad


def run(
    digits: ImageSplit, name: str, checkpoint: Checkpoint | None = None, stop_at: int | None = None
) -> tuple[dict[str, Tensor], History]:
    def on_epoch(epoch: int, _: EpochRecord | None) -> None:
        if epoch == stop_at:
            raise KeyboardInterrupt

    model = build(name)
    task = task_for(model, digits.train, digits.val, batch_size=200, binarize="dynamic")
    history = fit(task, CONFIG, on_epoch=on_epoch, checkpoint=checkpoint)
    return model.state_dict(), replace(history, seconds=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    name: str, digits: ImageSplit, tmp_path: Path
) -> None:
    whole, history = run(digits, name)
    with pytest.raises(KeyboardInterrupt):
        run(digits, name, Checkpoint(tmp_path / "state", seconds=0), stop_at=2)
    resumed, records = run(digits, name, Checkpoint(tmp_path / "state"))
    assert history == records
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())


@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_figure_to_choose_by(name: str, digits: ImageSplit) -> None:
    history = fit(task_for(build(name), digits.train, digits.val), CONFIG)
    assert [record.val for record in history.records] == [None] * 3
    assert history.epoch == 3
    assert all(math.isfinite(record.total) for record in history.records)
    with pytest.raises(InputError, match="select='val' and patience need validation data"):
        fit(task_for(build(name), digits.train, digits.val), replace(CONFIG, select="val"))


def test_a_gan_learns_to_draw_digits(digits: ImageSplit) -> None:
    """The mean and the spread of its images come near those of the real ones."""
    model = build("gan", hidden=128)
    fit(task_for(model, digits.train, batch_size=64), TrainConfig(epochs=60, lr=1e-3, eval_every=60))
    images = model.sample(500, torch.Generator().manual_seed(0))
    for of in (torch.mean, torch.std):
        made, real = of(images, dim=0).flatten(), of(digits.test.x, dim=0).flatten()
        assert torch.corrcoef(torch.stack([made, real]))[0, 1] > 0.8


def test_a_vae_gan_learns_to_reconstruct(digits: ImageSplit) -> None:
    model = build("vae-gan", hidden=128)

    def error() -> float:
        return (model.reconstruct(digits.test.x) - digits.test.x).square().mean().item()

    before = error()
    fit(task_for(model, digits.train, batch_size=64), TrainConfig(epochs=15, lr=1e-3, eval_every=15))
    assert error() < 0.5 * before


def test_the_task_fits_the_model(digits: ImageSplit) -> None:
    assert type(task_for(build("vae"), digits.train)) is ImageTask
    assert all(type(task_for(build(name), digits.train)) is AdversarialTask for name in NAMES)
