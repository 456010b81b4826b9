from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from gvae.config import TrainConfig
from gvae.errors import InputError
from gvae.image.autoencoders import (
    MASKED_SHARE,
    SPARSITY_RATE,
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    tied_decoder,
)
from gvae.image.images import ImageSplit
from gvae.image.networks import Decoder, Encoder, mlp_encoder
from gvae.image.registry import Sizes, build_image_model
from gvae.image.task import ImageTask
from gvae.train import fit

SIZES = Sizes((1, 8, 8), hidden=32, latent=8)
NAMES = ("ae", "tied", "sparse", "contractive", "denoising")


def build(name: str, sizes: Sizes = SIZES) -> Autoencoder:
    model = build_image_model(name, sizes)
    assert isinstance(model, Autoencoder)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_training_lowers_the_loss_and_images_keep_their_shape(name: str, digits: ImageSplit) -> None:
    model, x = build(name), digits.test.x
    history = fit(ImageTask(model, digits.train, digits.val), TrainConfig(epochs=40, lr=0.01, eval_every=1))
    first, last = history.records[0], history.records[-1]
    assert last.recon < 0.75 * first.recon
    assert last.val is not None
    assert first.val is not None
    assert last.val > first.val
    restored = model.reconstruct(x)
    assert restored.shape == x.shape
    assert (restored - x).square().mean() < 0.75 * (digits.train.x.mean(dim=0) - x).square().mean()


@pytest.mark.parametrize("name", NAMES)
def test_the_gaussian_likelihood_learns_its_variance(name: str, digits: ImageSplit) -> None:
    model = build(name, replace(SIZES, likelihood="gaussian"))
    fit(ImageTask(model, digits.train.take(slice(200))), TrainConfig(epochs=3, lr=0.01))
    assert model.get_parameter("likelihood.logstd").item() < 0


def test_the_plain_loss_is_the_cross_entropy_by_hand(generator: torch.Generator) -> None:
    """One pixel; z = 2 x, logit = z - 1; x = 1 gives log(1 + e^-1), x = 0 log(1 + e^-1)."""
    encoder, decoder = Encoder(nn.Flatten(), 1, {"code": 1}), Decoder(nn.Linear(1, 1), (1, 1, 1))
    model = Autoencoder(encoder, decoder, (1, 1, 1), 1)
    for name, value in zip(model.state_dict(), (2.0, 0.0, 1.0, -1.0), strict=True):
        model.get_parameter(name).data.fill_(value)
    loss = model.loss(torch.tensor([0.0, 1.0]).view(2, 1, 1, 1), None, 1.0, generator)
    assert loss.total.item() == pytest.approx(math.log1p(math.exp(-1)))
    assert (loss.recon, loss.kl.item()) == (loss.total, 0)


@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_prior_to_sample_from(name: str, generator: torch.Generator) -> None:
    with pytest.raises(InputError, match="an autoencoder has no prior to sample from; train a VAE"):
        build(name).sample(3, generator)


def test_tied_weights_are_the_encoders_transposed(digits: ImageSplit) -> None:
    model = build("tied")
    fit(ImageTask(model, digits.train.take(slice(200))), TrainConfig(epochs=2))
    weights = model.state_dict()
    assert [name for name in weights if name.startswith("decoder") and "bias" not in name] == []
    first, last = weights["encoder.body.0.1.weight"], weights["encoder.heads.code.weight"]
    assert weights["decoder.body.2.bias"].abs().max() > 0
    z = model.encode(digits.train.x[:5]).mean
    hidden = torch.relu(z @ last + weights["decoder.body.0.bias"])
    expected = (hidden @ first + weights["decoder.body.2.bias"]).view(5, 1, 8, 8)
    assert torch.allclose(model.output(z), expected, atol=1e-6)


def test_tied_weights_stay_tied_in_a_copy_and_in_a_file(digits: ImageSplit, tmp_path: Path) -> None:
    model = build("tied")
    twin = copy.deepcopy(model)
    for weight in twin.encoder.parameters():
        weight.data.zero_()
    assert not twin.output(twin.encode(digits.train.x[:2]).mean).any()
    assert model.output(model.encode(digits.train.x[:2]).mean).any()

    save_file(model.state_dict(), tmp_path / "weights")
    other = build_image_model("tied", SIZES, seed=1)
    other.load_state_dict(load_file(tmp_path / "weights"))
    assert torch.equal(other.reconstruct(digits.train.x[:5]), model.reconstruct(digits.train.x[:5]))


