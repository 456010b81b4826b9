"""``gvae bench`` beyond its table: protocols, splits as files, baselines, and results made again."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from gvae.catalog import HEURISTICS, PROTOCOLS

from .conftest import invoke

QUICK = "bench --epochs 3 --json -"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 nodes with ids of text, 1,191 edges, one a day."""
    path = tmp_path_factory.mktemp("network") / "edges.csv"
    graph = nx.barabasi_albert_graph(400, 3, seed=0)
    lines = [f"n{u},n{v},{day}\n" for day, (u, v) in enumerate(graph.edges)]
    path.write_text("source,target,day\n" + "".join(lines))
    return path


def records(result: Any) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def figures(record: dict[str, Any]) -> list[dict[str, float]]:
    return [{name: value for name, value in run.items() if "seconds" not in name} for run in record["runs"]]


def test_the_protocols_are_listed() -> None:
    result = invoke("bench --list-protocols")
    assert result.exit_code == 0
    first = [line.split(" ")[0] for line in result.stdout.splitlines()]
    assert set(PROTOCOLS) <= set(first)
    assert "Ties: average rank" in result.stdout


def test_saved_splits_give_the_same_figures(tmp_path: Path) -> None:
    saved = tmp_path / "splits"
    drawn = records(invoke(f"{QUICK} karate --model vgae --runs 2 --save-split", saved))[0]
    assert sorted(path.name for path in saved.iterdir()) == ["karate-0.npz", "karate-1.npz"]
    read = records(invoke(f"{QUICK} karate --model vgae --runs 2 --split", saved))[0]
    assert figures(read) == figures(drawn)
    assert read["manifest"]["splits"] == drawn["manifest"]["splits"]
    assert (read["manifest"]["split_file"], drawn["manifest"]["split_file"]) == (str(saved), None)
    again = invoke(f"{QUICK} karate --runs 2 --save-split", saved)
    assert (again.exit_code, again.stdout) == (2, "")
    assert "karate-0.npz: already exists, and nothing is overwritten" in again.stderr


def test_one_file_is_the_split_of_every_run(tmp_path: Path) -> None:
    records(invoke(f"{QUICK} karate --model gae --runs 1 --seed 4 --protocol pyg --save-split", tmp_path))
    result = invoke(f"{QUICK} karate --model gae --runs 2 --split", tmp_path / "karate-4.npz")
    record = records(result)[0]
    assert record["protocol"] == "pyg"  # the one that it was made under
    assert len({split["edges"] for split in record["manifest"]["splits"]}) == 1
    assert "initialisations on one split (seeds 0-1)" in result.stderr
    other = invoke(f"{QUICK} karate --protocol kipf --split", tmp_path / "karate-4.npz")
    assert other.exit_code == 2
    assert "was made under the protocol pyg, not kipf" in other.stderr


