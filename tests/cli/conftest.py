"""Small graphs as files, runs trained on them, and the command line as a function."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import pytest
from PIL import Image
from typer.testing import CliRunner

from gvae.cli import app
from gvae.estimator import GraphAutoencoder
from gvae.train import Checkpoint

Command = Callable[..., Any]


def invoke(command: str, *arguments: object) -> Any:
    return CliRunner().invoke(app, [*command.split(), *map(str, arguments)])


@pytest.fixture(scope="session")
def gvae() -> Command:
    """A function that runs a command: words in one text, then arguments that may hold blanks."""
    return invoke


@pytest.fixture(scope="session")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """77 characters of a novel, 254 weighted edges, ids of text."""
    path = tmp_path_factory.mktemp("novel") / "edges.csv"
    lines = [f"{u},{v},{w}\n" for u, v, w in nx.les_miserables_graph().edges(data="weight")]
    path.write_text("source,target,weight\n" + "".join(lines))
    return path


@pytest.fixture(scope="session")
def run(edges: Path) -> Path:
    """A run on that file, calibrated on 25 edges."""
    folder = edges.with_name("run")
    result = invoke("train --val 0.1 --epochs 30 --out", folder, edges)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def club(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a club of 34 members: ``edges.csv``, and ``members.csv`` with what is known of each."""
    folder, graph = tmp_path_factory.mktemp("club"), nx.karate_club_graph()
    write_club(folder, {f"m{u}": graph.nodes[u]["club"] for u in graph}, [*graph.edges])
    return folder


def write_club(folder: Path, clubs: dict[str, str], pairs: list[tuple[int, int]]) -> None:
    ends = [(f"m{u}", f"m{v}") for u, v in pairs]
    pl.DataFrame(ends, schema=["source", "target"], orient="row").write_csv(folder / "edges.csv")
    rows = [(name, 20 + i % 7, "short words", team) for i, (name, team) in enumerate(clubs.items())]
    columns = ["id", "age", "motto", "club"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(folder / "members.csv")


@pytest.fixture(scope="session")
def club_run(club: Path) -> Path:
    """A run on the club, with features and labels."""
    folder = club / "run"
    nodes = ("--features", club / "members.csv", "--label", "club", "--text", "motto")
    result = invoke("train --val 0 --epochs 10 --out", folder, club / "edges.csv", *nodes)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def at_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training keeps its state after every epoch instead of every five seconds."""
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))
    monkeypatch.setattr("gvae.train.checkpoint.SHARE", 0)


@pytest.fixture
def interrupted(edges: Path, tmp_path: Path, at_every_epoch: None) -> Path:
    """A run's name whose training, 30 epochs with --val 0.1, was interrupted at epoch 15."""
    del at_every_epoch

    def stop(epoch: int, _: object) -> None:
        if epoch == 15:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        model = GraphAutoencoder(val=0.1, epochs=30)
        model.fit(edges, on_epoch=stop, checkpoint=tmp_path / "half.partial")
    return tmp_path / "half"


@pytest.fixture(scope="session")
def image_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs on the digits: a VAE with a plane, one that saw no threes, a conditional one, a GAN, an AE, M2."""
    folder = tmp_path_factory.mktemp("images")
    for name, options in {
        "plane": "--latent 2",
        "three": "--latent 4 --without-class 3",
        "cvae": "--model cvae --latent 2",
        "gan": "--model gan --latent 2",
        "ae": "--model ae --latent 4",
        "m2": "--model m2 --latent 2",
    }.items():
        result = invoke(f"image train {options} --hidden 16 --epochs 2 --out", folder / name)
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Forty pictures of 6 x 5 in two classes: dark and light."""
    values = np.random.default_rng(0).integers(0, 128, (40, 6, 5), dtype=np.uint8)
    for name, light in (("dark", 0), ("light", 127)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(20):
            Image.fromarray(values[i + 20 * (light > 0)] + light).save(
                tmp_path / "pictures" / name / f"{i:02}.png"
            )
    return tmp_path / "pictures"
