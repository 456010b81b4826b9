from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from gvae.data import make_graph
from gvae.data.tensors import graph_from_tensors, graph_hash, graph_tensors


def graph(x: torch.Tensor | None = None, ids: list[str] | None = None, weighted: bool = False) -> Data:
    weight = torch.tensor([2.0]) if weighted else None
    data = make_graph(torch.tensor([[0], [1]]), 3, x=x, edge_weight=weight, y=torch.tensor([0, 1, 0]))
    if ids is not None:
        data.node_ids = ids
    return data


@pytest.mark.parametrize("x", [None, torch.ones(3, 2), torch.eye(3, 9)])
def test_tensors_make_the_same_graph(x: torch.Tensor | None) -> None:
    data = graph(x, weighted=True)
    back = graph_from_tensors(graph_tensors(data))
    assert graph_hash(back) == graph_hash(data)
    assert back.edge_weight.tolist() == [2, 2]
    if x is not None:
        assert back.x is not None
        assert back.x.layout == data.x.layout
        assert torch.equal(back.x.to_dense(), x)


def test_the_hash_knows_all_that_matters() -> None:
    graphs = [
        graph(),
        graph(torch.ones(3, 2)),
        graph(torch.eye(3, 9)),
        graph(ids=["a", "b", "c"]),
        graph(ids=["a", "b", "d"]),
        graph(weighted=True),
    ]
    assert len({graph_hash(data) for data in graphs}) == len(graphs)
