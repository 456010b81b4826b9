"""One training loop, and the tasks that it trains."""

from gvae.config import TrainConfig
from gvae.train.checkpoint import Checkpoint
from gvae.train.links import LinkTask
from gvae.train.loop import fit
from gvae.train.task import EpochRecord, History, Task

__all__ = ["Checkpoint", "EpochRecord", "History", "LinkTask", "Task", "TrainConfig", "fit"]
