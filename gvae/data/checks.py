"""The numbers that a graph carries, checked once, where they enter: features and weights."""

from __future__ import annotations

import torch
from torch import Tensor

from gvae.errors import InputError


def check_features(x: Tensor, num_nodes: int) -> None:
    """Raise ``InputError`` unless features are dense or sparse CSR, ``(N, D)``, and finite."""
    if x.dim() != 2 or x.size(0) != num_nodes:
        raise InputError(f"x must have shape ({num_nodes}, D), one row a node, got {tuple(x.shape)}")
    check_finite(x)


def check_finite(x: Tensor) -> None:
    """Raise ``InputError`` unless features are dense or sparse CSR, and finite."""
    if x.layout not in (torch.strided, torch.sparse_csr):
        raise InputError(f"x must be dense or CSR, got {x.layout}")
    if not _all_finite(x if x.layout == torch.strided else x.values()):
        coo = x.to_sparse_coo().coalesce()  # type: ignore[no-untyped-call]
        place = int((~coo.values().isfinite()).nonzero()[0])
        node, column = coo.indices()[:, place].tolist()
        raise InputError(
            f"x must be finite, got {coo.values()[place].item()} for node {node}, feature {column}; "
            f"replace it, or leave the feature out"
        )


def check_weight(weight: Tensor, edge_index: Tensor) -> None:
    """Raise ``InputError`` unless there is a finite weight >= 0 for each edge, shape ``(E,)``."""
    if weight.shape != (edge_index.size(1),):
        raise InputError(f"edge_weight must have shape ({edge_index.size(1)},), got {tuple(weight.shape)}")
    if not _all_finite(weight) or (weight < 0).any():
        edge = int((~(weight.isfinite() & (weight >= 0))).nonzero()[0])
        src, dst = edge_index[:, edge].tolist()
        raise InputError(
            f"edge_weight must be finite and >= 0, got {weight[edge].item():g} for the edge {src} - {dst}"
        )


def _all_finite(values: Tensor) -> bool:
    """Whether all are finite, without a mask of their size: NaN is both least and largest."""
    return not values.numel() or bool(torch.stack(values.aminmax()).isfinite().all())
