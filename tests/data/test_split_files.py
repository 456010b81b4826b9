from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.data import make_graph, read_split, split_links, write_split
from gvae.data.split_files import split_hashes
from gvae.data.splits import LinkPart, LinkSplit
from gvae.errors import InputError


def weight(part: LinkPart) -> Tensor:
    return torch.zeros(0) if part.edge_weight is None else part.edge_weight


def same(a: LinkSplit, b: LinkSplit) -> bool:
    return all(
        torch.equal(x.positives, y.positives)
        and torch.equal(x.negatives, y.negatives)
        and torch.equal(x.edge_index, y.edge_index)
        and torch.equal(weight(x), weight(y))
        for x, y in zip(a.parts, b.parts, strict=True)
    )


@pytest.mark.parametrize("settings", [{}, {"val_edges_at_test": True}, {"val": 0.0}])
def test_a_split_comes_back_as_it_was(
    random_graph: Callable[..., Data], tmp_path: Path, settings: dict[str, Any]
) -> None:
    split = split_links(random_graph(), seed=3, **settings)
    write_split(tmp_path / "s.npz", split, node_ids=[f"n{i}" for i in range(60)], source={"seed": 3})
    saved = read_split(tmp_path / "s.npz")
    assert same(saved.split, split)
    assert saved.node_ids == [f"n{i}" for i in range(60)]
    assert saved.source == {"seed": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["s.npz"]


def test_weights_and_candidates_come_back(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    data = random_graph(600, 0.01)
    weights = torch.rand(data.num_edges, generator=torch.Generator().manual_seed(0))
    data = make_graph(data.edge_index, 600, x=data.x, edge_weight=weights)
    split = split_links(data, negatives="heart")
    write_split(tmp_path / "s.npz", split)
    saved = read_split(tmp_path / "s.npz").split
    assert same(saved, split)
    assert saved.negatives == "heart"
    assert saved.test.negatives.shape == (2, split.test.positives.size(1), 500)
    assert split_hashes(saved) == split_hashes(split)


def test_hashes_tell_edges_from_negatives(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    split, again = split_links(data, seed=1), split_links(data, seed=1)
    assert split_hashes(split) == split_hashes(again) == split_hashes(split.with_features(None))
    other = LinkSplit(split.development, split_links(data, seed=2).test)
    assert split_hashes(other)["edges"] != split_hashes(split)["edges"]
    messages = split_links(data, seed=1, val_edges_at_test=True)
    assert split_hashes(messages)["edges"] != split_hashes(split)["edges"]
    assert split_hashes(messages)["negatives"] == split_hashes(split)["negatives"]


PLAIN: dict[str, Any] = {
    "num_nodes": 6,
    "train_pos": [[0, 1, 2], [1, 2, 3]],
    "val_pos": [[0], [2]],
    "val_neg": [[0], [5]],
    "test_pos": [[3], [4]],
    "test_neg": [[1], [5]],
}


def plain(path: Path, **changes: Any) -> Path:
    arrays = {name: np.asarray(value) for name, value in (PLAIN | changes).items() if value is not None}
    np.savez(path, allow_pickle=False, **arrays)
    return path


def test_a_plain_file_of_another_program_is_read(tmp_path: Path) -> None:
    """Messages are the training edges in both directions where nothing else is said."""
    split = read_split(plain(tmp_path / "s.npz")).split
    both = torch.tensor([[0, 1, 2, 1, 2, 3], [1, 2, 3, 0, 1, 2]])
    assert all(torch.equal(part.edge_index, both) for part in split.parts)
    assert split.test.num_nodes == 6
    assert split.development.train.negatives.shape == (2, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_pos": None}, "is no link split: it lacks test_pos"),
        ({"test_pos": [[3], [6]]}, "test_pos must hold node indices from 0 to 5, got 3 to 6"),
        ({"test_pos": [[3.0], [4.0]]}, r"test_pos must hold integers of shape \(2, P\), got float64"),
        ({"test_pos": [[3, 4]]}, r"got int64 of shape \(1, 2\)"),
        ({"num_nodes": [6]}, "num_nodes must be one integer"),
        ({"format": "npz/9"}, "has the format 'npz/9', expected 'gvae-split/1'"),
        ({"negatives": "hard"}, "negatives must be one of uniform, heart, heart-filtered, got 'hard'"),
        ({"node_ids": ["a"]}, "node_ids must hold 6 integers or texts"),
        ({"source": "no JSON"}, "source must hold JSON"),
        ({"test_neg": [[[1, 2]] * 2, [[5, 5]] * 2]}, r"shape \(2, 1, K\), got \(2, 2, 2\)"),
        ({"negatives": "heart"}, r"heart negatives must be candidates of shape \(2, P, K\)"),
        ({"train_weight": [1.0]}, "train_weight needs train_messages"),
        ({"val_messages": [[0, 1], [1, 0]], "val_weight": [-1, -1]}, "must hold finite numbers >= 0"),
        ({"hashes": ["a", "b"]}, "the hashes in it are not those of its arrays"),
        (
            {"train_weight": [1.0], "train_messages": [[0, 1], [1, 0]]},
            "train_weight must hold 2 numbers, got float64",
        ),
    ],
)
def test_foreign_and_damaged_files_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = plain(tmp_path / "s.npz", **changes)
    with pytest.raises(InputError, match=message) as caught:
        read_split(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_changed_array_does_not_fit_its_hash(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    write_split(tmp_path / "s.npz", split_links(random_graph()))
    with np.load(tmp_path / "s.npz") as file:
        arrays = dict(file)
    arrays["test_pos"] = arrays["test_pos"][:, ::-1]
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(InputError, match="the file was damaged or changed"):
        read_split(tmp_path / "t.npz")


def test_what_is_no_npz_is_refused(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.npz: no such file"):
        read_split(tmp_path / "no.npz")
    with pytest.raises(InputError, match="is a folder, expected a file"):
        read_split(tmp_path)
    (tmp_path / "text.npz").write_text("0 1\n")
    with pytest.raises(InputError, match=r"is no \.npz file"):
        read_split(tmp_path / "text.npz")
    np.savez(tmp_path / "pickle.npz", num_nodes=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="cannot be read as a link split"):
        read_split(tmp_path / "pickle.npz")


def test_cut_and_flipped_bytes_are_errors_of_ours(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    write_split(tmp_path / "s.npz", split_links(random_graph()))
    whole = (tmp_path / "s.npz").read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole[: generator.integers(1, len(whole))])
        if generator.random() < 0.5:
            damaged = bytearray(whole)
            damaged[generator.integers(len(whole))] ^= 1 << int(generator.integers(8))
        (tmp_path / "d.npz").write_bytes(damaged)
        try:
            split = read_split(tmp_path / "d.npz").split
        except InputError:
            continue
        assert same(split, read_split(tmp_path / "s.npz").split)  # a byte that does not matter
    assert zipfile.is_zipfile(tmp_path / "s.npz")
