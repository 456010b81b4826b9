"""A `gvae.GraphAutoencoder` as the parts of a bundle, and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gvae.bundle import Bundle
from gvae.calibration import Calibration
from gvae.data.graph import density
from gvae.data.tensors import graph_from_tensors, graph_hash, graph_tensors
from gvae.environment import environment, resolve_device
from gvae.errors import GvaeWarning, InputError
from gvae.metrics import Scores
from gvae.models import build
from gvae.models.weights import check_weights
from gvae.train import EpochRecord, History

if TYPE_CHECKING:
    from gvae.estimator import GraphAutoencoder

TEXTS = ("class_names", "feature_columns")
"""What a graph has beside tensors and ids."""


def to_bundle(trained: GraphAutoencoder, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of `gvae.bundle.write_bundle` for a trained estimator."""
    data, history = trained.graph_, trained.history_
    return {
        "tensors": {name: part.contiguous().cpu() for name, part in trained.model_.state_dict().items()},
        "graph": graph_tensors(data),
        "config": {
            "parameters": {name: _plain(value) for name, value in trained.fitted_params_.items()},
            "calibration": trained.calibration_ and asdict(trained.calibration_),
            "held_out": trained.held_out_,
            "val_scores": trained.val_scores_ and trained.val_scores_.to_dict(),
            "history": {"epochs": history.epochs, "epoch": history.epoch, "seconds": history.seconds},
            "graph": {key: data.get(key) for key in TEXTS},
            "has_ids": "node_ids" in data,
        },
        "history": [record.to_dict() for record in history.records],
        "embedding": trained.embedding_frame(),
        "manifest": {**_manifest(trained), **manifest},
    }


def restore(estimator: GraphAutoencoder, bundle: Bundle) -> None:
    """Give an estimator, made with the bundle's parameters, what was learned."""
    if bundle.graph is None or bundle.embedding is None:
        raise LookupError("no graph or no embedding")
    config, data = bundle.config, graph_from_tensors(bundle.graph)
    if config["has_ids"]:
        data.node_ids = bundle.embedding["id"].to_list()
    for key in TEXTS:
        if config["graph"][key] is not None:
            data[key] = config["graph"][key]
    model = build(estimator.model, data, hidden=estimator.hidden, latent=estimator.latent)
    model.load_state_dict(bundle.tensors)
    check_weights(model)
    records = [EpochRecord.from_dict(record) for record in bundle.history]
    estimator.history_ = History(records, **config["history"])
    curve = {name: tuple(values) for name, values in (config["calibration"] or {}).items()}
    estimator.calibration_ = Calibration(**curve) if curve else None
    estimator.held_out_ = config["held_out"]
    estimator.val_scores_ = config["val_scores"] and Scores.from_dict(config["val_scores"])
    model = model.eval().to(_device(estimator.device))
    estimator.fitted_params_ = config["parameters"]
    estimator._keep(model, data, bundle.embedding.drop("id").to_numpy(writable=True))


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, for JSON."""
    return value.item() if isinstance(value, np.generic) else value


def _device(name: str) -> torch.device:
    """The device that was trained on, or the CPU where it is not to be had."""
    try:
        return resolve_device(name)
    except InputError as error:
        warnings.warn(f"{error}; the CPU is used", GvaeWarning, stacklevel=5)
        return torch.device("cpu")


def _manifest(trained: GraphAutoencoder) -> dict[str, Any]:
    data = trained.graph_
    return {
        "model": trained.fitted_params_["model"],
        "graph": {
            "nodes": data.num_nodes,
            "edges": data.num_edges // 2,
            "features": trained.n_features_in_,
            "density": density(data),
            "sha256": graph_hash(data),
        },
        "held_out": trained.held_out_,
        "val": trained.val_scores_ and trained.val_scores_.to_dict(),
        "seconds": trained.history_.seconds,
        "device": str(next(trained.model_.parameters()).device),
        "environment": environment(),
    }
