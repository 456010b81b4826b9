from __future__ import annotations

import copy
import json
import math
import statistics
from collections.abc import Callable
from typing import Any

import pytest
from torch_geometric.data import Data

from gvae.config import TrainConfig
from gvae.data import make_graph
from gvae.errors import InputError
from gvae.experiment import Experiment, run_seeds
from gvae.presets import Preset
from gvae.repeat import changed_environment, changed_words, differences, experiments_of

Record = dict[str, Any]
PRESET = Preset(hidden=5, latent=3, train=TrainConfig(epochs=4, lr=0.02, eval_every=2, patience=3))


def experiment_of(record: Record, data: Data) -> Experiment:
    (((_, experiment),),) = experiments_of([record], lambda _: data)
    return experiment


@pytest.fixture
def data(random_graph: Callable[..., Data]) -> Data:
    return random_graph()


@pytest.fixture
def record(data: Data) -> Record:
    result = run_seeds(data, "vgae", protocol="strict", preset=PRESET, seeds=[4, 9], dataset="mine")
    loaded: Record = json.loads(json.dumps(result.to_dict()))
    return loaded


def test_every_setting_comes_back_from_the_manifest(record: Record, data: Data) -> None:
    again = experiment_of(record, data)
    assert (again.model, again.protocol, again.seeds, again.preset) == ("vgae", "strict", [4, 9], PRESET)
    again.run()
    assert all(found.largest == 0 for found in differences(record, again))
    assert {found.figure for found in differences(record, again)} >= {"auc", "ap", "mrr", "epoch"}
    assert changed_words(record, again) == {}
    assert changed_environment(record) == {}


def test_what_differs_is_said(record: Record, data: Data) -> None:
    changed = copy.deepcopy(record)
    changed["runs"][0]["auc"] += 0.5
    changed["mean"]["auc"] += 0.25
    changed["std"]["auc"] = statistics.stdev(run["auc"] for run in changed["runs"])
    del changed["runs"][1]["hits@1"], changed["mean"]["hits@1"], changed["std"]["hits@1"]
    changed["manifest"]["splits"][1]["negatives"] = "0" * 64
    changed["published"] = {"auc": 0.1}
    changed["manifest"]["negatives"] = "1000 hard ones"
    changed["manifest"]["environment"]["packages"]["torch"] = "1.0"
    changed["manifest"]["environment"]["threads"] = 99
    again = experiment_of(changed, data)
    again.run()
    found = {difference.figure: difference for difference in differences(changed, again)}
    assert found["auc"].largest == pytest.approx(0.5)
    assert found["auc"].recorded - found["auc"].now == pytest.approx(0.25)  # of the mean over two runs
    assert found["ap"].largest == 0
    assert math.isnan(found["hits@1"].largest)  # one run has it not
    assert changed_words(changed, again).keys() == {"splits", "published", "negatives"}
    assert changed_environment(changed).keys() == {"torch", "threads"}
    assert changed_environment(changed)["torch"][0] == "1.0"


def test_an_older_record_does_not_know_of_a_schedule(record: Record, data: Data) -> None:
    older = copy.deepcopy(record)
    del older["manifest"]["preset"]["schedule"]
    again = experiment_of(older, data)
    again.run()
    assert changed_words(older, again) == {}


def test_what_cannot_be_repeated_is_refused(record: Record, data: Data) -> None:
    other = make_graph(data.edge_index, 61)
    with pytest.raises(InputError, match="mine is not the graph that the record was made with"):
        experiment_of(record, other)
    with pytest.raises(InputError, match="there is no finished run to repeat"):
        experiment_of({**record, "runs": []}, data)
    del record["manifest"]["split_file"]
    with pytest.raises(InputError, match="it lacks or garbles 'split_file'"):
        experiment_of(record, data)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("mean/auc", 0.999, "the mean of auc is not that of the runs"),
        ("mean", {}, "lacks or garbles"),
        ("std/ap", 0.0, "the std of ap is not that of the runs"),
        ("manifest/protocol/val_edges_at_test", True, "the manifest's protocol is not that of this gvae's"),
        ("manifest/ties", "optimistic", "the manifest's ties is not that"),
        ("manifest/preset/beta", None, "the manifest's preset is not that"),
        ("manifest/preset/loss", True, "lacks or garbles"),
        ("manifest/environment", {}, "lacks or garbles 'packages'"),
        ("manifest/graph", [], "lacks or garbles"),
    ],
)
def test_a_record_that_was_changed_is_found_before_any_work(
    record: Record, data: Data, path: str, value: Any, message: str
) -> None:
    *folders, name = path.split("/")
    place: Any = record
    for folder in folders:
        place = place[folder]
    place[name] = value
    with pytest.raises(InputError, match=message):
        experiment_of(record, data)


def test_records_of_the_same_splits_share_them(record: Record, data: Data) -> None:
    loaded = []

    def load(record: Any) -> Data:
        loaded.append(record["model"])
        return data

    other = run_seeds(data, "vgae", preset=PRESET, seeds=[4], dataset="mine").to_dict()
    other = json.loads(json.dumps(other))
    katz = run_seeds(data, "katz", protocol="strict", seeds=[4], dataset="mine").to_dict()
    katz = json.loads(json.dumps(katz))
    groups = experiments_of([record, other, {**record, "runs": []}, katz], load)
    assert [[experiment.model for _, experiment in group] for group in groups] == [["vgae", "katz"], ["vgae"]]
    (_, first), (_, second) = groups[0]
    assert first.splits is second.splits
    assert len(loaded) == 2
