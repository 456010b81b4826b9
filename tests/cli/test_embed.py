"""``gvae embed``: the coordinates of a run's nodes, and of new ones, in other programs' formats."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import pytest

from gvae.data import read_graph
from gvae.estimator import GraphAutoencoder

Command = Callable[..., Any]
READ: dict[str, Callable[[Path], pl.DataFrame]] = {
    "z.parquet": pl.read_parquet,
    "z.csv": pl.read_csv,
    "z.tsv": lambda path: pl.read_csv(path, separator="\t"),
}


def coordinates(frame: pl.DataFrame) -> Any:
    return frame.drop("id").to_numpy()


@pytest.mark.parametrize("name", READ)
def test_a_table_has_the_users_ids_and_the_embedding(
    name: str, gvae: Command, run: Path, tmp_path: Path
) -> None:
    result = gvae("embed", run, "--out", tmp_path / name)
    model, frame = GraphAutoencoder.load(run), READ[name](tmp_path / name)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"written: {tmp_path / name} (77 nodes, 16 dimensions)\n"
    assert frame.columns == ["id", *(f"z{i}" for i in range(16))]
    assert frame["id"].to_list() == model.node_ids_
    np.testing.assert_allclose(coordinates(frame), model.embedding_, rtol=1e-6)


def test_npy_has_its_ids_beside_it(gvae: Command, run: Path, tmp_path: Path) -> None:
    result = gvae("embed", run, "--out", tmp_path / "z.npy")
    model = GraphAutoencoder.load(run)
    np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), model.embedding_)
    assert pl.read_csv(tmp_path / "z.ids.csv")["id"].to_list() == model.node_ids_
    assert "z.npy and" in result.stderr


@pytest.mark.parametrize("name", ["z.txt", "z.vec"])
def test_word2vec_by_its_ending(name: str, gvae: Command, run: Path, tmp_path: Path) -> None:
    assert gvae("embed", run, "--out", tmp_path / name).exit_code == 0
    assert (tmp_path / name).read_text().startswith("77 16\nAnzelma ")


def test_a_format_that_is_named_goes_before_the_ending(gvae: Command, run: Path, tmp_path: Path) -> None:
    gvae("embed --format csv", run, "--out", tmp_path / "z.graphml")
    assert pl.read_csv(tmp_path / "z.graphml").shape == (77, 17)
    gvae("embed --format projector", run, "--out", tmp_path / "board")
    assert {"board.vectors.tsv", "board.metadata.tsv"} < {*os.listdir(tmp_path)}


NETWORKS: dict[str, Callable[[Path], Any]] = {
    "z.graphml": nx.read_graphml,
    "z.gexf": nx.read_gexf,
    "z.gml": nx.read_gml,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_coordinates_as_attributes(
    name: str, gvae: Command, run: Path, edges: Path, tmp_path: Path
) -> None:
    assert gvae("embed", run, "--out", tmp_path / name).exit_code == 0
    graph, model = NETWORKS[name](tmp_path / name), GraphAutoencoder.load(run)
    z = [[graph.nodes[node][f"z{i}"] for i in range(16)] for node in model.node_ids_]
    np.testing.assert_allclose(z, model.embedding_, rtol=1e-6)
    expected = {frozenset(pair) for pair in pl.read_csv(edges).select("source", "target").rows()}
    assert {frozenset(pair) for pair in graph.edges()} == expected


@pytest.fixture
def newcomer(tmp_path: Path) -> Path:
    """Someone new, who knows two of the novel's characters."""
    path = tmp_path / "new.csv"
    path.write_text("source,target\nNewcomer,Valjean\nNewcomer,Cosette\n")
    return path


def test_new_nodes_join_the_runs_graph_by_id(
    gvae: Command, run: Path, newcomer: Path, tmp_path: Path
) -> None:
    assert gvae("embed", run, newcomer, "--out", tmp_path / "z.parquet").exit_code == 0
    frame, model = pl.read_parquet(tmp_path / "z.parquet"), GraphAutoencoder.load(run)
    assert frame["id"].to_list() == ["Cosette", "Newcomer", "Valjean"]
    np.testing.assert_array_equal(coordinates(frame), model.transform(read_graph(newcomer), extend=True))
    assert model.score_edges([("Cosette", "Valjean")])["score"][0] > 0


