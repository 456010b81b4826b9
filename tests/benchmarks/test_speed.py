"""The benchmark's own arithmetic, and that every contender takes part."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from benchmarks.speed.__main__ import main
from benchmarks.speed.children import Memory, in_child, resident
from benchmarks.speed.contenders import CONTENDERS, normalised_features
from benchmarks.speed.goals import Goal, goals
from benchmarks.speed.graphs import MILLION, NUM_BLOCKS, SYNTHETIC, block_graph, family, make
from benchmarks.speed.measure import Run, epochs_on, run_once
from benchmarks.speed.peers import dense_loss
from benchmarks.speed.plot import plot
from benchmarks.speed.report import Result, tables
from benchmarks.speed.summary import Spread, exponent, growths, ratios
from gvae.data import LinkSplit, make_graph, split_links
from gvae.errors import InputError


def run(
    graph: str, contender: str, seconds: float, seed: int = 1000, auc: float = 0.9, nodes: int = 1000
) -> Run:
    """200 epochs of a made-up contender; an epoch takes a 200th."""
    return Run(graph, contender, nodes, 5 * nodes, seed, 200, seconds, seconds / 200, auc)


@pytest.fixture
def club() -> LinkSplit:
    """Zachary's karate club, split, with features."""
    edges = torch.tensor(list(nx.karate_club_graph().edges)).t()
    return split_links(make_graph(edges, 34, x=torch.eye(34)[:, :20] + 0.1), test=0.2, seed=0)


@pytest.mark.parametrize("contender", CONTENDERS)
def test_every_contender_runs_and_has_an_auc(contender: str, club: LinkSplit) -> None:
    found = run_once("club", contender, club, 4, seed=0)
    assert (found.graph, found.contender, found.nodes, found.edges) == ("club", contender, 34, 78)
    assert 0 < found.auc <= 1
    assert found.seconds > 0
    assert (found.seconds_per_epoch > 0) == (contender != "spectral")


@pytest.mark.parametrize("contender", [name for name in CONTENDERS if name != "spectral"])
def test_contenders_learn(contender: str) -> None:
    split = split_links(make("sbm-1e3"), seed=0)
    assert run_once("sbm-1e3", contender, split, 40, seed=0).auc > 0.7


def test_rows_are_normalised(club: LinkSplit) -> None:
    x = normalised_features(club).test.x
    assert x is not None
    assert x.sum(1) == pytest.approx(np.ones(34), abs=1e-6)


def test_the_dense_loss_is_the_weighted_cross_entropy() -> None:
    z, target = torch.tensor([[1.0], [2.0], [-1.0]]), torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    s = np.array([[1.0, 2, -1], [2, 4, -2], [-1, -2, 1]])
    positive, negative = np.log1p(np.exp(-s)), np.log1p(np.exp(s))
    # One edge, so 2 of 9 entries besides the diagonal: pos_weight 7 / 2, norm 9 / 14.
    expected = 9 / 14 * np.where(target == 1, 3.5 * positive, negative).mean()
    assert dense_loss(z, target).item() == pytest.approx(expected, rel=1e-6)


def test_a_spread_is_median_quartiles_and_ends() -> None:
    assert Spread.of([4.0, 1.0, 2.0, 3.0, 10.0]) == Spread(3, 2, 4, 1, 10, 5)
    assert str(Spread.of([2.0])) == "2.00 [2.00, 2.00]"


def test_ratios_pair_the_repetitions() -> None:
    runs = [run("g", "a", 6, 1000), run("g", "b", 2, 1000), run("g", "a", 5, 1001), run("g", "b", 1, 1001)]
    runs += [run("g", "a", 7, 1002), run("h", "b", 1, 1002)]
    assert ratios(runs, "g", "a", "b", 200) == [3, 5]


def test_missing_epochs_take_the_median_one() -> None:
    short = Run("g", "a", 10, 50, 1000, 20, 3.0, 0.1, 0.9)
    assert short.seconds_of(200) == pytest.approx(3 + 180 * 0.1)
    assert [epochs_on(nodes, 200) for nodes in (1_000, 10_000, 100_000, 1_000_000)] == [200, 200, 20, 5]


def test_the_exponent_is_a_slope_of_logarithms() -> None:
    nodes = [10**3, 10**4, 10**5, 10**6]
    assert exponent(nodes, [99.0, *(1e-7 * n**1.25 for n in nodes[1:])]) == pytest.approx(1.25)
    assert exponent(nodes[:2], [1.0, 2.0]) is None


def test_growth_takes_medians_by_edge() -> None:
    runs = [run("sbm-1e4", "a", 2, seed, nodes=10**4) for seed in (1000, 1001)]
    runs += [run("sbm-1e4", "a", 200, 1002, nodes=10**4), run("sbm-1e5", "a", 20, nodes=10**5)]
    (growth,) = growths([*runs, run("cora", "a", 1), run(MILLION, "a", 1)])
    assert growth.nodes == [10**4, 10**5]
    assert growth.nanoseconds_per_edge == pytest.approx([0.01 / 5e4 * 1e9, 0.1 / 5e5 * 1e9])
    assert growth.exponent == pytest.approx(1.0)


