"""New nodes: hide a tenth of a graph's nodes, train on the rest, embed them, predict their links.

    python benchmarks/new_nodes.py [--dataset cora] [--seeds 0 1 2 ...] [--known 0.9]

Each seed hides other nodes. ``--known`` is the share of its links, drawn at random, that a new node has;
the others are predicted. 0.9 is as on the usual split, where a tenth of the links is hidden too; with 0 a new
node has its features alone. Negatives: as many pairs with a new node that are edges nowhere. The transductive
figure beside it is that of the usual split of the same seeds (protocol strict).
"""

from __future__ import annotations

import argparse
import statistics

import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae import GraphAutoencoder, make_graph, sample_negatives
from gvae.data.graph import select_rows
from gvae.datasets import load
from gvae.experiment import run_seeds
from gvae.metrics import link_scores
from gvae.randomness import new_generator


def hide_nodes(data: Data, seed: int, share: float = 0.1) -> Tensor:
    """A mask ``(N,)`` of the nodes that are new."""
    order = torch.randperm(data.num_nodes, generator=new_generator(seed, "new nodes"))
    new = torch.zeros(data.num_nodes, dtype=torch.bool)
    new[order[: int(share * data.num_nodes)]] = True
    return new


def old_graph(data: Data, new: Tensor) -> Data:
    """The graph without the new nodes and their edges."""
    place = (~new).cumsum(0) - 1
    edges = data.edge_index[:, ~new[data.edge_index].any(dim=0)]
    return make_graph(place[edges], int((~new).sum()), x=select_rows(data.x, (~new).nonzero()[:, 0]))


def new_node_auc(data: Data, seed: int, known: float) -> float:
    """AUC, percent, of the links of new nodes that are not known."""
    new = hide_nodes(data, seed)
    model = GraphAutoencoder(seed=seed).fit(old_graph(data, new))
    generator = new_generator(seed, "links of new nodes")
    once = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    of_new = new[once].any(dim=0)
    asked = of_new & (torch.rand(once.size(1), generator=generator) >= known)
    seen = make_graph(once[:, ~asked], data.num_nodes, x=data.x)
    z = torch.from_numpy(model.transform(seen))
    negatives = sample_negatives(data.edge_index, data.num_nodes, 20 * int(asked.sum()), generator=generator)
    negatives = negatives[:, new[negatives].any(dim=0)][:, : int(asked.sum())]
    scores = (model.model_.decode(z, pairs).detach().numpy() for pairs in (once[:, asked], negatives))
    return 100 * link_scores(*scores).auc


def main() -> None:
    """Print both figures, mean and standard deviation over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="cora")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--known", type=float, default=0.9)
    arguments = parser.parse_args()
    data = load(arguments.dataset)
    usual = [100 * run.scores.auc for run in run_seeds(data, protocol="strict", seeds=arguments.seeds).runs]
    found = [new_node_auc(data, seed, arguments.known) for seed in arguments.seeds]
    known = f"new nodes, {arguments.known:.0%} of their links known"
    for name, values in (("transductive", usual), (known, found)):
        print(f"{name}: AUC {statistics.fmean(values):.2f} ± {statistics.stdev(values):.2f}")


if __name__ == "__main__":
    main()
