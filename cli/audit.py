"""``gvae audit``: whether a link split leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._console import STDOUT, check_json_target, print_table, write_json
from ._graphs import check_files
from ._options import Json

if TYPE_CHECKING:
    from gvae.data.audit import AuditReport

LEAK = 3
"""Exit code where there is a leak."""

SHOWN = 4
"""Pairs of a finding that the table shows."""

Split = Annotated[
    str,
    typer.Argument(
        metavar="FILE.npz", help="A link split of gvae bench --save-split, or of any program; see README."
    ),
]


def command(file: Split, json: Json = None) -> None:
    """Look for leaks in a link split; the exit code is 3 if there is one, 0 if it is clean.

    Example: gvae audit split.npz --json report.json
    """
    check_files(file)
    check_json_target(json, file)
    from gvae.data.audit import audit_split
    from gvae.data.split_files import read_split

    saved = read_split(file)
    report = audit_split(saved.split)
    record = report.to_dict(saved.node_ids)
    if json is not None:
        write_json(json, {"file": file, **record})
    _report(file, report, record["findings"], err=json == STDOUT)
    if not report.clean:
        raise typer.Exit(LEAK)


def _report(file: str, report: AuditReport, findings: list[dict[str, Any]], err: bool) -> None:
    rows = [
        (each["kind"], "leak" if each["leak"] else "note", each["where"], f"{each['count']:,}", _some(each))
        for each in findings
    ]
    meanings = dict.fromkeys(f"{each['kind']}: {each['message']}" for each in findings)
    leaks = len(report.leaks)
    verdict = f"{leaks} leak{'s' * (leaks > 1)}" if leaks else "clean"
    caption = "\n".join([*meanings, verdict])
    print_table(f"Audit of {file}", ("finding", "is a", "where", ">count", "pairs"), rows, caption, err=err)


def _some(finding: dict[str, Any]) -> str:
    edges = [f"({source}, {target})" for source, target in finding["edges"][:SHOWN]]
    return ", ".join(edges + ["..."] * (len(finding["edges"]) > SHOWN))
