"""``gvae bench --jobs``: the same records, one progress bar, and Ctrl-C that leaves no process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from .conftest import invoke
from .test_processes import GVAE, in_terminal

QUICK = "bench karate --epochs 3"


def figures(result: Any) -> list[Any]:
    assert result.exit_code == 0, result.output
    records = json.loads(result.stdout)
    for run in (run for record in records for run in record["runs"]):
        del run["seconds"], run["total_seconds"]
    return [(record["runs"], record["manifest"]["splits"], record["complete"]) for record in records]


def test_jobs_change_nothing_but_times(tmp_path: Path) -> None:
    words = f"{QUICK} --protocol strict --baselines --runs 3 --json -"
    one = invoke(f"{words} --jobs 1 --save-split", tmp_path / "one")
    two = invoke(f"{words} --jobs 2 --save-split", tmp_path / "two")
    assert figures(one) == figures(two)
    assert [each["manifest"]["jobs"] for each in json.loads(two.stdout)] == [2] * len(json.loads(one.stdout))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == [f"karate-{seed}.npz" for seed in range(3)]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    read = invoke(f"{words} --jobs 2 --split", tmp_path / "two")
    assert figures(read) == figures(one)


def test_a_result_made_again_with_several_jobs(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    assert invoke(f"{QUICK} --runs 3 --jobs 1 --json", target).exit_code == 0
    again = invoke("bench --jobs 3 --from", target)
    assert again.exit_code == 0, again.output
    assert "All figures are the same, bit for bit." in again.output


def test_by_default_a_thread_has_a_run_and_heuristics_go_one_by_one() -> None:
    result = invoke(f"{QUICK} --runs 4 --json -")
    at_once = {record["manifest"]["jobs"] for record in json.loads(result.stdout)}
    assert at_once == {min(4, torch.get_num_threads())}
    assert (
        "unknown"
        if at_once == {1}
        else "runs at once, each with its share" in " ".join(result.stderr.split())
    )
    result = invoke(f"{QUICK} --runs 2 --model gae --model katz --json -")
    assert {record["manifest"]["jobs"] for record in json.loads(result.stdout)} == {1}


def test_a_number_of_jobs_that_is_none() -> None:
    result = invoke("bench karate --jobs 0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: jobs must be an integer >= 1, got 0\n"


def test_an_error_in_a_worker_is_one_line_and_keeps_what_is_done(tmp_path: Path) -> None:
    splits, target = tmp_path / "splits", tmp_path / "result.json"
    assert invoke(f"{QUICK} --model gae --runs 4 --save-split", splits).exit_code == 0
    (splits / "karate-3.npz").write_bytes((splits / "karate-2.npz").read_bytes())
    result = invoke(f"{QUICK} --model gae --runs 4 --jobs 2 --split {splits} --json", target)
    assert result.exit_code == 2
    assert result.stderr.endswith("karate-3.npz: is the split of seed 2, not of 3\n")
    assert "Traceback" not in result.stderr
    record = json.loads(target.read_text())[0]
    assert record["complete"] is False
    assert 2 <= len(record["runs"]) <= 3


@pytest.mark.slow
def test_ctrl_c_to_all_processes_ends_them_silently(tmp_path: Path) -> None:
    """A terminal's Ctrl-C goes to every process of the group; no worker must answer it."""
    target, splits = tmp_path / "result.json", tmp_path / "splits"
    words = f"bench karate --runs 200 --epochs 400 --jobs 2 --save-split {splits} --json {target}"
    process = subprocess.Popen(
        [GVAE, *words.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (splits / "karate-4.npz").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)  # ends when no process holds the other end
    assert process.returncode == 130
    assert "Link prediction" in output
    assert errors == f"written: {target}\nInterrupted.\n"
    record = json.loads(target.read_text())[0]
    assert record["complete"] is False
    assert 2 <= len(record["runs"]) < 200


@pytest.mark.slow
def test_progress_of_several_runs_in_a_terminal() -> None:
    words = "bench karate --model vgae --runs 50 --epochs 400 --jobs 2"
    code, output = in_terminal(words.split(), interrupt_at=" 3 of 50 runs")
    assert code == 130
    assert re.search(r"karate vgae 0 of 50 runs", output)
    assert "Traceback" not in output


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for processes as Linux and macOS do")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    splits = tmp_path / "splits"
    words = f"bench karate --runs 200 --epochs 400 --jobs 2 --save-split {splits}"
    process = subprocess.Popen(
        [GVAE, *words.split()], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while not (splits / "karate-4.npz").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    assert process.communicate(timeout=60)[1] == ""
