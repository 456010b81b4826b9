"""The commands through Typer's runner: what they print, write and refuse."""

from __future__ import annotations

import json
import os
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from typer.testing import CliRunner

import gvae
from gvae.catalog import DATASETS, MODELS
from gvae.cli import app
from gvae.metrics import Scores
from gvae.runs import FinishedRun, Run, Trial

runner = CliRunner()
embedded: Any = import_module("gvae.datasets.embedded")
FRACTION = {"type": "number", "minimum": 0, "maximum": 1}
SCORES = {"type": "object", "required": ["auc", "ap"], "properties": {"auc": FRACTION, "ap": FRACTION}}
NULLS = {"type": "object", "required": ["auc", "ap"], "additionalProperties": {"type": "null"}}
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": [
            *("dataset", "model", "protocol", "preset", "manifest", "complete"),
            *("runs", "mean", "std", "published"),
        ],
        "additionalProperties": False,
        "properties": {
            "dataset": {"type": "string"},
            "model": {"enum": list(MODELS)},
            "protocol": {"type": "string"},
            "preset": {"type": "string"},
            "manifest": {
                "type": "object",
                "required": ["preset", "protocol", "seeds", "kl", "ties", "device", "environment"],
            },
            "complete": {"type": "boolean"},
            "runs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["seed", "auc", "ap", "epochs", "epoch", "seconds", "total_seconds"],
                    "properties": {
                        "seed": {"type": "integer"},
                        "auc": FRACTION,
                        "ap": FRACTION,
                        "epochs": {"type": "integer", "minimum": 1},
                        "epoch": {"type": "integer", "minimum": 1},
                        "seconds": {"type": "number", "exclusiveMinimum": 0},
                        "total_seconds": {"type": "number", "exclusiveMinimum": 0},
                    },
                },
            },
            "mean": {"anyOf": [SCORES, NULLS]},
            "std": {"anyOf": [SCORES, NULLS]},
            "published": {"anyOf": [{"type": "null"}, SCORES]},
        },
    },
}


def bench(*arguments: str) -> Any:
    return runner.invoke(app, ["bench", *arguments])


def test_bench_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    result = bench("karate", "les-miserables", "--runs", "2", "--epochs", "3", "--json", str(target))
    assert result.exit_code == 0, result.output
    records = json.loads(target.read_text())
    jsonschema.validate(records, SCHEMA)
    assert [(r["dataset"], r["model"]) for r in records] == [
        *(("karate", "gae"), ("karate", "vgae"), ("les-miserables", "gae"), ("les-miserables", "vgae"))
    ]
    assert [run["seed"] for run in records[0]["runs"]] == [0, 1]
    mean, std = records[0]["mean"]["auc"], records[0]["std"]["auc"]
    assert f"{100 * mean:.1f} ± {100 * std:.1f}" in result.stdout
    assert "protocol kipf" in result.stdout
    assert os.listdir(tmp_path) == ["result.json"]


def test_json_on_standard_output_is_alone_there() -> None:
    flags = "--model gae --runs 1 --epochs 2 --no-features --json -"
    result = bench("karate", *flags.split())
    records = json.loads(result.stdout)
    jsonschema.validate(records, SCHEMA)
    assert records[0]["std"] == {"auc": None, "ap": None}
    assert "one random split (seed 0)" in result.stderr
    assert "gae settings: features off, epochs 2." in " ".join(result.stderr.split())


def test_flags_reach_the_training(tmp_path: Path) -> None:
    flags = "--seed 5 --epochs 4 --hidden 7 --latent 3 --lr 0.5 --beta 0.1 --loss sampled --no-features"
    rest = "--protocol strict --model vgae --runs 1 --device cpu --json -"
    record = json.loads(bench("karate", *flags.split(), *rest.split()).stdout)[0]
    preset = record["manifest"]["preset"]
    assert (preset["hidden"], preset["latent"], preset["features"]) == (7, 3, False)
    assert (preset["epochs"], preset["lr"], preset["beta"], preset["loss"]) == (4, 0.5, 0.1, "sampled")
    assert (record["protocol"], record["runs"][0]["seed"], record["preset"]) == ("strict", 5, "custom")


def test_the_published_figure_stands_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_run(self: Trial, seed: int, on_epoch: object = None) -> FinishedRun:
        run = Run(0, Scores(0.9, 0.8), epochs=200, epoch=200, seconds=1.0, total_seconds=2.0)
        return FinishedRun(run, {"edges": ""}, is_foreign=False, seconds=2.0, peak_memory=None)

    monkeypatch.setattr(Trial, "run", one_run)
    result = bench("cora", "--model", "vgae", "--runs", "1")
    assert "91.4 / 92.6" in result.stdout
    assert "ten initialisations on one split" in " ".join(result.stdout.split())


