from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gvae.errors import InputError
from gvae.image.images import Images, ImageSplit
from gvae.image.model import ImageModel
from gvae.image.probes import active_units, labelled, linear_probe, nearest_neighbours, transfer
from gvae.image.registry import Sizes, build_image_model
from gvae.layers.posterior import PointPosterior, Posterior
from gvae.losses import LossOutput


class FirstPixels(ImageModel):
    """The code is the first ``used`` pixels and zeros."""

    def __init__(self, latent: int, used: int) -> None:
        super().__init__((1, 2, 2), latent)
        self.used = used
        self.weight = torch.nn.Parameter(torch.ones(()))

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        pixels = x.flatten(1)[:, : self.used]
        return PointPosterior(torch.nn.functional.pad(pixels, (0, self.latent - self.used)))

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        raise NotImplementedError


def two_classes(generator: torch.Generator, n: int = 40) -> Images:
    """Class 1 is brighter in the first pixel, and in no other."""
    y = torch.arange(n) % 2
    x = torch.rand(n, 1, 2, 2, generator=generator)
    x[:, 0, 0, 0] = x[:, 0, 0, 0] * 0.3 + 0.7 * y
    return Images(x, y)


def test_units_that_are_ignored_are_not_active(generator: torch.Generator) -> None:
    images = Images(torch.rand(50, 1, 2, 2, generator=generator))
    assert active_units(FirstPixels(4, used=4), images) == 4
    assert active_units(FirstPixels(4, used=2), images) == 2
    faint = Images(images.x * 0.1)  # variance 1/1200, below 0.01
    assert active_units(FirstPixels(4, used=4), faint) == 0


def test_probes_read_what_the_codes_know(generator: torch.Generator) -> None:
    train, test = two_classes(generator), two_classes(generator)
    assert linear_probe(FirstPixels(2, used=1), train, test) == 1.0
    assert nearest_neighbours(FirstPixels(2, used=1), train, test) == 1.0
    blind = Images(train.x.flip(3), train.y), Images(test.x.flip(3), test.y)  # the first pixel says nothing
    assert linear_probe(FirstPixels(2, used=1), *blind) < 0.8
    assert nearest_neighbours(FirstPixels(2, used=1), *blind) < 0.8


def test_images_without_a_label_are_left_out(generator: torch.Generator) -> None:
    train, test = two_classes(generator), two_classes(generator)
    assert train.y is not None
    hidden = Images(torch.cat([train.x, train.x]), torch.cat([train.y, torch.full_like(train.y, -1)]))
    model = FirstPixels(2, used=2)
    assert linear_probe(model, hidden, test) == linear_probe(model, train, test)
    assert len(labelled(hidden)) == len(train)


def test_transfer_learns_from_few_labels(digits: ImageSplit) -> None:
    model = build_image_model("ae", Sizes(digits.train.shape, hidden=64, latent=32))
    first, second = transfer(model, digits, 5), transfer(model, digits, 5, seed=1)
    assert first == transfer(model, digits, 5)
    assert first != second
    assert min(first) > 0.5  # chance is 0.1
    assert min(transfer(model, digits, 50)) > max(first) - 0.05


def test_transfer_shows_as_many_of_each_class_as_told(generator: torch.Generator) -> None:
    images = two_classes(generator)
    split = ImageSplit("two", images, images, images)
    codes, pixels = transfer(FirstPixels(4, used=4), split, labels_per_class=20)  # all there are
    assert codes == linear_probe(FirstPixels(4, used=4), images, images)
    assert pixels > 0.9
    with pytest.raises(InputError, match="labels_per_class is 21, but class 0 has 20 images"):
        transfer(FirstPixels(4, used=4), split, labels_per_class=21)
    with pytest.raises(InputError, match="labels_per_class must be an integer >= 1, got 0"):
        transfer(FirstPixels(4, used=4), split, labels_per_class=0)


def test_what_cannot_be_probed_is_refused(generator: torch.Generator) -> None:
    images, model = two_classes(generator), FirstPixels(2, used=1)
    with pytest.raises(InputError, match="these images have none"):
        linear_probe(model, Images(images.x), images)
    with pytest.raises(InputError, match="at least two classes, got 1"):
        linear_probe(model, Images(images.x, torch.zeros(40, dtype=torch.long)), images)
    with pytest.raises(InputError, match="k must be an integer >= 1, got 0"):
        nearest_neighbours(model, images, images, k=0)
    with pytest.raises(InputError, match="at most 40, the number of training images, got 41"):
        nearest_neighbours(model, images, images, k=41)
    sizes = Sizes((1, 2, 2), hidden=4, latent=2, classes=2)
    with pytest.raises(InputError, match="is told the class"):
        linear_probe(build_image_model("cvae", sizes), images, images)
    with pytest.raises(InputError, match="a GAN has no encoder"):
        active_units(build_image_model("gan", sizes), images)
