"""What gvae is compared with, each as its users have it, and as fast as it goes that way.

Each is called as ``peer(split, epochs, seed, on_epoch)``, trains on ``split.development.train`` and gives a
function from pairs ``(2, P)`` to their scores; ``on_epoch`` is called after each epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch_geometric import seed_everything
from torch_geometric.nn import GAE, VGAE, GCNConv

from gvae.data import LinkSplit
from gvae.errors import InputError
from gvae.models import Heuristic

HIDDEN, LATENT, LR = 32, 16, 0.01

Score = Callable[[Tensor], Tensor]
OnEpoch = Callable[[], None]


def features(split: LinkSplit) -> Tensor:
    """X of a split; every graph of the benchmark has features.

    Raises
    ------
    InputError
        If there are none.
    """
    if split.test.x is None:
        raise InputError("the benchmark's graphs have features, got a graph without")
    return split.test.x


class PygEncoder(nn.Module):
    """The GCN of PyTorch Geometric's ``examples/autoencoder.py``: one head for GAE, two for VGAE.

    Its normalised adjacency is kept (``cached=True``), as in the example's earlier versions: faster.
    """

    def __init__(self, in_channels: int, num_heads: int) -> None:
        super().__init__()
        self.conv1 = GCNConv(in_channels, HIDDEN, cached=True)
        self.heads = nn.ModuleList(GCNConv(HIDDEN, LATENT, cached=True) for _ in range(num_heads))

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor | tuple[Tensor, ...]:
        """``z``, or ``(mu, logstd)``."""
        x = self.conv1(x, edge_index).relu()
        outputs = tuple(head(x, edge_index) for head in self.heads)
        return outputs if len(outputs) > 1 else outputs[0]


def pyg(split: LinkSplit, epochs: int, seed: int, on_epoch: OnEpoch, *, variational: bool = True) -> Score:
    """PyTorch Geometric's ``GAE`` or ``VGAE`` as its example trains them.

    Negatives are sampled anew each epoch by ``recon_loss``; positives are the training edges, each once, as
    ``RandomLinkSplit(is_undirected=True)`` hands them over there. ``split`` has dense features.
    """
    seed_everything(seed)
    train = split.development.train
    x = features(split)
    encoder = PygEncoder(x.size(1), 2 if variational else 1)
    model = (VGAE if variational else GAE)(encoder)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    for _ in range(epochs):
        model.train()
        optimizer.zero_grad()
        z = model.encode(x, train.edge_index)
        loss = model.recon_loss(z, train.positives)
        if variational:
            loss = loss + (1 / train.num_nodes) * model.kl_loss()
        loss.backward()
        optimizer.step()
        loss.item()  # the example reads it, too
        on_epoch()
    return lambda pairs: _pyg_scores(model, split, pairs)


@torch.no_grad()
def _pyg_scores(model: GAE, split: LinkSplit, pairs: Tensor) -> Tensor:
    model.eval()
    z = model.encode(split.test.x, split.test.edge_index)
    scores: Tensor = model.decoder(z, pairs, sigmoid=False)
    return scores


def dense_loss(z: Tensor, target: Tensor) -> Tensor:
    """Kipf and Welling's weighted cross-entropy over all pairs, every matrix of it ``(N, N)``.

    Parameters
    ----------
    z
        Shape ``(N, D)``.
    target
        A + I, shape ``(N, N)``.
    """
    pairs = target.numel()
    num_edges = target.sum() - z.size(0)  # in both directions, the diagonal left out, as in Kipf's code
    pos_weight = (pairs - num_edges) / num_edges
    norm = pairs / (2 * (pairs - num_edges))
    return norm * binary_cross_entropy_with_logits(z @ z.T, target, pos_weight=pos_weight)


def dense(split: LinkSplit, epochs: int, seed: int, on_epoch: OnEpoch) -> Score:
    """A VGAE with the full loss in plain torch and its autograd, as one would write it.

    The target and the logits are dense; X (COO) and A~ (CSR) are sparse, and A~ H is shared by both heads:
    the fastest of the combinations of layouts.
    """
    generator = torch.Generator().manual_seed(seed)
    train = split.development.train
    x, num_nodes = features(split), train.num_nodes
    x = x.to_sparse(layout=torch.sparse_coo) if x.is_sparse_csr else x
    target = torch.eye(num_nodes)
    target[train.edge_index[0], train.edge_index[1]] = 1
    scale = target.sum(1).rsqrt()
    adjacency = (target * scale[:, None] * scale).to_sparse_csr()
    shapes = [(x.size(1), HIDDEN), (HIDDEN, LATENT), (HIDDEN, LATENT)]
    weights = [nn.init.xavier_uniform_(torch.empty(shape), generator=generator) for shape in shapes]
    optimizer = torch.optim.Adam([weight.requires_grad_() for weight in weights], lr=LR)
    for _ in range(epochs):
        mu, logstd = _gcn(x, adjacency, weights)
        z = mu + torch.randn(mu.shape, generator=generator) * logstd.exp()
        kl = -0.5 * (1 + 2 * logstd - mu**2 - (2 * logstd).exp()).sum(1).mean()
        loss = dense_loss(z, target) + kl / num_nodes
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        on_epoch()
    return partial(_inner_products, _gcn(x, adjacency, weights)[0].detach())


def _gcn(x: Tensor, adjacency: Tensor, weights: list[Tensor]) -> tuple[Tensor, Tensor]:
    """``(mu, logstd)``, each ``(N, 16)``."""
    hidden = adjacency @ (adjacency @ (x @ weights[0])).relu()
    return hidden @ weights[1], hidden @ weights[2]


def _inner_products(z: Tensor, pairs: Tensor) -> Tensor:
    return (z[pairs[0]] * z[pairs[1]]).sum(1)


def spectral(split: LinkSplit, epochs: int, seed: int, on_epoch: OnEpoch) -> Score:
    """Cosine of the normalised adjacency's top eigenvectors (SciPy's ``eigsh``); no epochs, no features."""
    heuristic = Heuristic("spectral")
    heuristic.score(split.test, split.test.positives[:, :0])  # builds it
    return lambda pairs: heuristic.score(split.test, pairs)
