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
from contextlib import suppress
from pathlib import Path
from random import Random

import polars as pl
import pytest

from gvae.data import split_links, write_split
from gvae.datasets import load
from gvae.estimator import GraphAutoencoder

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
    assert result.stderr == "Error: unknown data set or file 'pubmet'; did you mean pubmed?\n"


COMMANDS = ("bench", "train", "embed", "recommend", "score", "cluster")
OPTIONAL = {"sklearn", "scipy", "networkx", "polars", "matplotlib"}
"""What a command imports only if that which it is asked for needs it."""
LIGHT = {
    **dict.fromkeys(["--help", "--version", "datasets", "models"], 0),
    **dict.fromkeys([f"{name} --help" for name in (*COMMANDS, "compare", "audit", "info")], 0),
    **dict.fromkeys([*COMMANDS, "compare", "audit", "brench"], 2),
    **dict.fromkeys(["audit missing.npz", "bench karate --nonsense", "bench karate --runs x"], 2),
    **dict.fromkeys(["bench kora", "bench karate --lr nan", "bench karate --device tpu"], 2),
    **dict.fromkeys(["train kora --out x", "train missing.csv --out x", "train karate --lr nan --out x"], 2),
    **dict.fromkeys(["train karate --val 1 --out x", "train karate --out no/where", "train / --out x"], 2),
    **dict.fromkeys(["train karate --weight w --out x", "train karate --val 0 --patience 1 --out x"], 2),
    **dict.fromkeys(
        ["embed missing --out x.csv", "embed RUN --out x.xyz", "embed RUN --out x.csv --alone"], 2
    ),
    **dict.fromkeys(
        ["embed RUN kora --out x.csv", "embed RUN --out no/x.csv", "embed RUN --format x --out x"], 2
    ),
    **dict.fromkeys(["recommend missing", "recommend RUN --top 0", "recommend RUN --out x.xyz"], 2),
    **dict.fromkeys(["recommend RUN --top 1 --per-node 1", "recommend RUN --sides missing.csv"], 2),
    **dict.fromkeys(["score missing pairs.csv", "score RUN missing.csv"], 2),
    **dict.fromkeys(["cluster karate", "cluster karate -k 1", "cluster karate -k 2 --method leiden"], 2),
    **dict.fromkeys(
        ["cluster kora -k 2", "cluster RUN -k 2 --epochs 3", "cluster karate -k 2 --out x.xyz"], 2
    ),
}


@pytest.mark.parametrize(("command", "code"), LIGHT.items(), ids=list(LIGHT))
def test_help_listings_and_usage_errors_need_no_torch(command: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")  # enough to look like a run
    command = command.replace("RUN", str(tmp_path))
    assert loads(command, {"torch", "numpy", "pandas", "safetensors", *OPTIONAL}, code) == set()


def loads(command: str, heavy: set[str], code: int) -> set[str]:
    """Which heavy packages a command imports in a process of its own, which ends with this code."""
    script = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('heavy:', *({heavy!r} & set(sys.modules))))\n"
        f"sys.argv = ['gvae', *{command.split()!r}]\n"
        "from gvae.cli import main\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stderr
    return {*result.stdout.rpartition("heavy:")[2].split()}


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        ("bench karate --runs 1 --epochs 1 --save-split FOLDER", {"networkx", "polars"}),  # ids of its nodes
        ("bench karate --runs 1 --epochs 1", {"networkx"}),
        ("bench karate --runs 1 --model common-neighbours", {"networkx", "scipy"}),
        ("bench cora --model vgae --runs 1 --epochs 1", set()),
    ],
)
def test_a_benchmark_imports_only_what_it_uses(command: str, needed: set[str], tmp_path: Path) -> None:
    command = command.replace("FOLDER", str(tmp_path))
    assert loads(command, OPTIONAL, 0) == needed


