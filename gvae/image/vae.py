"""The variational autoencoder and its relatives that share its bound: IWAE, conditional, VampPrior."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gvae.image.likelihoods import Bernoulli, Likelihood
from gvae.image.model import ImageModel
from gvae.image.networks import Decoder, Encoder, Shape, joined
from gvae.layers import CholeskyPosterior, GaussianPosterior
from gvae.losses import LossOutput

ImagePosterior = GaussianPosterior | CholeskyPosterior

Draws = tuple[Tensor, Tensor, Tensor]
"""Of draws ``log p(x | z)`` and ``log p(z) / q(z | x)``, ``(samples, n)``, and eps, ``(samples, n, D)``."""

DECODED_AT_ONCE = 256
"""Draws that pass the decoder together, if an image has several: as many as stay in the cache."""


class VAE(ImageModel):
    """Variational autoencoder (Kingma and Welling 2014, arXiv 1312.6114), and its relatives by argument.

    ``samples`` > 1 trains the importance-weighted bound (IWAE, Burda et al. 2016, arXiv 1509.00519),
    ``log 1/k sum_k p(x, z_k) / q(z_k | x)``, whose gradient is estimated from one of the k draws, chosen with
    its weight; ``classes`` > 0 makes it conditional (Sohn et al. 2015); a
    `TrainConfig` with beta other than 1 is the beta-VAE (Higgins et al. 2017).

    Parameters
    ----------
    encoder, decoder
        Networks; the encoder's heads are those of ``posterior.heads(latent)``.
    shape, latent, classes
        As in `ImageModel`.
    posterior
        `GaussianPosterior`, or `CholeskyPosterior` for a full covariance.
    likelihood
        p(x | z), `Bernoulli` by default.
    samples
        Draws k of z for each image in training.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        shape: Shape,
        latent: int,
        classes: int = 0,
        *,
        posterior: type[ImagePosterior] = GaussianPosterior,
        likelihood: Likelihood | None = None,
        samples: int = 1,
    ) -> None:
        super().__init__(shape, latent, classes)
        self.encoder, self.decoder = encoder, decoder
        self.posterior, self.samples = posterior, samples
        self.likelihood = likelihood if likelihood is not None else Bernoulli()

    def check(self, x: Tensor) -> None:
        """InputError for images of another shape, or such that have no likelihood."""
        super().check(x)
        self.likelihood.check(x)

    def encode(self, x: Tensor, y: Tensor | None = None) -> ImagePosterior:
        """The posterior q(z | x), or q(z | x, y)."""
        return self.posterior(*self.encoder(joined(x, self.one_hot(y))))

    def output(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The parameters of p(x | z): logits or means, shape ``(n, C, H, W)``."""
        images: Tensor = self.decoder(joined(z, self.one_hot(y)))
        return images

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The mean of p(x | z)."""
        return self.likelihood.mean(self.output(z, y))

    def prior_log_prob(self, z: Tensor) -> Tensor:
        """``log p(z)`` of the standard normal, shape ``(n,)``."""
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(dim=1)

    def kl(self, posterior: ImagePosterior, z: Tensor) -> Tensor:
        """KL of the posterior to the prior in nats, shape ``(n,)``, in closed form."""
        return posterior.kl()

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        """``-E log p(x | z) + beta KL``, the negative ELBO; with ``samples`` > 1 the negative IWAE bound."""
        posterior = self.encode(x, y)
        if self.samples > 1:
            with torch.no_grad():
                draws = self._draws(x, y, posterior, self.samples, generator)
            return self._bound(x, y, posterior, draws, beta, generator)
        z = posterior.sample(generator)
        recon = -self.likelihood.log_prob(self.output(z, y), x).mean()
        kl = self.kl(posterior, z).mean()
        return LossOutput(total=recon + beta * kl, recon=recon, kl=kl)

    def log_weights(
        self, x: Tensor, y: Tensor | None, samples: int, generator: torch.Generator, beta: float = 1.0
    ) -> Tensor:
        """``log p(x, z) / q(z | x)`` of so many draws for each image, shape ``(samples, n)``.

        Their log-mean-exp over the draws is a lower bound of ``log p(x)`` in the mean (Burda et al. 2016,
        eq. 8), and tends to it. With ``beta`` the logarithm of ``p(z) / q(z | x)`` counts so many times.
        """
        recon, ratio, _ = self._draws(x, y, self.encode(x, y), samples, generator)
        return recon + beta * ratio

    def _draws(
        self, x: Tensor, y: Tensor | None, posterior: ImagePosterior, samples: int, generator: torch.Generator
    ) -> Draws:
        """``log p(x | z)``, ``log p(z) / q(z | x)`` and the noise of so many draws for each image."""
        repeated = posterior.repeat(samples)  # rows: all images, then all of them again
        eps = repeated.noise(generator)
        z = repeated.at(eps)
        recon = self._recon(x, y, z.view(samples, -1, self.latent))
        return recon, self._ratio(repeated, z).view(samples, -1), eps.view(samples, -1, self.latent)

    def _ratio(self, posterior: ImagePosterior, z: Tensor) -> Tensor:
        """``log p(z) / q(z | x)`` of a draw for each row of the posterior, shape ``(N,)``."""
        return self.prior_log_prob(z) - posterior.log_prob(z)

    def _recon(self, x: Tensor, y: Tensor | None, z: Tensor) -> Tensor:
        """``log p(x | z)`` of draws ``(samples, n, D)``, shape ``(samples, n)``, some at a time."""

        def of(draws: Tensor) -> Tensor:
            labels = None if y is None else y.repeat(len(draws))
            output = self.output(draws.flatten(0, 1), labels)
            return self.likelihood.log_prob(output, x.repeat(len(draws), 1, 1, 1)).view(len(draws), -1)

        return torch.cat([of(draws) for draws in z.split(max(1, DECODED_AT_ONCE // len(x)))])  # type: ignore[no-untyped-call]

    def _bound(
        self,
        x: Tensor,
        y: Tensor | None,
        posterior: ImagePosterior,
        draws: Draws,
        beta: float,
        generator: torch.Generator,
    ) -> LossOutput:
        """The negative importance-weighted bound of draws that carry no gradient.

        Its gradient is the weighted mean of those of all draws' log weights. One draw for each image, chosen
        with its weight, has that expectation, and one pass back instead of k (Burda et al. 2016, section 3).
        """
        recon, ratio, eps = draws
        weights = recon + beta * ratio
        bound = weights.logsumexp(dim=0) - math.log(len(weights))
        if torch.is_grad_enabled():
            shares = weights.softmax(dim=0).nan_to_num(1.0)  # a loss that is NaN is told of, not died of
            chosen = torch.multinomial(shares.t(), 1, generator=generator).squeeze(1)
            z = posterior.at(eps[chosen, torch.arange(len(x), device=x.device)])
            one = self.likelihood.log_prob(self.output(z, y), x) + beta * self._ratio(posterior, z)
            bound = bound + (one - one.detach())
        return LossOutput(total=-bound.mean(), recon=-recon.mean(), kl=-ratio.mean())


class VampPriorVAE(VAE):
    """VAE whose prior is the mixture of the posteriors of K learned pseudo-inputs.

    ``p(z) = 1/K sum_k q(z | u_k)`` (Tomczak and Welling 2018, arXiv 1705.07120).

    Parameters
    ----------
    components
        K.
    others
        As in `VAE`; without classes, one draw of z for each image.
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
        self.pseudo_inputs = nn.Parameter(torch.empty(components, *shape))
        nn.init.normal_(self.pseudo_inputs, mean=0.5, std=0.1)

    def components(self) -> ImagePosterior:
        """The posteriors of the pseudo-inputs, kept in [0, 1]; a row each."""
        return self.encode(self.pseudo_inputs.clamp(0, 1))

    def prior_log_prob(self, z: Tensor) -> Tensor:
        """``log 1/K sum_k q(z | u_k)``, shape ``(n,)``."""
        each = self.components().log_prob_of_all(z)  # (n, K)
        return each.logsumexp(dim=1) - math.log(each.size(1))

    def kl(self, posterior: ImagePosterior, z: Tensor) -> Tensor:
        """``log q(z | x) - log p(z)`` at the draw, whose mean is the KL; there is no closed form."""
        return posterior.log_prob(z) - self.prior_log_prob(z)

    def prior_sample(self, number: int, generator: torch.Generator) -> Tensor:
        """Draws of the posteriors of pseudo-inputs that are drawn uniformly."""
        chosen = torch.randint(
            len(self.pseudo_inputs), (number,), generator=generator, device=generator.device
        )
        return self.encode(self.pseudo_inputs[chosen].clamp(0, 1)).sample(generator)
