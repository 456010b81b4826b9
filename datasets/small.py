"""Small graphs that come with networkx: no features, edge weights left aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch_geometric.data import Data

from gvae.data import make_graph

if TYPE_CHECKING:
    import networkx as nx


def karate() -> Data:
    """Zachary's karate club (1977); the labels are the two clubs after the split."""
    import networkx as nx

    graph = nx.karate_club_graph()
    clubs = ["Mr. Hi", "Officer"]
    data = _from_networkx(graph, [clubs.index(graph.nodes[node]["club"]) for node in graph])
    data.class_names = clubs
    return data


def les_miserables() -> Data:
    """Characters of Les Miserables who appear together (Knuth 1993); ``node_ids`` has their names."""
    import networkx as nx

    return _from_networkx(nx.les_miserables_graph())


def _from_networkx(graph: nx.Graph[Any], labels: list[int] | None = None) -> Data:
    index = {node: i for i, node in enumerate(graph)}
    edges = torch.tensor([(index[u], index[v]) for u, v in graph.edges]).t()
    y = None if labels is None else torch.tensor(labels)
    data = make_graph(edges, len(index), y=y)
    data.node_ids = list(index)
    return data


SMALL = {"karate": karate, "les-miserables": les_miserables}
