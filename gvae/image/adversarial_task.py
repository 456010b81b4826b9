"""The task of models that learn against a discriminator: two optimisers in turn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gvae.image.adversarial import Adversarial
from gvae.image.task import ImageTask
from gvae.losses import LossOutput
from gvae.train.adam import adam_step

BETAS = (0.5, 0.999)
"""Adam's, as is usual for GANs (Radford et al. 2016, arXiv 1511.06434)."""


class AdversarialTask(ImageTask):
    """Train an `Adversarial` model: for each batch one step of the discriminator, then one of all the rest.

    The loss that is reported is the sum of the two players' losses; ``recon`` and ``kl`` are the model's
    own. Neither says how good the images are, so validation gives no figure: the last epoch is kept.

    Parameters
    ----------
    model, others
        As in `ImageTask`.
    """

    model: Adversarial

    def _build_optimizers(self, lr: float) -> None:
        self._weights = [
            weight for name, weight in self.model.named_parameters() if not name.startswith("discriminator.")
        ]
        self._players = (
            torch.optim.Adam(self.model.discriminator.parameters(), lr=lr, betas=BETAS, fused=True),
            torch.optim.Adam(self._weights, lr=lr, betas=BETAS, fused=True),
        )

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """The discriminator's Adam, then that of the rest."""
        return self._players

    def step(self, batch: Tensor, generator: torch.Generator, value: bool) -> LossOutput:
        """One step of the discriminator, and one of the rest against it."""
        x, y = self.images(batch, generator)
        discriminator, rest = self._players
        told = self.model.discriminator_loss(x, generator)
        discriminator.zero_grad()
        told.backward()  # type: ignore[no-untyped-call]
        adam_step(discriminator)
        loss = self.model.loss(x, y, self._beta, generator)
        rest.zero_grad()
        loss.total.backward(inputs=self._weights)  # type: ignore[no-untyped-call]
        adam_step(rest)
        return LossOutput((loss.total + told).detach(), loss.recon.detach(), loss.kl.detach())

    def validate(self) -> float | None:
        """None: no loss of a game says which epoch is best."""
        return None
