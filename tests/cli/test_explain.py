"""``--explain``: the plan is printed, and nothing is trained or written; what cannot fit is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from gvae.catalog import LOSSES
from gvae.data import split_links
from gvae.models import build
from gvae.planning import make_plan
from gvae.train import LinkTask, TrainConfig
from gvae.workload import GraphSize, Workload

Command = Callable[..., Any]
plans: Any = import_module("gvae.cli._plans")
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="free memory is not known elsewhere")
HUGE = "--hidden 1000000000"


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_train_prints_a_row_for_each_loss(gvae: Command, edges: Path) -> None:
    result = gvae("train --explain", edges)
    assert result.exit_code == 0, result.output
    table = {row[0]: row for row in rows(result.stdout) if row and row[0] in LOSSES}
    assert list(table) == list(LOSSES)
    assert all(row[1] == "none" for row in table.values())
    assert " ".join(table["full"]).endswith("chosen: exact, up to 30,000 nodes")
    assert "chosen" not in table["sampled"]


def test_train_explains_the_loss_that_was_asked_for(gvae: Command) -> None:
    result = gvae("train cora --explain --loss squared")
    assert "chosen: as asked" in next(line for line in result.stdout.splitlines() if "squared" in line)
    assert "sparse" in result.stdout


def test_train_needs_a_folder_without_explain(gvae: Command) -> None:
    result = gvae("train karate")
    assert result.exit_code == 2
    assert "expected --out RUN" in result.stderr


def test_bench_prints_a_row_for_each_data_set_and_model(gvae: Command) -> None:
    result = gvae("bench karate cora --explain --baselines --loss sampled")
    assert result.exit_code == 0, result.output
    found = [tuple(row[:4]) for row in rows(result.stdout) if row and row[0] in ("karate", "cora")]
    assert found == [
        *(("karate", model, "sampled", "none") for model in ("gae", "vgae")),
        *(("cora", model, "sampled", "sparse") for model in ("gae", "vgae")),
    ]


@ON_LINUX
def test_what_does_not_fit_is_explained_too(gvae: Command) -> None:
    result = gvae(f"bench karate --explain {HUGE} --jobs 2")
    text = " ".join(result.stdout.split())
    assert result.exit_code == 0
    assert "training gae on karate with the loss full needs about 3,2" in text
    assert "for each of 2 runs at once" in text


@ON_LINUX
@pytest.mark.parametrize("command", ["train karate --out run", "bench karate --runs 1 --json run"])
def test_what_does_not_fit_is_refused(
    gvae: Command, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = gvae(f"{command} {HUGE}")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: training ")
    assert "GiB are free: try --hidden " in line
    assert os.listdir(tmp_path) == []


def test_free_memory_that_is_not_known_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    plans.explain("edges.csv", make_plan(Workload(GraphSize(10**8, 10**9)), free=None))
    assert "Free: unknown, so that nothing is refused." in capsys.readouterr().out


def test_info_tells_what_is_used(gvae: Command) -> None:
    text = gvae("info").stdout
    table = {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in text.splitlines()}
    assert table["vector unit"] == torch.backends.cpu.get_cpu_capability()
    assert table["Adam"] == "fused"
    assert table["torch.compile, mixed precision"].startswith("not used")
    assert "level 2 cache" in table
    assert any(name.startswith("free memory") for name in table)


def test_adam_is_what_info_says(path_graph: Any) -> None:
    task = LinkTask(build("gae", path_graph), split_links(path_graph, val=0, test=0).development)
    task.start(TrainConfig())
    assert task.optimizers[0].param_groups[0]["fused"]
