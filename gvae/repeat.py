"""Results made again from their own record, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch_geometric.data import Data

from gvae.data.graph import without_features
from gvae.data.tensors import graph_hash
from gvae.environment import environment
from gvae.errors import InputError
from gvae.experiment import Experiment, own_preset
from gvae.split_source import SplitSource

TIMES = ("seconds", "total_seconds")


@dataclass(frozen=True)
class Difference:
    """One figure of a record, its mean over the runs: as recorded, as found now.

    Parameters
    ----------
    figure
        Its name: ``"auc"``.
    recorded, now
        Means over the runs, fractions; of ``"epochs"`` and ``"epoch"`` numbers.
    largest
        Largest absolute difference in one run; 0 means the same numbers, bit for bit.
    """

    figure: str
    recorded: float
    now: float
    largest: float


def experiment_of(record: Mapping[str, Any], data: Data, device: str = "auto") -> Experiment:
    """The experiment that a record describes, ready to run.

    Parameters
    ----------
    record
        Of `Experiment.to_dict`.
    data
        The graph, loaded anew.
    device
        Where to run now.

    Raises
    ------
    InputError
        If the record does not describe an experiment, has no run, or its graph was another.
    """
    try:
        known, model, protocol = record["manifest"], record["model"], record["protocol"]
        preset = own_preset(model).override(**known["preset"])
        seeds = [run["seed"] for run in record["runs"]]
        recorded, split_file = known["graph"]["sha256"], known["split_file"]
    except (KeyError, TypeError) as error:
        raise InputError(f"the record cannot be repeated: its manifest lacks {error}") from error
    name = str(record.get("dataset"))
    if not seeds:
        raise InputError(f"the record of {model} on {name} has no finished run to repeat")
    if recorded != graph_hash(data):
        raise InputError(f"{name} is not the graph that the record was made with: it has changed")
    graph = data if preset.features else without_features(data)
    return Experiment(
        data,
        model,
        protocol=protocol,
        preset=preset,
        seeds=seeds,
        device=device,
        dataset=name,
        splits=SplitSource(graph, protocol, name, split_file),
        read=known.get("read", {}),
    )


def differences(record: Mapping[str, Any], again: Experiment) -> list[Difference]:
    """Every figure of the record beside the one that its repetition gave, over all runs."""
    now = {run.seed: run.to_dict() for run in again.runs}
    pairs = [(run, now[run["seed"]]) for run in record["runs"] if run["seed"] in now]
    names = [name for name in record["runs"][0] if name not in ("seed", *TIMES)]
    found = []
    for name in names:
        values = [(then[name], later.get(name, float("nan"))) for then, later in pairs]
        means = [sum(side) / len(values) for side in zip(*values, strict=True)]
        largest = max(abs(then - later) for then, later in values)
        found.append(Difference(name, means[0], means[1], largest))
    return found


def changed_splits(record: Mapping[str, Any], again: Experiment) -> list[int]:
    """Seeds whose split is not the recorded one any more."""
    then = {split["seed"]: split for split in record["manifest"]["splits"]}
    now = {split["seed"]: split for split in again.to_dict()["manifest"]["splits"]}
    return [seed for seed in now if now[seed] != then.get(seed)]


def changed_environment(record: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Versions and the like that are others now: name -> (then, now)."""
    then, now = (_flat(known) for known in (record["manifest"]["environment"], environment()))
    return {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}


def _flat(known: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in known.items() if name != "packages"}, **known["packages"]}
