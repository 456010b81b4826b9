"""Two models over the same splits: the difference, how sure it is, and many such at once."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from gvae.errors import GvaeWarning, InputError
from gvae.results import Names, Result, check_result

LEAST_RUNS = 5
"""Runs that a comparison needs."""

LEVEL = 0.95
"""Of all intervals."""

RESAMPLES = 10_000
"""Of the bootstrap."""

_ROUNDING = 1e-12  # differences of fractions that are closer are equal


@dataclass(frozen=True)
class PairedTest:
    """A t-test of paired differences.

    Parameters
    ----------
    mean, std
        Of the differences; the standard deviation is the sample's (J - 1).
    t
        The statistic; ``None`` where all differences are equal.
    degrees
        Degrees of freedom, J - 1.
    p
        Two-sided.
    low, high
        Ends of the 95 % confidence interval of the mean.
    """

    mean: float
    std: float
    t: float | None
    degrees: int
    p: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two models on one graph, paired by seed; differences are A - B, scores are fractions.

    Parameters
    ----------
    dataset
        The graph's name, ``None`` where it has none.
    metric
        The figure that is compared; higher is better.
    model_a, model_b
        What is compared.
    protocol_a, protocol_b
        How each was measured; the splits are the same.
    seeds
        The common seeds, ascending.
    scores_a, scores_b
        One for each seed.
    shared_split
        Whether all seeds have one split, so that runs are initialisations and differ in nothing else.
    test_share
        Test edges per train edge, for the corrected test; 0 with a shared split.
    test
        The corrected resampled t-test, or the plain one with a shared split.
    bootstrap
        Percentile interval of the mean difference, 10,000 resamples of the runs.
    wilcoxon
        Two-sided p of the signed-rank test.

    Notes
    -----
    ``bootstrap`` and ``wilcoxon`` take the runs as independent. Random splits of one graph overlap, so there
    both are optimistic.
    """

    dataset: str | None
    metric: str
    model_a: str
    model_b: str
    protocol_a: str
    protocol_b: str
    seeds: tuple[int, ...]
    scores_a: tuple[float, ...]
    scores_b: tuple[float, ...]
    shared_split: bool
    test_share: float
    test: PairedTest
    bootstrap: tuple[float, float]
    wilcoxon: float

    @property
    def test_name(self) -> str:
        """What ``test`` is."""
        return "paired t-test" if self.shared_split else "corrected resampled t-test"

    def to_dict(self) -> dict[str, Any]:
        """A record for JSON, scores and differences as fractions."""
        return {
            "dataset": self.dataset,
            "metric": self.metric,
            "a": _side(self.model_a, self.protocol_a, self.scores_a),
            "b": _side(self.model_b, self.protocol_b, self.scores_b),
            "seeds": list(self.seeds),
            "difference": self.test.mean,
            "std": self.test.std,
            "test": self.test_name,
            "test_share": self.test_share,
            "t": self.test.t,
            "degrees": self.test.degrees,
            "p": self.test.p,
            "interval": [self.test.low, self.test.high],
            "optimistic": not self.shared_split,
            "bootstrap": list(self.bootstrap),
            "wilcoxon": self.wilcoxon,
        }


