from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gvae.bundle import read_bundle, write_bundle
from gvae.errors import InputError, OutputError
from gvae.files import is_bundle

NAMES = [
    *("config.json", "embedding.parquet", "graph.safetensors"),
    *("history.jsonl", "manifest.json", "model.safetensors"),
]


def parts() -> dict[str, Any]:
    weight = torch.arange(6.0).view(2, 3)
    return {
        "tensors": {"weight": weight, "transposed": weight.t(), "steps": torch.tensor(3)},
        "graph": {"edge_index": torch.tensor([[0, 1], [1, 0]]), "none": torch.empty(2, 0)},
        "config": {"model": "vgae", "train": {"lr": 0.1 + 0.2, "patience": None}},
        "history": [{"epoch": 1, "total": 0.5, "val": None}, {"epoch": 2, "total": 1e-17, "val": 0.75}],
        "embedding": polars.DataFrame({"node": ["a", "b\nb"], "z0": [0.5, -1.0]}),
        "manifest": {"dataset": "naïve", "nested": {"seeds": [0, 1]}},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "run", **parts())
    return tmp_path / "run"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One bundle for many examples, each of which puts it right again."""
    path = tmp_path_factory.mktemp("shared") / "run"
    write_bundle(path, **parts())
    yield path
    read_bundle(path)


def test_what_is_read_is_what_was_written(folder: Path) -> None:
    expected, bundle = parts(), read_bundle(folder)
    for name in ("tensors", "graph"):
        found = getattr(bundle, name)
        assert found.keys() == expected[name].keys()
        for key, value in expected[name].items():
            assert found[key].dtype == value.dtype
            assert torch.equal(found[key], value)
            found[key].zero_()  # its memory is its own
    assert bundle.config == expected["config"]
    assert bundle.history == expected["history"]
    assert bundle.manifest == expected["manifest"]
    assert bundle.embedding is not None
    assert_frame_equal(bundle.embedding, expected["embedding"])
    read_bundle(folder)


def test_an_empty_bundle_is_one(tmp_path: Path) -> None:
    empty: dict[str, Any] = {"tensors": {}, "graph": {}, "config": {}, "history": [], "manifest": {}}
    write_bundle(tmp_path / "run", **empty, embedding=polars.DataFrame())
    bundle = read_bundle(tmp_path / "run")
    assert {name: getattr(bundle, name) for name in empty} == empty


def test_a_graph_and_an_embedding_may_be_left_out(tmp_path: Path) -> None:
    content = parts()
    del content["graph"], content["embedding"]
    write_bundle(tmp_path / "run", **content)
    bundle = read_bundle(tmp_path / "run")
    assert (bundle.graph, bundle.embedding, bundle.config) == (None, None, content["config"])
    assert sorted(os.listdir(tmp_path / "run")) == [
        *("config.json", "history.jsonl", "manifest.json", "model.safetensors")
    ]


@pytest.mark.parametrize(
    ("kind", "asked", "message"),
    [
        ("image", "graph", r"holds a model of images \(gvae image train\), expected one of a graph"),
        (None, "image", r"holds a model of a graph \(gvae train\), expected one of images"),
        ("sound", "image", "holds a model of the kind 'sound', expected one of images"),
        ([], "graph", r"holds a model of the kind \[\], expected one of a graph"),
    ],
)
def test_each_kind_is_told_from_the_other(kind: Any, asked: str, message: str, tmp_path: Path) -> None:
    manifest = {} if kind is None else {"kind": kind}
    write_bundle(tmp_path / "run", **(parts() | {"manifest": manifest}))
    with pytest.raises(InputError, match=f"run: {message}"):
        read_bundle(tmp_path / "run", asked)


def test_the_files_and_the_manifest(folder: Path) -> None:
    assert sorted(os.listdir(folder)) == NAMES
    assert os.listdir(folder.parent) == ["run"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["format"], manifest["version"], manifest["dataset"]) == ("gvae-bundle", 1, "naïve")
    assert manifest["files"] == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in NAMES
        if name != "manifest.json"
    }
    assert len((folder / "history.jsonl").read_text().splitlines()) == 2


def test_a_bundle_may_be_moved_renamed_and_have_company(folder: Path) -> None:
    moved = folder.rename(folder.with_name("moved"))
    (moved / "notes.txt").write_text("mine")
    assert read_bundle(moved).config == parts()["config"]


def test_is_bundle(folder: Path, tmp_path: Path) -> None:
    assert is_bundle(folder)
    assert is_bundle(str(folder))
    assert not is_bundle(tmp_path)
    assert not is_bundle(tmp_path / "nowhere")
    assert not is_bundle(folder / "manifest.json")


def test_nothing_is_overwritten(folder: Path) -> None:
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(InputError, match="run: already exists"):
        write_bundle(folder, **parts())
    assert (folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"manifest": {"version": 3, "files": {}}},
            "manifest: version, files is written by the format itself",
        ),
        ({"manifest": {"loss": float("nan")}}, "manifest: must fit into JSON with finite numbers"),
        ({"config": {"device": torch.device("cpu")}}, "config: must fit into JSON .*not JSON serializable"),
        ({"history": [{"total": float("inf")}]}, "history: must fit into JSON with finite numbers"),
        ({"graph": {"x": torch.eye(2).to_sparse_csr()}}, "graph: x must be dense, got torch.sparse_csr"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        write_bundle(tmp_path / "run", **(parts() | change))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere/run: cannot be written \(No such file or directory\)"):
        write_bundle(tmp_path / "nowhere" / "run", **parts())


FULL_DISK = """
import resource, signal, sys
sys.path.insert(0, sys.argv[1])
import torch
from test_bundle import parts
from gvae.bundle import write_bundle
from gvae.errors import OutputError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
large = {"tensors": torch.zeros(5000), "graph": torch.zeros(5000)}
content = parts()
if sys.argv[3] in large:
    content[sys.argv[3]] = {"x": large[sys.argv[3]]}
