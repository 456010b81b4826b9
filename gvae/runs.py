"""One run: a model trained and scored on the split of one seed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import torch

from gvae.catalog import HEURISTICS
from gvae.data import LinkSplit
from gvae.data.splits import PARTS
from gvae.environment import peak_memory
from gvae.errors import InputError, TrainingError
from gvae.manifest import split_record
from gvae.metrics import Scores, check_candidates
from gvae.models import GraphModel, Heuristic, build
from gvae.presets import Preset
from gvae.protocols import PROTOCOLS
from gvae.scoring import Scorer, evaluate, more_negatives
from gvae.split_source import SplitSource
from gvae.train import History, LinkTask, fit
from gvae.train.loop import OnEpoch


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


@dataclass(frozen=True)
class FinishedRun:
    """A run with what the record says of it.

    Parameters
    ----------
    run
        Its result.
    split
        What identifies its split, see `gvae.manifest.split_record`.
    is_foreign
        Whether the split was read and is not what gvae draws, see `gvae.split_source.SplitSource`.
    seconds
        Wall time, the split included where it was made for this run.
    peak_memory
        Of the process it ran in, when it ended; bytes.
    """

    run: Run
    split: dict[str, Any]
    is_foreign: bool
    seconds: float
    peak_memory: int | None


@dataclass(frozen=True)
class Trial:
    """A model under a protocol, to be run on the split of any seed, here or in another process.

    Parameters
    ----------
    model, protocol, preset, dataset
        As those of `gvae.experiment.Experiment`.
    device
        Where it is trained.
    source
        The splits; trials may share one.
    """

    model: str
    protocol: str
    preset: Preset
    device: torch.device
    dataset: str | None
    source: SplitSource

    def run(self, seed: int, on_epoch: OnEpoch | None = None) -> FinishedRun:
        """Train and score the model on the split of a seed.

        Raises
        ------
        InputError
            If the graph cannot be split, or has too few negatives for the protocol's figures.
        TrainingError
            If training diverges.
        """
        started = time.perf_counter()
        split = self.source(seed)
        self._check_candidates(split)
        self.source.keep(seed)
        if not self.preset.features:
            split = split.with_features(None)
        record = split_record(seed, split)
        try:
            run = self._trained_and_scored(seed, split, on_epoch)
        except TrainingError as error:
            where = f"{self.model} on {self.dataset or 'the graph'}, seed {seed}"
            raise TrainingError(f"{where}: {error}", error.history) from error
        seconds = time.perf_counter() - started
        return FinishedRun(run, record, self.source.is_foreign, seconds, peak_memory())

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
        scores = evaluate(model, split.test.to(self.device), more_negatives(split))
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
        preset, protocol = self.preset, PROTOCOLS[self.protocol]
        train = split.development.train
        model: GraphModel = build(self.model, train, hidden=preset.hidden, latent=preset.latent, seed=seed)
        model = model.to(self.device)
        task = LinkTask(model, split.development.to(self.device), protocol.metrics[0])
        config = replace(preset.train, select=protocol.select, seed=seed)
        return model, fit(task, config, on_epoch=on_epoch)
