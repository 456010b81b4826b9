"""Repeated runs over seeds, and the record of how each figure was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import torch
from torch_geometric.data import Data

from gvae.catalog import HEURISTICS, MODELS, PUBLISHED, PUBLISHED_SOURCE, check_name
from gvae.config import require_int
from gvae.data.graph import without_features
from gvae.data.splits import CANDIDATES, PARTS
from gvae.environment import resolve_device
from gvae.errors import InputError
from gvae.manifest import flat, manifest
from gvae.metrics import mean_of, std_of
from gvae.planning import Plan, plan_training
from gvae.presets import PRESETS, Preset
from gvae.protocols import PROTOCOLS
from gvae.runs import FinishedRun, Run, Trial
from gvae.scoring import RATIOS
from gvae.split_source import SplitSource
from gvae.train.loop import OnEpoch
from gvae.workers import run_in_workers


@dataclass
class Experiment:
    """One model on one graph under one protocol, over several seeds.

    Parameters
    ----------
    data
        An undirected graph.
    model
        A name of ``gvae models``, of a model or of a heuristic.
    protocol
        How it is measured; a name of ``gvae bench --list-protocols``.
    preset
        How it is trained; ``None`` is the model's own preset.
    seeds
        Each drives its run's split, weights and noise.
    device
        ``"auto"`` (CUDA where there is one), ``"cpu"`` or ``"cuda"``.
    dataset
        Name of the graph, for the record and the published figure.
    splits
        Where the split of a seed comes from; by default it is drawn. Experiments may share one, see
        `run_together`.
    read
        How the graph's file was read (keywords of `gvae.read_graph`), for the record.
    runs
        Finished runs in the order of the seeds; `run` fills it.

    Raises
    ------
    InputError
        For an unknown name, no seed, a negative one, or a device that is not there.
    """

    data: Data
    model: str = "vgae"
    _: KW_ONLY
    protocol: str = "kipf"
    preset: Preset | None = None
    seeds: Sequence[int] = tuple(range(10))
    device: str = "auto"
    dataset: str | None = None
    splits: SplitSource | None = None
    read: Mapping[str, Any] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_name("model", self.model, [*MODELS, *HEURISTICS])
        check_name("protocol", self.protocol, PROTOCOLS)
        self.seeds = [require_int("seed", seed, at_least=0) for seed in self.seeds]
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"seeds must be one or more different numbers, got {self.seeds}")
        self._device = resolve_device(self.device)
        self._preset = self.preset or own_preset(self.model)
        self._source = self.splits or self._drawn()
        self._trial = Trial(self.model, self.protocol, self._preset, self._device, self.dataset, self._source)
        self._begin(jobs=1)

    def _drawn(self) -> SplitSource:
        data = self.data if self._preset.features else without_features(self.data)
        return SplitSource(data, self.protocol, self.dataset or "graph")

    def _begin(self, jobs: int) -> None:
        self.runs.clear()
        self._finished: list[FinishedRun] = []
        self._jobs = jobs
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def run(self, on_epoch: OnEpoch | None = None, *, jobs: int = 1) -> None:
        """Run all seeds anew; finished runs stay in ``runs`` if it is interrupted.

        Parameters
        ----------
        on_epoch
            Passed on to `gvae.train.fit`, for progress.
        jobs
            So many runs at once, see `run_together`.

        Raises
        ------
        InputError
            If the graph cannot be split, or has too few negatives for the protocol's figures; if a run needs
            more memory than is free.
        TrainingError
            If a run diverges.
        """
        run_together([self], on_epoch, jobs=jobs)

    def _add(self, finished: FinishedRun) -> None:
        """Put a finished run in its place, wherever it was made."""
        self._source.kept.add(finished.run.seed)
        self._finished.append(finished)
        self._finished.sort(key=lambda each: self.seeds.index(each.run.seed))
        self.runs[:] = [each.run for each in self._finished]

    def plan(self, jobs: int = 1) -> Plan | None:
        """What so many runs at once hold in memory, and whether that is free; None for a heuristic."""
        if self.model in HEURISTICS:
            return None
        preset, protocol = self._preset, PROTOCOLS[self.protocol]
        graph = self.data if preset.features else without_features(self.data)
        negatives = RATIOS[-1] if protocol.negatives == "uniform" else 2 * CANDIDATES
        scored = int(protocol.test * graph.num_edges / 2) * negatives
        runs = min(jobs, len(self.seeds))
        return plan_training(graph, self.model, preset, self._device, scored=scored, runs=runs)

    @property
    def jobs(self) -> int:
        """Runs at once, when it was run last."""
        return self._jobs

    @property
    def epochs(self) -> int:
        """Epochs of a run, if it does not stop early."""
        return 0 if self.model in HEURISTICS else self._preset.train.epochs

    @property
    def spread(self) -> tuple[str, str]:
        """What one run is of, and what several differ in, in words."""
        different = {each.split["edges"] for each in self._finished}
        if self._source.is_one_file or (len(different) == 1 < len(self._finished) and self._source.read_from):
            return "a given split", "initialisations on one split"
        if PROTOCOLS[self.protocol].order == "time":
            return "a split by time", "initialisations and negatives on one split by time"
        return "one random split", "random splits"

    @property
    def foreign(self) -> str | None:
        """The sizes of a split that is not what gvae draws, in words; None if it is."""
        if not (self._finished and self._finished[-1].is_foreign):
            return None
        split = self._finished[-1].split
        parts = " / ".join(f"{split[part]:,}" for part in PARTS)
        return f"{parts} of {self.data.num_edges // 2:,} edges, {split['test_negatives']:,} negatives at test"

    @property
    def complete(self) -> bool:
        """Whether every seed has its run."""
        return len(self.runs) == len(self.seeds)

    def mean(self) -> dict[str, float]:
        """Mean scores over the finished runs; empty without any."""
        return mean_of([run.scores.to_dict() for run in self.runs])

    def std(self) -> dict[str, float]:
        """Sample standard deviation (n - 1) over the finished runs; empty with fewer than two."""
        return std_of([run.scores.to_dict() for run in self.runs])

    def overrides(self) -> dict[str, Any]:
        """Settings that differ from the model's own preset, by name."""
        own, used = flat(own_preset(self.model)), flat(self._preset)
        return {name: value for name, value in used.items() if value != own[name]}

    def published(self) -> dict[str, Any] | None:
        """The paper's figures as fractions; None where the setting differs from the paper's."""
        features = self._preset.features and self.data.x is not None
        figure = PUBLISHED.get((self.model, self.dataset or "", features))
        own = replace(own_preset(self.model), features=self._preset.features)
        if figure is None or self.protocol != "kipf" or self._preset != own or self._source.read_from:
            return None
        return {**asdict(figure), "source": PUBLISHED_SOURCE}

    def to_dict(self) -> dict[str, Any]:
        """The whole record, ready for JSON; scores as fractions, times in seconds.

        A mean without runs and a deviation without two are None; ``manifest.seeds`` are those asked for.
        """
        return {
            "dataset": self.dataset,
            "model": self.model,
            "protocol": self.protocol,
            "preset": "custom" if self.overrides() else self.model,
            "manifest": self._manifest(),
            "complete": self.complete,
            "runs": [run.to_dict() for run in self.runs],
            "mean": dict.fromkeys(_NAMES) | self.mean(),
            "std": dict.fromkeys(_NAMES) | self.std(),
            "published": self.published(),
        }

    def _manifest(self) -> dict[str, Any]:
        read_from = self._source.read_from
        return manifest(
            self.data,
            self.model,
            self.protocol,
            self._preset,
            seeds=self.seeds,
            splits=[each.split for each in self._finished],
            read=self.read,
            split_file=None if read_from is None else str(read_from),
            foreign=self.foreign,
            device=str(self._device),
            started=self._started,
            jobs=self._jobs,
            seconds=sum(each.seconds for each in self._finished),
            memory=max((each.peak_memory or 0 for each in self._finished), default=0) or None,
        )


