"""Graphs before any learning: validation, link splits, negatives, audits."""

from gvae.data.audit import AuditReport, audit_split
from gvae.data.graph import make_graph
from gvae.data.heart import hard_negatives
from gvae.data.negatives import NegativeSampler, sample_negatives
from gvae.data.nodes import node_ids
from gvae.data.pairs import read_ids, read_pairs, read_sides
from gvae.data.read import read_graph
from gvae.data.split_files import read_split, write_split
from gvae.data.splits import Development, LinkPart, LinkSplit, split_links
from gvae.data.write import to_networkx, write_graph

__all__ = [
    "AuditReport",
    "Development",
    "LinkPart",
    "LinkSplit",
    "NegativeSampler",
    "audit_split",
    "hard_negatives",
    "make_graph",
    "node_ids",
    "read_graph",
    "read_ids",
    "read_pairs",
    "read_sides",
    "read_split",
    "sample_negatives",
    "split_links",
    "to_networkx",
    "write_graph",
    "write_split",
]
