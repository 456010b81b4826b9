"""Bad input to ``gvae image``: one clear line, exit code 2, nothing written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]
TRAIN = {
    "--latent 0": "latent must be an integer >= 1, got 0",
    "--hidden 0": "hidden must be an integer >= 1, got 0",
    "--batch-size 0": "batch-size must be an integer >= 1, got 0",
    "--samples 0": "samples must be an integer >= 1, got 0",
    "--epochs 0": "epochs must be an integer >= 1, got 0",
    "--lr nan": "lr must be a positive number, got nan",
    "--beta -1": "beta must be a number >= 0, got -1.0",
    "--seed -1": "seed must be an integer >= 0, got -1",
    "--model vea": "unknown image model 'vea'; did you mean vae or",
    "--binarize some": "unknown binarize 'some'",
    "--likelihood gauss": "unknown likelihood 'gauss'; did you mean gaussian?",
    "--activation rely": "unknown activation 'rely'; did you mean relu?",
    "--device tpu": "unknown device 'tpu'",
    "--without-class 10": "--without-class must be one of the classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, got '10'",
    "--labels-per-class 0": "labels-per-class must be an integer >= 1, got 0",
    "--labels-per-class 500": "fewer than 500 labels",
    "--data-dir .": "data_dir and download are for mnist, fashion-mnist",
    "digist": "unknown images 'digist'; did you mean digits",
    "missing.npy": "missing.npy",
    "folder": "folder",
    "plain.npy --model=cvae": "the conditional VAE needs labels, and these images have none",
    "plain.npy --without-class 1": "--without-class needs labels, and these images have none",
    "wide.npy": "needs values in [0, 1], got -3..2; scale them, or take likelihood='gaussian'",
    "wide.npy --likelihood gaussian --binarize dynamic": "binarisation needs values in [0, 1], got -3..2",
    "nan.npy": "nan.npy",
    "mnist --data-dir folder": "folder",
}
OF_A_RUN = {
    "RUN --out x.gif": "--out x.gif: the ending must be one of .png, .svg, .pdf",
    "RUN --out no/x.png": "--out no/x.png: the folder no does not exist",
    "RUN --out folder.png": "--out folder.png: is a folder, expected a file",
    "RUN --out RUN/x.png": "lies in a run's folder, whose files are the run's own",
    "RUN --out x.png --json no/x.json": "--json no/x.json: the folder no does not exist",
    "folder --out x.png": "folder: no run here; expected a folder that gvae image train wrote",
    "GRAPH --out x.png": "holds a model of a graph (gvae train), expected one of images (gvae image train)",
}
PICTURE = {
    "manifold three": "a manifold needs a model of 2 latent dimensions, got 4",
    "manifold plane --side 1": "side must be an integer >= 2, got 1",
    "manifold plane --limit 0": "limit must be a positive number, got 0.0",
    "manifold cvae": "cvae has a plane for each class: give one with --class",
    "sample plane --class 3": "--class is for models that know the class (cvae, m2); vae does not",
    "sample cvae --class 10": "--class must be one of the classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, got '10'",
    "sample plane --number 0": "number must be an integer >= 1, got 0",
    "sample ae": "an autoencoder has no prior to sample from",
    "reconstruct gan": "a GAN has no encoder",
    "interpolate gan": "a GAN has no encoder",
    "traverse gan": "a GAN has no encoder",
    "inpaint gan": "a GAN has no encoder",
    "denoise gan": "a GAN has no encoder",
    "super-resolve gan": "a GAN has no encoder",
    "transfer gan": "a GAN has no encoder",
    "transfer cvae": "a conditional model is told the class: its codes cannot be probed for it",
    "anomaly gan --hold-out 3": "a GAN has no encoder",
    "evaluate gan": "a GAN has no encoder",
    "reconstruct plane --number 0": "number must be an integer >= 1, got 0",
    "reconstruct plane --number 361": "number must be at most 360, there are 360 test images, got 361",
    "interpolate plane --steps 1": "steps must be an integer >= 2, got 1",
    "interpolate plane --number 181": "number must be at most 180, there are 360 test images, got 181",
    "interpolate plane --number 0": "number must be an integer >= 1, got 0",
    "traverse plane --image 360": "image must be at most 359, the last test image, got 360",
    "traverse plane --image -1": "image must be an integer >= 0, got -1",
    "traverse plane --steps 1": "steps must be an integer >= 2, got 1",
    "inpaint plane --mask upper": "unknown mask 'upper'; known: top, bottom",
    "inpaint plane --steps 0": "steps must be an integer >= 1, got 0",
    "denoise plane --noise -1": "noise must be a number >= 0, got -1.0",
    "denoise plane --noise nan": "noise must be a number >= 0, got nan",
    "super-resolve plane --number 0": "number must be an integer >= 1, got 0",
    "transfer plane --labels-per-class 0": "labels_per_class must be an integer >= 1, got 0",
    "transfer plane --labels-per-class 200": "labels_per_class is 200, but class 0 has",
    "anomaly plane": "--hold-out CLASS is needed",
    "anomaly three --hold-out 12": "--hold-out must be one of the classes 0, 1, 2, 3, 4, 5, 6,",
    "anomaly three --hold-out -1": "8, 9, got '-1'",
    "evaluate plane --samples 0": "samples must be an integer >= 1, got 0",
    "reconstruct plane --data-dir folder": "data_dir and download are for mnist",
}
COMMANDS = [
    *("sample", "reconstruct", "interpolate", "manifold", "traverse", "denoise", "inpaint", "super-resolve"),
    *("anomaly", "transfer", "evaluate"),
]
BAD = {
    **{f"train {words} --out x": message for words, message in TRAIN.items()},
    "train": "--out",
    "train --out folder": "--out folder: already exists, and nothing is overwritten",
    "train --out no/x": "--out no/x: the folder no does not exist",
    "smaple RUN": "smaple",
    **{f"{name} {words}": message for name in COMMANDS for words, message in OF_A_RUN.items()},
    **{f"{words} --out x.png": message for words, message in PICTURE.items()},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with bad images in it."""
    x = np.random.default_rng(0).random((30, 4, 4))
    arrays = {"plain": x, "wide": 5 * x - 3, "nan": np.where(x > 0.9, np.nan, x)}
    arrays["wide"][0, 0, :2] = -3, 2
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "pairs.csv").write_text("a,b\n")
    for name in ("folder", "folder.png"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("command", "message"), BAD.items(), ids=lambda text: text[:50])
