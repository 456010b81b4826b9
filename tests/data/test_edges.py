from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from gvae.data.edges import Columns, edges_from_table, times, weights
from gvae.data.tables import Table
from gvae.errors import GvaeWarning, InputError


def text(**columns: list[str | None]) -> Table:
    return Table(pl.DataFrame(columns), "t.csv", lambda row: f"line {row + 2}", text=True)


def ends(table: Table, columns: Columns | None = None) -> list[tuple[Any, Any]]:
    raw = edges_from_table(table, columns or Columns())
    assert raw.ids is not None
    source, target = raw.edge_index.tolist()
    return [*zip(raw.ids[source].to_list(), raw.ids[target].to_list(), strict=True)]


def test_ends_are_asked_for_or_known_or_first() -> None:
    columns: dict[str, list[str | None]] = {"w": ["9"], "to": ["b"], "from": ["a"], "x": ["c"]}
    assert ends(text(**columns)) == [("a", "b")]
    assert ends(text(**columns), Columns(source="to", target="x")) == [("b", "c")]
    assert ends(text(w=["9"], p=["a"], q=["b"]), Columns(weight="w")) == [("a", "b")]
    assert ends(text(p=["1"], q=["20"])) == [(1, 20)]


def test_two_columns_are_needed() -> None:
    with pytest.raises(InputError, match=r"t\.csv: expected two columns of node ids, got 'a'"):
        ends(text(a=["1"]))
    with pytest.raises(InputError, match=r"t\.csv: no column 'z'; its columns are 'a', 'b'"):
        ends(text(a=["1"], b=["2"]), Columns(time="z"))


def test_a_missing_id_names_its_line() -> None:
    for gap in (None, ""):
        with pytest.raises(InputError, match=r"t\.csv, line 3: the node id in column 'b' is missing"):
            ends(text(a=["1", "2"], b=["2", gap]))


def test_typed_columns_are_not_mixed() -> None:
    table = Table(pl.DataFrame({"a": [1], "b": ["x"]}), "the graph")
    with pytest.raises(
        InputError, match="all integers or all strings, but 'a' holds Int64 and 'b' holds String"
    ):
        ends(table)
    with pytest.raises(
        InputError, match="the graph, column 'a': node ids must be integers or strings, got Float64"
    ):
        ends(Table(pl.DataFrame({"a": [0.5], "b": [1]}), "the graph"))


def test_text_that_writes_numbers_stays_text_in_a_frame() -> None:
    assert ends(Table(pl.DataFrame({"a": ["1"], "b": ["2"]}), "the graph")) == [("1", "2")]


def test_a_header_read_as_an_edge_is_warned_of() -> None:
    rows = pl.DataFrame({"column_0": ["who", "a", "b"], "column_1": ["whom", "b", "a"]})
    table = Table(rows, "t.csv", text=True, header=False)
    with pytest.warns(GvaeWarning, match="the first line, 'who' to 'whom', was read as an edge"):
        ends(table)
    rows = pl.DataFrame({"column_0": ["7", "1", "2"], "column_1": ["8", "2", "1"]})
    assert len(ends(Table(rows, "t.csv", text=True, header=False))) == 3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x", "column 'w' must hold a number, got 'x'"),
        (None, "column 'w' must hold a number, got nothing"),
        ("-2", "a weight must be finite and >= 0, got -2 in column 'w'"),
        ("nan", "a weight must be finite and >= 0, got nan in column 'w'"),
        ("inf", "a weight must be finite and >= 0, got inf in column 'w'"),
    ],
)
def test_bad_weights_name_their_line(value: str | None, message: str) -> None:
    with pytest.raises(InputError, match=rf"t\.csv, line 3: {message}"):
        weights(text(w=["1", value]), "w")


def test_weights_of_many_types() -> None:
    assert weights(text(w=[" 1 ", "2e-1"]), "w").tolist() == [1, 0.2]
    assert weights(Table(pl.DataFrame({"w": [True, False]}), "x"), "w").tolist() == [1, 0]
    assert weights(Table(pl.DataFrame({"w": pl.Series(["3"], dtype=pl.Categorical)}), "x"), "w").tolist() == [
        3
    ]
    with pytest.raises(InputError, match=r"x: column 'w' must hold numbers, got List\(Int64\)"):
        weights(Table(pl.DataFrame({"w": [[1]]}), "x"), "w")


def test_times_are_numbers_or_dates() -> None:
    day = datetime(2020, 1, 2, tzinfo=UTC).timestamp()
    assert times(text(t=["5", "-0.5"]), "t").tolist() == [5, -0.5]
    assert times(text(t=["2020-01-02", " 1970-01-01"]), "t").tolist() == [day, 0]
    assert times(text(t=["2020-01-02T00:00:01"]), "t").tolist() == [day + 1]
    assert times(text(t=["2020-01-02T01:00:00+01:00", "2020-01-02T01:00:00Z"]), "t").tolist() == [
        day,
        day + 3600,
    ]
    assert times(Table(pl.DataFrame({"t": [date(2020, 1, 2)]}), "x"), "t").tolist() == [day]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["1", "soon"], "column 't' must hold a number, got 'soon'"),
        (["2020-01-02", "soon"], "column 't' must hold a time, got 'soon'"),
        (["2020-01-02", None], "column 't' must hold a time, got nothing"),
        (["1", "inf"], "a time must be finite, got inf in column 't'"),
    ],
)
def test_bad_times_name_their_line(column: list[str | None], message: str) -> None:
    with pytest.raises(InputError, match=rf"t\.csv, line [23]: {message}"):
        times(text(t=column), "t")


def test_one_end_alone_is_refused() -> None:
    with pytest.raises(InputError, match=r"source and target \(--source, --target\) go together"):
        ends(text(n=["1"], a=["x"], b=["y"]), Columns(source="a"))
