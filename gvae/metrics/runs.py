"""Figures of several runs as one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each figure over runs; empty without any."""
    return {name: statistics.fmean(row[name] for row in rows) for name in (rows[0] if rows else ())}


def std_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Sample standard deviation (n - 1) of each figure over runs; empty with fewer than two."""
    return {name: statistics.stdev(row[name] for row in rows) for name in (rows[0] if len(rows) > 1 else ())}
