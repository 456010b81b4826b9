"""Parts joined into models, and ``build`` to make one by name.

The names are imported at first use.
"""

from typing import TYPE_CHECKING

from gvae._lazy import lazy_names

if TYPE_CHECKING:
    from gvae.models.autoencoder import GAE, VGAE, GraphModel
    from gvae.models.heuristics import Heuristic
    from gvae.models.registry import build

_HOMES = {
    "gvae.models.autoencoder": (
        "GAE",
        "VGAE",
        "GraphModel",
    ),
    "gvae.models.heuristics": ("Heuristic",),
    "gvae.models.registry": ("build",),
}

__all__ = [
    "GAE",
    "VGAE",
    "GraphModel",
    "Heuristic",
    "build",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
