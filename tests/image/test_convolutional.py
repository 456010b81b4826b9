from __future__ import annotations

import pytest
import torch
from torch import nn

from gvae.config import TrainConfig
from gvae.image.convolutional import conv_decoder, conv_encoder
from gvae.image.images import ImageSplit
from gvae.image.registry import Sizes, build_image_model
from gvae.image.task import ImageTask
from gvae.train import fit


@pytest.mark.parametrize(
    ("shape", "smallest"),
    [
        ((1, 8, 8), (16, 4, 4)),
        ((1, 28, 28), (32, 4, 4)),
        ((3, 64, 64), (32, 4, 4)),
        ((3, 9, 30), (32, 2, 4)),  # 9, 5, 3, 2 and 30, 15, 8, 4
        ((2, 1, 1), (16, 1, 1)),
        ((1, 7, 5), (16, 4, 3)),
    ],
)
def test_every_size_comes_back_exactly(shape: tuple[int, int, int], smallest: tuple[int, int, int]) -> None:
    encoder, decoder = conv_encoder(shape, 10, {"mu": 3, "logstd": 2}), conv_decoder(shape, 10, 3)
    assert [nn.Unflatten(1, smallest).unflattened_size] == [
        layer.unflattened_size for layer in decoder.modules() if isinstance(layer, nn.Unflatten)
    ]
    mu, logstd = encoder(torch.rand(2, *shape))
    assert (mu.shape, logstd.shape) == ((2, 3), (2, 2))
    assert decoder(mu).shape == (2, *shape)


def test_every_pixel_reaches_the_code_and_is_reached_by_it() -> None:
    shape = (1, 9, 6)
    x = torch.rand(1, *shape).requires_grad_()
    (mu,) = conv_encoder(shape, 10, {"mu": 3})(x)
    (by_x,) = torch.autograd.grad(mu.sum(), x)
    assert bool((by_x != 0).all())
    decoder = conv_decoder(shape, 10, 3)
    zero, other = decoder(torch.zeros(1, 3)), decoder(torch.full((1, 3), 3.0))
    assert bool((zero != other).all())


def test_it_learns_digits(digits: ImageSplit) -> None:
    model = build_image_model("conv", Sizes((1, 8, 8), hidden=32, latent=4))
    history = fit(ImageTask(model, digits.train), TrainConfig(epochs=3, lr=1e-3, eval_every=1))
    first, second, third = (record.total for record in history.records)
    assert first > second > third