def check_memory(experiments: Iterable[Experiment], jobs: int = 1) -> None:
    """Raise ``InputError`` if one of them needs more memory than is free, with so many runs at once."""
    for experiment in experiments:
        plan = experiment.plan(jobs)
        if plan is not None:
            plan.check(experiment.dataset)


def affordable_jobs(experiments: Iterable[Experiment]) -> int:
    """As many runs at once as this process has threads, if memory and device allow.

    A run alone keeps several threads busy on large graphs only. Heuristics, of which no memory is planned, go
    one by one.
    """
    most = torch.get_num_threads()
    for experiment in experiments:
        alone = experiment.plan()
        if alone is None or experiment._device.type != "cpu":
            return 1
        while most > 1 and not _as_alone(experiment.plan(most), alone):
            most -= 1
    return most


def _as_alone(plan: Plan | None, alone: Plan) -> bool:
    """Whether so many runs fit, without another loss for the sake of memory."""
    return plan is not None and plan.fits() and plan.loss == alone.loss


def run_together(
    experiments: Sequence[Experiment], on_epoch: OnEpoch | None = None, *, jobs: int = 1
) -> None:
    """Run experiments anew, seed by seed: all models on a seed's split before the next seed.

    Experiments that share a `SplitSource` share its splits, so that a costly one is made once; an
    interrupted benchmark has as many runs of each model, or one more for each job.

    Parameters
    ----------
    experiments
        Those of one graph.
    on_epoch
        As for `Experiment.run`; with several jobs it is called for the epochs of all runs under way, when the
        next recorded epoch of theirs is done.
    jobs
        So many seeds at once, each in a process of its own, among which this one's threads are divided. All
        but times and memory is as with one job: the same bits, as tests hold for one thread and two; among
        more threads torch may share a sum otherwise. The graph is shared; what a run needs besides, each
        process needs.

    Raises
    ------
    InputError, TrainingError
        As `Experiment.run`; also for ``jobs`` below 1, or above 1 on a CUDA device.
    TrainingError
        If a process dies, of too little memory for instance.
    """
    seeds = [*dict.fromkeys(seed for experiment in experiments for seed in experiment.seeds)]
    jobs = min(require_int("jobs", jobs, at_least=1), len(seeds))
    if jobs > 1 and any(experiment._device.type != "cpu" for experiment in experiments):
        raise InputError(f"jobs must be 1 on a CUDA device, got {jobs}; the device cpu takes several")
    for experiment in experiments:
        experiment._begin(jobs)
    check_memory(experiments, jobs)
    work = partial(_runs_of, [(experiment._trial, experiment.seeds) for experiment in experiments])

    def keep(result: tuple[int, FinishedRun]) -> None:
        place, finished = result
        experiments[place]._add(finished)

    if jobs > 1:
        run_in_workers(work, seeds, jobs=jobs, on_result=keep, on_epoch=on_epoch)
        return
    for seed in seeds:
        for result in work(seed, on_epoch):
            keep(result)


