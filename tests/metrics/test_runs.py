from __future__ import annotations

import pytest

from gvae.metrics import mean_of, std_of


def test_by_hand() -> None:
    rows = [{"auc": 0.5, "mrr": 0.25}, {"auc": 1.0, "mrr": 0.25}]
    assert mean_of(rows) == {"auc": 0.75, "mrr": 0.25}
    assert std_of(rows) == pytest.approx({"auc": 0.125**0.5, "mrr": 0.0})
    assert (mean_of([]), std_of(rows[:1])) == ({}, {})
