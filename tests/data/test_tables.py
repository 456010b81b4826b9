from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from gvae.data.input_files import check_file, translated
from gvae.data.tables import Table, as_frame, read_table
from gvae.errors import InputError


def table(tmp_path: Path, content: str | bytes, name: str = "t.csv", **more: Any) -> Table:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, **more)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3,4\n",
        "a;b\n1;2\n3;4",
        "a|b\n1|2\n3|4",
        "a\tb\r\n1\t2\r\n3\t4\r\n",
        "  a   b\n1 \t2  \n 3 4",
        "\ufeffa,b\n1,2\n3,4\n",
        "# x, y\n\n a , b\n1,2\n\n# x\n3,4\n  \n",
        "% x\na b\n1 2\n% y\n3 4\n",
        "  # x\na b\n1 2\n  # y z w\n3 4\n",
        '"a","b"\n"1","2"\n"3",4\n',
        "a,b\r1,2\r3,4\r",
        gzip.compress(b"a,b\n1,2\n3,4\n"),
    ],
)
def test_the_same_table_in_many_guises(tmp_path: Path, content: str | bytes) -> None:
    assert table(tmp_path, content).frame.to_dict(as_series=False) == {"a": ["1", "3"], "b": ["2", "4"]}


def test_quoted_fields_hold_separators_line_ends_quotes_and_hashes(tmp_path: Path) -> None:
    found = table(tmp_path, 'a,b\n"1,5","x\ny"\n"#2","say ""so"""\n\n3,z\n')
    assert found.frame.rows() == [("1,5", "x\ny"), ("#2", 'say "so"'), ("3", "z")]
    assert [found.line(row) for row in range(3)] == ["line 2", "line 4", "line 6"]


def test_lines_are_counted_past_comments_and_blank_lines(tmp_path: Path) -> None:
    found = table(tmp_path, '# x, "y\n\na b\n1 2\n# z\n\n3 4\n')
    assert [found.line(row) for row in range(2)] == ["line 4", "line 7"]


def test_one_row_without_a_line_end_may_hold_a_hash(tmp_path: Path) -> None:
    assert table(tmp_path, "x#1 y#2", header=False).frame.rows() == [("x#1", "y#2")]


def test_many_comments_and_rows_are_no_trouble(tmp_path: Path) -> None:
    rows = "".join(f'{i},"x\ny, {i}"\n' for i in range(300))
    found = table(tmp_path, "# c\n" * 200 + "a,b\n" + rows)
    assert found.frame["b"].to_list() == [f"x\ny, {i}" for i in range(300)]


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("source,target\n1,2\n", True),
        ("Src Dst\na b\n", True),
        ("x,y\n1,2\n", True),
        ("x,weight\na,b\n", True),
        ("x,y\na,b\n", False),
        ("1,2\n3,4\n", False),
        ("1,2\n", False),
        ("a,1\n2,3\n", False),
    ],
)
def test_headers_are_found(tmp_path: Path, content: str, header: bool) -> None:
    names = ["weight"] if "weight" in content else []
    found = table(tmp_path, content, header=None, names=names, known=("source", "target", "src", "dst"))
    assert found.header is header
    assert found.frame.height == content.count("\n") - header
    assert header or found.frame.columns == ["column_0", "column_1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n# x\n1,2\n3\n", "line 4: expected 2 columns, got 1"),
        ("a,b\n\n1,2,3\n", "line 3: expected 2 columns, got 3"),
        ("a,b\n1,2\n1,2,\n", "line 3: expected 2 columns, got 3"),
        ("a b\n1 2\n1 2 3\n", "line 3: expected 2 columns, got 3"),
        ("a,b\n1,2\n,\n", "line 3: every field is empty"),
        ('a,b\n1,2\n3,"4\n5,6\n', "line 3: unexpected end of data"),
        ('a,b\n1,2\n3,"4" \n', "line 3: ',' expected after '\"'"),
        ('a,b\n1,2\n3,4"\n5",6\n', "line 3: a field with a quote must be quoted, and the quote doubled"),
        ("a,a\n1,2\n", "two columns have the same name: a, a"),
        ("# only\n\n", r"holds no rows, only blank lines or comments \(# ...\)"),
        (b"a,b\n1,2\n3,caf\xe9\n", "line 3: is not UTF-8 .byte 0xe9.; convert the file"),
        (b"a,b\n1,\x00\n", "line 2: holds a null byte; expected a text table, not binary data"),
        (b"PAR1....", "holds Parquet; name it .parquet"),
        (gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "damaged or truncated gzip"),
        ("a,b\n1," + "x" * 200_000, "a field is longer than 131,072 characters"),
        ('"a" ,b\n', "line 1: ',' expected"),
        ('a,"b,c"\r\r\n1,2', "cannot be read as a text table"),
    ],
)
def test_bad_tables_name_the_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"t\.csv(, |: ){message}") as caught:
        table(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_truncated_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_parquet(path)
    assert read_table(path).frame.rows() == [(1, "x"), (2, "y")]
    assert read_table(path).line(1) == "row 2"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"t\.parquet: cannot be read as Parquet \("):
        read_table(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    for path, message in (
        (empty, "the file is empty"),
        (tmp_path, "is a folder, expected a file"),
        (tmp_path / "none.csv", "no such file"),
        (tmp_path / ("x" * 300), "cannot be read"),
        (Path("a\0b"), "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            check_file(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path)


def test_a_missing_column_tells_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.csv: no column 'c'; its columns are 'a', 'b'"):
        table(tmp_path, "a,b\n1,2\n").column("c")


def test_only_errors_are_translated() -> None:
    with pytest.raises(KeyboardInterrupt), translated("x", "y"):
        raise KeyboardInterrupt
    with pytest.raises(InputError, match=r"x: cannot be read as y \(KeyError\)"), translated("x", "y"):
        raise KeyError


def test_frames_of_pandas_and_polars_are_alike() -> None:
    columns = {"a": [1, 2], "b": ["x", "y"], "c": [0.5, None]}
    frame = pl.DataFrame(columns)
    assert as_frame(frame) is frame
    assert as_frame(frame.lazy()).equals(frame)
    found = as_frame(pd.DataFrame({**columns, "b": pd.Series(["x", None], dtype=object)}))
    assert found["a"].to_list() == [1, 2]
    assert found["b"].to_list() == ["x", None]
    with pytest.raises(InputError, match="the frame: two columns have the same name: a, a"):
        as_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="lazy"):
        as_frame(frame.lazy().select("z"))


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("von,nach,km\na,b,1\nb,c,2.5\n", True),  # numbers under a word
        ("user,item\nu1,i3\nu2,i3\n", False),  # cannot be told
        ("a,1\n2,3\n", False),
        ("a,b,1\nb,c,2\n", False),
    ],
)
def test_words_over_numbers_are_a_header(text: str, header: bool, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert read_table(tmp_path / "t.csv", header=None).header is header