def test_a_tied_decoder_gets_the_gradient_of_both_ends() -> None:
    encoder = mlp_encoder((1, 2, 2), 3, {"code": 2})
    tied_decoder(encoder, (1, 2, 2))(torch.ones(1, 2)).sum().backward()
    assert encoder.get_parameter("heads.code.weight").grad is not None


def sparse() -> SparseAutoencoder:
    model = build("sparse")
    assert isinstance(model, SparseAutoencoder)
    return model


def test_the_sparse_penalty_by_hand() -> None:
    """Two units, mean activations 1/2 and the rate itself."""
    z = torch.tensor([[0.25, SPARSITY_RATE], [0.75, SPARSITY_RATE]])
    rate = SPARSITY_RATE
    expected = rate * math.log(rate / 0.5) + (1 - rate) * math.log((1 - rate) / 0.5)
    assert sparse().penalty(z).item() == pytest.approx(expected, rel=1e-5)


def test_the_sparse_penalty_of_a_saturated_unit_is_finite_with_a_gradient_that_is() -> None:
    z = torch.tensor([[0.0, 1.0]], requires_grad=True)
    penalty = sparse().penalty(z)
    penalty.backward()  # type: ignore[no-untyped-call]
    assert penalty.isfinite()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert z.grad[0, 0] < 0 < z.grad[0, 1]


def test_beta_weighs_the_sparse_penalty(digits: ImageSplit) -> None:
    images = digits.train.take(slice(500))
    rates = []
    for beta in (0.0, 10.0):
        model = sparse()
        config = TrainConfig(epochs=30, lr=0.01, beta=beta, eval_every=30)
        record = fit(ImageTask(model, images), config).records[-1]
        assert record.total == pytest.approx(record.recon + beta * record.kl, rel=1e-5)
        rates.append(model.encode(images.x).mean.mean().item())
    assert rates[1] == pytest.approx(SPARSITY_RATE, abs=0.05)
    assert rates[0] > 0.3


def test_the_contractive_penalty_equals_autograds_jacobian(digits: ImageSplit) -> None:
    model, x = build("contractive"), digits.train.x[:4]
    assert isinstance(model, ContractiveAutoencoder)
    norms = [
        torch.autograd.functional.jacobian(lambda one: model.encode(one).mean, image.unsqueeze(0)).square()  # type: ignore[no-untyped-call]
        for image in x
    ]
    expected = torch.stack(norms).sum() / len(x)
    assert model.penalty(model.encode(x).mean).item() == pytest.approx(expected.item(), rel=1e-5)


def test_contraction_makes_the_code_less_sensitive(digits: ImageSplit) -> None:
    images = digits.train.take(slice(500))
    penalties = [
        fit(ImageTask(build("contractive"), images), TrainConfig(epochs=10, lr=0.005, beta=beta))
        .records[-1]
        .kl
        for beta in (0.0, 10.0)
    ]
    assert penalties[1] < 0.5 * penalties[0]


def denoising() -> DenoisingAutoencoder:
    model = build("denoising")
    assert isinstance(model, DenoisingAutoencoder)
    return model


def test_denoising_masks_in_training_alone(digits: ImageSplit, generator: torch.Generator) -> None:
    model, x = denoising(), digits.train.x + 0.5
    seen = model.seen(x, generator)
    masked = seen != x
    assert not seen[masked].any()
    assert masked.float().mean().item() == pytest.approx(MASKED_SHARE, abs=0.01)
    assert torch.equal(model.eval().seen(x, generator), x)


def test_denoising_is_judged_by_the_clean_image(digits: ImageSplit) -> None:
    model, x = denoising(), digits.train.x[:50]
    loss = model.loss(x, None, 1.0, torch.Generator().manual_seed(1))
    masked = model.seen(x, torch.Generator().manual_seed(1))
    expected = -model.likelihood.log_prob(model.output(model.encode(masked).mean), x).mean()
    assert loss.total.item() == pytest.approx(expected.item())
    other = model.loss(x, None, 1.0, torch.Generator().manual_seed(2))
    assert other.total.item() != loss.total.item()


def test_images_without_a_likelihood_are_refused(digits: ImageSplit) -> None:
    with pytest.raises(InputError, match=r"needs values in \[0, 1\], got 0\.\.2"):
        build("ae").check(2 * digits.train.x)
    build("ae", replace(SIZES, likelihood="gaussian")).check(2 * digits.train.x)
