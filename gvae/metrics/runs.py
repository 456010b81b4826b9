"""Figures of several runs as one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean over runs of each figure that all of them have; empty without any."""
    return {name: statistics.fmean(row[name] for row in rows) for name in _common(rows)}


def std_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Sample standard deviation (n - 1) of each figure that all runs have; empty with fewer than two."""
    return {name: statistics.stdev(row[name] for row in rows) for name in _common(rows) if len(rows) > 1}


def _common(rows: Sequence[Mapping[str, float]]) -> list[str]:
    return [name for name in (rows[0] if rows else ()) if all(name in row for row in rows)]
