"""``gvae bench --list-protocols``."""

from __future__ import annotations

from gvae.catalog import METRICS, PROTOCOLS, TIES, metric_label
from gvae.protocols import PROTOCOLS as RECORDS

from ._console import print_table


def list_protocols() -> None:
    """Print how each protocol measures, and what its figures are."""
    columns = ("protocol", "what it is", "scored by", "messages at test", "epoch scored")
    rows = []
    for name, text in PROTOCOLS.items():
        protocol = RECORDS[name]
        rows.append(
            (
                name,
                text,
                ", ".join(map(metric_label, protocol.metrics)),
                "train and val edges" if protocol.val_edges_at_test else "train edges",
                f"best {metric_label(protocol.metrics[0])} on val"
                if protocol.select == "val"
                else "the last",
            )
        )
    metrics = "\n".join(f"{metric_label(name)}: {text}." for name, text in METRICS.items())
    print_table("Protocols", columns, rows, f"{metrics}\nTies: {TIES}.")
