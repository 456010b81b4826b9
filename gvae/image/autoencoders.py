"""Autoencoders without a prior: plain, tied, sparse, contractive, denoising."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, linear

from gvae.errors import InputError
from gvae.image.likelihoods import Bernoulli, Likelihood
from gvae.image.model import ImageModel
from gvae.image.networks import Activation, Decoder, Encoder, Shape
from gvae.layers import PointPosterior
from gvae.losses import LossOutput

SPARSITY_RATE = 0.05
"""Mean activation that each unit of a sparse code is drawn to (Ng 2011)."""

MASKED_SHARE = 0.25
"""Share of the pixels that a denoising autoencoder does not see in training (Vincent et al. 2008)."""


class Autoencoder(ImageModel):
    """Plain autoencoder: one code for each image, ``z = f(x)``, and no prior (Hinton and Salakhutdinov 2006).

    The loss is ``-log p(x | z) + beta R(z)``, with a penalty R that the relatives below define; here it is 0.

    Parameters
    ----------
    encoder, decoder
        Networks; the encoder has one head of D outputs, ``{"code": D}``.
    shape, latent
        As in `ImageModel`.
    likelihood
        p(x | z), `Bernoulli` by default: the cross-entropy.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        shape: Shape,
        latent: int,
        *,
        likelihood: Likelihood | None = None,
    ) -> None:
        super().__init__(shape, latent)
        self.encoder, self.decoder = encoder, decoder
        self.likelihood = likelihood if likelihood is not None else Bernoulli()

    def check(self, x: Tensor) -> None:
        """InputError for images of another shape, or such that have no likelihood."""
        super().check(x)
        self.likelihood.check(x)

    def encode(self, x: Tensor, y: Tensor | None = None) -> PointPosterior:
        """The code of each image, a point; ``y`` is not looked at."""
        return PointPosterior(*self.encoder(x))

    def output(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The parameters of p(x | z): logits or means, shape ``(n, C, H, W)``."""
        images: Tensor = self.decoder(z)
        return images

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The mean of p(x | z)."""
        return self.likelihood.mean(self.output(z))

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        """``-log p(x | z) + beta R(z)``; R stands in the place of the KL, and is reported there."""
        z = self.encode(self.seen(x, generator)).mean
        recon = -self.likelihood.log_prob(self.output(z), x).mean()
        penalty = self.penalty(z)
        return LossOutput(total=recon + beta * penalty, recon=recon, kl=penalty)

    def seen(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The images that the encoder is shown, of the shape of x; here x itself."""
        return x

    def penalty(self, z: Tensor) -> Tensor:
        """R of the codes of a batch, a scalar."""
        return z.new_zeros(())

    def prior_sample(self, number: int, generator: torch.Generator) -> Tensor:
        """InputError: there is no prior."""
        raise InputError("an autoencoder has no prior to sample from; train a VAE")


class SparseAutoencoder(Autoencoder):
    """Autoencoder whose code units are sigmoids that seldom fire (Ng 2011, CS294A lecture notes, section 3).

    ``R = sum_d rho log(rho / r_d) + (1 - rho) log((1 - rho) / (1 - r_d))``, the KL in nats of unit d's mean
    activation r_d over the batch to the rate rho = `SPARSITY_RATE`.
    """

    def encode(self, x: Tensor, y: Tensor | None = None) -> PointPosterior:
        """The code of each image, D numbers in (0, 1)."""
        return PointPosterior(super().encode(x).mean.sigmoid())

    def penalty(self, z: Tensor) -> Tensor:
        """The summed KL of the mean activations; finite, too, where a unit has saturated."""
        mean, rate = z.mean(dim=0), SPARSITY_RATE
        entropy = -rate * math.log(rate) - (1 - rate) * math.log1p(-rate)
        rates = torch.full_like(mean, rate)
        return binary_cross_entropy(mean, rates, reduction="sum") - entropy * len(mean)


class ContractiveAutoencoder(Autoencoder):
    """Autoencoder of one sigmoid layer, tied, whose code changes little with the image.

    ``R = |dz / dx|_F^2 = sum_d (z_d (1 - z_d))^2 sum_i W_di^2``, the mean over the batch (Rifai et al. 2011,
    ICML, eq. 7).

    Parameters
    ----------
    shape, latent
        As in `ImageModel`.
    likelihood
        As in `Autoencoder`.
    """

    def __init__(self, shape: Shape, latent: int, *, likelihood: Likelihood | None = None) -> None:
        encoder = Encoder(nn.Flatten(), math.prod(shape), {"code": latent})
        super().__init__(encoder, tied_decoder(encoder, shape), shape, latent, likelihood=likelihood)

    def encode(self, x: Tensor, y: Tensor | None = None) -> PointPosterior:
        """The code of each image, ``sigmoid(W x + b)``."""
        return PointPosterior(super().encode(x).mean.sigmoid())

    def penalty(self, z: Tensor) -> Tensor:
        """The mean squared Frobenius norm of the Jacobian."""
        lengths = self.encoder.get_parameter("heads.code.weight").square().sum(dim=1)  # (D,)
        return ((z * (1 - z)).square() @ lengths).mean()


class DenoisingAutoencoder(Autoencoder):
    """Autoencoder that is shown images with pixels set to 0, and learns to give back the whole ones.

    (Vincent et al. 2008, ICML: masking noise.) Each pixel is masked with probability `MASKED_SHARE`, in
    training alone.
    """

    def seen(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Masked images in training mode; in evaluation mode x itself."""
        if not self.training:
            return x
        return x * torch.bernoulli(torch.full_like(x, 1 - MASKED_SHARE), generator=generator)


class TransposedLinear(nn.Module):
    """``W^T h + c`` with the weight W of another layer and a bias c of its own."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self._layers = (layer,)  # in a tuple, so that its weight is registered where it belongs, once
        self.bias = nn.Parameter(torch.zeros(layer.in_features))

    def forward(self, hidden: Tensor) -> Tensor:
        """Map ``(n, out_features)`` of the layer to ``(n, in_features)``."""
        return linear(hidden, self._layers[0].weight.t(), self.bias)


def tied_decoder(encoder: Encoder, shape: Shape, activation: Activation = nn.ReLU) -> Decoder:
    """The encoder's linear layers backwards, each weight transposed, an activation between two.

    Tied weights, ``W' = W^T`` (Vincent et al. 2008, section 2.2). The encoder has one head.
    """
    layers = [layer for layer in encoder.modules() if isinstance(layer, nn.Linear)]
    body: list[nn.Module] = []
    for layer in reversed(layers):
        body += [TransposedLinear(layer), activation()]
    return Decoder(nn.Sequential(*body[:-1]), shape)
