from __future__ import annotations

import pytest
import torch
from torch import nn

from gvae.image.networks import Decoder, Encoder, joined, mlp, mlp_decoder, mlp_encoder


def test_heads_come_in_their_order_from_one_body() -> None:
    encoder = Encoder(nn.Flatten(), 4, {"mu": 2, "logstd": 3})
    x = torch.ones(5, 1, 2, 2)
    mu, logstd = encoder(x)
    assert torch.equal(mu, encoder.heads["mu"](x.flatten(1)))
    assert logstd.shape == (5, 3)


def test_a_decoder_gives_images() -> None:
    """A body of the code's own numbers: rows of the image one after the other."""
    images = Decoder(nn.Identity(), (2, 1, 3))(torch.arange(12.0).view(2, 6))
    assert images.tolist() == [[[[0, 1, 2]], [[3, 4, 5]]], [[[6, 7, 8]], [[9, 10, 11]]]]


def test_rows_are_joined_with_classes() -> None:
    x, classes = torch.arange(4.0).view(1, 1, 2, 2), torch.tensor([[0.0, 1.0]])
    assert joined(x, classes).tolist() == [[0, 1, 2, 3, 0, 1]]
    assert joined(x, None) is x


def test_an_mlp_ends_linearly() -> None:
    assert [type(layer) for layer in mlp((4, 3, 2))] == [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]
    assert mlp((4, 3, 2))(torch.ones(5, 1, 2, 2)).shape == (5, 2)


@pytest.mark.parametrize("classes", [0, 3])
def test_the_perceptrons_have_one_hidden_layer(classes: int) -> None:
    shape = (3, 2, 5)
    encoder, decoder = mlp_encoder(shape, 7, {"mu": 2}, classes), mlp_decoder(shape, 7, 2, classes)
    assert sum(weight.numel() for weight in encoder.parameters()) == (30 + classes + 1) * 7 + (7 + 1) * 2
    assert sum(weight.numel() for weight in decoder.parameters()) == (2 + classes + 1) * 7 + (7 + 1) * 30
    (mu,) = encoder(torch.ones(4, 30 + classes))
    assert mu.shape == (4, 2)
    assert decoder(torch.ones(4, 2 + classes)).shape == (4, *shape)
    hidden = encoder.body(torch.randn(4, 30 + classes, generator=torch.Generator().manual_seed(0)))
    assert hidden.min().item() == 0  # ReLU, also before the heads
