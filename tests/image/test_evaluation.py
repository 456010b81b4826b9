from __future__ import annotations

import json

import pytest
import torch

from gvae.errors import InputError, UnknownNameError
from gvae.image import frechet
from gvae.image.bounds import OnDraws
from gvae.image.evaluation import Evaluation, evaluate_images
from gvae.image.images import Images, ImageSplit
from gvae.image.registry import Sizes, build_image_model
from gvae.image.semi_supervised import SemiSupervisedVAE

BOUNDS = {"negative_elbo", "recon", "kl", "log_likelihood"}
CODES = {"active_units", "linear_probe", "nearest_neighbours"}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of a classifier that has hardly learned."""
    monkeypatch.setattr(frechet, "BATCHES", 5)


@pytest.fixture(scope="module")
def some(digits: ImageSplit) -> ImageSplit:
    return ImageSplit("some", digits.train.take(slice(200)), digits.val, digits.test.take(slice(100)))


def evaluated(name: str, split: ImageSplit, classes: int = 10, on_draws: OnDraws | None = None) -> Evaluation:
    sizes = Sizes(split.train.shape, hidden=16, latent=4, classes=classes, components=8, samples=2)
    return evaluate_images(build_image_model(name, sizes), split, samples=(2, 5), on_draws=on_draws)


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("vae", {*BOUNDS, *CODES, "frechet_distance"}),
        ("vamp", {*BOUNDS, *CODES, "frechet_distance"}),
        ("vae-gan", {*BOUNDS, *CODES, "frechet_distance"}),
        ("cvae", {*BOUNDS, "active_units", "frechet_distance"}),
        ("m2", {*BOUNDS, "accuracy", "active_units", "frechet_distance"}),
        ("ae", CODES),
        ("vq", {*CODES, "frechet_distance"}),
        ("gan", {"frechet_distance"}),
    ],
)
def test_a_model_has_the_figures_that_it_can_have(name: str, figures: set[str], some: ImageSplit) -> None:
    record = evaluated(name, some).to_dict()
    assert record.pop("images") == 100
    assert {figure for figure, value in record.items() if value is not None} == figures
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(("name", "draws"), [("vae", 100 * (2 + 5)), ("ae", 0)])
def test_progress_tells_of_the_draws_of_models_that_have_bounds(
    name: str, draws: int, some: ImageSplit
) -> None:
    told: list[int] = []
    evaluated(name, some, on_draws=told.append)
    assert sum(told) == draws


def test_the_figures_agree_with_each_other(some: ImageSplit) -> None:
    found = evaluated("vae", some)
    assert found.recon is not None
    assert found.kl is not None
    assert found.negative_elbo == found.recon + found.kl
    assert found.log_likelihood is not None
    assert list(found.log_likelihood) == [2, 5]
    assert list(found.to_dict()["log_likelihood"]) == ["2", "5"]
    assert found == evaluated("vae", some)


def test_the_accuracy_is_that_of_the_classifier(some: ImageSplit) -> None:
    model = build_image_model("m2", Sizes(some.train.shape, hidden=16, latent=4, classes=10))
    assert isinstance(model, SemiSupervisedVAE)
    assert some.test.y is not None
    right = int((model.classify(some.test.x) == some.test.y).sum())
    assert evaluate_images(model, some, samples=(1,)).accuracy == pytest.approx(right / 100)
    with torch.no_grad():
        [*model.classifier.parameters()][-1][7] = 1e6  # the bias: all are sevens
    sevens = int((some.test.y == 7).sum())
    assert evaluate_images(model, some, samples=(1,)).accuracy == pytest.approx(sevens / 100)


def test_images_without_labels_have_bounds_alone(some: ImageSplit) -> None:
    split = ImageSplit("bare", *(Images(part.x) for part in some.parts))
    found = evaluated("vae", split, classes=0).to_dict()
    assert {name for name, value in found.items() if value is not None} == {"images", *BOUNDS, "active_units"}


def test_images_too_few_or_of_one_class_have_fewer_figures(some: ImageSplit) -> None:
    assert some.train.y is not None
    one_class = ImageSplit("zeros", some.train.take(some.train.y == 0), some.val, some.test)
    assert evaluated("vae", one_class).linear_probe is None
    tiny = ImageSplit("tiny", some.train.take(slice(4)), some.val, some.test.take(slice(1)))
    found = evaluated("vae", tiny)
    assert found.nearest_neighbours is None
    assert found.frechet_distance is None


def test_binarised_images_are_drawn_once_by_the_seed(some: ImageSplit) -> None:
    model = build_image_model("vae", Sizes(some.train.shape, hidden=16, latent=4))
    grey, black, again, other = (
        evaluate_images(model, some, samples=(1,), binarize=binarize, seed=seed).recon
        for binarize, seed in (("none", 0), ("static", 0), ("dynamic", 0), ("static", 1))
    )
    assert black == again
    assert len({grey, black, other}) == 3


def test_a_model_is_left_in_its_mode(some: ImageSplit) -> None:
    model = build_image_model("vae", Sizes(some.train.shape, hidden=16, latent=4)).train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    evaluate_images(model, some, samples=(1,))
    assert model.training
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_what_cannot_be_evaluated_is_refused(some: ImageSplit) -> None:
    model = build_image_model("cvae", Sizes(some.train.shape, hidden=16, latent=4, classes=10))
    bare = ImageSplit("bare", *(Images(part.x) for part in some.parts))
    with pytest.raises(InputError, match="a model of 10 classes needs labels, got none"):
        evaluate_images(model, bare)
    other = build_image_model("ae", Sizes((1, 7, 7), hidden=4, latent=2))
    with pytest.raises(InputError, match=r"images \(1, 7, 7\), got \(1, 8, 8\)"):
        evaluate_images(other, some)
    with pytest.raises(InputError, match="samples must be an integer >= 1, got 0"):
        evaluate_images(model, some, samples=(0,))
    with pytest.raises(UnknownNameError, match="unknown binarize 'statik'"):
        evaluate_images(model, some, binarize="statik")
