"""Link splits as ``.npz`` files, so that other programs can use, or give, the very same edges.

A file holds NumPy arrays and no pickle. Any program can write one; what is marked * may be left out:

=================  ==============  ==================================================================
``num_nodes``      ()              number of nodes N, isolated ones included
``train_pos``      (2, P)          positives of each part, node indices 0 ... N - 1; each edge once
``val_pos``        (2, P)          may be (2, 0)
``test_pos``       (2, P)
``val_neg``        (2, Q)          negatives; or (2, P, K): K candidates for each positive
``test_neg``       (2, Q)
``train_messages`` (2, M)        * message-passing edges in both directions; by default ``train_pos``
``val_messages``   (2, M)        * by default those of train
``test_messages``  (2, M)        * by default those of val
``*_weight``       (M,)          * weights of a part's messages
``negatives``      text          * "uniform", "heart" or "heart-filtered"; "uniform" by default
``node_ids``       (N,)          * the nodes' ids, integers or text
``format``         text          * "gvae-split/1"
``hashes``         (2,) text     * the two of `split_hashes`; checked where they are there
``source``         text          * JSON: data set, protocol and seed of a split that ``gvae bench`` made
=================  ==============  ==================================================================
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gvae.data.graph import MAX_NODES, both_directions
from gvae.data.input_files import check_file, translated
from gvae.data.splits import NEGATIVES, PARTS, Development, LinkPart, LinkSplit
from gvae.errors import InputError
from gvae.files import write_file

FORMAT = "gvae-split/1"

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class SavedSplit:
    """A split from a file.

    Parameters
    ----------
    split
        Without node features: x is ``None``.
    node_ids
        The nodes' ids in order; ``None``: they are 0 ... N - 1.
    source
        What made the split: ``dataset``, ``protocol``, ``seed``; empty for a file of another program.
    """

    split: LinkSplit
    node_ids: list[Any] | None = None
    source: Mapping[str, Any] = field(default_factory=dict)


def split_hashes(split: LinkSplit) -> dict[str, str]:
    """SHA-256 of a split's positives and messages (``"edges"``), and of its negatives (``"negatives"``).

    Equal hashes mean the very same pairs in the same order; node features do not count.
    """
    arrays = _arrays(split)
    negatives = {name for name in arrays if name.endswith("_neg")} | {"negatives"}
    return {
        "edges": _hash(arrays, sorted(arrays.keys() - negatives)),
        "negatives": _hash(arrays, sorted(negatives)),
    }


def write_split(
    path: str | Path,
    split: LinkSplit,
    *,
    node_ids: Sequence[Any] | None = None,
    source: Mapping[str, Any] | None = None,
) -> None:
    """Write a split, whole or not at all; the layout is that of `gvae.data.split_files`.

    Parameters
    ----------
    path
        The file, ``.npz``.
    split
        Node features are not written.
    node_ids
        The nodes' ids in order, integers or strings.
    source
        What made the split, any JSON.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    arrays = _arrays(split) | {"format": np.array(FORMAT)}
    arrays["hashes"] = np.array([*split_hashes(split).values()])
    if node_ids is not None:
        arrays["node_ids"] = np.array(node_ids)
    if source:
        arrays["source"] = np.array(json.dumps(source))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_file(path, buffer.getvalue())


def read_split(path: str | Path) -> SavedSplit:
    """Read a split of `write_split`, or of another program in the same layout.

    Raises
    ------
    InputError
        If there is no such file, it is damaged or holds something else, a node is out of range, or the
        hashes in it are not those of its arrays.
    """
    arrays = _load(Path(path))
    try:
        saved = _saved(arrays)
        _check_hashes(arrays, saved.split)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return saved


def _arrays(split: LinkSplit) -> dict[str, NDArray[Any]]:
    parts = dict(zip(PARTS, split.parts, strict=True))
    arrays: dict[str, NDArray[Any]] = {"num_nodes": np.array(split.test.num_nodes, dtype=np.int64)}
    for name, part in parts.items():
        arrays[f"{name}_pos"] = part.positives.cpu().numpy()
        arrays[f"{name}_messages"] = part.edge_index.cpu().numpy()
        if part.edge_weight is not None:
            arrays[f"{name}_weight"] = part.edge_weight.cpu().numpy()
        if name != "train":
            arrays[f"{name}_neg"] = part.negatives.cpu().numpy()
    return arrays | {"negatives": np.array(split.negatives)}


def _hash(arrays: Arrays, names: Sequence[str]) -> str:
    found = hashlib.sha256()
    for name in names:
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _load(path: Path) -> dict[str, NDArray[Any]]:
    check_file(path)
    with translated(path, "a link split"), path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise InputError(
                f"{path}: is no .npz file, or not all of one; expected a split of gvae bench --save-split"
            )
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}


