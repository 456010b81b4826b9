from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gvae.config import TrainConfig
from gvae.errors import InputError
from gvae.image.images import ImageSplit
from gvae.image.model import ImageModel
from gvae.image.registry import Sizes, build_image_model, task_for
from gvae.image.repairs import denoise, inpaint, super_resolve
from gvae.train import fit


@pytest.fixture(scope="module")
def model(digits: ImageSplit) -> ImageModel:
    model = build_image_model("vae", Sizes(digits.train.shape, hidden=128, latent=10))
    fit(task_for(model, digits.train, batch_size=128), TrainConfig(epochs=30, lr=0.003))
    return model


def error(found: Tensor, x: Tensor) -> float:
    return float((found - x).square().mean())


def test_denoising_takes_noise_away(
    model: ImageModel, digits: ImageSplit, generator: torch.Generator
) -> None:
    x = digits.test.x
    noisy, restored = denoise(model, x, 0.3, generator=generator)
    assert 0 <= float(noisy.min()) <= float(noisy.max()) <= 1
    assert error(restored, x) < error(noisy, x)
    same, _ = denoise(model, x, 0, generator=generator)
    assert torch.equal(same, x)


def test_inpainting_keeps_what_is_known_and_fills_in_the_rest(model: ImageModel, digits: ImageSplit) -> None:
    x, mask = digits.test.x, torch.zeros(8, 8, dtype=torch.bool)
    mask[4:] = True
    holes = x.masked_fill(mask, torch.nan)  # what is unknown is not looked at
    found = inpaint(model, holes, mask)
    assert torch.equal(found[..., :4, :], x[..., :4, :])
    grey = torch.where(mask, 0.5, x)
    assert error(found, x) < error(grey, x) / 2
    once = torch.where(mask, model.reconstruct(grey), x)
    torch.testing.assert_close(inpaint(model, x, mask, steps=1), once)


def test_super_resolution_starts_from_means_of_four_pixels(model: ImageModel, digits: ImageSplit) -> None:
    x = digits.test.x
    small, restored = super_resolve(model, x)
    assert small.shape == (360, 1, 4, 4)
    torch.testing.assert_close(small[:, :, 1, 2], x[:, :, 2:4, 4:6].mean(dim=(2, 3)))
    assert restored.shape == x.shape
    blurred = torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear")
    assert error(restored, x) < error(blurred, x)


@pytest.mark.parametrize("name", ["ae", "vq", "full-covariance", "vae-gan"])
def test_every_model_with_an_encoder_repairs(name: str, generator: torch.Generator) -> None:
    model = build_image_model(name, Sizes((1, 4, 6), hidden=8, latent=4, components=8)).train()
    x, mask = torch.rand(3, 1, 4, 6, generator=generator), torch.ones(4, 6, dtype=torch.bool)
    for found in (
        denoise(model, x, generator=generator)[1],
        inpaint(model, x, mask, steps=2),
        super_resolve(model, x)[1],
    ):
        assert found.shape == x.shape
        assert not found.requires_grad
    assert model.training


def test_a_conditional_model_is_told_the_class(generator: torch.Generator) -> None:
    model = build_image_model("cvae", Sizes((1, 4, 4), hidden=8, latent=2, classes=3))
    x, mask, y = torch.rand(2, 1, 4, 4, generator=generator), torch.ones(4, 4).bool(), torch.tensor([0, 2])
    assert not torch.equal(inpaint(model, x, mask, y=y), inpaint(model, x, mask, y=y.flip(0)))
    with pytest.raises(InputError, match="needs labels, got none"):
        inpaint(model, x, mask)


def test_what_cannot_be_repaired_is_refused(model: ImageModel, generator: torch.Generator) -> None:
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(InputError, match=r"mask must be bool of shape \(8, 8\), got torch.bool of \(7, 8\)"):
        inpaint(model, x, torch.ones(7, 8, dtype=torch.bool))
    with pytest.raises(InputError, match=r"got torch\.float32"):
        inpaint(model, x, torch.ones(8, 8))
    with pytest.raises(InputError, match="steps must be an integer >= 1, got 0"):
        inpaint(model, x, torch.ones(8, 8, dtype=torch.bool), steps=0)
    with pytest.raises(InputError, match="noise must be a number >= 0, got -1"):
        denoise(model, x, -1, generator=generator)
    odd = build_image_model("vae", Sizes((1, 8, 7), hidden=4, latent=2))
    with pytest.raises(InputError, match="height and width must be even, to be halved, got 8 x 7"):
        super_resolve(odd, torch.zeros(1, 1, 8, 7))
    gan = build_image_model("gan", Sizes((1, 8, 8), hidden=4, latent=2))
    with pytest.raises(InputError, match="a GAN has no encoder"):
        super_resolve(gan, x)
