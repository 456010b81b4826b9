"""What can be done with a trained model of images; here the walks through its codes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from gvae.config import require_int
from gvae.errors import InputError
from gvae.image.anomalies import anomaly_auc, anomaly_scores, roc
from gvae.image.images import Images
from gvae.image.model import ImageModel
from gvae.image.passes import codes, decoded, device_of
from gvae.image.probes import transfer
from gvae.image.repairs import denoise, inpaint, super_resolve

__all__ = [
    "anomaly_auc",
    "anomaly_scores",
    "denoise",
    "inpaint",
    "interpolate",
    "manifold",
    "roc",
    "slerp",
    "super_resolve",
    "transfer",
    "traverse",
]


def interpolate(
    model: ImageModel,
    first: Tensor,
    last: Tensor,
    steps: int = 8,
    *,
    spherical: bool = False,
    y: Tensor | None = None,
) -> Tensor:
    """Images between two, decoded from codes on the way from the one's code to the other's.

    Parameters
    ----------
    model
        With an encoder.
    first, last
        Pairs of images, shape ``(n, C, H, W)`` each.
    steps
        Images of a way with both ends, at least 2; the codes are equally far apart.
    spherical
        Along a great circle (see `slerp`) instead of a straight line. Codes drawn from a standard normal lie
        near a sphere, whose inside a straight line crosses (White 2016, arXiv 1609.04468).
    y
        Classes of the pairs, for a conditional model, shape ``(n,)``.

    Returns
    -------
    Tensor
        Shape ``(n, steps, C, H, W)``, on the model's device.

    Raises
    ------
    InputError
        If the shapes differ, there are fewer than 2 steps, or codes have no great circle through them.
    """
    shares = torch.linspace(0, 1, require_int("steps", steps, at_least=2), device=device_of(model))
    if first.shape != last.shape:
        raise InputError(f"first and last must be alike, got {tuple(first.shape)} and {tuple(last.shape)}")
    ends = codes(model, Images(first, y)), codes(model, Images(last, y))
    z = slerp(*ends, shares) if spherical else _straight(*ends, shares)
    return _decoded(model, z, y)


def _straight(first: Tensor, last: Tensor, shares: Tensor) -> Tensor:
    """``(1 - t) a + t b``, shapes as in `slerp`."""
    return torch.lerp(first.unsqueeze(1), last.unsqueeze(1), shares.unsqueeze(1))


def slerp(first: Tensor, last: Tensor, shares: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985): ``(sin((1 - t) w) a + sin(t w) b) / sin w``.

    w is the angle between a and b. Between codes of one norm the norm stays.

    Parameters
    ----------
    first, last
        a and b, shape ``(n, D)``.
    shares
        t from 0 to 1, shape ``(steps,)``.

    Returns
    -------
    Tensor
        Shape ``(n, steps, D)``.

    Raises
    ------
    InputError
        If a code is zero, or two are opposite: then there is no one great circle through them.
    """
    a, b = functional.normalize(first), functional.normalize(last)
    together = (a + b).norm(dim=1, keepdim=True)  # 0 between opposite codes
    if bool((first.norm(dim=1) * last.norm(dim=1) == 0).any()) or bool((together < 1e-4).any()):
        raise InputError("a great circle needs codes that are neither zero nor opposite; go straight instead")
    angle = 2 * torch.atan2((a - b).norm(dim=1, keepdim=True), together)  # (n, 1), exact near 0, unlike acos
    angle = angle.clamp(min=1e-4)  # codes in one direction: the limit, a straight line
    weights = ((1 - shares) * angle).sin() / angle.sin(), (shares * angle).sin() / angle.sin()  # (n, steps)
    return weights[0].unsqueeze(2) * first.unsqueeze(1) + weights[1].unsqueeze(2) * last.unsqueeze(1)


def traverse(
    model: ImageModel, x: Tensor, steps: int = 9, limit: float = 3.0, y: Tensor | None = None
) -> Tensor:
    """One image as each dimension of its code moves from -limit to limit while the others stay.

    Parameters
    ----------
    model
        With an encoder.
    x
        Shape ``(1, C, H, W)``.
    steps
        Images a dimension, at least 2.
    limit
        Positive; 3 standard deviations of the prior by default.
    y
        Class, for a conditional model, shape ``(1,)``.

    Returns
    -------
    Tensor
        Shape ``(D, steps, C, H, W)``, on the model's device.

    Raises
    ------
    InputError
        If there is not one image, or ``steps`` or ``limit`` is out of range.
    """
    if len(x) != 1:
        raise InputError(f"traverse needs one image, shape (1, C, H, W), got {tuple(x.shape)}")
    z = codes(model, Images(x, y))  # (1, D)
    places = _places(steps, limit).to(z.device).unsqueeze(1)  # (steps, 1)
    moved = torch.eye(model.latent, dtype=torch.bool, device=z.device).unsqueeze(1)  # (D, 1, D)
    return _decoded(model, torch.where(moved, places, z), y)


def manifold(model: ImageModel, side: int = 20, limit: float = 3.0, y: Tensor | None = None) -> Tensor:
    """The images of a square grid over a latent plane (Kingma and Welling 2014, appendix A).

    Parameters
    ----------
    model
        Of two latent dimensions.
    side
        Images a side, at least 2.
    limit
        The first dimension runs from -limit at the left to limit, the second from limit at the top to -limit.
    y
        Class of all images, for a conditional model, shape ``(1,)``.

    Returns
    -------
    Tensor
        Shape ``(side, side, C, H, W)``, on the model's device: rows, then columns.

    Raises
    ------
    InputError
        If the model has not two latent dimensions, there is not one class, or ``side`` or ``limit`` is out of
        range.
    """
    if model.latent != 2:
        raise InputError(f"a manifold needs a model of 2 latent dimensions, got {model.latent}")
    if y is not None and y.shape != (1,):
        raise InputError(f"a manifold is one of one class, y of shape (1,), got {tuple(y.shape)}")
    places = _places(side, limit, "side").to(device_of(model))
    second, first = torch.meshgrid(-places, places, indexing="ij")
    return _decoded(model, torch.stack([first, second], dim=2), y)


def _places(number: int, limit: float, name: str = "steps") -> Tensor:
    """So many numbers from -limit to limit, equally far apart."""
    if not 0 < limit < math.inf:
        raise InputError(f"limit must be a positive number, got {limit!r}")
    return torch.linspace(-limit, limit, require_int(name, number, at_least=2))


def _decoded(model: ImageModel, z: Tensor, y: Tensor | None) -> Tensor:
    """Images ``(..., C, H, W)`` of codes ``(..., D)``; each label counts for as many codes in a row."""
    rows = z.flatten(end_dim=-2)
    labels = None if y is None else y.repeat_interleave(len(rows) // len(y))
    return decoded(model, rows, labels).view(*z.shape[:-1], *model.shape)
