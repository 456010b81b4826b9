from __future__ import annotations

import pytest
import torch

from gvae.layers import GaussianPosterior
from gvae.losses import variational_loss


def test_the_kl_is_weighed_by_beta_over_the_nodes() -> None:
    posterior = GaussianPosterior(torch.ones(5, 3), torch.zeros(5, 3))
    loss = variational_loss(torch.tensor(2.0), posterior, beta=4.0)
    assert loss.kl.item() == pytest.approx(1.5)  # 3 * 1/2 nats a node
    assert loss.recon.item() == 2.0
    assert loss.total.item() == pytest.approx(2.0 + 4.0 / 5 * 1.5)
