from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gvae.config import TrainConfig
from gvae.errors import InputError, TrainingError, UnknownNameError
from gvae.image.images import Images, ImageSplit
from gvae.image.networks import mlp_decoder, mlp_encoder
from gvae.image.registry import Sizes, build_image_model
from gvae.image.task import ImageTask
from gvae.image.vae import VAE
from gvae.layers import GaussianPosterior
from gvae.losses import LossOutput
from gvae.train import Checkpoint, EpochRecord, History, fit

CONFIG = TrainConfig(epochs=3, lr=1e-3, eval_every=1)


class Watched(VAE):
    """Keeps every image that it learns from, or is judged by, with the label."""

    def __init__(self) -> None:
        shape = (1, 2, 3)
        super().__init__(
            mlp_encoder(shape, 4, GaussianPosterior.heads(2)), mlp_decoder(shape, 4, 2), shape, 2
        )
        self.seen: dict[bool, list[tuple[Tensor, Tensor | None]]] = {True: [], False: []}

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        self.seen[self.training].append((x, y))
        return super().loss(x, y, beta, generator)

    def epochs(self, training: bool, number: int) -> list[Tensor]:
        """The images of each epoch, in the order of their labels."""
        seen = self.seen[training]
        x, y = torch.cat([x for x, _ in seen]), torch.cat([y for _, y in seen if y is not None])
        images, labels = x.view(number, -1, *self.shape), y.view(number, -1)
        return [images[epoch, labels[epoch].argsort()] for epoch in range(number)]


def numbered(number: int, value: float = 0.5) -> Images:
    return Images(torch.full((number, 1, 2, 3), value), torch.arange(number))


def watch(binarize: str, epochs: int = 3) -> Watched:
    model = Watched()
    config = replace(CONFIG, epochs=epochs)
    fit(ImageTask(model, numbered(50), numbered(20), batch_size=16, binarize=binarize), config)
    return model


def test_an_epoch_holds_every_image_once_in_batches() -> None:
    model = watch("none")
    sizes = [len(x) for x, _ in model.seen[True]]
    assert sizes == [16, 16, 16, 2] * 3
    labels = [y for _, y in model.seen[True] if y is not None]
    first, second = torch.cat(labels[:4]), torch.cat(labels[4:8])
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(50))
    assert first.tolist() != second.tolist()


def test_grey_levels_stay_as_they_are() -> None:
    model = watch("none")
    assert all(bool((x == 0.5).all()) for seen in model.seen.values() for x, _ in seen)


def test_static_binarisation_is_drawn_once() -> None:
    first, second, third = watch("static").epochs(True, 3)
    assert set(first.flatten().tolist()) == {0, 1}
    assert torch.equal(first, second)
    assert torch.equal(first, third)


def test_dynamic_binarisation_is_drawn_for_each_epoch() -> None:
    first, second, _ = watch("dynamic").epochs(True, 3)
    assert set(first.flatten().tolist()) == {0, 1}
    assert 0.3 < (first != second).float().mean() < 0.7


@pytest.mark.parametrize("binarize", ["static", "dynamic"])
def test_validation_images_are_drawn_once(binarize: str) -> None:
    first, second, third = watch(binarize).epochs(False, 3)
    assert set(first.flatten().tolist()) == {0, 1}
    assert torch.equal(first, second)
    assert torch.equal(first, third)


def test_images_without_labels_are_learned() -> None:
    model = Watched()
    fit(ImageTask(model, Images(numbered(5).x)), CONFIG)
    assert all(y is None for _, y in model.seen[True])


def run(
    digits: ImageSplit,
    config: TrainConfig,
    name: str = "vae",
    checkpoint: Checkpoint | None = None,
    stop_at: int | None = None,
) -> tuple[dict[str, Tensor], History]:
    def on_epoch(epoch: int, _: EpochRecord | None) -> None:
        if epoch == stop_at:
            raise KeyboardInterrupt

    model = build_image_model(name, Sizes((1, 8, 8), hidden=16, latent=2, components=5, samples=3))
    task = ImageTask(model, digits.train, digits.val, batch_size=200, binarize="dynamic")
    history = fit(task, config, on_epoch=on_epoch, checkpoint=checkpoint)
    return model.state_dict(), replace(history, seconds=0)


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("name", ["vae", "vamp", "iwae"])
def test_a_seed_gives_the_same_model(name: str, digits: ImageSplit) -> None:
    (weights, history), (again, same) = (run(digits, CONFIG, name) for _ in range(2))
    assert_equal(weights, again)
    assert history == same
    other, _ = run(digits, replace(CONFIG, seed=1), name)
    assert not torch.equal(weights["decoder.body.1.weight"], other["decoder.body.1.weight"])


