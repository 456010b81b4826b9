"""Graphs before any learning: validation, link splits, negatives, audits.

The names are imported at first use: a reader needs polars, SciPy and networkx, a split none of them.
"""

from typing import TYPE_CHECKING

from gvae._lazy import lazy_names

if TYPE_CHECKING:
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

_HOMES = {
    "gvae.data.audit": ("AuditReport", "audit_split"),
    "gvae.data.graph": ("make_graph",),
    "gvae.data.heart": ("hard_negatives",),
    "gvae.data.negatives": ("NegativeSampler", "sample_negatives"),
    "gvae.data.nodes": ("node_ids",),
    "gvae.data.pairs": ("read_ids", "read_pairs", "read_sides"),
    "gvae.data.read": ("read_graph",),
    "gvae.data.split_files": ("read_split", "write_split"),
    "gvae.data.splits": ("Development", "LinkPart", "LinkSplit", "split_links"),
    "gvae.data.write": ("to_networkx", "write_graph"),
}

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

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
