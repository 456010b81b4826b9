from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from torch import Tensor

from gvae.calibration import Calibration, expected_calibration_error, fit_calibration
from gvae.errors import InputError


def logits(generator: torch.Generator, positives: int, negatives: int) -> tuple[Tensor, Tensor]:
    return (
        2 + 3 * torch.randn(positives, generator=generator),
        -1 + 3 * torch.randn(negatives, generator=generator),
    )


def test_probability_by_hand() -> None:
    calibration = Calibration((0.0, 2.0), (0.0, 4.0))
    s = torch.tensor([-5.0, 0.0, 1.0, 2.0, 50.0])
    expected = [0.5, 0.5, 1 / (1 + math.exp(-2)), *[1 / (1 + math.exp(-4))] * 2]  # level beyond both ends
    assert calibration.probability(s, 0.5).tolist() == pytest.approx(expected)
    # Of odds 1 with as many non-edges there are odds 1 : 99 with 99 times as many.
    assert calibration.probability(s, 0.01)[0].item() == pytest.approx(0.01)


@given(st.floats(-30, 30), st.floats(0.001, 0.999), st.floats(0, 5), st.floats(-5, 5))
def test_the_prior_correction_is_bayes_rule(s: float, prior: float, rise: float, start: float) -> None:
    """``p' = p pi / (p pi + (1 - p) (1 - pi))``: Saerens et al. (2002), eq. 4, from 1:1."""
    calibration = Calibration((-10.0, 10.0), (start, start + rise))
    p = calibration.probability(torch.tensor([s]), 0.5).item()
    expected = p * prior / (p * prior + (1 - p) * (1 - prior))
    assert calibration.probability(torch.tensor([s]), prior).item() == pytest.approx(expected, abs=1e-9)


def test_two_normals_have_a_known_calibration(generator: torch.Generator) -> None:
    """Log ratios of N(2, 9) against N(-1, 9) are (s - 1/2) / 3, however many non-edges there are."""
    for positives, negatives in ((200_000, 200_000), (100_000, 300_000)):
        found = fit_calibration(*logits(generator, positives, negatives))
        assert len(found.logits) == 15
        for s, ratio in list(zip(found.logits, found.log_ratios, strict=True))[2:-2]:
            assert ratio == pytest.approx((s - 0.5) / 3, abs=0.05)


def test_the_fit_by_hand() -> None:
    """Two bins parted at the median of 20 edges, 4.5: (10 + 1/2) / 21 of the edges in each."""
    positives = torch.tensor([float(i % 10) for i in range(20)])
    negatives = torch.tensor([0.0, 1.0, 2.0, 3.0, 8.0])
    found = fit_calibration(positives, negatives)
    assert found.logits == (2.0, 7.0)
    ratios = [math.log(0.5 / (4.5 / 6)), math.log(0.5 / (1.5 / 6))]
    assert found.log_ratios == pytest.approx(ratios)


@given(st.integers(2, 300), st.integers(2, 300), st.integers(0, 1000), st.sampled_from([0.0, 0.1, 300.0]))
@settings(max_examples=60, deadline=None)
def test_any_curve_is_finite_and_never_falls(p: int, q: int, seed: int, scale: float) -> None:
    positives, negatives = logits(torch.Generator().manual_seed(seed), p, q)
    found = fit_calibration((scale * positives).round(), (scale * negatives).round())
    assert 1 <= len(found.logits) == len(found.log_ratios) <= 15
    assert list(found.logits) == sorted(found.logits)
    assert list(found.log_ratios) == sorted(found.log_ratios)
    probability = found.probability(torch.linspace(-2000, 2000, 50), 0.01)
    assert ((probability > 0) & (probability < 1)).all()
    assert (probability.diff() >= -1e-12).all()


@pytest.mark.parametrize(("positive", "negative"), [(1.0, 1.0), (-1.0, 2.0)])
def test_logits_that_say_nothing_give_the_prior(positive: float, negative: float) -> None:
    found = fit_calibration(torch.full((5,), positive), torch.full((9,), negative))
    assert found.probability(torch.tensor([-7.0, 7.0]), 0.02).tolist() == pytest.approx([0.02, 0.02])


