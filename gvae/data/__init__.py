"""Graphs before any learning: validation, link splits, negatives."""

from gvae.data.graph import make_graph
from gvae.data.negatives import NegativeSampler, sample_negatives
from gvae.data.splits import Development, LinkPart, LinkSplit, split_links

__all__ = [
    "Development",
    "LinkPart",
    "LinkSplit",
    "NegativeSampler",
    "make_graph",
    "sample_negatives",
    "split_links",
]
