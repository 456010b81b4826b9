"""The parts of a model; torch modules that know nothing of training.

The names are imported at first use.
"""

from typing import TYPE_CHECKING

from gvae._lazy import lazy_names

if TYPE_CHECKING:
    from gvae.layers.decoders import Decoder, InnerProductDecoder
    from gvae.layers.encoders import GCNEncoder, GCNLayer
    from gvae.layers.posterior import CholeskyPosterior, GaussianPosterior, PointPosterior, Posterior
    from gvae.layers.sparse import normalized_adjacency, propagate, sparse_matmul

_HOMES = {
    "gvae.layers.decoders": (
        "Decoder",
        "InnerProductDecoder",
    ),
    "gvae.layers.encoders": (
        "GCNEncoder",
        "GCNLayer",
    ),
    "gvae.layers.posterior": (
        "CholeskyPosterior",
        "GaussianPosterior",
        "PointPosterior",
        "Posterior",
    ),
    "gvae.layers.sparse": (
        "normalized_adjacency",
        "propagate",
        "sparse_matmul",
    ),
}

__all__ = [
    "CholeskyPosterior",
    "Decoder",
    "GCNEncoder",
    "GCNLayer",
    "GaussianPosterior",
    "InnerProductDecoder",
    "PointPosterior",
    "Posterior",
    "normalized_adjacency",
    "propagate",
    "sparse_matmul",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
