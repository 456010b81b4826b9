"""Which way of training fits the memory that is free: a plan, made before anything large is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch_geometric.data import Data

from gvae.catalog import LOSSES, check_name
from gvae.errors import InputError
from gvae.memory import free_memory, readable_size
from gvae.presets import Preset
from gvae.workload import GraphSize, Memory, Workload

FULL_UP_TO = 30_000
"""Nodes up to which ``loss="auto"`` is the exact one, whose time grows with their square."""


@dataclass(frozen=True)
class Plan:
    """What each loss would need, and the one that is trained.

    Parameters
    ----------
    work
        The run.
    loss
        The chosen loss.
    why
        Why it was chosen.
    free
        Free memory, bytes; ``None`` where it is not known.
    runs
        Runs at once.
    """

    work: Workload
    loss: str
    why: str
    free: int | None
    runs: int = 1

    @property
    def paths(self) -> dict[str, Memory]:
        """What one run needs with each loss."""
        return {loss: self.work.memory(loss) for loss in LOSSES}

    def needed(self, loss: str | None = None) -> int:
        """Bytes that all runs at once need with a loss, the chosen one by default."""
        return self.runs * self.work.memory(loss or self.loss).total

    def fits(self, loss: str | None = None) -> bool:
        """Whether that is free, as far as is known."""
        return self.free is None or self.needed(loss) <= self.free

    def check(self, name: str | None = None) -> None:
        """Refuse a run that does not fit.

        Raises
        ------
        InputError
            With `refusal`, if there is one.
        """
        refusal = self.refusal(name)
        if refusal is not None:
            raise InputError(refusal)

    def refusal(self, name: str | None = None) -> str | None:
        """Why the run cannot be: the numbers, and what would help; None if it fits.

        Parameters
        ----------
        name
            Of the graph.
        """
        if self.fits():
            return None
        parts = self.work.memory(self.loss).at_height()
        shown = ", ".join(f"{part} {readable_size(size)}" for part, size in parts.items() if size >= 1 << 20)
        what = f"training {self.work.model}" + (f" on {name}" if name else "")
        at_once = f" for each of {self.runs} runs at once" if self.runs > 1 else ""
        advice = ", or ".join(self._remedies()) or "a smaller graph, or more memory"
        return (
            f"{what} with the loss {self.loss} needs about {readable_size(self.needed())} "
            f"({shown}{at_once}), and {readable_size(self.free or 0)} are free: try {advice}"
        )

    def _remedies(self) -> Iterator[str]:
        """Single changes that would make it fit."""
        for jobs in range(self.runs - 1, 0, -1):
            if replace(self, runs=jobs).fits():
                yield f"--jobs {jobs}"
                break
        for name in ("hidden", "latent", "block"):
            for value in _smaller_powers_of_two(getattr(self.work, name)):
                if self._changed(**{name: value}).fits():
                    yield f"--{name} {value}"
                    break
        plain = replace(self.work.graph, features=0, nonzeros=None)
        if self.work.graph.features and self._changed(graph=plain).fits():
            yield "--no-features"
        yield from (f"--loss {loss}" for loss in LOSSES if loss != self.loss and self.fits(loss))

    def _changed(self, **settings: Any) -> Plan:
        return replace(self, work=replace(self.work, **settings))


def plan_training(
    graph: Data,
    model: str,
    preset: Preset,
    device: torch.device,
    *,
    loss: str | None = None,
    scored: int = 0,
    checkpoint: bool = False,
    runs: int = 1,
) -> Plan:
    """Plan the training of a model on a graph, with the memory that is free now; see `make_plan`.

    Parameters
    ----------
    graph
        As it is learned: without features if they are not used.
    model
        A name of ``gvae models``.
    preset
        Sizes and settings.
    device
        Where it is trained.
    loss
        As for `make_plan`; by default the preset's.
    scored, checkpoint
        As for `gvae.workload.Workload`.
    runs
        Runs at once.
    """
    work = Workload(
        GraphSize.of(graph),
        model,
        hidden=preset.hidden,
        latent=preset.latent,
        block=preset.train.block,
        scored=scored,
        checkpoint=checkpoint,
        copied=device.type != "cpu",
    )
    return make_plan(work, loss or preset.train.loss, free=free_memory(device), runs=runs)


def make_plan(work: Workload, loss: str = "auto", *, free: int | None, runs: int = 1) -> Plan:
    """Choose how to train.

    Parameters
    ----------
    work
        The run.
    loss
        A loss that is kept, whether it fits or not, or ``"auto"``: full up to 30,000 nodes, if it fits; else
        sampled, its estimate.
    free
        Free memory, bytes, see `gvae.memory.free_memory`; with ``None`` everything fits.
    runs
        Runs at once, each of which needs as much.

    Raises
    ------
    InputError
        For an unknown loss. What does not fit is refused by `Plan.check`.
    """
    check_name("loss", loss, (*LOSSES, "auto"))
    if loss != "auto":
        return Plan(work, loss, "as asked", free, runs)
    if work.graph.nodes > FULL_UP_TO:
        return Plan(work, "sampled", f"more than {FULL_UP_TO:,} nodes: linear time", free, runs)
    full = Plan(work, "full", f"exact, up to {FULL_UP_TO:,} nodes", free, runs)
    sampled = Plan(work, "sampled", "full does not fit", free, runs)
    return sampled if sampled.fits() and not full.fits() else full


def _smaller_powers_of_two(value: int | None) -> Iterator[int]:
    """Those below a value, the largest first."""
    exponent = ((value or 1) - 1).bit_length()
    yield from (1 << power for power in range(exponent - 1, -1, -1))
