from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
import pytest
import torch
from torch_geometric.data import Data

from gvae.data.nodes import as_ids, index_ids, node_ids, positions, text_ids, whole_numbers
from gvae.errors import GvaeWarning, InputError

SOME = UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ([3, -1, 1 << 40], [3, -1, 1 << 40]),
        (["b", "", "é"], ["b", "", "é"]),
        ([SOME], [str(SOME)]),
        ([], []),
        (np.array([1, 2], dtype=np.uint8), [1, 2]),
        ([np.int32(5)], [5]),
        (torch.tensor([4, 2]), [4, 2]),
        (pl.Series([1, 2], dtype=pl.UInt64), [1, 2]),
        (pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
        (pl.Series([SOME], dtype=pl.Object), [str(SOME)]),
    ],
)
def test_ids_are_integers_or_text(values: Any, ids: list[Any]) -> None:
    assert as_ids(values, "here").to_list() == ids


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a"], r"all integers or all strings, got str \('a'\), int \(1\)"),
        ([0.5], r"got float \(0.5\)"),
        ([True], r"got bool \(True\)"),
        ([1 << 63], "fit in 64 bits, got 9223372036854775808"),
        (["\ud800"], "no valid Unicode"),
        (pl.Series([1 << 63], dtype=pl.UInt64), "fit in 64 bits, got 9223372036854775808"),
        (pl.Series([-(1 << 70)], dtype=pl.Int128), "fit in 64 bits, got -"),
        (pl.Series([0.5]), "integers or strings, got Float64"),
        (pl.Series(["a", None]), "a node id is missing"),
    ],
)
def test_other_ids_are_refused(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"here: .*{message}"):
        as_ids(values, "here")


def test_only_plainly_written_integers_are_numbers() -> None:
    assert [column.to_list() for column in whole_numbers(pl.Series(["7", "-1"])) or []] == [[7, -1]]
    for odd in ("007", "+1", "1.0", "x", " 1", "9" * 20):
        assert whole_numbers(pl.Series(["7"]), pl.Series([odd])) is None


def test_blanks_around_integers_in_text_do_not_count() -> None:
    assert text_ids(pl.Series(["1"]), pl.Series([" 2"]))[1].to_list() == [2]
    assert text_ids(pl.Series(["a"]), pl.Series([" 2"]))[1].to_list() == [" 2"]


def test_ids_are_sorted_and_found_again() -> None:
    ids, index = index_ids(pl.Series([30, 5, 30]), "here")
    assert (ids.to_list(), index.tolist()) == ([5, 30], [1, 0, 1])
    ids, index = index_ids(pl.Series(["b", "a", "b"]), "here")
    assert (ids.to_list(), index.tolist()) == (["a", "b"], [1, 0, 1])


def test_ids_that_look_alike_are_warned_of() -> None:
    with pytest.warns(GvaeWarning, match="here: 2 node ids differ only by case or white space, such as 'Bo'"):
        index_ids(pl.Series(["Bo", "bo ", "al"]), "here")


def test_positions_take_a_number_for_its_text() -> None:
    assert positions(pl.Series(["10", "x"]), pl.Series([10, 7])).tolist() == [0, -1]
    assert positions(pl.Series([10, 7]), pl.Series([7])).tolist() == [1]


def test_a_graph_without_ids_counts() -> None:
    assert node_ids(Data(num_nodes=3)).to_list() == [0, 1, 2]
