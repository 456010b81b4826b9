"""Files and objects that are read: what is wrong with one is said in our words, whoever finds it."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gvae.errors import InputError


@contextmanager
def translated(path: Path | str, what: str) -> Iterator[None]:
    """What a library raises on bad input becomes an ``InputError``; its warnings are not heard."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except BaseException as error:
        panic = type(error).__name__ == "PanicException"  # of polars, and no Exception
        if not (isinstance(error, Exception) or panic):
            raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: cannot be read as {what} ({reason})") from error


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


def read_bytes(path: Path) -> bytes:
    """What a text file holds, unpacked if it is gzip, without a byte order mark."""
    try:
        content = path.read_bytes()
        packed = content[:2] == b"\x1f\x8b"
        content = gzip.decompress(content) if packed else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: damaged or truncated gzip ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return content.removeprefix(b"\xef\xbb\xbf")


def decoded(path: Path, content: bytes) -> str:
    """The content as text; ``InputError`` with the line of the first byte that is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: is not UTF-8 (byte 0x{content[error.start]:02x}); "
            f"convert the file, for instance with iconv"
        ) from error
