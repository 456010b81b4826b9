"""Graph autoencoders on PyTorch Geometric: benchmarks that can be trusted, embeddings, missing links.

The public names are imported at first use, so that ``import gvae`` costs nothing.
"""

from typing import TYPE_CHECKING

from gvae._lazy import lazy_names

if TYPE_CHECKING:
    from gvae.data import LinkSplit, audit_split, make_graph, read_graph, sample_negatives, split_links
    from gvae.errors import GvaeError
    from gvae.estimator import GraphAutoencoder
    from gvae.experiment import Experiment, run_seeds
    from gvae.metrics import Scores
    from gvae.models import GAE, VGAE, build
    from gvae.presets import Preset
    from gvae.protocols import Protocol
    from gvae.scoring import evaluate
    from gvae.train import History, LinkTask, TrainConfig, fit

__version__ = "0.1.0"

_HOMES = {
    "gvae.data": ("LinkSplit", "audit_split", "make_graph", "read_graph", "sample_negatives", "split_links"),
    "gvae.errors": ("GvaeError",),
    "gvae.estimator": ("GraphAutoencoder",),
    "gvae.experiment": ("Experiment", "run_seeds"),
    "gvae.metrics": ("Scores",),
    "gvae.models": ("GAE", "VGAE", "build"),
    "gvae.presets": ("Preset",),
    "gvae.protocols": ("Protocol",),
    "gvae.scoring": ("evaluate",),
    "gvae.train": ("History", "LinkTask", "TrainConfig", "fit"),
}

__all__ = [
    "GAE",
    "VGAE",
    "Experiment",
    "GraphAutoencoder",
    "GvaeError",
    "History",
    "LinkSplit",
    "LinkTask",
    "Preset",
    "Protocol",
    "Scores",
    "TrainConfig",
    "audit_split",
    "build",
    "evaluate",
    "fit",
    "make_graph",
    "read_graph",
    "run_seeds",
    "sample_negatives",
    "split_links",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
