"""The semi-supervised VAE: few images have labels, and the others help."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import nll_loss

from gvae.config import require_int
from gvae.errors import InputError
from gvae.image.images import Images
from gvae.image.likelihoods import Likelihood
from gvae.image.networks import Decoder, Encoder, Shape
from gvae.image.vae import VAE, ImagePosterior
from gvae.losses import LossOutput

UNLABELLED = -1
"""The label of an image without one."""

CROSS_ENTROPY_WEIGHT = 50.0
"""alpha, the weight of one labelled image's cross-entropy.

The paper's is 0.1 N / L for L labels among N images; that is 50 for its 100 of 50,000.
"""


class SemiSupervisedVAE(VAE):
    """VAE in which the class is a second latent variable (Kingma et al. 2014, arXiv 1406.5298, model M2).

    ``p(x, y, z) = p(x | y, z) p(z) / K`` with K classes, and ``q(y, z | x) = q(y | x) q(z | x, y)``. With
    ``U(x, y)`` for the negative ELBO of an image and a class, the loss of an image is

    - labelled: ``U(x, y) - alpha log q(y | x)``,
    - unlabelled: ``sum_y q(y | x) U(x, y) - H(q(y | x))``.

    Parameters
    ----------
    encoder, decoder
        As in `VAE`, conditional.
    classifier
        From images ``(n, C, H, W)`` to the logits of q(y | x), shape ``(n, classes)``.
    shape, latent, classes, likelihood
        As in `VAE`.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        classifier: nn.Module,
        shape: Shape,
        latent: int,
        classes: int,
        *,
        likelihood: Likelihood | None = None,
    ) -> None:
        super().__init__(encoder, decoder, shape, latent, classes, likelihood=likelihood)
        self.classifier = classifier

    @torch.no_grad()
    def classify(self, x: Tensor) -> Tensor:
        """The most likely class of each image under q(y | x), shape ``(n,)``."""
        logits: Tensor = self.classifier(x)
        return logits.argmax(dim=1)

    def labels(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """``y`` with the most likely class wherever it is None or `UNLABELLED`."""
        likely = self.classify(x)
        return likely if y is None else torch.where(y == UNLABELLED, likely, y)

    def encode(self, x: Tensor, y: Tensor | None = None) -> ImagePosterior:
        """q(z | x, y); an image without a label counts as of its most likely class."""
        return super().encode(x, self.labels(x, y))

    @torch.no_grad()
    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Images decoded from the posterior's mean; the most likely class for those without a label."""
        return super().reconstruct(x, self.labels(x, y))

    @torch.no_grad()
    def sample(self, number: int, generator: torch.Generator, y: Tensor | None = None) -> Tensor:
        """Mean images of codes from the prior; without labels, of classes drawn uniformly."""
        if y is None:
            y = torch.randint(self.classes, (number,), generator=generator, device=generator.device)
        return super().sample(number, generator, y)

    def loss(self, x: Tensor, y: Tensor | None, beta: float, generator: torch.Generator) -> LossOutput:
        """The mean over the batch; labels are classes or `UNLABELLED`, None for all of them unlabelled.

        ``kl`` is that of y and z together to their prior, so that ``recon + kl`` bounds ``-log p(x)``, or
        ``-log p(x, y)`` for labelled images. The cross-entropy stands in the total alone, and counts in
        training mode alone: in evaluation mode the total is the negative ELBO.
        """
        if y is None:
            y = torch.full((len(x),), UNLABELLED, device=x.device)
        log_q = self.classifier(x).log_softmax(dim=1)  # (n, K)
        weights, log_weights = self._weights_of_classes(log_q, y)
        each_recon, each_kl = self._parts_of_classes(x, generator)
        recon = (weights * each_recon).sum(dim=1).mean()
        kl = (weights * (each_kl + log_weights)).sum(dim=1).mean() + math.log(self.classes)
        total = recon + beta * kl
        if self.training:
            cross_entropy = nll_loss(log_q, y, ignore_index=UNLABELLED, reduction="sum") / len(x)
            total = total + CROSS_ENTROPY_WEIGHT * cross_entropy
        return LossOutput(total=total, recon=recon, kl=kl)

    def _weights_of_classes(self, log_q: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """What each class counts for each image, ``(n, K)``, and its log: q(y | x), or all on the label."""
        self.one_hot(y[y != UNLABELLED])  # refuses what is no class
        labelled = (y != UNLABELLED).unsqueeze(1)
        one_hot = y.unsqueeze(1) == torch.arange(self.classes, device=y.device)
        return torch.where(labelled, one_hot, log_q.exp()), log_q.masked_fill(labelled, 0)

    def _parts_of_classes(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """``-log p(x | y, z)`` at a draw and the KL of z for every image and class, shape ``(n, K)`` each."""
        y = torch.arange(self.classes, device=x.device).repeat_interleave(len(x))
        repeated = x.repeat(self.classes, 1, 1, 1)  # rows: all images as class 0, then as class 1, ...
        posterior = super().encode(repeated, y)
        z = posterior.sample(generator)
        recon = -self.likelihood.log_prob(self.output(z, y), repeated)
        return recon.view(-1, len(x)).t(), self.kl(posterior, z).view(-1, len(x)).t()


def hide_labels(images: Images, labelled_per_class: int, generator: torch.Generator) -> Images:
    """Leave so many labels a class, drawn at random, and set all others to `UNLABELLED`.

    Raises
    ------
    InputError
        If there are no labels, or a class has fewer images than are to keep theirs.
    """
    require_int("labelled_per_class", labelled_per_class, at_least=1)
    if images.y is None:
        raise InputError("labels can be hidden only where there are some; these images have none")
    order = torch.randperm(len(images), generator=generator, device=generator.device).to(images.y.device)
    shuffled, y = images.y[order], torch.full_like(images.y, UNLABELLED)
    for label in sorted({*images.y.tolist()} - {UNLABELLED}):
        rows = order[shuffled == label][:labelled_per_class]
        if len(rows) < labelled_per_class:
            found = f"class {images.class_names[label]} has {len(rows)} images"
            raise InputError(f"{found}, fewer than {labelled_per_class} labels")
        y[rows] = label
    return replace(images, y=y)
