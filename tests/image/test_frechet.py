from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gvae.errors import InputError
from gvae.image.frechet import FEATURES, Classifier, frechet, frechet_distance, train_classifier
from gvae.image.images import ImageSplit
from gvae.image.passes import codes
from gvae.image.registry import Sizes, build_image_model


def rows(mean: Tensor, covariance: Tensor) -> Tensor:
    """2 D rows that have exactly this mean and this covariance."""
    size = len(mean)
    basis = torch.cat([torch.eye(size), -torch.eye(size)]).double() * ((2 * size - 1) / 2) ** 0.5
    scaled: Tensor = basis @ torch.linalg.cholesky(covariance.double()).t()
    return mean.double() + scaled


def test_one_dimension_by_hand() -> None:
    first = rows(torch.zeros(1), torch.tensor([[1.0]]))
    second = rows(torch.tensor([3.0]), torch.tensor([[4.0]]))
    assert frechet(first, second) == pytest.approx(9 + 1 + 4 - 2 * 2)


def test_several_dimensions_against_the_matrix_square_root() -> None:
    from scipy.linalg import sqrtm

    one = torch.tensor([[2.0, 0.6, 0.0], [0.6, 1.0, 0.3], [0.0, 0.3, 0.5]])
    other = torch.tensor([[1.0, -0.2, 0.1], [-0.2, 3.0, 0.4], [0.1, 0.4, 0.7]])
    mean = torch.tensor([1.0, -2.0, 0.5])
    root = sqrtm((one @ other).double().numpy()).real.trace()
    expected = 1 + 4 + 0.25 + 3.5 + 4.7 - 2 * root
    assert frechet(rows(torch.zeros(3), one), rows(mean, other)) == pytest.approx(expected, rel=1e-6)


def test_equal_rows_have_no_distance_even_where_a_feature_is_constant() -> None:
    features = rows(torch.ones(3), torch.eye(3))
    features[:, 0] = 0
    assert frechet(features, features) == pytest.approx(0, abs=1e-9)


@pytest.fixture(scope="module")
def classifier(digits: ImageSplit) -> Classifier:
    return train_classifier(digits.train)


def test_the_features_tell_digits_apart(digits: ImageSplit, classifier: Classifier) -> None:
    features = codes(classifier, digits.test)
    assert features.shape == (360, FEATURES)
    found = classifier.head(features).argmax(dim=1)
    assert digits.test.y is not None
    assert float((found == digits.test.y).double().mean()) > 0.9


def test_other_digits_are_nearer_than_noise(
    digits: ImageSplit, classifier: Classifier, generator: torch.Generator
) -> None:
    assert digits.val is not None
    real, other = codes(classifier, digits.test), codes(classifier, digits.val)
    noisy = digits.test.x + 0.3 * torch.randn(digits.test.x.shape, generator=generator)
    noise = classifier.encode(noisy).mean.detach()
    assert 0 < frechet(real, other) < frechet(real, noise) / 2


def test_any_model_that_draws_has_a_distance(digits: ImageSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gvae.image.frechet.BATCHES", 20)
    sizes = Sizes(digits.train.shape, hidden=16, latent=4, classes=10)
    few = ImageSplit("few", digits.train.take(slice(200)), digits.val, digits.test)
    vae = build_image_model("vae", sizes)
    assert 0 < frechet_distance(vae, few, 50) == frechet_distance(vae, few, 50)
    assert frechet_distance(build_image_model("cvae", sizes), few, 50) > 0
    with pytest.raises(InputError, match="no prior to sample from"):
        frechet_distance(build_image_model("ae", sizes), few, 50)
    with pytest.raises(InputError, match="number must be an integer >= 2, got 1"):
        frechet_distance(vae, few, 1)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (1, 28, 28)])
def test_a_classifier_takes_any_size(shape: tuple[int, int, int]) -> None:
    assert Classifier(shape, 4).encode(torch.zeros(2, *shape)).mean.shape == (2, FEATURES)
