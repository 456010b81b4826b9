from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch_geometric.data import Data

from gvae.config import TrainConfig
from gvae.data import LinkSplit, split_links
from gvae.errors import InputError, OutputError
from gvae.files import write_file
from gvae.losses import LossOutput
from gvae.models import GAE, GraphModel, build
from gvae.train import EpochRecord, History, LinkTask, fit
from gvae.train.checkpoint import Checkpoint


class EveryEpoch(Checkpoint):
    """Saves after each epoch, however long a save takes."""

    def due(self) -> bool:
        return True


@pytest.fixture
def split(random_graph: Callable[..., Data]) -> LinkSplit:
    return split_links(random_graph())


class WithDropout(nn.Module):
    """Dropout draws from the global state; BatchNorm has buffers, one of them an integer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(8, 4), nn.BatchNorm1d(4)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.norm(nn.functional.dropout(self.linear(x), training=self.training))  # type: ignore[no-any-return]


def make(name: str, split: LinkSplit) -> GraphModel:
    if name != "dropout":
        return build(name, split.development.train)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GAE(WithDropout())


CONFIG = TrainConfig(epochs=12, eval_every=2, lr=0.05)
CASES: dict[str, tuple[str, TrainConfig]] = {
    "last": ("vgae", CONFIG),
    "val": ("vgae", replace(CONFIG, select="val")),
    "sampled": ("vgae", replace(CONFIG, loss="sampled")),
    "dropout": ("dropout", replace(CONFIG, select="val")),
    "patience": ("vgae", replace(CONFIG, epochs=200, lr=0.1, patience=5)),
    "patience-val": ("gae", replace(CONFIG, epochs=200, lr=0.1, patience=5, select="val", loss="sampled")),
}


def interrupt_at(epoch: int, seen: list[int]) -> Callable[[int, EpochRecord | None], None]:
    def on_epoch(number: int, record: EpochRecord | None) -> None:
        seen.append(number)
        if number == epoch:
            raise KeyboardInterrupt

    return on_epoch


def assert_same(model: nn.Module, history: History, other: nn.Module, theirs: History) -> None:
    assert asdict(replace(history, seconds=0)) == asdict(replace(theirs, seconds=0))
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(case: str, split: LinkSplit, tmp_path: Path) -> None:
    name, config = CASES[case]
    whole = make(name, split)
    expected = fit(LinkTask(whole, split.development), config)
    assert config.patience is None or expected.epochs < config.epochs

    seen: list[int] = []
    before = torch.get_rng_state()
    for stop in (1, 2, 5, 8, expected.epochs):
        checkpoint = EveryEpoch(tmp_path / "state")
        with pytest.raises(KeyboardInterrupt):
            fit(
                LinkTask(make(name, split), split.development),
                config,
                on_epoch=interrupt_at(stop, seen),
                checkpoint=checkpoint,
            )
    # The epoch that is interrupted is not kept: it is run again.
    first = [1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8]
    assert seen == [*first, *range(8, expected.epochs + 1)]

    model, last = make(name, split), []
    history = fit(
        LinkTask(model, split.development),
        config,
        on_epoch=lambda epoch, _: last.append(epoch),
        checkpoint=EveryEpoch(tmp_path / "state"),
    )
    assert last == [expected.epochs]
    assert_same(model, history, whole, expected)
    assert not model.training
    assert torch.equal(before, torch.get_rng_state())


def test_keeping_the_state_changes_nothing(split: LinkSplit, tmp_path: Path) -> None:
    plain, kept = make("vgae", split), make("vgae", split)
    expected = fit(LinkTask(plain, split.development), CONFIG)
    history = fit(LinkTask(kept, split.development), CONFIG, checkpoint=EveryEpoch(tmp_path / "state"))
    assert_same(kept, history, plain, expected)


def test_what_a_killed_run_left_half_written_is_removed(split: LinkSplit, kept: Path) -> None:
    (kept / ".gvae-1-1.tmp").write_text("half")
    go_on(kept, split)
    assert os.listdir(kept) == ["checkpoint.safetensors"]


def test_a_finished_run_is_not_trained_on(split: LinkSplit, tmp_path: Path) -> None:
    model, again = make("vgae", split), make("vgae", split)
    config = replace(CONFIG, select="val")
    expected = fit(LinkTask(model, split.development), config, checkpoint=EveryEpoch(tmp_path / "state"))
    history = fit(
        LinkTask(again, split.development),
        config,
        on_epoch=lambda *_: pytest.fail("an epoch was run"),
        checkpoint=EveryEpoch(tmp_path / "state"),
    )
    assert_same(again, history, model, expected)
    with safe_open(tmp_path / "state" / "checkpoint.safetensors", framework="pt") as file:
        spent = json.loads(file.metadata()["content"])["state"]["seconds"]
    assert history.seconds > spent > 0


@dataclass
class Counting:
    """A task with two optimisers of other kinds, one without state, and weights that share memory."""

    model: nn.Module

    def start(self, config: TrainConfig) -> None:
        self.optimizers = [
            torch.optim.SGD(self.model.parameters(), lr=config.lr, momentum=0.9),
            torch.optim.SGD(self.model.parameters(), lr=config.lr),
        ]

    def batches(self, generator: torch.Generator) -> Iterable[Tensor]:
        return torch.rand(3, generator=generator)

    def step(self, batch: Tensor, generator: torch.Generator, value: bool) -> LossOutput:
        for optimizer in self.optimizers:
            for weight in self.model.parameters():
                weight.grad = torch.full_like(weight, batch.item())
            optimizer.step()
        return LossOutput(total=batch, recon=batch, kl=batch)

    def validate(self) -> None:
        return None


def tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    for weight in model.parameters():
        nn.init.zeros_(weight)
    return model


def test_every_optimiser_of_a_task_is_kept(tmp_path: Path) -> None:
    whole, model = tied(), tied()
    expected = fit(Counting(whole), CONFIG)
    with pytest.raises(KeyboardInterrupt):
        fit(Counting(model), CONFIG, on_epoch=interrupt_at(7, []), checkpoint=EveryEpoch(tmp_path / "state"))
    model = tied()
    history = fit(Counting(model), CONFIG, checkpoint=EveryEpoch(tmp_path / "state"))
    assert_same(model, history, whole, expected)


SCRIPT = """
import hashlib, sys
from gvae.config import TrainConfig
from gvae.data import split_links
from gvae.datasets import load
from gvae.models import build
from gvae.train import LinkTask, fit
from gvae.train.checkpoint import Checkpoint

