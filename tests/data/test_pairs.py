from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from gvae.data import make_graph, read_ids, read_pairs, read_sides
from gvae.data.pairs import find_pairs
from gvae.errors import GvaeWarning, InputError


@pytest.mark.parametrize(
    "pairs",
    [
        [(1, 2), (3, 4)],
        np.array([[1, 2], [3, 4]]),
        torch.tensor([[1, 2], [3, 4]]),
        pl.DataFrame({"a": [1, 3], "b": [2, 4], "c": [0, 0]}),
        pd.DataFrame({"a": [1, 3], "b": [2, 4]}),
    ],
)
def test_pairs_come_in_many_forms(pairs: Any) -> None:
    assert read_pairs(pairs).rows() == [(1, 2), (3, 4)]


def test_pairs_of_text() -> None:
    one = UUID(int=1)
    assert read_pairs([("a", one)]).rows() == [("a", str(one))]
    assert read_pairs([]).rows() == []


@pytest.mark.parametrize("content", ["source,target\n1,2\n", "1\t2\n", "# x\n1 2\n"])
def test_pairs_from_a_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(content)
    assert read_pairs(path).rows() == [(1, 2)]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(1, 2), (1, 2, 3)], r"pairs must be pairs of node ids \(source, target\), got \(1, 2, 3\)"),
        (5, r"pairs must be a list of \(source, target\), got int"),
        ([1, 2], r"pairs must be a list of \(source, target\), got list"),
        (pl.DataFrame({"a": [1]}), "pairs must have two columns of node ids, got 1"),
        ([(0.5, 1)], r"pairs: node ids must be all integers or all strings, got float \(0.5\)"),
    ],
)
def test_what_is_no_pair_is_refused(pairs: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_pairs(pairs)


def test_a_bad_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("1,2\n3\n")
    with pytest.raises(InputError, match=r"pairs\.csv, line 2: expected 2 columns, got 1"):
        read_pairs(path)


def test_ids_and_sides(tmp_path: Path) -> None:
    path = tmp_path / "sides.csv"
    path.write_text("node,side\n2,b\n0,u\n1,v\n")
    data = make_graph(torch.tensor([[0], [1]]), 3)
    assert read_ids(path).to_list() == [2, 0, 1]
    assert read_sides(path, data) == ["u", "v", "b"]
    with pytest.raises(InputError, match=r"sides\.csv: no side for node 3"):
        read_sides(path, make_graph(torch.tensor([[0], [1]]), 4))
    path.write_text("0\n1\n2\n")
    assert read_ids(path).to_list() == [0, 1, 2]
    with pytest.raises(InputError, match=r"sides\.csv: expected two columns, ids and sides, got 1"):
        read_sides(path, data)


def test_a_node_without_a_side_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "sides.csv"
    path.write_text("node,side\n0,u\n1,\n2,v\n")
    with pytest.raises(InputError, match=r"sides\.csv, line 3: the side in column 'side' is missing"):
        read_sides(path, make_graph(torch.tensor([[0], [1]]), 3))


def test_unknown_ids_of_pairs_are_warned_of() -> None:
    pairs = read_pairs([("a", "b"), ("a", "z")])
    with pytest.warns(GvaeWarning, match="1 of 2 pairs have an id that is not in the graph, such as 'z'"):
        assert find_pairs(pl.Series(["b", "a"]), pairs).tolist() == [[1, 1], [0, -1]]
    assert find_pairs(pl.Series(["b", "a"]), pairs.head(1)).tolist() == [[1], [0]]
