"""``gvae image``: pictures and figures of a model of images."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gvae.catalog import IMAGE_MODELS
from gvae.image import load_image_model, load_images, transfer

Command = Callable[..., Any]
PICTURES = {
    "sample plane --number 5 --seed 2": {"images": (5, 1, 8, 8)},
    "sample cvae": {"images": (80, 1, 8, 8)},
    "sample cvae --class 3 --number 4": {"images": (4, 1, 8, 8)},
    "sample gan --number 4": {"images": (4, 1, 8, 8)},
    "reconstruct plane --number 4": {"images": (4, 1, 8, 8), "reconstructions": (4, 1, 8, 8)},
    "reconstruct cvae": {"images": (10, 1, 8, 8), "squared_errors": (10,)},
    "interpolate plane --number 3 --steps 4": {"images": (3, 4, 1, 8, 8)},
    "interpolate three --spherical": {"images": (6, 10, 1, 8, 8)},
    "interpolate cvae --number 2": {"images": (2, 10, 1, 8, 8)},
    "manifold plane --side 4 --limit 2": {"images": (4, 4, 1, 8, 8)},
    "manifold cvae --side 3 --class 7": {"images": (3, 3, 1, 8, 8)},
    "manifold gan --side 3": {"images": (3, 3, 1, 8, 8)},
    "traverse three --image 2 --steps 5": {"images": (4, 5, 1, 8, 8)},
    "traverse cvae": {"images": (2, 9, 1, 8, 8)},
    "inpaint plane --number 3": {"images": (3, 1, 8, 8), "filled": (3, 1, 8, 8)},
    "inpaint cvae --mask centre --steps 2": {"filled": (10, 1, 8, 8)},
    "inpaint ae --mask left": {"filled": (10, 1, 8, 8)},
    "denoise plane --number 3 --noise 0.5": {"noisy": (3, 1, 8, 8), "restored": (3, 1, 8, 8)},
    "denoise cvae": {"restored": (10, 1, 8, 8), "squared_errors": (10,)},
    "super-resolve ae --number 2": {"small": (2, 1, 4, 4), "restored": (2, 1, 8, 8)},
    "transfer ae --labels-per-class 3": {"codes": (1,), "pixels": (1,)},
    "anomaly three": {"scores": (360,), "anomalies": (360,)},
    "anomaly ae --hold-out 1": {"scores": (360,)},
}


@pytest.mark.parametrize(("words", "shapes"), PICTURES.items(), ids=lambda each: str(each)[:30])
def test_a_picture_and_its_numbers(
    words: str, shapes: dict[str, tuple[int, ...]], gvae: Command, image_runs: Path, tmp_path: Path
) -> None:
    command, run, *options = words.split()
    paths = [tmp_path / name for name in ("picture.png", "numbers.json")]
    result = gvae(f"image {command}", image_runs / run, "--out", paths[0], "--json", paths[1], *options)
    assert result.exit_code == 0, result.output
    numbers = json.loads(paths[1].read_text())
    assert {name: np.shape(numbers[name]) for name in shapes} == shapes
    assert numbers["model"] == load_image_model(image_runs / run).name
    with Image.open(paths[0]) as picture:
        assert min(picture.size) > 100
    assert sorted(os.listdir(tmp_path)) == ["numbers.json", "picture.png"]


def numbers(gvae: Command, words: str, run: Path, folder: Path) -> Any:
    result = gvae(f"image {words} --json - --out", folder / "x.png", run)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_samples_are_those_of_the_model_and_go_by_seed(
    gvae: Command, image_runs: Path, tmp_path: Path
) -> None:
    first, again, other = (
        numbers(gvae, f"sample --number 3 --seed {seed}", image_runs / "plane", tmp_path)["images"]
        for seed in (1, 1, 2)
    )
    assert first == again != other
    classes = numbers(gvae, "sample --number 12", image_runs / "cvae", tmp_path)["classes"]
    assert classes == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_reconstructions_are_of_the_first_test_images(
    gvae: Command, image_runs: Path, tmp_path: Path
) -> None:
    found = numbers(gvae, "reconstruct --number 3", image_runs / "plane", tmp_path)
    x, model = load_images("digits").test.x[:3], load_image_model(image_runs / "plane").model
    assert np.array(found["images"]) == pytest.approx(x.numpy(), abs=1e-5)
    assert np.array(found["reconstructions"]) == pytest.approx(model.reconstruct(x).numpy(), abs=2e-5)


def test_what_was_known_stays_when_a_part_is_filled_in(
    gvae: Command, image_runs: Path, tmp_path: Path
) -> None:
    found = numbers(gvae, "inpaint --mask top", image_runs / "plane", tmp_path)
    images, filled = np.array(found["images"]), np.array(found["filled"])
    assert np.array_equal(images[:, :, 4:], filled[:, :, 4:])
    assert not np.array_equal(images[:, :, :4], filled[:, :, :4])


def test_the_anomalies_are_the_class_that_was_left_out(
    gvae: Command, image_runs: Path, tmp_path: Path
) -> None:
    found, y = numbers(gvae, "anomaly", image_runs / "three", tmp_path), load_images("digits").test.y
    assert y is not None
    assert found["held_out"] == 3
    assert found["anomalies"] == (y == 3).tolist()
    assert 0 <= found["auc"] <= 1
    assert len(found["false_positive_rates"]) == len(found["true_positive_rates"])


def test_a_class_that_was_learned_is_said(gvae: Command, image_runs: Path, tmp_path: Path) -> None:
    result = gvae("image anomaly --hold-out 4 --out", tmp_path / "roc.png", image_runs / "three")
    assert "was trained with images of class 4, too" in result.stderr
    assert "AUC, percent" in result.stdout


def test_evaluate_prints_and_writes_the_figures(gvae: Command, image_runs: Path, tmp_path: Path) -> None:
    result = gvae("image evaluate --samples 3 --samples 9 --json", tmp_path / "e.json", image_runs / "three")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "e.json").read_text())
    assert list(found["log_likelihood"]) == ["3", "9"]
    assert found["images"] == 360
    for figure in (found["negative_elbo"], found["kl"], -found["log_likelihood"]["9"]):
        assert f"{figure:.2f}" in result.stdout
    assert f"{100 * found['linear_probe']:.1f}" in result.stdout
    assert "no FID" in result.stdout
    assert os.listdir(tmp_path) == ["e.json"]


def test_evaluate_can_draw_the_codes(gvae: Command, image_runs: Path, tmp_path: Path) -> None:
    result = gvae("image evaluate --samples 2 --out", tmp_path / "codes.png", image_runs / "plane")
    assert result.exit_code == 0, result.output
    assert os.listdir(tmp_path) == ["codes.png"]


def test_the_list_of_models(gvae: Command) -> None:
    text = " ".join(gvae("image models").stdout.split())
    assert all(f"{name} " in text for name in IMAGE_MODELS)


def test_noise_goes_by_the_seed(gvae: Command, image_runs: Path, tmp_path: Path) -> None:
    first, again, other = (
        numbers(gvae, f"denoise --number 3 --seed {seed}", image_runs / "plane", tmp_path)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first["noisy"] != other["noisy"]
    assert np.array(first["noisy"]).min() >= 0
    none = numbers(gvae, "denoise --noise 0", image_runs / "plane", tmp_path)
    assert none["noisy"] == none["images"]


def test_small_images_are_means_of_the_large_ones(gvae: Command, image_runs: Path, tmp_path: Path) -> None:
    found = numbers(gvae, "super-resolve --number 2", image_runs / "plane", tmp_path)
    images = np.array(found["images"])
    assert np.array(found["small"]) == pytest.approx(
        images.reshape(2, 1, 4, 2, 4, 2).mean(axis=(3, 5)), abs=1e-5
    )
    errors = np.square(np.array(found["restored"]) - images).sum(axis=(1, 2, 3))
    assert np.array(found["squared_errors"]) == pytest.approx(errors, abs=1e-3)


def test_transfer_prints_draws_and_writes_the_accuracies(
    gvae: Command, image_runs: Path, tmp_path: Path
) -> None:
    words = "image transfer --labels-per-class 2 --labels-per-class 20 --seed 4 --json"
    result = gvae(words, tmp_path / "t.json", "--out", tmp_path / "t.png", image_runs / "three")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "t.json").read_text())
    assert found["labels_per_class"] == [2, 20]
    model = load_image_model(image_runs / "three").model
    expected = [transfer(model, load_images("digits"), number, seed=4) for number in (2, 20)]
    assert [*zip(found["codes"], found["pixels"], strict=True)] == expected
    assert all(f"{100 * share:.1f}" in result.stdout for pair in expected for share in pair)
    assert sorted(os.listdir(tmp_path)) == ["t.json", "t.png"]


def test_only_a_model_that_classifies_has_an_accuracy(
    gvae: Command, image_runs: Path, tmp_path: Path
) -> None:
    for run, has in (("m2", True), ("cvae", False)):
        result = gvae("image evaluate --samples 2 --json", tmp_path / run, image_runs / run)
        accuracy = json.loads((tmp_path / run).read_text())["accuracy"]
        assert (accuracy is not None) is has
        assert ("accuracy of its classifier" in result.stdout) is has
        if has:
            assert f"{100 * accuracy:.1f}" in result.stdout
