"""Free memory, from files as Linux writes them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from gvae.memory import available_memory, free_memory, left_by_control_groups, level2_cache, readable_size


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def member(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "membership"
    path.write_text(text)
    return path


def test_available_memory_is_in_bytes(tmp_path: Path) -> None:
    write(tmp_path, meminfo="MemTotal:       24000 kB\nMemAvailable:   1000 kB\nHugePages_Total:  0")
    assert available_memory(tmp_path / "meminfo") == 1_024_000
    assert available_memory(tmp_path / "missing") is None


def test_groups_of_version_2_and_those_around_them(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    write(mount, memory__stat="inactive_file 9")  # the top group has no limit
    write(mount / "a", memory__max=1000, memory__current=900, memory__stat="anon 7\ninactive_file 40")
    write(mount / "a" / "b", memory__max="max", memory__current=100)
    assert left_by_control_groups(member(tmp_path, "0::/a/b\n"), mount) == [140]


def test_groups_of_version_1(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    stat = "active_file 1\ninactive_file 2\ntotal_active_file 10\ntotal_inactive_file 20"
    limits = {"memory__limit_in_bytes": 1000, "memory__usage_in_bytes": 600, "memory__stat": stat}
    write(mount / "memory" / "job", **limits)
    text = "5:cpu,cpuacct:/elsewhere\n4:memory:/job\n"
    assert left_by_control_groups(member(tmp_path, text), mount) == [430]


def test_a_group_that_is_not_to_be_seen_here_limits_by_its_mount(tmp_path: Path) -> None:
    write(tmp_path / "mount" / "memory", memory__limit_in_bytes=50, memory__usage_in_bytes=60)
    text = "4:memory:/docker/0123\n"
    assert left_by_control_groups(member(tmp_path, text), tmp_path / "mount") == [0]


def test_nothing_is_known_without_the_files(tmp_path: Path) -> None:
    assert left_by_control_groups(tmp_path / "missing", tmp_path) == []
    assert level2_cache(tmp_path) is None


def test_the_second_level_cache(tmp_path: Path) -> None:
    write(tmp_path / "index0", level=1, size="48K")
    write(tmp_path / "index2", level=2, size="1024K")
    assert level2_cache(tmp_path) == 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_some_of_this_machine_is_free() -> None:
    free = free_memory(torch.device("cpu"))
    assert free is not None
    assert 0 < free < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_that_torch_keeps_on_a_device_is_free() -> None:
    device = torch.device("cuda")
    before = free_memory(device)
    taken = torch.ones(1 << 28, device=device)
    assert before is not None
    assert (during := free_memory(device)) is not None
    assert before - during > 1 << 29
    del taken
    assert (after := free_memory(device)) is not None
    assert after - during > 1 << 29


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 MiB"),
        (5 << 10, "5 KiB"),
        (34 << 20, "34 MiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 50, "1,048,576.0 GiB"),
    ],
)
def test_sizes_in_print(size: int, text: str) -> None:
    assert readable_size(size) == text
