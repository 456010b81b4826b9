"""Seeds: every random draw in gvae comes from a generator made here; no global state is read or changed."""

from __future__ import annotations

import hashlib

import torch


def new_generator(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator whose stream depends on ``seed`` and ``purpose`` alone.

    One seed drives the split, the initialisation and the noise of a run; the purpose keeps their
    streams apart, so that a split can be replaced without another initialisation.
    """
    digest = hashlib.sha256(f"{purpose}/{seed}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "little"))
