"""Memory of this machine: what is free, on the processor or a CUDA device; sizes in print."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

CACHES = {"inactive_file", "active_file", "total_inactive_file", "total_active_file"}
"""Files that a control group keeps in memory, in its ``memory.stat``: they make way where it is needed."""


def free_memory(device: torch.device) -> int | None:
    """Memory that this process can still take, bytes; None where the system does not tell.

    On CUDA what the device has free, and what torch holds there without using it. On the processor, under
    Linux, the smaller of what the system has available and what the control groups of this process leave.
    """
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    known = [available_memory(), *left_by_control_groups()]
    return min((free for free in known if free is not None), default=None)


@functools.cache
def level2_cache(caches: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> int | None:
    """Second-level cache of a processor core as Linux tells it, bytes; None where it does not."""
    for cache in sorted(caches.glob("index*")):
        size = "".join(_lines(cache / "size"))
        if _lines(cache / "level") == ["2"] and size.removesuffix("K").isdigit():
            return 1024 * int(size.removesuffix("K"))
    return None


def available_memory(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """What Linux has available without swapping, bytes."""
    kibibytes = _table(meminfo).get("MemAvailable:")
    return None if kibibytes is None else 1024 * kibibytes


def left_by_control_groups(
    membership: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> list[int]:
    """What each limited control group around this process leaves, versions 1 and 2, bytes."""
    left = []
    for line in _lines(membership):
        number, controllers, path = line.split(":", 2)
        if number == "0":
            top, names = mount, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            top, names = mount / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        own = top / path.lstrip("/")
        groups = [folder for folder in (own, *own.parents) if folder.is_relative_to(top)]
        left += [free for folder in groups if (free := _left(folder, *names)) is not None]
    return left


def _left(group: Path, limit_name: str, usage_name: str) -> int | None:
    limit, usage = (_lines(group / name)[:1] for name in (limit_name, usage_name))
    if not usage or not limit or not limit[0].isdigit():  # "max" is no limit
        return None
    table = _table(group / "memory.stat")
    totals = {name: size for name, size in table.items() if name in CACHES and name.startswith("total_")}
    cached = totals or {name: size for name, size in table.items() if name in CACHES}
    return max(int(limit[0]) - int(usage[0]) + sum(cached.values()), 0)


def _table(path: Path) -> dict[str, int]:
    """The file's lines ``name number``."""
    rows = [line.split() for line in _lines(path)]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}


def _lines(path: Path) -> list[str]:
    """The file's lines; none if it is not there or may not be read."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def readable_size(size: float) -> str:
    """A size in print, ``"21.7 GiB"``; below one in MiB or KiB, ``"34 MiB"``."""
    if size >= 2**30:
        return f"{size / 2**30:,.1f} GiB"
    return f"{size / 2**10:,.0f} KiB" if 0 < size < 2**20 else f"{size / 2**20:,.0f} MiB"
