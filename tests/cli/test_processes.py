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


@pytest.mark.parametrize(
    "command", ["--help", "bench --help", "datasets", "models", "bench kora", "bench karate --lr nan"]
)
def test_help_listings_and_usage_errors_need_no_torch(command: str) -> None:
    script = (
        "import atexit, sys\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'networkx'}\n"
        "atexit.register(lambda: print('heavy:', heavy & set(sys.modules)))\n"
        f"sys.argv = ['gvae', *{command.split()!r}]\n"
        "from gvae.cli import main\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == (2 if "nan" in command or "kora" in command else 0), result.stderr
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


def in_terminal(arguments: list[str], interrupt_at: str | None = None) -> tuple[int, str]:
    """Run gvae in a pseudo-terminal; press Ctrl-C when its output holds a text."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", COLUMNS="120")
        os.execv(GVAE, [GVAE, *arguments])  # noqa: S606
    output, started = b"", time.monotonic()
    while time.monotonic() - started < 120:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # Linux: the other end is closed
                break
            output += chunk
            if not chunk:
                break
        if interrupt_at is not None and interrupt_at.encode() in output:
            os.kill(pid, signal.SIGINT)
            interrupt_at = None
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), re.sub(
        r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode()
    )


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
