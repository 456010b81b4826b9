from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from torch_geometric.data import Data

from gvae.data import make_graph, read_graph
from gvae.errors import GvaeWarning, InputError


def graph(ids: list[Any] | None = None) -> Data:
    data = make_graph(torch.tensor([[0, 1], [1, 2]]), 3)
    if ids is not None:
        data.node_ids = ids
    return data


def features(data: Data) -> list[list[float]]:
    assert data.x is not None
    found: list[list[float]] = data.x.to_dense().tolist()
    return found


def test_rows_are_joined_by_id_and_encoded(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("size,id,colour,on\n-4,c,red,1\n2,a,blue,0\n1,b,red,0.5\n")
    with pytest.warns(GvaeWarning, match=r"f\.csv: columns divided by their largest absolute value.*: size"):
        data = read_graph(graph(["a", "b", "c"]), features=path)
    # size / 4, colour is blue, colour is red, on
    assert features(data) == [[0.5, 1, 0, 0], [0.25, 0, 1, 0.5], [-1, 0, 1, 1]]
    assert [column["kind"] for column in data.feature_columns] == ["numeric", "categorical", "numeric"]


def test_integer_ids_are_found_whatever_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("id,a\n 2,0.3\n0,0.1\n1 ,0.2\n")
    for ids in (None, [0, 1, 2], ["0", "1", "2"]):
        assert features(read_graph(graph(ids), features=path)) == pytest.approx(
            torch.tensor([[0.1], [0.2], [0.3]])
        )


def test_new_nodes_are_encoded_alike() -> None:
    first = pl.DataFrame(
        {"id": [0, 1, 2], "n": [4.0, 2.0, 0.0], "c": ["x", "y", "x"], "t": ["red car", "red", "blue car"]}
    )
    with pytest.warns(GvaeWarning, match="columns divided"):
        earlier = read_graph(graph(), features=first, text=["t"])
    second = pl.DataFrame(
        {"id": [2, 1, 0], "t": ["green", "car", "red red"], "c": ["y", "unseen", "x"], "n": [8, 2, 1]}
    )
    found = features(read_graph(graph(), features=second, text=["t"], like=earlier))
    tfidf = TfidfVectorizer().fit(first["t"]).transform(["red red", "car", "green"]).toarray()
    assert [row[:3] for row in found] == [[0.25, 1, 0], [0.5, 0, 0], [2, 0, 1]]
    torch.testing.assert_close(torch.tensor(found)[:, 3:], torch.from_numpy(tfidf).float())
    with pytest.raises(InputError, match="no column 'n'; its columns are"):
        read_graph(graph(), features=second.drop("n"), like=earlier)


def test_text_equals_scikit_learn() -> None:
    texts = ["Red cars, red!", "", "blue cars"]
    data = read_graph(graph(), features=pl.DataFrame({"id": [0, 1, 2], "t": texts}), text=["t"])
    torch.testing.assert_close(
        torch.tensor(features(data)),
        torch.from_numpy(TfidfVectorizer().fit_transform(texts).toarray()).float(),
    )


@pytest.mark.parametrize(
    ("column", "y", "names"),
    [
        (["10", "9", ""], [1, 0, -1], ["9", "10"]),
        (["b", "a", "b"], [1, 0, 1], ["a", "b"]),
        ([5, None, 3], [1, -1, 0], ["3", "5"]),
        ([None, None, None], [-1, -1, -1], []),
        ([True, False, True], [1, 0, 1], ["false", "true"]),
    ],
)
def test_labels_are_classes_in_order(column: list[Any], y: list[int], names: list[str]) -> None:
    data = read_graph(graph(), features=pl.DataFrame({"id": [0, 1, 2], "l": column}), label="l")
    assert data.y.tolist() == y
    assert data.class_names == names
    assert data.x is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,a\n0,1\n\n1,1\n0,2\n2,1\n", ", line 5: id 0 has a row already"),
        (
            "id,a\n0,1\n1,1\n# x\n7,1\n2,1\n",
            ", line 5: id 7 is not in the graph (1 such ids); leave the row out",
        ),
        ("id,a\n0,1\n2,1\n", ": no row for node 1; 1 of 3 nodes have none"),
        ("id,a\n0,1\n1,x\n2,1\n", ", line 3: column 'a' must hold a number, got 'x'"),
        ("id,a\n0,1\n1,\n2,1\n", ", line 3: column 'a' must hold a number, got nothing"),
        ("id,a\n0,1\n1,nan\n2,1\n", ", line 3: a feature must be finite, got nan in column 'a'"),
        ("id,a\n0,x\n1,y\n2,\n", ", line 4: column 'a' has no value"),
        ("id,a\n0,1\n,1\n2,1\n", ", line 3: the id in column 'id' is missing"),
        ("id,a,b\n0,1,2\n1,2\n2,1,1\n", ", line 3: expected 3 columns, got 2"),
    ],
)
def test_bad_tables_name_the_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=re.escape(f"f.csv{message}")):
        read_graph(graph(), features=path)


