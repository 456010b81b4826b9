"""Parts joined into models, and ``build`` to make one by name."""

from gvae.models.autoencoder import GAE, VGAE, GraphModel
from gvae.models.heuristics import Heuristic
from gvae.models.registry import build

__all__ = ["GAE", "VGAE", "GraphModel", "Heuristic", "build"]
