"""Result files of ``gvae bench --json``: read, checked and paired. Needs no torch."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from gvae.errors import GvaeWarning, InputError

Result = Mapping[str, Any]
"""What `gvae.experiment.Experiment.to_dict` gives, one model on one graph."""

Names = tuple[str, str]
"""What two sides are called in errors, such as their files."""


def read_results(path: str | Path) -> list[dict[str, Any]]:
    """Read what ``gvae bench --json`` wrote, one record for each data set and model.

    Returns
    -------
    list of dict
        As `gvae.experiment.Experiment.to_dict` made them. Files of an older gvae have no
        ``manifest.splits``; where it is, it has one entry for each run.

    Raises
    ------
    InputError
        If the file cannot be read, is no JSON, or is no such result.
    """
    try:
        records = json.loads(Path(path).read_bytes(), parse_constant=_refuse_constant)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON, as gvae bench --json writes it ({error})") from error
    if not isinstance(records, list) or not records:
        raise InputError(f"{path}: expected a list of results, as gvae bench --json writes it")
    for i, record in enumerate(records):
        check_result(record, f"{path}, result {i + 1}")
    return records


def check_result(record: Any, where: str) -> None:
    """Check the form of one record.

    Parameters
    ----------
    record
        As `gvae.experiment.Experiment.to_dict` gives it.
    where
        How the error begins.

    Raises
    ------
    InputError
        If a part is missing or of another kind, a seed comes twice, or the splits are not those of the runs.
    """
    _check_fields(record, _RECORD, where)
    runs, manifest = record["runs"], record["manifest"]
    _check_fields(manifest, _MANIFEST, f"{where}, manifest")
    if not isinstance(record.get("dataset"), str | None):
        raise InputError(f"{where}: dataset must be text or null, got {_short(record['dataset'])}")
    metrics = manifest["protocol"].get("metrics", [])  # an older gvae has none
    if not isinstance(metrics, list | tuple) or not all(isinstance(name, str) for name in metrics):
        raise InputError(
            f"{where}, manifest.protocol: metrics must be a list of names, got {_short(metrics)}"
        )
    _check_runs(runs, f"{where}, runs")
    if "splits" in manifest:
        _check_splits(manifest["splits"], f"{where}, manifest.splits")
        if {split["seed"] for split in manifest["splits"]} != {run["seed"] for run in runs}:
            raise InputError(f"{where}, manifest: splits must have one entry for each run, with its seed")


def pair_results(
    a: Sequence[Result],
    b: Sequence[Result],
    model_a: str | None = None,
    model_b: str | None = None,
    *,
    names: Names = ("a", "b"),
) -> list[tuple[Result, Result]]:
    """Find what is to be compared: for each data set on both sides, a model of A with a model of B.

    Parameters
    ----------
    a, b
        As `read_results` gives them.
    model_a, model_b
        The model on each side. Without either, the only model of each side, or else each model that is
        on both sides with itself.
    names
        What the sides are called in errors and notes.

    Raises
    ------
    InputError
        If a model is not there or has to be named, no data set is on both sides, or a result would be
        compared with itself.

    Warns
    -----
    GvaeWarning
        If a data set or a model is left out because only one side has it.
    """
    tables = _by_name(a, names[0]), _by_name(b, names[1])
    pairs: list[tuple[Result, Result]] = []
    for models in _pair_models(tables, (model_a, model_b), names):
        pairs += _pair_records(tables, models, names)
    if not pairs:
        raise InputError(f"no data set is on both sides with these models: {_have(tables, 0, names)}")
    for one, other in pairs:
        if one == other:
            raise InputError(
                f"{one['model']} of {names[0]} would be compared with itself; name two different models with "
                f"--a and --b; there are {_listed(model for _, model in tables[0])}"
            )
    return pairs


Table = dict[tuple[str | None, str], Result]


def _pair_models(
    tables: tuple[Table, Table], asked: tuple[str | None, str | None], names: Names
) -> list[tuple[str, str]]:
    there = [list(dict.fromkeys(model for _, model in table)) for table in tables]
    if asked != (None, None) or (len(there[0]), len(there[1])) == (1, 1):
        a, b = (_chosen(asked[i], there[i], names[i], "--" + "ab"[i]) for i in (0, 1))
        return [(a, b)]
    both = [model for model in there[0] if model in there[1]]
    if not both:
        raise InputError(f"no model is on both sides, name them with --a and --b: {_have(tables, 1, names)}")
    for i in (0, 1):
        _note_left_out([model for model in there[i] if model not in both], names[i])
    return [(model, model) for model in both]


def _pair_records(
    tables: tuple[Table, Table], models: tuple[str, str], names: Names
) -> list[tuple[Result, Result]]:
    datasets = [[dataset for dataset, model in tables[i] if model == models[i]] for i in (0, 1)]
    both = [dataset for dataset in datasets[0] if dataset in datasets[1]]
    for i in (0, 1):
        _note_left_out(
            [f"{models[i]} on {dataset}" for dataset in datasets[i] if dataset not in both], names[i]
        )
    return [(tables[0][dataset, models[0]], tables[1][dataset, models[1]]) for dataset in both]


def _chosen(asked: str | None, there: list[str], name: str, flag: str) -> str:
    if asked is None and len(there) == 1:
        return there[0]
    if asked not in there:
        what = f"has no model {asked!r}" if asked is not None else "has several models"
        raise InputError(f"{name} {what}; name one with {flag}: {_listed(there)}")
    return asked


def _by_name(records: Sequence[Result], name: str) -> Table:
    table: Table = {}
    for record in records:
        key = record["dataset"], record["model"]
        if key in table:
            raise InputError(
                f"{name}: holds two results of {key[1]} on {key[0]}, so it is not clear which is meant"
            )
        table[key] = record
    return table


def _note_left_out(items: Sequence[str], name: str) -> None:
    if items:
        message = f"left out, as the other side has none: {_listed(items)} of {name}"
        warnings.warn(message, GvaeWarning, stacklevel=4)


def _have(tables: tuple[Table, Table], part: int, names: Names) -> str:
    """What each side has: data sets (0) or models (1)."""
    sides = zip(names, tables, strict=True)
    return "; ".join(f"{name} has {_listed(key[part] for key in table)}" for name, table in sides)


def _listed(items: Iterable[object]) -> str:
    return ", ".join(str(item) for item in dict.fromkeys(items))


_RECORD = {
    "model": str,
    "protocol": str,
    "manifest": Mapping,
    "complete": bool,
    "runs": list,
    "mean": Mapping,
}
_MANIFEST = {"protocol": Mapping, "seeds": list}
_RUN = {"seed": int}
_SPLIT = {"seed": int, "edges": str, "negatives": str, "train": int, "test": int}
_KINDS = {str: "text", Mapping: "an object", bool: "true or false", list: "a list", int: "a whole number"}


def _check_fields(record: object, kinds: Mapping[str, type], where: str) -> None:
    if not isinstance(record, Mapping):
        raise InputError(f"{where}: expected an object, got {_short(record)}")
    for name, kind in kinds.items():
        value = record.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            got = _short(value) if name in record else "none"
            raise InputError(f"{where}: {name} must be {_KINDS[kind]}, got {got}")


def _check_runs(runs: Sequence[Result], where: str) -> None:
    for run in runs:
        _check_fields(run, _RUN, where)
        for name, value in run.items():
            if value is not None and not _is_number(value):
                raise InputError(f"{where}: {name} must be a number, got {_short(value)}")
    _check_seeds(runs, where)


def _check_splits(splits: object, where: str) -> None:
    if not isinstance(splits, list):
        raise InputError(f"{where} must be a list, got {_short(splits)}")
    for split in splits:
        _check_fields(split, _SPLIT, where)
        if split["train"] < 1 or split["test"] < 1:
            got = split["train"], split["test"]
            raise InputError(f"{where}: train and test must be 1 or more edges, got {got[0]} and {got[1]}")
    _check_seeds(splits, where)


def _check_seeds(entries: Sequence[Result], where: str) -> None:
    seeds = [entry["seed"] for entry in entries]
    if len(set(seeds)) < len(seeds):
        raise InputError(f"{where}: each seed must come once, got {_short(seeds)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
