from __future__ import annotations

import pytest
import torch
from sklearn.metrics import auc

from gvae.config import TrainConfig
from gvae.errors import InputError
from gvae.image.anomalies import anomaly_auc, anomaly_scores, roc
from gvae.image.bounds import negative_elbo
from gvae.image.images import Images, ImageSplit
from gvae.image.registry import Sizes, build_image_model, task_for
from gvae.train import fit


def test_roc_by_hand() -> None:
    scores, truth = torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([False, False, True, True])
    false_positives, true_positives = roc(scores, truth)
    assert false_positives.tolist() == [0, 0, 0.5, 0.5, 1]
    assert true_positives.tolist() == [0, 0.5, 0.5, 1, 1]
    assert anomaly_auc(scores, truth) == 0.75
    assert auc(false_positives, true_positives) == pytest.approx(0.75)
    assert anomaly_auc([1, 2, 2], [0, 0, 1]) == 0.75  # a tie counts half


@pytest.mark.parametrize("name", ["vae", "ae"])
def test_noise_is_stranger_than_digits(name: str, digits: ImageSplit, generator: torch.Generator) -> None:
    model = build_image_model(name, Sizes(digits.train.shape, hidden=64, latent=8))
    fit(task_for(model, digits.train), TrainConfig(epochs=10, lr=0.003))
    shuffled = digits.test.x.flatten(1)[:, torch.randperm(64, generator=generator)].view_as(digits.test.x)
    scores = anomaly_scores(model, torch.cat([digits.test.x, shuffled]))
    assert anomaly_auc(scores, torch.arange(720) >= 360) > 0.95


def test_scores_are_the_negative_elbo_or_the_squared_error(generator: torch.Generator) -> None:
    x = torch.rand(5, 1, 4, 4, generator=generator)
    vae = build_image_model("vae", Sizes((1, 4, 4), hidden=8, latent=2))
    scores = anomaly_scores(vae, x, seed=3)
    assert float(scores.mean()) == pytest.approx(sum(negative_elbo(vae, Images(x), seed=3)), rel=1e-5)
    autoencoder = build_image_model("ae", Sizes((1, 4, 4), hidden=8, latent=2)).eval()
    expected = (autoencoder.reconstruct(x) - x).square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(anomaly_scores(autoencoder, x), expected)


def test_a_gan_scores_nothing() -> None:
    with pytest.raises(InputError, match="a GAN has no encoder"):
        anomaly_scores(build_image_model("gan", Sizes((1, 4, 4), hidden=8)), torch.zeros(2, 1, 4, 4))


@pytest.mark.parametrize("function", [roc, anomaly_auc])
@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        ([1.0, 2.0], [True, True], "got 2 anomalies among 2 images"),
        ([1.0, 2.0], [False, False], "got 0 anomalies among 2 images"),
        ([], [], "got 0 anomalies among 0 images"),
        ([1.0, 2.0], [True], r"the same shape \(n,\), got \(2,\) and \(1,\)"),
        ([1.0, float("nan")], [True, False], "scores must be finite"),
    ],
)
def test_scores_that_have_no_curve(
    function: object, scores: list[float], truth: list[bool], message: str
) -> None:
    assert callable(function)
    with pytest.raises(InputError, match=message):
        function(scores, truth)