def test_splits_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    records(invoke(f"{QUICK} karate --model gae --runs 1 --save-split", tmp_path))
    other = invoke(f"{QUICK} les-miserables --split", tmp_path / "karate-0.npz")
    assert other.exit_code == 2
    assert "has 34 nodes, les-miserables has 77" in other.stderr
    missing = invoke(f"{QUICK} karate --runs 2 --split", tmp_path)
    assert missing.exit_code == 2
    assert "lacks 1 of 2 splits, first karate-1.npz; it holds karate-0.npz" in missing.stderr
    with np.load(tmp_path / "karate-0.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "hashes"}
    arrays["train_pos"] = np.array([[0], [9]])  # no friends
    np.savez(tmp_path / "strange.npz", **arrays)
    strange = invoke(f"{QUICK} karate --split", tmp_path / "strange.npz")
    assert strange.exit_code == 2
    assert "(0, 9) is no edge of karate: the split is of another graph" in strange.stderr


def test_a_leaking_split_is_not_benchmarked(tmp_path: Path) -> None:
    records(invoke(f"{QUICK} karate --model gae --runs 1 --save-split", tmp_path))
    with np.load(tmp_path / "karate-0.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "hashes"}
    arrays["test_messages"] = np.concatenate([arrays["test_messages"], arrays["test_pos"][:, :1]], axis=1)
    np.savez(tmp_path / "leak.npz", **arrays)
    result = invoke(f"{QUICK} karate --split", tmp_path / "leak.npz")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "leak.npz leaks: label-in-messages" in result.stderr


def test_a_result_whose_splits_are_gone_is_refused_before_any_work(tmp_path: Path) -> None:
    saved, result = tmp_path / "s", tmp_path / "r.json"
    assert invoke("bench karate --model katz --runs 2 --save-split", saved).exit_code == 0
    assert invoke("bench karate --model katz --runs 2 --json", result, "--split", saved).exit_code == 0
    assert invoke("bench --from", result).exit_code == 0
    (saved / "karate-1.npz").unlink()
    gone = invoke("bench --from", result)
    assert (gone.exit_code, gone.stdout) == (2, "")
    assert "lacks 1 of 2 splits, first karate-1.npz" in gone.stderr


def test_copies_of_one_split_are_no_random_splits(tmp_path: Path) -> None:
    records(invoke(f"{QUICK} karate --model katz --runs 1 --save-split", tmp_path))
    with np.load(tmp_path / "karate-0.npz") as file:
        plain = {name: file[name] for name in file.files if name not in ("source", "hashes")}
    for seed in range(3):
        np.savez(tmp_path / f"karate-{seed}.npz", **plain)
    result = invoke(f"{QUICK} karate --model katz --runs 3 --split", tmp_path)
    assert records(result)[0]["std"]["auc"] == 0
    assert "mean ± std over initialisations on one split (seeds 0-2)" in result.stderr


def test_a_split_that_cannot_be_scored_is_not_left_behind(tmp_path: Path) -> None:
    result = invoke("bench karate --protocol hits --model katz --runs 2 --save-split", tmp_path / "s")
    assert result.exit_code == 2
    assert "protocol hits, val part of karate: hits@100 needs at least 100 negatives" in result.stderr
    assert not (tmp_path / "s").exists()


def test_two_data_sets_never_share_a_file_of_splits(network: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "edges.csv").write_text(network.read_text())
    result = invoke("bench --runs 1 --save-split", tmp_path / "s", network, tmp_path / "a" / "edges.csv")
    assert result.exit_code == 2
    assert "edges-0.npz would be the split of two data sets" in result.stderr
    assert not (tmp_path / "s").exists()
    (tmp_path / "file").touch()
    onto = invoke("bench karate --runs 1 --save-split", tmp_path / "file")
    assert onto.exit_code == 2
    assert "is a file, expected a folder" in onto.stderr


def test_a_split_of_another_program_is_named_so(tmp_path: Path) -> None:
    records(invoke(f"{QUICK} karate --model gae --runs 1 --save-split", tmp_path))
    with np.load(tmp_path / "karate-0.npz") as file:
        plain = {
            name: file[name]
            for name in ("num_nodes", "train_pos", "val_pos", "test_pos", "val_neg", "test_neg")
        }
    np.savez(tmp_path / "plain.npz", **plain)
    result = invoke(f"{QUICK} karate --model gae --runs 2 --split", tmp_path / "plain.npz")
    record = records(result)[0]
    assert (
        "karate: a split of its file's own, not gvae's: 68 / 3 / 7 of 78 edges, 7 negatives at test."
        in result.stderr
    )
    assert record["manifest"]["negatives"].startswith("as the split file gives them: 68 / 3 / 7 of 78 edges")
    assert invoke("bench karate --protocol pyg --split", tmp_path / "plain.npz").exit_code == 2


def test_what_a_heuristic_is_stands_in_its_manifest() -> None:
    manifest = records(invoke(f"{QUICK} karate --model katz --runs 1"))[0]["manifest"]
    assert manifest["preset"] == {"features": True}
    assert "0.005" in manifest["model"]
    assert "kl" not in manifest


def test_splits_of_several_sizes_have_the_figures_that_all_have(tmp_path: Path) -> None:
    records(invoke(f"{QUICK} les-miserables --model gae --runs 2 --save-split", tmp_path))
    with np.load(tmp_path / "les-miserables-1.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "hashes"}
    fewer = {name: arrays[name][:, :9] for name in ("test_pos", "test_neg")}
    np.savez(tmp_path / "les-miserables-1.npz", **arrays | fewer)
    result = invoke(f"{QUICK} les-miserables --model katz --runs 2 --split", tmp_path)
    record = records(result)[0]
    assert "Note: 16 of 254 edges of les-miserables are in no part of the split" in result.stderr
    assert "hits@20" in record["runs"][0]
    assert "hits@20" not in record["mean"]
    assert "hits@3" in record["std"]


def test_a_result_is_made_again_from_its_manifest(tmp_path: Path) -> None:
    result = tmp_path / "r.json"
    flags = "bench karate --runs 2 --seed 3 --epochs 4 --hidden 5 --protocol strict --model vgae --model katz"
    assert invoke(f"{flags} --json", result).exit_code == 0
    again = invoke("bench --from", result)
    assert again.exit_code == 0, again.output
    assert "All figures are the same, bit for bit." in again.stdout
    content = json.loads(result.read_text())
    content[0]["runs"][1]["auc"] += 0.001
    content[0]["mean"]["auc"] += 0.0005
    content[0]["std"]["auc"] = statistics.stdev(run["auc"] for run in content[0]["runs"])
    result.write_text(json.dumps(content))
    differs = invoke("bench --from", result)
    assert differs.exit_code == 1
    assert "Figures, or what is said of them, differ" in differs.stdout
    for part in (*content[0]["runs"], content[0]["mean"], content[0]["std"]):
        del part["hits@1"]  # as of an older gvae
    result.write_text(json.dumps(content))
    lacks = invoke("bench --from", result)
    assert (lacks.exit_code, "nan" in lacks.stdout) == (1, True)
    own = invoke("bench --json", result, "--from", result)
    assert own.exit_code == 2
    assert "is what is read here, and would be overwritten" in own.stderr
    assert "1.00e-03" in differs.stdout


def test_a_result_of_a_file_is_made_again_as_long_as_the_file_is_the_same(
    network: Path, tmp_path: Path
) -> None:
    edges, result = tmp_path / "e.csv", tmp_path / "r.json"
    edges.write_text(network.read_text())
    flags = "--time day --protocol temporal --model gae --runs 1 --epochs 2"
    assert invoke(f"bench {flags} --json", result, edges).exit_code == 0
    assert invoke("bench --from", result).exit_code == 0
    edges.write_text(network.read_text() + "n0,n399,1\n")
    changed = invoke("bench --from", result)
    assert changed.exit_code == 2
    assert "is not the graph that the record was made with" in changed.stderr


def test_by_time_the_past_is_learned(network: Path, tmp_path: Path) -> None:
    flags = f"{QUICK} --protocol temporal --model gae --runs 2"
    result = invoke(f"{flags} --time day --save-split", tmp_path, network)
    record = records(result)[0]
    assert "initialisations and negatives on one split by time" in result.stderr
    assert [record["manifest"]["splits"][0][part] for part in ("train", "val", "test")] == [1013, 59, 119]
    without = invoke(flags, network)
    assert without.exit_code == 2
    assert "needs the edges' times" in without.stderr


def test_hard_candidates_come_with_the_heuristics(network: Path) -> None:
    result = invoke(f"{QUICK} --protocol heart --model gae --runs 1", network)
    found = records(result)
    beside = [name for name in HEURISTICS if name != "cosine"]
    assert [record["model"] for record in found] == ["gae", *beside]
    for record in found:
        run = record["runs"][0]
        assert 0 < run["mrr"] < 1
        assert run["hits@1"] <= run["hits@10"] <= run["hits@100"] <= 1
        assert record["mean"]["mrr"] == run["mrr"]
    assert "Hits@100" in result.stderr
    assert len({json.dumps(record["manifest"]["splits"]) for record in found}) == 1
    without = records(invoke(f"{QUICK} --protocol heart --no-baselines --model gae --runs 1", network))
    assert [record["model"] for record in without] == ["gae"]


def test_filtered_candidates_are_no_easier_to_beat(network: Path) -> None:
    flags = f"{QUICK} --model resource-allocation --no-baselines --runs 1 --protocol"
    hard = records(invoke(f"{flags} heart", network))[0]["runs"][0]
    filtered = records(invoke(f"{flags} heart-filtered", network))[0]["runs"][0]
    assert hard["mrr"] != filtered["mrr"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("karate --protocol hits", "hits@100 needs at least 100 negatives, got"),
        ("karate --protocol heart", "hard negatives need 250 candidates for each end of an edge"),
        ("karate --protocol temporal", "needs the edges' times"),
        ("", "expected at least one DATASET"),
        ("karate --from x.json", "leave the data sets out"),
        ("--from no.json", "no.json: no such file"),
        ("--from x.json --runs 3", "leave --runs out"),
        ("--from x.json --protocol kipf", "leave --protocol out"),
        ("karate --split no.npz", "no.npz: no such file"),
        ("karate --save-split no/where", "the folder no does not exist"),
        ("karate --time day", "--time is for files"),
        ("karate --model katzz", "unknown model 'katzz'; did you mean katz"),
        ("karate --model cosine --runs 1", "cosine needs node features"),
        ("no.csv", "no.csv: no such file"),
    ],
)
def test_refusals(arguments: str, message: str) -> None:
    result = invoke(f"bench {arguments}")
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_run_that_diverges_ends_the_benchmark_and_is_named(
    tmp_path: Path, explodes_at: Callable[[int], None]
) -> None:
    explodes_at(25)
    quick = "bench karate --model gae --epochs 20 --runs 3 --seed 4 --jobs 1"
    result = invoke(f"{quick} --json {tmp_path / 'r.json'}")
    assert result.exit_code == 1
    assert "Error: gae on karate, seed 5: the " in result.stderr
    assert "training diverged; try a learning rate below 0.01" in result.stderr
    (record,) = json.loads((tmp_path / "r.json").read_text())
    assert [run["seed"] for run in record["runs"]] == [4]
    assert not record["complete"]
