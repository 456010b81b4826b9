"""Tables from files: CSV, TSV, space-separated text and Parquet, with the line of each row for messages.

Polars parses. Its CSV reader fills short rows with nulls and tells bytes, not lines, so what it finds wrong
is looked for a second time, line by line, on the way to the error.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from gvae.data.input_files import decoded, read_bytes, translated
from gvae.errors import InputError

PARQUET = (".parquet", ".pq")
SEPARATORS = ("\t", ",", ";", "|")
COMMENTS = ("#", "%")
BLANK = " \t\r\n"
SAMPLE_LINES, SAMPLE_BYTES = 100, 1 << 20


@dataclass(frozen=True)
class Table:
    """A frame and how to name its rows in a message.

    Parameters
    ----------
    frame
        Columns of text, if it comes from a text file; typed, if from Parquet or from memory.
    name
        The file, for messages.
    line
        From the index of a row to its place: ``"line 3"`` in a text file, ``"row 3"`` (from 1) elsewhere.
    text
        Whether all columns came as text, whatever they hold.
    header
        Whether the columns have names of their own.
    """

    frame: pl.DataFrame
    name: str
    line: Callable[[int], str] = lambda row: f"row {row + 1}"
    text: bool = False
    header: bool = True

    def fail(self, bad: pl.Series, message: Callable[[int], str]) -> None:
        """Raise ``InputError`` with the first row where ``bad`` is true, if there is one."""
        if bad.any():
            row = int(bad.arg_true()[0])
            raise InputError(f"{self.name}, {self.line(row)}: {message(row)}")

    def column(self, name: str) -> pl.Series:
        """A column by name; ``InputError`` with the columns that there are."""
        if name not in self.frame.columns:
            known = ", ".join(map(repr, self.frame.columns))
            raise InputError(f"{self.name}: no column {name!r}; its columns are {known}")
        return self.frame[name]


def read_table(
    path: Path, *, header: bool | None = True, names: Collection[str] = (), known: Collection[str] = ()
) -> Table:
    """Read a CSV, TSV or space-separated file, gzipped or not, or a Parquet file.

    Parameters
    ----------
    path
        The file; ``.parquet`` and ``.pq`` are Parquet, everything else is text. Lines that begin with
        ``#`` or ``%`` are comments.
    header
        Whether a text file's first line names the columns; ``None`` finds out: it does when it holds one of
        ``names``, or two of ``known`` (in any case), or words alone, one of them over a column of numbers.
        Columns without names are ``column_0``, ``column_1``, ...
    names
        Columns that will be asked for.
    known
        Names in lower case that speak for a header.

    Raises
    ------
    InputError
        If it cannot be read: the file, the line, and what was expected.
    """
    if path.suffix.lower() in PARQUET:
        with translated(path, "Parquet"):
            return Table(pl.read_parquet(path), str(path))
    return _Text(path, read_bytes(path)).table(header, names, known)


def text_table(path: Path, content: bytes) -> Table:
    """A text table without a header, from the content of a file."""
    return _Text(path, content).table(header=False, names=(), known=())


class _Text:
    """A text table: how its fields are separated, and where its lines are."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self.content = path, content
        if content[:4] == b"PAR1":
            raise InputError(f"{path}: holds Parquet; name it .parquet")
        if b"\0" in content:
            line = content.count(b"\n", 0, content.index(b"\0")) + 1
            raise InputError(
                f"{path}, line {line}: holds a null byte; expected a text table, not binary data"
            )
        if b"\n" not in content:
            self.content = content.replace(b"\r", b"\n")
        start = self.content[:SAMPLE_BYTES].decode("utf-8", errors="replace").lstrip(BLANK)
        self.comment = start[0] if start.startswith(COMMENTS) else "#"
        self.separator: str | None = None  # None: runs of blanks and tabs
        sample = [line for line in start.split("\n") if self._is_row(line)]
        if not sample:
            raise InputError(f"{path}: holds no rows, only blank lines or comments ({self.comment} ...)")
        self.is_whole = len(sample) <= SAMPLE_LINES and len(content) <= SAMPLE_BYTES
        self.separator = self._separator(sample[:SAMPLE_LINES])
        self.sample = self._sampled(sample[:SAMPLE_LINES])
        if not self.sample:
            raise InputError(f"{path}: a field is longer than {csv.field_size_limit():,} characters")

    def table(self, header: bool | None, names: Collection[str], known: Collection[str]) -> Table:
        """Parse all of it."""
        first = [field.strip() for field in self.sample[0]]
        self.header = self._has_header(names, known) if header is None else header
        self.width = len(first)
        if self.header and len(set(first)) < self.width:
            raise InputError(f"{self.path}: two columns have the same name: {', '.join(first)}")
        try:
            frame = self._parsed()
        except Exception as error:
            self._explain()
            self._find_stray_quote()
            with translated(self.path, "a text table"):
                raise error
        if frame[:, -1].null_count() or self.width == 1 or self._is_suspect():
            self._explain()  # a short row is filled up with nulls
            blank = [
                frame[:, 0].fill_null("").str.strip_chars(BLANK) == "",
                *map(pl.Series.is_null, frame[:, 1:]),
            ]
            frame = frame.filter(~pl.all_horizontal(blank))
        if self.header:
            frame = frame[1:].rename(dict(zip(frame.columns, first, strict=True)))
        return Table(frame, str(self.path), self._line, text=True, header=self.header)

    def _parsed(self) -> pl.DataFrame:
        # Polars counts the columns in the first line, even if that is blank.
        above = re.match(rb"(?:[ \t\r]*\n|%b[^\n]*\n)*" % self.comment.encode(), self.content)
        content = self.content[above.end() if above else 0 :]
        content = content if self.separator else _single_spaced(content)
        return pl.read_csv(
            content if b"\n" in content else content + b"\n",
            has_header=False,
            separator=self.separator or " ",
            quote_char='"' if self.separator else None,
            comment_prefix=self.comment,
            new_columns=[f"column_{i}" for i in range(self.width)],
            infer_schema=False,
        )

    def _separator(self, sample: list[str]) -> str | None:
        """The separator that gives all rows as many fields, or else is in most of them."""
        for self.separator in SEPARATORS:
            if len(widths := {*map(len, self._sampled(sample))}) == 1 and widths != {1}:
                return self.separator
        common = [sep for sep in SEPARATORS if 2 * sum(sep in line for line in sample) >= len(sample)]
        return common[0] if common else None

    def _has_header(self, names: Collection[str], known: Collection[str]) -> bool:
        first, *rest = self.sample
        if set(first) & set(names) or sum(field.strip().lower() in known for field in first) >= 2:
            return True
        if not rest or any(map(_is_number, first)):
            return False
        # A column of numbers under a word: the word is its name.
        return any(all(len(row) > i and _is_number(row[i]) for row in rest) for i in range(len(first)))

    def _is_row(self, line: str) -> bool:
        """Whether a line is neither blank nor a comment."""
        start = line if self.separator else line.lstrip(BLANK)
        return line.strip(BLANK) != "" and not start.startswith(self.comment)

    def _sampled(self, lines: list[str]) -> list[list[str]]:
        if self.separator is None:
            return [re.split("[ \t\r]+", line.strip(BLANK)) for line in lines]
        try:
            rows = [*csv.reader([line.replace("\r", "") for line in lines], delimiter=self.separator)]
        except csv.Error:  # a field is too long
            return []
        return rows if self.is_whole else rows[:-1] or rows  # the last may be cut short

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """All rows as fields, with the number of the line where each begins."""
        numbered = enumerate(io.StringIO(decoded(self.path, self.content), newline="\n"), start=1)
        for start, line in numbered:
            if not self._is_row(line):
                continue
            if self.separator is None:
                yield start, self._sampled([line])[0]
                continue
            rest = (line for _, line in numbered)  # a quoted field may go on in the next lines
            try:
                yield start, next(csv.reader(chain([line], rest), delimiter=self.separator, strict=True))
            except csv.Error as error:
                raise InputError(f"{self.path}, line {start}: {error}") from error

    def _explain(self) -> None:
        """Raise with the line of the first row that has too few or too many columns, if there is one."""
        for number, fields in self._rows():
            if len(fields) != self.width:
                raise InputError(
                    f"{self.path}, line {number}: expected {self.width} columns, got {len(fields)}"
                )
            if not any(fields):
                raise InputError(f"{self.path}, line {number}: every field is empty")

    def _is_suspect(self) -> bool:
        """Whether there may be rows that polars does not mind: a quote never closed, a separator too many."""
        if self.separator is None:
            return False
        last = self.separator.encode()
        ends = last + b"\n" in self.content or last + b"\r\n" in self.content or self.content.endswith(last)
        return ends or self.content.count(b'"') % 2 == 1

    def _find_stray_quote(self) -> None:
        for number, fields in self._rows():
            if any('"' in field for field in fields):
                raise InputError(
                    f"{self.path}, line {number}: a field with a quote must be quoted, and the quote doubled"
                )

    def _line(self, row: int) -> str:
        wanted = row + self.header
        return f"line {next(islice(self._rows(), wanted, None))[0]}"


def _single_spaced(content: bytes) -> bytes:
    """Runs of blanks and tabs as one blank, none at the ends of lines, so that one byte separates."""
    content = content.strip(BLANK.encode())
    if not any(run in content for run in (b"  ", b"\t", b"\r", b" \n", b"\n ")):
        return content
    content = re.sub(rb"[ \t\r]+", b" ", content)
    return re.sub(rb" ?\n ?", b"\n", content)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_frame(frame: Any) -> pl.DataFrame:
    """A polars frame from a polars or pandas one."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        with translated("the frame", "a lazy frame"):
            return frame.collect()
    names = [*map(str, frame.columns)]
    if len({*names}) < len(names):
        raise InputError(f"the frame: two columns have the same name: {', '.join(names)}")
    # Through NumPy, or lists where pandas holds objects: pl.from_pandas needs pyarrow for those.
    with translated("the frame", "a table with one type a column"):
        return pl.DataFrame({str(name): _series(frame[name]) for name in frame.columns})


def _series(column: Any) -> pl.Series:
    values, missing = column.to_numpy(), column.isna().to_numpy()
    if values.dtype != object:
        return pl.Series(values)
    return pl.Series([None if gap else value for value, gap in zip(values.tolist(), missing, strict=True)])
