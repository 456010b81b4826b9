from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from gvae.calibration import Calibration, expected_calibration_error, fit_calibration
from gvae.errors import InputError


def logits(generator: torch.Generator, positives: int, negatives: int) -> tuple[Tensor, Tensor]:
    return (
        2 + 3 * torch.randn(positives, generator=generator),
        -1 + 3 * torch.randn(negatives, generator=generator),
    )


def test_probability_by_hand() -> None:
    calibration = Calibration(slope=2.0, intercept=-1.0)
    s = torch.tensor([0.5, 1.0])
    assert calibration.probability(s, 0.5).tolist() == pytest.approx([0.5, 1 / (1 + math.exp(-1))])
    # Of odds 1 with as many non-edges there are odds 1 : 99 with 99 times as many.
    assert calibration.probability(s, 0.01)[0].item() == pytest.approx(0.01)


@given(st.floats(-30, 30), st.floats(0.001, 0.999), st.floats(0, 5), st.floats(-5, 5))
def test_the_prior_correction_is_bayes_rule(s: float, density: float, slope: float, intercept: float) -> None:
    """``p' = p pi / (p pi + (1 - p) (1 - pi))``: Saerens et al. (2002), eq. 4, from 1:1."""
    calibration = Calibration(slope, intercept)
    p = calibration.probability(torch.tensor([s]), 0.5).item()
    expected = p * density / (p * density + (1 - p) * (1 - density))
    assert calibration.probability(torch.tensor([s]), density).item() == pytest.approx(expected, abs=1e-9)


def test_two_normals_have_a_known_calibration(generator: torch.Generator) -> None:
    """Log-odds of N(2, 9) against N(-1, 9) are (s - 1/2) / 3, and stay so with more non-edges."""
    for positives, negatives in ((200_000, 200_000), (100_000, 300_000)):
        found = fit_calibration(*logits(generator, positives, negatives))
        assert found.slope == pytest.approx(1 / 3, abs=0.005)
        assert found.intercept == pytest.approx(-1 / 6, abs=0.02)


@given(st.integers(2, 20), st.integers(2, 40), st.integers(0, 1000), st.sampled_from([0.01, 1.0, 300.0]))
@settings(max_examples=40, deadline=None)
def test_the_fit_is_the_least_balanced_cross_entropy(p: int, q: int, seed: int, scale: float) -> None:
    positives, negatives = logits(torch.Generator().manual_seed(seed), p, q)
    found = fit_calibration(scale * positives, scale * negatives)

    def loss(parameters: tuple[float, float]) -> float:
        total = 0.0
        for s, target in ((positives, (p + 1) / (p + 2)), (negatives, 1 / (q + 2))):
            t = parameters[0] * s.double() + parameters[1]
            total += float((torch.nn.functional.softplus(t) - target * t).mean())
        return total

    best = minimize(loss, (0.0, 0.0), bounds=[(0, None), (None, None)], tol=1e-12)
    if found.slope > 0:
        assert loss((found.slope * scale, found.intercept)) <= best.fun + 1e-6
    else:
        assert best.x[0] == pytest.approx(0, abs=1e-3)


def test_separable_logits_have_a_finite_slope() -> None:
    """Two logits, 3 and -3: the sigmoid meets Platt's targets, 3/4 and 1/4 of two each, exactly."""
    found = fit_calibration(torch.tensor([3.0, 3.0]), torch.tensor([-3.0, -3.0]))
    assert found.slope == pytest.approx(math.log(3) / 3, rel=1e-4)
    assert found.intercept == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("positive", "negative"), [(1.0, 1.0), (-1.0, 2.0)])
def test_logits_that_say_nothing_give_the_density(positive: float, negative: float) -> None:
    found = fit_calibration(torch.full((5,), positive), torch.full((9,), negative))
    assert found == Calibration(0.0, 0.0)
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


@pytest.mark.parametrize("density", [0.0, 1.0, -0.1, math.nan])
def test_a_density_out_of_range_is_refused(density: float) -> None:
    with pytest.raises(InputError, match="density must be a share between 0 and 1"):
        Calibration(1.0, 0.0).probability(torch.zeros(1), density)


def test_calibration_error_by_hand() -> None:
    """Bins {.1, .2}, {.6, .9}: half the pairs each, |0 - .15| and |1 - .75| off."""
    p, y = torch.tensor([0.9, 0.1, 0.6, 0.2]), torch.tensor([1, 0, 1, 0])
    assert expected_calibration_error(p, y, bins=2) == pytest.approx(0.5 * 0.15 + 0.5 * 0.25)
    assert expected_calibration_error(p, y, bins=1) == pytest.approx(0.5 - 0.45)


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
    calibration = fit_calibration(*logits(generator, 2_000, 2_000))
    positives, negatives = logits(generator, 1_000, 100_000)
    s, y = torch.cat([positives, negatives]), torch.arange(101_000) < 1_000
    corrected = expected_calibration_error(calibration.probability(s, 1 / 101), y)
    assert corrected < 0.002
    assert expected_calibration_error(calibration.probability(s, 0.5), y) > 50 * corrected


def test_bad_arguments_of_the_error_are_refused() -> None:
    with pytest.raises(InputError, match=r"one shape \(P,\), P > 0, got \(2,\) and \(3,\)"):
        expected_calibration_error(torch.zeros(2), torch.zeros(3))
    with pytest.raises(InputError, match="P > 0"):
        expected_calibration_error(torch.zeros(0), torch.zeros(0))
    with pytest.raises(InputError, match="bins must be an integer >= 1, got 0"):
        expected_calibration_error(torch.zeros(2), torch.zeros(2), bins=0)