def compare_runs(a: Result, b: Result, metric: str | None = None, *, names: Names = ("a", "b")) -> Comparison:
    """Compare two results on one graph, paired by seed over the same splits.

    Random splits of one graph share most of their edges, so the runs are not independent and a plain paired
    t-test finds differences that are not there. The test is `corrected_t_test`, with the splits' test edges
    per train edge. Where all seeds share one split, it is the plain one, and speaks of that split alone.

    Parameters
    ----------
    a, b
        Records of `gvae.experiment.Experiment.to_dict`, or of `gvae.results.read_results`.
    metric
        The figure; by default the first of the protocol's own.
    names
        What ``a`` and ``b`` are called in errors, such as their files.

    Raises
    ------
    InputError
        If a record is none, has no splits or not the figure, the graphs or the splits differ, fewer than 5
        seeds are common, or some splits are repeated and some are not.

    Warns
    -----
    GvaeWarning
        If a record is incomplete, or a seed is left out because only one side has it.
    """
    for record, name in zip((a, b), names, strict=True):
        check_result(record, name)
        _note_incomplete(record, name)
    if a.get("dataset") != b.get("dataset"):
        raise InputError(f"{names[0]} is of {a.get('dataset')}, {names[1]} of {b.get('dataset')}")
    metric = (metric or _first_metric(a, b, names)).lower()
    splits = _common_splits(a, b, names)
    scores_a, scores_b = (
        _scores(side, metric, [*splits], name) for side, name in zip((a, b), names, strict=True)
    )
    shared = _is_shared(a, splits.values())
    share = 0.0 if shared else fmean(split["test"] / split["train"] for split in splits.values())
    differences = np.subtract(scores_a, scores_b)  # (J,)
    return Comparison(
        dataset=a.get("dataset"),
        metric=metric,
        model_a=a["model"],
        model_b=b["model"],
        protocol_a=a["protocol"],
        protocol_b=b["protocol"],
        seeds=tuple(splits),
        scores_a=scores_a,
        scores_b=scores_b,
        shared_split=shared,
        test_share=share,
        test=corrected_t_test(differences, share),
        bootstrap=_bootstrap(differences),
        wilcoxon=_wilcoxon(differences),
    )


def corrected_t_test(differences: ArrayLike, test_share: float) -> PairedTest:
    """Corrected resampled t-test, ``t = mean(d) / sqrt((1 / J + n_test / n_train) var(d))``, two-sided.

    Nadeau and Bengio 2003, "Inference for the generalization error", Machine Learning 52: runs over
    random splits share training data, which the second term makes up for. J - 1 degrees of freedom.

    Parameters
    ----------
    differences
        One for each of J runs, shape ``(J,)``; fractions. Equal up to 1e-12, their variance is 0: then p is 1
        if the mean is 0, and else 0.
    test_share
        ``n_test / n_train``; 0 is the plain paired t-test.

    Raises
    ------
    InputError
        If there are fewer than 2 differences, one is not finite, or ``test_share`` is negative.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or len(d) < 2 or not np.isfinite(d).all():
        raise InputError(
            f"differences must be 2 or more finite numbers, shape (J,), got shape {d.shape}: {d}"
        )
    if not 0 <= test_share < math.inf:
        raise InputError(f"test_share must be finite and >= 0, got {test_share!r}")
    mean, degrees = float(d.mean()), len(d) - 1
    if np.ptp(d) < _ROUNDING:
        return PairedTest(mean, 0.0, None, degrees, float(abs(mean) < _ROUNDING), mean, mean)
    std = float(d.std(ddof=1))
    error = math.sqrt(1 / len(d) + test_share) * std
    t = mean / error
    margin = float(stats.t.ppf((1 + LEVEL) / 2, degrees)) * error
    return PairedTest(
        mean, std, t, degrees, float(2 * stats.t.sf(abs(t), degrees)), mean - margin, mean + margin
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values for their number: ``p~_(i) = max_{j <= i} min(1, (m - j + 1) p_(j))``, p ascending.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6.
    To call all with ``p~ <= 0.05`` different is wrong in any of them with a probability of 0.05 at most.

    Parameters
    ----------
    p_values
        In any order.

    Returns
    -------
    list of float
        In the same order.

    Raises
    ------
    InputError
        If a value is not in [0, 1].
    """
    if wrong := [p for p in p_values if not 0 <= p <= 1]:
        raise InputError(f"p values must lie in [0, 1], got {wrong[0]!r}")
    adjusted, least = [0.0] * len(p_values), 0.0
    for j, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - j) * p_values[i]))
        adjusted[i] = least
    return adjusted


def _bootstrap(differences: NDArray[np.float64]) -> tuple[float, float]:
    if np.ptp(differences) < _ROUNDING:
        return float(differences.mean()), float(differences.mean())
    found = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        random_state=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _wilcoxon(differences: NDArray[np.float64]) -> float:
    d = differences.round(12)  # so that ties and zeros are some
    return float(stats.wilcoxon(d).pvalue) if d.any() else 1.0


