"""``gvae recommend``: pairs that are not edges, in the user's ids, best first."""

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
Pair = frozenset[str]


@pytest.fixture(scope="session")
def known(edges: Path) -> set[Pair]:
    return {frozenset(pair) for pair in pl.read_csv(edges).select("source", "target").rows()}


@pytest.fixture
def recommended(gvae: Command, run: Path, tmp_path: Path) -> Callable[..., pl.DataFrame]:
    """A function from options to the table that they write."""

    def write(options: str, *arguments: object) -> pl.DataFrame:
        result = gvae("recommend", run, *options.split(), *arguments, "--out", tmp_path / "links.parquet")
        assert result.exit_code == 0, result.output
        return pl.read_parquet(tmp_path / "links.parquet")

    return write


def pairs(frame: pl.DataFrame) -> list[Pair]:
    return [frozenset(pair) for pair in frame.select("source", "target").rows()]


def test_all_pairs_that_are_not_edges_are_ranked_once(
    recommended: Callable[..., pl.DataFrame], known: set[Pair]
) -> None:
    frame = recommended("--top 5000")
    found = pairs(frame)
    assert len(frame) == len(set(found)) == 77 * 76 // 2 - 254
    assert not known & set(found)
    assert all(len(pair) == 2 for pair in found)
    assert frame["score"].is_sorted(descending=True)
    assert frame["probability"].is_sorted(descending=True)
    assert frame["probability"].is_between(0, 1).all()
    assert frame["rank"].to_list() == [*range(1, len(frame) + 1)]


def test_scores_are_those_of_the_model(recommended: Callable[..., pl.DataFrame], run: Path) -> None:
    frame, model = recommended("--top 7"), GraphAutoencoder.load(run)
    z = dict(zip(model.node_ids_, model.embedding_, strict=True))
    expected = [z[u] @ z[v] for u, v in frame.select("source", "target").rows()]
    np.testing.assert_allclose(frame["score"], expected, rtol=1e-5)
    assert len(frame) == 7


def test_partners_of_each_node(recommended: Callable[..., pl.DataFrame], known: set[Pair]) -> None:
    frame = recommended("--per-node 3")
    assert frame.group_by("source").len()["len"].to_list() == [3] * 77
    assert frame["rank"].to_list() == [1, 2, 3] * 77
    assert not known & set(pairs(frame))
    assert (frame["source"] != frame["target"]).all()


def test_partners_of_some_nodes_in_the_order_of_their_file(
    recommended: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    (tmp_path / "nodes.csv").write_text("Valjean,x\nCosette,y\n")
    frame = recommended("--per-node 2 --nodes", tmp_path / "nodes.csv")
    assert frame["source"].to_list() == ["Valjean", "Valjean", "Cosette", "Cosette"]
    whole = recommended("--per-node 2 --exact").filter(pl.col("source").is_in(["Valjean"]))
    assert pairs(frame)[:2] == pairs(whole)
    np.testing.assert_allclose(frame["score"][:2], whole["score"], rtol=1e-5)


def test_the_least_score(recommended: Callable[..., pl.DataFrame]) -> None:
    every = recommended("--top 5000")
    least = every["score"][300]
    some = recommended("--top 5000 --min-score", least)
    assert 300 < len(some) < len(every)
    assert some.equals(every.filter(pl.col("score") >= least))


def test_the_largest_degree(recommended: Callable[..., pl.DataFrame], edges: Path) -> None:
    ends = pl.read_csv(edges)
    degree = pl.concat([ends["source"], ends["target"].alias("source")]).value_counts()
    few = set(degree.filter(pl.col("count") <= 3)["source"])
    frame = recommended("--top 5000 --max-degree 3")
    assert set(frame["source"]) | set(frame["target"]) == few


def test_pairs_across_sides(recommended: Callable[..., pl.DataFrame], run: Path, tmp_path: Path) -> None:
    names = GraphAutoencoder.load(run).node_ids_
    side = {name: "left" if i % 3 else "right" for i, name in enumerate(names)}
    rows = "".join(f"{name},{side[name]}\n" for name in reversed(names))
    (tmp_path / "sides.csv").write_text("id,side\n" + rows)
    frame = recommended("--top 5000 --sides", tmp_path / "sides.csv")
    every = recommended("--top 5000")
    assert {len({side[name] for name in pair}) for pair in pairs(frame)} == {2}
    assert len(frame) == sum(len({side[name] for name in pair}) == 2 for pair in pairs(every))


def test_the_approximate_index_finds_what_the_exact_search_finds(
    recommended: Callable[..., pl.DataFrame],
) -> None:
    pytest.importorskip("faiss")
    approximate, exact = recommended("--per-node 2 --approximate"), recommended("--per-node 2 --exact")
    assert pairs(approximate) == pairs(exact)
    np.testing.assert_allclose(approximate["score"], exact["score"], rtol=1e-5)


@pytest.mark.parametrize(("name", "separator"), [("links.csv", ","), ("links.tsv", "\t")])
def test_text_tables(name: str, separator: str, gvae: Command, run: Path, tmp_path: Path) -> None:
    result = gvae("recommend --top 12", run, "--out", tmp_path / name)
    frame = pl.read_csv(tmp_path / name, separator=separator)
    assert frame.shape == (12, 5)
    assert frame.columns == ["source", "target", "score", "probability", "rank"]
    assert result.stderr == f"written: {tmp_path / name} (12 rows)\n"
    assert os.listdir(tmp_path) == [name]


def test_ten_are_shown_unless_asked_otherwise(gvae: Command, run: Path) -> None:
    default, more = gvae("recommend", run).stdout, gvae("recommend --top 25", run).stdout
    assert [len(text.splitlines()) for text in (default, more)] == [10 + 4, 25 + 4]
    assert "The first" not in more


def test_a_long_table_is_shown_in_part(gvae: Command, run: Path, tmp_path: Path) -> None:
    shown = " ".join(gvae("recommend --per-node 2", run).stdout.split())
    assert "The first 100 of 154 rows; --out FILE writes all. Score: logit." in shown
    written = gvae("recommend --per-node 2", run, "--out", tmp_path / "links.csv").stdout
    assert f"The first 10 of 154 rows; all go to {tmp_path / 'links.csv'}." in written.replace("\n", "")


def test_without_calibration_there_are_no_probabilities(
    gvae: Command, club_run: Path, tmp_path: Path
) -> None:
    result = gvae("recommend --top 2", club_run, "--out", tmp_path / "links.csv")
    assert "No probability: nothing was held out" in " ".join(result.stdout.split())
    assert pl.read_csv(tmp_path / "links.csv").columns == ["source", "target", "score", "rank"]


def test_no_pair_that_is_good_enough_is_an_empty_table(gvae: Command, run: Path, tmp_path: Path) -> None:
    result = gvae("recommend --min-score 1000", run, "--out", tmp_path / "links.csv")
    assert result.exit_code == 0
    assert "No pair: all are edges, or left out by what you asked for." in result.stdout
    assert pl.read_csv(tmp_path / "links.csv").height == 0


def test_a_file_of_nodes_may_have_a_header(gvae: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text("id\nValjean\n")
    result = gvae("recommend --per-node 2 --nodes", tmp_path / "who.csv", run)
    assert result.exit_code == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()[3:5]] == ["Valjean"] * 2