@pytest.mark.parametrize(
    ("positives", "negatives", "message"),
    [
        ([1.0], [0.0, 0.0], "2 or more edges and non-edges each, got 1 and 2"),
        ([1.0, 2.0], [], "2 or more edges and non-edges each, got 2 and 0"),
        ([1.0, math.nan], [0.0, 0.0], "finite logits"),
        ([1.0, 1.0], [0.0, -math.inf], "finite logits"),
    ],
)
def test_too_few_or_broken_logits_are_refused(
    positives: list[float], negatives: list[float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit_calibration(torch.tensor(positives), torch.tensor(negatives))


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1, math.nan])
def test_a_prior_out_of_range_is_refused(prior: float) -> None:
    with pytest.raises(InputError, match="prior must be a share between 0 and 1"):
        Calibration((0.0,), (0.0,)).probability(torch.zeros(1), prior)


def test_calibration_error_by_hand() -> None:
    """Bins {.1, .2}, {.6, .9}: half the pairs each, |0 - .15| and |1 - .75| off."""
    p, y = torch.tensor([0.9, 0.1, 0.6, 0.2]), torch.tensor([1, 0, 1, 0])
    assert expected_calibration_error(p, y, bins=2) == pytest.approx(0.5 * 0.15 + 0.5 * 0.25)
    assert expected_calibration_error(p, y, bins=1) == pytest.approx(0.5 - 0.45)


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_the_error_equals_that_of_scikit_learns_calibration_curve(bins: int) -> None:
    generator = np.random.default_rng(bins)
    p = generator.random(1500)
    y = generator.random(1500) < p**2
    frequency, probability = calibration_curve(y, p, n_bins=bins, strategy="quantile")
    edges = np.quantile(p, np.linspace(0, 1, bins + 1))
    counts = np.bincount(np.searchsorted(edges[1:-1], p), minlength=bins)
    expected = (counts / 1500 * np.abs(frequency - probability)).sum()
    found = expected_calibration_error(torch.from_numpy(p), torch.from_numpy(y), bins)
    assert found == pytest.approx(expected, rel=1e-12)


def test_equal_probabilities_share_a_bin() -> None:
    """In whatever order they come: three edges before seven non-edges at p = 0.3 are calibrated."""
    p = torch.full((10,), 0.3, dtype=torch.double)
    assert expected_calibration_error(p, torch.arange(10) < 3) == pytest.approx(0)


def test_calibrated_is_near_zero_and_shifted_is_not(generator: torch.Generator) -> None:
    p = torch.rand(100_000, generator=generator)
    y = torch.rand(100_000, generator=generator) < p
    assert expected_calibration_error(p, y) < 0.01
    assert expected_calibration_error(0.8 * p, y) == pytest.approx(0.1, abs=0.01)


def test_a_calibrated_fit_has_a_small_error_at_another_density(generator: torch.Generator) -> None:
    calibration = fit_calibration(*logits(generator, 2_000, 50_000))
    positives, negatives = logits(generator, 1_000, 100_000)
    s, y = torch.cat([positives, negatives]), torch.arange(101_000) < 1_000
    corrected = expected_calibration_error(calibration.probability(s, 1 / 101), y)
    assert corrected < 0.003
    assert expected_calibration_error(calibration.probability(s, 0.5), y) > 50 * corrected


def test_bad_arguments_of_the_error_are_refused() -> None:
    with pytest.raises(InputError, match=r"one shape \(P,\), P > 0, got \(2,\) and \(3,\)"):
        expected_calibration_error(torch.zeros(2), torch.zeros(3))
    with pytest.raises(InputError, match="P > 0"):
        expected_calibration_error(torch.zeros(0), torch.zeros(0))
    with pytest.raises(InputError, match="bins must be an integer >= 1, got 0"):
        expected_calibration_error(torch.zeros(2), torch.zeros(2), bins=0)