def test_bad_columns() -> None:
    frame = pl.DataFrame({"id": [0, 1, 2], "list": [[1], [2], [3]], "t": ["!", "", "?"]})
    with pytest.raises(
        InputError, match=r"the features: column 'list' must hold text or numbers, got List\(Int64\)"
    ):
        read_graph(graph(), features=frame)
    with pytest.raises(InputError, match="column 't' holds no words to count"):
        read_graph(graph(), features=frame.drop("list"), text=["t"])
    with pytest.raises(InputError, match="no column 'z'"):
        read_graph(graph(), features=frame, text=["z"])
    with pytest.raises(InputError, match="no column 'z'"):
        read_graph(graph(), features=frame.drop("list"), label="z")
    with pytest.raises(InputError, match="features must be a file or a frame, got int"):
        read_graph(graph(), features=5)
    with pytest.raises(InputError, match="describe the table of features; there is none"):
        read_graph(graph(), label="z")


def test_temporal_columns_are_categories() -> None:
    days = pl.Series(["2020-01-01", "2020-01-02", "2020-01-01"]).str.to_date()
    data = read_graph(graph(), features=pl.DataFrame({"id": [0, 1, 2], "day": days}))
    assert features(data) == [[1, 0], [0, 1], [1, 0]]


def test_ids_of_the_table_alone_are_isolated_nodes() -> None:
    frame = pl.DataFrame({"id": ["2", "x", "0", "1"], "a": [0.2, 0.9, 0.0, 0.1]})
    data = read_graph(graph([0, 1, 2]), features=frame, isolated=True)
    assert data.node_ids == ["0", "1", "2", "x"]
    assert features(data) == pytest.approx(torch.tensor([[0.0], [0.1], [0.2], [0.9]]))
    assert data.has_isolated_nodes()
    data = read_graph(
        graph(), features=pl.DataFrame({"id": [9, 2, 1, 0], "a": [0.9, 0.2, 0.1, 0.0]}), isolated=True
    )
    assert data.node_ids == [0, 1, 2, 9]


def test_nodes_of_an_earlier_graph_may_have_rows_or_none() -> None:
    first = pl.DataFrame({"id": ["a", "b", "c"], "n": [0.1, 0.2, 0.3]})
    earlier = read_graph(pl.DataFrame({"u": ["a", "b"], "v": ["b", "c"]}), features=first)
    new = pl.DataFrame({"u": ["d"], "v": ["b"]})
    for rows in ({"id": ["d"], "n": [0.9]}, {"id": ["a", "d", "c"], "n": [0.1, 0.9, 0.3]}):
        data = read_graph(new, features=pl.DataFrame(rows), like=earlier)
        assert data.node_ids == ["b", "d"]
        assert data.x.to_dense().flatten().tolist() == pytest.approx([0.2, 0.9])
    with pytest.raises(InputError, match="no row for node 'e'"):
        read_graph(pl.DataFrame({"u": ["e"], "v": ["b"]}), features=first, like=earlier)
