"""Pictures: what is drawn is what was given, in its place, dot by dot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray
from torch import Tensor

from gvae.errors import InputError
from gvae.image.pictures import DOTS, GAP, grid, manifold_picture
from gvae.plots import write_figure

Check = Callable[[Figure], None]


def images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def drawn(figure: Figure) -> NDArray[Any]:
    """What is shown, in dots of the screen."""
    return np.asarray(figure.axes[0].images[0].get_array())


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 5, 9), (1, 300, 40)])
def test_each_image_stands_in_its_place_with_its_own_pixels(shape: tuple[int, int, int]) -> None:
    x = images(5, *shape)
    picture = drawn(grid(x, 3))
    times = max(1, round(100 / max(shape[1:])))
    height, width = (length * times + GAP for length in shape[1:])
    assert picture.shape[:2] == (2 * height, 3 * width)
    for i in range(5):
        top, left = i // 3 * height + GAP // 2, i % 3 * width + GAP // 2
        own = picture[top : top + times * shape[1] : times, left : left + times * shape[2] : times]
        expected = x[i].permute(1, 2, 0).numpy()
        assert np.array_equal(own.reshape(expected.shape), expected)
    assert (picture[height:, 2 * width :] == 1).all()  # the place of a sixth
    assert (picture[:, width - GAP // 2 : width + GAP // 2] == 1).all()  # the gap


def test_a_dot_of_the_picture_is_a_dot_of_the_file(tmp_path: Path) -> None:
    x = images(4, 1, 8, 8)
    figure = grid(x, 2, "a title", rows_named=("first", "second"), columns_named=("a", "b"))
    write_figure(figure, tmp_path / "grid.png")
    file, picture = imread(tmp_path / "grid.png")[..., 0], drawn(figure)
    box = figure.axes[0].get_position()
    left, top = round(box.x0 * file.shape[1]), round((1 - box.y1) * file.shape[0])
    found = file[top : top + picture.shape[0], left : left + picture.shape[1]]
    assert np.abs(found - picture).max() < 1 / 128


def test_values_beyond_black_and_white_are_cut_off() -> None:
    picture = drawn(grid(torch.tensor([-2.0, 0.5, 7.0]).view(3, 1, 1, 1), 3))
    assert set(np.unique(picture)) == {0, 0.5, 1}


@pytest.mark.parametrize(("columns", "rows"), [(1, 12), (2, 3), (10, 2), (40, 1)])
def test_no_text_is_cut_or_lies_on_another(columns: int, rows: int, check_texts: Check) -> None:
    names = [f"z{i}" for i in range(rows)]
    values = [f"{value:.3g}" for value in torch.linspace(-3, 3, columns).tolist()]
    title = "full-covariance, digits: traversal of test image 0"
    figure = grid(images(rows * columns, 1, 28, 28), columns, title, rows_named=names, columns_named=values)
    check_texts(figure)


@pytest.mark.parametrize("side", [2, 5, 20])
def test_the_manifold_is_whole_and_its_ticks_are_at_the_codes(side: int, check_texts: Check) -> None:
    x = images(side, side, 1, 8, 8)
    figure = manifold_picture(x, 2.0, "vae, digits: latent plane")
    picture, axes = drawn(figure), figure.axes[0]
    cell = picture.shape[0] // side
    dots = cell - 4
    assert picture.shape == (side * cell, side * cell)
    for row, column in [(0, 0), (0, side - 1), (side - 1, 0)]:
        top, left = row * cell + 2, column * cell + 2
        own = picture[top : top + dots : dots // 8, left : left + dots : dots // 8]
        assert np.array_equal(own, x[row, column, 0].numpy())
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == [label.get_text() for label in axes.get_yticklabels()] == ["-2", "-1", "0", "1", "2"]
    assert axes.get_xticks()[[0, -1]].tolist() == [cell / 2, (side - 0.5) * cell]
    assert axes.get_yticks()[[0, -1]].tolist() == [(side - 0.5) * cell, cell / 2]  # upwards
    check_texts(figure)


def test_bytes_repeat(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        write_figure(grid(images(6, 1, 8, 8), 3, "$a$"), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["one.png", "two.png"]


def test_other_shapes_are_refused() -> None:
    for shape in [(2, 8, 8), (2, 2, 8, 8), (2, 4, 8, 8)]:
        with pytest.raises(InputError, match=r"shape \(n, C, H, W\) with 1 or 3 channels, got \(2, "):
            grid(images(*shape), 2)
    with pytest.raises(InputError, match="columns must be an integer >= 1, got 0"):
        grid(images(2, 1, 8, 8), 0)
    with pytest.raises(InputError, match=r"shape \(side, side, C, H, W\), got \(2, 3, 1, 8, 8\)"):
        manifold_picture(images(2, 3, 1, 8, 8), 3.0)
    assert DOTS == 200  # as write_figure writes
