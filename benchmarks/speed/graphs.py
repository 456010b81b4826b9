"""The graphs of the benchmark: three of citations, and two families of random ones, by size."""

from __future__ import annotations

import re

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from gvae.data import make_graph
from gvae.datasets import load
from gvae.errors import InputError, UnknownNameError

CITATIONS = ("cora", "citeseer", "pubmed")
FAMILIES = ("sbm", "power-law")
SIZES = ("1e3", "1e4", "1e5", "1e6")
SYNTHETIC = tuple(f"{family}-{size}" for family in FAMILIES for size in SIZES)
MILLION = "sbm-1e6-20"

NUM_BLOCKS, WITHIN = 20, 0.8
"""Blocks of nodes, and the share of edges drawn within one."""

NUM_FEATURES, SIGNAL = 64, 0.25
"""Columns of x, and the standard deviation of the blocks' centres; that of a node around its centre is 1."""

EXPONENT = 2.5
"""Of the power law that the expected degrees follow."""

EXCESS = 1.5
"""Pairs drawn for each edge wanted: some repeat, some are self-loops."""

_NAME = re.compile(r"(sbm|power-law)-(\d+e\d|\d+)(?:-(\d+))?")


def make(name: str) -> Data:
    """The graph of a name: ``cora``, or ``sbm-1e4``, or ``power-law-1e6-20`` of mean degree 20 (default 10).

    A synthetic graph is the same at each call.

    Raises
    ------
    UnknownNameError
        If the name is none of these.
    InputError
        If the graph would have fewer than 100 nodes.
    """
    if name in CITATIONS:
        return load(name)
    found = _NAME.fullmatch(name)
    if found is None:
        raise UnknownNameError.of("graph", name, (*CITATIONS, *SYNTHETIC))
    num_nodes, degree = int(float(found[2])), int(found[3] or 10)
    if num_nodes < 100:
        raise InputError(f"{name}: expected at least 100 nodes, got {num_nodes}")
    return block_graph(num_nodes, degree, power_law=found[1] == "power-law")


def family(name: str) -> str | None:
    """The family whose growth the graph belongs to; None for other graphs."""
    found = _NAME.fullmatch(name)
    return found[1] if found and found[3] is None else None


def block_graph(num_nodes: int, degree: int = 10, *, power_law: bool = False, seed: int = 0) -> Data:
    """A degree-corrected block model (Karrer and Newman 2011) with features that hint at the block.

    Edges are drawn one by one: the source in proportion to its weight, the target likewise among the
    source's block (`WITHIN`) or all nodes. Equal weights give a stochastic block model.

    Parameters
    ----------
    num_nodes
        N; nodes are in no order, so that neighbours lie anywhere in memory.
    degree
        Mean degree: ``N degree / 2`` edges (fewer where a graph is so small that many are drawn twice).
    power_law
        Weights that follow a power law, the largest cut, so that few edges are drawn twice.
    seed
        Of all draws.

    Returns
    -------
    Data
        ``x`` of shape ``(N, 64)``, dense; ``edge_index`` with both directions.
    """
    rng = np.random.default_rng(seed)
    block = rng.integers(0, NUM_BLOCKS, num_nodes)
    weight = _power_law(num_nodes, degree, rng) if power_law else np.ones(num_nodes)
    src, dst = _edges(block, weight, num_nodes * degree // 2, rng)
    centres = SIGNAL * rng.standard_normal((NUM_BLOCKS, NUM_FEATURES), dtype=np.float32)
    x = centres[block] + rng.standard_normal((num_nodes, NUM_FEATURES), dtype=np.float32)
    return make_graph(torch.from_numpy(np.stack([src, dst])), num_nodes, x=torch.from_numpy(x))


def _power_law(num_nodes: int, degree: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Weights of mean about 1, at most sqrt(N / degree): two hubs then expect one edge at most."""
    weight = np.power(np.arange(1, num_nodes + 1, dtype=np.float64), -1 / (EXPONENT - 1))
    shuffled = rng.permutation(weight / weight.mean())
    cut: NDArray[np.float64] = np.minimum(shuffled, np.sqrt(num_nodes / degree))
    return cut


def _edges(
    block: NDArray[np.int64], weight: NDArray[np.float64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``count`` distinct edges, src < dst."""
    drawn = int(EXCESS * count)
    order = np.argsort(block, kind="stable")
    mass = np.concatenate([[0.0], np.cumsum(weight[order])])  # below each place of the order, (N + 1,)
    bounds = mass[np.searchsorted(block[order], np.arange(NUM_BLOCKS + 1))]

    def pick(low: NDArray[np.float64] | float, high: NDArray[np.float64] | float) -> NDArray[np.int64]:
        place = np.searchsorted(mass, low + rng.random(drawn) * (high - low), side="right") - 1
        return order[np.minimum(place, len(order) - 1)]

    src = pick(0.0, mass[-1])
    own = rng.random(drawn) < WITHIN
    dst = pick(np.where(own, bounds[block[src]], 0.0), np.where(own, bounds[block[src] + 1], mass[-1]))
    low, high = np.minimum(src, dst), np.maximum(src, dst)
    codes = torch.unique(torch.from_numpy((low * len(block) + high)[low < high])).numpy()
    kept = rng.permutation(codes)[:count]
    return kept // len(block), kept % len(block)
