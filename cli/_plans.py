"""What ``--explain`` prints: how training would go, and what memory it would take."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ._console import print_table

if TYPE_CHECKING:
    from gvae.planning import Plan

PARTS = (">weights", ">features", ">edges", ">setup", ">step", ">scoring")
COLUMNS = ("loss", "input", *PARTS, ">needed", "fits")
MEANING = (
    "Needed, besides the graph: weights, features, edges, and the largest of setup, a step and scoring; "
    "estimated, rather too high."
)


def explain(graph: str, plan: Plan) -> None:
    """Print a row for each loss."""
    rows = [(*_row(plan, loss), f"chosen: {plan.why}" * (loss == plan.loss)) for loss in plan.paths]
    title = f"Training {plan.work.model} on {graph}: the plan"
    print_table(title, (*COLUMNS, ""), rows, _caption([(graph, plan)]))


def explain_all(plans: list[tuple[str, Plan]]) -> None:
    """Print a row for each graph and model."""
    if not plans:
        typer.echo("Nothing to train: heuristics need no plan.")
        return
    rows = [(graph, plan.work.model, *_row(plan, plan.loss)) for graph, plan in plans]
    print_table("The plan of each run", ("data set", "model", *COLUMNS), rows, _caption(plans))


def _row(plan: Plan, loss: str) -> tuple[str, ...]:
    from gvae.memory import readable_size

    parts = (readable_size(size) for size in asdict(plan.paths[loss]).values())
    fits = "yes" if plan.fits(loss) else "no"
    return loss, plan.work.graph.layout, *parts, readable_size(plan.needed(loss)), fits


def _caption(plans: list[tuple[str, Plan]]) -> str:
    from gvae.memory import readable_size

    known = [plan.free for _, plan in plans if plan.free is not None]
    free = readable_size(min(known)) if known else "unknown, so that nothing is refused"
    refusals = [refusal for graph, plan in plans if (refusal := plan.refusal(graph)) is not None]
    return "\n".join([MEANING, f"Free: {free}.", *refusals])