def test_an_audit_needs_no_reader_of_tables(tmp_path: Path) -> None:
    write_split(tmp_path / "s.npz", split_links(load("karate"), seed=0))
    assert loads(f"audit {tmp_path / 's.npz'}", OPTIONAL, 0) == set()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("gvae bench c", {"cora", "citeseer"}),
        ("gvae bench cora --model v", {"vgae"}),
        ("gvae bench cora --protocol s", {"strict"}),
        ("gvae b", {"bench"}),
        ("gvae tr", {"train"}),
        ("gvae train les", {"les-miserables"}),
        ("gvae train karate --model g", {"gae"}),
        ("gvae train karate --loss ", {"auto", "full", "sampled", "quadratic", "squared"}),
        ("gvae train karate --device c", {"cpu", "cuda"}),
        ("gvae train karate --re", {"--resume"}),
        ("gvae embed run --format w", {"word2vec"}),
        ("gvae recommend run --per", {"--per-node"}),
        ("gvae cluster kar", {"karate"}),
        ("gvae cluster karate --method l", {"leiden"}),
        ("gvae cluster karate --choose m", {"modularity"}),
    ],
)
def test_tab_completion(words: str, expected: set[str]) -> None:
    count = str(len(words.split(" ")) - 1)
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
    command = f"bench karate --model vgae --runs 50 --epochs 400 --jobs 1 --json {target}"
    code, output = in_terminal(command.split(), interrupt_at="run 3/50")
    assert code == 130
    assert re.search(r"karate vgae run 2/50 .* epoch \d+  loss \d\.\d{3}  val AUC \d+\.\d", output)
    assert "Traceback" not in output
    record = json.loads(target.read_text())[0]
    assert record["complete"] is False
    assert 2 <= len(record["runs"]) < 50


def training(run: Path, *options: str, seconds: float | None = None) -> subprocess.Popen[str]:
    """``gvae train`` as a process; its state is kept every so many seconds, by default every 5."""
    arguments = ["train", "les-miserables", "--epochs", "3000", "--val", "0.1", "--out", str(run), *options]
    change = "" if seconds is None else f"Checkpoint.__init__.__defaults__ = ({seconds},)\n"
    script = (
        "import sys\n"
        "from gvae.train import Checkpoint\n"
        f"{change}sys.argv = ['gvae', *{arguments!r}]\n"
        "from gvae.cli import main\n"
        "main()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a success; what the process said on standard error."""
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return errors


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def learned(run: Path) -> tuple[bytes, pl.DataFrame]:
    GraphAutoencoder.load(run)  # checks every byte
    return (run / "model.safetensors").read_bytes(), pl.read_parquet(run / "embedding.parquet")


@pytest.mark.slow
def test_training_that_is_killed_again_and_again_ends_as_if_it_never_was(tmp_path: Path) -> None:
    whole, run, random = tmp_path / "whole", tmp_path / "run", Random(0)  # noqa: S311
    finish(training(whole))
    kept, deaths = tmp_path / "run.partial" / "checkpoint.safetensors", 0
    while not run.exists():
        process = training(run, "--resume", seconds=0.0)
        wait_for(kept, process)
        before = kept.read_bytes()
        while deaths < 4 and process.poll() is None and kept.read_bytes() == before:
            time.sleep(0.01)  # it goes on, so each death is later than the one before
        with suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, 0.6) if deaths < 4 else None)
        process.kill()
        deaths += process.wait() == -signal.SIGKILL
        process.communicate()
        assert run.exists() or kept.exists()
    assert deaths >= 3
    assert "complete run" in finish(training(run, "--resume"))
    (weights, embedding), (expected, frame) = learned(run), learned(whole)
    assert weights == expected
    assert embedding.equals(frame)
    assert {"run", "whole"} <= {*os.listdir(tmp_path)}
    assert "run.partial" not in os.listdir(tmp_path)


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_trained_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = training(tmp_path / "run", seconds=0.0)
    wait_for(tmp_path / "run.partial" / "checkpoint.safetensors", process)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    assert (process.returncode, output) == (130, "")
    assert errors == (
        f"Interrupted. {tmp_path / 'run'}.partial keeps the training so far: "
        "the same command with --resume goes on.\n"
    )
    assert os.listdir(tmp_path) == ["run.partial"]
    finish(training(tmp_path / "run", "--resume"))
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.slow
def test_ctrl_c_before_anything_was_kept_leaves_nothing(tmp_path: Path) -> None:
    process = training(tmp_path / "run", seconds=1000.0)
    wait_for(tmp_path / "run.partial", process)
    process.send_signal(signal.SIGINT)
    assert process.communicate() == ("", "Interrupted.\n")
    assert process.returncode == 130
    assert os.listdir(tmp_path) == []


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"'{GVAE}' datasets | head -n 1"
    result = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("Data sets\n", "")
