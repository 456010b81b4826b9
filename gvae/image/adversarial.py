"""Models that learn against a discriminator: the plain GAN, and the VAE-GAN."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gvae.errors import InputError
from gvae.image.model import ImageModel
from gvae.image.networks import Decoder, Encoder, Shape
from gvae.image.vae import VAE
from gvae.layers import Posterior
from gvae.losses import LossOutput


class Adversarial(ImageModel):
    """An image model with a discriminator; `AdversarialTask` trains the two in turn.

    Attributes
    ----------
    discriminator
        Its body gives the features of an image, its one head the logit that the image is real.
    """

    discriminator: Encoder

    @abstractmethod
    def imitate(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images that the discriminator has to tell from the real ones ``x``."""

    def discriminator_loss(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """``-E log D(x) - E log(1 - D(imitation))``, nats; it has gradients for the discriminator alone."""
        with torch.no_grad():
            imitations = self.imitate(x, generator)
        (real,), (false,) = self.discriminator(x), self.discriminator(imitations)
        return softplus(-real).mean() + softplus(false).mean()

    def fooling(self, imitations: Tensor) -> Tensor:
        """``-E log D(imitation)``, the generator's loss that does not saturate, nats, scalar."""
        (logits,) = self.discriminator(imitations)
        return softplus(-logits).mean()


class GAN(Adversarial):
    """Generative adversarial network (Goodfellow et al. 2014, arXiv 1406.2661).

    The discriminator minimises ``-E log D(x) - E log(1 - D(G(z)))``, the generator ``-E log D(G(z))``. There
    is no encoder, and no likelihood.

    Parameters
    ----------
    decoder
        The generator G, from codes to logits of pixels.
    discriminator
        As in `Adversarial`.
    shape, latent
        As in `ImageModel`.
    """

    def __init__(self, decoder: Decoder, discriminator: Encoder, shape: Shape, latent: int) -> None:
        super().__init__(shape, latent)
        self.decoder, self.discriminator = decoder, discriminator

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """There is none: InputError."""
        raise InputError("a GAN has no encoder: whatever starts from images needs one; try vae-gan")

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """``G(z)``, shape ``(n, C, H, W)``, in [0, 1]."""
        logits: Tensor = self.decoder(z)
        return logits.sigmoid()

    def imitate(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """As many draws as there are images."""
        return self.decode(self.prior_sample(len(x), generator))

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        """What the generator minimises, as total and as ``recon``; no KL, so ``beta`` changes nothing."""
        fooling = self.fooling(self.imitate(x, generator))
        return LossOutput(total=fooling, recon=fooling, kl=fooling.new_zeros(()))


class VAEGAN(Adversarial, VAE):
    """VAE whose reconstruction is judged by a discriminator (Larsen et al. 2016, arXiv 1512.09300).

    Instead of ``-log p(x | z)`` it minimises ``1/2 |f(x) - f(decoded)|^2``, f being the discriminator's body,
    and the decoder learns to fool the discriminator, too, with reconstructions and with draws from the
    prior. The encoder does not: it learns from reconstruction and KL alone. Pixels are Bernoulli's means,
    so that an ELBO can be told; it is not what was trained.

    Parameters
    ----------
    encoder, decoder, shape, latent
        As in `VAE`.
    discriminator
        As in `Adversarial`.
    """

    def __init__(
        self, encoder: Encoder, decoder: Decoder, discriminator: Encoder, shape: Shape, latent: int
    ) -> None:
        super().__init__(encoder, decoder, shape, latent)
        self.discriminator = discriminator

    def imitate(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A reconstruction of each image, then as many draws from the prior."""
        return self._imitations(self.encode(x).sample(generator), generator)

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        """What encoder and decoder minimise, ``recon + beta KL + fooling``; ``recon`` is in features."""
        posterior = self.encode(x)
        z = posterior.sample(generator)
        difference = self.discriminator.body(self.decode(z)) - self.discriminator.body(x)
        recon = 0.5 * difference.square().flatten(1).sum(dim=1).mean()
        kl = posterior.kl().mean()
        fooling = self.fooling(self._imitations(z.detach(), generator))
        return LossOutput(total=recon + beta * kl + fooling, recon=recon, kl=kl)

    def _imitations(self, z: Tensor, generator: torch.Generator) -> Tensor:
        return self.decode(torch.cat([z, self.prior_sample(len(z), generator)]))
