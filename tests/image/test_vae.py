from __future__ import annotations

import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy

from gvae.config import TrainConfig
from gvae.errors import InputError
from gvae.image.images import ImageSplit
from gvae.image.networks import mlp_decoder, mlp_encoder
from gvae.image.registry import Sizes, build_image_model
from gvae.image.task import ImageTask
from gvae.image.vae import VAE, VampPriorVAE
from gvae.layers import GaussianPosterior
from gvae.train import fit

SIZES = Sizes((1, 8, 8), hidden=32, latent=4, samples=5, components=7)


def vae(name: str = "vae", sizes: Sizes = SIZES) -> VAE:
    model = build_image_model(name, sizes)
    assert isinstance(model, VAE)
    return model


def normal_log_prob(z: Tensor, mean: Tensor | float = 0.0, std: Tensor | float = 1.0) -> Tensor:
    """Summed over the dimensions, by PyTorch, shape ``(n,)``."""
    return Normal(mean, std).log_prob(z).sum(dim=1)  # type: ignore[no-untyped-call, no-any-return]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x() -> Tensor:
    return torch.rand(6, 1, 8, 8, generator=seeded(5))


@pytest.fixture(scope="module")
def trained(digits: ImageSplit) -> VAE:
    model = vae()
    fit(ImageTask(model, digits.train), TrainConfig(epochs=8, lr=1e-3, eval_every=8))
    return model


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_loss_by_torch_distributions(beta: float, x: Tensor) -> None:
    model = vae()
    loss = model.loss(x, None, beta, seeded())
    q = model.encode(x)
    assert isinstance(q, GaussianPosterior)
    output = model.decoder(q.sample(seeded()))
    recon = -binary_cross_entropy(output.sigmoid(), x, reduction="none").sum(dim=(1, 2, 3))
    kl = kl_divergence(
        Independent(Normal(q.mean, q.std), 1), Independent(Normal(torch.zeros(6, 4), torch.ones(6, 4)), 1)
    )
    assert loss.recon.item() == pytest.approx(-recon.mean().item(), rel=1e-5)
    assert loss.kl.item() == pytest.approx(kl.mean().item(), rel=1e-4)
    assert loss.total.item() == pytest.approx((loss.recon + beta * loss.kl).item())


def test_a_weight_by_torch_distributions(x: Tensor) -> None:
    model = vae()
    q = model.encode(x)
    assert isinstance(q, GaussianPosterior)
    z = q.sample(seeded())
    expected = (
        model.likelihood.log_prob(model.output(z), x) + normal_log_prob(z) - normal_log_prob(z, q.mean, q.std)
    )
    assert torch.allclose(model.log_weights(x, None, 1, seeded())[0], expected, atol=1e-4)


def test_iwae_of_one_sample_is_the_vae(digits: ImageSplit) -> None:
    config = TrainConfig(epochs=1, lr=1e-3)
    one = vae("iwae", Sizes((1, 8, 8), hidden=32, latent=4, samples=1))
    other = vae("vae", Sizes((1, 8, 8), hidden=32, latent=4, samples=50))
    histories = [fit(ImageTask(model, digits.train), config) for model in (one, other)]
    assert histories[0].records == histories[1].records
    weights = other.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in one.state_dict().items())


def test_the_importance_weighted_bound_by_hand(x: Tensor) -> None:
    model = vae("iwae")
    loss = model.loss(x, None, 1.0, seeded())
    weights = model.log_weights(x, None, 5, seeded())
    assert loss.total.item() == pytest.approx(-(weights.exp().mean(dim=0).log()).mean().item(), rel=1e-5)
    assert (loss.recon + loss.kl).item() == pytest.approx(-weights.mean().item(), rel=1e-5)


def test_the_gradient_of_a_draw_is_that_of_the_bound_in_the_mean(x: Tensor) -> None:
    """The reference takes all draws back; a step takes one, chosen with its weight."""
    model, weight = vae("iwae"), 0.7

    def gradients(total: Tensor) -> Tensor:
        return torch.cat([part.flatten() for part in torch.autograd.grad(total, list(model.parameters()))])

    bound = model.log_weights(x, None, 5, seeded(), weight).logsumexp(dim=0).mean()
    exact, generator = gradients(-bound), seeded()
    state = generator.get_state()
    total = torch.zeros_like(exact)
    for seed in range(2000):
        generator.set_state(state)
        posterior = model.encode(x)
        with torch.no_grad():
            draws = model._draws(x, None, posterior, 5, generator)
        total += gradients(model._bound(x, None, posterior, draws, weight, seeded(seed + 1)).total)
    assert torch.nn.functional.cosine_similarity(total, exact, dim=0) > 0.999
    assert (total / 2000).norm() == pytest.approx(exact.norm().item(), rel=0.02)


def test_beta_weighs_the_ratio_of_prior_and_posterior(x: Tensor) -> None:
    model = vae("iwae")
    without, half, whole = (model.log_weights(x, None, 5, seeded(), beta) for beta in (0.0, 0.5, 1.0))
    assert torch.allclose(half, (without + whole) / 2, atol=1e-4)
    posterior = model.encode(x)
    assert isinstance(posterior, GaussianPosterior)
    z = posterior.repeat(5).sample(seeded())
    assert torch.allclose(without.flatten(), model.likelihood.log_prob(model.output(z), x.repeat(5, 1, 1, 1)))
    bound = half.logsumexp(dim=0) - math.log(5)
    assert model.loss(x, None, 0.5, seeded()).total.item() == pytest.approx(-bound.mean().item(), rel=1e-5)


