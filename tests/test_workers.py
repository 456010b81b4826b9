"""Runs in worker processes: what one job gives, whatever happens to a worker."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.data import Data

from gvae.config import TrainConfig
from gvae.data import make_graph
from gvae.data.graph import is_sparse
from gvae.datasets import load
from gvae.errors import GvaeWarning, InputError, TrainingError
from gvae.experiment import Experiment, run_seeds, run_together
from gvae.presets import Preset
from gvae.split_source import SplitSource
from gvae.train import EpochRecord

SHORT = Preset(train=TrainConfig(epochs=5, eval_every=2))
LONG = Preset(train=TrainConfig(epochs=100_000, eval_every=1))
TIMES = ("seconds", "total_seconds")
OF_THE_MACHINE = ("started", "jobs", "wall_seconds", "peak_memory_bytes")


def said(experiment: Experiment) -> dict[str, Any]:
    """All of a record but what may differ from one time to another."""
    record: dict[str, Any] = json.loads(json.dumps(experiment.to_dict()))
    for run in record["runs"]:
        for name in TIMES:
            del run[name]
    for name in OF_THE_MACHINE:
        del record["manifest"][name]
    return record


@pytest.mark.parametrize(("dataset", "protocol"), [("karate", "strict"), ("cora", "kipf")])
def test_two_jobs_give_what_one_gives(dataset: str, protocol: str) -> None:
    data = load(dataset)
    assert data.x is None or is_sparse(data.x)  # Cora's travel as they are
    seeds = [3, 0, 7, 5, 4]

    common: dict[str, Any] = {"protocol": protocol, "preset": SHORT, "seeds": seeds, "dataset": dataset}
    one, two = (run_seeds(data, "vgae", device="cpu", jobs=jobs, **common) for jobs in (1, 2))
    assert said(one) == said(two)
    assert [run.seed for run in two.runs] == seeds
    manifests = [experiment.to_dict()["manifest"] for experiment in (one, two)]
    assert [manifest["jobs"] for manifest in manifests] == [1, 2]
    assert manifests[1]["peak_memory_bytes"] > 50e6
    assert manifests[1]["wall_seconds"] >= sum(run.total_seconds for run in two.runs)


def test_models_together_with_seeds_of_their_own(random_graph: Callable[..., Data]) -> None:
    data = random_graph()

    def results(jobs: int) -> list[Experiment]:
        source = SplitSource(data)
        experiments = [
            Experiment(data, model, preset=SHORT, seeds=seeds, device="cpu", splits=source)
            for model, seeds in (("vgae", [0, 1, 2]), ("katz", [2, 4]))
        ]
        run_together(experiments, jobs=jobs)
        return experiments

    assert [*map(said, results(3))] == [*map(said, results(1))]


def test_the_default_type_is_that_of_this_process(random_graph: Callable[..., Data]) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        data = random_graph()
        one, two = (run_seeds(data, preset=SHORT, seeds=[0, 1], device="cpu", jobs=jobs) for jobs in (1, 2))
    finally:
        torch.set_default_dtype(torch.float32)
    assert said(one) == said(two)


def test_every_epoch_is_told_of(random_graph: Callable[..., Data]) -> None:
    told: dict[int, list[tuple[int, bool]]] = {1: [], 2: []}
    for jobs, heard in told.items():
        experiment = Experiment(random_graph(), preset=SHORT, seeds=[0, 1, 2], device="cpu")
        experiment.run(lambda epoch, record, to=heard: to.append((epoch, record is not None)), jobs=jobs)  # type: ignore[misc]
    assert sorted(told[2]) == sorted(told[1])
    assert len(told[1]) == 15


def test_more_jobs_than_seeds_and_jobs_that_are_none(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    record = run_seeds(data, preset=SHORT, seeds=[0, 1], device="cpu", jobs=99).to_dict()
    assert record["manifest"]["jobs"] == 2
    for jobs in (0, -1, 1.5):
        with pytest.raises(InputError, match=f"jobs must be an integer >= 1, got {jobs}"):
            run_seeds(data, preset=SHORT, seeds=[0, 1], jobs=jobs)  # type: ignore[arg-type]


def test_splits_are_written_and_read_by_workers(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    data = random_graph()

    def experiment(**files: Path | None) -> Experiment:
        source = SplitSource(data, "kipf", "mine", **files)
        return Experiment(data, preset=SHORT, seeds=range(4), device="cpu", dataset="mine", splits=source)

    for name, jobs in (("one", 1), ("two", 2)):
        saving = experiment(save_to=tmp_path / name)
        saving.run(jobs=jobs)
        saving.run(jobs=jobs)  # what it wrote itself it does not write again
    files = sorted((tmp_path / "two").iterdir())
    assert [file.name for file in files] == [f"mine-{seed}.npz" for seed in range(4)]
    assert all(file.read_bytes() == (tmp_path / "one" / file.name).read_bytes() for file in files)

    for place in (tmp_path / "two", files[2]):
        one, two = experiment(read_from=place), experiment(read_from=place)
        one.run()
        two.run(jobs=2)
        assert said(two) == said(one)
        assert two.spread == one.spread


def test_an_error_is_raised_here_and_what_was_finished_is_kept(
    random_graph: Callable[..., Data], tmp_path: Path
) -> None:
    data = random_graph()
    drawn = SplitSource(data, "kipf", "mine", save_to=tmp_path)
    for seed in range(4):
        drawn.keep(seed)
    (tmp_path / "mine-2.npz").write_bytes((tmp_path / "mine-3.npz").read_bytes())
    for jobs in (1, 2):
        splits = SplitSource(data, "kipf", "mine", read_from=tmp_path)
        experiment = Experiment(data, preset=SHORT, seeds=range(4), device="cpu", splits=splits)
        with pytest.raises(InputError, match=r"mine-2.npz: is the split of seed 3, not of 2"):
            experiment.run(jobs=jobs)
        finished = {run.seed for run in experiment.runs}
        assert finished & {0, 1}  # 2 is begun when one of them has ended
        assert 2 not in finished
        assert experiment.complete is False
    assert multiprocessing.active_children() == []


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_errors_keep_their_class_and_what_they_know(random_graph: Callable[..., Data]) -> None:
    wild = SHORT.override(lr=1e30)
    with pytest.raises(TrainingError) as found:
        run_seeds(random_graph(), preset=wild, seeds=[8, 9], device="cpu", dataset="mine", jobs=2)
    assert "vgae on mine, seed" in str(found.value)
    assert any("Traceback" in note for note in found.value.__notes__)


def test_warnings_of_workers_are_heard_once(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    data = random_graph()
    once = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    smaller = make_graph(once[:, 1:], 60, x=data.x)
    drawn = SplitSource(smaller, "kipf", "mine", save_to=tmp_path)
    for seed in range(4):
        drawn.keep(seed)
    splits = SplitSource(data, "kipf", "mine", read_from=tmp_path)
    experiment = Experiment(data, preset=SHORT, seeds=range(4), device="cpu", dataset="mine", splits=splits)
    with pytest.warns(GvaeWarning) as heard:
        experiment.run(jobs=2)
    assert [str(each.message) for each in heard] == ["1 of 192 edges of mine are in no part of the split"]
    assert experiment.foreign is not None


def test_an_interruption_stops_all_workers_and_keeps_finished_runs(
    random_graph: Callable[..., Data],
) -> None:
    experiment = Experiment(random_graph(), preset=SHORT, seeds=range(50), device="cpu")

    def interrupt(epoch: int, record: EpochRecord | None) -> None:
        if len(experiment.runs) >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run(interrupt, jobs=2)
    assert multiprocessing.active_children() == []
    seeds = [run.seed for run in experiment.runs]
    assert 3 <= len(seeds) < 50
    assert seeds == sorted(seeds)
    assert experiment.to_dict()["complete"] is False


def test_a_worker_that_is_killed_ends_the_run_with_an_error(random_graph: Callable[..., Data]) -> None:
    experiment = Experiment(random_graph(), preset=LONG, seeds=[0, 1], device="cpu")

    def kill(epoch: int, record: EpochRecord | None) -> None:
        for worker in multiprocessing.active_children()[:1]:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)

    message = r"a worker process ended unexpectedly in the run of seed \d \(exit code -9\); if memory ran out"
    with pytest.raises(TrainingError, match=message):
        experiment.run(kill, jobs=2)
    assert multiprocessing.active_children() == []


def test_what_cannot_be_shared_is_refused(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    data.rule = lambda: None
    with pytest.raises(InputError, match=r"cannot be shared with other processes .*; use one job"):
        run_seeds(data, preset=SHORT, seeds=[0, 1], device="cpu", jobs=2)
    assert multiprocessing.active_children() == []


def test_a_script_needs_no_guard_and_is_run_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from gvae.config import TrainConfig\n"
        "from gvae.datasets import load\n"
        "from gvae.experiment import run_seeds\n"
        "from gvae.presets import Preset\n"
        "print('begins')\n"
        "preset = Preset(train=TrainConfig(epochs=2))\n"
        "print(len(run_seeds(load('karate'), preset=preset, seeds=range(3), device='cpu', jobs=2).runs))\n"
    )
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr, result.returncode) == ("begins\n3\n", "", 0)


def test_work_that_only_the_script_knows_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from gvae.workers import run_in_workers\n"
        "class Mine:\n"
        "    def __call__(self, seed, on_epoch): yield seed\n"
        "run_in_workers(Mine(), [1, 2], jobs=2, on_result=print, on_epoch=None)\n"
    )
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert "InputError: what is run cannot be shared with other processes" in found.stderr
    assert "use one job" in found.stderr


def test_what_is_preloaded_leaves_the_collector_as_it_was() -> None:
    code = "import gc, sys, gvae.preloaded; print(gc.isenabled(), 'gvae.experiment' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "True True\n"
