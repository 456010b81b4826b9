"""The installed ``gvae`` script, as a user's shell runs it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

GVAE = str(Path(sys.executable).with_name("gvae"))


def gvae(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GVAE, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def test_bench_from_the_shell_is_silent_on_standard_error_without_a_terminal() -> None:
    result = gvae("bench", "karate", "--runs", "1", "--epochs", "5")
    assert result.returncode == 0
    assert "vgae" in result.stdout
    assert result.stderr == ""


def test_a_usage_error_from_the_shell() -> None:
    result = gvae("bench", "pubmet")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "Error: unknown data set 'pubmet'; did you mean pubmed?\n"


LIGHT = {
    **dict.fromkeys(["--help", "--version", "bench --help", "datasets", "models"], 0),
    **dict.fromkeys(
        ["bench kora", "bench karate --lr nan", "bench karate --device tpu", "bench", "brench"], 2
    ),
}


@pytest.mark.parametrize(("command", "code"), LIGHT.items(), ids=list(LIGHT))
def test_help_listings_and_usage_errors_need_no_torch(command: str, code: int) -> None:
    script = (
        "import atexit, sys\n"
        "heavy = {'torch', 'numpy', 'sklearn', 'scipy', 'networkx'}\n"
        "atexit.register(lambda: print('heavy:', heavy & set(sys.modules)))\n"
        f"sys.argv = ['gvae', *{command.split()!r}]\n"
        "from gvae.cli import main\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stderr
    assert "heavy: set()" in result.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("gvae bench c", {"cora", "citeseer"}),
        ("gvae bench cora --model v", {"vgae"}),
        ("gvae bench cora --protocol s", {"strict"}),
        ("gvae b", {"bench"}),
    ],
)
def test_tab_completion(words: str, expected: set[str]) -> None:
    count = str(len(words.split()) - 1)
    result = gvae(_GVAE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
    assert set(result.stdout.split()) == expected


def in_terminal(arguments: list[str], interrupt_at: str) -> tuple[int, str]:
    """Run gvae in a pseudo-terminal; press Ctrl-C when its output holds a text."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        [GVAE, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    output, interrupted, started = "", False, time.monotonic()
    while time.monotonic() - started < 120:
        if select.select([ours], [], [], 0.5)[0]:
            try:
                output += os.read(ours, 65536).decode(errors="replace")
            except OSError:  # Linux: the other end is closed
                break
        if not interrupted and interrupt_at in output:
            interrupted = True
            process.send_signal(signal.SIGINT)
    os.close(ours)
    return process.wait(timeout=60), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output)


@pytest.mark.slow
def test_a_pubmed_run_stays_far_below_a_dense_matrix() -> None:
    """N x N float32 alone would be 1.55 GB."""
    result = gvae("bench", "pubmed", "--model", "vgae", "--runs", "1", "--epochs", "3", "--json", "-")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[0]["manifest"]["peak_memory_bytes"] < 1.2e9


@pytest.mark.slow
def test_progress_in_a_terminal_and_ctrl_c(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    command = f"bench karate --model vgae --runs 50 --epochs 400 --json {target}"
    code, output = in_terminal(command.split(), interrupt_at="run 3/50")
    assert code == 130
    assert re.search(r"karate vgae run 2/50 .* epoch \d+  loss \d\.\d{3}  val AUC \d+\.\d", output)
    assert "Traceback" not in output
    record = json.loads(target.read_text())[0]
    assert record["complete"] is False
    assert 2 <= len(record["runs"]) < 50
