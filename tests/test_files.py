from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gvae.errors import InputError, OutputError
from gvae.files import check_target, new_folder, remove_leftovers, sha256, write_file

needs_rights = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def test_bytes_text_and_what_a_function_writes(tmp_path: Path) -> None:
    write_file(tmp_path / "bytes", b"\0\1")
    write_file(str(tmp_path / "text"), "ä\n")
    write_file(tmp_path / "function", lambda path: path.write_text("by itself"))
    assert (tmp_path / "bytes").read_bytes() == b"\0\1"
    assert (tmp_path / "text").read_bytes() == b"\xc3\xa4\n"
    assert (tmp_path / "function").read_text() == "by itself"
    assert sorted(os.listdir(tmp_path)) == ["bytes", "function", "text"]


def test_a_function_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_file(target, "old")

    def half(path: Path) -> None:
        path.write_text("new, but")
        assert target.read_text() == "old"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(target, half)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_keeps_its_place_and_a_file_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    real, link = tmp_path / "folder" / "real", tmp_path / "link"
    link.symlink_to(real)
    write_file(link, "first")  # the link points at nothing yet
    real.chmod(0o600)
    write_file(link, "second")
    assert link.is_symlink()
    assert real.read_text() == "second"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "folder") == ["real"]


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    check_target(pipe, "--json")  # does not wait for a reader
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_file(pipe, "through")
    reader.join()
    assert read == ["through"]
    assert pipe.is_fifo()


def test_standard_output_that_is_a_pipe_is_a_target() -> None:
    script = (
        "from gvae.files import check_target, write_file\n"
        "check_target('/dev/stdout', '--json')\n"
        "write_file('/dev/stdout', 'through')\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "through"


def test_what_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere/file: cannot be written \(No such file or directory\)"):
        write_file(tmp_path / "nowhere" / "file", "text")
    with (
        pytest.raises(OutputError, match=r"nowhere/folder: cannot be written"),
        new_folder(tmp_path / "nowhere" / "folder"),
    ):
        pass
    with pytest.raises(OutputError, match=r"cannot be written \(Is a directory\)"):
        write_file(tmp_path, "text")


def test_a_new_folder_is_hidden_until_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "run"
    with new_folder(target) as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "file").write_text("text")
        assert os.listdir(tmp_path) == [f".run.{os.getpid()}.tmp"]
    assert (target / "inner" / "file").read_text() == "text"
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize(("error", "seen"), [(KeyboardInterrupt, KeyboardInterrupt), (OSError, OutputError)])
def test_a_new_folder_that_fails_leaves_nothing(
    error: type[BaseException], seen: type[BaseException], tmp_path: Path
) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "run") as temporary:
            (temporary / "file").write_text("text")
            raise error

    with pytest.raises(seen):
        fail()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_nothing_is_overwritten_by_a_new_folder(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "run"
    if kind == "link":
        target.symlink_to("nowhere")
    else:
        target.touch() if kind == "file" else target.mkdir()
    with (
        pytest.raises(InputError, match="run: already exists, and nothing is overwritten"),
        new_folder(target),
    ):
        pytest.fail("the block was entered")
    with pytest.raises(InputError, match=r"output .*run: already exists"):
        check_target(target, "output", new=True)
    assert os.listdir(tmp_path) == ["run"]


def test_a_folder_that_came_meanwhile_stays(tmp_path: Path) -> None:
    target = tmp_path / "run"

    def late() -> None:
        with new_folder(target):
            target.mkdir()
            (target / "theirs").touch()

    with pytest.raises(OutputError, match="cannot be written"):
        late()
    assert os.listdir(tmp_path) == ["run"]
    assert os.listdir(target) == ["theirs"]


def test_what_a_killed_process_with_our_number_left_is_no_obstacle(tmp_path: Path) -> None:
    stale = tmp_path / f".run.{os.getpid()}.tmp"
    stale.mkdir()
    (stale / "old").touch()
    with new_folder(tmp_path / "run"):
        pass
    assert os.listdir(tmp_path) == ["run"]
    assert os.listdir(tmp_path / "run") == []


KILLED = """
import os, signal, sys
from pathlib import Path
from gvae.files import new_folder, write_file

def die(path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "file":
    write_file(sys.argv[2], die)
else:
    with new_folder(sys.argv[2]) as temporary:
        die(temporary / "file")
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_killed_process_leaves_nothing_under_the_name(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    result = subprocess.run([sys.executable, "-c", KILLED, kind, str(target)], check=False)
    assert result.returncode == -signal.SIGKILL
    assert not target.exists()
    assert len(os.listdir(tmp_path)) == 1
    if kind == "file":
        remove_leftovers(tmp_path)
        assert os.listdir(tmp_path) == []


def test_check_target_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    check_target(tmp_path / "old", "--json")
    check_target(tmp_path / "new", "--json")
    check_target(tmp_path / "folder", "--json", new=True)
    check_target(os.devnull, "--json")
    assert os.listdir(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "old"


def test_check_target_refuses_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "file")
    cases = {
        "nowhere/file": "the folder .*nowhere does not exist",
        ".": "is a folder, expected a file",
        "x" * 300: "File name too long",
        "link": "does not exist",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=f"--json .*{message}"):
            check_target(tmp_path / name, "--json")
    with pytest.raises(InputError, match="File name too long"):  # with what stands around it while it is made
        check_target(tmp_path / ("x" * 250), "--save", new=True)


@needs_rights
def test_check_target_refuses_what_may_not_be_written(tmp_path: Path) -> None:
    closed, file = tmp_path / "closed", tmp_path / "file"
    closed.mkdir(mode=0o500)
    file.touch(mode=0o400)
    for path in (closed / "new", file):
        with pytest.raises(InputError, match=r"cannot be written \(Permission denied\)"):
            check_target(path, "--json")
    with pytest.raises(InputError, match="Permission denied"):
        check_target(closed / "folder", "--save", new=True)


def test_a_link_in_a_circle_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    check_target(tmp_path / "circle", "--json")
    write_file(tmp_path / "circle", "text")
    assert (tmp_path / "circle").read_text() == "text"


def test_sha256_is_the_known_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
