from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
import torch

from gvae.data import read_graph
from gvae.errors import GvaeWarning, InputError


def read(tmp_path: Path, content: str, **more: Any) -> Any:
    path = tmp_path / "edges.csv"
    path.write_text(content)
    return read_graph(path, **more)


def test_ids_with_gaps_are_kept_in_order(tmp_path: Path) -> None:
    data = read(tmp_path, "source,target\n100,7\n7,30\n")
    assert data.node_ids == [7, 30, 100]
    assert data.edge_index.tolist() == [[0, 0, 1, 2], [1, 2, 0, 0]]


def test_leading_zeros_are_kept(tmp_path: Path) -> None:
    assert read(tmp_path, "source,target\n007,7\n").node_ids == ["007", "7"]


def test_blanks_around_integers_are_not(tmp_path: Path) -> None:
    assert read(tmp_path, "source, target, weight\n1, 2, 5\n2, 3, 6\n", weight="weight").node_ids == [1, 2, 3]


def test_repeated_rows_are_summed_and_self_loops_dropped_and_said(tmp_path: Path) -> None:
    rows = "source,target,w\na,b,1\nb,a,2\na,b,4\nb,c,8\nc,c,9\n"
    with pytest.warns(GvaeWarning, match=r"edges\.csv: merged 2 repeated edges, dropped 1 self-loop"):
        data = read(tmp_path, rows, weight="w")
    assert data.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert data.edge_weight.tolist() == [7, 7, 8, 8]
    with pytest.warns(GvaeWarning, match="merged 1 repeated edge, dropped 1 self-loop"):
        data = read(tmp_path, rows, weight="w", directed=True)
    assert data.edge_index.tolist() == [[0, 1, 1], [1, 0, 2]]
    assert data.edge_weight.tolist() == [5, 2, 8]


def test_a_symmetric_list_keeps_its_weights(tmp_path: Path) -> None:
    data = read(tmp_path, "source,target,w\na,b,3\nb,a,3\nb,c,1\nc,b,1\n", weight="w")
    assert data.edge_weight.tolist() == [3, 3, 1, 1]


def test_lists_in_both_directions_with_other_weights_are_summed(tmp_path: Path) -> None:
    with pytest.warns(GvaeWarning, match="merged 1 repeated edge"):
        assert read(tmp_path, "source,target,w\na,b,3\nb,a,4\n", weight="w").edge_weight.tolist() == [7, 7]


def test_of_times_the_earliest_is_kept(tmp_path: Path) -> None:
    with pytest.warns(GvaeWarning, match="merged 1 repeated edge"):
        data = read(tmp_path, "source,target,t\na,b,9\na,b,4\nb,c,5\n", time="t")
    assert data.edge_time.tolist() == [4, 4, 5, 5]


def test_a_weight_counts_only_when_named(tmp_path: Path) -> None:
    assert "edge_weight" not in read(tmp_path, "source,target,weight\na,b,x\n")


@pytest.mark.parametrize(
    ("content", "nodes", "edges"),
    [("source,target\n", 0, 0), ("a b\n", 2, 2), ("source,target\nx,y\n", 2, 2)],
)
def test_tiny_graphs(tmp_path: Path, content: str, nodes: int, edges: int) -> None:
    data = read(tmp_path, content)
    assert (data.num_nodes, data.num_edges) == (nodes, edges)


def test_one_node_with_a_loop_has_no_edges(tmp_path: Path) -> None:
    with pytest.warns(GvaeWarning, match="dropped 1 self-loop"):
        data = read(tmp_path, "source,target\na,a\n")
    assert (data.num_nodes, data.num_edges, data.node_ids) == (1, 0, ["a"])


def test_ids_that_look_alike_are_warned_of(tmp_path: Path) -> None:
    with pytest.warns(GvaeWarning, match="2 node ids differ only by case or white space"):
        assert read(tmp_path, "source,target\nAnn,ann\nann,bob\n").num_nodes == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "source,target,w\na,b,1\n# x\n\na,c,-1\n",
            ", line 5: a weight must be finite and >= 0, got -1 in column 'w'",
        ),
        ("source,target,w\na,b,1\na,c,x\n", ", line 3: column 'w' must hold a number, got 'x'"),
        ("source,target,w\na,b,1\na,c,nan\n", ", line 3: a weight must be finite and >= 0, got nan"),
        ("source,target,w\na,b,1\na,c\n", ", line 3: expected 3 columns, got 2"),
        ("source,target,w\na,b,1\n,c,1\n", ", line 3: the node id in column 'source' is missing"),
        ("source,target\na,b\n", ": no column 'w'; its columns are 'source', 'target'"),
        ("source\na\n", ": no column 'w'; its columns are"),
        ("", ": the file is empty"),
    ],
)
def test_bad_edges_name_the_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"edges\.csv{message}"):
        read(tmp_path, content, weight="w")


def test_frames_and_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"source": ["a", "b"], "target": ["b", "c"], "w": [1.0, 2.0]})
    frame.write_parquet(tmp_path / "e.parquet")
    graphs = (frame, frame.lazy(), pd.DataFrame(frame.to_dict(as_series=False)), tmp_path / "e.parquet")
    for graph in graphs:
        data = read_graph(graph, weight="w")
        assert data.node_ids == ["a", "b", "c"]
        assert data.edge_weight.tolist() == [1, 1, 2, 2]
    with pytest.raises(InputError, match="the graph, row 2: a weight must be finite and >= 0, got -2"):
        read_graph(frame.with_columns(-pl.col("w") * (pl.col("w") - 1)), weight="w")


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(InputError, match=r"a graph must be a file, a Data, .* got int"):
        read_graph(5)


def test_a_graph_that_was_read_is_read_again() -> None:
    data = read_graph(torch.tensor([[0, 1, 2], [1, 2, 0]]))
    data.note = "kept"
    assert read_graph(data).to_dict().keys() == data.to_dict().keys()