def test_bad_input_is_one_clear_error(
    command: str, message: str, gvae: Command, image_runs: Path, run: Path, folder: Path
) -> None:
    before = sorted(os.listdir(folder))
    words = command.replace("RUN", str(image_runs / "plane")).replace("GRAPH", str(run)).split()
    words = [str(image_runs / word) if word in os.listdir(image_runs) else word for word in words]
    result = gvae("image", *words)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
    if "Usage" not in result.stderr:
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith("Error: ")
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize(
    "command", ["recommend RUN", "embed RUN --out z.csv", "score RUN pairs.csv", "cluster RUN -k 2"]
)
def test_the_commands_of_graphs_refuse_a_model_of_images(
    command: str, gvae: Command, image_runs: Path, folder: Path
) -> None:
    result = gvae(command.replace("RUN", str(image_runs / "plane")))
    assert result.exit_code == 2
    assert "holds a model of images (gvae image train), expected one of a graph" in result.stderr


def test_a_damaged_run_is_named(gvae: Command, image_runs: Path, folder: Path) -> None:
    shutil.copytree(image_runs / "plane", folder / "copy")
    with (folder / "copy" / "model.safetensors").open("ab") as file:
        file.write(b"0")
    result = gvae("image sample copy --out x.png")
    assert result.exit_code == 2
    assert "copy/model.safetensors: damaged or changed" in result.stderr
