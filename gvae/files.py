"""Files and folders that are there whole or not at all. Needs no torch."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gvae.errors import GvaeError, InputError, OutputError

Content = bytes | str | Callable[[Path], object]
"""Bytes, text (written as UTF-8), or a function that writes the file at the path it is given."""


MANIFEST = "manifest.json"
"""The file that makes a folder a bundle, see `gvae.bundle`."""


def is_bundle(path: str | Path) -> bool:
    """Whether a path is a folder with a manifest; whether it is sound is `read_bundle`'s to say."""
    return os.path.isfile(os.path.join(path, MANIFEST))  # False, too, where a name is too long


def write_file(path: str | Path, content: Content) -> None:
    """Write a file, whole or not at all, also if the process or the machine dies meanwhile.

    It is written beside its place under a temporary name, brought to the disk and renamed. A file that
    is replaced hands on its permissions, a link keeps its place, a pipe or a device is written as it is.

    Parameters
    ----------
    path
        Where; the folder must exist.
    content
        What; a function writes to exactly the path that it is given.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    with _output_errors(path):
        if _replaceable(path):
            _replace(_place(path), content)
        else:
            _fill(path, content)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Make a folder that is there whole or not at all.

    Yields a hidden folder beside ``path``, named ``.NAME.<pid>.tmp``. When the block ends, all of it is
    brought to the disk and renamed to ``path``; when it raises, all of it is removed.

    Parameters
    ----------
    path
        Where; its parent must exist, and it must not.

    Raises
    ------
    InputError
        If ``path`` exists: nothing is ever overwritten.
    OutputError
        If something in it, or the folder itself, cannot be written.
    """
    path = Path(path)
    if os.path.lexists(path):
        raise InputError(_exists(path))
    temporary = _folder_beside(path)
    with _output_errors(path):
        try:
            shutil.rmtree(temporary, ignore_errors=True)  # left by a killed process that had our number
            temporary.mkdir()
            yield temporary
            for part in (*temporary.rglob("*"), temporary):
                _to_disk(part)
            temporary.rename(path)
            _to_disk(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def check_target(path: str | Path, what: str, *, new: bool = False) -> None:
    """Find out, before any work, whether a file or a new folder can be written.

    Parameters
    ----------
    path
        The file; with ``new`` something that may not exist yet, as for `new_folder`.
    what
        What it is for, as the error begins: ``"--json"``.

    Raises
    ------
    InputError
        If its parent folder does not exist, it is a folder, may not be written, or, with ``new``, exists.
    """
    path = Path(path)
    try:
        if new and os.path.lexists(path):
            raise InputError(f"{what} {_exists(path)}")
        if path.is_dir():
            raise InputError(f"{what} {path}: is a folder, expected a file")
        if not _place(path).parent.is_dir():
            raise InputError(f"{what} {path}: the folder {path.parent} does not exist")
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if new:
            _folder_beside(path).exists()  # its name may be too long
        if _replaceable(path):
            tempfile.TemporaryFile(dir=_place(path).parent).close()
    except OSError as error:
        raise InputError(f"{what} {path}: cannot be written ({error.strerror})") from error


def remove_leftovers(folder: Path) -> None:
    """Remove what `write_file` had begun in ``folder`` when its process was killed."""
    for path in folder.glob(".gvae-*.tmp"):
        path.unlink(missing_ok=True)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _exists(path: Path) -> str:
    return f"{path}: already exists, and nothing is overwritten; remove it or choose another name"


def _folder_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


@contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours, with the name that the caller knows."""
    try:
        yield
    except GvaeError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _place(path: Path) -> Path:
    """Where a file is, behind links."""
    return Path(os.path.realpath(path))


def _replaceable(path: Path) -> bool:
    """Whether a path is, or will be, a plain file; a pipe or a device is written as it is."""
    return path.is_file() or not path.exists()


def _replace(path: Path, content: Content) -> None:
    temporary = path.with_name(f".gvae-{os.getpid()}-{threading.get_native_id()}.tmp")
    try:
        _fill(temporary, content)
        _to_disk(temporary)
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
        _to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _fill(path: Path, content: Content) -> None:
    if callable(content):
        content(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _to_disk(path: Path) -> None:
    """Wait until a file or a folder is on the disk, where the system can tell (Windows cannot for all)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks cannot for folders
            raise
    finally:
        os.close(descriptor)
