from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.graph import unique_edges
from gvae.datasets import load
from gvae.errors import InputError

embedded: Any = import_module("gvae.datasets.embedded")
CITATIONS = ["cora", "citeseer", "pubmed"]


@pytest.mark.parametrize("name", CITATIONS)
def test_graphs_are_symmetric_coalesced_and_sparse(name: str) -> None:
    data = load(name)
    assert data.is_undirected()
    assert data.is_coalesced()
    assert not data.has_self_loops()
    assert data.x is not None
    assert data.y is not None
    assert data.x.layout == torch.sparse_csr
    assert (data.x.values() != 0).all()
    assert len(data.class_names) == int(data.y.max()) + 1


def test_features_are_raw() -> None:
    """The trap of row-normalised features: the papers' words are counted, not shared out."""
    cora, citeseer = load("cora"), load("citeseer")
    assert (cora.x.values() == 1).all()
    assert (citeseer.x.values() == 1).all()


def test_statistics() -> None:
    cora, citeseer, pubmed = (load(name) for name in CITATIONS)
    assert cora.x.values().numel() == 49_216
    isolated = citeseer.num_nodes - len(citeseer.edge_index.unique())
    assert isolated == 48
    assert pubmed.x.values().numel() == 988_031


@pytest.mark.parametrize(("name", "sizes"), [("citeseer", (120, 500, 1000)), ("pubmed", (60, 500, 1000))])
def test_public_splits_ride_along(name: str, sizes: tuple[int, int, int]) -> None:
    data = load(name)
    masks = [data.train_mask, data.val_mask, data.test_mask]
    assert tuple(int(mask.sum()) for mask in masks) == sizes
    assert int(torch.stack(masks).sum(0).max()) == 1
    assert "train_mask" not in load("cora")


def test_cora_keeps_its_directions() -> None:
    """5,429 citations in LINQS' file; 151 pairs of papers cite each other."""
    directed, undirected = load("cora", directed=True), load("cora")
    assert directed.num_edges == 5429
    assert not directed.is_undirected()
    assert torch.equal(unique_edges(directed.edge_index, 2708), unique_edges(undirected.edge_index, 2708))
    with pytest.raises(InputError, match="only 'cora' has them"):
        load("citeseer", directed=True)


def test_all_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in embedded.FOLDER.glob("*.npz")) < 6e6


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_file_is_refused(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (embedded.FOLDER / "cora.npz").read_bytes()
    changed = {"changed": content[:500] + b"x" + content[501:], "cut": content[:-1]}
    if damage in changed:
        (tmp_path / "cora.npz").write_bytes(changed[damage])
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    with pytest.raises(InputError, match=r"cora\.npz: (damaged \(SHA-256|cannot be read)"):
        load("cora")


def undirected(data: Data) -> Tensor:
    return unique_edges(data.edge_index, int(data.num_nodes or 0))


@pytest.mark.parametrize(("name", "planetoid"), [("citeseer", "CiteSeer"), ("pubmed", "PubMed")])
def test_same_graphs_as_planetoid(name: str, planetoid: str, planetoid_copy: Path) -> None:
    """PyTorch Geometric's own reading of the raw files is the reference, number for number."""
    from torch_geometric.datasets import Planetoid

    data, reference = load(name), Planetoid(str(planetoid_copy), planetoid)[0]
    assert data.num_nodes == reference.num_nodes
    assert torch.equal(undirected(data), undirected(reference))
    assert torch.equal(data.x.to_dense(), reference.x)
    assert torch.equal(data.y, reference.y)
    for mask in ("train_mask", "val_mask", "test_mask"):
        assert torch.equal(data[mask], reference[mask])


def test_same_cora_as_planetoid_up_to_the_order_of_nodes_words_and_classes(planetoid_copy: Path) -> None:
    from torch_geometric.datasets import Planetoid

    data, reference = load("cora"), Planetoid(str(planetoid_copy), "Cora")[0]
    assert undirected(data).shape == undirected(reference).shape
    dense = data.x.to_dense()

    def profile(x: Tensor, edge_index: Tensor, y: Tensor) -> list[list[int]]:
        """One row a node: class size, degree, words, and the words of the neighbours."""
        degree = torch.bincount(edge_index[0], minlength=len(y))
        words = x.sum(1).long()
        around = torch.zeros_like(words).index_add(0, edge_index[0], words[edge_index[1]])
        return sorted(torch.stack([y.bincount()[y], degree, words, around], dim=1).tolist())

    assert profile(dense, data.edge_index, data.y) == profile(reference.x, reference.edge_index, reference.y)
    assert torch.equal(dense.sum(0).sort().values, reference.x.sum(0).sort().values)
