"""The commands through Typer's runner: what they print, write and refuse."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from typer.testing import CliRunner

import gvae
from gvae.catalog import DATASETS, MODELS
from gvae.cli import app

runner = CliRunner()
embedded: Any = import_module("gvae.datasets.embedded")
FRACTION = {"type": "number", "minimum": 0, "maximum": 1}
SCORES = {"type": "object", "required": ["auc", "ap"], "properties": {"auc": FRACTION, "ap": FRACTION}}
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
            "mean": SCORES,
            "std": {"type": "object"},
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
    result = bench("karate", "--model", "gae", "--runs", "1", "--epochs", "2", "--json", "-")
    records = json.loads(result.stdout)
    jsonschema.validate(records, SCHEMA)
    assert records[0]["std"] == {}
    assert "Link prediction" in result.stderr


def test_flags_reach_the_training(tmp_path: Path) -> None:
    flags = "--seed 5 --epochs 4 --hidden 7 --latent 3 --lr 0.5 --beta 0.1 --loss sampled --no-features"
    rest = "--protocol strict --model vgae --runs 1 --device cpu --json -"
    record = json.loads(bench("karate", *flags.split(), *rest.split()).stdout)[0]
    preset = record["manifest"]["preset"]
    assert (preset["hidden"], preset["latent"], preset["features"]) == (7, 3, False)
    train = preset["train"]
    assert (train["epochs"], train["lr"], train["beta"], train["loss"]) == (4, 0.5, 0.1, "sampled")
    assert (record["protocol"], record["runs"][0]["seed"], record["preset"]) == ("strict", 5, "custom")


def test_the_published_figure_stands_beside_ours() -> None:
    """The record holds the paper's figure for the paper's setting, here cut short by interruption."""
    import gvae.experiment

    def stop(self: gvae.experiment.Experiment, on_epoch: object = None) -> None:
        preset = gvae.Preset(train=gvae.TrainConfig(epochs=1))
        short = gvae.Experiment(self.data, self.model, self.protocol, preset, self.seeds[:1])
        real_run(short)
        self.runs = short.runs
        raise KeyboardInterrupt

    real_run = gvae.experiment.Experiment.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gvae.experiment.Experiment, "run", stop)
        result = bench("cora", "--model", "vgae", "--runs", "3")
    assert result.exit_code == 130
    assert "91.4 / 92.6" in result.stdout
    assert "ten initialisations on one split" in " ".join(result.stdout.split())
    assert "1 of 3" in result.stdout
    assert "Interrupted." in result.stderr


def test_an_interruption_keeps_finished_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gvae.experiment

    target = tmp_path / "result.json"
    run_seed, seen = gvae.experiment.Experiment._run_seed, []

    def interrupted(self: gvae.experiment.Experiment, seed: int, on_epoch: Any) -> Any:
        seen.append(seed)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return run_seed(self, seed, on_epoch)

    monkeypatch.setattr(gvae.experiment.Experiment, "_run_seed", interrupted)
    result = bench("karate", "--runs", "4", "--epochs", "2", "--json", str(target))
    records = json.loads(target.read_text())
    jsonschema.validate(records, SCHEMA)
    assert result.exit_code == 130
    assert [(r["model"], r["complete"], len(r["runs"])) for r in records] == [("gae", False, 2)]
    assert "Traceback" not in result.output


def test_a_diverging_run_fails_with_exit_code_one() -> None:
    result = bench("karate", "--lr", "1e30", "--runs", "1")
    assert result.exit_code == 1
    assert "training diverged; try a learning rate below 1e+30" in result.stderr


BAD = {
    "bench coar": "unknown data set 'coar'; did you mean cora?",
    "bench cora nope/Cora": "unknown data set family 'nope'",
    "bench karate --model vage": "unknown model 'vage'; did you mean vgae or gae?",
    "bench karate --protocol kpif": "unknown protocol 'kpif'; did you mean kipf?",
    "bench karate --loss half": "unknown loss 'half'; known: full, sampled",
    "bench": "Missing argument 'DATASET'",
    "bench karate --runs 0": "runs must be an integer >= 1, got 0",
    "bench karate --runs many": "Invalid value for '--runs'",
    "bench karate --seed -1": "seed must be an integer >= 0, got -1",
    "bench karate --lr -0.1": "lr must be a positive number, got -0.1",
    "bench karate --lr nan": "lr must be a positive number, got nan",
    "bench karate --lr 0": "lr must be a positive number, got 0.0",
    "bench karate --beta -1": "beta must be a number >= 0, got -1.0",
    "bench karate --beta nan": "beta must be a number >= 0, got nan",
    "bench karate --epochs -3": "epochs must be an integer >= 1, got -3",
    "bench karate --hidden 0": "hidden must be an integer >= 1, got 0",
    "bench karate --device tpu": "device must be auto, cpu or cuda, got 'tpu'",
    "bench karate --json nowhere/result.json": "the folder nowhere does not exist",
    "bench karate --json .": "is a folder, expected a file",
    "bench karate --colour": "No such option: --colour",
    "brench": "No such command 'brench'",
}


@pytest.mark.parametrize(("command", "message"), BAD.items(), ids=list(BAD))
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
    assert torch.__version__ in info
    assert "torch-scatter" in info
    assert runner.invoke(app, ["--version"]).stdout == f"gvae {gvae.__version__}\n"
