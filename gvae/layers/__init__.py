"""The parts of a model; torch modules that know nothing of training."""

from gvae.layers.decoders import Decoder, InnerProductDecoder
from gvae.layers.encoders import GCNEncoder, GCNLayer
from gvae.layers.posterior import CholeskyPosterior, GaussianPosterior, PointPosterior, Posterior
from gvae.layers.sparse import normalized_adjacency, propagate, sparse_matmul

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
