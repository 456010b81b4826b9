"""Tables from files: CSV, TSV, space-separated text and Parquet, with the line of each row for messages.

Polars parses. Its CSV reader fills short rows with nulls and tells bytes, not lines, so what it finds wrong
is looked for a second time, line by line, on the way to the error.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gvae.errors import InputError

PARQUET = (".parquet", ".pq")
SEPARATORS = ("\t", ",", ";", "|")
COMMENTS = ("#", "%")
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
        ``names``, or two of ``known`` (in any case), or when the first two fields are integers in the
        second line but not in the first. Columns without names are ``column_0``, ``column_1``, ...
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
    text = _Text(path, _content(path))
    return text.table(header, names, known)


class translated:  # noqa: N801
    """Context in which whatever a library raises on a damaged file becomes an ``InputError``."""

    def __init__(self, path: Path | str, what: str) -> None:
        self.path, self.what = path, what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, InputError):
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"{self.path}: cannot be read as {self.what} ({reason})") from error


def check_file(path: Path) -> None:
    """Raise ``InputError`` unless ``path`` is a file that holds something."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # a name too long, or with a null byte
        raise InputError(f"{str(path)[:80]!r}: cannot be read ({error})") from error
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected a file")
    if path.is_file() and found.st_size == 0:
        raise InputError(f"{path}: the file is empty")


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        packed = content[:2] == b"\x1f\x8b"
        content = gzip.decompress(content) if packed else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: damaged or truncated gzip ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if content[:4] == b"PAR1":
        raise InputError(f"{path}: holds Parquet; name it .parquet")
    return content.removeprefix(b"\xef\xbb\xbf")


class _Text:
    """A text table: how its fields are separated, and where its lines are."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self.content = path, content
        if b"\0" in content:
            line = content.count(b"\n", 0, content.index(b"\0")) + 1
            raise InputError(
                f"{path}, line {line}: holds a null byte; expected a text table, not binary data"
            )
        start = content[:SAMPLE_BYTES].decode("utf-8", errors="replace")
        self.comment = start.lstrip()[0] if start.lstrip().startswith(COMMENTS) else "#"
        lines = start.split("\n")[: -1 if len(content) > SAMPLE_BYTES else None]
        sample = [line for _, line in self._lines(lines[:SAMPLE_LINES])]
        if not sample:
            raise InputError(f"{path}: holds no rows, only blank lines or comments ({self.comment} ...)")
        self.separator = self._separator(sample)  # None: runs of white space
        self.sample = [fields for _, fields in self._rows(iter(sample))]

    def table(self, header: bool | None, names: Collection[str], known: Collection[str]) -> Table:
        """Parse all of it."""
        self.header = self._has_header(names, known) if header is None else header
        self.width = len(self.sample[0])
        if self.header and len(set(self.sample[0])) < self.width:
            raise InputError(f"{self.path}: two columns have the same name: {', '.join(self.sample[0])}")
        content = self.content if self.separator else _single_spaced(self.content)
        try:
            frame = pl.read_csv(
                content,
                has_header=self.header,
                separator=self.separator or " ",
                quote_char='"' if self.separator else None,
                comment_prefix=self.comment,
                infer_schema=False,
            )
        except Exception as error:
            self._explain()
            with translated(self.path, "a text table"):
                raise error
        if frame.width != self.width or frame[frame.columns[-1]].null_count():
            self._explain()  # a short row is filled up with nulls
            frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))  # blank lines
        return Table(frame, str(self.path), self._line, text=True, header=self.header)

    def _separator(self, sample: list[str]) -> str | None:
        """The separator that gives all rows as many fields, or else is in most of them."""
        for self.separator in SEPARATORS:
            if len(widths := {len(fields) for _, fields in self._rows(iter(sample))}) == 1 and widths != {1}:
                return self.separator
        common = [sep for sep in SEPARATORS if 2 * sum(sep in line for line in sample) > len(sample)]
        return common[0] if common else None

    def _has_header(self, names: Collection[str], known: Collection[str]) -> bool:
        first, *rest = self.sample
        if set(first) & set(names) or sum(field.strip().lower() in known for field in first) >= 2:
            return True
        numeric = [all(map(_is_integer, row[:2])) for row in (first, *rest[:1])]
        return numeric == [False, True] and not any(map(_is_integer, first[:2]))

    def _lines(self, lines: Iterable[str]) -> Iterator[tuple[int, str]]:
        """Lines that hold a row, with their numbers from 1."""
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.startswith(self.comment):
                yield number, line

    def _rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Rows as fields, with the number of the line where each begins."""
        if self.separator is None:
            yield from ((number, line.split()) for number, line in self._lines(lines))
            return
        reader, start = csv.reader(lines, delimiter=self.separator), 1
        try:
            for fields in reader:
                if (any(fields) or len(fields) > 1) and not fields[0].startswith(self.comment):
                    yield start, fields
                start = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{self.path}, line {start}: {error}") from error

    def _all_rows(self) -> Iterator[tuple[int, list[str]]]:
        try:
            text = self.content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = self.content.count(b"\n", 0, error.start) + 1
            raise InputError(
                f"{self.path}, line {line}: is not UTF-8 (byte 0x{self.content[error.start]:02x}); "
                f"convert the file, for instance with iconv"
            ) from error
        return self._rows(io.StringIO(text, newline="\n"))

    def _explain(self) -> None:
        """Raise with the line of the first row that has too few or too many columns, if there is one."""
        for number, fields in self._all_rows():
            if len(fields) != self.width:
                raise InputError(
                    f"{self.path}, line {number}: expected {self.width} columns, got {len(fields)}"
                )
            if not any(fields):
                raise InputError(f"{self.path}, line {number}: every field is empty")

    def _line(self, row: int) -> str:
        wanted = row + self.header
        for i, (number, _) in enumerate(self._all_rows()):
            if i == wanted:
                return f"line {number}"
        return f"row {row + 1}"


def _single_spaced(content: bytes) -> bytes:
    """Runs of blanks and tabs as one blank, none at the ends of lines, so that one byte separates."""
    content = content.strip()
    if not any(run in content for run in (b"  ", b"\t", b"\r", b" \n", b"\n ")):
        return content
    content = re.sub(rb"[ \t\r]+", b" ", content)
    return re.sub(rb" ?\n ?", b"\n", content)


def _is_integer(text: str) -> bool:
    return re.fullmatch(r"\s*-?\d+\s*", text) is not None


def as_frame(frame: Any) -> pl.DataFrame:
    """A polars frame from a polars or pandas one."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    # Through NumPy, or lists where pandas holds objects: pl.from_pandas needs pyarrow for those.
    with translated("the frame", "a table with one type a column"):
        return pl.DataFrame({str(name): _series(frame[name]) for name in frame.columns})


def _series(column: Any) -> pl.Series:
    values, missing = column.to_numpy(), column.isna().to_numpy()
    if values.dtype != object:
        return pl.Series(values)
    return pl.Series([None if gap else value for value, gap in zip(values.tolist(), missing, strict=True)])