class EveryEpoch(Checkpoint):
    def due(self):
        return True

split = split_links(load("karate"), seed=5)
model = build("vgae", split.development.train, seed=5)
config = TrainConfig(epochs=300, seed=5, loss="sampled", select="val")
checkpoint = EveryEpoch(sys.argv[1]) if len(sys.argv) > 1 else None
print("ready", flush=True)
fit(LinkTask(model, split.development), config, on_epoch=lambda epoch, _: print(epoch, flush=True),
    checkpoint=checkpoint)
digest = hashlib.sha256()
for weight in model.state_dict().values():
    digest.update(weight.numpy().tobytes())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_kill_9_at_any_moment_and_the_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    expected, folder, starts = whole.stdout.split()[-1], tmp_path / "state", []
    chance = random.SystemRandom()
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            epochs = [int(process.stdout.readline()) for _ in range(chance.randint(5, 60))]
            time.sleep(chance.uniform(0, 0.01))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        starts.append(epochs[0])
    last = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=True
    )
    assert last.stdout.split()[-1] == expected
    assert starts[0] == 1
    assert starts == sorted(set(starts))  # each goes on from a later epoch
    assert os.listdir(folder) == ["checkpoint.safetensors"]


# --- how often ---


def test_saves_lie_apart_and_cost_a_few_percent(
    monkeypatch: pytest.MonkeyPatch, split: LinkSplit, tmp_path: Path
) -> None:
    """On a clock of our own: an epoch takes one second, the n-th save n seconds."""
    now = 0.0
    saved: list[tuple[float, float]] = []

    def slow_write(path: Path, content: bytes) -> None:
        nonlocal now
        saved.append((now, now := now + 1 + len(saved)))
        write_file(path, content)

    def on_epoch(epoch: int, record: object) -> None:
        nonlocal now
        now += 1

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    monkeypatch.setattr("gvae.train.checkpoint.write_file", slow_write)
    fit(
        LinkTask(make("gae", split), split.development),
        TrainConfig(epochs=100),
        on_epoch=on_epoch,
        checkpoint=Checkpoint(tmp_path / "state", seconds=5),
    )
    assert saved == [(5, 6), (26, 28), (68, 71)]  # 5 s, 20 x 1 s, 20 x 2 s apart; the next 60 s later


