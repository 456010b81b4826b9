from __future__ import annotations

import gzip
import json
import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import torch
from torch_geometric.data import Data

from gvae.data import node_ids, read_graph
from gvae.data.graph import MAX_NODES
from gvae.errors import GvaeWarning, InputError

PATH = np.array([[0, 2, 0], [2, 0, 0.5], [0, 0.5, 0]])  # 0 - 1 - 2


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_networkx_keeps_nodes_in_order_and_counts_weights_when_named() -> None:
    graph: nx.Graph[str] = nx.Graph([("b", "a", {"weight": 2.0}), ("a", "c", {"weight": 0.5})])
    graph.add_node("alone")
    data = read_graph(graph)
    assert data.node_ids == ["b", "a", "c", "alone"]
    assert data.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert "edge_weight" not in data
    assert read_graph(graph, weight="weight").edge_weight.tolist() == [2, 2, 0.5, 0.5]


def test_parallel_edges_are_summed() -> None:
    graph: nx.MultiGraph[int] = nx.MultiGraph([(1, 5, {"w": 2}), (5, 1, {"w": 3}), (5, 5, {"w": 1})])
    with pytest.warns(GvaeWarning, match="the graph: merged 1 repeated edge, dropped 1 self-loop$"):
        assert read_graph(graph, weight="w").edge_weight.tolist() == [5, 5]


def test_directed_graphs_are_read_as_asked() -> None:
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph([("a", "b"), ("b", "c")])
    with pytest.warns(GvaeWarning, match="read directed edges as undirected"):
        assert read_graph(graph).edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert read_graph(graph, directed=True).edge_index.tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ([{"w": 1}, {}], "edge 2: column 'w' must hold a number, got nothing"),
        ([{"w": 1}, {"w": -1}], "edge 2: a weight must be finite and >= 0, got -1"),
        ([{"w": "x"}, {"w": 1}], "edge 1: column 'w' must hold a number, got 'x'"),
        ([{"w": [1]}, {"w": [1]}], r"edge 1: column 'w' must hold a number, got '\[1\]'"),
        ([{"v": 1}, {"u": 1}], ": no edge attribute 'w'; there are u, v"),
        ([{}, {}], ": no edge attribute 'w'; there are none"),
    ],
)
def test_bad_attributes_name_the_edge(attributes: list[dict[str, Any]], message: str) -> None:
    graph = nx.Graph([(0, 1, attributes[0]), (1, 2, attributes[1])])
    with pytest.raises(InputError, match=f"the graph(, )?{message}"):
        read_graph(graph, weight="w")


def test_attributes_of_other_types_are_taken_as_they_print() -> None:
    graph = nx.Graph([(0, 1, {"w": 10**30, "t": "2020-01-01"}), (1, 2, {"w": 0.5, "t": "2020-01-02"})])
    data = read_graph(graph, weight="w", time="t")
    assert data.edge_weight.tolist() == pytest.approx([1e30, 1e30, 0.5, 0.5])
    assert data.edge_time[2] - data.edge_time[0] == 86400


def test_ids_of_networkx_graphs() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert read_graph(nx.Graph([(one, two)])).node_ids == [str(one), str(two)]
    assert read_graph(nx.Graph([("1", "2")])).node_ids == ["1", "2"]
    for bad in ([(0, "a")], [((0, 1), (1, 0))], [(Fraction(1), 2)]):
        with pytest.raises(InputError, match="the graph: node ids must be all integers or all strings"):
            read_graph(nx.Graph(bad))


def test_numbers_in_xml_become_integers_and_in_json_stay_text(tmp_path: Path) -> None:
    nx.write_graphml(nx.Graph([("10", "9")]), tmp_path / "g.graphml")
    assert read_graph(tmp_path / "g.graphml").node_ids == [10, 9]
    content = json.dumps(nx.node_link_data(nx.Graph([("10", "9")]), edges="links"))
    assert read_graph(write(tmp_path / "g.json", content)).node_ids == ["10", "9"]


def test_gzipped_and_marked_files(tmp_path: Path) -> None:
    content = json.dumps(nx.node_link_data(nx.path_graph(3), edges="edges")).encode()
    for name, packed in (("g.JSON", b"\xef\xbb\xbf" + content), ("g.json.GZ", gzip.compress(content))):
        assert read_graph(write(tmp_path / name, packed)).num_edges == 4
    with pytest.raises(InputError, match="damaged or truncated gzip"):
        read_graph(write(tmp_path / "g.json.gz", gzip.compress(content)[:-9]))


