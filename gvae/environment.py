"""Where a figure was made: versions, device, threads, memory."""

from __future__ import annotations

import functools
import hashlib
import platform
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

import gvae
from gvae.catalog import DEVICES, check_name
from gvae.errors import InputError
from gvae.onednn import onednn_helps

PACKAGES = ("torch", "torch-geometric", "scikit-learn", "scipy", "numpy", "networkx")


def resolve_device(name: str) -> torch.device:
    """Turn ``"auto"`` (CUDA where there is one), ``"cpu"`` or ``"cuda"`` into a device.

    Raises
    ------
    InputError
        For another name, or ``"cuda"`` where there is none.
    """
    check_name("device", name, DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda was asked for, but torch finds no CUDA device here")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def environment() -> dict[str, Any]:
    """Versions, platform, threads and devices of this process."""
    return {
        "gvae": gvae.__version__,
        "revision": revision(),
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
        "torch_scatter": find_spec("torch_scatter") is not None,
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def accelerations() -> dict[str, str]:
    """What makes training fast here, and what is left out, by name."""
    return {
        "vector unit": torch.backends.cpu.get_cpu_capability(),
        "Adam": "fused",
        "products of all pairs": "oneDNN" if onednn_helps() else "torch's own choice",
        "sparse products": "MKL" if torch.backends.mkl.is_available() else "torch's own",  # type: ignore[no-untyped-call]
        "torch.compile, mixed precision": "not used (both lost, see benchmarks/README.md)",
        "CUDA graphs": "not used (never measured)",
    }


@functools.cache
def revision() -> str | None:
    """Git revision of this package's source, with a hash of changes since; None where it is installed."""
    folder = Path(__file__).parent

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
        return found.stdout.strip()

    try:
        git(
            "ls-files", "--error-unmatch", Path(__file__).name
        )  # fails where a user's repository is around us
        changed = git("diff", "HEAD", "--", str(folder.parent))
        digest = hashlib.sha256(changed.encode()).hexdigest()[:8]
        return git("rev-parse", "HEAD") + (f"-dirty-{digest}" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def peak_memory() -> int | None:
    """Peak resident memory of this process so far, bytes; None where the system does not tell (Windows).

    Linux is asked by way of ``/proc``: what ``getrusage`` tells there of a child begins with its parent's.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    except (OSError, LookupError, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
