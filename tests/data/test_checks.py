"""Features and weights that no model can learn from are refused wherever they come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data import make_graph, read_graph, split_links
from gvae.data.checks import check_features, check_weight
from gvae.data.graph import without_features
from gvae.errors import InputError
from gvae.experiment import Experiment

NAN, INF = float("nan"), float("inf")
EDGES = torch.tensor([[0, 1, 3], [1, 2, 0]])


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_a_feature_that_is_not_finite_is_named(layout: str, value: float) -> None:
    x = torch.tensor([[0, 1.0, 0], [0, 0, 0], [2, 0, value], [value, 0, 0]])
    x = x.to_sparse_csr() if layout == "csr" else x
    message = rf"x must be finite, got {value} for node 2, feature 2; replace it, or leave the feature out"
    for refused in (lambda: check_features(x, 4), lambda: make_graph(EDGES, 4, x=x)):
        with pytest.raises(InputError, match=message):
            refused()


@pytest.mark.parametrize("value", [NAN, INF, -1.0])
def test_a_weight_that_is_not_finite_or_negative_is_named_by_its_edge(value: float) -> None:
    weight = torch.tensor([1.0, 0.0, value])
    for refused in (lambda: check_weight(weight, EDGES), lambda: make_graph(EDGES, 4, edge_weight=weight)):
        with pytest.raises(InputError, match=rf"finite and >= 0, got {value:g} for the edge 3 - 0"):
            refused()


@pytest.mark.parametrize(
    "x", [torch.ones(3, 2), torch.ones(4), torch.ones(4, 2).to_sparse(), torch.ones(4, 2).to_sparse_csc()]
)
def test_features_of_another_shape_or_layout_are_refused(x: Tensor) -> None:
    with pytest.raises(InputError, match="x must "):
        check_features(x, 4)


def test_weights_of_another_number_are_refused() -> None:
    with pytest.raises(InputError, match=r"edge_weight must have shape \(3,\), got \(2,\)"):
        check_weight(torch.ones(2), EDGES)


@pytest.mark.parametrize(
    "x", [torch.zeros(4, 0), torch.ones(4, 2, dtype=torch.bool), torch.zeros(4, 2).int()]
)
def test_no_features_and_those_of_other_types_pass(x: Tensor) -> None:
    check_features(x, 4)
    check_weight(torch.ones(0), EDGES[:, :0])


def test_numbers_that_overflow_in_the_graphs_own_type_are_refused() -> None:
    large = torch.full((3,), 1e300, dtype=torch.double)
    with pytest.raises(InputError, match="edge_weight must be finite and >= 0, got inf for the edge 0 - 1"):
        make_graph(EDGES, 4, edge_weight=large)
    with pytest.raises(InputError, match="got inf for the edge 0 - 1"):  # their sum
        make_graph(EDGES.repeat(1, 2), 4, edge_weight=torch.full((6,), 3e38))
    with pytest.raises(InputError, match="x must be finite, got inf for node 0, feature 0"):
        make_graph(EDGES, 4, x=large.expand(4, 3))


@pytest.fixture
def broken(random_graph: Callable[..., Data]) -> dict[str, Data]:
    """Graphs made by hand, which nothing has looked at."""
    graphs = {name: random_graph() for name in ("x", "weight")}
    graphs["x"].x[5, 3] = NAN
    graphs["weight"].edge_weight = torch.ones(graphs["weight"].num_edges)
    graphs["weight"].edge_weight[:] = -1
    return graphs


@pytest.mark.parametrize("kind", ["x", "weight"])
@pytest.mark.parametrize("use", [read_graph, split_links])
def test_a_graph_made_by_hand_is_refused(
    use: Callable[[Data], object], kind: str, broken: dict[str, Data]
) -> None:
    with pytest.raises(InputError, match="must be finite"):
        use(broken[kind])


def test_a_row_too_few_is_refused(broken: dict[str, Data]) -> None:
    broken["x"].x = torch.ones(59, 8)
    with pytest.raises(InputError, match=r"x must have shape \(60, D\), one row a node, got \(59, 8\)"):
        split_links(broken["x"])


@pytest.mark.parametrize("model", ["vgae", "cosine"])
def test_so_it_is_in_a_benchmark_unless_its_features_are_not_used(
    model: str, broken: dict[str, Data]
) -> None:
    with pytest.raises(InputError, match="got nan for node 5, feature 3"):
        Experiment(broken["x"], model, seeds=[0]).run()
    split_links(without_features(broken["x"]))


def test_a_split_made_by_hand_is_refused(random_graph: Callable[..., Data], broken: dict[str, Data]) -> None:
    split = split_links(random_graph())
    with pytest.raises(InputError, match="got nan for node 5, feature 3"):
        split.with_features(broken["x"].x)
    with pytest.raises(InputError, match="finite and >= 0, got -1"):
        replace(split.test, edge_weight=-torch.ones(split.test.edge_index.size(1)))
