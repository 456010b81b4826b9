"""How far drawn images are from real ones: the Fréchet distance of their features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gvae.config import TrainConfig, require_int
from gvae.errors import InputError
from gvae.image.images import Images, ImageSplit
from gvae.image.model import ImageModel
from gvae.image.networks import Shape
from gvae.image.passes import codes, device_of, drawn
from gvae.image.probes import labelled
from gvae.image.task import ImageTask
from gvae.layers.posterior import PointPosterior
from gvae.losses import LossOutput
from gvae.randomness import new_generator
from gvae.train import fit

FEATURES = 32
"""Units of the layer whose values are compared."""
BATCHES = 600
"""Batches of `BATCH_SIZE` images from which the classifier learns, at least; in whole epochs."""
BATCH_SIZE = 128


def frechet_distance(model: ImageModel, split: ImageSplit, number: int, seed: int = 0) -> float:
    """Distance between images drawn from the model and the test images; 0 is best.

    ``|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`` of the features' means and covariances (Heusel et al.
    2017, arXiv 1706.08500, eq. 6). The features are the last hidden layer of a small convolutional
    classifier that is trained here on ``split.train``, so this is **not** the FID of the literature, whose
    features are those of Inception: compare it between models of the same images and the same seed alone.

    Parameters
    ----------
    model
        Anything that draws images. A conditional model is asked for the classes of test images drawn at
        random.
    split
        With labels; train and test are used.
    number
        Images to draw, at least 2. The fewer, the larger the distance is in the mean.
    seed
        Of the classifier and the drawn images.

    Raises
    ------
    InputError
        If there are no labels, fewer than two images to compare, or the model draws none.
    """
    number = require_int("number", number, at_least=2)
    device = device_of(model)
    generator = new_generator(seed, "frechet", device)
    y = _drawn_labels(split.test, number, generator) if model.classes else None
    images = Images(drawn(model, number, generator, y))
    classifier = train_classifier(labelled(split.train).to(device), seed)
    return frechet(codes(classifier, split.test), codes(classifier, images))


def frechet(first: Tensor, second: Tensor) -> float:
    """Fréchet distance of the normal distributions with the means and covariances of two sets of rows.

    Parameters
    ----------
    first, second
        Shapes ``(n, D)`` and ``(m, D)``, at least two rows each.

    Raises
    ------
    InputError
        If there are fewer rows.
    """
    if min(len(first), len(second)) < 2:
        raise InputError(f"a covariance needs at least two images, got {min(len(first), len(second))}")
    first, second = first.cpu().double(), second.cpu().double()
    squares = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    one, other = _covariance(first), _covariance(second)
    root = _root(one)
    # S1 S2 and the symmetric S1^(1/2) S2 S1^(1/2) have the same eigenvalues
    shared = torch.linalg.eigvalsh(root @ other @ root).clamp(min=0).sqrt().sum()
    return max(0.0, float(squares + one.trace() + other.trace() - 2 * shared))


class Classifier(ImageModel):
    """A classifier in the guise of an image model, so that it trains as they do; its codes are features.

    Two convolutions of stride 2 with 16 and 32 channels, a layer of `FEATURES` units, ReLU throughout, and a
    linear layer to the classes.

    Parameters
    ----------
    shape
        ``(C, H, W)`` of one image.
    labels
        Number of classes to tell apart.
    """

    def __init__(self, shape: Shape, labels: int) -> None:
        super().__init__(shape, FEATURES)
        self.features = nn.Sequential(
            *(nn.Conv2d(shape[0], 16, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(32 * _quarter(shape[1]) * _quarter(shape[2]), FEATURES), nn.ReLU()),
        )
        self.head = nn.Linear(FEATURES, labels)

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        """Cross-entropy of the classes, in nats."""
        if y is None:
            raise InputError("a classifier needs labels, got none")
        entropy = cross_entropy(self.head(self.features(x)), y)
        return LossOutput(total=entropy, recon=entropy, kl=torch.zeros_like(entropy))

    def encode(self, x: Tensor, y: Tensor | None = None) -> PointPosterior:
        """The features."""
        return PointPosterior(self.features(x))

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Refuse."""
        raise InputError("a classifier has no decoder")


def train_classifier(images: Images, seed: int = 0) -> Classifier:
    """Train a `Classifier` on labelled images, where they are; Adam at 0.001."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(new_generator(seed, "classifier").initial_seed())
        classifier = Classifier(images.shape, images.classes).to(images.x.device)
    epochs = -(-BATCHES * BATCH_SIZE // len(images))
    config = TrainConfig(epochs=epochs, lr=0.001, eval_every=epochs, seed=seed)
    fit(ImageTask(classifier, images, batch_size=BATCH_SIZE), config)
    return classifier


def _quarter(size: int) -> int:
    """Rows that two convolutions of stride 2 leave."""
    return -(-size // 4)


def _covariance(rows: Tensor) -> Tensor:
    centred = rows - rows.mean(dim=0)
    return centred.t() @ centred / (len(rows) - 1)


def _root(covariance: Tensor) -> Tensor:
    """Its symmetric square root."""
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = vectors * values.clamp(min=0).sqrt() @ vectors.t()
    return root


def _drawn_labels(images: Images, number: int, generator: torch.Generator) -> Tensor | None:
    y = labelled(images).to(generator.device).y
    if y is None:
        return None
    return y[torch.randint(len(y), (number,), generator=generator, device=generator.device)]
