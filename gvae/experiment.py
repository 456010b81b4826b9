"""Repeated runs over seeds, and the record of how each figure was made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, fields, replace
from typing import Any

from torch_geometric.data import Data

from gvae.catalog import MODELS, PUBLISHED, PUBLISHED_SOURCE, check_name
from gvae.config import require_int
from gvae.data import split_links
from gvae.environment import environment, peak_memory, resolve_device
from gvae.errors import InputError
from gvae.metrics import Scores, mean_of, std_of
from gvae.models import build
from gvae.presets import PRESETS, Preset
from gvae.protocols import PROTOCOLS
from gvae.scoring import evaluate
from gvae.train import EpochRecord, LinkTask, fit


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
        Epochs trained.
    epoch
        The epoch whose weights were scored.
    seconds
        Training: building the operators plus the epochs.
    total_seconds
        All of the run: splitting, training, scoring.
    """

    seed: int
    scores: Scores
    epochs: int
    epoch: int
    seconds: float
    total_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """A flat record, scores as fractions."""
        record = asdict(self)
        return {"seed": record.pop("seed"), **record.pop("scores"), **record}


@dataclass
class Experiment:
    """One model on one graph under one protocol, over several seeds.

    Parameters
    ----------
    data
        An undirected graph.
    model
        A name of ``gvae models``.
    protocol
        How it is measured: ``"kipf"``, ``"strict"`` or ``"pyg"``.
    preset
        How it is trained; ``None`` is the model's own preset.
    seeds
        Each drives its run's split, weights and noise.
    device
        ``"auto"`` (CUDA where there is one), ``"cpu"`` or ``"cuda"``.
    dataset
        Name of the graph, for the record and the published figure.
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
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_name("model", self.model, MODELS)
        check_name("protocol", self.protocol, PROTOCOLS)
        self.seeds = [require_int("seed", seed, at_least=0) for seed in self.seeds]
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"seeds must be one or more different numbers, got {self.seeds}")
        self._peak_memory: int | None = None  # of this process, when the last run ended
        self._device = resolve_device(self.device)
        self._preset = self.preset or PRESETS[self.model]

    def run(self, on_epoch: Callable[[int, EpochRecord | None], None] | None = None) -> None:
        """Run all seeds anew; finished runs stay in ``runs`` if it is interrupted.

        Parameters
        ----------
        on_epoch
            Passed on to `gvae.train.fit`, for progress.

        Raises
        ------
        InputError
            If the graph cannot be split.
        TrainingError
            If a run diverges.
        """
        self.runs.clear()
        for seed in self.seeds:
            self.runs.append(self._run_seed(seed, on_epoch))
            self._peak_memory = peak_memory()

    def _run_seed(self, seed: int, on_epoch: Callable[[int, EpochRecord | None], None] | None) -> Run:
        started = time.perf_counter()
        protocol, preset = PROTOCOLS[self.protocol], self._preset
        data = self.data if preset.features else _featureless(self.data)
        split = split_links(
            data, protocol.val, protocol.test, seed=seed, val_edges_at_test=protocol.val_edges_at_test
        )
        model = build(self.model, data, hidden=preset.hidden, latent=preset.latent, seed=seed)
        model = model.to(self._device)
        config = replace(preset.train, select=protocol.select, seed=seed)
        history = fit(LinkTask(model, split.development.to(self._device)), config, on_epoch=on_epoch)
        scores = evaluate(model, split.test.to(self._device))
        return Run(
            seed=seed,
            scores=scores,
            epochs=history.epochs,
            epoch=history.epoch,
            seconds=history.seconds,
            total_seconds=time.perf_counter() - started,
        )

    @property
    def total_epochs(self) -> int:
        """Epochs of all runs together, if none stops early."""
        return len(self.seeds) * self._preset.train.epochs

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
        own, used = _flat(PRESETS[self.model]), _flat(self._preset)
        return {name: value for name, value in used.items() if value != own[name]}

    def published(self) -> dict[str, Any] | None:
        """The paper's figures as fractions; None where the setting differs from the paper's."""
        features = self._preset.features and self.data.x is not None
        figure = PUBLISHED.get((self.model, self.dataset or "", features))
        own = replace(PRESETS[self.model], features=self._preset.features)
        if figure is None or self.protocol != "kipf" or self._preset != own:
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
            "preset": self.model if self._preset == PRESETS[self.model] else "custom",
            "manifest": self._manifest(),
            "complete": self.complete,
            "runs": [run.to_dict() for run in self.runs],
            "mean": dict.fromkeys(_NAMES) | self.mean(),
            "std": dict.fromkeys(_NAMES) | self.std(),
            "published": self.published(),
        }

    def _manifest(self) -> dict[str, Any]:
        return {
            "preset": _flat(self._preset),
            "protocol": asdict(PROTOCOLS[self.protocol]),
            "seeds": list(self.seeds),
            "graph": {
                "nodes": self.data.num_nodes,
                "edges": self.data.num_edges // 2,
                "features": self.data.x.size(1) if self._preset.features and self.data.x is not None else 0,
            },
            "kl": "total = recon + (beta / N) mean_i KL_i",
            "ties": "average rank",
            "device": str(self._device),
            "peak_memory_bytes": self._peak_memory,
            "environment": environment(),
        }


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


_NAMES = tuple(field.name for field in fields(Scores))


def _flat(preset: Preset) -> dict[str, Any]:
    """The settings of a preset by name; ``select`` is the protocol's and ``seed`` the run's."""
    settings = asdict(preset)
    train = settings.pop("train")
    return settings | {name: value for name, value in train.items() if name not in ("select", "seed")}


def _featureless(data: Data) -> Data:
    return Data(edge_index=data.edge_index, num_nodes=data.num_nodes)
