"""A link split as the audit sees it: three parts of numbered node pairs, wherever they came from."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data.graph import MAX_NODES, pair_codes
from gvae.data.splits import PARTS, LinkPart, LinkSplit
from gvae.errors import InputError


@dataclass(frozen=True)
class Pairs:
    """Node pairs ``(2, n)`` or ``(2, P, K)``, in any direction."""

    index: Tensor
    num_nodes: int

    @cached_property
    def codes(self) -> Tensor:
        """``low N + high``, equal for both directions, shape ``(n,)`` or ``(P, K)``."""
        return pair_codes(self.index, self.num_nodes)

    @cached_property
    def ordered(self) -> Tensor:
        """``src N + dst``."""
        return self.index[0] * self.num_nodes + self.index[1]

    @cached_property
    def reverse(self) -> Tensor:
        """``dst N + src``."""
        return self.index[1] * self.num_nodes + self.index[0]

    @cached_property
    def loops(self) -> Tensor:
        """Which are self-loops."""
        return self.index[0] == self.index[1]

    @cached_property
    def distinct(self) -> Tensor:
        """Each code once, sorted."""
        codes: Tensor = torch.unique(self.codes)
        return codes

    def __len__(self) -> int:
        return self.codes.numel()

    def once(self, wrong: Tensor) -> Tensor:
        """The marked pairs, each unordered one once, as the first of its marked rows: ``(2, count)``."""
        chosen = self.index[:, wrong]
        codes, order = torch.sort(self.codes[wrong], stable=True)
        first = torch.ones_like(codes, dtype=torch.bool)
        first[1:] = codes[1:] != codes[:-1]
        return chosen[:, order[first].sort().values]


@dataclass(frozen=True)
class Part:
    """One part as all checks see it.

    ``num_nodes`` is what the part says, ``None`` if nothing; ``rows`` are those of its features ``x``;
    ``size`` is the number of nodes that follows.
    """

    name: str
    messages: Pairs
    positives: Pairs
    negatives: Pairs
    num_nodes: int | None
    rows: int | None
    size: int
    x: Tensor | None

    @property
    def has_lists(self) -> bool:
        """Whether each positive has candidates of its own."""
        return self.negatives.index.dim() == 3


@dataclass(frozen=True)
class Parts:
    """A split as all checks see it; ``rule`` is `LinkSplit.negatives`."""

    train: Part
    val: Part
    test: Part
    rule: str

    def __iter__(self) -> Iterator[Part]:
        return iter((self.train, self.val, self.test))

    @cached_property
    def learned(self) -> Tensor:
        """Codes of what training knows: its positives and its messages."""
        return union([self.train.positives, self.train.messages])

    @cached_property
    def edges(self) -> Tensor:
        """Codes of all that is an edge in any part."""
        return union([pairs for part in self for pairs in (part.positives, part.messages)])

    @cached_property
    def num_pairs(self) -> int:
        """Number of unordered pairs of different nodes."""
        size = self.train.messages.num_nodes
        return size * (size - 1) // 2


def read_parts(split: LinkSplit | Sequence[Data]) -> Parts:
    """The parts of a `LinkSplit` or of a (train, val, test) triple, checked; see `gvae.data.audit_split`."""
    if isinstance(split, LinkSplit):
        development = split.development
        return _parts(
            [*map(_of_link_part, (development.train, development.val, split.test))], split.negatives
        )
    if not isinstance(split, Sequence) or isinstance(split, str) or len(split) != 3:
        came = f"{len(split)} items" if isinstance(split, Sequence) else type(split).__name__
        raise InputError(
            f"split must be a LinkSplit or the (train, val, test) triple of RandomLinkSplit, got {came}"
        )
    return _parts([_of_data(data, name) for data, name in zip(split, PARTS, strict=True)], "uniform")


@dataclass(frozen=True)
class _Raw:
    """One part as it came."""

    messages: Tensor
    positives: Tensor
    negatives: Tensor
    num_nodes: int | None
    x: Tensor | None

    @property
    def rows(self) -> int | None:
        """Rows of the features."""
        return None if self.x is None else self.x.size(0)


def _of_link_part(part: LinkPart) -> _Raw:
    return _Raw(part.edge_index, part.positives, part.negatives, part.num_nodes, part.x)


def _of_data(data: Any, name: str) -> _Raw:
    if not isinstance(data, Data):
        raise InputError(f"{name} must be a torch_geometric.data.Data, got {type(data).__name__}")
    if "adj_t" in data:
        raise InputError(
            f"{name} has adj_t, which messages may pass along unseen: leave edge_index alone in it"
        )
    messages = _attribute(data, "edge_index", name)
    positives, negatives = _labels(data, name)
    x = data.get("x")
    return _Raw(messages, positives, negatives, _num_nodes(data), x if isinstance(x, Tensor) else None)


def _num_nodes(data: Data) -> int | None:
    """What PyTorch Geometric knows; ``None`` where it warns that it guesses from the largest index."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return int(data.num_nodes)
        except UserWarning:
            return None


