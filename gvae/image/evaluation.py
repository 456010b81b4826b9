"""All figures of an image model at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gvae.catalog import check_name
from gvae.config import require_int
from gvae.errors import InputError
from gvae.image.bounds import OnDraws, log_likelihood, negative_elbo
from gvae.image.frechet import frechet_distance
from gvae.image.images import BINARIZATIONS, Images, ImageSplit
from gvae.image.model import ImageModel
from gvae.image.passes import device_of, evaluation_mode, in_batches
from gvae.image.probes import active_units, linear_probe, nearest_neighbours
from gvae.image.semi_supervised import SemiSupervisedVAE
from gvae.image.vae import VAE
from gvae.randomness import new_generator

__all__ = [
    "Evaluation",
    "active_units",
    "evaluate_images",
    "frechet_distance",
    "linear_probe",
    "log_likelihood",
    "nearest_neighbours",
    "negative_elbo",
]


@dataclass(frozen=True)
class Evaluation:
    """Figures on the test images; None is a figure that this model, or these images, do not have.

    Parameters
    ----------
    images
        Number of test images.
    negative_elbo, recon, kl
        In nats an image, the first the sum of the others; see `negative_elbo`.
    log_likelihood
        Mean of `log_likelihood` in nats an image, by the number of draws.
    accuracy
        Share of the images whose class the model finds, from 0 to 1; of a model that classifies.
    active_units
        Dimensions of z in use; see `active_units`.
    linear_probe, nearest_neighbours
        Accuracies, from 0 to 1; see the functions. k is 5.
    frechet_distance
        Of as many drawn images as there are test images; no FID, see `frechet_distance`.
    """

    images: int
    negative_elbo: float | None = None
    recon: float | None = None
    kl: float | None = None
    log_likelihood: Mapping[int, float] | None = None
    accuracy: float | None = None
    active_units: int | None = None
    linear_probe: float | None = None
    nearest_neighbours: float | None = None
    frechet_distance: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The figures by name, ready for JSON; the log-likelihoods by the number of draws as text."""
        each = self.log_likelihood
        return {
            **asdict(self),
            "log_likelihood": None if each is None else {str(number): each[number] for number in each},
        }


def evaluate_images(
    model: ImageModel,
    split: ImageSplit,
    *,
    samples: Sequence[int] = (200,),
    binarize: str = "none",
    seed: int = 0,
    on_draws: OnDraws | None = None,
) -> Evaluation:
    """Score a model once, on the test images.

    Parameters
    ----------
    model
        Of images of this shape, on any device.
    split
        Test images are scored; probes and the classifier of the Fréchet distance learn from the training
        images.
    samples
        Numbers of draws at which the log-likelihood is estimated.
    binarize
        As the model was trained: unless it is ``"none"``, images are drawn black or white once, from the
        seed. The Fréchet distance compares mean images, so its real ones keep their grey levels.
    seed
        Of everything that is drawn.
    on_draws
        As in `log_likelihood`; ``samples`` draws for each test image, one number after the other, of models
        that have bounds (`VAE`).

    Raises
    ------
    InputError
        If a conditional model is given no labels, a number of draws is below 1, or the images are of another
        shape.
    """
    check_name("binarize", binarize, BINARIZATIONS)
    samples = [require_int("samples", number, at_least=1) for number in samples]
    model.check(split.test.x)
    model.one_hot(split.test.y)  # refuses a conditional model without labels
    seen = split if binarize == "none" else _binarized(split, seed)
    figures: dict[str, Any] = {}
    if isinstance(model, VAE):
        figures |= _bounds(model, seen.test, samples, seed, on_draws)
    if isinstance(model, SemiSupervisedVAE) and seen.test.y is not None:
        found = in_batches(model, seen.test, lambda part: model.classify(part.x)).cpu()
        figures["accuracy"] = float((found == seen.test.y.cpu()).double().mean())
    if _offers(model, lambda: model.encode(*_first(seen.test, model))):
        figures |= _of_codes(model, seen)
    generator = new_generator(seed, "one draw", device_of(model))
    comparable = split.train.classes > 0 and len(split.test) > 1
    if comparable and _offers(model, lambda: model.prior_sample(1, generator)):
        figures["frechet_distance"] = frechet_distance(model, split, len(split.test), seed)
    return Evaluation(len(split.test), **figures)


def _bounds(
    model: VAE, test: Images, samples: Sequence[int], seed: int, on_draws: OnDraws | None
) -> dict[str, Any]:
    recon, kl = negative_elbo(model, test, seed)
    likelihoods = {
        number: float(log_likelihood(model, test, number, seed, on_draws).mean()) for number in samples
    }
    return {"negative_elbo": recon + kl, "recon": recon, "kl": kl, "log_likelihood": likelihoods}


def _of_codes(model: ImageModel, split: ImageSplit) -> dict[str, Any]:
    figures: dict[str, Any] = {"active_units": active_units(model, split.test)}
    if not model.classes and _can_be_probed(split):
        figures["linear_probe"] = linear_probe(model, split.train, split.test)
        figures["nearest_neighbours"] = nearest_neighbours(model, split.train, split.test)
    return figures


def _can_be_probed(split: ImageSplit) -> bool:
    """Whether there are labels to score, and some of two classes to learn from, five at least."""
    known = [] if split.train.y is None else split.train.y[split.train.y >= 0].tolist()
    return split.test.classes > 0 and len(known) >= 5 and len(set(known)) > 1


def _binarized(split: ImageSplit, seed: int) -> ImageSplit:
    train, test = (
        images.binarized(new_generator(seed, f"binarize {part} for evaluation", images.x.device))
        for part, images in (("train", split.train), ("test", split.test))
    )
    return replace(split, train=train, test=test)


def _first(images: Images, model: ImageModel) -> tuple[Any, Any]:
    """The first image and its label, where the model is."""
    one = images.take(slice(1)).to(device_of(model))
    return one.x, one.y


def _offers(model: ImageModel, ask: Callable[[], object]) -> bool:
    """Whether the model has what it is asked for: a model without an encoder or a prior refuses."""
    try:
        with evaluation_mode(model):
            ask()
    except InputError:
        return False
    return True
