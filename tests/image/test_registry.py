from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from gvae import catalog
from gvae.errors import InputError, UnknownNameError
from gvae.image.likelihoods import LIKELIHOODS
from gvae.image.networks import ACTIVATIONS, Decoder, Encoder
from gvae.image.registry import BUILDERS, Sizes, build_image_model

SIZES = Sizes((1, 4, 4), hidden=8, latent=4, classes=3, components=5, samples=2)


def test_the_catalogue_describes_what_there_is() -> None:
    assert list(catalog.IMAGE_MODELS) == list(BUILDERS)
    assert list(catalog.LIKELIHOODS) == list(LIKELIHOODS)
    assert list(catalog.ACTIVATIONS) == list(ACTIVATIONS)


@pytest.mark.parametrize("name", list(BUILDERS))
def test_a_seed_gives_the_same_weights(name: str) -> None:
    before = torch.get_rng_state()
    one, same, other = (build_image_model(name, SIZES, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert (one.shape, one.latent) == ((1, 4, 4), 4)
    weights = same.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in one.state_dict().items())
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    "name", [name for name in BUILDERS if name not in ("conv", "conv-vamp", "contractive")]
)
def test_every_perceptron_has_the_activation_that_is_asked(name: str) -> None:
    for chosen, other in ((nn.ReLU, nn.SiLU), (nn.SiLU, nn.ReLU)):
        model = build_image_model(name, replace(SIZES, activation=chosen.__name__.lower()))
        kinds = [type(part) for part in model.modules()]
        assert chosen in kinds
        assert other not in kinds
        networks = sum(isinstance(part, Encoder | Decoder) for part in model.children())
        assert kinds.count(chosen) >= networks  # one hidden layer each


def test_what_cannot_be_built() -> None:
    with pytest.raises(UnknownNameError, match="unknown activation 'rely'; did you mean relu"):
        build_image_model("vae", replace(SIZES, activation="rely"))
    with pytest.raises(UnknownNameError, match="unknown image model 'vea'; did you mean vae"):
        build_image_model("vea", SIZES)
    with pytest.raises(UnknownNameError, match="unknown likelihood 'normal'"):
        build_image_model("vae", Sizes((1, 4, 4), likelihood="normal"))
    for size in ("hidden", "latent", "samples", "components"):
        with pytest.raises(InputError, match=f"{size} must be an integer >= 1, got 0"):
            build_image_model("vae", replace(SIZES, **{size: 0}))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="conditional VAE needs labels"):
        build_image_model("cvae", Sizes((1, 4, 4)))
    with pytest.raises(InputError, match="a full covariance needs a latent of at least 2, got 1"):
        build_image_model("full-covariance", Sizes((1, 4, 4), latent=1))
