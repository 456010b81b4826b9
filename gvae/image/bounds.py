"""How likely a VAE finds images: the ELBO, and estimates of log p(x) by importance sampling."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gvae.config import require_int
from gvae.errors import InputError
from gvae.image.images import Images
from gvae.image.model import ImageModel
from gvae.image.passes import device_of, images_at_once, in_batches, slices
from gvae.image.vae import VAE
from gvae.randomness import new_generator

OnDraws = Callable[[int], None]


def negative_elbo(model: ImageModel, images: Images, seed: int = 0) -> tuple[float, float]:
    """Reconstruction and KL, in nats an image; their sum is the negative ELBO.

    ``-E_q log p(x | z)`` and ``KL(q(z | x) || p(z))`` (Kingma and Welling 2014, eq. 3), means over the
    images, with one draw of z for each.

    Parameters
    ----------
    model
        A `VAE`, on any device.
    images
        With labels, for a conditional model; the figures are then given the class.
    seed
        Of the draws.

    Raises
    ------
    InputError
        If the model is no VAE, or the images are of another shape.
    """
    recon, kl = elbo_parts(model, images, seed).double().mean(dim=0).tolist()
    return recon, kl


def elbo_parts(model: ImageModel, images: Images, seed: int = 0) -> Tensor:
    """Each image's reconstruction and KL as in `negative_elbo`, shape ``(n, 2)``, nats."""
    vae = _variational(model)
    generator = new_generator(seed, "evaluation", device_of(vae))

    def parts(some: Images) -> Tensor:
        posterior = vae.encode(some.x, some.y)
        z = posterior.sample(generator)
        recon = -vae.likelihood.log_prob(vae.output(z, some.y), some.x)
        return torch.stack([recon, vae.kl(posterior, z)], dim=1)

    return in_batches(vae, images, parts)


def log_likelihood(
    model: ImageModel, images: Images, samples: int, seed: int = 0, on_draws: OnDraws | None = None
) -> Tensor:
    """Estimate ``log p(x)`` of each image by importance sampling from the posterior.

    ``log 1/K sum_k p(x | z_k) p(z_k) / q(z_k | x)``, z_k drawn from q(z | x) (Burda et al. 2016, arXiv
    1509.00519, eq. 8): in the mean a lower bound of ``log p(x)`` that rises with K and tends to it.

    Parameters
    ----------
    model, images
        As in `negative_elbo`.
    samples
        Draws K for each image; published figures take 5,000.
    seed
        Of the draws.
    on_draws
        Called after some draws, for progress, with their number.

    Returns
    -------
    Tensor
        Nats, float64, shape ``(n,)``, on the model's device.

    Raises
    ------
    InputError
        As `negative_elbo`, and if ``samples`` is below 1.

    Notes
    -----
    Images and draws pass the model in blocks, so memory does not grow with either. One generator serves the
    blocks in turn: the same call gives the same numbers, and another size of the blocks (`PIXELS_AT_ONCE`)
    other draws of the same estimate.
    """
    vae, samples = _variational(model), require_int("samples", samples, at_least=1)
    generator = new_generator(seed, "importance sampling", device_of(vae))
    rows = images_at_once(vae.shape)

    def estimate(some: Images) -> Tensor:
        found = []
        for part in slices(len(some), max(1, rows // samples)):
            found.append(_log_mean_weight(vae, some.take(part), samples, rows, generator))
            if on_draws is not None:
                on_draws(len(found[-1]) * samples)
        return torch.cat(found)

    return in_batches(vae, images, estimate)


def _log_mean_weight(vae: VAE, images: Images, samples: int, rows: int, generator: torch.Generator) -> Tensor:
    """Log-mean-exp of the log weights over all draws, at most ``rows`` of them at a time; shape ``(n,)``."""
    total = torch.full((len(images),), -math.inf, dtype=torch.double, device=images.x.device)
    for part in slices(samples, rows):
        weights = vae.log_weights(images.x, images.y, part.stop - part.start, generator)  # (draws, n)
        total = torch.logaddexp(total, weights.double().logsumexp(dim=0))
    return total - math.log(samples)


def _variational(model: ImageModel) -> VAE:
    if not isinstance(model, VAE):
        raise InputError(f"a bound of log p(x) needs a VAE, and this model is none: {type(model).__name__}")
    return model
