"""Which loss is chosen, and what is refused, for memory that is free by assumption."""

from __future__ import annotations

import sys

import networkx as nx
import pytest
import torch
from torch_geometric.data import Data

from gvae.errors import InputError, UnknownNameError
from gvae.estimator import GraphAutoencoder
from gvae.experiment import run_seeds
from gvae.planning import FULL_UP_TO, make_plan, plan_training
from gvae.presets import Preset
from gvae.workload import GraphSize, Workload

SMALL = Workload(GraphSize(1000, 10_000))
WIDE = Workload(GraphSize(1000, 10_000), hidden=10**6)
BLOCKS = Workload(GraphSize(20_000, 100_000), block=20_000)  # all logits at once: 3 GiB


def test_auto_is_full_for_few_nodes_and_sampled_for_many() -> None:
    free = 1 << 40
    few, many = (Workload(GraphSize(FULL_UP_TO + more, 10**6)) for more in (0, 1))
    assert make_plan(few, free=free).loss == "full"
    assert make_plan(many, free=free).loss == "sampled"


def test_auto_passes_over_what_does_not_fit() -> None:
    plan = make_plan(BLOCKS, free=1 << 30)
    assert (plan.loss, plan.why) == ("sampled", "full does not fit")
    assert not plan.fits("full")
    plan.check()


def test_auto_says_what_the_exact_loss_needs_where_nothing_fits() -> None:
    assert make_plan(WIDE, free=1 << 30).loss == "full"


def test_a_loss_that_was_asked_for_is_kept_and_refused() -> None:
    plan = make_plan(BLOCKS, "full", free=1 << 30)
    assert plan.loss == "full"
    with pytest.raises(InputError, match="--loss sampled"):
        plan.check()


def test_nothing_is_refused_where_free_memory_is_not_known() -> None:
    plan = make_plan(WIDE, free=None)
    plan.check()
    assert plan.refusal() is None


def test_what_is_needed_may_be_all_that_is_free() -> None:
    needed = make_plan(SMALL, "full", free=None).needed()
    make_plan(SMALL, "full", free=needed).check()
    with pytest.raises(InputError):
        make_plan(SMALL, "full", free=needed - 1).check()


def test_a_refusal_names_the_numbers_and_a_size_that_fits() -> None:
    plan = make_plan(WIDE, free=1 << 30)
    message = plan.refusal("cora")
    assert message is not None
    assert message.startswith(
        "training vgae on cora with the loss full needs about 38.0 GiB (weights 23.1 GiB"
    )
    assert message.endswith("and 1.0 GiB are free: try --hidden 16384")
    fits, too_large = (Workload(WIDE.graph, hidden=hidden) for hidden in (16384, 32768))
    make_plan(fits, free=1 << 30).check()
    with pytest.raises(InputError):
        make_plan(too_large, free=1 << 30).check()


def test_only_what_would_help_is_named() -> None:
    features = Workload(GraphSize(10**5, 10**5, features=10**5))  # A~ X has 37 GiB
    assert str(make_plan(features, free=2 << 30).refusal()).endswith("try --no-features")
    assert str(make_plan(SMALL, free=1).refusal()).endswith("try a smaller graph, or more memory")


def test_runs_at_once_need_as_much_each() -> None:
    one = make_plan(SMALL, free=None).needed()
    plan = make_plan(SMALL, free=3 * one, runs=8)
    assert plan.needed() == 8 * one
    assert "for each of 8 runs at once" in str(plan.refusal())
    assert "try --jobs 3" in str(plan.refusal())


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown loss 'half'"):
        make_plan(SMALL, "half", free=None)


def test_a_plan_is_made_of_the_graph_and_the_settings(path_graph: Data) -> None:
    preset = Preset().override(hidden=5, latent=3, loss="squared", block=9)
    plan = plan_training(path_graph, "gae", preset, torch.device("cpu"), scored=11, checkpoint=True, runs=2)
    work = Workload(
        GraphSize(4, 4, 2), "gae", hidden=5, latent=3, block=9, scored=11, checkpoint=True, copied=False
    )
    assert (plan.work, plan.loss, plan.runs) == (work, "squared", 2)


@pytest.mark.skipif(sys.platform != "linux", reason="free memory is not known elsewhere")
def test_an_estimator_refuses_before_it_makes_anything() -> None:
    with pytest.raises(InputError, match=r"training vgae .* GiB are free: try --hidden \d+"):
        GraphAutoencoder(hidden=10**12).fit(nx.karate_club_graph())


@pytest.mark.skipif(sys.platform != "linux", reason="free memory is not known elsewhere")
def test_a_benchmark_refuses_before_it_makes_anything(path_graph: Data) -> None:
    with pytest.raises(InputError, match="training gae on path with"):
        run_seeds(path_graph, "gae", preset=Preset(hidden=10**12), dataset="path")


def test_an_estimator_plans_what_it_would_do() -> None:
    graph, model = nx.karate_club_graph(), GraphAutoencoder(hidden=8, val=0, loss="auto")
    plan = model.plan(graph)
    assert (plan.loss, plan.work.graph, plan.work.hidden, plan.work.scored) == (
        "full",
        GraphSize(34, 156),
        8,
        0,
    )
    assert model.set_params(val=0.1).plan(graph).work.scored == 34 * 33 // 2 - 78
    assert not hasattr(model, "model_")