def test_an_interruption_keeps_finished_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "result.json"
    run_seed, seen = Trial.run, []

    def interrupted(self: Trial, seed: int, on_epoch: Any) -> Any:
        seen.append(seed)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return run_seed(self, seed, on_epoch)

    monkeypatch.setattr(Trial, "run", interrupted)
    result = bench("karate", "--runs", "4", "--epochs", "2", "--jobs", "1", "--json", str(target))
    records = json.loads(target.read_text())
    jsonschema.validate(records, SCHEMA)
    assert result.exit_code == 130
    assert [(r["model"], r["complete"], len(r["runs"])) for r in records] == [
        *(("gae", False, 1), ("vgae", False, 1))  # seed by seed, so that models stay comparable
    ]
    assert "1 of 4" in result.stdout
    assert "Interrupted." in result.stderr
    assert "Traceback" not in result.output


def test_a_link_keeps_its_place_and_a_pipe_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    arguments = ["karate", "--model", "gae", "--runs", "1", "--epochs", "1", "--json"]
    assert bench(*arguments, str(tmp_path / "link")).exit_code == 0
    assert (tmp_path / "link").is_symlink()
    jsonschema.validate(json.loads((tmp_path / "real").read_text()), SCHEMA)
    assert bench(*arguments, os.devnull).exit_code == 0
    assert not Path(os.devnull).is_file()


def test_a_result_that_cannot_be_written_after_all_is_a_failed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    run_seed = Trial.run

    def vanishing(self: Trial, seed: int, on_epoch: Any) -> Any:
        folder.rmdir()
        return run_seed(self, seed, on_epoch)

    monkeypatch.setattr(Trial, "run", vanishing)
    arguments = ["karate", "--model", "gae", "--runs", "1", "--epochs", "1"]
    result = bench(*arguments, "--json", str(folder / "result.json"))
    assert result.exit_code == 1
    assert "cannot be written (No such file or directory)" in result.stderr
    assert "Link prediction" in result.stdout


@pytest.mark.parametrize("epochs", ["1", "2", "200"])
def test_a_diverging_run_fails_with_exit_code_one(epochs: str) -> None:
    result = bench("karate", "--lr", "1e30", "--runs", "1", "--epochs", epochs)
    assert result.exit_code == 1
    assert "training diverged" in result.stderr
    assert "Traceback" not in result.output


BAD = {
    "bench coar": "unknown data set or file 'coar'; did you mean cora?",
    "bench cora nope/Cora": "unknown data set family 'nope'",
    "bench karate --model vage": "unknown model 'vage'; did you mean vgae or gae",
    "bench karate --protocol kpif": "unknown protocol 'kpif'; did you mean kipf?",
    "bench karate --loss half": "unknown loss 'half'; known: full, sampled",
    "bench": "DATASET",
    "bench karate --runs 0": "runs must be an integer >= 1, got 0",
    "bench karate --runs many": "--runs",
    "bench karate --seed -1": "seed must be an integer >= 0, got -1",
    "bench karate --lr -0.1": "lr must be a positive number, got -0.1",
    "bench karate --lr nan": "lr must be a positive number, got nan",
    "bench karate --lr 0": "lr must be a positive number, got 0.0",
    "bench karate --beta -1": "beta must be a number >= 0, got -1.0",
    "bench karate --beta nan": "beta must be a number >= 0, got nan",
    "bench karate --epochs -3": "epochs must be an integer >= 1, got -3",
    "bench karate --hidden 0": "hidden must be an integer >= 1, got 0",
    "bench karate --device tpu": "unknown device 'tpu'",
    "bench karate --json nowhere/result.json": "the folder nowhere does not exist",
    "bench karate --json .": "is a folder, expected a file",
    f"bench karate --json {'long' * 80}.json": "cannot be written (File name too long)",
    "bench karate --colour": "--colour",
    "brench": "brench",
}


@pytest.mark.parametrize(("command", "message"), BAD.items(), ids=lambda text: text[:40])
def test_bad_input_is_one_clear_error(
    command: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, command.split())
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
    assert "Traceback" not in result.output
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_without_a_device_is_refused() -> None:
    result = bench("karate", "--device", "cuda")
    assert result.exit_code == 2
    assert "no CUDA device" in result.stderr


def test_a_damaged_data_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cora.npz").write_bytes(b"not an archive")
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    result = bench("cora")
    assert result.exit_code == 2
    assert "cora.npz: damaged" in result.stderr


def test_listings() -> None:
    datasets, models = (runner.invoke(app, [name]).stdout for name in ("datasets", "models"))
    assert all(name in datasets for name in DATASETS)
    assert "2,708" in datasets
    assert "0.144%" in datasets
    assert all(name in models for name in MODELS)
    assert "lr 0.01, 200 epochs, full loss" in models


def test_info_and_version() -> None:
    info = runner.invoke(app, ["info"]).stdout
    assert version("torch") in info
    assert "torch-scatter" in info
    assert runner.invoke(app, ["--version"]).stdout == f"gvae {gvae.__version__}\n"
