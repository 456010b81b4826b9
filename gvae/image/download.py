"""MNIST and Fashion-MNIST: the four files of each, where they lie, and how they are fetched."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from gvae.errors import DownloadError, InputError, OutputError
from gvae.files import write_file

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""Images and labels to learn from, then those of the test."""


@dataclass(frozen=True)
class Download:
    """Where the gzipped `FILES` are (``url`` ends in a slash), and the MD5 of each."""

    url: str
    md5: tuple[str, str, str, str]


DOWNLOADS = {
    "mnist": Download(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashion-mnist": Download(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
}


def default_folder(name: str) -> Path:
    """``gvae/images/NAME`` in ``$XDG_CACHE_HOME``, or in ``~/.cache`` where that is not set."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gvae" / "images" / name


def local_files(name: str, folder: Path, *, download: bool = False) -> list[Path]:
    """Find the four `FILES` of a data set, plain or with ``.gz``; both there, the plain one counts.

    Parameters
    ----------
    name
        One of `DOWNLOADS`.
    folder
        Where they lie, or shall lie.
    download
        Fetch those that are missing.

    Raises
    ------
    InputError
        If some are missing, and ``download`` is off.
    DownloadError
        If one cannot be fetched, or is not what it should be.
    OutputError
        If one cannot be written.
    """
    missing = [file for file in FILES if not _candidates(folder, file)]
    if missing and not download:
        raise InputError(
            f"{name}: expected {', '.join(missing)} (or .gz) in {folder}; put them there, "
            "name another folder by --data-dir, or fetch them by --download"
        )
    for file in missing:
        known = DOWNLOADS[name]
        fetch(f"{known.url}{file}.gz", folder / f"{file}.gz", known.md5[FILES.index(file)])
    return [_candidates(folder, file)[0] for file in FILES]


def fetch(url: str, path: Path, md5: str) -> None:
    """Download one file; it is at ``path`` whole and with this MD5, or not at all.

    Raises
    ------
    DownloadError
        If it cannot be fetched, or has another MD5.
    OutputError
        If it cannot be written.
    """
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 (our own table's)
            content: bytes = answer.read()
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split())
        raise DownloadError(f"{url}: cannot be fetched ({reason}); {_by_hand(path)}") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise DownloadError(f"{url}: expected a file with the MD5 {md5}, got {found}; {_by_hand(path)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be made ({error.strerror})") from error
    write_file(path, content)


def _candidates(folder: Path, file: str) -> list[Path]:
    return [path for path in (folder / file, folder / f"{file}.gz") if os.path.isfile(path)]


def _by_hand(path: Path) -> str:
    return f"put the file at {path} by hand"
