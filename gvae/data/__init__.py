"""Graphs before any learning: validation, link splits, negatives."""

from gvae.data.graph import make_graph
from gvae.data.negatives import NegativeSampler, sample_negatives
from gvae.data.read import read_graph
from gvae.data.splits import Development, LinkPart, LinkSplit, split_links
from gvae.data.write import to_networkx, write_graph

__all__ = [
    "Development",
    "LinkPart",
    "LinkSplit",
    "NegativeSampler",
    "make_graph",
    "read_graph",
    "sample_negatives",
    "split_links",
    "to_networkx",
    "write_graph",
]