def test_a_short_run_writes_nothing(split: LinkSplit, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state", seconds=3600)
    fit(LinkTask(make("gae", split), split.development), CONFIG, checkpoint=checkpoint)
    assert os.listdir(tmp_path / "state") == []
    checkpoint.remove()
    assert os.listdir(tmp_path) == []


def test_remove_leaves_what_is_not_ours(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state")
    checkpoint.remove()  # nothing there
    checkpoint.folder.mkdir()
    for name in ("checkpoint.safetensors", ".gvae-1-1.tmp", "notes.txt"):
        (checkpoint.folder / name).touch()
    checkpoint.remove()
    assert os.listdir(checkpoint.folder) == ["notes.txt"]
    (checkpoint.folder / "notes.txt").unlink()
    checkpoint.remove()
    assert os.listdir(tmp_path) == []


# --- what is refused ---


@pytest.fixture
def kept(split: LinkSplit, tmp_path: Path) -> Path:
    """The folder of a run that was stopped."""
    checkpoint = EveryEpoch(tmp_path / "state", fingerprint={"graph": "abc", "model": {"hidden": 32}})
    with pytest.raises(KeyboardInterrupt):
        fit(
            LinkTask(make("vgae", split), split.development),
            CONFIG,
            on_epoch=interrupt_at(3, []),
            checkpoint=checkpoint,
        )
    return checkpoint.folder


def go_on(
    folder: Path,
    split: LinkSplit,
    config: TrainConfig = CONFIG,
    model: GraphModel | None = None,
    graph: str = "abc",
) -> History:
    checkpoint = EveryEpoch(folder, fingerprint={"graph": graph, "model": {"hidden": 32}})
    return fit(LinkTask(model or make("vgae", split), split.development), config, checkpoint=checkpoint)


def test_another_runs_state_is_refused_by_the_names_of_what_differs(kept: Path, split: LinkSplit) -> None:
    data = kept.joinpath("checkpoint.safetensors").read_bytes()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"config": replace(CONFIG, lr=0.1)}, "config.lr is 0.1 now, 0.05 in the file; go on with those, or"),
        ({"config": replace(CONFIG, patience=3)}, "config.patience is 3 now, None in the file"),
        ({"graph": "xyz"}, "graph is 'xyz' now, 'abc' in the file"),
        (
            {"model": build("vgae", split.development.train, latent=4)},
            r"heads.mu.lin.weight is 'float32 \(4, 32\)' now, 'float32 \(16, 32\)' in the file",
        ),
        (
            {"model": build("gae", split.development.train)},
            "weights.encoder.heads.logstd.lin.weight is 'absent' now",
        ),
    ]
    for other, message in cases:
        with pytest.raises(InputError, match=message) as info:
            go_on(kept, split, **other)
        assert f"remove {kept} to train from the beginning" in str(info.value)
    assert kept.joinpath("checkpoint.safetensors").read_bytes() == data
    assert go_on(kept, split).epochs == CONFIG.epochs


def rewritten(path: Path, **changes: str) -> None:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() | changes
    save_file(load_file(path), path, metadata)


