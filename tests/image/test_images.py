from __future__ import annotations

import pytest
import torch

from gvae.errors import InputError
from gvae.image.images import Images


def test_shape_length_and_classes() -> None:
    images = Images(torch.zeros(5, 3, 2, 4), torch.tensor([0, 2, 1, 2, 0]))
    assert (len(images), images.shape, images.classes) == (5, (3, 2, 4), 3)
    assert Images(torch.zeros(5, 3, 2, 4)).classes == 0


def test_some_are_taken_with_their_labels() -> None:
    images = Images(torch.arange(4.0).view(4, 1, 1, 1), torch.tensor([3, 2, 1, 0]))
    some = images.take(torch.tensor([2, 0]))
    assert some.x.flatten().tolist() == [2, 0]
    assert some.y is not None
    assert some.y.tolist() == [1, 3]
    assert Images(images.x).take(slice(1, 3)).x.flatten().tolist() == [1, 2]


def test_what_is_no_set_of_images() -> None:
    with pytest.raises(InputError, match=r"shape \(n, C, H, W\), got \(4, 8, 8\)"):
        Images(torch.zeros(4, 8, 8))
    with pytest.raises(InputError, match=r"got \(0, 1, 8, 8\)"):
        Images(torch.zeros(0, 1, 8, 8))
    with pytest.raises(InputError, match="must be finite; image 2 is not"):
        Images(torch.tensor([0.0, 1.0, float("nan"), float("inf")]).view(4, 1, 1, 1))
    with pytest.raises(InputError, match=r"one an image, 4, got \(3,\)"):
        Images(torch.zeros(4, 1, 1, 1), torch.zeros(3, dtype=torch.long))


def test_pixels_are_drawn_with_their_values_as_probabilities(generator: torch.Generator) -> None:
    grey = torch.tensor([0.0, 0.25, 1.0]).view(1, 1, 1, 3)
    drawn = Images(grey.repeat(20_000, 1, 1, 1), torch.zeros(20_000, dtype=torch.long)).binarized(generator)
    assert set(drawn.x.flatten().tolist()) == {0, 1}
    assert drawn.y is not None
    never, seldom, always = drawn.x.mean(dim=0).flatten().tolist()
    assert (never, always) == (0, 1)
    assert seldom == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("value", [-0.5, 16.0])
def test_only_probabilities_are_binarised(value: float, generator: torch.Generator) -> None:
    with pytest.raises(InputError, match=r"binarisation needs values in \[0, 1\], got .*; scale them first"):
        Images(torch.tensor([0.0, value]).view(2, 1, 1, 1)).binarized(generator)


def test_classes_have_names_or_numbers() -> None:
    x, y = torch.zeros(3, 1, 1, 1), torch.tensor([1, 0, 1])
    assert Images(x, y).class_names == ("0", "1")
    assert Images(x).class_names == ()
    images = Images(x, y, ("cat", "dog", "owl"))
    assert (images.class_names, images.classes) == (("cat", "dog", "owl"), 3)
    assert images.take(slice(1)).to(torch.device("cpu")).class_names == images.class_names
    with pytest.raises(InputError, match="1 classes have names, got an image of class 1"):
        Images(x, y, ("cat",))
