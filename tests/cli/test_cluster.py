"""``gvae cluster``: groups of nodes, as figures, tables and node attributes."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import networkx as nx
import numpy as np
import polars as pl
import pytest

from gvae.catalog import CLUSTERINGS, CRITERIA
from gvae.estimator import GraphAutoencoder

Command = Callable[..., Any]
FIGURE = {"type": "number", "minimum": -1, "maximum": 1}
LABELLED, UNLABELLED = ("acc", "nmi", "ami", "ari", "f1"), ("modularity", "conductance")
SCORES = dict.fromkeys([*LABELLED, *UNLABELLED, "noise"], FIGURE)
SCHEMA = {
    "type": "object",
    "required": ["graph", "method", "k", "choose", "smooth", "restarts", "runs", "mean", "std"],
    "additionalProperties": False,
    "properties": {
        "graph": {"type": "string"},
        "method": {"enum": list(CLUSTERINGS)},
        "k": {"type": ["integer", "null"], "minimum": 2},
        "choose": {"enum": [*CRITERIA, None]},
        "smooth": {"type": "integer", "minimum": 0},
        "restarts": {"type": "integer", "minimum": 1},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["seed", "k", *UNLABELLED],
                "additionalProperties": False,
                "properties": {"seed": {"type": "integer"}, "k": {"type": "integer"}, **SCORES},
            },
        },
        "mean": {"type": "object", "additionalProperties": False, "properties": SCORES},
        "std": {"type": "object", "additionalProperties": False, "properties": SCORES},
    },
}


def record_of(gvae: Command, command: str, *arguments: object) -> Any:
    result = gvae(f"cluster --json - {command}", *arguments)
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    jsonschema.validate(record, SCHEMA)
    return record


def test_figures_over_seeds_as_a_table_and_as_json(gvae: Command, tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    result = gvae("cluster karate -k 2 --runs 2 --seed 3 --epochs 20 --json", target)
    record = json.loads(target.read_text())
    jsonschema.validate(record, SCHEMA)
    mean, std = record["mean"], record["std"]
    assert ([run["seed"] for run in record["runs"]], record["graph"]) == ([3, 4], "karate")
    assert set(mean) == set(std) == {*LABELLED, *UNLABELLED}
    assert mean["acc"] == pytest.approx(np.mean([run["acc"] for run in record["runs"]]))
    for name in ("acc", "nmi", "modularity"):
        assert f"{100 * mean[name]:.1f} ± {100 * std[name]:.1f}" in result.stdout
    assert "mean ± std over seeds 3-4" in result.stdout
    assert "Labels were not used" in result.stdout


def test_one_seed_has_no_spread_and_a_graph_without_labels_no_accuracy(gvae: Command) -> None:
    result = gvae("cluster les-miserables -k 3 --epochs 5")
    assert "±" not in result.stdout
    assert "seed 0" in result.stdout
    assert "ACC" not in result.stdout
    assert "Labels" not in result.stdout


def test_json_on_standard_output_is_alone_there(gvae: Command) -> None:
    record = record_of(gvae, "karate -k 3 --epochs 3")
    assert (record["k"], record["std"], record["method"]) == (3, {}, "kmeans")


def test_options_of_the_model_reach_it(gvae: Command) -> None:
    base = "les-miserables -k 12 --epochs 20"
    plain = record_of(gvae, base)
    assert record_of(gvae, base) == plain
    for option in ("--model gae", "--latent 3", "--hidden 5", "--lr 0.5", "--epochs 30", "--loss sampled"):
        assert record_of(gvae, f"{base} {option}") != plain, option


@pytest.mark.parametrize("method", CLUSTERINGS)
def test_each_method_clusters_a_run(method: str, gvae: Command, run: Path) -> None:
    if method == "leiden":
        pytest.importorskip("igraph")
    k = "" if method in ("hdbscan", "leiden") else "-k 4"
    record = record_of(gvae, f"--method {method} {k} --restarts 2", run)
    assert (record["method"], record["restarts"]) == (method, 2)
    assert ("noise" in record["mean"]) == (method == "hdbscan")


@pytest.mark.parametrize("criterion", CRITERIA)
def test_k_is_chosen_without_labels(criterion: str, gvae: Command, run: Path) -> None:
    method = "gmm" if criterion == "bic" else "kmeans"
    options = f"--choose {criterion} --method {method} --max-k 5 --restarts 1"
    record = record_of(gvae, options, run)
    text = " ".join(gvae(f"cluster {options}", run).stdout.split())
    assert (record["k"], record["choose"]) == (None, criterion)
    assert 2 <= record["runs"][0]["k"] <= 5
    assert f"The number of clusters is chosen by {criterion}" in text


def test_max_k_bounds_the_choice(gvae: Command, run: Path) -> None:
    assert record_of(gvae, "--choose silhouette --max-k 2", run)["runs"][0]["k"] == 2


def test_a_run_is_clustered_by_its_own_embedding(gvae: Command, run: Path, tmp_path: Path) -> None:
    result = gvae("cluster -k 4", run, "--out", tmp_path / "clusters.csv")
    frame, model = pl.read_csv(tmp_path / "clusters.csv"), GraphAutoencoder.load(run)
    assert frame.columns == ["id", "cluster"]
    assert frame["id"].to_list() == model.node_ids_
    assert frame["cluster"].to_list() == model.cluster(4).tolist()
    assert result.stderr == f"written: {tmp_path / 'clusters.csv'} (77 rows)\n"


def test_of_several_seeds_the_first_is_written(gvae: Command, tmp_path: Path) -> None:
    one, more = tmp_path / "one.parquet", tmp_path / "more.parquet"
    gvae("cluster karate -k 3 --epochs 10 --seed 5 --out", one)
    gvae("cluster karate -k 3 --epochs 10 --seed 5 --runs 2 --out", more)
    assert pl.read_parquet(one).equals(pl.read_parquet(more))


READ: dict[str, Callable[[Path], Any]] = {
    "graph.graphml": nx.read_graphml,
    "graph.gexf": nx.read_gexf,
    "graph.gml": nx.read_gml,
    "graph.json": lambda path: nx.node_link_graph(json.loads(path.read_text()), edges="edges"),
}


@pytest.mark.parametrize("name", READ)
def test_a_network_has_the_clusters_as_attributes(
    name: str, gvae: Command, run: Path, edges: Path, tmp_path: Path
) -> None:
    result = gvae("cluster -k 4", run, "--out", tmp_path / name)
    graph, model = READ[name](tmp_path / name), GraphAutoencoder.load(run)
    expected = dict(zip(model.node_ids_, model.cluster(4).tolist(), strict=True))
    assert nx.get_node_attributes(graph, "cluster") == expected
    pairs = {frozenset(pair) for pair in pl.read_csv(edges).select("source", "target").rows()}
    assert {frozenset(pair) for pair in graph.edges()} == pairs
    assert "77 nodes with the attribute cluster" in result.stderr
    assert os.listdir(tmp_path) == [name]


def test_a_file_with_labels_is_scored_and_keeps_directions_and_weights(gvae: Command, tmp_path: Path) -> None:
    karate = nx.karate_club_graph()
    rows = "".join(f"n{u},n{v},{w}\n" for u, v, w in karate.edges(data="weight"))
    (tmp_path / "edges.csv").write_text("source,target,weight\n" + rows)
    members = "".join(f"n{u},{karate.nodes[u]['club']}\n" for u in karate)
    (tmp_path / "members.csv").write_text("id,club\n" + members)
    labels = ("--features", tmp_path / "members.csv", "--label", "club")
    options = "-k 2 --runs 2 --epochs 50 --weight weight --directed"
    out = tmp_path / "graph.graphml"
    result = gvae(f"cluster {options}", tmp_path / "edges.csv", *labels, "--out", out)
    assert result.exit_code == 0, result.output
    graph = nx.read_graphml(out)
    assert graph.is_directed()
    assert graph.edges["n0", "n1"]["weight"] == 4
    assert graph.nodes["n0"]["class"] == "Mr. Hi"
    assert "ACC" in result.stdout
    assert result.stderr.count("Note:") == 1
    agreeing = Counter((d["class"], d["cluster"]) for _, d in graph.nodes(data=True)).most_common(2)
    assert sum(count for _, count in agreeing) > 25


def test_a_data_set_is_meant_where_a_run_has_its_name(
    gvae: Command, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "karate").symlink_to(run)
    assert "ACC" in gvae("cluster karate -k 2 --epochs 2").stdout
    assert "ACC" not in gvae("cluster ./karate -k 2").stdout


def test_help_names_the_extra_in_its_brackets(gvae: Command) -> None:
    assert "gvae[leiden]" in gvae("cluster --help").stdout
