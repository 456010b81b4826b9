"""Comparisons: statistics by hand and against SciPy, splits that must be the same, files that are checked."""

from __future__ import annotations

import copy
import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from gvae.comparison import compare_runs, corrected_t_test, holm
from gvae.errors import GvaeWarning, InputError
from gvae.results import pair_results, read_results

Record = dict[str, Any]
A = (0.90, 0.91, 0.92, 0.93, 0.94)
B = (0.89, 0.89, 0.91, 0.91, 0.93)  # differences 0.01 0.02 0.01 0.02 0.01


def record(scores: tuple[float, ...] = A, **changes: Any) -> Record:
    """What a benchmark of ``scores`` gives, over splits of 80 train and 10 test edges."""
    seeds = range(len(scores))
    splits = [
        {"seed": s, "edges": f"e{s}", "negatives": f"n{s}", "train": 80, "val": 5, "test": 10} for s in seeds
    ]
    protocol = {"order": "random", "metrics": ["auc", "ap"]}
    return {
        "dataset": "cora",
        "model": "gae",
        "protocol": "kipf",
        "manifest": {"protocol": protocol, "seeds": [*seeds], "splits": splits},
        "complete": True,
        "runs": [
            {"seed": s, "auc": auc, "ap": auc / 2, "epochs": 200}
            for s, auc in zip(seeds, scores, strict=True)
        ],
        "mean": {"auc": sum(scores) / max(1, len(scores)), "ap": 0.5},
        **changes,
    }


def one_split(result: Record) -> Record:
    for split in result["manifest"]["splits"]:
        split["edges"] = "e0"
    return result


def test_corrected_t_test_by_hand() -> None:
    """Mean 3 and variance 2.5 of 1 ... 5: sqrt((1/5 + 1/5) 2.5) = 1, so t = 3; 2.776 is t's 97.5 % point."""
    found = corrected_t_test([1, 2, 3, 4, 5], test_share=1 / 5)
    assert (found.mean, found.degrees) == (3, 4)
    assert found.std == pytest.approx(math.sqrt(2.5))
    assert found.t == pytest.approx(3)
    assert (found.low, found.high) == pytest.approx((3 - 2.776445, 3 + 2.776445), abs=1e-6)
    # P(|T| > t) with 4 degrees of freedom in closed form: 1 - 3/2 sin + 1/2 sin^3, sin = t / sqrt(t^2 + 4)
    sine = 3 / math.sqrt(13)
    assert found.p == pytest.approx(1 - 1.5 * sine + 0.5 * sine**3)


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30), st.floats(0, 3))
def test_a_share_of_zero_is_the_paired_t_test_and_more_is_more_careful(
    values: list[int], share: float
) -> None:
    d = np.array(values) / 1000
    plain, corrected = corrected_t_test(d, 0), corrected_t_test(d, share)
    if len(set(values)) == 1:
        assert (plain.t, plain.p) == (None, float(values[0] == 0))
        assert plain.low == plain.mean == plain.high
        return
    reference = stats.ttest_rel(d + 7, np.full(len(d), 7.0))
    interval = reference.confidence_interval(0.95)
    assert (plain.t, plain.p) == pytest.approx((reference.statistic, reference.pvalue), rel=1e-6, abs=1e-9)
    assert (plain.low, plain.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)
    assert corrected.p >= plain.p
    assert corrected.high - corrected.low >= plain.high - plain.low
    assert (corrected.p < 0.05) == (corrected.low > 0 or corrected.high < 0)


@pytest.mark.parametrize(
    ("differences", "share"), [([1.0], 0.1), ([1.0, math.nan], 0.1), ([[1.0, 2.0]], 0.1), ([1.0, 2.0], -0.1)]
)
def test_a_test_refuses_what_has_no_answer(differences: Any, share: float) -> None:
    with pytest.raises(InputError, match="must be"):
        corrected_t_test(differences, share)


