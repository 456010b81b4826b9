"""``gvae info``: what this installation runs on."""

from __future__ import annotations

from ._console import print_table


def command() -> None:
    """Show versions, threads, devices, and whether torch-scatter is in use."""
    from gvae.environment import environment

    found = environment()
    rows = [
        ("gvae", found["gvae"]),
        ("python", f"{found['python']} on {found['platform']}"),
        *found["packages"].items(),
        (
            "torch-scatter",
            "in use" if found["torch_scatter"] else "not installed (optional: the extra 'scatter')",
        ),
        ("CUDA device", found["cuda"] or "none"),
        ("CPU threads", str(found["threads"])),
    ]
    print_table("This installation", ("part", "found"), rows)
