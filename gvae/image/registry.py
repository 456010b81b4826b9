"""Image models by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from gvae.catalog import IMAGE_MODELS, LIKELIHOODS, check_name
from gvae.config import require_int
from gvae.errors import InputError
from gvae.image import likelihoods
from gvae.image.adversarial import GAN, VAEGAN, Adversarial
from gvae.image.adversarial_task import AdversarialTask
from gvae.image.autoencoders import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    tied_decoder,
)
from gvae.image.convolutional import conv_decoder, conv_encoder
from gvae.image.images import Images
from gvae.image.model import ImageModel
from gvae.image.networks import ACTIVATIONS, Decoder, Encoder, Shape, mlp, mlp_decoder, mlp_encoder
from gvae.image.semi_supervised import SemiSupervisedVAE
from gvae.image.task import ImageTask
from gvae.image.vae import VAE, ImagePosterior, VampPriorVAE
from gvae.image.vq import VQVAE
from gvae.layers import CholeskyPosterior, GaussianPosterior
from gvae.randomness import new_generator


@dataclass(frozen=True)
class Sizes:
    """What all image models are made of; which a model uses, its builder shows.

    Parameters
    ----------
    shape
        ``(C, H, W)`` of one image.
    hidden
        Units of the hidden layer.
    latent
        Dimensions of z.
    classes
        Classes of the data; 0 without labels.
    likelihood
        ``"bernoulli"`` or ``"gaussian"``.
    activation
        ``"relu"`` or ``"silu"``, of perceptrons; convolutional networks have SiLU.
    samples
        Draws of z for each image, of IWAE.
    components
        Pseudo-inputs of VampPrior's prior; codes in the book of VQ-VAE.
    """

    shape: Shape
    hidden: int = 400
    latent: int = 20
    classes: int = 0
    likelihood: str = "bernoulli"
    samples: int = 50
    components: int = 500
    activation: str = "relu"


def _vae(
    sizes: Sizes,
    *,
    posterior: type[ImagePosterior] = GaussianPosterior,
    classes: int = 0,
    samples: int = 1,
    conv: bool = False,
) -> VAE:
    networks = _networks(sizes, posterior.heads(sizes.latent), classes, conv)
    return VAE(
        *(*networks, sizes.shape, sizes.latent, classes),
        posterior=posterior,
        likelihood=_likelihood(sizes),
        samples=samples,
    )


def _conditional(sizes: Sizes) -> VAE:
    _require_classes("conditional VAE", sizes)
    return _vae(sizes, classes=sizes.classes)


def _vamp(sizes: Sizes, *, conv: bool = False) -> VAE:
    networks = _networks(sizes, GaussianPosterior.heads(sizes.latent), conv=conv)
    return VampPriorVAE(
        *networks, sizes.shape, sizes.latent, components=sizes.components, likelihood=_likelihood(sizes)
    )


def _autoencoder(sizes: Sizes, *, model: type[Autoencoder] = Autoencoder, tied: bool = False) -> Autoencoder:
    encoder, decoder = _perceptrons(sizes, {"code": sizes.latent})
    if tied:
        decoder = tied_decoder(encoder, sizes.shape, ACTIVATIONS[sizes.activation])
    return model(encoder, decoder, sizes.shape, sizes.latent, likelihood=_likelihood(sizes))


def _contractive(sizes: Sizes) -> Autoencoder:
    return ContractiveAutoencoder(sizes.shape, sizes.latent, likelihood=_likelihood(sizes))


def _vq(sizes: Sizes) -> VQVAE:
    networks = _perceptrons(sizes, {"code": sizes.latent})
    return VQVAE(
        *networks, sizes.shape, sizes.latent, components=sizes.components, likelihood=_likelihood(sizes)
    )


def _semi_supervised(sizes: Sizes) -> SemiSupervisedVAE:
    _require_classes("semi-supervised VAE", sizes)
    return SemiSupervisedVAE(
        *_perceptrons(sizes, GaussianPosterior.heads(sizes.latent), sizes.classes),
        mlp((math.prod(sizes.shape), sizes.hidden, sizes.classes), ACTIVATIONS[sizes.activation]),
        shape=sizes.shape,
        latent=sizes.latent,
        classes=sizes.classes,
        likelihood=_likelihood(sizes),
    )


def _gan(sizes: Sizes) -> GAN:
    return GAN(_decoder(sizes), _discriminator(sizes), sizes.shape, sizes.latent)


def _vae_gan(sizes: Sizes) -> VAEGAN:
    networks = _perceptrons(sizes, GaussianPosterior.heads(sizes.latent))
    return VAEGAN(*networks, _discriminator(sizes), sizes.shape, sizes.latent)


def _networks(
    sizes: Sizes, heads: Mapping[str, int], classes: int = 0, conv: bool = False
) -> tuple[Encoder, Decoder]:
    return _convolutions(sizes, heads) if conv else _perceptrons(sizes, heads, classes)


def _perceptrons(sizes: Sizes, heads: Mapping[str, int], classes: int = 0) -> tuple[Encoder, Decoder]:
    return _encoder(sizes, heads, classes), _decoder(sizes, classes)


def _convolutions(sizes: Sizes, heads: Mapping[str, int]) -> tuple[Encoder, Decoder]:
    return (
        conv_encoder(sizes.shape, sizes.hidden, heads),
        conv_decoder(sizes.shape, sizes.hidden, sizes.latent),
    )


def _encoder(sizes: Sizes, heads: Mapping[str, int], classes: int = 0) -> Encoder:
    return mlp_encoder(sizes.shape, sizes.hidden, heads, classes, ACTIVATIONS[sizes.activation])


def _decoder(sizes: Sizes, classes: int = 0) -> Decoder:
    return mlp_decoder(sizes.shape, sizes.hidden, sizes.latent, classes, ACTIVATIONS[sizes.activation])


def _discriminator(sizes: Sizes) -> Encoder:
    return _encoder(sizes, {"real": 1})


def _likelihood(sizes: Sizes) -> likelihoods.Likelihood:
    return likelihoods.LIKELIHOODS[sizes.likelihood]()


def _require_classes(model: str, sizes: Sizes) -> None:
    if not sizes.classes:
        raise InputError(f"the {model} needs labels, and these images have none")


BUILDERS: dict[str, Callable[[Sizes], ImageModel]] = {
    "vae": _vae,
    "full-covariance": lambda sizes: _vae(sizes, posterior=CholeskyPosterior),
    "iwae": lambda sizes: _vae(sizes, samples=sizes.samples),
    "cvae": _conditional,
    "vamp": _vamp,
    "conv": lambda sizes: _vae(sizes, conv=True),
    "conv-vamp": lambda sizes: _vamp(sizes, conv=True),
    "gan": _gan,
    "vae-gan": _vae_gan,
    "ae": _autoencoder,
    "tied": lambda sizes: _autoencoder(sizes, tied=True),
    "sparse": lambda sizes: _autoencoder(sizes, model=SparseAutoencoder),
    "contractive": _contractive,
    "denoising": lambda sizes: _autoencoder(sizes, model=DenoisingAutoencoder),
    "vq": _vq,
    "m2": _semi_supervised,
}


def build_image_model(name: str, sizes: Sizes, *, seed: int = 0) -> ImageModel:
    """Make a model for images of one size.

    Parameters
    ----------
    name
        One of ``gvae image models``.
    sizes
        See `Sizes`.
    seed
        Seed of the weights. The global random state is neither read nor changed.

    Returns
    -------
    ImageModel
        On the CPU; move it with ``.to(device)``.

    Raises
    ------
    InputError
        If there is no such model, likelihood or activation, a size is below 1, or the model needs labels
        that are not there.
    """
    check_name("image model", name, IMAGE_MODELS)
    check_name("likelihood", sizes.likelihood, LIKELIHOODS)
    check_name("activation", sizes.activation, ACTIVATIONS)
    for size in ("hidden", "latent", "samples", "components"):
        require_int(size, getattr(sizes, size), at_least=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(new_generator(seed, "weights").initial_seed())
        return BUILDERS[name](sizes)


def task_for(
    model: ImageModel,
    train: Images,
    val: Images | None = None,
    *,
    batch_size: int | None = None,
    binarize: str = "none",
) -> ImageTask:
    """The task that trains a model: `AdversarialTask` where there is a discriminator, else `ImageTask`.

    Parameters
    ----------
    model, train, val, batch_size, binarize
        As in `ImageTask`.
    """
    if isinstance(model, Adversarial):
        return AdversarialTask(model, train, val, batch_size=batch_size, binarize=binarize)
    return ImageTask(model, train, val, batch_size=batch_size, binarize=binarize)
