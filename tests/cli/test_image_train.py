"""``gvae image train``: images go in, a folder comes out, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gvae.image import ImageTask, Sizes, load_image_model, load_images
from gvae.losses import LossOutput
from gvae.train import Checkpoint

Command = Callable[..., Any]
FILES = ["config.json", "history.jsonl", "manifest.json", "model.safetensors"]
SMALL = "--hidden 16 --epochs 2"


def trained(gvae: Command, folder: Path, options: str) -> Path:
    result = gvae(f"image train {SMALL} {options} --out", folder)
    assert result.exit_code == 0, result.output
    return folder


def test_a_run_holds_the_model_and_how_it_was_made(gvae: Command, tmp_path: Path) -> None:
    sizes = "--model iwae --latent 3 --hidden 9 --samples 4 --components 6 --activation silu"
    sizes += " --likelihood gaussian"
    rest = "--epochs 3 --batch-size 100 --lr 0.002 --beta 2 --binarize dynamic --seed 5 --device cpu"
    result = gvae(f"image train digits {sizes} {rest} --without-class 9 --out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    saved = load_image_model(tmp_path / "run")
    assert sorted(os.listdir(tmp_path)) == ["run"]
    assert sorted(os.listdir(tmp_path / "run")) == FILES
    assert (saved.name, saved.sizes) == ("iwae", Sizes((1, 8, 8), 9, 3, 10, "gaussian", 4, 6, "silu"))
    config, source = saved.settings["config"], saved.settings["source"]
    assert (config["epochs"], config["lr"], config["beta"], config["seed"]) == (3, 0.002, 2, 5)
    assert (source["source"], source["without_class"]) == ("digits", 9)
    assert saved.settings["training"] == {"batch_size": 100, "binarize": "dynamic"}


def test_the_table_says_what_was_learned(gvae: Command, tmp_path: Path) -> None:
    result = gvae(f"image train {SMALL} --latent 2 --out", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "history.jsonl").read_text().splitlines()[-1])
    weights = sum(weight.numel() for weight in load_image_model(tmp_path / "run").model.parameters())
    text = " ".join(result.stdout.split())
    assert "1,257 to learn from, 180 to validate, 1 x 8 x 8 each (digits)" in text
    assert f"z of 2 dimensions, {weights:,} weights" in text
    assert "2 epochs in" in text
    assert f"val ELBO {record['val']:.2f} nats an image" in text


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("--model iwae --samples 2", "val bound"),
        ("--model m2", "val ELBO"),
        ("--beta 2", "val figure"),
        ("--model ae", "val figure"),
    ],
)
def test_only_a_bound_is_called_one(options: str, name: str, gvae: Command, tmp_path: Path) -> None:
    result = gvae(f"image train {SMALL} {options} --out", tmp_path / "run")
    assert re.search(rf"{name} +-?\d", result.stdout), result.output


def test_a_seed_gives_the_same_weights(gvae: Command, tmp_path: Path) -> None:
    first, again, other = (
        (trained(gvae, tmp_path / name, f"--seed {seed}") / "model.safetensors").read_bytes()
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again != other


def test_labels_can_be_hidden(gvae: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    step = ImageTask.step

    def counting(task: ImageTask, batch: Any, generator: torch.Generator, value: bool) -> LossOutput:
        labels = task.images(batch, generator)[1]
        assert labels is not None
        seen.append(int((labels >= 0).sum()))
        return step(task, batch, generator, value)

    monkeypatch.setattr(ImageTask, "step", counting)
    trained(gvae, tmp_path / "run", "--model m2 --labels-per-class 5")
    assert sum(seen) == 2 * 50


# --- images of one's own ---


def test_a_folder_of_pictures_is_found_again(
    gvae: Command, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert gvae(f"image train pictures {SMALL} --seed 3 --out run").exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = gvae("image reconstruct ../run --number 2 --json - --out r.png")
    assert (result.exit_code, "Note" in result.stderr) == (0, False), result.output
    x = load_images(str(pictures), seed=3).test.x[:2]
    assert np.array(json.loads(result.stdout)["images"]) == pytest.approx(x.numpy(), abs=1e-5)
    pictures.rename(tmp_path / "moved")
    assert gvae("image reconstruct ../run --number 2 --out r2.png").exit_code == 2
    again = gvae("image reconstruct ../run --number 2 --out r2.png --data-dir ../moved")
    assert (again.exit_code, "Note" in again.stderr) == (0, False), again.output


def test_few_test_images_are_all_drawn(gvae: Command, pictures: Path, tmp_path: Path) -> None:
    run = trained(gvae, tmp_path / "run", str(pictures))
    for command, shape in (("reconstruct", (4, 1, 6, 5)), ("interpolate --steps 3", (2, 3, 1, 6, 5))):
        result = gvae(f"image {command} --json - --out", tmp_path / "x.png", run)
        assert np.shape(json.loads(result.stdout)["images"]) == shape
    message = "number must be at most 2, there are 4 test images, got 3"
    assert message in gvae("image interpolate --number 3 --out", tmp_path / "y.png", run).stderr


def test_other_images_than_those_of_training_are_said(gvae: Command, pictures: Path, tmp_path: Path) -> None:
    trained(gvae, tmp_path / "run", str(pictures))
    first = sorted((pictures / "dark").iterdir())[0]
    Image.fromarray(np.full((6, 5), 7, dtype=np.uint8)).save(first)
    shutil.copy(first, pictures / "dark" / "more.png")
    result = gvae("image reconstruct --number 1 --out", tmp_path / "r.png", tmp_path / "run")
    assert (
        f"Note: the images of {pictures} are not those that {tmp_path / 'run'} was trained on"
        in result.stderr
    )


# --- interruption ---


@pytest.fixture
def interrupted(tmp_path: Path, at_every_epoch: None) -> Path:
    """A run's name whose training, of 6 epochs, was interrupted at epoch 3 by the command itself."""
    del at_every_epoch
    return tmp_path / "half"


