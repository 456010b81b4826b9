"""Link splits: training never sees test, by type."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import is_undirected

from gvae.data.graph import both_directions, check_edge_index, make_graph, unique_edges
from gvae.data.negatives import sample_negatives
from gvae.errors import InputError
from gvae.randomness import new_generator


@dataclass(frozen=True)
class LinkPart:
    """One part of a link split, with all that is needed to use it.

    Parameters
    ----------
    x
        Node features ``(N, D)``, dense or sparse CSR, or ``None`` for a featureless graph.
    num_nodes
        Number of nodes N.
    edge_index
        The edges that messages pass along, both directions, shape ``(2, M)``.
    positives
        The part's own edges, each once with src < dst, shape ``(2, P)``.
    negatives
        As many pairs that are edges nowhere in the graph, ``(2, P)``; none in the training part,
        ``(2, 0)``: training draws its own.
    edge_weight
        Weights of ``edge_index``, ``(M,)``, or ``None``.
    """

    x: Tensor | None
    num_nodes: int
    edge_index: Tensor
    positives: Tensor
    negatives: Tensor
    edge_weight: Tensor | None = None

    def to(self, device: torch.device | str) -> LinkPart:
        """Move every tensor to ``device``."""
        return LinkPart(
            self.x if self.x is None else self.x.to(device),
            self.num_nodes,
            self.edge_index.to(device),
            self.positives.to(device),
            self.negatives.to(device),
            self.edge_weight if self.edge_weight is None else self.edge_weight.to(device),
        )


@dataclass(frozen=True)
class Development:
    """What training may see: the train part to learn from, the val part to choose by."""

    train: LinkPart
    val: LinkPart

    def to(self, device: torch.device | str) -> Development:
        """Move both parts to ``device``."""
        return Development(self.train.to(device), self.val.to(device))


@dataclass(frozen=True)
class LinkSplit:
    """A link split; ``fit`` is handed ``development``, ``evaluate`` is handed ``test``.

    Parameters
    ----------
    development
        The parts ``train`` and ``val``.
    test
        The part for the figure, scored once.
    """

    development: Development
    test: LinkPart


def split_links(
    data: Data,
    val: float = 0.05,
    test: float = 0.10,
    *,
    seed: int = 0,
    generator: torch.Generator | None = None,
    val_edges_at_test: bool = False,
) -> LinkSplit:
    """Split the edges of an undirected graph at random, as Kipf and Welling (2016) do.

    Each undirected edge is taken once; floor(E val) go to val, floor(E test) to test. Val and test get
    as many negatives, drawn once against all edges of the graph, none twice.

    Parameters
    ----------
    data
        A graph with a symmetric ``edge_index``; `make_graph` makes one.
    val, test
        Shares of the edges, >= 0, together below 1. A share of 0 leaves that part empty.
    seed, generator
        Where the randomness comes from; ``generator``, if given, is used instead of ``seed``.
    val_edges_at_test
        Let messages at test pass along the validation edges too, as PyTorch Geometric's
        ``RandomLinkSplit`` does. By default (Kipf) they pass along the training edges alone.

    Returns
    -------
    LinkSplit
        ``development.train``, ``development.val`` and ``test``, each a `LinkPart`.

    Raises
    ------
    InputError
        For shares out of range, a directed graph, or a graph too small for the shares.
    """
    num_nodes = int(data.num_nodes or 0)
    check_edge_index(data.edge_index, num_nodes)
    if not is_undirected(data.edge_index, num_nodes=num_nodes):
        raise InputError("edge_index must hold both directions of every edge; gvae.data.make_graph adds them")
    edges, weight = _each_once(data, num_nodes)
    num_val, num_test = _part_sizes(edges.size(1), val, test)
    generator = generator or new_generator(seed, "split")

    order = torch.randperm(edges.size(1), generator=generator)
    parts = torch.tensor_split(order, (num_test, num_test + num_val))
    test_pos, val_pos, train_pos = (edges[:, part] for part in parts)
    negatives = sample_negatives(edges, num_nodes, num_val + num_test, generator=generator)
    test_neg, val_neg = torch.tensor_split(negatives, (num_test,), dim=1)

    def messages(chosen: Tensor) -> tuple[Tensor, Tensor | None]:
        return both_directions(edges[:, chosen]), None if weight is None else weight[chosen].repeat(2)

    along_train = messages(parts[2])
    along_test = messages(torch.cat([parts[2], parts[1]])) if val_edges_at_test else along_train
    x = data.x
    return LinkSplit(
        Development(
            train=LinkPart(x, num_nodes, along_train[0], train_pos, negatives[:, :0], along_train[1]),
            val=LinkPart(x, num_nodes, along_train[0], val_pos, val_neg, along_train[1]),
        ),
        test=LinkPart(x, num_nodes, along_test[0], test_pos, test_neg, along_test[1]),
    )


def _each_once(data: Data, num_nodes: int) -> tuple[Tensor, Tensor | None]:
    """Each edge once as ``unique_edges`` has it, with its weight if the graph has weights."""
    weight = data.get("edge_weight")
    if weight is None:
        return unique_edges(data.edge_index, num_nodes), None
    data = make_graph(data.edge_index, num_nodes, edge_weight=weight)
    once = data.edge_index[0] < data.edge_index[1]
    return data.edge_index[:, once], data.edge_weight[once]


def _part_sizes(num_edges: int, val: float, test: float) -> tuple[int, int]:
    """Edges in val and test: floor(E share), with the share read as the decimal that was written."""
    if not (math.isfinite(val) and math.isfinite(test) and val >= 0 and test >= 0 and val + test < 1):
        raise InputError(f"val and test must be shares >= 0 with val + test < 1, got {val} and {test}")
    shares = {"val": val, "test": test}
    sizes = {name: math.floor(num_edges * Fraction(str(share))) for name, share in shares.items()}
    for name, share in shares.items():
        if share > 0 and sizes[name] == 0:
            raise InputError(
                f"the graph is too small to split: of {num_edges} edges "
                f"none is left for {name} (share {share})"
            )
    return sizes["val"], sizes["test"]