elif sys.argv[3] == "config":
    content["config"] = {"text": "x" * 20000}
else:
    import polars
    content["embedding"] = polars.DataFrame({"z": torch.rand(5000).numpy()})
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
try:
    write_bundle(sys.argv[2], **content)
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("part", ["tensors", "config", "embedding"])
def test_a_full_disk_is_an_output_error_and_leaves_nothing(part: str, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(Path(__file__).parent), str(tmp_path / "run"), part],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "run: cannot be written (" in result.stdout, result.stderr
    assert os.listdir(tmp_path) == []


# --- reading what is not whole ---


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_flipped_or_missing_byte_is_found(data: st.DataObject, shared: Path) -> None:
    path = shared / data.draw(st.sampled_from(NAMES))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken = whole[:place]
    else:
        byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
        broken = whole[:place] + bytes([byte]) + whole[place + 1 :]
    path.write_bytes(broken)
    try:
        with pytest.raises(InputError) as info:
            read_bundle(shared)
        assert str(shared) in str(info.value)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    message = (
        f"run/{name}: is missing" if name != "manifest.json" else "run: is not a bundle of gvae: it has no"
    )
    with pytest.raises(InputError, match=message):
        read_bundle(folder)


def test_a_changed_file_is_named_with_both_sums(folder: Path) -> None:
    with (folder / "config.json").open("a") as file:
        file.write(" ")
    with pytest.raises(
        InputError,
        match=r"run/config.json: damaged or changed since it was written \(SHA-256 \w{64}, expected \w{64}\)",
    ):
        read_bundle(folder)


def test_a_file_of_another_bundle_is_found(folder: Path) -> None:
    write_bundle(folder.with_name("other"), **(parts() | {"tensors": {"weight": torch.ones(2)}}))
    shutil.copy(folder.with_name("other") / "model.safetensors", folder)
    with pytest.raises(InputError, match=r"model\.safetensors: damaged or changed"):
        read_bundle(folder)


def seal(path: Path, manifest: Any) -> None:
    """Write a manifest whose own sum is right, by the rule in the module's docstring."""
    own = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
    path.write_text(json.dumps({**manifest, "sha256": own}, indent=2) + "\n")


def unsealed(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    return manifest


def test_a_newer_bundle_says_so(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": "gvae-bundle", "version": 2, "other": "rules"}')
    with pytest.raises(
        InputError, match="run was written by a newer gvae: bundle version 2, this one reads up to 1"
    ):
        read_bundle(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        '{"a": 1}',
        '{"format": "gvae-bundle"}',
        '{"format": "gvae-bundle", "version": "1"}',
        '{"format": "gvae-bundle", "version": true}',
        '{"format": "gvae-bundle", "version": 1}',
        '{"format": "gvae-bundle", "version": NaN}',
        '{"format": "gvae-bundle", "version": 1' + "0" * 5000 + "}",
        "[" * 100_000,
        '{"a": "\ud800"}',
    ],
    ids=range(14),
)
def test_a_manifest_that_is_none(text: str, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputError, match=r"run/manifest\.json: "):
        read_bundle(folder)


LACKING = dict.fromkeys(set(NAMES) - {"manifest.json", "config.json"}, "0")


@pytest.mark.parametrize("files", [None, [], {}, {"../../secret": "0"}, dict.fromkeys(NAMES, "0"), LACKING])
def test_other_lists_of_files_are_refused(files: Any, folder: Path) -> None:
    seal(folder / "manifest.json", unsealed(folder) | {"files": files})
    with pytest.raises(InputError, match=r"manifest\.json: files must be model\.safetensors, .*, got"):
        read_bundle(folder)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "manifest.json"])
def test_a_file_that_cannot_be_decoded_though_its_sum_is_right(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"\xff\x00 nothing")
    manifest = unsealed(folder)
    manifest["files"][name] = hashlib.sha256(b"\xff\x00 nothing").hexdigest()
    seal(folder / "manifest.json", manifest)
    with pytest.raises(InputError, match=f"run/{name}: cannot be decoded"):
        read_bundle(folder)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name, message in {
        "nowhere": "does not exist, expected a bundle",
        "file": "is a file, expected a bundle",
        "empty": "is not a bundle of gvae: it has no manifest.json",
    }.items():
        with pytest.raises(InputError, match=f"{name}: {message}"):
            read_bundle(tmp_path / name)


# --- killed while writing ---

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_bundle import parts
from gvae.bundle import write_bundle

class Deadly:
    def write_parquet(self, path):
        path.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

write_bundle(sys.argv[2], **(parts() | {"embedding": Deadly()}))
"""


def test_a_process_killed_while_it_writes_leaves_no_bundle(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path / "run")]
    result = subprocess.run(arguments, capture_output=True, check=False)
    assert result.returncode == -signal.SIGKILL, result.stderr
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".run.")
    assert "model.safetensors" in os.listdir(left)
    assert not is_bundle(tmp_path / "run")
    write_bundle(tmp_path / "run", **parts())
    assert read_bundle(tmp_path / "run").config == parts()["config"]


def test_the_files_may_be_read_by_whom_the_folder_lets(tmp_path: Path) -> None:
    write_bundle(tmp_path / "run", **parts())
    assert len({path.stat().st_mode for path in (tmp_path / "run").iterdir()}) == 1