def _labels(data: Data, name: str) -> tuple[Tensor, Tensor]:
    """Positives and negatives, however RandomLinkSplit wrote them."""
    if "pos_edge_label_index" in data and "edge_label_index" in data:
        raise InputError(f"{name} has its labels twice: edge_label_index and pos_edge_label_index; leave one")
    if "pos_edge_label_index" in data:
        positives = _attribute(data, "pos_edge_label_index", name)
        none = positives.new_empty(2, 0)
        return positives, _attribute(data, "neg_edge_label_index", name, default=none)
    pairs, label = _attribute(data, "edge_label_index", name), _attribute(data, "edge_label", name)
    if pairs.dim() != 2 or label.shape != pairs.shape[1:]:
        raise InputError(
            f"{name}: edge_label_index must have shape (2, L) and edge_label (L,), "
            f"got {tuple(pairs.shape)} and {tuple(label.shape)}"
        )
    if not torch.isfinite(label).all():
        raise InputError(f"{name}: edge_label must be finite")
    return pairs[:, label > 0], pairs[:, label <= 0]


def _attribute(data: Data, key: str, name: str, default: Tensor | None = None) -> Tensor:
    value = data.get(key, default)
    if not isinstance(value, Tensor):
        raise InputError(f"{name}: {key} must be a tensor, got {type(value).__name__}")
    return value


def _parts(raw: Sequence[_Raw], rule: str) -> Parts:
    """All parts checked, their pairs numbered alike."""
    sizes = [_checked_size(part, name) for part, name in zip(raw, PARTS, strict=True)]
    shared = max(max(size, part.rows or 0, _largest(part) + 1) for size, part in zip(sizes, raw, strict=True))
    if shared > MAX_NODES:
        raise InputError(f"a split must have at most {MAX_NODES:,} nodes, got {shared:,}")
    train, val, test = (
        Part(
            name,
            Pairs(part.messages.cpu(), shared),
            Pairs(part.positives.cpu(), shared),
            Pairs(part.negatives.cpu(), shared),
            part.num_nodes,
            part.rows,
            size,
            part.x,
        )
        for part, name, size in zip(raw, PARTS, sizes, strict=True)
    )
    return Parts(train, val, test, rule)


def _checked_size(part: _Raw, name: str) -> int:
    """The part's number of nodes: what it says, or its rows of x, or what its messages reach."""
    known = [size for size in (part.num_nodes, part.rows) if size is not None]
    limit = max(known) if known else None
    _check_pairs(part.messages, f"{name}: edge_index", limit)
    _check_pairs(part.positives, f"{name}: positives", limit)
    lists = part.negatives.dim() == 3
    _check_pairs(part.negatives, f"{name}: negatives", limit, of=part.positives.size(1) if lists else None)
    if known:
        return known[0]
    return int(part.messages.max()) + 1 if part.messages.numel() else 0


def _check_pairs(pairs: Tensor, what: str, limit: int | None, of: int | None = None) -> None:
    """Raise unless it is (2, n), or (2, P, K) for P positives, of node indices below the limit."""
    wanted = "(2, n)" if of is None else f"(2, {of}, K)"
    fits = pairs.dim() == (2 if of is None else 3) and pairs.size(0) == 2
    if not fits or (of is not None and pairs.size(1) != of):
        raise InputError(f"{what} must have shape {wanted}, got {tuple(pairs.shape)}")
    if pairs.dtype != torch.long:
        raise InputError(f"{what} must hold int64 node indices, got {pairs.dtype}")
    if not pairs.numel():
        return
    low, high = int(pairs.min()), int(pairs.max())
    if low < 0 or (limit is not None and high >= limit):
        upper = "" if limit is None else f" to {limit - 1}"
        raise InputError(f"{what} must hold node indices from 0{upper}, got {low} to {high}")


def _largest(part: _Raw) -> int:
    groups = (part.messages, part.positives, part.negatives)
    return max((int(pairs.max()) for pairs in groups if pairs.numel()), default=-1)


def union(groups: Iterable[Pairs]) -> Tensor:
    """Codes of several groups, each once, sorted."""
    codes: Tensor = torch.unique(torch.cat([pairs.distinct for pairs in groups]))
    return codes
