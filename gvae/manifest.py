"""The manifest: all that a reader of a result needs to tell how each number was made, and to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from torch_geometric.data import Data

from gvae.catalog import HEURISTICS, METRICS, MODELS, TIES
from gvae.data import LinkSplit
from gvae.data.split_files import split_hashes
from gvae.data.splits import PARTS
from gvae.data.tensors import graph_hash
from gvae.environment import environment
from gvae.presets import Preset
from gvae.protocols import PROTOCOLS

KL = "total = recon + (beta / N) mean_i KL_i"
NEGATIVES = {
    "uniform": "as many uniform non-edges as positives, against all edges, drawn once",
    "heart": "HeaRT: 250 hard candidates for each end of a positive; known edges are left out, "
    "other positives of the same or a later part are not",
    "heart-filtered": "HeaRT: 250 hard candidates for each end of a positive, none an edge",
}


def manifest(
    data: Data,
    model: str,
    protocol: str,
    preset: Preset,
    *,
    seeds: Sequence[int],
    splits: Sequence[Mapping[str, Any]],
    read: Mapping[str, Any],
    split_file: str | None,
    foreign: str | None,
    device: str,
    started: str,
    jobs: int,
    seconds: float,
    memory: int | None,
) -> dict[str, Any]:
    """Everything about a result but its numbers, ready for JSON.

    Parameters
    ----------
    data
        The graph as it was given.
    model, protocol, preset
        What was trained, how it was measured and how it was trained.
    seeds
        Those asked for.
    splits
        `split_record` of each finished run.
    read
        How the graph's file was read, keywords of `gvae.read_graph`.
    split_file
        Where splits were read from, if they were.
    foreign
        What a split file of another program has, in words; None if the splits are ours.
    device
        ``"cpu"`` or ``"cuda"``.
    started
        When, ISO 8601.
    jobs
        Runs made at once, each in a process of its own with its share of the threads: what slows down each.
    seconds
        Wall time of all runs, one added to the other, splits included where they were made for this model:
        the first of several on a data set.
    memory
        Peak of this process, or of the largest of several, bytes.
    """
    features = data.x.size(1) if preset.features and data.x is not None else 0
    return {
        **_trained(model, preset),
        "protocol": asdict(PROTOCOLS[protocol]),
        **_rules(model, protocol, preset),
        **({"negatives": f"as the split file gives them: {foreign}"} if foreign else {}),
        "seeds": list(seeds),
        "splits": list(splits),
        "split_file": split_file,
        "read": dict(read),
        "graph": {
            "nodes": data.num_nodes,
            "edges": data.num_edges // 2,
            "features": features,
            "sha256": graph_hash(data),
        },
        "device": device,
        "started": started,
        "jobs": jobs,
        "wall_seconds": seconds,
        "peak_memory_bytes": memory,
        "environment": environment(),
    }


def split_record(seed: int, split: LinkSplit) -> dict[str, Any]:
    """What identifies a run's split: its seed, hashes and the sizes of its parts."""
    parts = dict(zip(PARTS, split.parts, strict=True))
    sizes = {name: part.positives.size(1) for name, part in parts.items()}
    negatives = {f"{name}_negatives": parts[name].negatives[0].numel() for name in ("val", "test")}
    return {"seed": seed, **split_hashes(split), "nodes": split.test.num_nodes, **sizes, **negatives}


def flat(preset: Preset) -> dict[str, Any]:
    """The settings of a preset by name; ``select`` is the protocol's and ``seed`` the run's."""
    settings = asdict(preset)
    train = settings.pop("train")
    return settings | {name: value for name, value in train.items() if name not in ("select", "seed")}


def _trained(model: str, preset: Preset) -> dict[str, Any]:
    """What the model is, and what it was trained with."""
    if model in HEURISTICS:
        return {"model": HEURISTICS[model].summary, "preset": {"features": preset.features}}
    return {
        "model": MODELS[model].summary,
        "preset": flat(preset),
        "optimizer": "Adam",
        "initialisation": "Glorot uniform, no bias",
        "kl": KL,
    }


def _rules(model: str, name: str, preset: Preset) -> dict[str, Any]:
    """What the protocol means, in words."""
    protocol = PROTOCOLS[name]
    chosen = f"the best {protocol.metrics[0]} on val, every {preset.train.eval_every} epochs"
    selection = chosen if protocol.select == "val" else "the last epoch"
    return {
        "messages_at_test": "train and val edges" if protocol.val_edges_at_test else "train edges",
        "negatives": NEGATIVES[protocol.negatives],
        "selection": "nothing is trained" if model in HEURISTICS else selection,
        "ties": TIES,
        "metrics": METRICS,
    }
