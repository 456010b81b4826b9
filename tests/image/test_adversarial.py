from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from gvae.errors import InputError
from gvae.image.adversarial import GAN, VAEGAN, Adversarial
from gvae.image.registry import Sizes, build_image_model

SHAPE = (1, 5, 3)


def build(name: str) -> Adversarial:
    model = build_image_model(name, Sizes(SHAPE, hidden=16, latent=4))
    assert isinstance(model, Adversarial)
    return model


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x() -> Tensor:
    return torch.rand(6, *SHAPE, generator=seeded(5))


@pytest.mark.parametrize("name", ["gan", "vae-gan"])
def test_shapes_and_draws(name: str, x: Tensor) -> None:
    model = build(name)
    images = model.sample(7, seeded())
    assert images.shape == (7, *SHAPE)
    assert 0 <= images.min() < images.max() <= 1
    assert torch.equal(images, model.sample(7, seeded()))
    assert any(key.startswith("discriminator.") for key in model.state_dict())


def test_a_gan_has_no_encoder(x: Tensor) -> None:
    model = build("gan")
    for ask in (model.encode, model.reconstruct):
        with pytest.raises(InputError, match=r"a GAN has no encoder: .* needs one"):
            ask(x)


def test_a_vae_gan_has_one(x: Tensor) -> None:
    model = build("vae-gan")
    assert model.encode(x).mean.shape == (6, 4)
    assert model.reconstruct(x).shape == x.shape


def constant_discriminator(model: Adversarial, logit: float) -> None:
    head = model.discriminator.heads["real"]
    assert isinstance(head, nn.Linear)
    head.weight.data.zero_()
    head.bias.data.fill_(logit)


@pytest.mark.parametrize(("logit", "real"), [(0.0, 0.5), (math.log(3), 0.75)])
@pytest.mark.parametrize("name", ["gan", "vae-gan"])
def test_the_game_by_hand(name: str, logit: float, real: float, x: Tensor) -> None:
    """D says for every image that it is real with the same probability."""
    model = build(name)
    constant_discriminator(model, logit)
    expected = -math.log(real) - math.log(1 - real)
    assert model.discriminator_loss(x, seeded()).item() == pytest.approx(expected, rel=1e-5)
    loss = model.loss(x, None, 2.0, seeded())
    fooling = loss.total - (0 if name == "gan" else loss.recon + 2 * loss.kl)
    assert fooling.item() == pytest.approx(-math.log(real), rel=1e-4)


@pytest.mark.parametrize("name", ["gan", "vae-gan"])
def test_the_discriminators_loss_has_gradients_for_it_alone(name: str, x: Tensor) -> None:
    model = build(name)
    model.discriminator_loss(x, seeded()).backward()  # type: ignore[no-untyped-call]
    for key, weight in model.named_parameters():
        assert (weight.grad is not None) == key.startswith("discriminator."), key


def test_a_gan_reports_no_kl(x: Tensor) -> None:
    loss = build("gan").loss(x, None, 1.0, seeded())
    assert (loss.recon.item(), loss.kl.item()) == (loss.total.item(), 0)


def test_the_reconstruction_is_measured_in_features(x: Tensor) -> None:
    model = build("vae-gan")
    assert isinstance(model, VAEGAN)
    loss = model.loss(x, None, 1.0, seeded())
    z = model.encode(x).sample(seeded())
    first, second = model.discriminator.body(model.decode(z)), model.discriminator.body(x)
    assert first.shape == (6, 16)
    assert loss.recon.item() == pytest.approx(0.5 * (first - second).square().sum().item() / 6, rel=1e-5)
    assert loss.kl.item() == pytest.approx(model.encode(x).kl().mean().item())


def test_the_encoder_does_not_learn_to_fool(x: Tensor) -> None:
    model = build("vae-gan")
    assert isinstance(model, VAEGAN)
    loss, weights = model.loss(x, None, 0.7, seeded()), [*model.encoder.parameters()]
    all_of_it = torch.autograd.grad(loss.total, weights, retain_graph=True)
    without = torch.autograd.grad(loss.recon + 0.7 * loss.kl, weights)
    for one, other in zip(all_of_it, without, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_the_discriminator_sees_reconstructions_and_draws(x: Tensor) -> None:
    gan, vae_gan = build("gan"), build("vae-gan")
    assert isinstance(gan, GAN)
    assert torch.equal(gan.imitate(x, seeded()), gan.sample(6, seeded()))
    generator = seeded()
    z = vae_gan.encode(x).sample(generator)
    imitations = vae_gan.imitate(x, seeded())
    assert torch.allclose(imitations[:6], vae_gan.decode(z), atol=1e-6)
    assert torch.allclose(imitations[6:], vae_gan.sample(6, generator), atol=1e-6)
