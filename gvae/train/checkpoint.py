"""The file that keeps the state of training, so that a run that was stopped can go on."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from gvae.config import TrainConfig
from gvae.errors import InputError
from gvae.files import check_target, remove_leftovers, write_file
from gvae.train.state import TrainingState

FORMAT, VERSION = "gvae-checkpoint", 2
SHARE = 20
"""Between two saves lies at least this many times what the last one took: at most 5 % of the time."""

SHOWN = 5
"""Differing settings that an error names; another model differs in every weight."""

TENSOR = "$tensor"


class Checkpoint:
    """Where and how often `gvae.train.fit` keeps the state of training.

    The state is one file, ``checkpoint.safetensors``: tensors, and JSON in the metadata. It is whole or
    absent, whenever the process is killed. A run that goes on from it ends with the same weights as one that
    was never stopped, bit for bit on one machine's CPU.

    Parameters
    ----------
    folder
        A folder of its own, made if missing; its parent must exist.
    seconds
        Least time between two saves; a save that takes long is followed by 20 times as long without one.
    fingerprint
        What else must be equal in the run that goes on, ready for JSON: the model's settings, the graph's
        hash. The training's settings, the device and the weights' names and shapes are always compared.

    Raises
    ------
    InputError
        If ``seconds`` is not a number of at least 0, or the fingerprint does not fit into JSON.
    """

    def __init__(
        self, folder: str | Path, seconds: float = 5.0, *, fingerprint: Mapping[str, Any] | None = None
    ) -> None:
        self.folder = Path(folder)
        self.seconds = _require_seconds(seconds)
        self.path = self.folder / "checkpoint.safetensors"
        self._fingerprint = _flat(fingerprint or {})

    def resume(self, state: TrainingState, config: TrainConfig) -> None:
        """Make the folder ready, and bring ``state`` to what it holds, if it holds anything.

        Raises
        ------
        InputError
            If the folder cannot be made or written; if the file is damaged, not of this kind, from a newer
            or an older gvae, or from a run with other settings.
        """
        if not self.folder.is_dir():
            check_target(self.folder, "checkpoint folder", new=True)
            self.folder.mkdir()
        check_target(self.path, "checkpoint")
        remove_leftovers(self.folder)
        self._settings = self._fingerprint | _flat(_settings(state, config))
        if self.path.exists():
            self._load(state)
        self._next = time.perf_counter() + self.seconds

    def offer(self, state: TrainingState) -> None:
        """Save the state after an epoch, if it is time to.

        Raises
        ------
        InputError
            If it is, and the model's or an optimiser's state holds more than dense tensors and JSON.
        OutputError
            If it is, and the file cannot be written; the one before it stays.
        """
        if self.due():
            started = time.perf_counter()
            self._save(state)
            now = time.perf_counter()
            self._next = now + max(self.seconds, SHARE * (now - started))

    def due(self) -> bool:
        """Whether enough time has passed since the last save."""
        return time.perf_counter() >= self._next

    def remove(self) -> None:
        """Remove the file, and the folder if nothing else is in it; for when the result is safe elsewhere."""
        self.path.unlink(missing_ok=True)
        if self.folder.is_dir():
            remove_leftovers(self.folder)
            if not any(self.folder.iterdir()):
                self.folder.rmdir()

    def _save(self, state: TrainingState) -> None:
        tensors: dict[str, Tensor] = {}
        try:
            packed = _pack(state.state_dict(), tensors, "")
            text = json.dumps({"settings": self._settings, "state": packed})
            metadata = {"format": FORMAT, "version": str(VERSION), "content": text}
            content = save(tensors, metadata | {"sha256": _digest(text, tensors)})
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                "a checkpoint keeps dense tensors, numbers and text; the model or an optimiser has other "
                f"state ({error})"
            ) from error
        write_file(self.path, content)

    def _load(self, state: TrainingState) -> None:
        content, tensors = self._read()
        self._compare(content["settings"])
        try:
            state.load_state_dict(_unpack(content["state"], tensors))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # torch's, for what does not fit
            raise InputError(
                f"{self.path}: does not fit this model and task ({error}); {self._way_out}"
            ) from error

    def _read(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The JSON and the tensors of the file, checked for damage."""
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata() or {}
                # Copies: a tensor as read lies in the mapped file.
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        except Exception as error:  # whatever the reader makes of damaged bytes
            raise InputError(f"{self.path}: damaged, or no checkpoint ({error}); {self._way_out}") from error
        version = metadata.get("version", "")
        if metadata.get("format") != FORMAT or not (version.isascii() and version.isdecimal()):
            raise InputError(f"{self.path}: is not a checkpoint of gvae; {self._way_out}")
        if int(version) != VERSION:
            raise InputError(
                f"{self.path}: was written by {'a newer' if int(version) > VERSION else 'an older'} gvae: "
                f"checkpoint version {version}, this one reads {VERSION}; go on with that gvae, or "
                f"{self._way_out}"
            )
        text = metadata.get("content", "")
        if metadata.get("sha256") != _digest(text, tensors):
            raise InputError(f"{self.path}: damaged (its SHA-256 is another); {self._way_out}")
        content: dict[str, Any] = json.loads(text)
        return content, tensors

    def _compare(self, found: Mapping[str, Any]) -> None:
        """Refuse the file of another run, by the names of the settings that differ."""
        asked = self._settings
        differing = [
            f"{name} is {asked.get(name, 'absent')!r} now, {found.get(name, 'absent')!r} in the file"
            for name in {**asked, **found}
            if (name in asked, asked.get(name)) != (name in found, found.get(name))
        ]
        if differing:
            shown = "; ".join(differing[:SHOWN] + ["..."] * (len(differing) > SHOWN))
            raise InputError(
                f"{self.path}: is of a run with other settings: {shown}; go on with those, or {self._way_out}"
            )

    @property
    def _way_out(self) -> str:
        return f"remove {self.folder} to train from the beginning"


def _require_seconds(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise InputError(f"seconds must be a number >= 0, got {value!r}")
    return float(value)


def _settings(state: TrainingState, config: TrainConfig) -> dict[str, Any]:
    """What is compared in every run."""
    return {
        "config": asdict(config),
        "device": state.generator.device.type,
        "optimizers": [type(optimizer).__name__ for optimizer in state.task.optimizers],
        "weights": {
            name: f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
            for name, value in state.task.model.state_dict().items()
            if isinstance(value, Tensor)
        },
    }


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names, as they are after a way through JSON."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = _through_json(f"{prefix}{name}", value)
    return flat


def _through_json(name: str, value: Any) -> Any:
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise InputError(f"fingerprint: {name} must fit into JSON, got {value!r}") from error


def _pack(value: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """The value ready for JSON: its tensors are copied to ``tensors``, their names stand in their place."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().contiguous().clone()  # each with memory of its own
        return {TENSOR: name}
    if isinstance(value, Mapping):
        return {str(key): _pack(part, tensors, f"{name}/{key}".lstrip("/")) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(part, tensors, f"{name}/{i}") for i, part in enumerate(value)]
    return value


def _unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What `_pack` packed, with lists for tuples."""
    if isinstance(value, dict):
        if value.keys() == {TENSOR}:
            return tensors[value[TENSOR]]
        return {key: _unpack(part, tensors) for key, part in value.items()}
    if isinstance(value, list):
        return [_unpack(part, tensors) for part in value]
    return value


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the text and the tensors: their names, types, shapes and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
