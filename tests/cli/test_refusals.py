"""Bad input to the commands that work on a user's own graph: one clear line, exit code 2, nothing written."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gvae.bundle import _sealed

Command = Callable[..., Any]
FILES = {
    "edges.csv": "source,target,weight\na,b,1\nb,c,2\nc,a,1\nc,d,1\n",
    "empty.csv": "",
    "comments.csv": "# nothing\n",
    "one.csv": "source,target\na,b\n",
    "self.csv": "source,target\na,a\n",
    "ragged.csv": "source,target\na,b\nc,d,e\n",
    "weight.csv": "source,target,weight\na,b,1\nb,c,x\n",
    "negative.csv": "source,target,weight\na,b,1\nb,c,-1\n",
    "column.csv": "only\na\nb\n",
    "binary.csv": "a\0b",
    "graph.json": "{",
    "strangers.csv": "Myriel\nNobody\n",
    "sides.csv": "id,side\nMyriel,left\n",
    "members.csv": "id,age\na,1\nb,2\n",
}
LONG = "long" * 80
READING = {
    "missing.csv": "missing.csv: no such file",
    "no/where.csv": "no/where.csv: no such file",
    "./karate": "./karate: no such file",
    "folder": "folder: is a folder, expected a file",
    "empty.csv": "empty.csv: the file is empty",
    "comments.csv": "comments.csv: holds no rows, only blank lines or comments",
    "ragged.csv": "ragged.csv, line 3: expected 2 columns, got 3",
    "column.csv": "column.csv: expected two columns of node ids",
    "binary.csv": "binary.csv, line 1: holds a null byte",
    "graph.json": "graph.json: cannot be read as JSON node-link",
    "weight.csv --weight weight": "weight.csv, line 3: column 'weight' must hold a number, got 'x'",
    "negative.csv --weight weight": "negative.csv, line 3: a weight must be finite and >= 0, got -1",
    "edges.csv --weight wieght": "no column 'wieght'; its columns are 'source', 'target', 'weight'",
    "edges.csv --features missing.csv": "missing.csv: no such file",
    "edges.csv --features members.csv": "members.csv: no row for node 'c'; 2 of 4 nodes have none",
    "edges.csv --label club": "--label describes the table of --features; give that too",
    "edges.csv --isolated": "--isolated describes the table of --features; give that too",
    "kora": "unknown data set or file 'kora'; did you mean cora or karate?",
    "nope/Cora": "unknown data set family 'nope'",
    "karate --weight w": "--weight is for files; 'karate' is a data set (./karate would be a file)",
    "planetoid/Cora --directed": "--directed is for files; 'planetoid/Cora' is a data set",
    LONG: "unknown data set or file",
    f"{LONG}.csv": "no such file",
}
MODEL = {
    "--model vage": "unknown model 'vage'; did you mean vgae or gae?",
    "--epochs 0": "epochs must be an integer >= 1, got 0",
    "--hidden 0": "hidden must be an integer >= 1, got 0",
    "--latent 0": "latent must be an integer >= 1, got 0",
    "--lr nan": "lr must be a positive number, got nan",
    "--beta -1": "beta must be a number >= 0, got -1.0",
    "--loss half": "unknown loss 'half'",
    "--device tpu": "unknown device 'tpu'",
    "--patience 0": "patience must be an integer >= 1, got 0",
    "--seed -1": "seed must be an integer >= 0, got -1",
    "--colour": "--colour",
}
TRAIN = {
    **{f"{graph} --out x": message for graph, message in READING.items()},
    **{f"edges.csv {option} --out x": message for option, message in MODEL.items()},
    "edges.csv": "--out",
    "one.csv --out x": "too small to split: of 1 edges none is left for val (share 0.05); val=0 (--val 0)",
    "one.csv --val 0 --out x": "the loss needs edges and non-edges, got 2 directed edges on 2 nodes",
    "self.csv --out x": "the graph has 1 nodes and no edges; there is nothing to learn",
    "edges.csv --val 1 --out x": "val must be a share from 0 to below 1, got 1",
    "edges.csv --val nan --out x": "val must be a share from 0 to below 1, got nan",
    "edges.csv --val -0.1 --out x": "val must be a share from 0 to below 1, got -0.1",
    "edges.csv --val 0 --patience 5 --out x": "--patience watches the held-out edges, and --val 0 holds none",
    "edges.csv --out no/where": "--out no/where: the folder no does not exist",
    "edges.csv --out folder": "--out folder: already exists, and nothing is overwritten",
    "edges.csv --out edges.csv": "--out edges.csv: already exists, and nothing is overwritten",
    f"edges.csv --out {LONG}": "cannot be written (File name too long)",
}
EMBED = {
    **{f"RUN {graph} --out x.csv": message for graph, message in READING.items()},
    "RUN": "--out",
    "folder --out x.csv": "folder: no run here; expected a folder that gvae train wrote",
    "missing --out x.csv": "missing: no run here",
    "edges.csv --out x.csv": "edges.csv: no run here",
    f"{LONG} --out x.csv": "no run here",
    "RUN --out x.xyz": "--out x.xyz: the ending must be one of .parquet, .pq, .csv",
    "RUN --out x": "--out x: the ending must be one of .parquet, .pq, .csv",
    "RUN --out folder --format csv": "--out folder: is a folder, expected a file",
    "RUN --out no/where.csv": "--out no/where.csv: the folder no does not exist",
    "RUN --out no/where.graphml": "--out no/where.graphml: the folder no does not exist",
    "RUN --out no/where --format projector": "--out no/where.vectors.tsv: the folder no does not exist",
    "RUN --out x.csv --format cvs": "unknown format 'cvs'; did you mean csv?",
    "RUN --out x.csv --alone": "--alone and how a file is read need GRAPH, the file with new nodes",
    "RUN --out x.csv --no-header": "need GRAPH, the file with new nodes",
    "RUN edges.csv --out x.csv --alone": "trained without features and knows none of these nodes",
}
OF_A_RUN = {
    "folder": "folder: no run here; expected a folder that gvae train wrote",
    "RUN --out x.xyz": "--out x.xyz: the ending must be one of .csv, .tsv, .parquet",
    "RUN --out folder.csv": "--out folder.csv: is a folder, expected a file",
    "RUN --out no/where.csv": "--out no/where.csv: the folder no does not exist",
}
RECOMMEND = {
    **OF_A_RUN,
    "RUN --top 0": "top must be an integer >= 1, got 0",
    "RUN --per-node 0": "per-node must be an integer >= 1, got 0",
    "RUN --top 3 --per-node 2": "--top ranks all pairs, --per-node each node's: give one of them",
    "RUN --top 3 --per-node 0": "give one of them",
    "RUN --nodes strangers.csv": "--nodes and --approximate go with --per-node",
    "RUN --approximate": "--nodes and --approximate go with --per-node",
    "RUN --per-node 2 --nodes strangers.csv": "1 ids are not in the graph, such as 'Nobody'",
    "RUN --per-node 2 --nodes missing.csv": "missing.csv: no such file",
    "RUN --per-node 2 --nodes folder": "folder: is a folder, expected a file",
    "RUN --per-node 2 --nodes empty.csv": "empty.csv: the file is empty",
    "RUN --sides missing.csv": "missing.csv: no such file",
    "RUN --sides column.csv": "column.csv: expected two columns, ids and sides, got 1",
    "RUN --sides sides.csv": "sides.csv: no side for node 'Anzelma'",
    "RUN --max-degree -1": "max-degree must be an integer >= 0, got -1",
    "RUN --min-score nan": "must be a number, got NaN",
}
SCORE = {
    **{f"{words} edges.csv": message for words, message in OF_A_RUN.items()},
    "RUN": "PAIRS",
    "RUN missing.csv": "missing.csv: no such file",
    "RUN folder": "folder: is a folder, expected a file",
    "RUN empty.csv": "empty.csv: the file is empty",
    "RUN column.csv": "column.csv: expected two columns of node ids",
    "RUN ragged.csv": "ragged.csv, line 3: expected 2 columns, got 3",
}
CLUSTER = {
    **{f"{graph} -k 2 --out x.csv": message for graph, message in READING.items()},
    **{f"karate -k 2 {option}": message for option, message in MODEL.items()},
    "karate": "kmeans needs either -k, the number of clusters, or --choose (silhouette, modularity, bic)",
    "RUN": "kmeans needs either -k",
    "karate -k 1": "k must be an integer >= 2, got 1",
    "karate -k 2 --choose silhouette": "-k gives the number of clusters, --choose finds it: give one of them",
    "karate -k 2 --method kmaens": "unknown clustering 'kmaens'; did you mean kmeans?",
    "karate -k 2 --method leiden": "leiden finds the number of clusters itself: leave -k and --choose out",
    "karate --choose bic --method hdbscan": "hdbscan finds the number of clusters itself",
    "karate --choose bic": "--choose bic goes with --method gmm",
    "karate --choose silouette": "unknown criterion 'silouette'; did you mean silhouette?",
    "karate --choose silhouette --max-k 1": "max-k must be an integer >= 2, got 1",
    "karate -k 2 --runs 0": "runs must be an integer >= 1, got 0",
    "karate -k 2 --restarts 0": "restarts must be an integer >= 1, got 0",
    "karate -k 2 --patience 5": "--patience watches held-out edges, and clusters are learned from all",
    "karate -k 2 --out x.xyz": "the ending must be one of .csv, .tsv, .parquet, .graphml, .gexf, .gml, .json",
    "karate -k 2 --out no/where.csv": "--out no/where.csv: the folder no does not exist",
    "karate -k 2 --json no/where.json": "--json no/where.json: the folder no does not exist",
    "karate -k 2 --json folder": "--json folder: is a folder, expected a file",
    "RUN -k 78": "k must be at most the number of nodes, 77, got 78",
    "RUN -k 2 --epochs 3": "is a run: how a file is read and a model trained was settled there",
    "RUN -k 2 --weight w": "is a run: how a file is read and a model trained was settled there",
}
COMMANDS = {"train": TRAIN, "embed": EMBED, "recommend": RECOMMEND, "score": SCORE, "cluster": CLUSTER}
BAD = {f"{name} {words}": message for name, table in COMMANDS.items() for words, message in table.items()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with bad files in it."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    for name in ("folder", "folder.csv"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check_refusal(result: Any, message: str) -> None:
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
    assert "Traceback" not in result.output
    if "Usage" not in result.stderr:
        assert sum(line.startswith("Error: ") for line in result.stderr.splitlines()) == 1
        assert all(line.startswith(("Note: ", "Error: ")) for line in result.stderr.splitlines())


@pytest.mark.parametrize(("command", "message"), BAD.items(), ids=lambda text: text[:50])
def test_bad_input_is_one_clear_error(
    command: str, message: str, gvae: Command, run: Path, folder: Path
) -> None:
    before = sorted(os.listdir(folder))
    check_refusal(gvae(command.replace("RUN", str(run))), message)
    assert sorted(os.listdir(folder)) == before


EARLY = {
    "karate -k 35": "k must be at most the number of nodes, 34, got 35",
    "one.csv --choose silhouette": "a choice of k needs at least 3 nodes, got 2",
    "edges.csv --method hdbscan": "hdbscan needs at least 5 nodes, got 4",
}


@pytest.mark.parametrize(("words", "message"), EARLY.items(), ids=lambda text: text[:30])
def test_too_few_nodes_for_the_clusters_are_found_before_training(
    words: str, message: str, gvae: Command, folder: Path
) -> None:
    # A learning rate that fails at once: training that had begun would end with that error instead.
    check_refusal(gvae(f"cluster {words} --lr 1e30 --epochs 20"), message)


READERS = ["embed RUN --out z.csv", "recommend RUN", "score RUN edges.csv", "cluster RUN -k 2"]


@pytest.fixture
def copy(run: Path, folder: Path) -> Path:
    return shutil.copytree(run, folder / "copy")


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("name", ["model.safetensors", "graph.safetensors", "embedding.parquet"])
def test_a_damaged_file_of_a_run_is_named(command: str, name: str, gvae: Command, copy: Path) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    before = sorted(os.listdir())
    check_refusal(gvae(command.replace("RUN", "copy")), f"copy/{name}: damaged or changed since it was")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("command", READERS)
def test_a_run_of_a_newer_version_is_refused(command: str, gvae: Command, copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["version"] += 1
    (copy / "manifest.json").write_bytes(_sealed({k: v for k, v in manifest.items() if k != "sha256"}))
    check_refusal(gvae(command.replace("RUN", "copy")), "copy was written by a newer gvae: bundle version 2")


def test_a_run_that_lacks_a_file_is_refused(gvae: Command, copy: Path) -> None:
    (copy / "graph.safetensors").unlink()
    check_refusal(gvae("recommend copy"), "copy/graph.safetensors: is missing")


def test_a_package_that_is_missing_is_named_before_training(
    gvae: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "igraph", None)
    result = gvae("cluster karate --method leiden --lr 1e30 --epochs 20")
    check_refusal(result, "leiden needs the package igraph: pip install 'gvae[leiden]'")


def test_the_approximate_index_names_its_package(
    gvae: Command, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    result = gvae("recommend --per-node 2 --approximate", run)
    check_refusal(result, "ann needs the package faiss: pip install 'gvae[ann]'")
