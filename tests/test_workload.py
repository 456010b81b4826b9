"""Estimates of memory: by hand on a small case, growing with every size, and near what is measured."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data

from gvae.catalog import LOSSES, MODELS
from gvae.data import make_graph
from gvae.data.graph import without_features
from gvae.errors import UnknownNameError
from gvae.models import build
from gvae.workload import CHECKPOINT_COPIES, RUNTIME, WEIGHT_COPIES, GraphSize, Memory, Workload

SMALL = Workload(GraphSize(nodes=10, edges=30), model="gae", hidden=4, latent=2)


def test_a_small_case_by_hand() -> None:
    # 10 x 4 + 4 x 2 weights, six times; 40 ones of A + I; all rows of logits fit into one block of 10 x 10.
    activations = 10 * 4 * (4 * 4 + 12 * 2)
    loss = 40 * 3 * 2 * 4 + 40 * 24 + (2 * 10 * 10 + 2 * 10 * 2) * 4
    assert SMALL.memory("full") == Memory(
        weights=6 * 48 * 4, features=0, edges=40 * 64, setup=40 * 200, step=activations + loss, scoring=0
    )
    assert SMALL.memory("full").total == RUNTIME + 1152 + 2560 + 8000


def test_of_setup_step_and_scoring_the_largest_counts() -> None:
    memory = Memory(weights=1, features=2, edges=3, setup=4, step=9, scoring=5)
    assert memory.at_height() == {"weights": 1, "features": 2, "edges": 3, "step": 9}
    assert memory.total == RUNTIME + 15


@pytest.mark.parametrize(("features", "nonzeros", "size"), [(0, None, 0), (5, None, 200), (5, 7, 192)])
def test_what_is_derived_from_features(features: int, nonzeros: int | None, size: int) -> None:
    graph = GraphSize(10, 30, features, nonzeros)
    assert replace(SMALL, graph=graph).memory("full").features == size
    assert replace(SMALL, graph=graph, copied=True).memory("full").features == 2 * size


def test_a_checkpoint_copies_the_weights() -> None:
    kept = replace(SMALL, checkpoint=True).memory("full").weights
    assert kept / SMALL.memory("full").weights == (WEIGHT_COPIES + CHECKPOINT_COPIES) / WEIGHT_COPIES


def test_a_block_bounds_the_logits() -> None:
    large = Workload(GraphSize(10**5, 10**6))
    rows = {block: replace(large, block=block).memory("full").step for block in (1000, 2000)}
    assert rows[2000] - rows[1000] == 2 * 1000 * 10**5 * 4


def test_only_the_full_loss_holds_more_for_more_pairs_of_nodes() -> None:
    nodes = [Workload(GraphSize(n, 10**6), block=2000) for n in (10**5, 2 * 10**5)]
    added = {loss: nodes[1].memory(loss).step - nodes[0].memory(loss).step for loss in LOSSES}
    assert added["full"] > 2 * 2000 * 10**5 * 4
    assert max(added["sampled"], added["quadratic"], added["squared"]) < 2000 * 10**5


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("features", [True, False])
def test_weights_are_those_of_the_model(path_graph: Data, model: str, features: bool) -> None:
    data = path_graph if features else without_features(path_graph)
    count = sum(weight.numel() for weight in build(model, data, hidden=7, latent=3).parameters())
    work = Workload(GraphSize.of(data), model, hidden=7, latent=3)
    assert work.memory("full").weights == WEIGHT_COPIES * count * 4


def test_the_sizes_of_a_graph(path_graph: Data) -> None:
    assert GraphSize.of(path_graph) == GraphSize(4, 4, 2, None)
    assert GraphSize.of(without_features(path_graph)) == GraphSize(4, 4)
    sparse = make_graph(path_graph.edge_index, 4, x=torch.eye(4, 30).to_sparse_csr())
    assert GraphSize.of(sparse) == GraphSize(4, 4, 30, 4)
    graphs = (path_graph, without_features(path_graph), sparse)
    assert [GraphSize.of(graph).layout for graph in graphs] == ["dense", "none", "sparse"]


SIZES = st.integers(1, 10**9)


@given(
    graph=st.builds(GraphSize, SIZES, SIZES, SIZES, st.none() | SIZES),
    sizes=st.fixed_dictionaries({"hidden": SIZES, "latent": SIZES, "block": SIZES, "scored": SIZES}),
    more=SIZES,
    loss=st.sampled_from([*LOSSES]),
    model=st.sampled_from([*MODELS]),
)
def test_larger_sizes_never_need_less(
    graph: GraphSize, sizes: dict[str, int], more: int, loss: str, model: str
) -> None:
    work = Workload(graph, model, **sizes)  # type: ignore[arg-type]
    least = work.memory(loss).total
    for name, value in sizes.items():
        assert replace(work, **{name: value + more}).memory(loss).total >= least  # type: ignore[arg-type]
    for name in ("nodes", "edges", "features"):
        larger = replace(graph, **{name: getattr(graph, name) + more})
        assert replace(work, graph=larger).memory(loss).total >= least


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown loss 'half'"):
        SMALL.memory("half")
    with pytest.raises(UnknownNameError, match="unknown model 'vage'"):
        replace(SMALL, model="vage")


MEASURE = """
import sys, torch
from pathlib import Path
from gvae.data import make_graph
from gvae.estimator import GraphAutoencoder

def resident(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))

loss, hidden = sys.argv[1], int(sys.argv[2])
edges = torch.randint(40_000, (2, 400_000), generator=torch.Generator().manual_seed(0))
graph = make_graph(edges[:, edges[0] < edges[1]], 40_000)
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = resident("VmRSS")
model = GraphAutoencoder(epochs=2, hidden=hidden, loss=loss, val=0)
needed = model.plan(graph).needed()
model.fit(graph)
print(needed / (resident("VmHWM") - before))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak since a moment")
@pytest.mark.parametrize(("loss", "hidden"), [("sampled", 32), ("quadratic", 32), ("sampled", 512)])
def test_estimates_are_near_what_is_measured(loss: str, hidden: int) -> None:
    command = [sys.executable, "-c", MEASURE, loss, str(hidden)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 0.8 < float(result.stdout) < 1.7
