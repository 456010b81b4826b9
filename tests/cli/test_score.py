"""``gvae score``: the score of given pairs, in their order."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gvae.estimator import GraphAutoencoder

Command = Callable[..., Any]


def test_each_pair_keeps_its_row(gvae: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("source,target\nValjean,Cosette\nNapoleon,Cosette\nCosette,Valjean\n")
    result = gvae("score", run, tmp_path / "pairs.csv", "--out", tmp_path / "scores.csv")
    model, frame = GraphAutoencoder.load(run), pl.read_csv(tmp_path / "scores.csv")
    z = dict(zip(model.node_ids_, model.embedding_, strict=True))
    assert frame.columns == ["source", "target", "score", "probability"]
    assert frame["source"].to_list() == ["Valjean", "Napoleon", "Cosette"]
    expected = [z[u] @ z[v] for u, v in frame.select("source", "target").rows()]
    np.testing.assert_allclose(frame["score"], expected, rtol=1e-5)
    assert frame["score"][0] == frame["score"][2]
    assert f"{frame['score'][1]:.4f}" in result.stdout
    assert result.stderr == f"written: {tmp_path / 'scores.csv'} (3 rows)\n"


def test_an_unknown_id_keeps_its_row_without_a_score(gvae: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("source,target\nValjean,Nobody\nValjean,Cosette\n")
    result = gvae("score", run, tmp_path / "pairs.csv", "--out", tmp_path / "scores.parquet")
    frame = pl.read_parquet(tmp_path / "scores.parquet")
    assert result.exit_code == 0
    assert "Note: 1 of 2 pairs have an id that is not in the graph, such as 'Nobody'" in result.stderr
    assert frame["score"].is_null().to_list() == frame["probability"].is_null().to_list() == [True, False]
    assert result.stdout.splitlines()[3].split() == ["Valjean", "Nobody", "-", "-"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pairs.tsv", "Valjean\tCosette\n"),
        ("pairs.txt", "# who whom\nValjean Cosette\n"),
        ("pairs.csv", "n,target,source\n1,Cosette,Valjean\n"),
    ],
)
def test_pairs_come_in_any_table(name: str, text: str, gvae: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    result = gvae("score", run, tmp_path / name, "--out", tmp_path / "scores.tsv")
    assert result.exit_code == 0, result.output
    frame = pl.read_csv(tmp_path / "scores.tsv", separator="\t")
    assert frame.select("source", "target").rows() == [("Valjean", "Cosette")]


def test_integers_from_text_find_the_nodes_of_a_data_set(gvae: Command, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("0,33\n5,6\n")
    gvae("train karate --epochs 2 --out", tmp_path / "run")
    result = gvae("score", tmp_path / "run", tmp_path / "pairs.csv")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert sorted(os.listdir(tmp_path)) == ["pairs.csv", "run"]


def test_columns_and_a_header_can_be_named(gvae: Command, run: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("who,left,right\nx,Valjean,Cosette\n")
    named = gvae("score --source left --target right", run, pairs, "--out", tmp_path / "a.csv")
    assert named.exit_code == 0, named.stderr
    pairs.write_text("left,right\nValjean,Cosette\n")
    told = gvae("score --header", run, pairs, "--out", tmp_path / "b.csv")
    assert told.exit_code == 0, told.stderr
    frames = [pl.read_csv(tmp_path / name) for name in ("a.csv", "b.csv")]
    assert frames[0].equals(frames[1])
    assert frames[0].height == 1
