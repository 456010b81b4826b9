"""Classes by their names: those of a folder's sub-folders, or numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gvae.image import load_image_model

Command = Callable[..., Any]


@pytest.fixture
def trained(gvae: Command, pictures: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A function of options that gives a run on the pictures, which are dark or light."""

    def train(options: str) -> Path:
        result = gvae(f"image train --hidden 16 --epochs 2 {options} --out", tmp_path / "run", pictures)
        assert result.exit_code == 0, result.output
        return tmp_path / "run"

    return train


@pytest.mark.parametrize("asked", ["light", "1"])
def test_a_class_is_asked_for_by_name_or_number(
    asked: str, gvae: Command, trained: Callable[[str], Path], tmp_path: Path
) -> None:
    run = trained("--model cvae --latent 2")
    result = gvae(f"image sample --class {asked} --number 3 --json - --out", tmp_path / "x.png", run)
    found = json.loads(result.stdout)
    assert (found["classes"], found["class_names"]) == ([1, 1, 1], ["dark", "light"])
    assert load_image_model(run).settings["source"]["class_names"] == ["dark", "light"]


def test_an_unknown_class_is_told_the_names(
    gvae: Command, trained: Callable[[str], Path], tmp_path: Path
) -> None:
    run = trained("--model cvae --latent 2")
    for asked in ("lihgt", "2", "-1"):
        result = gvae(f"image manifold --class {asked} --out", tmp_path / "x.png", run)
        assert result.exit_code == 2
        assert f"--class must be one of the classes dark, light, got '{asked}'" in result.stderr


def test_a_class_is_left_out_and_found_by_its_name(
    gvae: Command, trained: Callable[[str], Path], tmp_path: Path
) -> None:
    run = trained("--without-class light --latent 2")
    assert load_image_model(run).settings["source"]["without_class"] == 1
    result = gvae("image anomaly --json", tmp_path / "x.json", "--out", tmp_path / "x.png", run)
    assert "median score of class light" in result.stdout
    assert json.loads((tmp_path / "x.json").read_text())["held_out"] == 1
    other = gvae("image anomaly --hold-out dark --out", tmp_path / "y.png", run)
    assert "was trained with images of class dark, too" in other.stderr


def test_too_few_images_of_a_class_are_named(
    gvae: Command, trained: Callable[[str], Path], pictures: Path, tmp_path: Path
) -> None:
    result = gvae("image transfer --labels-per-class 17", trained("--latent 2"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "labels_per_class is 17, but class dark has 16 images" in result.stderr
    result = gvae("image train --model m2 --labels-per-class 17 --out", tmp_path / "m2", pictures)
    assert "class dark has 16 images, fewer than 17 labels" in result.stderr


def test_names_that_are_numbers_are_names(gvae: Command, pictures: Path, tmp_path: Path) -> None:
    (pictures / "dark").rename(pictures / "1")
    (pictures / "light").rename(pictures / "2")
    run = tmp_path / "run"
    result = gvae("image train --hidden 16 --epochs 1 --without-class 1 --out", run, pictures)
    assert result.exit_code == 0, result.output
    assert load_image_model(run).settings["source"]["without_class"] == 0
    result = gvae("image train --hidden 16 --without-class 0 --out", tmp_path / "other", pictures)
    assert result.exit_code == 2
    assert "--without-class must be one of the classes 1, 2, got '0'" in result.stderr
