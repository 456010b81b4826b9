"""The result as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from benchmarks.speed.children import Memory
from benchmarks.speed.goals import EPOCHS, goals
from benchmarks.speed.measure import Run
from benchmarks.speed.summary import Spread, growths, of_contender, ratios

COLUMNS = (
    *("graph", "contender", "seconds of 200 epochs", "pyg raw takes, times as long"),
    *("AUC", "epochs run", "peak MB", "MB above imports"),
)
"""Of the first table; medians and quartiles of repetitions, the mean AUC."""


@dataclass
class Result:
    """All that was measured.

    Parameters
    ----------
    settings
        What was asked for.
    environment
        Of `gvae.environment.environment`: versions, threads.
    runs, memories
        As they were measured.
    left_out
        Graph, contender and reason.
    """

    settings: dict[str, Any]
    environment: dict[str, Any]
    runs: list[Run] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def graphs(self) -> list[str]:
        """Graphs in the order in which they were measured."""
        return list(dict.fromkeys(run.graph for run in self.runs))

    def contenders(self, graph: str) -> list[str]:
        """Contenders on a graph in their order."""
        return list(dict.fromkeys(run.contender for run in self.runs if run.graph == graph))

    def seconds(self, graph: str, contender: str) -> Spread:
        """Of 200 epochs."""
        runs = of_contender(self.runs, graph, contender).values()
        return Spread.of([run.seconds_of(EPOCHS) for run in runs])

    def to_dict(self) -> dict[str, Any]:
        """The whole record, ready for JSON."""
        return {
            "settings": self.settings,
            "environment": self.environment,
            "runs": [run.to_dict() for run in self.runs],
            "seconds_of_200_epochs": [
                {"graph": graph, "contender": contender, **self.seconds(graph, contender).to_dict()}
                for graph in self.graphs
                for contender in self.contenders(graph)
            ],
            "ratios": list(self._ratios()),
            "growth": [growth.to_dict() for growth in growths(self.runs)],
            "memory": [memory.to_dict() for memory in self.memories],
            "goals": [goal.to_dict() for goal in goals(self.runs, self.memories)],
            "left_out": [
                {"graph": graph, "contender": contender, "reason": reason}
                for graph, contender, reason in self.left_out
            ],
        }

    def _ratios(self) -> Iterator[dict[str, Any]]:
        """Every peer's time by that of every one of gvae's."""
        for graph in self.graphs:
            names = self.contenders(graph)
            for peer in (name for name in names if not name.startswith("gvae")):
                for ours in (name for name in names if name.startswith("gvae")):
                    if peer.endswith(", GAE") != ours.endswith(", GAE"):
                        continue  # VGAE against VGAE
                    spread = Spread.of(ratios(self.runs, graph, peer, ours, EPOCHS))
                    yield {"graph": graph, "peer": peer, "gvae": ours, **spread.to_dict()}


def tables(result: Result) -> str:
    """Markdown: seconds, AUC and memory; growth; goals; what was left out."""
    sections = (_main_table, _growth_lines, _child_lines, _goal_lines, _absent_lines)
    blocks = ("\n".join(section(result)) for section in sections)
    return "\n\n".join(block for block in blocks if block)


def _main_table(result: Result) -> Iterator[str]:
    if result.graphs:
        yield f"| {' | '.join(COLUMNS)} |"
        yield "|---" * len(COLUMNS) + "|"
    for graph in result.graphs:
        yield from (_row(result, graph, contender) for contender in result.contenders(graph))


def _row(result: Result, graph: str, contender: str) -> str:
    runs = of_contender(result.runs, graph, contender).values()
    peer = "pyg raw, GAE" if contender.endswith(", GAE") else "pyg raw"
    values = ratios(result.runs, graph, peer, contender, EPOCHS)
    cells = [
        *(graph, contender, str(result.seconds(graph, contender))),
        f"{Spread.of(values)}" if values else "",
        f"{100 * fmean(run.auc for run in runs):.1f}",
        str(min(run.epochs for run in runs)),
        *_memory_cells(result.memories, graph, contender),
    ]
    return f"| {' | '.join(cells)} |"


def _memory_cells(memories: Sequence[Memory], graph: str, contender: str) -> tuple[str, str]:
    for memory in memories:
        if (memory.graph, memory.contender) == (graph, contender):
            return f"{memory.peak / 1e6:.0f}", f"{(memory.peak - memory.imports) / 1e6:.0f}"
    return "", ""


def _growth_lines(result: Result) -> Iterator[str]:
    for growth in growths(result.runs):
        sizes = zip(growth.nodes, growth.nanoseconds_per_edge, strict=True)
        each = ", ".join(f"{value:.0f} at {nodes:,} nodes" for nodes, value in sizes if value)
        slope = "" if growth.exponent is None else f"; exponent {growth.exponent:.2f}"
        if each:
            yield f"- {growth.family}, {growth.contender}: ns per edge and epoch {each}{slope}"


def _child_lines(result: Result) -> Iterator[str]:
    """Runs in a process of their own alone."""
    for m in result.memories:
        if m.graph not in result.graphs:
            yield (
                f"- {m.graph}, {m.contender}: {m.epochs} epochs in {m.seconds:.0f} s, "
                f"AUC {100 * m.auc:.1f}, peak {m.peak / 1e6:.0f} MB"
            )


def _goal_lines(result: Result) -> Iterator[str]:
    for goal in goals(result.runs, result.memories):
        word, limit = "reached" if goal.reached else "missed", "at least" if goal.at_least else "at most"
        yield f"- {word}: {goal.what}: {goal.shown}, asked {limit} {goal.asked:g}"


def _absent_lines(result: Result) -> Iterator[str]:
    graphs: dict[tuple[str, str], list[str]] = {}
    for graph, contender, reason in result.left_out:
        graphs.setdefault((contender, reason), []).append(graph)
    for (contender, reason), names in graphs.items():
        yield f"- left out: {contender} on {', '.join(names)}: {reason}"