def test_gml_with_utf8_and_without_labels(tmp_path: Path) -> None:
    labels = (
        'graph [\r\n node [ id 0 label "é" ]\r\n node [ id 7 label "b" ]\r\n edge [ source 0 target 7 ]\r\n]'
    )
    assert read_graph(write(tmp_path / "a.gml", labels)).node_ids == ["é", "b"]
    bare = "graph [ node [ id 3 ] node [ id 7 ] edge [ source 3 target 7 ] ]"
    assert read_graph(write(tmp_path / "b.gml", bare)).node_ids == [3, 7]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("g.json", b'{"nodes": [],\n "x": "\xe9"}', "line 2: is not UTF-8"),
        ("g.gml", b'graph [\n\n label "\xe9" ]', "line 3: is not UTF-8"),
        ("g.json", b"[1, 2]", "cannot be read as JSON node-link"),
        ("g.json", b"{", "cannot be read as JSON node-link"),
        ("g.graphml", b"<graphml>", "cannot be read as GRAPHML"),
        ("g.gexf", b"<gexf/>", "cannot be read as GEXF"),
        ("g.gml", b"graph [", "cannot be read as GML"),
        ("g.npz", b"PK", "is not a whole .npz file"),
        ("g.npy", b"NUMPY", "cannot be read as a NumPy array of numbers"),
        ("g.pt", b"PK", "is not a whole file of torch.save"),
        ("g.npz.gz", b"x", "unpack it first; only text files may be gzipped"),
    ],
)
def test_damaged_files_name_the_file(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"{name}(, |: ){message}") as caught:
        read_graph(write(tmp_path / name, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", [np.array, scipy.sparse.coo_array, scipy.sparse.csr_matrix, torch.tensor])
def test_adjacency_matrices(form: Any) -> None:
    data = read_graph(form(PATH), weight="value")
    assert data.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert data.edge_weight.tolist() == [2, 2, 0.5, 0.5]
    assert "node_ids" not in data
    assert "edge_weight" not in read_graph(form(PATH))


def test_matrices_of_bits_and_of_complex_numbers() -> None:
    assert read_graph(PATH > 0).num_edges == 4
    assert read_graph(PATH * 1j, weight="value").edge_weight.tolist() == [2, 2, 0.5, 0.5]


def test_matrices_from_files(tmp_path: Path) -> None:
    scipy.sparse.save_npz(tmp_path / "a.npz", scipy.sparse.csr_array(PATH))
    scipy.io.mmwrite(tmp_path / "a.mtx", scipy.sparse.coo_array(PATH))
    np.save(tmp_path / "a.npy", PATH)
    for name in ("a.npz", "a.mtx", "a.npy"):
        assert read_graph(tmp_path / name, weight="value").edge_weight.tolist() == [2, 2, 0.5, 0.5]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (
            np.ones((3, 4)),
            r"expected an adjacency matrix \(N, N\) or integer pairs .* got float64 of shape \(3, 4\)",
        ),
        (np.ones(3), r"got float64 of shape \(3,\)"),
        (PATH * np.nan, "an adjacency matrix must be finite"),
        (np.full((3, 3), "x"), "adjacency matrix"),
        (np.full((3, 3), None), "cannot be read as an adjacency matrix"),
        (np.array([[0, 1], [1, 2]]), r"integers of shape \(2, 2\) may be an adjacency matrix or two edges"),
        (np.array([[0, -1, 2], [1, 2, 0]]), "must hold node indices from 0 to 2, got -1 to 2"),
        (torch.eye(3).to_sparse(), "cannot be read as an array"),
        (scipy.sparse.csr_array((2, 3)), r"must be square, got \(2, 3\)"),
    ],
)
def test_other_arrays_are_refused(matrix: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"the graph: .*{message}"):
        read_graph(matrix)


def test_a_matrix_has_no_columns() -> None:
    with pytest.raises(
        InputError, match=r"a matrix has no column 'w'; its entries are weights with weight='value'"
    ):
        read_graph(PATH, weight="w")
    with pytest.raises(InputError, match="an array has no columns, but 'value' was asked for"):
        read_graph(np.array([[0, 1, 2], [1, 2, 0]]), weight="value")
    with pytest.raises(InputError, match="entry 1: a weight must be finite and >= 0, got -2"):
        read_graph(-PATH, weight="value")


