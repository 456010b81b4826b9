from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import torch

from gvae.data import split_links
from gvae.datasets import load, names
from gvae.errors import DownloadError, InputError, UnknownNameError


def test_karate_is_networkx_karate() -> None:
    data = load("karate")
    graph: Any = nx.karate_club_graph()
    assert {frozenset(edge) for edge in data.edge_index.t().tolist()} == {frozenset(e) for e in graph.edges}
    assert data.x is None
    assert [data.class_names[label] for label in data.y] == [graph.nodes[node]["club"] for node in graph]


def test_les_miserables_keeps_its_names() -> None:
    data = load("les-miserables")
    valjean = data.node_ids.index("Valjean")
    assert int((data.edge_index[0] == valjean).sum()) == 36
    assert len(split_links(data).test.positives.t()) == 25


def test_names_can_all_be_loaded() -> None:
    assert names() == ["cora", "citeseer", "pubmed", "karate", "les-miserables"]
    assert all(load(name).num_nodes for name in names())


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown data set 'pubmde'; did you mean pubmed"):
        load("pubmde")
    with pytest.raises(UnknownNameError, match="unknown data set family 'planetoit'; did you mean planetoid"):
        load("planetoit/Cora")
    with pytest.raises(InputError, match="'planetoid/' lacks its second part"):
        load("planetoid/")
    with pytest.raises(InputError, match="root is for downloads"):
        load("cora", root="somewhere")


def test_planetoid_through_pytorch_geometric(planetoid_copy: Path) -> None:
    ours, theirs = load("citeseer"), load("planetoid/CiteSeer", root=planetoid_copy)
    assert theirs.is_undirected()
    assert theirs.x.layout == torch.sparse_csr
    assert torch.equal(ours.x.to_dense(), theirs.x.to_dense())
    assert torch.equal(ours.edge_index, theirs.edge_index)
    assert torch.equal(ours.test_mask, theirs.test_mask)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ConnectionError("no network"), DownloadError),
        (AssertionError("no such name"), InputError),
    ],
)
def test_what_a_loader_raises_is_said_in_one_line(
    failure: Exception, expected: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, root: str, name: str) -> None:
        raise failure

    monkeypatch.setattr("torch_geometric.datasets.Planetoid.__init__", fail)
    with pytest.raises(expected, match=f"'planetoid/Cora' could not be loaded into .*: {failure}"):
        load("planetoid/Cora", root=tmp_path)


def test_a_set_of_many_graphs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch_geometric.datasets.TUDataset.__init__", lambda self, root, name: None)
    monkeypatch.setattr("torch_geometric.datasets.TUDataset.__len__", lambda self: 188, raising=False)
    with pytest.raises(InputError, match="holds 188 graphs, expected one"):
        load("tudataset/MUTAG", root=tmp_path)