def test_a_file_of_another_version_or_kind_is_refused(kept: Path, split: LinkSplit) -> None:
    path = kept / "checkpoint.safetensors"
    for version, age in (("1", "an older"), ("3", "a newer")):
        rewritten(path, version=version)
        message = (
            f"{age} gvae: checkpoint version {version}, this one reads 2; go on with that gvae, or remove"
        )
        with pytest.raises(InputError, match=message):
            go_on(kept, split)
    rewritten(path, version="one")
    with pytest.raises(InputError, match="is not a checkpoint of gvae; remove"):
        go_on(kept, split)
    rewritten(path, version="2", content="{}")
    with pytest.raises(InputError, match="damaged"):
        go_on(kept, split)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: is not a checkpoint of gvae"):
        go_on(kept, split)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_found(data: st.DataObject, kept: Path, split: LinkSplit) -> None:
    path = kept / "checkpoint.safetensors"
    whole = path.read_bytes()
    header = int.from_bytes(whole[:8], "little") + 8
    place = data.draw(st.integers(0, header - 1) | st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken = whole[:place]
    else:
        flipped = whole[place] ^ (1 << data.draw(st.integers(0, 7)))
        broken = whole[:place] + bytes([flipped]) + whole[place + 1 :]
    path.write_bytes(broken)
    try:
        with pytest.raises(InputError, match=r"checkpoint\.safetensors: "):
            go_on(kept, split)
    finally:
        path.write_bytes(whole)


def test_folders_that_cannot_be_used_are_refused_before_training(split: LinkSplit, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "odd" / "checkpoint.safetensors").mkdir(parents=True)
    cases = {
        "nowhere/state": "the folder .*nowhere does not exist",
        "file": "file: already exists",
        "odd": "is a folder, expected a file",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message):
            go_on(tmp_path / name, split)


def test_a_state_that_cannot_be_written_is_an_output_error(split: LinkSplit, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with pytest.raises(OutputError, match=r"checkpoint\.safetensors: cannot be written"):
        fit(
            LinkTask(make("vgae", split), split.development),
            CONFIG,
            on_epoch=lambda epoch, _: folder.rmdir(),
            checkpoint=EveryEpoch(folder),
        )


@pytest.mark.parametrize("odd", [torch.eye(2).to_sparse_csr(), object()], ids=["sparse", "object"])
def test_a_state_that_no_checkpoint_can_hold_is_refused(odd: object, tmp_path: Path) -> None:
    task = Counting(tied())

    def on_epoch(epoch: int, record: object) -> None:
        task.optimizers[1].param_groups[0]["odd"] = odd

    with pytest.raises(InputError, match="keeps dense tensors, numbers and text; the model or an optimiser"):
        fit(task, CONFIG, on_epoch=on_epoch, checkpoint=EveryEpoch(tmp_path / "state"))


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "5", True])
def test_bad_seconds_are_refused(seconds: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seconds must be a number >= 0, got"):
        Checkpoint(tmp_path, seconds)


def test_a_fingerprint_must_fit_into_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fingerprint: model\.device must fit into JSON"):
        Checkpoint(tmp_path, fingerprint={"model": {"device": object()}})


# --- records ---


@pytest.mark.parametrize("val", [None, 0.75])
def test_a_record_goes_through_json(val: float | None) -> None:
    record = EpochRecord(3, 0.1 + 0.2, 0.1, 1e-17, val)
    assert EpochRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_a_record_with_other_names_is_refused() -> None:
    for record in ({"epoch": 1}, EpochRecord(1, 0, 0, 0, None).to_dict() | {"more": 1}):
        with pytest.raises(InputError, match="the record of an epoch has epoch, total, recon, kl, val; got"):
            EpochRecord.from_dict(record)


Select = Literal["last", "val"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("select", ["last", "val"])
def test_a_cuda_run_goes_on_with_the_same_random_numbers(
    select: Select, split: LinkSplit, tmp_path: Path
) -> None:
    config = replace(CONFIG, select=select, loss="sampled")
    development = split.development.to("cuda")
    whole, model = (make("dropout", split).to("cuda") for _ in range(2))
    expected = fit(LinkTask(whole, development), config)
    with pytest.raises(KeyboardInterrupt):
        fit(
            LinkTask(model, development),
            config,
            on_epoch=interrupt_at(7, []),
            checkpoint=EveryEpoch(tmp_path / "state"),
        )
    model = make("dropout", split).to("cuda")
    history = fit(LinkTask(model, development), config, checkpoint=EveryEpoch(tmp_path / "state"))
    assert [r.total for r in history.records] == pytest.approx([r.total for r in expected.records], rel=1e-4)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, whole.state_dict()[name], rtol=1e-3, atol=1e-4)
