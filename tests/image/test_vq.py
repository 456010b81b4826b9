from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from gvae.config import TrainConfig
from gvae.image.images import ImageSplit
from gvae.image.networks import Decoder, Encoder
from gvae.image.registry import Sizes, build_image_model
from gvae.image.task import ImageTask
from gvae.image.vq import COMMITMENT, VQVAE
from gvae.train import fit

SHAPE = (1, 1, 4)


@pytest.fixture
def by_hand() -> VQVAE:
    """Two vectors of two numbers, which are the image; a book of three codes; the logits are the codes."""
    encoder, decoder = Encoder(nn.Flatten(), 4, {"code": 4}), Decoder(nn.Identity(), SHAPE)
    encoder.heads["code"] = nn.Identity()
    model = VQVAE(encoder, decoder, SHAPE, 4, components=3)
    model.book = nn.Parameter(torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 2.0]]))
    return model


def image(*values: float) -> Tensor:
    return torch.tensor(values).view(1, *SHAPE)


def test_the_nearest_code_is_chosen(by_hand: VQVAE, generator: torch.Generator) -> None:
    x = torch.cat([image(0.9, 0.8, 0.1, 1.6), image(0.4, 0.4, 0.6, 0.6)])
    assert by_hand.nearest(x.flatten(1)).tolist() == [[1, 2], [0, 1]]
    assert by_hand.encode(x).mean.tolist() == [[1, 1, 0, 2], [0, 0, 1, 1]]

    book = torch.randn(50, 2, generator=generator)
    by_hand.book = nn.Parameter(book)
    z = torch.randn(40, 4, generator=generator)
    expected = torch.cdist(z.view(-1, 2), book).argmin(dim=1).view(40, 2)
    assert torch.equal(by_hand.nearest(z), expected)


def test_the_loss_and_its_gradients_by_hand(by_hand: VQVAE, generator: torch.Generator) -> None:
    """z = x = (0.9, 0.8, 0.1, 1.6), e = (1, 1, 0, 2): squares 0.01 + 0.04 + 0.01 + 0.16, x e = 4.9."""
    x = image(0.9, 0.8, 0.1, 1.6).requires_grad_()
    loss = by_hand.loss(x, None, 1.0, generator)
    logits = torch.tensor([1.0, 1.0, 0.0, 2.0])
    recon = nn.functional.softplus(logits).sum().item() - 4.9
    assert loss.recon.item() == pytest.approx(recon)
    assert loss.kl.item() == pytest.approx(2 * math.log(3))
    assert loss.total.item() == pytest.approx(recon + (1 + COMMITMENT) * 0.22 + 2 * math.log(3))

    loss.total.backward()  # type: ignore[no-untyped-call]
    difference = torch.tensor([-0.1, -0.2, 0.1, -0.4])  # z - e
    passed = logits.sigmoid() - x.detach().flatten()  # the decoder's gradient, straight through
    as_target = -logits
    assert x.grad is not None
    assert torch.allclose(x.grad.flatten(), passed + as_target + 2 * COMMITMENT * difference)
    assert by_hand.book.grad is not None  # the codes learn from the second term alone
    assert torch.allclose(by_hand.book.grad, -2 * torch.tensor([[0.0, 0.0], [-0.1, -0.2], [0.1, -0.4]]))


def test_encode_gives_the_code_to_the_bit_and_the_gradient_of_z(digits: ImageSplit) -> None:
    model = build(latent=8)
    z = model.encode(digits.train.x[:20]).mean
    assert torch.equal(z, model.look_up(model.nearest(z)))
    z.sum().backward()  # type: ignore[no-untyped-call]
    bias = model.encoder.get_parameter("heads.code.bias").grad
    assert bias is not None
    assert torch.equal(bias, torch.full((8,), 20.0))
    assert model.book.grad is None


def build(latent: int, components: int = 64) -> VQVAE:
    model = build_image_model("vq", Sizes((1, 8, 8), hidden=64, latent=latent, components=components))
    assert isinstance(model, VQVAE)
    return model


@pytest.mark.parametrize(("latent", "numbers"), [(20, 4), (10, 2), (2, 2), (5, 1)])
def test_codes_divide_the_latent_dimensions(latent: int, numbers: int, generator: torch.Generator) -> None:
    model = build(latent)
    assert model.book.shape == (64, numbers)
    z = model.prior_sample(30, generator)
    assert z.shape == (30, latent)
    assert torch.equal(z, model.look_up(model.nearest(z)))
    assert model.sample(3, generator).shape == (3, 1, 8, 8)


def test_training_lowers_the_loss_and_uses_many_codes(digits: ImageSplit) -> None:
    model, x = build(latent=16), digits.test.x
    history = fit(ImageTask(model, digits.train), TrainConfig(epochs=30, lr=0.005, eval_every=1))
    assert history.records[-1].recon < 0.75 * history.records[0].recon
    codes = model.nearest(model.encode(x).mean)
    assert codes.shape == (len(x), 4)
    shares = codes.flatten().bincount() / codes.numel()
    perplexity = torch.special.entr(shares).sum().exp().item()
    assert perplexity > 10
    assert (model.reconstruct(x) - x).square().mean() < 0.6 * (digits.train.x.mean(dim=0) - x).square().mean()