def test_goals_are_reached_or_missed() -> None:
    runs = [run("cora", "pyg raw", 6, auc=0.90), run("cora", "gvae full", 2, auc=0.89)]
    memory = Memory("pubmed", "gvae full", 3, int(1.3e9), int(0.4e9), 1.0, 0.9)
    found = {goal.what: goal for goal in goals(runs, [memory])}
    faster, higher, above = found.values()
    assert (faster.measured, faster.reached) == (3.0, True)
    assert (higher.shown, higher.reached) == ("-1.0", False)
    assert above.reached
    assert above.measured == pytest.approx(0.9e9)
    assert Goal("x", 1.0, False, 1.0, "").reached


@pytest.mark.parametrize("name", ["sbm-1e3", "power-law-1e3"])
def test_synthetic_graphs_are_what_they_say(name: str) -> None:
    data, again = make(name), make(name)
    assert (data.num_nodes, data.num_edges) == (1000, 10_000)
    assert torch.equal(data.edge_index, again.edge_index)
    assert torch.equal(data.x, again.x)
    largest = int(torch.bincount(data.edge_index[0]).max())
    assert (largest > 50) == name.startswith("power-law")


def test_degrees_follow_the_power_law() -> None:
    data = block_graph(20_000, power_law=True)
    degree = torch.bincount(data.edge_index[0], minlength=20_000).double()
    shares = [float((degree >= least).double().mean()) for least in (20, 80)]
    # P(degree >= k) falls as k^-1.5.
    assert np.log(shares[1] / shares[0]) / np.log(4) == pytest.approx(-1.5, abs=0.25)


def test_most_edges_are_within_blocks() -> None:
    data = block_graph(2000)
    centre = data.x @ torch.linalg.svd(data.x, full_matrices=False).Vh[:NUM_BLOCKS].T
    src, dst = data.edge_index
    near = (centre[src] - centre[dst]).norm(dim=1).mean()
    assert near < 0.97 * (centre[src] - centre[dst[torch.randperm(dst.numel())]]).norm(dim=1).mean()


def test_names_of_graphs() -> None:
    assert [family(name) for name in ("cora", "sbm-1e4", "power-law-1e6", MILLION)] == [
        *(None, "sbm", "power-law", None)
    ]
    assert make("sbm-400-20").num_edges > 1.5 * make("sbm-400").num_edges
    assert len(SYNTHETIC) == 8
    with pytest.raises(InputError, match="unknown graph 'sbm'"):
        make("sbm")
    with pytest.raises(InputError, match="at least 100 nodes"):
        make("sbm-10")


@pytest.mark.slow
def test_a_child_has_a_memory_of_its_own() -> None:
    ballast = np.ones(1 << 27)  # 1 GiB
    memory = in_child("sbm-100", "gvae full", 3)
    assert resident("VmHWM") > ballast.nbytes > memory.peak >= memory.imports > 50e6
    assert memory.auc > 0


@pytest.mark.slow
def test_the_whole_writes_json_table_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--graphs", "sbm-100", "sbm-200", "--epochs", "3", "--repetitions", "2", "--out"]
    assert main([*words, str(tmp_path), "--contenders", "gvae full", "pyg normalised"]) == 0
    record = json.loads((tmp_path / "speed.json").read_text())
    assert [(each["graph"], each["seed"]) for each in record["runs"]] == [
        (graph, seed) for graph in ("sbm-100", "sbm-200") for seed in (1000, 1001)
    ]
    assert [each["contender"] for each in record["left_out"]] == ["pyg normalised"] * 2
    assert [each["peak"] >= each["imports"] for each in record["memory"]] == [True] * 2
    assert record["environment"]["threads"] == torch.get_num_threads()
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")
    output = capsys.readouterr().out
    assert "| sbm-200 | gvae full | " in output
    assert "left out: pyg normalised on sbm-100, sbm-200: on the citation graphs alone" in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", "2"], "--epochs must be an integer >= 3, got 2"),
        (["--contenders", "pyg"], "unknown contender 'pyg'"),
        (["--out", "nowhere"], "the folder nowhere does not exist"),
    ],
)
def test_bad_input_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_a_plot_has_a_panel_for_each_family() -> None:
    runs = [run(f"{kind}-1e{e}", "a", 10.0**e, nodes=10**e) for kind in ("sbm", "power-law") for e in (3, 4)]
    figure = plot(runs)
    assert figure is not None
    assert [axes.get_title() for axes in figure.axes] == ["sbm", "power-law"]
    assert np.asarray(figure.axes[0].lines[0].get_ydata()) == pytest.approx([5.0, 50.0])
    assert plot([run("cora", "a", 1.0)]) is None


def test_tables_show_what_was_measured() -> None:
    runs = [run("cora", "pyg raw", 6), run("cora", "gvae full", 2)]
    memory = Memory("cora", "gvae full", 3, int(5e8), int(4e8), 1.0, 0.9)
    shown = tables(Result({}, {}, runs, [memory]))
    assert "| cora | gvae full | 2.00 [2.00, 2.00] | 3.00 [3.00, 3.00] | 90.0 | 200 | 500 | 100 |" in shown
    assert (
        "- reached: cora: pyg raw / gvae full, times as long: 3.00 [3.00, 3.00], asked at least 2.5" in shown
    )
