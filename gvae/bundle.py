"""A trained model on disk: one folder, whole or absent, checked when it is read. Knows no estimators.

=====================  =====================================================================
``model.safetensors``  the model's tensors
``graph.safetensors``  the graph's tensors, of a model of a graph
``config.json``        the settings
``history.jsonl``      a line for each recorded epoch
``embedding.parquet``  the embedding, a row a node, of a model of a graph
``manifest.json``      what the caller says of the bundle, the format's name and version, the SHA-256 of
                       each file above and, as ``sha256``, of the manifest without that line
=====================  =====================================================================
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor, strided

from gvae.errors import InputError, OutputError
from gvae.files import MANIFEST, new_folder, sha256

FORMAT, VERSION = "gvae-bundle", 1
RESERVED = ("format", "version", "files", "sha256")
KINDS = {"graph": "a graph (gvae train)", "image": "images (gvae image train)"}
"""What a bundle is of, by the manifest's entry ``kind``; without one it is of a graph."""


@dataclass(frozen=True)
class Bundle:
    """A trained model as it was written.

    Parameters
    ----------
    tensors
        The model's state by name, on the CPU.
    config
        The settings.
    history
        A record for each recorded epoch.
    manifest
        What the writer said of it, without the format's own entries.
    graph
        The graph's tensors by name, on the CPU; None if there is no graph.
    embedding
        A row a node; None if there is none.
    """

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    history: list[dict[str, Any]]
    manifest: dict[str, Any]
    graph: dict[str, Tensor] | None = None
    embedding: polars.DataFrame | None = None


def write_bundle(
    folder: str | Path,
    *,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    manifest: Mapping[str, Any],
    graph: Mapping[str, Tensor] | None = None,
    embedding: polars.DataFrame | None = None,
) -> None:
    """Write a bundle; the folder is whole or absent, also if the process is killed meanwhile.

    Parameters
    ----------
    folder
        A new folder; its parent must exist.
    tensors, graph
        Dense tensors by name, on any device; without a graph its file is left out.
    config, history, manifest
        Ready for JSON, numbers finite. The manifest's names ``format``, ``version``, ``files`` and
        ``sha256`` are the format's own.
    embedding
        A row a node; without one its file is left out.

    Raises
    ------
    InputError
        If the folder exists, a tensor is sparse, or something does not fit into JSON.
    OutputError
        If it cannot be written.
    """
    if taken := [name for name in RESERVED if name in manifest]:
        raise InputError(f"manifest: {', '.join(taken)} is written by the format itself")
    parts: dict[str, Callable[[Path], object]] = {
        "model.safetensors": _tensor_writer("tensors", tensors),
        "config.json": _text_writer(_json("config", config, indent=2) + "\n"),
        "history.jsonl": _text_writer("".join(_json("history", record) + "\n" for record in history)),
    }
    if graph is not None:
        parts["graph.safetensors"] = _tensor_writer("graph", graph)
    if embedding is not None:
        parts["embedding.parquet"] = embedding.write_parquet
    _json("manifest", manifest)
    with new_folder(folder) as temporary:
        try:
            for name, write in parts.items():
                write(temporary / name)
        except (SafetensorError, polars.exceptions.PolarsError) as error:  # theirs, of a full disk
            raise OutputError(f"{folder}: cannot be written ({error})") from error
        files = {name: sha256(temporary / name) for name in parts}
        content = {**manifest, "format": FORMAT, "version": VERSION, "files": files}
        (temporary / MANIFEST).write_bytes(_sealed(content))


