from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gvae.errors import DownloadError, InputError, OutputError
from gvae.image.download import DOWNLOADS, FILES, Download, default_folder, fetch, local_files


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes the place of MNIST's address."""
    folder = tmp_path / "served"
    folder.mkdir()
    for file in FILES:
        (folder / f"{file}.gz").write_bytes(gzip.compress(file.encode(), mtime=0))
    first, second, third, fourth = (md5((folder / f"{file}.gz").read_bytes()) for file in FILES)
    here = Download(f"{folder.as_uri()}/", (first, second, third, fourth))
    monkeypatch.setitem(DOWNLOADS, "mnist", here)
    return folder


def test_missing_files_are_fetched_and_others_left(served: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "mnist"
    folder.mkdir(parents=True)
    (folder / FILES[2]).write_bytes(b"mine")
    (served / f"{FILES[2]}.gz").unlink()
    found = local_files("mnist", folder, download=True)
    assert [path.name for path in found] == [f"{FILES[0]}.gz", f"{FILES[1]}.gz", FILES[2], f"{FILES[3]}.gz"]
    assert gzip.decompress(found[0].read_bytes()) == FILES[0].encode()
    assert found[2].read_bytes() == b"mine"
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in found)


def test_missing_files_are_named_with_the_options() -> None:
    folder = Path("nowhere")
    with pytest.raises(
        InputError, match=rf"mnist: expected {FILES[0]}, .*{FILES[3]} \(or .gz\) in nowhere;"
    ) as error:
        local_files("mnist", folder)
    assert "--data-dir" in str(error.value)
    assert "--download" in str(error.value)


def test_another_file_at_the_address_is_refused(served: Path, tmp_path: Path) -> None:
    (served / f"{FILES[0]}.gz").write_bytes(b"changed")
    with pytest.raises(
        DownloadError, match=f"{FILES[0]}.gz: expected a file with the MD5 .*, got {md5(b'changed')}"
    ):
        local_files("mnist", tmp_path / "new", download=True)
    assert not (tmp_path / "new").exists()


def test_no_network_says_where_the_file_belongs(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    with pytest.raises(
        DownloadError, match=rf"none: cannot be fetched \(.*\); put the file at {path} by hand$"
    ):
        fetch(f"{tmp_path.as_uri()}/none", path, "")


def test_a_folder_that_cannot_be_made(served: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: cannot be made"):
        local_files("mnist", tmp_path / "file", download=True)


class Breaking(http.server.BaseHTTPRequestHandler):
    """Tells of ten bytes and sends three; or finds nothing."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/short" else 404)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"abc")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Say nothing."""


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), Breaking) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("page", "reason"), [("short", "IncompleteRead"), ("none", "Not Found")])
def test_an_answer_that_breaks_off_or_is_none(page: str, reason: str, breaking: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=rf"/{page}: cannot be fetched \({reason}"):
        fetch(f"{breaking}/{page}", tmp_path / "file", md5(b"abc"))
    assert not (tmp_path / "file").exists()


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert default_folder("mnist") == Path("cache/gvae/images/mnist")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder("mnist") == Path.home() / ".cache/gvae/images/mnist"