def _saved(arrays: Arrays) -> SavedSplit:
    needed = ["num_nodes", "train_pos", "val_pos", "test_pos", "val_neg", "test_neg"]
    if missing := [name for name in needed if name not in arrays]:
        raise InputError(f"is no link split: it lacks {', '.join(missing)} (see gvae.data.split_files)")
    if (kind := _text(arrays, "format", FORMAT)) != FORMAT:
        raise InputError(f"has the format {kind!r}, expected {FORMAT!r}")
    if (negatives := _text(arrays, "negatives", "uniform")) not in NEGATIVES:
        raise InputError(f"negatives must be one of {', '.join(NEGATIVES)}, got {negatives!r}")
    num_nodes = _num_nodes(arrays["num_nodes"])
    parts: list[LinkPart] = []
    for name in PARTS:
        parts.append(_part(arrays, name, num_nodes, parts[-1] if parts else None))
    if negatives != "uniform" and any(part.negatives.dim() == 2 for part in parts[1:]):
        raise InputError(f"{negatives} negatives must be candidates of shape (2, P, K)")
    split = LinkSplit(Development(parts[0], parts[1]), parts[2], negatives)
    return SavedSplit(split, _node_ids(arrays, num_nodes), _source(arrays))


def _part(arrays: Arrays, name: str, num_nodes: int, before: LinkPart | None) -> LinkPart:
    positives = _pairs(arrays, f"{name}_pos", num_nodes, (2,))
    if f"{name}_messages" in arrays:
        messages = _pairs(arrays, f"{name}_messages", num_nodes, (2,))
        weight = _weight(arrays, f"{name}_weight", messages.size(1))
    elif f"{name}_weight" in arrays:
        raise InputError(f"{name}_weight needs {name}_messages, which it belongs to")
    elif before is not None:
        messages, weight = before.edge_index, before.edge_weight
    else:
        messages, weight = both_directions(positives), None
    negatives = positives[:, :0]
    if name != "train":
        negatives = _pairs(arrays, f"{name}_neg", num_nodes, (2, 3))
        if negatives.dim() == 3 and negatives.size(1) != positives.size(1):
            raise InputError(
                f"{name}_neg must hold candidates for each of {positives.size(1)} positives, "
                f"shape (2, {positives.size(1)}, K), got {tuple(negatives.shape)}"
            )
    return LinkPart(None, num_nodes, messages, positives, negatives, weight)


def _pairs(arrays: Arrays, name: str, num_nodes: int, dimensions: tuple[int, ...]) -> Tensor:
    array = arrays[name]
    if array.dtype.kind not in "iu" or array.ndim not in dimensions or len(array) != 2:
        shapes = "(2, Q) or (2, P, K)" if 3 in dimensions else "(2, P)"
        raise InputError(
            f"{name} must hold integers of shape {shapes}, got {array.dtype} of shape {array.shape}"
        )
    if array.size and not 0 <= array.min() <= array.max() < num_nodes:
        raise InputError(
            f"{name} must hold node indices from 0 to {num_nodes - 1}, got {array.min()} to {array.max()}"
        )
    return torch.from_numpy(array.astype(np.int64))


def _weight(arrays: Arrays, name: str, count: int) -> Tensor | None:
    if name not in arrays:
        return None
    weight = arrays[name]
    if weight.shape != (count,) or weight.dtype.kind not in "fiu":
        raise InputError(f"{name} must hold {count} numbers, got {weight.dtype} of shape {weight.shape}")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise InputError(f"{name} must hold finite numbers >= 0")
    return torch.from_numpy(weight.astype(np.float64)).to(torch.get_default_dtype())


def _num_nodes(array: NDArray[Any]) -> int:
    if array.shape != () or array.dtype.kind not in "iu" or not 0 <= array <= MAX_NODES:
        shown = array if array.shape == () else f"shape {array.shape}"
        raise InputError(f"num_nodes must be one integer from 0 to {MAX_NODES}, got {array.dtype} {shown}")
    return int(array)


def _text(arrays: Arrays, name: str, default: str) -> str:
    return str(arrays[name]) if name in arrays else default


def _node_ids(arrays: Arrays, num_nodes: int) -> list[Any] | None:
    if "node_ids" not in arrays:
        return None
    ids = arrays["node_ids"]
    if ids.shape != (num_nodes,) or ids.dtype.kind not in "iuU":
        raise InputError(
            f"node_ids must hold {num_nodes} integers or texts, got {ids.dtype} of shape {ids.shape}"
        )
    return list(ids.tolist())


def _source(arrays: Arrays) -> dict[str, Any]:
    if "source" not in arrays:
        return {}
    try:
        source = json.loads(str(arrays["source"]))
    except ValueError as error:
        raise InputError(f"source must hold JSON, got {str(arrays['source'])[:40]!r}") from error
    if not isinstance(source, dict):
        raise InputError("source must hold a JSON object")
    return source


def _check_hashes(arrays: Arrays, split: LinkSplit) -> None:
    if "hashes" in arrays and arrays["hashes"].tolist() != [*split_hashes(split).values()]:
        raise InputError("the hashes in it are not those of its arrays: the file was damaged or changed")
