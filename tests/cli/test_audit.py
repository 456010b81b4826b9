"""``gvae audit``: the table, the JSON and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch

from gvae.data import LinkSplit, node_ids, split_links
from gvae.data.split_files import write_split
from gvae.datasets import load

Command = Callable[..., Any]
FINDING = {
    "type": "object",
    "required": ["kind", "leak", "where", "count", "edges", "message"],
    "additionalProperties": False,
    "properties": {
        "kind": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"},
        "leak": {"type": "boolean"},
        "where": {"type": "string"},
        "count": {"type": "integer", "minimum": 0},
        "edges": {
            "type": "array",
            "items": {
                "type": "array",
                "items": {"type": ["integer", "string"]},
                "minItems": 2,
                "maxItems": 2,
            },
        },
        "message": {"type": "string", "pattern": r"\.$"},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["file", "clean", "findings"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string"},
        "clean": {"type": "boolean"},
        "findings": {"type": "array", "items": FINDING},
    },
}


@pytest.fixture(scope="module")
def novel() -> tuple[LinkSplit, list[Any]]:
    """A clean split of a graph whose nodes have names, and those names."""
    data = load("les-miserables")
    return split_links(data), node_ids(data).to_list()


def write_leaking(path: Path, split: LinkSplit, count: int, ids: list[Any] | None) -> torch.Tensor:
    """Write a split whose first ``count`` test edges carry messages at test; give those edges."""
    leaked = split.test.positives[:, :count]
    messages = torch.cat([split.test.edge_index, leaked.flip(0)], dim=1)
    test = replace(split.test, edge_index=messages, edge_weight=None)
    write_split(path, replace(split, test=test), node_ids=ids)
    return leaked


def test_a_clean_split(gvae: Command, novel: tuple[LinkSplit, list[Any]], tmp_path: Path) -> None:
    split, ids = novel
    write_split(tmp_path / "split.npz", split, node_ids=ids)
    result = gvae("audit", tmp_path / "split.npz")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == f"Audit of {tmp_path / 'split.npz'}"
    assert lines[-1] == "clean"
    assert "train-labels-in-messages" in result.stdout
    assert "leak " not in result.stdout


def test_a_leak_is_shown_by_node_id(
    gvae: Command, novel: tuple[LinkSplit, list[Any]], tmp_path: Path
) -> None:
    split, ids = novel
    leaked = write_leaking(tmp_path / "split.npz", split, 6, ids)
    result = gvae("audit", tmp_path / "split.npz", "--json", tmp_path / "report.json")
    assert result.exit_code == 3, result.output
    text = " ".join(result.stdout.split())
    first = [f"({ids[a]}, {ids[b]})" for a, b in leaked.t().tolist()[:4]]
    row = f"label-in-messages leak test positives in test messages 6 {', '.join(first)}, ..."
    assert row in text
    assert result.stdout.splitlines()[-1] == "1 leak"
    assert "label-in-messages: Messages pass along held-out positives" in text
    record = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(record, SCHEMA)
    assert not record["clean"]
    assert record["findings"][0]["edges"] == [[ids[a], ids[b]] for a, b in leaked.t().tolist()]


def test_json_on_standard_output_is_alone_there(
    gvae: Command, novel: tuple[LinkSplit, list[Any]], tmp_path: Path
) -> None:
    leaked = write_leaking(tmp_path / "split.npz", novel[0], 2, None)
    result = gvae("audit --json -", tmp_path / "split.npz")
    record = json.loads(result.stdout)
    jsonschema.validate(record, SCHEMA)
    assert result.exit_code == 3
    assert record["file"] == str(tmp_path / "split.npz")
    assert record["findings"][0]["edges"] == leaked.t().tolist()
    assert result.stderr.splitlines()[-1] == "1 leak"


def test_leaks_are_counted(gvae: Command, novel: tuple[LinkSplit, list[Any]], tmp_path: Path) -> None:
    split = novel[0]
    test = replace(split.test, positives=split.development.val.positives, edge_weight=None)
    write_split(tmp_path / "split.npz", replace(split, test=test))
    result = gvae("audit", tmp_path / "split.npz")
    assert result.exit_code == 3
    assert result.stdout.splitlines()[-1] == "1 leak" or result.stdout.splitlines()[-1].endswith(" leaks")
    assert "overlap" in result.stdout


def test_what_is_no_split_is_refused(gvae: Command, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    (tmp_path / "text.npz").write_text("no zip")
    for name in ("missing.npz", "other.npz", "text.npz", "."):
        result = gvae("audit", tmp_path / name)
        assert result.exit_code == 2, name
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
    result = gvae("audit", tmp_path / "text.npz", "--json", tmp_path / "no" / "where.json")
    assert "--json" in result.stderr


def test_help_has_an_example(gvae: Command) -> None:
    assert "gvae audit split.npz" in gvae("audit --help").stdout
