"""``gvae datasets``: what can be loaded by name."""

from __future__ import annotations

from gvae.catalog import DATASETS

from ._console import print_table


def command() -> None:
    """List the data sets.

    Any other that PyTorch Geometric can download goes by "family/Name", for instance planetoid/Cora.
    """
    rows: list[tuple[str, ...]] = [
        (
            name,
            f"{info.nodes:,}",
            f"{info.edges:,}",
            f"{info.features:,}" if info.features else "-",
            str(info.classes or "-"),
            f"{info.density:.3%}",
            info.source,
            info.licence,
        )
        for name, info in DATASETS.items()
    ]
    rows.append(("family/Name", *["?"] * 5, "download", "its own"))
    columns = ("name", ">nodes", ">edges", ">features", ">classes", ">density", "source", "licence")
    caption = (
        "Edges are undirected and counted once. Cora, CiteSeer and PubMed: LINQS, for research.\n"
        "family/Name: PyTorch Geometric's own loaders, which unpickle what they downloaded."
    )
    print_table("Data sets", columns, rows, caption)
