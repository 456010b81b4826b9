from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvae.metrics import link_scores

logits = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30).map(np.array)


def test_by_hand() -> None:
    """Ranking + - + -: three of four pairs in order; precision 1 at the first hit, 2/3 at the second."""
    scores = link_scores(np.array([4.0, 2.0]), np.array([3.0, 1.0]))
    assert scores.auc == pytest.approx(3 / 4)
    assert scores.ap == pytest.approx((1 + 2 / 3) / 2)
    assert scores.to_dict() == {"auc": scores.auc, "ap": scores.ap}


@given(logits, logits)
@settings(deadline=None)
def test_auc_is_the_share_of_pairs_in_order_ties_count_half(
    positives: np.ndarray, negatives: np.ndarray
) -> None:
    difference = positives[:, None] - negatives[None, :]
    expected = ((difference > 0) + 0.5 * (difference == 0)).mean()
    assert link_scores(positives, negatives).auc == pytest.approx(expected)


@given(logits, logits)
@settings(deadline=None)
def test_average_precision_by_its_definition(positives: np.ndarray, negatives: np.ndarray) -> None:
    """The sum over thresholds of precision times the gain in recall; ties share a threshold."""
    expected = 0.0
    for threshold in set(positives):
        hits, alarms = (positives >= threshold).sum(), (negatives >= threshold).sum()
        expected += hits / (hits + alarms) * (positives == threshold).mean()
    assert link_scores(positives, negatives).ap == pytest.approx(expected)


def test_saturated_logits_are_still_ranked() -> None:
    """The trap of ranking sigmoids: in float32 both of these are exactly 1."""
    assert link_scores(np.array([60.0]), np.array([50.0])).auc == 1.0
