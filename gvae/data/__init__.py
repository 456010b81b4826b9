"""Graphs before any learning: validation, link splits, negatives."""

from gvae.data.graph import make_graph
from gvae.data.negatives import NegativeSampler, sample_negatives
from gvae.data.nodes import node_ids
from gvae.data.pairs import read_ids, read_pairs, read_sides
from gvae.data.read import read_graph
from gvae.data.splits import Development, LinkPart, LinkSplit, split_links
from gvae.data.write import to_networkx, write_graph

__all__ = [
    "Development",
    "LinkPart",
    "LinkSplit",
    "NegativeSampler",
    "make_graph",
    "node_ids",
    "read_graph",
    "read_ids",
    "read_pairs",
    "read_sides",
    "sample_negatives",
    "split_links",
    "to_networkx",
    "write_graph",
]
