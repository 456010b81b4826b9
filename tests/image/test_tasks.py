from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gvae.errors import InputError
from gvae.image import tasks
from gvae.image.model import ImageModel
from gvae.image.registry import Sizes, build_image_model
from gvae.image.tasks import interpolate, manifold, slerp, traverse

SIZES = Sizes((1, 4, 4), hidden=8, latent=2, classes=3)


@pytest.fixture
def model() -> ImageModel:
    return build_image_model("vae", SIZES).eval()


@pytest.fixture
def pairs(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    first, last = torch.rand(2, 3, 1, 4, 4, generator=generator)
    return first, last


@pytest.mark.parametrize("spherical", [False, True])
def test_a_way_has_the_reconstructions_at_its_ends(
    model: ImageModel, pairs: tuple[Tensor, Tensor], spherical: bool
) -> None:
    way = interpolate(model, *pairs, steps=5, spherical=spherical)
    assert way.shape == (3, 5, 1, 4, 4)
    torch.testing.assert_close(way[:, 0], model.reconstruct(pairs[0]))
    torch.testing.assert_close(way[:, -1], model.reconstruct(pairs[1]))


def test_the_middle_of_a_straight_way_is_the_mean_code(
    model: ImageModel, pairs: tuple[Tensor, Tensor]
) -> None:
    middle = (model.encode(pairs[0]).mean + model.encode(pairs[1]).mean) / 2
    torch.testing.assert_close(interpolate(model, *pairs, steps=3)[:, 1], model.decode(middle))


def test_a_spherical_way_goes_by_slerp(model: ImageModel, pairs: tuple[Tensor, Tensor]) -> None:
    first, last = (model.encode(x).mean for x in pairs)
    middle = slerp(first, last, torch.tensor([0.5]))[:, 0]
    found = interpolate(model, *pairs, steps=3, spherical=True)
    torch.testing.assert_close(found[:, 1], model.decode(middle))
    assert not torch.allclose(found[:, 1], interpolate(model, *pairs, steps=3)[:, 1])


def test_slerp_by_hand() -> None:
    way = slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([0.0, 0.5, 1.0]))
    half = math.sqrt(0.5)
    torch.testing.assert_close(way, torch.tensor([[[1.0, 0.0], [half, half], [0.0, 1.0]]]))


def test_slerp_keeps_the_norm_and_its_ends(generator: torch.Generator) -> None:
    first, last = 4 * torch.nn.functional.normalize(torch.randn(2, 50, 6, generator=generator), dim=2)
    way = slerp(first, last, torch.linspace(0, 1, 7))
    torch.testing.assert_close(way.norm(dim=2), torch.full((50, 7), 4.0))
    torch.testing.assert_close(way[:, 0], first)
    torch.testing.assert_close(way[:, -1], last)
    steps = way.diff(dim=1).norm(dim=2)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps), rtol=1e-4, atol=1e-4)


def test_slerp_in_one_direction_goes_straight() -> None:
    a = torch.tensor([[0.3, -0.4]])
    torch.testing.assert_close(slerp(a, a, torch.linspace(0, 1, 4)), a.expand(1, 4, 2))
    between = slerp(a, 3 * a, torch.tensor([0.5]))
    torch.testing.assert_close(between, 2 * a.unsqueeze(1))


@pytest.mark.parametrize("last", [[-2.0, 0.0], [0.0, 0.0]])
def test_slerp_between_opposite_or_zero_codes_is_refused(last: list[float]) -> None:
    first = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(InputError, match="neither zero nor opposite"):
        slerp(first, torch.tensor([[0.0, 1.0], last]), torch.linspace(0, 1, 3))


def test_a_traversal_moves_one_dimension_at_a_time(model: ImageModel, pairs: tuple[Tensor, Tensor]) -> None:
    x = pairs[0][:1]
    found = traverse(model, x, steps=3, limit=2.0)
    assert found.shape == (2, 3, 1, 4, 4)
    first, second = model.encode(x).mean[0].tolist()
    rows = [[[-2.0, second], [0.0, second], [2.0, second]], [[first, -2.0], [first, 0.0], [first, 2.0]]]
    expected = torch.stack([model.decode(torch.tensor(codes)) for codes in rows])
    torch.testing.assert_close(found, expected)


def test_a_manifold_has_its_corners_in_their_places(model: ImageModel) -> None:
    found = manifold(model, side=4, limit=1.5)
    assert found.shape == (4, 4, 1, 4, 4)
    corners = {(0, 0): (-1.5, 1.5), (0, 3): (1.5, 1.5), (3, 0): (-1.5, -1.5), (3, 3): (1.5, -1.5)}
    for (row, column), z in corners.items():
        torch.testing.assert_close(found[row, column], model.decode(torch.tensor([z]))[0])
    torch.testing.assert_close(found[1, 2], model.decode(torch.tensor([[0.5, 0.5]]))[0])


def test_a_gan_has_a_manifold_and_no_way() -> None:
    gan = build_image_model("gan", SIZES)
    assert manifold(gan, side=2).shape == (2, 2, 1, 4, 4)
    with pytest.raises(InputError, match="a GAN has no encoder"):
        interpolate(gan, torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))


def test_a_conditional_model_is_told_the_class(pairs: tuple[Tensor, Tensor]) -> None:
    model = build_image_model("cvae", SIZES).eval()
    y = torch.tensor([0, 1, 2])
    way = interpolate(model, *pairs, steps=3, y=y)
    torch.testing.assert_close(way[:, -1], model.reconstruct(pairs[1], y))
    one = y[1:2]
    corner = model.decode(torch.tensor([[-3.0, 3.0]]), one)[0]
    torch.testing.assert_close(manifold(model, side=2, y=one)[0, 0], corner)
    assert traverse(model, pairs[0][1:2], steps=2, y=one).shape == (2, 2, 1, 4, 4)
    with pytest.raises(InputError, match="needs labels, got none"):
        manifold(model)
    with pytest.raises(InputError, match=r"y of shape \(1,\), got \(3,\)"):
        manifold(model, y=y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, x: interpolate(model, x, x, steps=1), "steps must be an integer >= 2, got 1"),
        (lambda model, x: interpolate(model, x, x[:1]), "must be alike, got"),
        (lambda model, x: traverse(model, x), r"needs one image, shape \(1, C, H, W\), got \(2, 1, 4, 4\)"),
        (lambda model, x: traverse(model, x[:1], steps=1), "steps must be an integer >= 2, got 1"),
        (lambda model, x: traverse(model, x[:1], limit=math.nan), "limit must be a positive number, got nan"),
        (lambda model, x: manifold(model, side=1), "side must be an integer >= 2, got 1"),
        (lambda model, x: manifold(model, limit=0), "limit must be a positive number, got 0"),
    ],
)
def test_settings_out_of_range(
    model: ImageModel, call: Callable[[ImageModel, Tensor], Tensor], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        call(model, torch.zeros(2, 1, 4, 4))


def test_a_manifold_needs_two_dimensions() -> None:
    model = build_image_model("vae", Sizes((1, 4, 4), hidden=8, latent=3))
    with pytest.raises(InputError, match="2 latent dimensions, got 3"):
        manifold(model)


def test_all_tasks_have_one_door() -> None:
    assert all(callable(getattr(tasks, name)) for name in tasks.__all__)
