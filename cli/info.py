"""``gvae info``: what this installation runs on."""

from __future__ import annotations

from ._console import print_table


def command() -> None:
    """Show versions, threads, devices, memory, and which accelerations are in use."""
    from gvae.environment import accelerations, environment, resolve_device
    from gvae.memory import free_memory, level2_cache

    found, device = environment(), resolve_device("auto")
    rows = [
        ("gvae", found["gvae"]),
        ("python", f"{found['python']} on {found['platform']}"),
        *found["packages"].items(),
        (
            "torch-scatter",
            "installed" if found["torch_scatter"] else "not installed (optional: the extra 'scatter')",
        ),
        ("CUDA device", found["cuda"] or "none"),
        ("CPU threads", str(found["threads"])),
        ("level 2 cache", _size(level2_cache())),
        (f"free memory ({device.type})", _size(free_memory(device))),
        *accelerations().items(),
    ]
    print_table("This installation", ("part", "found"), rows)


def _size(size: int | None) -> str:
    from gvae.memory import readable_size

    return "unknown" if size is None else readable_size(size)