def test_index_pairs_stand_or_lie() -> None:
    pairs = np.array([[0, 1, 4], [1, 2, 1]])
    for array in (pairs, pairs.T, torch.from_numpy(pairs)):
        data = read_graph(array)
        assert data.num_nodes == 5
        assert data.edge_index.tolist() == [[0, 1, 1, 1, 2, 4], [1, 0, 2, 4, 1, 1]]
    assert read_graph(np.array([[0, 1], [1, 0]])).num_edges == 2


def test_a_damaged_sparse_matrix_is_refused() -> None:
    matrix = scipy.sparse.csr_array(PATH)
    matrix.indices[0] = 9
    with pytest.raises(InputError, match="cannot be read as an adjacency matrix"):
        read_graph(matrix)
    with pytest.raises(InputError, match="a graph must have at most 3,037,000,499 nodes"):
        read_graph(scipy.sparse.coo_array((MAX_NODES + 1, MAX_NODES + 1)))


def test_saved_data_keeps_what_belongs_to_nodes(tmp_path: Path) -> None:
    data = Data(
        x=torch.eye(3),
        y=torch.tensor([0, 1, 0]),
        edge_index=torch.tensor([[0, 1], [1, 2]]),
        edge_weight=torch.tensor([1, 2]),
        edge_time=torch.tensor([5.0, 6.0]),
        train_mask=torch.tensor([True, False, True]),
    )
    data.node_ids = ["a", "b", "c"]
    torch.save(data, tmp_path / "g.pt")
    found = read_graph(tmp_path / "g.pt")
    assert node_ids(found).to_list() == ["a", "b", "c"]
    assert found.edge_weight.tolist() == [1, 1, 2, 2]
    assert found.edge_time.tolist() == [5, 5, 6, 6]
    assert found.train_mask.tolist() == [True, False, True]
    assert found.y.tolist() == [0, 1, 0]


class Harmful:
    def __reduce__(self) -> Any:
        return (print, ("harm",))


def test_nothing_is_unpickled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"x": Harmful()}, tmp_path / "g.pt")
    with pytest.raises(InputError, match=r"g\.pt: holds more than tensors, and unpickling it could run code"):
        read_graph(tmp_path / "g.pt")
    np.save(tmp_path / "g.npy", np.array([Harmful()], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"cannot be read as a NumPy array of numbers \(Object arrays"):
        read_graph(tmp_path / "g.npy")
    (tmp_path / "h.pt").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(InputError, match=r"is not a whole file of torch\.save"):
        read_graph(tmp_path / "h.pt")
    assert capsys.readouterr().out == ""


def test_a_pt_file_must_hold_data(tmp_path: Path) -> None:
    path = tmp_path / "g.pt"
    torch.save({"a": torch.ones(1)}, path)
    with pytest.raises(InputError, match=r"g\.pt: expected a torch_geometric\.data\.Data, got dict"):
        read_graph(path)
    torch.save(Data(x=torch.ones(2, 1)), path)
    with pytest.raises(InputError, match=r"g\.pt: cannot be read as a Data with edge_index"):
        read_graph(path)
    np.savez(tmp_path / "z.npz", a=1)
    (tmp_path / "z.npz").rename(path)
    with pytest.raises(InputError, match=r"g\.pt: cannot be read as a file of torch\.save"):
        read_graph(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("node_ids", ["a"], "node_ids must have one id for each of 3 nodes, got 1"),
        ("node_ids", ["a", "b", "a"], "node id 'a' is there twice"),
        ("node_ids", 5, "cannot be read as a Data"),
        ("edge_weight", torch.ones(3), r"edge_weight must have shape \(1,\), got \(3,\)"),
        ("edge_weight", [1.0], r"edge_weight must have shape \(1,\), got list"),
        ("edge_weight", torch.tensor([-1.0]), "edge 1: a weight must be finite and >= 0, got -1"),
        ("edge_index", torch.zeros(2, 1), "edge_index must hold int64 node indices"),
        ("x", torch.ones(2, 2), r"x must have shape \(3, D\)"),
        ("y", torch.ones(2), r"y must have shape \(3,\)"),
    ],
)
def test_bad_data_says_what(key: str, value: Any, message: str) -> None:
    data = Data(edge_index=torch.tensor([[0], [1]]), num_nodes=3)
    data[key] = value
    with pytest.raises(InputError, match=f"the graph(: |, ){message}"):
        read_graph(data)