def _runs_of(
    trials: Sequence[tuple[Trial, Sequence[int]]], seed: int, on_epoch: OnEpoch | None
) -> Iterator[tuple[int, FinishedRun]]:
    """The runs of a seed, each with the place of its trial."""
    for place, (trial, seeds) in enumerate(trials):
        if seed in seeds:
            yield place, trial.run(seed, on_epoch)


def own_preset(model: str) -> Preset:
    """The preset of a model by name; a heuristic has nothing to set but whether features are used."""
    return PRESETS.get(model, Preset())


def run_seeds(
    data: Data,
    model: str = "vgae",
    *,
    protocol: str = "kipf",
    preset: Preset | None = None,
    seeds: Iterable[int] = range(10),
    device: str = "auto",
    dataset: str | None = None,
    jobs: int = 1,
) -> Experiment:
    """Train and score a model once a seed: an `Experiment`, made and run.

    Parameters are those of `Experiment` and of its `run`; so are the errors.

    Returns
    -------
    Experiment
        With ``runs``, ``mean()``, ``std()`` and ``to_dict()``.
    """
    experiment = Experiment(
        data, model, protocol=protocol, preset=preset, seeds=list(seeds), device=device, dataset=dataset
    )
    experiment.run(jobs=jobs)
    return experiment


_NAMES = ("auc", "ap")
