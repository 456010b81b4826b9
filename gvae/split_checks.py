"""Whether a split from a file is one of a graph under a protocol, so that its figures mean what is said."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data import LinkPart, LinkSplit
from gvae.data.graph import among, both_directions, pair_codes
from gvae.data.split_files import SavedSplit
from gvae.data.splits import CANDIDATES, PARTS
from gvae.errors import GvaeWarning, InputError
from gvae.protocols import Protocol


def check_fit(saved: SavedSplit, data: Data, protocol: Protocol, name: str) -> None:
    """Check what an audit cannot see: the graph and the protocol.

    Parameters
    ----------
    saved
        From a file.
    data
        The graph, without isolated nodes if the protocol leaves these out.
    protocol
        What the figures are going to be called.
    name
        What the graph is called in errors.

    Raises
    ------
    InputError
        If nodes or ids are others, a positive is no edge of the graph, a negative is one, messages or weights
        are not those of the protocol, negatives are of another kind, or a split by time is none.

    Warns
    -----
    GvaeWarning
        If some of the graph's edges are in no part.
    """
    split = saved.split
    _check_nodes(saved, data, name)
    if not all(part.positives.size(1) for part in (split.development.train, split.test)):
        raise InputError("its train or test part is empty")
    _check_positives(split, data, name)
    _check_messages(split, data, protocol, name)
    _check_negatives(split, data, protocol, name)
    if protocol.order == "time":
        _check_times(split, data)


def _check_nodes(saved: SavedSplit, data: Data, name: str) -> None:
    from gvae.data import node_ids

    num_nodes = saved.split.test.num_nodes
    if num_nodes != data.num_nodes:
        raise InputError(f"has {num_nodes} nodes, {name} has {data.num_nodes}")
    if saved.node_ids is not None and saved.node_ids != node_ids(data).to_list():
        raise InputError(f"its node ids are not those of {name}: the split is of another graph")


def _check_positives(split: LinkSplit, data: Data, name: str) -> None:
    positives = torch.cat([part.positives for part in split.parts], dim=1)
    strange = ~among(positives, data.edge_index, split.test.num_nodes)
    if strange.any():
        raise InputError(f"{_first(positives, strange)} is no edge of {name}: the split is of another graph")
    missing = data.num_edges // 2 - torch.unique(pair_codes(positives, split.test.num_nodes)).numel()
    if missing:
        message = f"{missing:,} of {data.num_edges // 2:,} edges of {name} are in no part of the split"
        warnings.warn(message, GvaeWarning, stacklevel=2)


def _check_messages(split: LinkSplit, data: Data, protocol: Protocol, name: str) -> None:
    train, val, _ = split.parts
    at_test = (train, val) if protocol.val_edges_at_test else (train,)
    for of, part, along in zip(PARTS, split.parts, ((train,), (train,), at_test), strict=True):
        heard = both_directions(torch.cat([each.positives for each in along], dim=1))
        ordered = (torch.sort(src * part.num_nodes + dst).values for src, dst in (heard, part.edge_index))
        if not torch.equal(*ordered):
            edges = " and ".join(PARTS[: len(along)])
            raise InputError(f"{of}_messages must be the {edges} edges, both directions, under this protocol")
        _check_weight(part, data, name)


def _check_weight(part: LinkPart, data: Data, name: str) -> None:
    known, given = data.get("edge_weight"), part.edge_weight
    if known is None and given is None:
        return
    if known is None or given is None:
        has = "no weights" if given is None else "weights"
        raise InputError(f"has {has}, unlike {name}: read the graph likewise (--weight)")
    if not torch.equal(_values(known, data, part.edge_index), given):
        raise InputError(f"its weights are not those of {name}")


def _check_negatives(split: LinkSplit, data: Data, protocol: Protocol, name: str) -> None:
    expected = () if protocol.negatives == "uniform" else (2 * CANDIDATES,)
    if split.negatives != protocol.negatives:
        raise InputError(f"its negatives are {split.negatives}, this protocol has {protocol.negatives} ones")
    if any(part.negatives.shape[2:] != expected for part in split.parts[1:]):
        what = "shared by all positives" if not expected else f"{expected[0]} candidates for each positive"
        raise InputError(f"its negatives must be {what} under this protocol")
    positives = torch.cat([part.positives for part in split.parts], dim=1)
    for part in split.parts[1:]:
        pairs = part.negatives.flatten(1)
        edges, listed = (among(pairs, each, part.num_nodes) for each in (data.edge_index, positives))
        edges &= ~listed
        if edges.any():
            raise InputError(f"its negative {_first(pairs, edges)} is an edge of {name}")
        if part.negatives.dim() == 3:
            _check_candidates(part)


def _check_candidates(part: LinkPart) -> None:
    """Each candidate must share a node with the positive that it is told from."""
    ends = part.positives[:, None, :, None] == part.negatives[None]  # (end, end, P, K)
    strangers = ~ends.flatten(0, 1).any(0)
    if strangers.any():
        raise InputError(f"its candidate {_first(part.negatives, strangers)} has no node of its positive")


def _check_times(split: LinkSplit, data: Data) -> None:
    if data.get("edge_time") is None:
        raise InputError("is a split by time, and the graph was read without times (--time COLUMN)")
    times = [_values(data.edge_time, data, part.positives) for part in split.parts if part.positives.numel()]
    if any(earlier.max() >= later.min() for earlier, later in pairwise(times)):
        raise InputError("is no split by time: an edge is as late as one of a later part")


def _values(values: Tensor, data: Data, pairs: Tensor) -> Tensor:
    """Values of edges of the graph, shape ``(P,)``."""
    known, wanted = (pair_codes(each, int(data.num_nodes or 0)) for each in (data.edge_index, pairs))
    ordered, order = torch.sort(known)
    return values[order[torch.searchsorted(ordered, wanted)]]


def _first(pairs: Tensor, chosen: Tensor) -> tuple[int, ...]:
    found: Sequence[int] = pairs[:, chosen][:, 0].tolist()
    return tuple(found)
