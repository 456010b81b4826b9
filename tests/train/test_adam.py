from copy import deepcopy

import pytest
import torch
from torch import Tensor

from gvae.train.adam import adam_step


def weights() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in ((3, 4), (5,), ())]


def take(
    steps: int, ours: bool, betas: tuple[float, float] = (0.9, 0.999)
) -> tuple[list[Tensor], torch.optim.Adam]:
    """Steps with a gradient that changes, a rate that falls, and a weight that has no gradient at first."""
    some, generator = weights(), torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(some, lr=0.1, betas=betas, fused=True)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.1 / (step + 1)
        for weight in some:
            weight.grad = torch.randn(weight.shape, generator=generator)
        if step < 2:
            some[1].grad = None
        adam_step(optimizer) if ours else optimizer.step()
    return some, optimizer


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.99)])
def test_it_is_torchs_step(betas: tuple[float, float]) -> None:
    (ours, state), (torchs, expected) = (take(6, one, betas) for one in (True, False))
    assert all(map(torch.equal, ours, torchs))
    assert not torch.equal(ours[0], weights()[0])
    for one, other in zip(ours, torchs, strict=True):
        for name, value in expected.state[other].items():
            assert torch.equal(state.state[one][name], value), name


def test_it_goes_on_from_a_state_that_was_loaded() -> None:
    some, optimizer = take(3, ours=True)
    again = [weight.detach().clone().requires_grad_() for weight in some]
    loaded = torch.optim.Adam(again, lr=7.0, fused=True)
    loaded.load_state_dict(deepcopy(optimizer.state_dict()))
    for which in (some, again):
        for weight in which:
            weight.grad = torch.ones_like(weight)
    optimizer.step()
    adam_step(loaded)
    assert all(map(torch.equal, some, again))
