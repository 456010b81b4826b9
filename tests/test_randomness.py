from __future__ import annotations

import torch

from gvae.randomness import new_generator


def test_streams_depend_on_seed_and_purpose_alone() -> None:
    def draw(seed: int, purpose: str) -> float:
        return torch.rand((), generator=new_generator(seed, purpose)).item()

    assert draw(1, "split") == draw(1, "split")
    assert (
        len({draw(seed, purpose) for seed in (0, 1, 11) for purpose in ("split", "1split", "weights")}) == 9
    )
