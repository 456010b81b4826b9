from __future__ import annotations

import pytest
import torch

from gvae.errors import InputError
from gvae.image import passes
from gvae.image.images import Images
from gvae.image.passes import codes, decoded, drawn, evaluation_mode, reconstructions
from gvae.image.registry import Sizes, build_image_model

SIZES = Sizes((1, 4, 4), hidden=8, latent=2)


@pytest.mark.parametrize("training", [True, False])
def test_a_model_has_its_own_mode_back(training: bool) -> None:
    model = build_image_model("vae", SIZES).train(training)
    with evaluation_mode(model) as device:
        assert not model.training
        assert not torch.is_grad_enabled()
        assert device == torch.device("cpu")
    assert model.training is training
    assert torch.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), evaluation_mode(model):
        raise ZeroDivisionError
    assert model.training is training


def test_batches_join_to_the_whole(generator: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_image_model("cvae", Sizes((1, 4, 4), hidden=8, latent=2, classes=3))
    images = Images(torch.rand(7, 1, 4, 4, generator=generator), torch.arange(7) % 3)
    whole = codes(model, images), reconstructions(model, images)
    monkeypatch.setattr(passes, "PIXELS_AT_ONCE", 16 * 3)
    parts = codes(model, images), reconstructions(model, images)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(decoded(model, whole[0], images.y), whole[1])
    assert not any(each.requires_grad for each in parts)
    assert drawn(model, 7, generator, images.y).shape == (7, 1, 4, 4)


def test_images_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"images \(1, 4, 4\), got \(1, 5, 4\)"):
        codes(build_image_model("vae", SIZES), Images(torch.zeros(2, 1, 5, 4)))