def test_more_samples_tighten_the_bound(trained: VAE, digits: ImageSplit) -> None:
    elbo = -trained.loss(digits.test.x, None, 1.0, seeded()).total.item()
    weights = trained.log_weights(digits.test.x, None, 50, seeded(1)).detach()  # (50, n)
    means = [(weights[:k].logsumexp(dim=0) - math.log(k)).mean().item() for k in (1, 5, 50)]
    assert means[0] == pytest.approx(elbo, abs=0.3)  # whose KL is in closed form
    assert elbo < means[1] < means[2]


def test_the_elbo_rises_in_training(digits: ImageSplit) -> None:
    model = vae()
    records = fit(
        ImageTask(model, digits.train, digits.val), TrainConfig(epochs=10, lr=1e-3, eval_every=1)
    ).records
    totals, figures = [record.total for record in records], [record.val or 0 for record in records]
    assert totals == sorted(totals, reverse=True)
    assert figures == sorted(figures)
    assert figures[-1] > figures[0] + 5


@pytest.mark.parametrize("name", ["vae", "full-covariance", "iwae", "vamp"])
def test_shapes_and_draws(name: str, x: Tensor) -> None:
    model = vae(name)
    assert model.encode(x).mean.shape == (6, 4)
    assert model.reconstruct(x).shape == x.shape
    images = model.sample(3, seeded())
    assert images.shape == (3, 1, 8, 8)
    assert 0 <= images.min() <= images.max() <= 1
    assert torch.equal(images, model.sample(3, seeded()))
    assert not images.requires_grad


def test_images_that_do_not_fit(x: Tensor) -> None:
    with pytest.raises(InputError, match=r"one of images \(1, 8, 8\), got \(1, 4, 16\)"):
        vae().check(x.view(6, 1, 4, 16))
    with pytest.raises(InputError, match="take likelihood='gaussian'"):
        vae().check(x * 16)
    vae(sizes=Sizes((1, 8, 8), likelihood="gaussian")).check(x * 16)


def test_a_conditional_model_draws_the_class_that_is_asked(digits: ImageSplit) -> None:
    model = vae("cvae", Sizes((1, 8, 8), hidden=200, latent=4, classes=10))
    fit(ImageTask(model, digits.train, batch_size=64), TrainConfig(epochs=40, lr=2e-3, eval_every=40))
    assert digits.train.y is not None
    judge = LogisticRegression(max_iter=2000).fit(digits.train.x.flatten(1).numpy(), digits.train.y.numpy())
    asked = torch.arange(10).repeat_interleave(50)
    drawn = model.sample(500, seeded(), asked)
    assert judge.score(drawn.flatten(1).numpy(), asked.numpy()) >= 0.9
    assert drawn[:50].std(dim=0).max() > 0.05  # and not one image a class


def test_a_conditional_model_needs_its_labels(x: Tensor) -> None:
    model = vae("cvae", Sizes((1, 8, 8), hidden=8, latent=2, classes=3))
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    assert model.log_weights(x, y, 4, seeded()).shape == (4, 6)
    assert not torch.equal(model.encode(x, y).mean, model.encode(x, y.flip(0)).mean)
    with pytest.raises(InputError, match="a model of 3 classes needs labels, got none"):
        model.encode(x)
    with pytest.raises(InputError, match=r"labels must lie in 0\.\.2, got 1\.\.6"):
        model.decode(torch.zeros(6, 2), y + torch.tensor([1, 1, 4, 1, 1, 1]))


def test_the_vamp_prior_is_a_mixture_of_posteriors(x: Tensor) -> None:
    model = vae("vamp")
    assert isinstance(model, VampPriorVAE)
    z = torch.randn(6, 4, generator=seeded())
    density = torch.zeros(6)
    for pseudo_input in model.pseudo_inputs:
        q = model.encode(pseudo_input.clamp(0, 1).unsqueeze(0))
        assert isinstance(q, GaussianPosterior)
        density += normal_log_prob(z, q.mean, q.std).exp() / 7
    assert torch.allclose(model.prior_log_prob(z), density.log(), atol=1e-4)
    posterior = model.encode(x)
    assert torch.equal(model.kl(posterior, z), posterior.log_prob(z) - model.prior_log_prob(z))


def test_a_vamp_prior_of_standard_components_is_the_standard_normal() -> None:
    encoder = mlp_encoder((1, 8, 8), 16, GaussianPosterior.heads(4))
    for weight in encoder.heads.parameters():
        weight.data.zero_()
    parts = encoder, mlp_decoder((1, 8, 8), 16, 4), (1, 8, 8), 4
    vamp, plain = VampPriorVAE(*parts, components=9), VAE(*parts)
    z = torch.randn(20, 4, generator=seeded())
    assert torch.allclose(vamp.prior_log_prob(z), plain.prior_log_prob(z), atol=1e-5)
    assert torch.allclose(plain.prior_log_prob(z), normal_log_prob(z), atol=1e-5)


def test_the_vamp_prior_learns_its_pseudo_inputs(digits: ImageSplit) -> None:
    model = vae("vamp")
    assert isinstance(model, VampPriorVAE)
    before = model.pseudo_inputs.detach().clone()
    fit(ImageTask(model, digits.train), TrainConfig(epochs=1, lr=1e-3))
    assert bool((model.pseudo_inputs != before).flatten(1).any(dim=1).all())
    assert model.prior_sample(5, seeded()).shape == (5, 4)
