"""The audit of a link split: whether its figures can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch_geometric.data import Data

from gvae.data.audit_checks import Finding, find_all
from gvae.data.audit_parts import read_parts
from gvae.data.splits import LinkSplit

__all__ = ["AuditReport", "Finding", "audit_split"]


NOTED = 20
"""Pairs of a note that a record has; of a leak it has all."""


@dataclass(frozen=True)
class AuditReport:
    """What an audit found, leaks first."""

    findings: tuple[Finding, ...]

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """What makes figures wrong."""
        return tuple(finding for finding in self.findings if finding.leak)

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What must be known with the figures."""
        return tuple(finding for finding in self.findings if not finding.leak)

    @property
    def clean(self) -> bool:
        """Whether there is no leak."""
        return not self.leaks

    def __str__(self) -> str:
        """One line a finding."""
        lines = [
            f"{'leak' if each.leak else 'note'}: {each.kind}, {each.where}, {each.count:,}"
            for each in self.findings
        ]
        return "\n".join(lines) or "clean, nothing to note"

    def to_dict(self, node_ids: Sequence[str | int] | None = None) -> dict[str, Any]:
        """The report as JSON types, pairs by ``node_ids`` or by index: all of a leak, 20 of a note."""
        return {"clean": self.clean, "findings": [_record(each, node_ids) for each in self.findings]}


def _record(finding: Finding, node_ids: Sequence[str | int] | None) -> dict[str, Any]:
    edges = finding.edges.t().tolist()[: None if finding.leak else NOTED]
    if node_ids is not None:
        edges = [[node_ids[node] for node in edge] for edge in edges]
    return {
        "kind": finding.kind,
        "leak": finding.leak,
        "where": finding.where,
        "count": finding.count,
        "edges": edges,
        "message": finding.message,
    }


def audit_split(split: LinkSplit | Sequence[Data]) -> AuditReport:
    """Look for leaks in a link split of an undirected graph.

    A pair and its reverse are the same link. Costs O((E + Q) log E) time for E edges and Q negatives.

    Parameters
    ----------
    split
        A `LinkSplit`, or the (train, val, test) triple of PyTorch Geometric's ``RandomLinkSplit``, with or
        without ``split_labels``; a label above 0 is a positive.

    Returns
    -------
    AuditReport
        Leaks: ``overlap`` and ``reverse-overlap`` of positives, ``self-loop``, ``duplicate``,
        ``label-in-messages``, ``unknown-messages``, ``false-negative``, ``train-negatives-avoid-held-out``,
        ``negatives-shared``, ``lost-nodes``, ``features-differ``, ``imbalance``. Notes:
        ``val-edges-at-test``, ``train-labels-in-messages``, ``candidates-not-filtered``,
        ``one-way-messages``, ``isolated-nodes``, ``empty``, and milder forms of the leaks. Candidates
        under ``"heart"`` are held to HeaRT's rule (Li et al. 2023, arXiv:2306.10453).

    Raises
    ------
    InputError
        If it is neither, an attribute is missing, or an index is out of range.
    """
    return AuditReport(find_all(read_parts(split)))
