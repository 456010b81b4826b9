"""One training loop, and the tasks that it trains.

The names are imported at first use.
"""

from typing import TYPE_CHECKING

from gvae._lazy import lazy_names

if TYPE_CHECKING:
    from gvae.config import TrainConfig
    from gvae.train.checkpoint import Checkpoint
    from gvae.train.links import LinkTask
    from gvae.train.loop import fit
    from gvae.train.task import EpochRecord, History, Task

_HOMES = {
    "gvae.config": ("TrainConfig",),
    "gvae.train.checkpoint": ("Checkpoint",),
    "gvae.train.links": ("LinkTask",),
    "gvae.train.loop": ("fit",),
    "gvae.train.task": (
        "EpochRecord",
        "History",
        "Task",
    ),
}

__all__ = [
    "Checkpoint",
    "EpochRecord",
    "History",
    "LinkTask",
    "Task",
    "TrainConfig",
    "fit",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