def test_a_run_that_was_stopped_ends_as_one_that_was_not(digits: ImageSplit, tmp_path: Path) -> None:
    config = replace(CONFIG, select="val")
    whole, history = run(digits, config)
    with pytest.raises(KeyboardInterrupt):
        run(digits, config, checkpoint=Checkpoint(tmp_path / "state", seconds=0), stop_at=2)
    resumed, records = run(digits, config, checkpoint=Checkpoint(tmp_path / "state"))
    assert_equal(whole, resumed)
    assert history == records


def test_the_validation_figure_is_the_negative_loss(digits: ImageSplit) -> None:
    """With 1,200 images it takes more than one batch; the mean is over the images, not the batches."""
    images = digits.train.take(slice(0, 1200))
    model = build_image_model("vae", Sizes((1, 8, 8), hidden=16, latent=2))
    task = ImageTask(model, images, images)
    task.start(CONFIG)
    figure = task.validate()
    assert figure == task.validate()
    with torch.no_grad():
        loss = model.loss(images.x, None, 1.0, torch.Generator().manual_seed(3)).total.item()
    assert figure == pytest.approx(-loss, abs=0.1)
    assert model.training


def test_what_a_task_refuses(digits: ImageSplit) -> None:
    model = build_image_model("vae", Sizes((1, 8, 8), hidden=16, latent=2, likelihood="gaussian"))
    bright = Images(digits.train.x * 16)
    with pytest.raises(InputError, match="batch_size must be an integer >= 1, got 0"):
        ImageTask(model, digits.train, batch_size=0)
    with pytest.raises(UnknownNameError, match="unknown binarize 'dynamical'; did you mean dynamic"):
        ImageTask(model, digits.train, binarize="dynamical")
    for binarize in ("static", "dynamic"):
        with pytest.raises(InputError, match=r"binarisation needs values in \[0, 1\], got 0\.\.16"):
            fit(ImageTask(model, bright, binarize=binarize), CONFIG)
    with pytest.raises(InputError, match=r"the model is one of images \(1, 8, 8\), got \(1, 2, 3\)"):
        fit(ImageTask(model, digits.train, numbered(3)), CONFIG)
    with pytest.raises(InputError, match="select='val' and patience need validation data"):
        fit(ImageTask(model, digits.train), replace(CONFIG, select="val"))


@pytest.mark.parametrize("name", ["vae", "iwae", "vamp"])
def test_a_run_that_diverges_ends_with_the_best_epoch(name: str, digits: ImageSplit) -> None:
    model = build_image_model(name, Sizes((1, 8, 8), hidden=16, latent=2))
    with pytest.raises(TrainingError, match="training diverged; try a learning rate below 1e"):
        fit(ImageTask(model, digits.train, digits.val), replace(CONFIG, lr=1e20))
    assert all(bool(value.isfinite().all()) for value in model.state_dict().values())


def test_the_rate_of_each_epoch_is_that_of_the_schedule(digits: ImageSplit) -> None:
    config = TrainConfig(epochs=3, lr=0.1, schedule="cosine", eval_every=1)
    task, rates = ImageTask(build_image_model("vae", Sizes((1, 8, 8), hidden=4, latent=2)), digits.train), []
    fit(task, config, on_epoch=lambda *_: rates.append(task.optimizers[0].param_groups[0]["lr"]))
    assert rates == [config.lr_at(epoch) for epoch in (1, 2, 3)]


@pytest.mark.parametrize(("images", "size"), [(1, 16), (1257, 16), (4000, 32), (8192, 128), (60_000, 128)])
def test_few_images_make_small_batches(images: int, size: int) -> None:
    assert ImageTask(watch("none", 1), numbered(images)).batch_size == size


def test_rates_of_a_task_s_own_stay_unless_a_schedule_is_asked_for(digits: ImageSplit) -> None:
    task = ImageTask(build_image_model("vae", Sizes((1, 8, 8), hidden=4, latent=2)), digits.train)
    task.start(CONFIG)
    task.optimizers[0].param_groups[0]["lr"] = 0.5
    task.start = lambda config: None  # type: ignore[method-assign]
    fit(task, CONFIG)
    assert task.optimizers[0].param_groups[0]["lr"] == 0.5
