"""Results made again from their own record, and what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch_geometric.data import Data

from gvae.data.graph import without_features
from gvae.data.tensors import graph_hash
from gvae.environment import environment
from gvae.errors import InputError
from gvae.experiment import Experiment, own_preset
from gvae.split_source import SplitSource

Record = Mapping[str, Any]

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


def experiments_of(
    records: Iterable[Record], load: Callable[[Record], Data], device: str = "auto"
) -> list[list[tuple[Record, Experiment]]]:
    """The experiments that records describe, ready to run, each beside its record.

    Parameters
    ----------
    records
        Of `Experiment.to_dict`. Those without a finished run are left out.
    load
        Loads the graph of a record anew.
    device
        Where to run now.

    Returns
    -------
    list of list
        Those of one list share their splits, see `gvae.experiment.run_together`.

    Raises
    ------
    InputError
        If a record does not describe an experiment, or its graph was another; if there is no run at all.
    """
    groups: dict[str, list[tuple[Record, Experiment]]] = {}
    for record in records:
        if record["runs"]:
            group = groups.setdefault(_origin(record), [])
            splits = group[0][1].splits if group else None
            data = group[0][1].data if group else load(record)
            group.append((record, _experiment(record, data, splits, device)))
    if not groups:
        raise InputError("there is no finished run to repeat")
    return [*groups.values()]


def _origin(record: Record) -> str:
    """What records have in common that have the same splits."""
    with _complete(record):
        manifest = record["manifest"]
        features = manifest["preset"]["features"]
        where = record["dataset"], record["protocol"], manifest["split_file"], manifest["read"], features
        return json.dumps(where)


def _experiment(record: Record, data: Data, splits: SplitSource | None, device: str) -> Experiment:
    with _complete(record):
        name, model, protocol = str(record["dataset"]), record["model"], record["protocol"]
        manifest, seeds = record["manifest"], [run["seed"] for run in record["runs"]]
        preset = own_preset(model).override(**manifest["preset"])
        recorded, split_file, read = manifest["graph"]["sha256"], manifest["split_file"], manifest["read"]
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
        splits=splits or SplitSource(graph, protocol, name, split_file),
        read=read,
    )


@contextmanager
def _complete(record: Record) -> Iterator[None]:
    """Turn what a manifest lacks into an error of ours."""
    try:
        yield
    except (KeyError, TypeError) as error:
        of = f"{record.get('model')} on {record.get('dataset')}"
        raise InputError(f"the record of {of} cannot be repeated: its manifest lacks {error}") from error


def differences(record: Record, again: Experiment) -> list[Difference]:
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


def changed_splits(record: Record, again: Experiment) -> list[int]:
    """Seeds whose split is not the recorded one any more."""
    then = {split["seed"]: split for split in record["manifest"]["splits"]}
    now = {split["seed"]: split for split in again.to_dict()["manifest"]["splits"]}
    return [seed for seed in now if now[seed] != then.get(seed)]


def changed_environment(record: Record) -> dict[str, tuple[Any, Any]]:
    """Versions and the like that are others now: name -> (then, now)."""
    then, now = (_flat(known) for known in (record["manifest"]["environment"], environment()))
    return {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}


def _flat(known: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in known.items() if name != "packages"}, **known["packages"]}
