from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from gvae.data import make_graph
from gvae.data.join import extend_graph
from gvae.errors import InputError


def graph(x: torch.Tensor | None = None, ids: list[str] | None = None, weighted: bool = False) -> Data:
    weight = torch.tensor([2.0]) if weighted else None
    data = make_graph(torch.tensor([[0], [1]]), 3, x=x, edge_weight=weight)
    if ids is not None:
        data.node_ids = ids
    return data


@pytest.mark.parametrize("wide", [False, True])
def test_nodes_and_edges_are_added_by_id(wide: bool) -> None:
    x = torch.eye(3, 9) if wide else torch.ones(3, 2)
    more = make_graph(torch.tensor([[0, 1], [1, 2]]), 3, x=2 * x)
    more.node_ids = ["new", "b", "a"]  # new - b, and a - b, which is known
    joined = extend_graph(graph(x, ["a", "b", "c"], weighted=True), more)
    assert joined.node_ids == ["a", "b", "c", "new"]
    assert joined.edge_index.tolist() == [[0, 1, 1, 3], [1, 0, 3, 1]]
    assert joined.edge_weight.tolist() == [2, 2, 1, 1]
    assert joined.x is not None
    assert torch.equal(joined.x.to_dense(), torch.cat([x, 2 * x[:1]]))


def test_integers_and_text_become_text() -> None:
    more = make_graph(torch.tensor([[0], [1]]), 2)
    more.node_ids = ["2", "z"]
    joined = extend_graph(graph(), more)
    assert joined.node_ids == ["0", "1", "2", "z"]
    assert joined.edge_index.tolist() == [[0, 1, 2, 3], [1, 0, 3, 2]]


def test_nothing_new_changes_nothing() -> None:
    data = graph(torch.ones(3, 2))
    joined = extend_graph(data, graph())
    assert joined.edge_index.tolist() == data.edge_index.tolist()
    assert joined.node_ids == [0, 1, 2]


@pytest.mark.parametrize(("x", "found"), [(None, "none"), (torch.ones(3, 5), "5")])
def test_new_nodes_need_the_same_features(x: torch.Tensor | None, found: str) -> None:
    with pytest.raises(InputError, match=f"new nodes must have the 2 features of the others, got {found}"):
        extend_graph(graph(torch.ones(3, 2), ["a", "b", "c"]), graph(x, ["a", "b", "z"]))
