"""``gvae train``: a graph goes in, a folder comes out, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gvae.estimator import GraphAutoencoder

Command = Callable[..., Any]
FILES = {
    *("model.safetensors", "graph.safetensors", "config.json"),
    *("history.jsonl", "embedding.parquet", "manifest.json"),
}


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_a_run_holds_the_graph_in_the_users_ids(run: Path, edges: Path) -> None:
    model = GraphAutoencoder.load(run)
    names = {name for pair in pl.read_csv(edges).select("source", "target").rows() for name in pair}
    assert set(os.listdir(run)) == FILES
    assert set(model.node_ids_) == names
    assert pl.read_parquet(run / "embedding.parquet")["id"].to_list() == model.node_ids_
    assert json.loads((run / "manifest.json").read_text())["graph_name"] == str(edges)
    assert not Path(f"{run}.partial").exists()


def test_the_table_says_what_was_learned_and_how(gvae: Command, edges: Path, tmp_path: Path) -> None:
    result = gvae("train --val 0.1 --epochs 20 --out", tmp_path / "run", edges)
    model = GraphAutoencoder.load(tmp_path / "run")
    val, text = model.val_scores_, " ".join(result.stdout.split())
    assert val is not None
    assert "77 nodes, 254 edges, 0 features" in text
    assert "20 epochs in" in text
    assert "10% of the edges" in text
    assert f"epoch {model.history_.epoch}, AUC {100 * val.auc:.1f} and AP {100 * val.ap:.1f}" in text
    assert "probabilities calibrated" in text
    assert str(tmp_path / "run") in result.stdout.replace("\n", "")


def test_the_table_says_when_nothing_was_held_out(gvae: Command, tmp_path: Path) -> None:
    text = " ".join(gvae("train karate --val 0 --epochs 2 --out", tmp_path / "run").stdout.split())
    assert "held out nothing" in text
    assert "chosen" not in text


def test_the_table_says_when_there_are_no_probabilities(gvae: Command, tmp_path: Path) -> None:
    text = " ".join(gvae("train karate --epochs 2 --out", tmp_path / "run").stdout.split())
    assert "probabilities none: too few edges were held out" in text


def test_options_reach_the_model(gvae: Command, tmp_path: Path) -> None:
    sizes = "--model gae --hidden 7 --latent 3 --epochs 4 --lr 0.05 --beta 0.5 --loss sampled --block 9"
    rest = "--patience 3 --no-features --device cpu --val 0.2 --seed 9"
    assert gvae(f"train karate {sizes} {rest} --out", tmp_path / "run").exit_code == 0
    model = GraphAutoencoder.load(tmp_path / "run")
    assert model.get_params() == {
        "model": "gae",
        "hidden": 7,
        "latent": 3,
        "features": False,
        "epochs": 4,
        "lr": 0.05,
        "beta": 0.5,
        "loss": "sampled",
        "block": 9,
        "patience": 3,
        "val": 0.2,
        "seed": 9,
        "device": "cpu",
    }
    assert model.embedding_.shape == (34, 3)


def test_patience_stops_early(gvae: Command, tmp_path: Path) -> None:
    gvae("train karate --val 0.2 --epochs 1000 --patience 10 --out", tmp_path / "run")
    assert GraphAutoencoder.load(tmp_path / "run").history_.epochs < 1000


@pytest.mark.parametrize(("name", "nodes"), [("karate", 34), ("les-miserables", 77)])
def test_data_sets_go_by_name(name: str, nodes: int, gvae: Command, tmp_path: Path) -> None:
    assert gvae(f"train {name} --epochs 2 --out", tmp_path / "run").exit_code == 0
    assert len(GraphAutoencoder.load(tmp_path / "run").node_ids_) == nodes


def trained(gvae: Command, folder: Path, text: str, options: str = "") -> Any:
    (folder / "graph.csv").write_text(text)
    options = options.replace("NODES", str(folder / "nodes.csv"))
    result = gvae(f"train --val 0 --epochs 1 {options} --out", folder / "run", folder / "graph.csv")
    assert result.exit_code == 0, result.output
    return GraphAutoencoder.load(folder / "run"), result


def test_columns_are_named(gvae: Command, tmp_path: Path) -> None:
    text = "kind,x,y,n,day\nk,a,b,2,2020-01-01\nk,b,c,0.5,2020-01-02\n"
    options = "--source x --target y --weight n --time day"
    data = trained(gvae, tmp_path, text, options)[0].graph_
    assert data.node_ids == ["a", "b", "c"]
    assert data.edge_weight.tolist() == [2, 2, 0.5, 0.5]
    assert sorted(set(data.edge_time.tolist())) == [1577836800, 1577923200]


def test_the_first_line_is_a_header_if_so_asked(gvae: Command, tmp_path: Path) -> None:
    assert trained(gvae, tmp_path, "x,y\na,b\nb,c\n", "--header")[0].node_ids_ == ["a", "b", "c"]


def test_the_first_line_is_an_edge_if_so_asked(gvae: Command, tmp_path: Path) -> None:
    model, _ = trained(gvae, tmp_path, "source,target\na,source\n", "--no-header")
    assert model.node_ids_ == ["a", "source", "target"]


def test_integer_ids_stay_integers(gvae: Command, tmp_path: Path) -> None:
    assert trained(gvae, tmp_path, "10 30\n30 2000\n")[0].node_ids_ == [10, 30, 2000]


def test_a_note_is_printed_once(gvae: Command, tmp_path: Path) -> None:
    _, result = trained(gvae, tmp_path, "source,target\na,b\nb,a\nb,c\nc,c\n")
    assert result.stderr.count("Note:") == 1
    assert "merged 1 repeated edge, dropped 1 self-loop" in result.stderr


def test_directions_are_not_learned_which_is_said(gvae: Command, tmp_path: Path) -> None:
    model, result = trained(gvae, tmp_path, "source,target\na,b\nb,c\n", "--directed")
    assert model.graph_.num_edges == 4
    assert "Note: the directions of the edges are not learned" in result.stderr


def test_a_second_table_gives_features_labels_and_isolated_nodes(gvae: Command, tmp_path: Path) -> None:
    nodes = "who,age,note,team\na,1,red fox,x\nb,2,red dog,y\nc,4,blue,x\nd,3,blue,\n"
    (tmp_path / "nodes.csv").write_text(nodes)
    options = "--features NODES --id who --label team --text note --isolated"
    model, _ = trained(gvae, tmp_path, "source,target\na,b\nb,c\n", options)
    assert model.node_ids_ == ["a", "b", "c", "d"]
    assert model.n_features_in_ == 1 + 4  # age; blue, dog, fox, red
    assert model.graph_.y.tolist() == [0, 1, 0, -1]
    assert model.graph_.class_names == ["x", "y"]
    assert [column["kind"] for column in model.graph_.feature_columns] == ["numeric", "text"]


def test_a_run_is_never_overwritten(gvae: Command, run: Path) -> None:
    before = snapshot(run)
    result = gvae("train karate --epochs 1 --out", run)
    assert result.exit_code == 2
    assert "already exists, and nothing is overwritten" in result.stderr
    assert snapshot(run) == before


def test_resume_of_a_complete_run_leaves_it_as_it_is(gvae: Command, tmp_path: Path) -> None:
    gvae("train karate --epochs 1 --out", tmp_path / "run")
    before = snapshot(tmp_path / "run")
    result = gvae("train karate --epochs 9 --resume --out", tmp_path / "run")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "complete run: nothing is left to resume" in result.stderr
    assert snapshot(tmp_path / "run") == before


def test_resume_tidies_up_after_a_run_that_was_killed_at_its_very_end(
    gvae: Command, run: Path, interrupted: Path
) -> None:
    shutil.copytree(run, interrupted)
    assert gvae("train karate --resume --out", interrupted).exit_code == 0
    assert os.listdir(interrupted.parent) == ["half"]


def test_resume_without_an_interrupted_run_begins_and_says_so(gvae: Command, tmp_path: Path) -> None:
    result = gvae("train karate --epochs 1 --resume --out", tmp_path / "run")
    assert result.exit_code == 0
    assert "no interrupted run" in result.stderr
    assert os.listdir(tmp_path) == ["run"]


def test_resume_ends_where_an_uninterrupted_run_ends(
    gvae: Command, edges: Path, run: Path, interrupted: Path
) -> None:
    result = gvae("train --val 0.1 --epochs 30 --resume --out", interrupted, edges)
    assert result.exit_code == 0, result.output
    assert (interrupted / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    expected = pl.read_parquet(run / "embedding.parquet")
    assert pl.read_parquet(interrupted / "embedding.parquet").equals(expected)
    assert os.listdir(interrupted.parent) == ["half"]


def test_an_interrupted_run_is_not_begun_anew_by_accident(
    gvae: Command, edges: Path, interrupted: Path
) -> None:
    kept = snapshot(Path(f"{interrupted}.partial"))
    result = gvae("train --val 0.1 --epochs 30 --out", interrupted, edges)
    assert result.exit_code == 2
    assert "half.partial keeps an interrupted run: --resume goes on with it" in result.stderr
    assert snapshot(Path(f"{interrupted}.partial")) == kept


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ("--val 0.1 --epochs 30 --lr 0.05", "config.lr is 0.05 now, 0.01 in the file"),
        ("--val 0.1 --epochs 30 --seed 4", "config.seed is 4 now, 0 in the file"),
        ("--val 0.2 --epochs 30", "val is 0.2 now, 0.1 in the file"),
        ("--val 0.1 --epochs 30 --weight weight", "graph is"),
    ],
)
def test_other_settings_do_not_resume(
    options: str, differs: str, gvae: Command, edges: Path, interrupted: Path
) -> None:
    kept = snapshot(Path(f"{interrupted}.partial"))
    result = gvae(f"train {options} --resume --out", interrupted, edges)
    assert result.exit_code == 2
    assert differs in result.stderr
    assert snapshot(Path(f"{interrupted}.partial")) == kept
    assert os.listdir(interrupted.parent) == ["half.partial"]


def test_a_name_with_a_slash_at_its_end_is_the_same_run(
    gvae: Command, edges: Path, interrupted: Path
) -> None:
    result = gvae("train --val 0.1 --epochs 30 --resume --out", f"{interrupted}/", edges)
    assert result.exit_code == 0, result.output
    assert os.listdir(interrupted.parent) == ["half"]


def test_what_reads_a_run_says_when_it_was_interrupted(gvae: Command, interrupted: Path) -> None:
    result = gvae("recommend", interrupted)
    assert result.exit_code == 2
    assert "this run was interrupted; gvae train with --resume finishes it" in result.stderr


def test_only_the_state_of_training_is_removed_from_its_folder(
    gvae: Command, edges: Path, interrupted: Path
) -> None:
    partial = Path(f"{interrupted}.partial")
    (partial / "thesis.txt").write_text("mine")
    assert gvae("train --val 0.1 --epochs 30 --resume --out", interrupted, edges).exit_code == 0
    assert os.listdir(partial) == ["thesis.txt"]


def test_a_run_that_diverges_leaves_nothing(gvae: Command, tmp_path: Path, at_every_epoch: None) -> None:
    result = gvae("train karate --lr 1e30 --epochs 50 --out", tmp_path / "run")
    assert result.exit_code == 1
    assert "training diverged" in result.stderr
    assert os.listdir(tmp_path) == []


def test_a_run_that_diverges_late_is_written_with_its_best_epoch(
    gvae: Command, edges: Path, tmp_path: Path, at_every_epoch: None, explodes_at: Callable[[int], None]
) -> None:
    explodes_at(15)
    result = gvae("train --val 0.1 --epochs 30 --out", tmp_path / "run", edges)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "at epoch 20: training diverged; try a learning rate below 0.01; " in result.stderr
    assert f"the weights of epoch 10, the best until then, which {tmp_path / 'run'} holds" in result.stderr
    assert os.listdir(tmp_path) == ["run"]
    model = GraphAutoencoder.load(tmp_path / "run")
    assert (model.history_.epochs, model.history_.epoch) == (20, 10)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["diverged"] == 20
