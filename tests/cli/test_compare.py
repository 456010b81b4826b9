"""``gvae compare``: what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gvae.comparison import compare_runs, holm
from gvae.results import read_results

Command = Callable[..., Any]
GAE = (0.90, 0.91, 0.92, 0.93, 0.94)
VGAE = (0.92, 0.92, 0.94, 0.94, 0.95)


def record(dataset: str, model: str, scores: tuple[float, ...], shared: bool = False) -> dict[str, Any]:
    common = {"negatives": "n", "train": 80, "val": 5, "test": 10}
    edges = [f"{dataset}{0 if shared else s}" for s in range(len(scores))]
    splits = [{"seed": s, "edges": name, **common} for s, name in enumerate(edges)]
    return {
        "dataset": dataset,
        "model": model,
        "protocol": "kipf",
        "manifest": {"protocol": {"metrics": ["auc"]}, "seeds": [0, 1, 2, 3, 4], "splits": splits},
        "complete": len(scores) == 5,
        "runs": [{"seed": s, "auc": score, "seconds": 1.0} for s, score in enumerate(scores)],
        "mean": {"auc": sum(scores) / len(scores)},
    }


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Both models on two graphs, one of them with a single split."""
    records = [
        record(dataset, model, scores, shared=dataset == "karate")
        for dataset in ("cora", "karate")
        for model, scores in (("gae", GAE), ("vgae", VGAE))
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(records))
    return path


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_table_json_and_a_plot(gvae: Command, results: Path) -> None:
    out, plot = results.with_name("out.json"), results.with_name("plot.png")
    result = gvae("compare --a vgae --b gae --json", out, "--plot", plot, results, results)
    assert result.exit_code == 0, result.output
    records = read_results(results)
    comparisons = [compare_runs(records[i + 1], records[i]) for i in (0, 2)]
    written, adjusted = json.loads(out.read_text()), holm([c.test.p for c in comparisons])
    assert (written["a"], written["b"]) == (str(results), str(results))
    assert written["comparisons"] == [
        {**c.to_dict(), "p_holm": p} for c, p in zip(comparisons, adjusted, strict=True)
    ]
    rows, text = result.stdout.splitlines(), words(result.stdout)
    cora = next(words(row) for row in rows if row.startswith("cora"))
    assert cora.startswith("cora 5 vgae 93.40 gae 92.00 +1.40 ± 0.55 ")
    assert f"{100 * comparisons[0].test.low:+.2f} to {100 * comparisons[0].test.high:+.2f}" in cora
    assert "cora: p and interval: corrected resampled t-test (Nadeau and Bengio 2003)" in text
    assert "karate: p and interval: paired t-test over runs on one split" in text
    assert "5 runs (seeds 0-4)" in text
    assert "Positive: A is higher" in text
    assert "optimistic" in text
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_two_files_of_one_model_each(gvae: Command, tmp_path: Path) -> None:
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a.write_text(json.dumps([record("cora", "gae", GAE), record("karate", "gae", GAE)]))
    other = record("cora", "gae", tuple(score - 0.01 for score in GAE))
    b.write_text(json.dumps([{**other, "protocol": "strict"}]))
    result = gvae("compare --json -", a, b)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["comparisons"][0]["p_holm"] == 0
    text = words(result.stderr)
    assert "Note: left out, as the other side has none: gae on karate" in text
    assert "cora: protocols differ, A kipf, B strict" in text
    assert "cora: the same difference in all runs" in text
    assert "Holm" not in text


REFUSED = {
    "results.json results.json": "there are gae, vgae",
    "results.json results.json --a vgae --b gae --metric mrr": "vgae on cora has no metric 'mrr'",
    "results.json none.json": "none.json: no such file",
    "results.json cut.json": "cut.json: is no JSON",
    "results.json old.json --a vgae": "old.json: gae on cora has no manifest.splits",
    "results.json short.json --a vgae": "a comparison needs at least 5 runs on the same splits, got 3",
    "results.json short.json --plot plot.gif": "--plot plot.gif: the ending must be one of .png, .svg, .pdf",
    "results.json short.json --plot no/plot.png": "--plot no/plot.png: the folder no does not exist",
    "results.json short.json --json short.json": "--json short.json: is what is read here",
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.items(), ids=lambda text: text[-40:])
def test_what_cannot_be_compared_is_refused(
    gvae: Command, results: Path, arguments: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = results.parent
    monkeypatch.chdir(folder)
    old = record("cora", "gae", GAE)
    del old["manifest"]["splits"]
    (folder / "old.json").write_text(json.dumps([old]))
    (folder / "short.json").write_text(json.dumps([record("cora", "gae", GAE[:3])]))
    (folder / "cut.json").write_text("[{")
    before = sorted(os.listdir(folder))
    result = gvae("compare", *arguments.split())
    assert result.exit_code == 2, result.output
    assert message in words(result.stderr)
    assert result.stdout == ""
    assert sorted(os.listdir(folder)) == before
