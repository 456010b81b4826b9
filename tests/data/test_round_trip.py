"""The same graph comes back from every format, with its ids."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from gvae.data import make_graph, node_ids, read_graph, to_networkx, write_graph
from gvae.data.write import edge_frame
from gvae.errors import GvaeWarning, InputError

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ODD = ["", "#a", "%b", " a", "a ", "A", "a", "007", "7", "-1", "a,b", 'q"', '"q"', "x\ty", "l\nm", "r\rs"]
ODD += [
    "é",
    "\u3000",
    "\ufeff",
    "&amp;",
    "<a>",
    "null",
    "nan",
    "]]>",
    "'",
    "\\n",
    "1e5",
    "[",
    "_networkx",
    "\x00",
]
integers = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 9)
texts = st.sampled_from(ODD) | st.text(max_size=6)
lists = st.one_of(*(st.lists(kind, min_size=2, max_size=8, unique=True) for kind in (integers, texts)))
FORMATS = (".graphml", ".gexf", ".gml", ".json", ".csv", ".tsv", ".parquet", ".npz", ".mtx")


@st.composite
def graphs(draw: st.DrawFn, *, ids: st.SearchStrategy[list[Any]] = lists) -> Data:
    """A small graph with ids, perhaps weights, times, directions and isolated nodes."""
    names = draw(ids)
    ends = st.integers(0, len(names) - 1)
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=12, unique_by=lambda pair: frozenset(pair)))
    edge_index = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
    sizes = st.floats(0, 1e6, width=32) | st.sampled_from([0.0, 0.1, 1e-30, 1.0])
    weight = draw(st.none() | st.lists(sizes, min_size=len(pairs), max_size=len(pairs)))
    data = make_graph(
        edge_index,
        len(names),
        edge_weight=None if weight is None else torch.tensor(weight),
        directed=draw(st.booleans()),
    )
    data.node_ids = names
    return data


def edges_of(data: Data) -> dict[tuple[str, str], tuple[float, ...]]:
    """Edges by the text of their ids: an integer and the text that writes it are the same id."""
    names = [str(name) for name in node_ids(data)]
    weights = data.get("edge_weight")
    values = [()] * data.num_edges if weights is None else [(value,) for value in weights.tolist()]
    ends = [(names[a], names[b]) for a, b in data.edge_index.T.tolist()]
    return dict(zip(ends, values, strict=True))


def read_back(source: Any, data: Data, weight: str = "weight") -> Data:
    directed = not data.is_undirected() or edge_frame(data).height == data.num_edges
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GvaeWarning)
        return read_graph(source, weight=weight if "edge_weight" in data else None, directed=directed)


@pytest.mark.parametrize("suffix", FORMATS)
@few
@given(data=graphs())
def test_every_format_gives_back_the_graph_or_refuses_its_ids(
    tmp_path: Path, suffix: str, data: Data
) -> None:
    path = tmp_path / f"graph{suffix}"
    matrix = suffix in (".npz", ".mtx")
    if matrix:
        data.node_ids = [*range(int(data.num_nodes or 0))]
    try:
        write_graph(data, path)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017
        return
    if not data.num_edges and "edge_weight" in data:
        del data.edge_weight  # there is no attribute without an edge
    back = read_back(path, data, "value" if matrix else "weight")
    assert edges_of(back) == edges_of(data)
    if suffix not in (".csv", ".tsv", ".parquet"):
        assert [str(name) for name in node_ids(back)] == [str(name) for name in node_ids(data)]
    if suffix in (".json", ".parquet") and back.num_nodes:
        assert {*node_ids(back)} <= {*data.node_ids}


def test_what_is_plain_is_not_refused(tmp_path: Path) -> None:
    plain = [
        ["a", "b c", "é", "x, y"],
        ["007", "7", "8", "9"],
        [5, -3, 1 << 40, 0],
        ['say "so"', "#1", "%", " a"],
    ]
    for ids in plain:
        data = make_graph(torch.tensor([[0, 1, 2], [1, 2, 3]]), 4)
        data.node_ids = ids
        for suffix in FORMATS[:-2]:
            write_graph(data, tmp_path / f"graph{suffix}")
            assert edges_of(read_graph(tmp_path / f"graph{suffix}")) == edges_of(data)


@few
@given(data=graphs())
def test_through_networkx_and_back(data: Data) -> None:
    back = read_back(to_networkx(data), data) if data.num_edges else read_graph(to_networkx(data))
    assert node_ids(back).to_list() == data.node_ids
    if data.num_edges:
        assert edges_of(back) == edges_of(data)


@few
@given(data=graphs())
def test_through_frames_and_back(data: Data) -> None:
    frame = edge_frame(data)
    if (frame.select(pl.exclude("weight").cast(pl.String)) == "").to_numpy().any():
        with pytest.raises(InputError, match="is missing"):
            read_graph(frame)
        return
    assert edges_of(read_back(frame, data)) == edges_of(data)
    if frame.height:  # pandas gives a column without rows the type float
        assert edges_of(read_back(pd.DataFrame(frame.to_dict(as_series=False)), data)) == edges_of(data)


@few
@given(data=graphs(ids=st.integers(2, 6).map(range).map(list)))
def test_through_matrices_and_back(data: Data) -> None:
    n = int(data.num_nodes or 0)
    weight = data.get("edge_weight")
    values = np.ones(data.num_edges) if weight is None else weight.double().numpy() + 1
    if weight is not None:
        data.edge_weight = weight = weight.double() + 1
    matrix = scipy.sparse.coo_array((values, tuple(data.edge_index.numpy())), shape=(n, n))
    for form in (matrix, matrix.tocsr(), matrix.tocsc(), matrix.toarray()):
        back = read_back(form, data, "value")
        assert back.edge_index.tolist() == data.edge_index.tolist()
        assert back.num_nodes == n
        if weight is not None:
            assert back.edge_weight.tolist() == weight.float().tolist()
