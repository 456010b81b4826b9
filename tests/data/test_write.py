from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch_geometric.data import Data

from gvae.data import make_graph, read_graph, to_networkx, write_graph
from gvae.data.write import edge_frame
from gvae.errors import InputError


def graph(ids: list[Any] | None = None, **more: Any) -> Data:
    data = make_graph(torch.tensor([[0, 1], [1, 2]]), 4, **more)
    if ids is not None:
        data.node_ids = ids
    return data


def test_networkx_has_the_ids_the_weights_and_the_classes() -> None:
    data = graph(["a", "b", "c", "d"], edge_weight=torch.tensor([2.0, 0.5]), y=torch.tensor([1, 0, -1, 1]))
    data.class_names = ["low", "high"]
    found = to_networkx(data, {"z": np.arange(4), "s": pl.Series(["w", "x", "y", "z"])})
    assert not found.is_directed()
    assert [*found.nodes(data=True)][2] == ("c", {"class": "", "z": 2, "s": "y"})
    assert [*found.edges(data=True)] == [("a", "b", {"weight": 2.0}), ("b", "c", {"weight": 0.5})]
    with pytest.raises(InputError, match="attribute 'z' must have a value for each of 4 nodes, got 3"):
        to_networkx(data, {"z": [1, 2, 3]})


def test_directions_are_kept() -> None:
    assert [*to_networkx(graph(directed=True)).edges] == [(0, 1), (1, 2)]
    both = make_graph(torch.tensor([[0, 1], [1, 0]]), 2, edge_weight=torch.tensor([1.0, 2.0]), directed=True)
    assert edge_frame(both).rows() == [(0, 1, 1.0), (1, 0, 2.0)]


def test_attributes_are_written(tmp_path: Path) -> None:
    for suffix in (".graphml", ".gexf", ".gml", ".json"):
        write_graph(graph(), tmp_path / f"g{suffix}", {"z": np.array([0.5, 1, 2, 3])})
        assert "0.5" in (tmp_path / f"g{suffix}").read_text()


def test_ids_like_comments_are_quoted(tmp_path: Path) -> None:
    write_graph(graph(["#a", "b", "c", "d"]), tmp_path / "g.csv")
    assert (tmp_path / "g.csv").read_text() == '"source","target"\n"#a","b"\n"b","c"\n'
    write_graph(graph(["a", "b", "c", "d"]), tmp_path / "g.csv")
    assert (tmp_path / "g.csv").read_text() == "source,target\na,b\nb,c\n"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("g.xyz", graph(), "a graph's file must end in one of .graphml"),
        ("g.csv", graph(["", "b", "c", "d"]), "the id '' is empty or has a character that .csv cannot hold"),
        ("g.parquet", graph(["", "b", "c", "d"]), "the id '' is empty"),
        ("g.tsv", graph(["a\0", "b", "c", "d"]), "has a character that .tsv cannot hold"),
        (
            "g.csv",
            graph([" 1", "2", "3", "4"]),
            "ids that are integers but for blanks would lose them, such as ' 1'",
        ),
        ("g.gexf", graph(["a\1", "b", "c", "d"]), "has a character that .gexf cannot hold"),
        ("g.npz", graph(["a", "b", "c", "d"]), "a matrix has no node ids; delete data.node_ids"),
        ("g.mtx", graph(edge_weight=torch.tensor([0.0, 1.0])), "a matrix has no edges of weight 0"),
    ],
)
def test_what_would_come_back_otherwise_is_refused(
    tmp_path: Path, name: str, data: Data, message: str
) -> None:
    path = tmp_path / name
    with pytest.raises(InputError, match=message):
        write_graph(data, path)
    assert not path.exists()


def test_attributes_that_a_format_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"node attributes go to one of \.graphml"):
        write_graph(graph(), tmp_path / "g.csv", {"z": [1, 2, 3, 4]})
    with pytest.raises(InputError, match=r"g\.graphml: cannot be written"):
        write_graph(graph(), tmp_path / "g.graphml", {"z": [None] * 4})
    with pytest.raises(InputError, match=r"g\.gml: cannot be written"):
        write_graph(graph(), tmp_path / "g.gml", {"two words": [1] * 4})
    with pytest.raises(InputError, match=r"g\.json: a node attribute cannot be called 'id'"):
        write_graph(graph(), tmp_path / "g.json", {"id": [1] * 4})


def test_a_matrix_comes_back(tmp_path: Path) -> None:
    data = graph(edge_weight=torch.tensor([0.1, 3.0]))
    for suffix in (".npz", ".mtx"):
        write_graph(data, tmp_path / f"g{suffix}")
        back = read_graph(tmp_path / f"g{suffix}", weight="value")
        assert back.num_nodes == 4
        assert torch.equal(back.edge_weight, data.edge_weight)