def read_bundle(folder: str | Path, kind: str = "graph") -> Bundle:
    """Read a bundle and check every byte of it.

    Parameters
    ----------
    folder
        Where it is.
    kind
        What it must be of, one of `KINDS`.

    Raises
    ------
    InputError
        If there is no such folder or it is no bundle, it is of another kind, a newer gvae wrote it, or a
        file is missing, damaged or changed since it was written.
    """
    folder = Path(folder)
    manifest = _read_manifest(folder)
    _check_kind(folder, manifest.get("kind", "graph"), kind)
    files = manifest.get("files")
    if not isinstance(files, dict) or not REQUIRED <= files.keys() <= READERS.keys():
        raise InputError(f"{folder / MANIFEST}: files must be {', '.join(READERS)}, got {files!r}")
    parts = {name: _read_part(folder / name, files[name], READERS[name]) for name in files}
    return Bundle(
        tensors=parts["model.safetensors"],
        config=parts["config.json"],
        history=parts["history.jsonl"],
        manifest={name: value for name, value in manifest.items() if name not in RESERVED},
        graph=parts.get("graph.safetensors"),
        embedding=parts.get("embedding.parquet"),
    )


def _check_kind(folder: Path, found: Any, expected: str) -> None:
    if found != expected:
        of = KINDS.get(str(found), f"the kind {found!r}")
        raise InputError(f"{folder}: holds a model of {of}, expected one of {KINDS[expected]}")


def _tensor_writer(what: str, tensors: Mapping[str, Tensor]) -> Callable[[Path], object]:
    for name, value in tensors.items():
        if value.layout != strided:
            raise InputError(f"{what}: {name} must be dense, got {value.layout}; write its parts")
    # Each with memory of its own: safetensors refuses tensors that share some.
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}

    def write(path: Path) -> None:
        path.touch()
        mode = path.stat().st_mode  # safetensors makes a file for its owner alone
        save_file(plain, path)
        path.chmod(mode)

    return write


def _text_writer(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text.encode())


def _json(what: str, content: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(content, indent=indent, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{what}: must fit into JSON with finite numbers ({error})") from error


def _sealed(manifest: Mapping[str, Any]) -> bytes:
    """The manifest's one form as bytes, with the SHA-256 of itself."""
    seal = hashlib.sha256(_json("manifest", manifest).encode()).hexdigest()
    return (_json("manifest", {**manifest, "sha256": seal}, indent=2) + "\n").encode()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InputError(
            f"{folder}: {'is a file' if folder.exists() else 'does not exist'}, expected a bundle"
        )
    if not path.is_file():
        raise InputError(f"{folder}: is not a bundle of gvae: it has no {MANIFEST}")
    data = _read_bytes(path)
    manifest = _decode(path, lambda data: json.loads(data.decode()), data)
    version = manifest.get("version") if isinstance(manifest, dict) else None
    if type(version) is not int or manifest.get("format") != FORMAT:
        raise InputError(f"{path}: is not the manifest of a gvae bundle")
    if version > VERSION:
        raise InputError(
            f"{folder} was written by a newer gvae: bundle version {version}, this one reads up to {VERSION}"
        )
    unsealed = {name: value for name, value in manifest.items() if name != "sha256"}
    if _decode(path, lambda _: _sealed(unsealed), data) != data:
        raise InputError(f"{path}: damaged or changed since it was written (its own SHA-256 is another)")
    return unsealed


def _read_part(path: Path, expected: str, read: Callable[[bytes], Any]) -> Any:
    """One file, looked at only if it is the one that was written."""
    if not path.is_file():
        raise InputError(f"{path}: is missing")
    data = _read_bytes(path)
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise InputError(
            f"{path}: damaged or changed since it was written (SHA-256 {found}, expected {expected})"
        )
    return _decode(path, read, data)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _decode(path: Path, read: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return read(data)
    except Exception as error:  # whatever the file's reader makes of it
        raise InputError(f"{path}: cannot be decoded ({error})") from error


READERS: dict[str, Callable[[bytes], Any]] = {
    "model.safetensors": load,
    "graph.safetensors": load,
    "config.json": json.loads,
    "history.jsonl": lambda data: [json.loads(line) for line in data.splitlines()],
    "embedding.parquet": lambda data: polars.read_parquet(io.BytesIO(data)),
}
"""What turns the bytes of each file into a part of the bundle."""

REQUIRED = {"model.safetensors", "config.json", "history.jsonl"}
"""Those that every bundle has."""