def overlapping(runs: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Differences of mean 0, correlated as the test assumes: ``n_test / (n_test + n_train) = 0.2``."""
    return math.sqrt(0.2) * rng.standard_normal() + math.sqrt(0.8) * rng.standard_normal(runs)


def test_the_correction_keeps_its_level_where_splits_overlap() -> None:
    rng = np.random.default_rng(0)
    draws = [overlapping(10, rng) for _ in range(2000)]
    corrected, plain = (np.mean([corrected_t_test(d, share).p < 0.05 for d in draws]) for share in (0.25, 0))
    assert 0.035 < corrected < 0.065
    assert plain > 0.2


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # 3 * .01, 2 * .03, then no lower
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([]) == []
    with pytest.raises(InputError, match=r"p values must lie in \[0, 1\], got nan"):
        holm([0.1, math.nan])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_step_by_step(p_values: list[float]) -> None:
    """Its adjusted values against the procedure itself: reject in ascending order until one is too large."""
    adjusted, alpha = holm(p_values), 0.05
    order, rejected = np.argsort(p_values, kind="stable"), set()
    for j, i in enumerate(order):
        if p_values[i] * (len(p_values) - j) > alpha:
            break
        rejected.add(int(i))
    assert {i for i, p in enumerate(adjusted) if p <= alpha} == rejected
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


def test_runs_are_paired_by_seed() -> None:
    b = record(B, model="vgae")
    for part in (b["runs"], b["manifest"]["splits"]):
        part.reverse()
    found = compare_runs(record(), b)
    assert (found.metric, found.seeds, found.scores_a, found.scores_b) == ("auc", (0, 1, 2, 3, 4), A, B)
    assert found.test == corrected_t_test(np.subtract(A, B), 10 / 80)
    assert found.test.mean == pytest.approx(0.014)
    assert found.test_name == "corrected resampled t-test"
    assert found.wilcoxon == pytest.approx(2 / 2**5)  # all five have one sign
    assert 0.0099 < found.bootstrap[0] < 0.014 < found.bootstrap[1] < 0.0201  # of 0.01 and 0.02
    assert found.bootstrap == compare_runs(record(), record(B)).bootstrap
    back = compare_runs(record(B), record())
    assert (back.test.mean, back.test.low, back.test.p) == pytest.approx(
        (-found.test.mean, -found.test.high, found.test.p)
    )
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["interval"] == [
        found.test.low,
        found.test.high,
    ]


def test_another_metric_is_compared() -> None:
    assert compare_runs(record(), record(B), "ap").test.mean == pytest.approx(0.007)


def test_initialisations_on_one_split_get_the_plain_test() -> None:
    found = compare_runs(one_split(record()), one_split(record(B)))
    assert found.test == corrected_t_test(np.subtract(A, B), 0)
    assert (found.test_name, found.test_share, found.to_dict()["optimistic"]) == ("paired t-test", 0, False)
    a = record()
    a["manifest"]["protocol"]["order"] = "time"  # what counts is the splits' hashes
    assert compare_runs(a, record(B)).test_name == "corrected resampled t-test"


def test_equal_differences_are_said_to_be_equal() -> None:
    same, shifted = (
        compare_runs(record(), record()),
        compare_runs(record(), record(tuple(a - 0.01 for a in A))),
    )
    assert (same.test.p, same.wilcoxon, same.bootstrap, same.test.t) == (1, 1, (0, 0), None)
    assert (shifted.test.p, shifted.test.t) == (0, None)
    assert shifted.bootstrap == pytest.approx((0.01, 0.01))


def test_seeds_of_one_side_and_incomplete_results_are_noted() -> None:
    a = record((*A, 0.95), complete=False)
    a["manifest"]["seeds"] += [6, 7]
    with pytest.warns(GvaeWarning) as notes:
        found = compare_runs(a, record(B), names=("a.json", "b.json"))
    assert found.seeds == (0, 1, 2, 3, 4)
    assert [str(note.message) for note in notes] == [
        "a.json: gae on cora is incomplete, 6 of 8 runs",
        "cora: left out, as only one side has them: seeds 5",
    ]


def change(path: str, value: Any) -> Callable[[Record], None]:
    """A function that sets one value, found by keys and places."""
    *keys, last = [int(key) if key.isdigit() else key for key in path.split(".")]

    def apply(result: Record) -> None:
        part: Any = result
        for key in keys:
            part = part[key]
        part[last] = value

    return apply


SPLITS, PROTOCOL = "manifest.splits", "manifest.protocol"
NOT_COMPARABLE = {
    "cora, seed 3: the edges of the split differ between a.json and b.json": change(f"{SPLITS}.3.edges", "x"),
    "cora, seed 2: the negatives of the split differ": change(f"{SPLITS}.2.negatives", "x"),
    "a.json is of cora, b.json of citeseer": change("dataset", "citeseer"),
    "first metrics differ (a.json auc, b.json mrr); name one with --metric": change(
        f"{PROTOCOL}.metrics", ["mrr"]
    ),
    "first metrics differ (a.json auc, b.json none)": change(f"{PROTOCOL}.metrics", []),
    "b.json: gae on cora has no metric 'auc'; it has auc, ap": change("runs.1.auc", None),
}


@pytest.mark.parametrize(("message", "apply"), NOT_COMPARABLE.items())
def test_what_cannot_be_compared_is_refused(message: str, apply: Callable[[Record], None]) -> None:
    b = record(B)
    apply(b)
    with pytest.raises(InputError) as error:
        compare_runs(record(), b, names=("a.json", "b.json"))
    assert message in str(error.value)


def test_too_few_runs_older_files_and_mixed_splits_are_refused() -> None:
    with pytest.raises(
        InputError, match="cora: a comparison needs at least 5 runs on the same splits, got 3"
    ):
        compare_runs(record(A[:3]), record(B))
    old, mixed = record(), (record(), record(B))
    del old["manifest"]["splits"]
    with pytest.raises(InputError, match=r"b\.json: gae on cora has no manifest\.splits"):
        compare_runs(record(), old, names=("a.json", "b.json"))
    for side in mixed:
        side["manifest"]["splits"][1]["edges"] = "e0"
    with pytest.raises(InputError, match="5 runs have 4 different splits"):
        compare_runs(*mixed)
    with pytest.raises(InputError, match="gae on cora has no metric 'epochs'; it has auc, ap"):
        compare_runs(record(), record(B), "epochs")


DAMAGED = {
    "expected an object, got 3": lambda _: 3,
    "model must be text, got none": lambda r: r.pop("model"),
    "dataset must be text or null, got [1]": change("dataset", [1]),
    "complete must be true or false, got 1": change("complete", 1),
    "runs: seed must be a whole number, got 0.5": change("runs.0.seed", 0.5),
    "runs: auc must be a number, got 'high'": change("runs.0.auc", "high"),
    "runs: each seed must come once, got [1, 1, 2, 3, 4]": change("runs.0.seed", 1),
    "manifest: protocol must be an object, got 'kipf'": change(PROTOCOL, "kipf"),
    "manifest.protocol: metrics must be a list of names, got 'auc'": change(f"{PROTOCOL}.metrics", "auc"),
    "manifest.splits must be a list, got {}": change(SPLITS, {}),
    "manifest.splits: edges must be text, got 5": change(f"{SPLITS}.0.edges", 5),
    "manifest.splits: train and test must be 1 or more edges, got 0 and 10": change(f"{SPLITS}.0.train", 0),
    "splits must have one entry for each run": change(f"{SPLITS}.0.seed", 9),
}


@pytest.mark.parametrize(("message", "damage"), DAMAGED.items())
def test_a_damaged_result_is_refused(message: str, damage: Callable[[Any], Any], tmp_path: Path) -> None:
    good, bad = record(), record()
    path = tmp_path / "r.json"
    path.write_text(json.dumps([good]))
    assert read_results(path) == [good]
    bad = 3 if damage(bad) == 3 else bad  # type: ignore[assignment]
    path.write_text(json.dumps([good, bad]))
    with pytest.raises(InputError) as error:
        read_results(path)
    assert str(error.value).startswith(f"{path}, result 2")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no JSON"),
        (b"\xff\xfe\xfd", "is no JSON"),
        (b'[{"auc": NaN}]', "NaN is no JSON number"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "expected a list of results"),
        (b'{"graph": "karate"}', "expected a list of results"),
    ],
    ids=["cut", "bytes", "nan", "deep", "empty", "other"],
)
def test_a_file_that_is_no_result_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_results(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_results(tmp_path)


def results(*names: str, scores: tuple[float, ...] = A) -> list[Record]:
    """Records from names such as ``cora/gae``."""
    parts = [name.split("/") for name in names]
    return [record(scores, dataset=dataset, model=model) for dataset, model in parts]


def paired(a: list[Record], b: list[Record], *models: str | None) -> list[tuple[str, str]]:
    pairs = pair_results(a, b, *models, names=("a.json", "b.json"))
    return [tuple(f"{side['dataset']}/{side['model']}" for side in pair) for pair in pairs]  # type: ignore[misc]


def test_models_are_paired_by_name_or_as_asked() -> None:
    one, other = results("cora/gae"), results("cora/vgae")
    both = results("cora/gae", "cora/vgae", "karate/gae", "karate/vgae")
    again = results("karate/gae", "karate/vgae", "cora/gae", "cora/vgae", scores=B)
    assert paired(one, other) == [("cora/gae", "cora/vgae")]
    assert paired(both, copy.deepcopy(both), "vgae", "gae") == [
        *(("cora/vgae", "cora/gae"), ("karate/vgae", "karate/gae"))
    ]
    assert [a for a, b in paired(both, again) if a == b] == [
        "cora/gae",
        "karate/gae",
        "cora/vgae",
        "karate/vgae",
    ]
    with pytest.warns(GvaeWarning, match="left out, as the other side has none: vgae on karate of b.json"):
        assert paired(one, both, "gae", "vgae") == [("cora/gae", "cora/vgae")]


def test_what_cannot_be_paired_is_refused() -> None:
    both = results("cora/gae", "cora/vgae")
    cases: list[tuple[list[Record], list[Record], tuple[str | None, ...], str]] = [
        (
            both,
            both,
            (),
            "compared with itself; name two different models with --a and --b; there are gae, vgae",
        ),
        (both, both, ("gae", "gae"), "gae of a.json would be compared with itself"),
        (both, both, ("gae",), "b.json has several models; name one with --b: gae, vgae"),
        (both, both, ("mlp", "gae"), "a.json has no model 'mlp'; name one with --a: gae, vgae"),
        (both, results("cora/x", "cora/y"), (), "no model is on both sides"),
        (both + both, both, (), "a.json: holds two results of gae on cora"),
    ]
    for a, b, models, message in cases:
        with pytest.raises(InputError) as error:
            paired(a, b, *models)
        assert message in str(error.value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GvaeWarning)
        with pytest.raises(InputError, match=r"a\.json has cora; b\.json has karate"):
            paired(results("cora/gae"), results("karate/gae"))
