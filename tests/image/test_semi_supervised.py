from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gvae.config import TrainConfig
from gvae.errors import InputError
from gvae.image.images import Images, ImageSplit
from gvae.image.registry import Sizes, build_image_model
from gvae.image.semi_supervised import CROSS_ENTROPY_WEIGHT, UNLABELLED, SemiSupervisedVAE, hide_labels
from gvae.image.task import ImageTask
from gvae.image.vae import VAE
from gvae.train import fit


def build(hidden: int = 64, latent: int = 8) -> SemiSupervisedVAE:
    model = build_image_model("m2", Sizes((1, 8, 8), hidden=hidden, latent=latent, classes=10))
    assert isinstance(model, SemiSupervisedVAE)
    return model


@pytest.fixture
def model() -> SemiSupervisedVAE:
    return build()


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def certain(model: SemiSupervisedVAE, label: int) -> None:
    """Let q(y | x) be 1 for this class, whatever the image."""
    last = model.classifier.get_submodule("3")
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    last.bias.data[label] = 1000.0


def test_it_classifies_digits_from_ten_labels_a_class(digits: ImageSplit) -> None:
    train, test = digits.train, digits.test
    few = hide_labels(train, 10, generator())
    model = build(hidden=128)
    history = fit(ImageTask(model, few), TrainConfig(epochs=15, lr=0.002, eval_every=1))
    assert history.records[-1].total < 0.7 * history.records[0].total
    assert test.y is not None
    assert (model.classify(test.x) == test.y).float().mean() > 0.8


def test_without_labels_there_is_no_cross_entropy(model: SemiSupervisedVAE, digits: ImageSplit) -> None:
    x, hidden = digits.train.x[:6], torch.full((6,), UNLABELLED)
    loss = model.loss(x, hidden, 1.0, generator())
    assert loss.total.item() == pytest.approx((loss.recon + loss.kl).item())
    assert model.loss(x, None, 1.0, generator()).total.item() == loss.total.item()

    assert digits.train.y is not None
    some = hidden.clone()
    some[2:4] = digits.train.y[2:4]
    loss = model.loss(x, some, 1.0, generator())
    log_q = model.classifier(x).log_softmax(dim=1)
    expected = -(log_q[2, some[2]] + log_q[3, some[3]]) / 6
    weighed = loss.total - loss.recon - loss.kl
    assert weighed.item() == pytest.approx(CROSS_ENTROPY_WEIGHT * expected.item(), rel=1e-4)
    judged = model.eval().loss(x, some, 1.0, generator())
    assert judged.total.item() == pytest.approx((loss.recon + loss.kl).item())


@pytest.mark.parametrize("label", [0, 7])
def test_a_certain_classifier_makes_the_labelled_loss(
    label: int, model: SemiSupervisedVAE, digits: ImageSplit
) -> None:
    certain(model, label)
    x = digits.train.x[:5]
    unlabelled = model.loss(x, None, 1.0, generator())
    labelled = model.loss(x, torch.full((5,), label), 1.0, generator())
    for part in ("total", "recon", "kl"):
        assert getattr(unlabelled, part).item() == pytest.approx(getattr(labelled, part).item(), rel=1e-6)
    unlabelled.total.backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_the_unlabelled_loss_is_the_sum_over_classes(model: SemiSupervisedVAE, digits: ImageSplit) -> None:
    """Each class's bound by the conditional VAE, its draws held at the posterior's mean."""
    x = digits.train.x[:5]
    model.encoder.get_parameter("heads.logstd.bias").data.fill_(-20)  # bounded at -10: draws hardly move
    q = model.classifier(x).softmax(dim=1)
    expected = -torch.special.entr(q).sum(dim=1) + math.log(10)
    for label in range(10):
        y = torch.full((5,), label)
        posterior = VAE.encode(model, x, y)
        recon = -model.likelihood.log_prob(model.output(posterior.mean, y), x)
        expected = expected + q[:, label] * (recon + posterior.kl())
    loss = model.loss(x, None, 1.0, generator())
    assert loss.total.item() == pytest.approx(expected.mean().item(), rel=1e-4)


def test_the_labelled_loss_is_that_of_the_conditional_vae(
    model: SemiSupervisedVAE, digits: ImageSplit
) -> None:
    model.encoder.get_parameter("heads.logstd.bias").data.fill_(-20)
    assert digits.train.y is not None
    x, y = digits.train.x[:5], digits.train.y[:5]
    loss, conditional = model.loss(x, y, 1.0, generator()), VAE.loss(model, x, y, 1.0, generator())
    assert loss.recon.item() == pytest.approx(conditional.recon.item(), rel=1e-4)
    assert loss.kl.item() == pytest.approx(conditional.kl.item() + math.log(10), rel=1e-5)


def test_missing_labels_are_guessed(model: SemiSupervisedVAE, digits: ImageSplit) -> None:
    certain(model, 4)
    x, y = digits.train.x[:3], torch.tensor([1, UNLABELLED, 2])
    assert model.labels(x).tolist() == [4, 4, 4]
    assert model.labels(x, y).tolist() == [1, 4, 2]
    known = torch.tensor([1, 4, 2])
    assert torch.equal(model.encode(x, y).mean, model.encode(x, known).mean)
    assert torch.equal(model.reconstruct(x, y), model.reconstruct(x, known))
    assert model.reconstruct(x).shape == x.shape


def test_samples_are_of_the_asked_class_or_of_any(model: SemiSupervisedVAE) -> None:
    asked = model.sample(4, generator(), torch.tensor([1, 1, 2, 3]))
    assert asked.shape == (4, 1, 8, 8)
    drawn = generator()
    y = torch.randint(10, (4,), generator=drawn)
    assert torch.equal(model.sample(4, generator()), model.decode(model.prior_sample(4, drawn), y))


def test_so_many_labels_a_class_are_kept(digits: ImageSplit) -> None:
    few = hide_labels(digits.train, 10, generator())
    assert few.y is not None
    assert digits.train.y is not None
    kept = few.y != UNLABELLED
    assert few.y[kept].bincount().tolist() == [10] * 10
    assert torch.equal(few.y[kept], digits.train.y[kept])
    assert few.classes == 10
    assert torch.equal(few.x, digits.train.x)
    again, other = (
        hide_labels(digits.train, 10, generator()),
        hide_labels(digits.train, 10, generator().manual_seed(4)),
    )
    assert again.y is not None
    assert other.y is not None
    assert torch.equal(few.y, again.y)
    assert not torch.equal(few.y, other.y)
    assert hide_labels(few, 10, generator()).y is not None  # what is hidden already stays so


def test_what_cannot_be_hidden(digits: ImageSplit) -> None:
    with pytest.raises(InputError, match="these images have none"):
        hide_labels(Images(digits.train.x), 10, generator())
    with pytest.raises(InputError, match=r"class 0 has 1\d\d images, fewer than 179 labels"):
        hide_labels(digits.train, 179, generator())
    with pytest.raises(InputError, match="labelled_per_class must be an integer >= 1, got 0"):
        hide_labels(digits.train, 0, generator())


def test_labels_that_are_no_class(model: SemiSupervisedVAE, digits: ImageSplit) -> None:
    with pytest.raises(InputError, match=r"labels must lie in 0\.\.9, got 3\.\.10"):
        model.loss(digits.train.x[:2], torch.tensor([3, 10]), 1.0, generator())
    with pytest.raises(InputError, match="the semi-supervised VAE needs labels"):
        build_image_model("m2", Sizes((1, 8, 8)))
