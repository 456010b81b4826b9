"""No reader raises anything but a GvaeError, whatever a file holds."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gvae.data import make_graph, read_graph, read_ids, read_pairs, write_graph
from gvae.errors import GvaeError, GvaeWarning

TEXT = (".csv", ".tsv", ".txt", ".csv.gz")
SUFFIXES = (
    *TEXT,
    ".parquet",
    ".graphml",
    ".gexf",
    ".gml",
    ".json",
    ".json.gz",
    ".npz",
    ".npy",
    ".mtx",
    ".mtx.gz",
    ".pt",
)
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def survives(read: Callable[..., Any], *args: Any, **more: Any) -> None:
    """Fails for any error or warning but our own, and for an error of more than one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GvaeWarning)
        try:
            read(*args, **more)
        except GvaeError as error:
            assert "\n" not in str(error)  # noqa: PT017


def read_all(path: Path) -> None:
    survives(read_graph, path)
    survives(read_graph, path, weight="weight", time="time", source="source", target="target")
    if path.name.endswith((*TEXT, ".parquet")):
        graph = make_graph(torch.tensor([[0], [1]]), 2)
        survives(read_graph, graph, features=path, label="label", text=["text"], isolated=True)
        survives(read_graph, graph, features=path, isolated=True)
        survives(read_pairs, path)
        survives(read_ids, path)


def valid(suffix: str, folder: Path) -> bytes:
    data = make_graph(torch.tensor([[0, 1, 2], [1, 2, 3]]), 5, edge_weight=torch.tensor([1.0, 2.0, 0.5]))
    path = folder / f"valid{suffix.removesuffix('.gz')}"
    if suffix == ".pt":
        torch.save(data, path)
    elif suffix == ".npy":
        np.save(path, data.edge_index.numpy())
    elif suffix in (".txt", ".csv.gz"):
        path.write_text('# c\nid,label,text\n0,a,"x, y"\n1,b,y\r\n\n2,a,z z\n')
    else:
        write_graph(data, path)
    content = path.read_bytes()
    return gzip.compress(content) if suffix.endswith(".gz") else content


@pytest.mark.parametrize("suffix", SUFFIXES)
@few
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    read_all(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@few
@given(data=st.data())
def test_damaged_files(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    content = bytearray(valid(suffix, tmp_path))
    place = st.integers(0, len(content) - 1)
    # Polars ends the process when a length within a Parquet page is wrong: those are only cut short.
    for at in data.draw(st.lists(place, max_size=0 if suffix == ".parquet" else 4)):
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    end = data.draw(place | st.just(len(content)))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(bytes(content[: end + 1]))
    read_all(path)


@few
@given(st.text(alphabet='ab12,\n"# \r\t%;\0é', max_size=40))
def test_small_text_tables(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode())
    read_all(path)


@few
@given(st.binary(max_size=30))
def test_gzipped_bytes(tmp_path: Path, content: bytes) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(content)
    for suffix in (".csv.gz", ".graphml.gz", ".gml.gz", ".json.gz", ".mtx.gz", ".npz.gz", ".pt.gz"):
        path = tmp_path / f"packed{suffix}"
        path.write_bytes(packed.getvalue())
        read_all(path)
