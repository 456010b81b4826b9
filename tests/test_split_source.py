from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from gvae.data import LinkSplit, make_graph, read_split, split_links, write_split
from gvae.data.split_files import SavedSplit, split_hashes
from gvae.errors import InputError, LeakError, UnknownNameError
from gvae.protocols import PROTOCOLS
from gvae.split_source import SplitSource, protocol_of


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_a_protocol_is_what_split_links_is_asked_for(name: str, random_graph: Callable[..., Data]) -> None:
    data = random_graph(500, 0.02)
    upper = torch.rand(500, 500, generator=torch.Generator().manual_seed(0)).triu(1)
    data.edge_time = (upper + upper.t())[data.edge_index[0], data.edge_index[1]].double()
    protocol = PROTOCOLS[name]
    split = SplitSource(data, name)(7)
    by_hand = split_links(
        data,
        protocol.val,
        protocol.test,
        seed=7,
        val_edges_at_test=name == "pyg",
        order="time" if name == "temporal" else "random",
        negatives=name if name.startswith("heart") else "uniform",
    )
    assert split_hashes(split) == split_hashes(by_hand)


def test_the_last_split_is_remembered(random_graph: Callable[..., Data]) -> None:
    splits = SplitSource(random_graph())
    assert splits(1) is splits(1)
    assert splits(2) is not splits(1)


def test_hard_candidates_are_drawn_without_isolated_nodes(random_graph: Callable[..., Data]) -> None:
    data = random_graph(400, 0.03)
    edges = data.edge_index + (data.edge_index >= 100).long() * 5  # nodes 100 ... 104 are alone
    lonely = make_graph(edges, 405, x=torch.cat([data.x[:100], torch.zeros(5, 8), data.x[100:]]))
    without, with_ids = SplitSource(data, "heart"), SplitSource(lonely, "heart")
    assert split_hashes(without(0)) == split_hashes(with_ids(0))
    x = with_ids(0).test.x
    assert x is not None
    assert torch.equal(x, data.x)
    assert with_ids.data.node_ids[98:102] == [98, 99, 105, 106]
    assert SplitSource(lonely)(0).test.num_nodes == 405


def test_ids_and_origin_are_saved(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    data = random_graph()
    data.node_ids = [f"n{i}" for i in range(60)]
    folder = tmp_path / "new"
    source = SplitSource(data, "strict", "a/b.csv", save_to=folder)
    drawn = source(3)
    source.keep(3)
    saved = read_split(folder / "b-3.npz")
    assert saved.node_ids == data.node_ids
    assert saved.source == {"dataset": "a/b.csv", "protocol": "strict", "seed": 3}
    assert protocol_of(folder) == protocol_of(folder / "b-3.npz") == "strict"
    read = SplitSource(data, "strict", "a/b.csv", read_from=folder)(3)
    assert split_hashes(read) == split_hashes(drawn)
    assert read.test.x is data.x


def test_a_leaking_file_is_refused_before_any_work(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    data, path = random_graph(), tmp_path / "s.npz"
    split = split_links(data)
    train, val, test = (part.positives.numpy() for part in split.parts)
    np.savez(
        path,
        num_nodes=60,
        train_pos=np.concatenate([train, test[:, :1]], axis=1),
        val_pos=val,
        test_pos=test,
        val_neg=split.development.val.negatives.numpy(),
        test_neg=split.test.negatives.numpy(),
    )
    with pytest.raises(LeakError, match=r"leaks: overlap \(train and test\), label-in-messages"):
        SplitSource(data, read_from=path).check([0, 1])


def test_an_empty_test_part_is_refused(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    data, path = random_graph(), tmp_path / "s.npz"
    train, val, test = (part.positives.numpy() for part in split_links(data).parts)
    none = test[:, :0]
    np.savez(
        path,
        num_nodes=60,
        train_pos=np.concatenate([train, test], axis=1),
        val_pos=val,
        test_pos=none,
        val_neg=none,
        test_neg=none,
    )
    with pytest.raises(InputError, match="its train or test part is empty"):
        SplitSource(data, read_from=path).check([0])


def test_an_unknown_protocol_is_refused(random_graph: Callable[..., Data]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean heart"):
        SplitSource(random_graph(), "haert")


def test_what_a_file_says_of_itself_proves_nothing(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    """Easier negatives under the same name: no leak, and no edge; but not what the seed gives."""
    data = random_graph()
    source = SplitSource(data, save_to=tmp_path)
    source.keep(3)
    read = SplitSource(data, read_from=tmp_path)
    read(3)
    assert not read.is_foreign
    easier = split_links(data, seed=3, generator=torch.Generator().manual_seed(9)).test.negatives
    split = source(3)
    changed = LinkSplit(split.development, replace(split.test, negatives=easier))
    positives = {tuple(pair) for part in split.parts for pair in part.positives.t().tolist()}
    assert not positives & {tuple(pair) for pair in easier.t().tolist()}
    origin = {"dataset": "graph", "protocol": "kipf", "seed": 3}
    write_split(tmp_path / "changed.npz", changed, source=origin)
    told = SplitSource(data, read_from=tmp_path / "changed.npz")
    told(0)
    assert told.is_foreign


def test_candidates_that_were_ranked_without_features_are_told_from_others(
    random_graph: Callable[..., Data], tmp_path: Path
) -> None:
    data = random_graph(420, 0.03)
    bare = Data(edge_index=data.edge_index, num_nodes=420)
    SplitSource(bare, "heart", save_to=tmp_path).keep(0)
    for graph, foreign in ((bare, False), (data, True)):
        source = SplitSource(graph, "heart", read_from=tmp_path)
        source(0)
        assert source.is_foreign == foreign


def test_a_folder_holds_each_seed_under_its_own_name(
    random_graph: Callable[..., Data], tmp_path: Path
) -> None:
    data = random_graph()
    SplitSource(data, save_to=tmp_path).keep(0)
    (tmp_path / "graph-1.npz").write_bytes((tmp_path / "graph-0.npz").read_bytes())
    with pytest.raises(InputError, match=r"graph-1\.npz: is the split of seed 0, not of 1"):
        SplitSource(data, read_from=tmp_path)(1)
    SplitSource(data, read_from=tmp_path / "graph-0.npz")(1)  # one file is for every seed


def test_a_split_is_kept_once_and_only_when_asked(random_graph: Callable[..., Data], tmp_path: Path) -> None:
    source = SplitSource(random_graph(), save_to=tmp_path)
    source(0)
    assert not [*tmp_path.iterdir()]
    source.keep(0)
    source.keep(0)
    assert [path.name for path in tmp_path.iterdir()] == ["graph-0.npz"]
    with pytest.raises(InputError, match="already exists, and nothing is overwritten"):
        SplitSource(random_graph(), save_to=tmp_path).keep(0)


def test_a_file_for_all_seeds_is_read_and_checked_once(
    random_graph: Callable[..., Data], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, read = random_graph(), []
    SplitSource(data, save_to=tmp_path).keep(0)

    def counting(path: Path) -> SavedSplit:
        read.append(path.name)
        return read_split(path)

    monkeypatch.setattr("gvae.split_source.read_split", counting)
    source = SplitSource(data, read_from=tmp_path / "graph-0.npz")
    source.check([3, 4])
    assert source(3) is source(4)
    assert read == ["graph-0.npz"]
