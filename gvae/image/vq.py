"""VQ-VAE: codes from a learned book."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from gvae.image.autoencoders import Autoencoder
from gvae.image.likelihoods import Likelihood
from gvae.image.networks import Decoder, Encoder, Shape
from gvae.layers import PointPosterior
from gvae.losses import LossOutput

COMMITMENT = 0.25
"""Weight of the term that keeps the encoder near the codes that it has chosen (van den Oord et al. 2017)."""

CODE_NUMBERS = 4
"""Numbers of one code, d, at most: the greatest common divisor of this and the latent dimensions."""


class VQVAE(Autoencoder):
    """Vector-quantised autoencoder (van den Oord, Vinyals and Kavukcuoglu 2017, arXiv 1711.00937).

    The encoder's D numbers are M = D / d vectors, and each becomes the nearest of the K codes e of one book,
    which all positions share. With sg for "no gradient passes", the loss is (eq. 3)
    ``-log p(x | e) + |sg[z] - e|^2 + 0.25 |z - sg[e]|^2``, summed over the vectors, and the gradient of the
    first term passes from e to z as if they were one. The KL of the chosen codes to the uniform prior over
    the book is constant, ``M log K``; reconstruction and KL together bound ``-log p(x)``, in nats.

    Parameters
    ----------
    components
        K.
    others
        As in `Autoencoder`.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        shape: Shape,
        latent: int,
        *,
        components: int = 500,
        likelihood: Likelihood | None = None,
    ) -> None:
        super().__init__(encoder, decoder, shape, latent, likelihood=likelihood)
        self.book = nn.Parameter(torch.empty(components, math.gcd(latent, CODE_NUMBERS)))
        nn.init.normal_(self.book)  # of the size of codes that were learned; near 0 most are never chosen

    def encode(self, x: Tensor, y: Tensor | None = None) -> PointPosterior:
        """The chosen codes of each image, one after the other, shape ``(n, D)``; the gradient is z's."""
        z = super().encode(x).mean
        return PointPosterior(_straight_through(z, self.look_up(self.nearest(z))))

    def nearest(self, z: Tensor) -> Tensor:
        """Numbers of the codes nearest to the vectors of z ``(n, D)``, shape ``(n, M)``."""
        vectors = z.detach().view(-1, self.book.size(1))  # (n M, d)
        distances = self.book.square().sum(dim=1) - 2 * vectors @ self.book.t()  # less |z|^2, which all share
        return distances.argmin(dim=1).view(len(z), -1)

    def look_up(self, codes: Tensor) -> Tensor:
        """The codes of these numbers ``(n, M)``, one after the other, shape ``(n, D)``."""
        return embedding(codes, self.book).flatten(1)

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        """Eq. 3 of the paper, and beta times the constant KL."""
        z = super().encode(x).mean
        chosen = self.look_up(self.nearest(z))
        recon = -self.likelihood.log_prob(self.output(_straight_through(z, chosen)), x).mean()
        book = (z.detach() - chosen).square().sum(dim=1).mean()
        commitment = (z - chosen.detach()).square().sum(dim=1).mean()
        kl = recon.new_tensor(self.latent // self.book.size(1) * math.log(len(self.book)))
        return LossOutput(total=recon + book + COMMITMENT * commitment + beta * kl, recon=recon, kl=kl)

    def prior_sample(self, number: int, generator: torch.Generator) -> Tensor:
        """Codes drawn uniformly from the book, shape ``(number, D)``."""
        shape = (number, self.latent // self.book.size(1))
        codes = torch.randint(len(self.book), shape, generator=generator, device=generator.device)
        return self.look_up(codes)


def _straight_through(z: Tensor, chosen: Tensor) -> Tensor:
    """``chosen`` to the bit, with the gradient of z (Bengio et al. 2013)."""
    return chosen.detach() + (z - z.detach())
