"""Write a large random edge list with string ids: a block model, 80 % of the edges within 2,000 blocks.

python benchmarks/edge_list.py edges.csv --nodes 200000 --edges 1000000
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl


def edge_list(num_nodes: int, num_edges: int, num_blocks: int = 2000, seed: int = 0) -> pl.DataFrame:
    """Columns ``source`` and ``target``; a few rows repeat, a few are self-loops, as in real lists."""
    rng = np.random.default_rng(seed)
    block = rng.integers(0, num_blocks, num_nodes)
    order = np.argsort(block, kind="stable")
    first = np.searchsorted(block[order], np.arange(num_blocks + 1))
    source = rng.integers(0, num_nodes, num_edges)
    low, high = first[block[source]], first[block[source] + 1]
    mate = order[low + (rng.random(num_edges) * (high - low)).astype(np.int64)]
    target = np.where(rng.random(num_edges) < 0.8, mate, rng.integers(0, num_nodes, num_edges))
    names = [pl.Series(ids).cast(pl.String) for ids in (source, target)]
    return pl.DataFrame({"source": "user-" + names[0], "target": "user-" + names[1]})


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path")
    parser.add_argument("--nodes", type=int, default=200_000)
    parser.add_argument("--edges", type=int, default=1_000_000)
    arguments = parser.parse_args()
    edge_list(arguments.nodes, arguments.edges).write_csv(arguments.path)


if __name__ == "__main__":
    main()
