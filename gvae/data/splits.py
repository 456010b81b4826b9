"""Link splits: training never sees test, by type."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import is_undirected

from gvae.catalog import check_name
from gvae.data.checks import check_features, check_finite, check_weight
from gvae.data.graph import EdgeSet, both_directions, check_edge_index, merge_edges, unique_edges
from gvae.data.negatives import sample_negatives
from gvae.errors import InputError
from gvae.randomness import new_generator

ORDERS = ("random", "time")
PARTS = ("train", "val", "test")
NEGATIVES = ("uniform", "heart", "heart-filtered")
CANDIDATES = 250
"""Hard candidates for each end of an edge: HeaRT ranks an edge among 500 negatives."""


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
        Pairs to tell the positives from: ``(2, Q)``, shared by all positives; or ``(2, P, K)``, candidates
        of each positive's own, see `hard_negatives`. None in the training part, ``(2, 0)``: training draws
        its own.
    edge_weight
        Weights of ``edge_index``, ``(M,)``, or ``None``.

    Raises
    ------
    InputError
        If a feature or weight is not finite, a weight is negative, or there are more or fewer weights.
    """

    x: Tensor | None
    num_nodes: int
    edge_index: Tensor
    positives: Tensor
    negatives: Tensor
    edge_weight: Tensor | None = None

    def __post_init__(self) -> None:
        if self.x is not None:
            check_finite(self.x)  # its rows are counted by an audit
        if self.edge_weight is not None:
            check_weight(self.edge_weight, self.edge_index)

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
    negatives
        How the negatives of val and test were chosen: ``"uniform"``, ``"heart"`` or ``"heart-filtered"``.
        Under ``"heart"`` a part's candidates may be positives of the same or a later part.
    """

    development: Development
    test: LinkPart
    negatives: str = "uniform"

    @property
    def parts(self) -> tuple[LinkPart, LinkPart, LinkPart]:
        """Train, val and test."""
        return self.development.train, self.development.val, self.test

    def with_features(self, x: Tensor | None) -> LinkSplit:
        """The same split with other node features, ``(N, D)`` or ``None``."""
        train, val, test = (replace(part, x=x) for part in self.parts)
        return LinkSplit(Development(train, val), test, self.negatives)


def split_links(
    data: Data,
    val: float = 0.05,
    test: float = 0.10,
    *,
    seed: int = 0,
    generator: torch.Generator | None = None,
    val_edges_at_test: bool = False,
    order: str = "random",
    negatives: str = "uniform",
) -> LinkSplit:
    """Split the edges of an undirected graph, by default at random, as Kipf and Welling (2016) do.

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
    order
        ``"random"``, or ``"time"``: train on the past. By ``data.edge_time`` the latest edges are test, those
        before them val. Edges of the same time stay together, so the parts are as large as asked only as far
        as the times allow.
    negatives
        ``"uniform"``; or 500 hard candidates for each positive, see `hard_negatives`: ``"heart"`` leaves
        out edges that are known (train for val, train and val for test), ``"heart-filtered"`` all edges.

    Returns
    -------
    LinkSplit
        ``development.train``, ``development.val`` and ``test``, each a `LinkPart`.

    Raises
    ------
    InputError
        For shares out of range, a directed graph, features or weights that are not finite, edges without
        times, or a graph too small for the shares or the candidates.
    """
    num_nodes = int(data.num_nodes or 0)
    check_edge_index(data.edge_index, num_nodes)
    if not is_undirected(data.edge_index, num_nodes=num_nodes):
        raise InputError("edge_index must hold both directions of every edge; gvae.data.make_graph adds them")
    if data.x is not None:
        check_features(data.x, num_nodes)
    check_name("order", order, ORDERS)
    check_name("kind of negatives", negatives, NEGATIVES)
    edges = _each_once(data, num_nodes)
    generator = generator or new_generator(seed, "split")
    parts = _ordered(edges, val, test, generator if order == "random" else None)
    train_pos, val_pos, test_pos = (edges.edge_index[:, part] for part in parts)

    def part(positives: Tensor, negatives: Tensor, *along: Tensor) -> LinkPart:
        rows = torch.cat(along)
        weight = None if edges.weight is None else edges.weight[rows].repeat(2)
        messages = both_directions(edges.edge_index[:, rows])
        return LinkPart(data.x, num_nodes, messages, positives, negatives, weight)

    train = part(train_pos, train_pos[:, :0], parts[0])
    val_neg, test_neg = _negatives(negatives, train, val_pos, test_pos, generator)
    at_test = parts[:2] if val_edges_at_test else parts[:1]
    held_out = replace(train, positives=val_pos, negatives=val_neg)
    return LinkSplit(Development(train, held_out), part(test_pos, test_neg, *at_test), negatives)


def _each_once(data: Data, num_nodes: int) -> EdgeSet:
    """Each edge once as ``unique_edges`` has it, with its weight and time if the graph has them."""
    weight, time = data.get("edge_weight"), data.get("edge_time")
    if weight is None and time is None:
        return EdgeSet(unique_edges(data.edge_index, num_nodes), None, None, 0, 0)
    edges = merge_edges(data.edge_index, num_nodes, weight=weight, time=time)
    once = edges.edge_index[0] < edges.edge_index[1]
    weight, time = (None if values is None else values[once] for values in (edges.weight, edges.time))
    return EdgeSet(edges.edge_index[:, once], weight, time, 0, 0)


def _ordered(
    edges: EdgeSet, val: float, test: float, generator: torch.Generator | None
) -> tuple[Tensor, ...]:
    """Which edges are train, val and test: at random, or by time without a generator."""
    num_edges = edges.edge_index.size(1)
    num_val, num_test = _part_sizes(num_edges, val, test)
    if generator is None:
        return _by_time(edges.time, num_val, num_test)
    order = torch.randperm(num_edges, generator=generator)
    test_part, val_part, train_part = torch.tensor_split(order, (num_test, num_test + num_val))
    return train_part, val_part, test_part


def _by_time(time: Tensor | None, num_val: int, num_test: int) -> tuple[Tensor, ...]:
    """Oldest to train, newest to test, cut where the time changes, as near as can be to the sizes asked."""
    if time is None:
        raise InputError(
            "a split by time needs the edges' times: a file and its --time COLUMN, or data.edge_time"
        )
    time, order = torch.sort(time, stable=True)
    cuts = torch.nonzero(time[1:] > time[:-1]).view(-1) + 1  # edges before each change of time
    needed = (num_val > 0) + (num_test > 0)
    if len(cuts) < needed:
        raise InputError(
            f"a split by time needs at least {needed + 1} different times, got {len(cuts) + (len(time) > 0)}"
        )
    num_edges = len(time)
    last = cuts[(num_val > 0) :]  # leaves a cut for val
    end = _nearest(last, num_edges - num_test) if num_test else num_edges
    begin = _nearest(cuts[cuts < end], end - num_val) if num_val else end
    train_part, val_part, test_part = torch.tensor_split(order, (begin, end))
    return train_part, val_part, test_part


def _nearest(cuts: Tensor, wanted: int) -> int:
    return int(cuts[(cuts - wanted).abs().argmin()])


def _negatives(
    kind: str, train: LinkPart, val_pos: Tensor, test_pos: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Negatives of val and test."""
    edges = torch.cat([train.positives, val_pos, test_pos], dim=1)
    if kind == "uniform":
        count = val_pos.size(1) + test_pos.size(1)
        drawn = sample_negatives(edges, train.num_nodes, count, generator=generator)
        test_neg, val_neg = torch.tensor_split(drawn, (test_pos.size(1),), dim=1)
        return val_neg, test_neg
    from gvae.data.heart import hard_negatives, heart_similarities

    known_at_test = torch.cat([train.positives, val_pos], dim=1)
    known = (train.positives, known_at_test) if kind == "heart" else (edges, edges)
    alike = heart_similarities(train.edge_index, train.num_nodes, train.x)
    val_neg, test_neg = (
        hard_negatives(positives, alike, avoided, train.num_nodes, generator=generator)
        for positives, avoided in zip((val_pos, test_pos), known, strict=True)
    )
    return val_neg, test_neg


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