def _side(model: str, protocol: str, scores: tuple[float, ...]) -> dict[str, Any]:
    return {"model": model, "protocol": protocol, "mean": fmean(scores), "scores": list(scores)}


def _note_incomplete(record: Result, name: str) -> None:
    if not record["complete"]:
        runs, seeds = len(record["runs"]), len(record["manifest"]["seeds"])
        message = f"{name}: {_title(record)} is incomplete, {runs} of {seeds} runs"
        warnings.warn(message, GvaeWarning, stacklevel=3)


def _first_metric(a: Result, b: Result, names: Names) -> str:
    firsts = [next(iter(side["manifest"]["protocol"].get("metrics") or ()), None) for side in (a, b)]
    if firsts[0] is None or firsts[0] != firsts[1]:
        got = ", ".join(f"{name} {first or 'none'}" for name, first in zip(names, firsts, strict=True))
        raise InputError(
            f"{a.get('dataset')}: the results' first metrics differ ({got}); name one with --metric"
        )
    return str(firsts[0])


def _common_splits(a: Result, b: Result, names: Names) -> dict[int, Result]:
    """The splits of the seeds that both have, by seed."""
    of_a, of_b = (_splits(side, name) for side, name in zip((a, b), names, strict=True))
    seeds = sorted(of_a.keys() & of_b.keys())
    for seed in seeds:
        for what in ("edges", "negatives"):
            if of_a[seed][what] != of_b[seed][what]:
                raise InputError(
                    f"{a.get('dataset')}, seed {seed}: the {what} of the split differ between "
                    f"{names[0]} and {names[1]}; a comparison needs the same splits"
                )
    if not seeds:
        have = ", ".join(f"{name} {_listed(of)}" for name, of in zip(names, (of_a, of_b), strict=True))
        raise InputError(f"{a.get('dataset')}: no seed is on both sides: {have}")
    if len(seeds) < LEAST_RUNS:
        raise InputError(
            f"{a.get('dataset')}: a comparison needs at least {LEAST_RUNS} runs on the same splits, "
            f"got {len(seeds)}"
        )
    if alone := sorted(of_a.keys() ^ of_b.keys()):
        which = ", ".join(map(str, alone))
        message = f"{a.get('dataset')}: left out, as only one side has them: seeds {which}"
        warnings.warn(message, GvaeWarning, stacklevel=3)
    return {seed: of_a[seed] for seed in seeds}


def _splits(record: Result, name: str) -> dict[int, Result]:
    splits = record["manifest"].get("splits")
    if splits is None:
        raise InputError(
            f"{name}: {_title(record)} has no manifest.splits (an older gvae wrote it); run gvae bench again"
        )
    return {split["seed"]: split for split in splits}


def _scores(record: Result, metric: str, seeds: list[int], name: str) -> tuple[float, ...]:
    runs = {run["seed"]: run.get(metric) for run in record["runs"]}
    scores = tuple(runs[seed] for seed in seeds)
    if metric not in record["mean"] or None in scores:
        known = ", ".join(name for name, value in record["mean"].items() if value is not None)
        raise InputError(f"{name}: {_title(record)} has no metric {metric!r}; it has {known}")
    return scores


def _is_shared(record: Result, splits: Iterable[Result]) -> bool:
    """Whether all seeds have one split, as by time, where nothing is drawn."""
    edges = [split["edges"] for split in splits]
    different = len(set(edges))
    if different == 1:
        return True
    if different < len(edges):
        raise InputError(
            f"{record.get('dataset')}: {len(edges)} runs have {different} different splits; "
            f"they must share one split or all differ"
        )
    return False


def _listed(seeds: Iterable[int]) -> str:
    return "has " + (", ".join(map(str, sorted(seeds))) or "none")


def _title(record: Result) -> str:
    return f"{record['model']} on {record.get('dataset')}"