def test_alone_leaves_the_runs_edges_out(gvae: Command, run: Path, newcomer: Path, tmp_path: Path) -> None:
    gvae("embed --alone", run, newcomer, "--out", tmp_path / "alone.parquet")
    gvae("embed", run, newcomer, "--out", tmp_path / "joined.parquet")
    alone, joined = (pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("alone", "joined"))
    expected = GraphAutoencoder.load(run).transform(read_graph(newcomer))
    np.testing.assert_array_equal(coordinates(alone), expected)
    assert not np.allclose(coordinates(alone), coordinates(joined))


def test_how_the_new_file_is_read_is_as_asked_for(gvae: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("Newcomer,x,Valjean\nValjean,x,Cosette\n")
    options = "--no-header --source column_0 --target column_2"
    assert gvae(f"embed {options}", run, tmp_path / "new.csv", "--out", tmp_path / "z.csv").exit_code == 0
    assert pl.read_csv(tmp_path / "z.csv")["id"].to_list() == ["Cosette", "Newcomer", "Valjean"]


@pytest.fixture
def joiner(tmp_path: Path) -> tuple[Path, Path]:
    """A new member of the club, with an age, a motto and a club that nobody had before."""
    graph, members = tmp_path / "new.csv", tmp_path / "members.csv"
    graph.write_text("source,target\nm99,m0\n")
    members.write_text("id,age,motto,club\nm99,40,long words,None\nm0,20,short words,Officer\n")
    return graph, members


def test_new_nodes_have_features_encoded_as_those_of_the_run(
    gvae: Command, club_run: Path, joiner: tuple[Path, Path], tmp_path: Path
) -> None:
    graph, members = joiner
    result = gvae("embed", club_run, graph, "--features", members, "--out", tmp_path / "z.parquet")
    assert result.exit_code == 0, result.output
    frame, model = pl.read_parquet(tmp_path / "z.parquet"), GraphAutoencoder.load(club_run)
    new = read_graph(graph, features=members, like=model.graph_)
    assert new.x.size(1) == model.n_features_in_ == 3  # age; short, words
    assert frame["id"].to_list() == ["m0", "m99"]
    np.testing.assert_array_equal(coordinates(frame), model.transform(new, extend=True))


def test_new_nodes_without_the_features_are_refused(
    gvae: Command, club_run: Path, joiner: tuple[Path, Path], tmp_path: Path
) -> None:
    before = sorted(os.listdir(tmp_path))
    result = gvae("embed", club_run, joiner[0], "--out", tmp_path / "z.csv")
    assert result.exit_code == 2
    assert "new nodes must have the 3 features of the others, got none" in result.stderr
    assert sorted(os.listdir(tmp_path)) == before


def test_ids_that_a_format_cannot_hold_are_refused(gvae: Command, tmp_path: Path) -> None:
    (tmp_path / "graph.csv").write_text("source,target\nJean Valjean,a\na,b\n")
    gvae("train --val 0 --epochs 1 --out", tmp_path / "run", tmp_path / "graph.csv")
    result = gvae("embed", tmp_path / "run", "--out", tmp_path / "z.txt")
    assert result.exit_code == 2
    assert "no ids with white space, such as 'Jean Valjean'" in result.stderr
    assert sorted(os.listdir(tmp_path)) == ["graph.csv", "run"]


def test_the_second_file_of_a_pair_is_checked_too(gvae: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "z.ids.csv").mkdir()
    result = gvae("embed", run, "--out", tmp_path / "z.npy")
    assert result.exit_code == 2
    assert "z.ids.csv: is a folder, expected a file" in result.stderr
    assert os.listdir(tmp_path) == ["z.ids.csv"]


def test_a_run_is_not_written_into(gvae: Command, run: Path) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    result = gvae("embed --format csv", run, "--out", run / "model.safetensors")
    assert result.exit_code == 2
    assert "lies in a run's folder" in result.stderr
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
