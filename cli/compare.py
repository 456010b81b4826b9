"""``gvae compare``: two models over the same splits, and how sure their difference is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gvae.catalog import metric_label
from gvae.errors import InputError
from gvae.files import check_target

from ._console import STDOUT, check_json_target, print_table, write_json
from ._options import Json, option

if TYPE_CHECKING:
    from gvae.comparison import Comparison

First = Annotated[str, typer.Argument(metavar="A.json", help="What gvae bench --json wrote.")]
Second = Annotated[str, typer.Argument(metavar="B.json", help="Another such file, or the same.")]
ModelA = Annotated[
    str | None, option("Model of A.json.", "its only one, or each that B.json has too", metavar="MODEL")
]
ModelB = Annotated[str | None, option("Model of B.json.", "likewise", metavar="MODEL")]
Metric = Annotated[
    str | None, option("Figure that is compared.", "the first of A's protocol", metavar="METRIC")
]
Plot = Annotated[
    str | None, typer.Option(metavar="FILE", help="The runs as dots, joined by seed (.png, .svg, .pdf).")
]


def command(
    first: First,
    second: Second,
    a: ModelA = None,
    b: ModelB = None,
    metric: Metric = None,
    plot: Plot = None,
    json: Json = None,
) -> None:
    """Compare two models run by run over the same splits; the test allows for splits that overlap.

    Example: gvae compare results.json results.json --a gae --b vgae
    """
    _check_targets(plot, json, first, second)
    from gvae.comparison import compare_runs, holm
    from gvae.results import pair_results, read_results

    names = first, second
    pairs = pair_results(read_results(first), read_results(second), a, b, names=names)
    comparisons = [compare_runs(*pair, metric, names=names) for pair in pairs]
    if len({comparison.metric for comparison in comparisons}) > 1:
        raise InputError(f"{first}: its protocols have different first metrics; name one with --metric")
    adjusted = holm([comparison.test.p for comparison in comparisons])
    if json is not None:
        records = [{**c.to_dict(), "p_holm": p} for c, p in zip(comparisons, adjusted, strict=True)]
        write_json(json, {"a": first, "b": second, "comparisons": records})
    _report(comparisons, adjusted, names, err=json == STDOUT)
    if plot is not None:
        _write_plot(comparisons, plot)


def _check_targets(plot: str | None, json: str | None, *inputs: str) -> None:
    if plot is not None:
        from gvae.plots import check_ending

        check_ending(plot, "--plot")
        check_target(plot, "--plot")
    check_json_target(json, *inputs)


def _report(
    comparisons: Sequence[Comparison], adjusted: list[float], names: tuple[str, str], err: bool
) -> None:
    several = len(comparisons) > 1
    columns = ["data set", ">runs", ">A", ">B", ">A - B ± std", ">95 % interval", ">p"]
    columns += [">p (Holm)"] * several + [">bootstrap 95 %", ">Wilcoxon p"]
    rows = [
        [*_row(c), *([_p(p)] if several else []), _interval(*c.bootstrap), _p(c.wilcoxon)]
        for c, p in zip(comparisons, adjusted, strict=True)
    ]
    title = f"{metric_label(comparisons[0].metric)} in percent, A less B, paired by seed over the same splits"
    print_table(title, columns, rows, _caption(comparisons, names), err=err)


def _row(c: Comparison) -> list[str]:
    means = (100 * sum(scores) / len(scores) for scores in (c.scores_a, c.scores_b))
    models = [f"{model} {mean:.2f}" for model, mean in zip((c.model_a, c.model_b), means, strict=True)]
    difference = f"{100 * c.test.mean:+.2f} ± {100 * c.test.std:.2f}"
    return [
        _dataset(c),
        str(len(c.seeds)),
        *models,
        difference,
        _interval(c.test.low, c.test.high),
        _p(c.test.p),
    ]


def _caption(comparisons: Sequence[Comparison], names: tuple[str, str]) -> str:
    lines = [f"A: {names[0]}. B: {names[1]}. Positive: A is higher, which is better."]
    kinds = {shared: [c for c in comparisons if c.shared_split == shared] for shared in (False, True)}
    for shared, group in kinds.items():
        if group:
            of = f"{_listed(map(_dataset, group))}: " if all(kinds.values()) else ""
            lines.append(f"{of}{_TESTS[shared]} {_runs(group)}.")
    if len(comparisons) > 1:
        lines.append(f"p (Holm): adjusted for {len(comparisons)} comparisons.")
    lines.append(
        "Bootstrap (percentile, 10,000 resamples) and Wilcoxon signed-rank test"
        + (" are optimistic: each" if kinds[False] else ": each")
        + " takes the runs as independent."
    )
    if equal := [_dataset(c) for c in comparisons if c.test.t is None]:
        lines.append(f"{_listed(equal)}: the same difference in all runs, so p is 1 if it is 0, and else 0.")
    lines += [
        f"{_dataset(c)}: protocols differ, A {c.protocol_a}, B {c.protocol_b}; the splits do not."
        for c in comparisons
        if c.protocol_a != c.protocol_b
    ]
    return "\n".join(dict.fromkeys(lines))


_TESTS = {
    False: "p and interval: corrected resampled t-test (Nadeau and Bengio 2003) over random splits,",
    True: "p and interval: paired t-test over runs on one split, which it speaks of alone,",
}


def _runs(group: Sequence[Comparison]) -> str:
    """Number of runs and their seeds, where all have the same."""
    if len({c.seeds for c in group}) > 1:
        return "two-sided"
    seeds = group[0].seeds
    consecutive = seeds == tuple(range(seeds[0], seeds[-1] + 1))
    named = f"{seeds[0]}-{seeds[-1]}" if consecutive else _listed(seeds)
    return f"two-sided, {len(seeds)} runs (seeds {named})"


def _dataset(c: Comparison) -> str:
    return c.dataset or "graph"


def _interval(low: float, high: float) -> str:
    return f"{100 * low:+.2f} to {100 * high:+.2f}"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 or p == 0 else "< 0.001"


def _listed(items: object) -> str:
    return ", ".join(dict.fromkeys(map(str, items)))  # type: ignore[call-overload]


def _write_plot(comparisons: Sequence[Comparison], plot: str) -> None:
    from gvae.plots import plot_comparisons, write_figure

    write_figure(plot_comparisons(comparisons), plot)
    typer.echo(f"written: {plot}", err=True)
