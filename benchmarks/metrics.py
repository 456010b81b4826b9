"""Link-prediction figures of many scored pairs: seconds and peak memory, ours and scikit-learn's.

    python benchmarks/metrics.py [--pairs 10000000] [--decimals 3] [--repeats 3]

Half of the pairs are edges; logits are float64, normal, the edges' one standard deviation higher. With
``--decimals`` they are rounded, so that there are ties. Ours are all of `link_scores` and ``precision@100``,
scikit-learn's AUC and average precision alone. Each run is a process of its own and the two take turns;
printed are the medians, memory without that of the logits and the imports.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from gvae.environment import peak_memory
from gvae.metrics import HITS, link_scores

Figures = dict[str, float]
Array = NDArray[np.float64]

NAMES = ("mrr", *(f"hits@{k}" for k in HITS), "precision@100")


def logits(num_pairs: int, decimals: int | None) -> tuple[Array, Array]:
    """Those of edges and of non-edges, made in place: what is measured must be the peak."""
    rng = np.random.default_rng(0)
    sides = rng.standard_normal(num_pairs // 2), rng.standard_normal(num_pairs - num_pairs // 2)
    sides[0][:] += 1
    if decimals is not None:
        for side in sides:
            np.round(side, decimals, out=side)
    return sides


def ours(positives: Array, negatives: Array) -> Figures:
    """All that `link_scores` gives, and precision among the 100 best."""
    return link_scores(positives, negatives, NAMES).to_dict()


def sklearn(positives: Array, negatives: Array) -> Figures:
    """AUC and average precision."""
    labels = np.repeat([1, 0], [len(positives), len(negatives)])
    scores = np.concatenate([positives, negatives])
    return {"auc": roc_auc_score(labels, scores), "ap": average_precision_score(labels, scores)}


WAYS: dict[str, Callable[[Array, Array], Figures]] = {"gvae": ours, "scikit-learn": sklearn}


def measure(way: str, num_pairs: int, decimals: int | None) -> tuple[float, float, Figures]:
    """Seconds, MiB beyond the logits, and the figures."""
    positives, negatives = logits(num_pairs, decimals)
    before, started = peak_memory() or 0, time.perf_counter()
    found = WAYS[way](positives, negatives)
    return time.perf_counter() - started, ((peak_memory() or 0) - before) / 2**20, found


def main() -> None:
    """Print both ways' medians and the largest difference between their figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=10_000_000)
    parser.add_argument("--decimals", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    runs: dict[str, list[tuple[float, float, Figures]]] = {way: [] for way in WAYS}
    for _ in range(arguments.repeats):
        for way, measured in runs.items():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                measured.append(pool.submit(measure, way, arguments.pairs, arguments.decimals).result())
    print(f"{arguments.pairs:,} pairs, logits {8 * arguments.pairs / 2**20:.0f} MiB")
    for way, measured in runs.items():
        seconds = statistics.median(run[0] for run in measured)
        mebibytes = statistics.median(run[1] for run in measured)
        print(f"{way}: {seconds:.2f} s, {mebibytes:.0f} MiB, {len(measured[0][2])} figures")
    both = [measured[0][2] for measured in runs.values()]
    print(f"largest difference: {max(abs(both[0][name] - both[1][name]) for name in ('auc', 'ap')):.1e}")


if __name__ == "__main__":
    main()
