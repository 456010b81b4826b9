"""The objective of a graph model: reconstruction plus the weighed KL."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gvae.layers import Posterior


@dataclass(frozen=True)
class LossOutput:
    """A loss and its parts, scalars; ``total`` is what is minimised, the parts come without weights."""

    total: Tensor
    recon: Tensor
    kl: Tensor


def variational_loss(recon: Tensor, posterior: Posterior, beta: float = 1.0) -> LossOutput:
    """``total = recon + (beta / N) mean_i KL_i``: the objective of a graph model.

    ``KL_i`` is node i's KL to the standard normal, summed over the latent dimensions. The summed KL is so
    weighed by 1/N^2, like the mean over N^2 pairs in ``recon``; beta = 1 is the objective of Kipf's code
    (and of PyTorch Geometric's example). With an unweighted ``recon`` that would be the negative ELBO over
    N^2; as ``pos_weight`` lifts ``recon``, beta = 1 weighs the KL less than the ELBO does.

    Parameters
    ----------
    recon
        Reconstruction loss, a mean over pairs, scalar.
    posterior
        Gives ``kl()``, nats a node, shape ``(N,)``; reported as their mean.
    beta
        Weight of the KL term (Higgins et al. 2017).

    Returns
    -------
    LossOutput
        The total, ``recon`` as given, and the mean KL.
    """
    kl = posterior.kl()
    mean = kl.mean()
    return LossOutput(total=torch.add(recon, mean, alpha=beta / kl.numel()), recon=recon, kl=mean)
