from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

from gvae.config import TrainConfig
from gvae.data import LinkPart, split_links
from gvae.data.split_files import split_hashes
from gvae.datasets import load
from gvae.environment import peak_memory, resolve_device
from gvae.errors import InputError, UnknownNameError
from gvae.experiment import Experiment, affordable_jobs, run_seeds
from gvae.memory import free_memory
from gvae.metrics import Scores
from gvae.models import GraphModel, build
from gvae.presets import PRESETS, Preset
from gvae.runs import Run
from gvae.scoring import evaluate
from gvae.train import EpochRecord, LinkTask, fit

SHORT = Preset(train=TrainConfig(epochs=5))


def test_a_run_is_what_the_parts_give_by_hand(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    result = run_seeds(data, "vgae", preset=SHORT, seeds=[3], device="cpu")
    split = split_links(data, seed=3)
    model = build("vgae", data, seed=3)
    fit(LinkTask(model, split.development), TrainConfig(epochs=5, seed=3))
    assert result.runs[0].scores == evaluate(model, split.test)


def test_every_run_starts_afresh(random_graph: Callable[..., Data]) -> None:
    """The trap of a model that is not reset: a seed's figure must not depend on the seeds before it."""
    data = random_graph()
    together = run_seeds(data, "vgae", preset=SHORT, seeds=[0, 1, 2])
    alone = run_seeds(data, "vgae", preset=SHORT, seeds=[2])
    assert together.runs[2].scores == alone.runs[0].scores
    assert together.runs[0].scores != together.runs[1].scores


def test_the_preset_reaches_the_model_and_test_is_scored_once(
    random_graph: Callable[..., Data], monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = []

    def counting(model: GraphModel, part: LinkPart, more: Tensor | None) -> Scores:
        scored.append({name: tuple(weight.shape) for name, weight in model.named_parameters()})
        return evaluate(model, part, more)

    monkeypatch.setattr("gvae.runs.evaluate", counting)
    run_seeds(random_graph(), "gae", preset=SHORT.override(hidden=9, latent=2), seeds=[0, 1])
    assert scored == 2 * [{"encoder.W0.lin.weight": (9, 8), "encoder.heads.mu.lin.weight": (2, 9)}]


def test_an_experiment_can_be_run_again(random_graph: Callable[..., Data]) -> None:
    experiment = Experiment(random_graph(), "gae", preset=SHORT, seeds=list(np.arange(2)))
    experiment.run()
    first = [run.scores for run in experiment.runs]
    experiment.run()
    assert [run.scores for run in experiment.runs] == first
    assert experiment.complete
    assert json.loads(json.dumps(experiment.to_dict()))["manifest"]["seeds"] == [0, 1]


def test_mean_and_sample_standard_deviation(random_graph: Callable[..., Data]) -> None:
    result = run_seeds(random_graph(), "gae", preset=SHORT, seeds=[0, 1, 2])
    aucs = [run.scores.auc for run in result.runs]
    assert result.mean()["auc"] == statistics.fmean(aucs)
    assert result.std()["auc"] == statistics.stdev(aucs)
    assert run_seeds(random_graph(), "gae", preset=SHORT, seeds=[0]).std() == {}


def test_protocols_differ_in_what_they_should(random_graph: Callable[..., Data]) -> None:
    data = random_graph(share=0.2)
    preset = Preset(train=TrainConfig(epochs=60, eval_every=1))
    seen: list[EpochRecord] = []

    def run(protocol: str) -> Run:
        experiment = Experiment(data, "vgae", protocol=protocol, preset=preset, seeds=[1])
        seen.clear()
        experiment.run(lambda epoch, record: seen.append(record) if record is not None else None)
        return experiment.runs[0]

    kipf, pyg, strict = run("kipf"), run("pyg"), run("strict")
    assert (kipf.epoch, pyg.epoch) == (60, 60)
    assert strict.epoch == max(seen, key=lambda record: record.val or 0).epoch
    assert kipf.epochs == strict.epochs == 60
    assert pyg.scores != kipf.scores  # the same weights, other messages


def test_no_features_means_x_is_the_identity(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    assert data.x is not None
    bare = Data(edge_index=data.edge_index, num_nodes=data.num_nodes)
    without = run_seeds(data, "vgae", preset=SHORT.override(features=False), seeds=[0])
    assert without.runs[0].scores == run_seeds(bare, "vgae", preset=SHORT, seeds=[0]).runs[0].scores


def test_overrides_are_what_differs_from_the_models_own_preset(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    assert Experiment(data, "vgae").overrides() == {}
    preset = Preset().override(epochs=5, features=False, beta=1.0)
    assert Experiment(data, "vgae", preset=preset).overrides() == {"features": False, "epochs": 5}


def test_an_interrupted_experiment_keeps_its_finished_runs(random_graph: Callable[..., Data]) -> None:
    experiment = Experiment(random_graph(), "gae", preset=SHORT, seeds=[0, 1, 2])

    def interrupt(epoch: int, record: EpochRecord | None) -> None:
        if len(experiment.runs) == 1 and epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run(interrupt)
    assert [run.seed for run in experiment.runs] == [0]
    assert not experiment.complete
    assert experiment.to_dict()["complete"] is False


def test_published_figures_stand_only_beside_the_papers_own_setting() -> None:
    data = load("cora")

    def published(protocol: str = "kipf", dataset: str | None = "cora", **settings: object) -> object:
        preset = PRESETS["vgae"].override(**settings)
        return Experiment(
            data, "vgae", protocol=protocol, preset=preset, seeds=[0], dataset=dataset
        ).published()

    own, featureless = published(), published(features=False)
    assert isinstance(own, dict)
    assert isinstance(featureless, dict)
    assert (own["auc"], own["ap"]) == (0.914, 0.926)
    assert (featureless["auc"], featureless["ap"]) == (0.84, 0.877)
    assert published("strict") is None
    assert published("pyg") is None
    assert published(epochs=100) is None
    assert published(dataset=None) is None


def test_the_record_is_json_and_says_how_it_was_made(random_graph: Callable[..., Data]) -> None:
    result = run_seeds(random_graph(), "vgae", protocol="pyg", preset=SHORT, seeds=[4], dataset="mine")
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    figures = {"auc", "ap", "mrr", "hits@1", "hits@3", "hits@10", "ece"}
    rest = {"seed", "epochs", "epoch", "seconds", "total_seconds"}
    assert record["runs"][0].keys() == figures | rest
    split = split_links(result.data, seed=4, val_edges_at_test=True)
    assert record["manifest"]["splits"] == [
        {
            "seed": 4,
            **split_hashes(split),
            "nodes": 60,
            "train": 164,
            "val": 9,
            "test": 19,
            "val_negatives": 9,
            "test_negatives": 19,
        }
    ]
    assert record["manifest"]["messages_at_test"] == "train and val edges"
    assert record["manifest"]["selection"] == "the last epoch"
    assert 0 < record["runs"][0]["seconds"] <= record["runs"][0]["total_seconds"]
    assert record["manifest"]["protocol"]["val_edges_at_test"] is True
    assert record["manifest"]["preset"]["epochs"] == 5
    graph = record["manifest"]["graph"]
    assert (graph["nodes"], graph["edges"], graph["features"]) == (60, result.data.num_edges // 2, 8)
    assert record["std"] == {"auc": None, "ap": None}
    assert record["manifest"]["environment"]["packages"]["torch"] == version("torch")
    assert record["manifest"]["peak_memory_bytes"] > 50e6
    assert (record["preset"], record["published"], record["complete"]) == ("custom", None, True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("protocol", ["kipf", "heart"])
@pytest.mark.parametrize("model", ["vgae", "pagerank"])
def test_cuda_gives_figures_close_to_the_processors(
    protocol: str, model: str, random_graph: Callable[..., Data]
) -> None:
    data = random_graph(420, 0.05)
    cuda, cpu = (
        run_seeds(data, model, protocol=protocol, preset=SHORT, seeds=[0], device=device).runs[0].scores
        for device in ("cuda", "cpu")
    )
    assert cuda.to_dict().keys() == cpu.to_dict().keys()
    assert abs(cuda.auc - cpu.auc) < 0.05


def test_bad_experiments_are_refused(random_graph: Callable[..., Data]) -> None:
    data = random_graph()
    with pytest.raises(UnknownNameError, match="unknown protocol 'kip'; did you mean kipf"):
        Experiment(data, protocol="kip")
    with pytest.raises(UnknownNameError, match="unknown model"):
        Experiment(data, "gcn")
    for seeds in ([], [1, 1]):
        with pytest.raises(InputError, match="seeds must be one or more different numbers"):
            run_seeds(data, seeds=seeds)
    with pytest.raises(InputError, match="seed must be an integer >= 0, got -1"):
        run_seeds(data, seeds=[-1])


def test_devices() -> None:
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="unknown device 'tpu'"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device"):
            resolve_device("cuda")


def test_peak_memory_is_in_bytes() -> None:
    peak = peak_memory()
    assert peak is None or 50e6 < peak < 1e12


def test_no_more_runs_are_planned_at_once_than_there_are() -> None:
    experiment = Experiment(load("karate"), "vgae", seeds=[0, 1])
    many, two = experiment.plan(jobs=64), experiment.plan(jobs=2)
    assert many is not None
    assert two is not None
    assert many.runs == two.runs == 2


def test_jobs_are_one_a_thread_unless_memory_or_a_heuristic_forbids() -> None:
    def experiment(model: str = "gae", hidden: int = 32) -> Experiment:
        return Experiment(load("karate"), model, preset=Preset(hidden=hidden), device="cpu")

    free, large = free_memory(torch.device("cpu")), experiment(hidden=10**6).plan()
    assert free is not None
    assert large is not None
    two_fifths = int(0.4 * free / large.needed() * 10**6)
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        assert affordable_jobs([experiment()]) == 4
        assert affordable_jobs([experiment(), experiment(hidden=two_fifths)]) == 2
        assert affordable_jobs([experiment(hidden=10 * two_fifths)]) == 1
        assert affordable_jobs([experiment(), experiment("katz")]) == 1
    finally:
        torch.set_num_threads(threads)
