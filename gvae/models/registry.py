"""Models by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch_geometric.data import Data

from gvae.catalog import MODELS, check_name
from gvae.data import LinkPart
from gvae.layers import GCNEncoder
from gvae.models.autoencoder import GAE, VGAE, GraphModel
from gvae.randomness import new_generator

Builder = Callable[[int, int, int, torch.Generator], GraphModel]


def _gae(in_channels: int, hidden: int, latent: int, generator: torch.Generator) -> GraphModel:
    return GAE(GCNEncoder(in_channels, hidden, latent, heads=("mu",), generator=generator))


def _vgae(in_channels: int, hidden: int, latent: int, generator: torch.Generator) -> GraphModel:
    return VGAE(GCNEncoder(in_channels, hidden, latent, heads=("mu", "logstd"), generator=generator))


BUILDERS: dict[str, Builder] = {"gae": _gae, "vgae": _vgae}


def build(
    name: str, data: Data | LinkPart, *, hidden: int = 32, latent: int = 16, seed: int = 0
) -> GraphModel:
    """Make a model that fits a graph.

    Parameters
    ----------
    name
        One of ``gvae models``: ``"gae"``, ``"vgae"``.
    data
        The graph; its features set the input's width, a featureless one (``x`` is ``None``) its nodes.
    hidden
        Channels of the first layer.
    latent
        Dimensions of z.
    seed
        Seed of the weights. The global random state is neither read nor changed.

    Returns
    -------
    GraphModel
        On the CPU; move it with ``.to(device)``.

    Raises
    ------
    UnknownNameError
        If there is no such model.
    """
    check_name("model", name, MODELS)
    in_channels = int(data.num_nodes or 0) if data.x is None else int(data.x.size(1))
    generator = new_generator(seed, "weights")
    # PyTorch Geometric's layers draw weights from the global state when made; ours replace them.
    with torch.random.fork_rng(devices=[]):
        return BUILDERS[name](in_channels, hidden, latent, generator)
