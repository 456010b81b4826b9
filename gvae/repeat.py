"""Results made again from their own record, and what differs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from torch_geometric.data import Data

from gvae.data.graph import without_features
from gvae.data.tensors import graph_hash
from gvae.environment import environment
from gvae.errors import InputError
from gvae.experiment import Experiment, own_preset
from gvae.metrics import mean_of, std_of
from gvae.split_source import SplitSource

Record = Mapping[str, Any]

TIMES = ("seconds", "total_seconds")
NO_FIGURES = ("seed", "epochs", "epoch", *TIMES)
SUMMARY = ("runs", "mean", "std")
MAY_CHANGE = ("seeds", "device", "started", "jobs", "wall_seconds", "peak_memory_bytes", "environment")
SAID = (
    "protocol",
    "preset",
    "model",
    "messages_at_test",
    "selection",
    "ties",
    "kl",
    "optimizer",
    "initialisation",
)
"""What must be said the same of a result and of its repetition."""


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
        Largest absolute difference in one run; 0: the same numbers, bit for bit; NaN: one is missing.
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
    name = str(record.get("dataset"))
    with _complete(record):
        model, protocol, manifest = record["model"], record["protocol"], record["manifest"]
        preset = own_preset(model).override(**manifest["preset"])
        recorded, split_file, read = manifest["graph"]["sha256"], manifest["split_file"], manifest["read"]
        _flat(manifest["environment"])
        _ = manifest["splits"], manifest["device"]
        _check_summary(record)
    if recorded != graph_hash(data):
        raise InputError(f"{name} is not the graph that the record was made with: it has changed")
    seeds = [run["seed"] for run in record["runs"]]
    if splits is None:
        graph = data if preset.features else without_features(data)
        splits = SplitSource(graph, protocol, name, split_file)
    splits.check(seeds)
    again = Experiment(
        data,
        model,
        protocol=protocol,
        preset=preset,
        seeds=seeds,
        device=device,
        dataset=name,
        splits=splits,
        read=read,
    )
    _check_rules(record, again)
    return again


def _check_summary(record: Record) -> None:
    """A record's mean and deviation must be those of its runs."""
    figures = [
        {name: value for name, value in run.items() if name not in NO_FIGURES} for run in record["runs"]
    ]
    for what, values in (("mean", mean_of(figures)), ("std", std_of(figures))):
        for name, value in values.items():
            if not math.isclose(record[what][name], value, rel_tol=1e-9, abs_tol=1e-12):
                raise InputError(f"the {what} of {name} is not that of the runs: the record was changed")


def _check_rules(record: Record, again: Experiment) -> None:
    """What a record says of how it was measured and trained must be what is done now."""
    was, now = (_with_known_settings(each) for each in (record, json.loads(json.dumps(again.to_dict()))))
    for name in SAID:
        if was.get(name) != now.get(name):
            raise InputError(
                f"the manifest's {name} is not that of this gvae's protocol {again.protocol} and model "
                f"{again.model}: {was.get(name)!r}, now {now.get(name)!r}"
            )


@contextmanager
def _complete(record: Record) -> Iterator[None]:
    """Turn what a manifest lacks into an error of ours."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        of = f"{record.get('model')} on {record.get('dataset')}"
        raise InputError(f"the record of {of} cannot be repeated: it lacks or garbles {error}") from error


def differences(record: Record, again: Experiment) -> list[Difference]:
    """Every figure of the record or of its repetition, over all runs; NaN where one of them has it not."""
    now = {run.seed: run.to_dict() for run in again.runs}
    pairs = [(run, now[run["seed"]]) for run in record["runs"] if run["seed"] in now]
    names = dict.fromkeys(name for pair in pairs for side in pair for name in side)
    return [_difference(name, pairs) for name in names if name not in ("seed", *TIMES)]


def _difference(name: str, pairs: Sequence[tuple[Record, Record]]) -> Difference:
    values = [[_number(side.get(name)) for side in pair] for pair in pairs]
    means = [fmean(side) for side in zip(*values, strict=True)]
    gaps = [abs(then - later) for then, later in values]
    return Difference(name, means[0], means[1], math.nan if any(map(math.isnan, gaps)) else max(gaps))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def changed_words(record: Record, again: Experiment) -> dict[str, tuple[Any, Any]]:
    """Whatever else a record says that its repetition does not, by name: (then, now); splits included."""
    then, now = (_said(side) for side in (record, json.loads(json.dumps(again.to_dict()))))
    return {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}


def _said(record: Record) -> dict[str, Any]:
    manifest = {name: value for name, value in _with_known_settings(record).items() if name not in MAY_CHANGE}
    rest = {name: value for name, value in record.items() if name not in ("manifest", "complete", *SUMMARY)}
    return rest | manifest


def _with_known_settings(record: Record) -> dict[str, Any]:
    """The manifest without settings that say as much as their absence from an older record."""
    manifest: dict[str, Any] = record["manifest"]
    known = {name: value for name, value in manifest["preset"].items() if value not in (None, "constant")}
    return manifest | {"preset": known}


def changed_environment(record: Record) -> dict[str, tuple[Any, Any]]:
    """Versions and the like that are others now: name -> (then, now)."""
    then, now = (_flat(known) for known in (record["manifest"]["environment"], environment()))
    return {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}


def _flat(known: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in known.items() if name != "packages"}, **known["packages"]}