def stop_at(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = Checkpoint.offer

    def stopping(self: Checkpoint, state: Any) -> None:
        offer(self, state)
        if state.history.epochs == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "offer", stopping)


@pytest.mark.parametrize("model", ["vae", "vae-gan"])
def test_resume_ends_where_an_uninterrupted_run_ends(
    model: str, gvae: Command, tmp_path: Path, interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"image train --model {model} --hidden 16 --epochs 6 --binarize dynamic --out"
    assert gvae(words, tmp_path / "whole").exit_code == 0
    with monkeypatch.context() as patch:
        stop_at(3, patch)
        stopped = gvae(words, interrupted)
    assert (stopped.exit_code, stopped.stdout) == (130, "")
    assert "half.partial keeps the training so far: the same command with --resume goes on." in stopped.stderr
    assert (
        "this run was interrupted; gvae image train with --resume"
        in gvae("image sample --out x.png", interrupted).stderr
    )
    assert gvae(words, interrupted).exit_code == 2  # not begun anew by accident
    other = gvae(f"{words.replace('dynamic', 'static')}", interrupted, "--resume")
    assert "binarize is 'static' now, 'dynamic' in the file" in other.stderr
    result = gvae(words, interrupted, "--resume")
    assert result.exit_code == 0, result.output
    whole, resumed = (folder / "model.safetensors" for folder in (tmp_path / "whole", interrupted))
    assert whole.read_bytes() == resumed.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["half", "whole"]
    assert "nothing is left to resume" in gvae(words, interrupted, "--resume").stderr


def test_a_run_that_diverges_leaves_nothing(gvae: Command, tmp_path: Path, at_every_epoch: None) -> None:
    result = gvae(f"image train {SMALL} --lr 1e30 --out", tmp_path / "run")
    assert result.exit_code == 1
    assert "training diverged" in result.stderr
    assert os.listdir(tmp_path) == []


def test_all_images_can_be_learned_from(gvae: Command, tmp_path: Path) -> None:
    result = gvae(f"image train digits {SMALL} --val 0 --schedule constant --out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "1,437 to learn from, none to validate" in " ".join(result.stdout.split())
    assert "val ELBO" not in result.stdout
    records = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert [record["val"] for record in records] == [None, None]
    assert load_image_model(tmp_path / "run").settings["config"]["schedule"] == "constant"
    again = gvae("image reconstruct --out", tmp_path / "x.png", tmp_path / "run")
    assert (again.exit_code, "not those" in again.stderr) == (0, False), again.output


def test_unless_told_otherwise_the_rate_falls_and_few_images_make_small_batches(
    gvae: Command, tmp_path: Path
) -> None:
    settings = load_image_model(trained(gvae, tmp_path / "run", "--latent 2")).settings
    assert settings["config"]["schedule"] == "cosine"
    assert settings["training"]["batch_size"] == 16
    result = gvae("image train digits --schedule linear --out", tmp_path / "other")
    assert (result.exit_code, "unknown schedule 'linear'" in result.stderr) == (2, True)
