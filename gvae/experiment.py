"""Repeated runs over seeds, and the record of how each figure was made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from torch_geometric.data import Data

from gvae.catalog import HEURISTICS, MODELS, PUBLISHED, PUBLISHED_SOURCE, check_name
from gvae.config import require_int
from gvae.data import LinkSplit
from gvae.data.graph import without_features
from gvae.data.splits import PARTS
from gvae.environment import peak_memory, resolve_device
from gvae.errors import InputError
from gvae.manifest import flat, manifest, split_record
from gvae.metrics import Scores, check_candidates, mean_of, std_of
from gvae.models import GraphModel, Heuristic, build
from gvae.presets import PRESETS, Preset
from gvae.protocols import PROTOCOLS
from gvae.scoring import Scorer, evaluate, more_negatives
from gvae.split_source import SplitSource
from gvae.train import EpochRecord, History, LinkTask, fit

OnEpoch = Callable[[int, EpochRecord | None], None]


@dataclass(frozen=True)
class Run:
    """One seed's result.

    Parameters
    ----------
    seed
        Of the split, the weights and the noise.
    scores
        On the test part, scored once.
    epochs
        Epochs trained; 0 for a heuristic.
    epoch
        The epoch whose weights were scored.
    seconds
        Training: building the operators plus the epochs; of a heuristic, scoring.
    total_seconds
        All of the run but its split, which several models share.
    """

    seed: int
    scores: Scores
    epochs: int
    epoch: int
    seconds: float
    total_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """A flat record, scores as fractions."""
        scores, rest = self.scores.to_dict(), {"epochs": self.epochs, "epoch": self.epoch}
        times = {"seconds": self.seconds, "total_seconds": self.total_seconds}
        return {"seed": self.seed, **scores, **rest, **times}


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
        self._begin()

    def _drawn(self) -> SplitSource:
        data = self.data if self._preset.features else without_features(self.data)
        return SplitSource(data, self.protocol, self.dataset or "graph")

    def _begin(self) -> None:
        self.runs.clear()
        self._splits: list[dict[str, Any]] = []
        self._peak_memory: int | None = None  # of this process, when the last run ended
        self._seconds = 0.0
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def run(self, on_epoch: OnEpoch | None = None) -> None:
        """Run all seeds anew; finished runs stay in ``runs`` if it is interrupted.

        Parameters
        ----------
        on_epoch
            Passed on to `gvae.train.fit`, for progress.

        Raises
        ------
        InputError
            If the graph cannot be split, or has too few negatives for the protocol's figures.
        TrainingError
            If a run diverges.
        """
        run_together([self], on_epoch)

    def _run_seed(self, seed: int, on_epoch: OnEpoch | None) -> None:
        started = time.perf_counter()
        split = self._source(seed)
        self._check_candidates(split)
        self._source.keep(seed)
        if not self._preset.features:
            split = split.with_features(None)
        record = split_record(seed, split)
        self.runs.append(self._trained_and_scored(seed, split, on_epoch))
        self._splits.append(record)
        self._peak_memory = peak_memory()
        self._seconds += time.perf_counter() - started

    def _check_candidates(self, split: LinkSplit) -> None:
        for name, part in zip(PARTS[1:], split.parts[1:], strict=True):
            try:
                check_candidates(PROTOCOLS[self.protocol].metrics, part.negatives)
            except InputError as error:
                raise InputError(
                    f"protocol {self.protocol}, {name} part of {self.dataset}: {error}"
                ) from error

    def _trained_and_scored(self, seed: int, split: LinkSplit, on_epoch: OnEpoch | None) -> Run:
        started = time.perf_counter()
        model, history = self._trained(seed, split, on_epoch)
        scored = time.perf_counter()
        scores = evaluate(model, split.test.to(self._device), more_negatives(split))
        ended = time.perf_counter()
        return Run(
            seed=seed,
            scores=scores,
            epochs=history.epochs,
            epoch=history.epoch,
            seconds=history.seconds if history.epochs else ended - scored,
            total_seconds=ended - started,
        )

    def _trained(self, seed: int, split: LinkSplit, on_epoch: OnEpoch | None) -> tuple[Scorer, History]:
        if self.model in HEURISTICS:
            return Heuristic(self.model), History()
        preset, protocol = self._preset, PROTOCOLS[self.protocol]
        train = split.development.train
        model: GraphModel = build(self.model, train, hidden=preset.hidden, latent=preset.latent, seed=seed)
        model = model.to(self._device)
        task = LinkTask(model, split.development.to(self._device), protocol.metrics[0])
        config = replace(preset.train, select=protocol.select, seed=seed)
        return model, fit(task, config, on_epoch=on_epoch)

    @property
    def epochs(self) -> int:
        """Epochs of a run, if it does not stop early."""
        return 0 if self.model in HEURISTICS else self._preset.train.epochs

    @property
    def spread(self) -> tuple[str, str]:
        """What one run is of, and what several differ in, in words."""
        different = {split["edges"] for split in self._splits}
        if self._source.is_one_file or (len(different) == 1 < len(self._splits) and self._source.read_from):
            return "a given split", "initialisations on one split"
        if PROTOCOLS[self.protocol].order == "time":
            return "a split by time", "initialisations and negatives on one split by time"
        return "one random split", "random splits"

    @property
    def foreign(self) -> str | None:
        """The sizes of a split that is not what gvae draws, in words; None if it is."""
        if not (self._source.is_foreign and self._splits):
            return None
        split = self._splits[-1]
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
            splits=self._splits,
            read=self.read,
            split_file=None if read_from is None else str(read_from),
            foreign=self.foreign,
            device=str(self._device),
            started=self._started,
            seconds=self._seconds,
            memory=self._peak_memory,
        )


def run_together(experiments: Sequence[Experiment], on_epoch: OnEpoch | None = None) -> None:
    """Run experiments anew, seed by seed: all models on a seed's split before the next seed.

    Experiments that share a `SplitSource` share its splits, so that a costly one is made once; an
    interrupted benchmark has as many runs of each model, or one more.

    Parameters and errors are those of `Experiment.run`.
    """
    for experiment in experiments:
        experiment._begin()
    seeds = dict.fromkeys(seed for experiment in experiments for seed in experiment.seeds)
    for seed in seeds:
        for experiment in experiments:
            if seed in experiment.seeds:
                experiment._run_seed(seed, on_epoch)


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
) -> Experiment:
    """Train and score a model once a seed: an `Experiment`, made and run.

    Parameters are those of `Experiment`; so are the errors, and those of its `run`.

    Returns
    -------
    Experiment
        With ``runs``, ``mean()``, ``std()`` and ``to_dict()``.
    """
    experiment = Experiment(
        data, model, protocol=protocol, preset=preset, seeds=list(seeds), device=device, dataset=dataset
    )
    experiment.run()
    return experiment


_NAMES = ("auc", "ap")
