"""What several test files share."""

from __future__ import annotations

import os

# A plain terminal for what the command line prints; read when typer is imported.
os.environ.update(NO_COLOR="1", TERM="dumb")
for _name in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "CLICOLOR_FORCE"):
    os.environ.pop(_name, None)

import itertools
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data import make_graph
from gvae.losses import LossOutput
from gvae.train import LinkTask

ROOT = Path(__file__).parent.parent
RAW_DATA = Path(os.environ.get("GVAE_RAW_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def raw_planetoid() -> Path:
    """A folder with Planetoid's raw files, where there is one."""
    folder = RAW_DATA / "Planetoid"
    if not folder.is_dir():
        pytest.skip(f"needs Planetoid's raw files in {folder} (set GVAE_RAW_DATA to their parent)")
    return folder


@pytest.fixture
def raw_mnist() -> Path:
    """A folder with the four files of MNIST, where there is one."""
    folder = RAW_DATA / "mnist"
    if not folder.is_dir():
        pytest.skip(f"needs MNIST's files in {folder} (set GVAE_RAW_DATA to their parent)")
    return folder


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def path_graph() -> Data:
    """0 - 1 - 2 and node 3 alone, with two features."""
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0], [1.0, 1.0]])
    return make_graph(torch.tensor([[0, 1], [1, 2]]), 4, x=x)


@pytest.fixture
def random_graph() -> Callable[..., Data]:
    """A function that makes a random graph with features."""

    def make(num_nodes: int = 60, share: float = 0.1, seed: int = 0, num_features: int = 8) -> Data:
        graph = nx.gnp_random_graph(num_nodes, share, seed=seed)
        edges = torch.tensor(list(graph.edges)).t()
        x = torch.randn(num_nodes, num_features, generator=torch.Generator().manual_seed(seed))
        return make_graph(edges, num_nodes, x=x)

    return make


@pytest.fixture
def dense_adjacency() -> Callable[[Tensor, int], Tensor]:
    """A function from edges to the dense adjacency matrix, float64."""

    def make(edge_index: Tensor, num_nodes: int) -> Tensor:
        matrix = torch.zeros(num_nodes, num_nodes, dtype=torch.double)
        matrix[edge_index[0], edge_index[1]] = 1
        return matrix

    return make


@pytest.fixture
def explodes_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function: from the n-th step on, whatever trains on links has its weights multiplied by 10^30."""
    step, steps = LinkTask.step, itertools.count(1)

    def begin(first: int) -> None:
        def exploding(task: LinkTask, batch: None, generator: torch.Generator, value: bool) -> LossOutput:
            loss = step(task, batch, generator, value)
            if next(steps) >= first:
                for weight in task.model.parameters():
                    weight.data.mul_(1e30)
            return loss

        monkeypatch.setattr(LinkTask, "step", exploding)

    return begin
