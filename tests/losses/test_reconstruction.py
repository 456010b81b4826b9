from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from gvae.data import make_graph
from gvae.errors import InputError
from gvae.layers import InnerProductDecoder
from gvae.losses import (
    RECONSTRUCTIONS,
    FullReconstruction,
    QuadraticReconstruction,
    Reconstruction,
    SampledReconstruction,
    SquaredReconstruction,
)
from gvae.losses.all_pairs import (
    Buffer,
    all_pairs_softplus,
    default_block,
    some_pairs_softplus,
)
from gvae.memory import level2_cache

UNUSED = torch.Generator()


class PlainDecoder(torch.nn.Module):
    """The inner product again, so that it takes the path of any other decoder."""

    def forward(self, z: Tensor, pairs: Tensor) -> Tensor:
        return (z[pairs[0]] * z[pairs[1]]).sum(1)

    def rows(self, z: Tensor, nodes: slice | Tensor) -> Tensor:
        return z[nodes] @ z.t()


def kipf(z: Tensor, edge_index: Tensor) -> Tensor:
    """The objective as the paper's code states it, dense: norm * mean BCE(Z Z^T, A + I, pos_weight)."""
    n, s = len(z), edge_index.size(1)
    target = torch.eye(n, dtype=z.dtype)
    target[edge_index[0], edge_index[1]] = 1
    pos_weight = torch.tensor((n**2 - s) / s, dtype=z.dtype)
    norm = n**2 / (2 * (n**2 - s))
    return norm * binary_cross_entropy_with_logits(z @ z.t(), target, pos_weight=pos_weight)


def value_and_gradient(loss: object, z: Tensor) -> tuple[Tensor, Tensor]:
    z = z.clone().requires_grad_()
    value = loss(z)  # type: ignore[operator]
    value.backward()
    assert z.grad is not None
    return value.detach(), z.grad


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tensor, Tensor, int]:
    n = draw(st.integers(3, 25) | st.sampled_from([64, 65, 130]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    chosen = torch.rand(n, n, generator=generator) < draw(st.floats(0.05, 0.4))
    chosen[0, 1], chosen[0, 2], chosen[2, 0] = True, False, False
    z = torch.randn(n, draw(st.sampled_from([1, 4])), generator=generator, dtype=torch.double) * draw(
        st.sampled_from([0.1, 1.0, 30.0])
    )
    return z, make_graph(chosen.nonzero().t(), n).edge_index, draw(st.integers(1, n + 3))


@given(cases(), st.sampled_from([InnerProductDecoder, PlainDecoder]))
@settings(max_examples=80, deadline=None)
def test_full_loss_and_gradient_equal_dense_algebra(
    case: tuple[Tensor, Tensor, int], decoder: type[InnerProductDecoder | PlainDecoder]
) -> None:
    z, edge_index, block = case
    full = FullReconstruction(edge_index, len(z), block)
    value, gradient = value_and_gradient(lambda z: full(decoder(), z, UNUSED), z)
    expected, reference = value_and_gradient(lambda z: kipf(z, edge_index), z)
    assert torch.allclose(value, expected, rtol=1e-10)
    assert torch.allclose(gradient, reference, rtol=1e-8, atol=1e-10)


def test_full_loss_by_hand() -> None:
    """Two joined nodes and one alone, z = 0: every logit is 0, every softplus log 2."""
    edge_index = torch.tensor([[0, 1], [1, 0]])
    value = FullReconstruction(edge_index, 3)(InnerProductDecoder(), torch.zeros(3, 2), UNUSED)
    # positives: 2 + 3 on the diagonal, over s = 2; the other 4 pairs over N^2 - s = 7
    assert value.item() == pytest.approx(0.5 * (5 / 2 + 4 / 7) * torch.tensor(2.0).log().item())


def test_float32_is_close_to_float64(generator: torch.Generator) -> None:
    z = torch.randn(500, 16, generator=generator, dtype=torch.double)
    edge_index = make_graph(torch.randint(500, (2, 900), generator=generator), 500).edge_index
    full = FullReconstruction(edge_index, 500)
    exact, reference = value_and_gradient(lambda z: kipf(z, edge_index), z)
    value, gradient = value_and_gradient(lambda z: full(InnerProductDecoder(), z, UNUSED), z.float())
    assert torch.allclose(value.double(), exact, rtol=1e-5)
    assert torch.allclose(gradient.double(), reference, rtol=1e-3, atol=1e-6)


def test_saturated_pairs_keep_their_gradient() -> None:
    """The trap of log(sigmoid(s) + 1e-15): a confident mistake must still be corrected."""
    z = torch.tensor([[40.0], [-40.0], [0.0]])
    full = FullReconstruction(torch.tensor([[0, 1], [1, 0]]), 3)
    value, gradient = value_and_gradient(lambda z: full(InnerProductDecoder(), z, UNUSED), z)
    log2 = torch.tensor(2.0).log().item()
    # The edge's softplus(1600) twice and node 2's loop, over s = 2; four zero logits over N^2 - s = 7.
    assert value.item() == pytest.approx(0.5 * ((2 * 1600 + log2) / 2 + 4 * log2 / 7))
    assert gradient[0].item() == pytest.approx(20.0)  # 1/2 * 2/s * |z_1|


def test_without_its_value_the_loss_has_the_same_gradient(generator: torch.Generator) -> None:
    z = torch.randn(30, 4, generator=generator)
    full = FullReconstruction(torch.tensor([[0, 1], [1, 0]]), 30, block=7)
    _, expected = value_and_gradient(lambda z: full(InnerProductDecoder(), z, UNUSED), z)
    value, gradient = value_and_gradient(lambda z: full(InnerProductDecoder(), z, UNUSED, value=False), z)
    assert value.isnan()
    assert torch.equal(gradient, expected)


@pytest.mark.parametrize("num_nodes", [3, 3_000, 20_000, 10**6])
def test_a_block_never_holds_all_pairs(num_nodes: int) -> None:
    """O(N block) memory: a cached block for small graphs, 128 rows for large ones; whole 64s of rows."""
    block = default_block(num_nodes)
    assert block * num_nodes <= max(6 * (level2_cache() or 1 << 20) // 4, 128 * num_nodes)
    assert block % 64 == 0


def test_a_buffer_from_inference_mode_serves_training() -> None:
    buffer, z = Buffer(), torch.ones(5, 2, dtype=torch.double)
    with torch.inference_mode():
        all_pairs_softplus(z, buffer=buffer)
    assert all_pairs_softplus(z.clone(), buffer=buffer)[0].isfinite()


def test_a_kept_buffer_changes_nothing(generator: torch.Generator) -> None:
    buffer = Buffer()
    for num_nodes, kind in ((50, torch.float), (20, torch.double), (200, torch.double)):
        z = torch.randn(num_nodes, 4, generator=generator, dtype=kind)
        for block in (None, 7):
            kept = all_pairs_softplus(z, block, buffer=buffer)
            fresh = all_pairs_softplus(z, block)
            assert all(torch.equal(mine, its) for mine, its in zip(kept, fresh, strict=True))


@pytest.mark.parametrize("loss", RECONSTRUCTIONS)
def test_the_number_of_threads_changes_no_bit(loss: str, generator: torch.Generator) -> None:
    """So that seeds in worker processes, which have fewer threads each, give the serial run's figures."""
    z = torch.randn(3_001, 16, generator=generator)
    ring = torch.stack([torch.arange(3_001), torch.arange(1, 3_002) % 3_001])
    recon = RECONSTRUCTIONS[loss](torch.cat([ring, ring.flip(0)], dim=1), 3_001)
    threads, gradients = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            gradients.append(recon.with_gradient(z, torch.Generator().manual_seed(0), value=False)[1])
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*gradients)


def test_second_derivatives_are_refused_rather_than_wrong(generator: torch.Generator) -> None:
    z = torch.randn(5, 2, generator=generator, requires_grad=True)
    value = FullReconstruction(torch.tensor([[0, 1], [1, 0]]), 5)(InnerProductDecoder(), z, UNUSED)
    with pytest.raises(RuntimeError, match="has no second derivative"):
        torch.autograd.grad(value, z, create_graph=True)


@given(cases())
@settings(max_examples=40, deadline=None)
def test_all_nodes_drawn_give_the_full_loss(case: tuple[Tensor, Tensor, int]) -> None:
    z, edge_index, block = case
    sampled = SampledReconstruction(edge_index, len(z), block)
    sampled.width = max(sampled.width, len(z))
    found = value_and_gradient(lambda z: sampled(InnerProductDecoder(), z, torch.Generator()), z)
    expected = value_and_gradient(lambda z: kipf(z, edge_index), z)
    for ours, reference in zip(found, expected, strict=True):
        assert torch.allclose(ours, reference, rtol=1e-8, atol=1e-10)


def test_the_mean_over_all_draws_is_the_sum_over_all_pairs(generator: torch.Generator) -> None:
    """Value and gradient: each node is drawn alone once."""
    z = torch.randn(30, 4, generator=generator, dtype=torch.double)
    draws = [some_pairs_softplus(z, torch.tensor([node]), block=7) for node in range(30)]
    expected = value_and_gradient(lambda z: softplus(z @ z.t()).sum(), z)
    for ours, reference in zip(zip(*draws, strict=True), expected, strict=True):
        assert torch.allclose(torch.stack(ours).mean(0), reference, rtol=1e-10)


@pytest.mark.parametrize(("scale", "share"), [(0.3, 0.1), (0.7, 0.4), (3.0, 1.0)])
def test_a_draw_is_corrected_by_what_it_gets_wrong_of_a_known_sum(
    scale: float, share: float, generator: torch.Generator
) -> None:
    """The control variate: it leaves a share of the error, the smaller the logits the less."""
    z = torch.randn(400, 8, generator=generator, dtype=torch.double) * scale
    exact = 2 * (z @ z.t()).sigmoid() @ z
    plain, ours = [], []
    for _ in range(20):
        nodes = torch.randperm(400, generator=generator)[:40]
        plain.append((2 * 10 * (z @ z[nodes].t()).sigmoid() @ z[nodes] - exact).norm())
        ours.append((some_pairs_softplus(z, nodes, block=64)[1] - exact).norm())
    assert torch.stack(ours).mean() < share * torch.stack(plain).mean()


@pytest.mark.parametrize("decoder", [InnerProductDecoder, PlainDecoder])
@pytest.mark.parametrize("at_most", [1 << 18, 30])
def test_sampled_loss_is_an_unbiased_estimate_of_the_full_one(
    decoder: type[InnerProductDecoder | PlainDecoder], at_most: int, generator: torch.Generator
) -> None:
    class Small(SampledReconstruction):
        most_positives = at_most
        width = 8

    z = torch.randn(40, 4, generator=generator, dtype=torch.double)
    edge_index = make_graph(torch.randint(40, (2, 60), generator=generator), 40).edge_index
    sampled = Small(edge_index, 40)
    values, gradients = zip(
        *(value_and_gradient(lambda z: sampled(decoder(), z, generator), z) for _ in range(1500)), strict=True
    )
    expected, reference = value_and_gradient(lambda z: kipf(z, edge_index), z)
    for found, mean in ((torch.stack(values), expected), (torch.stack(gradients), reference)):
        error = found.std(dim=0) / len(found) ** 0.5
        assert (error > 0).all()
        assert ((found.mean(dim=0) - mean).abs() < 5 * error).all()


@given(cases(), st.sampled_from([QuadraticReconstruction, SquaredReconstruction]))
@settings(max_examples=60, deadline=None)
def test_quadratic_losses_and_gradients_equal_sums_over_all_pairs(
    case: tuple[Tensor, Tensor, int], loss: type[QuadraticReconstruction]
) -> None:
    z, edge_index, _ = case

    def dense(z: Tensor) -> Tensor:
        n, s, logits = len(z), edge_index.size(1), z @ z.t()
        ones = torch.eye(n, dtype=torch.bool)
        ones[edge_index[0], edge_index[1]] = True
        if loss is SquaredReconstruction:
            positive, negative = (logits - 1).square() / 4, (logits + 1).square() / 4
        else:
            positive, negative = (log(2) + sign * logits / 2 + logits.square() / 8 for sign in (-1, 1))
        return 0.5 * (positive[ones].sum() / s + negative[~ones].sum() / (n**2 - s))

    linear = loss(edge_index, len(z))
    found = value_and_gradient(lambda z: linear(InnerProductDecoder(), z, UNUSED), z)
    for ours, reference in zip(found, value_and_gradient(dense, z), strict=True):
        assert torch.allclose(ours, reference, rtol=1e-8, atol=1e-10)


def test_the_quadratic_loss_is_the_full_one_where_logits_are_small(generator: torch.Generator) -> None:
    z = 0.05 * torch.randn(30, 4, generator=generator, dtype=torch.double)
    edge_index = make_graph(torch.randint(30, (2, 40), generator=generator), 30).edge_index
    found = value_and_gradient(
        lambda z: QuadraticReconstruction(edge_index, 30)(InnerProductDecoder(), z, UNUSED), z
    )
    for ours, reference in zip(found, value_and_gradient(lambda z: kipf(z, edge_index), z), strict=True):
        assert torch.allclose(ours, reference, rtol=1e-4, atol=1e-7)


def test_the_quadratic_loss_refuses_other_decoders() -> None:
    quadratic = QuadraticReconstruction(torch.tensor([[0, 1], [1, 0]]), 3)
    with pytest.raises(InputError, match="need the inner product, got PlainDecoder"):
        quadratic(PlainDecoder(), torch.zeros(3, 2), UNUSED)


def test_the_order_of_the_edges_makes_no_difference(generator: torch.Generator) -> None:
    z = torch.randn(20, 3, generator=generator, dtype=torch.double)
    edge_index = make_graph(torch.randint(20, (2, 40), generator=generator), 20).edge_index
    shuffled = edge_index[:, torch.randperm(edge_index.size(1), generator=generator)]
    one, other = (
        value_and_gradient(lambda z, e=e: FullReconstruction(e, 20)(InnerProductDecoder(), z, UNUSED), z)
        for e in (edge_index, shuffled)
    )
    assert all(torch.equal(mine, its) for mine, its in zip(one, other, strict=True))


def test_pairs_are_gathered_in_parts_when_they_are_many(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    z = torch.randn(20, 3, generator=generator, dtype=torch.double)
    edge_index = make_graph(torch.randint(20, (2, 40), generator=generator), 20).edge_index
    full = FullReconstruction(edge_index, 20)
    whole = value_and_gradient(lambda z: full(InnerProductDecoder(), z, UNUSED), z)
    monkeypatch.setattr("gvae.losses.positives.PAIRS_AT_ONCE", 7)
    parts = value_and_gradient(lambda z: full(InnerProductDecoder(), z, UNUSED), z)
    assert all(torch.equal(mine, its) for mine, its in zip(whole, parts, strict=True))


@pytest.mark.parametrize("loss", RECONSTRUCTIONS.values())
@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([[], []], "needs edges and non-edges"),
        ([[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]], "needs edges and non-edges"),
        ([[0], [1]], "each edge once in both directions"),
        ([[0, 0], [1, 1]], "each edge once in both directions"),
        ([[0, 1, 2], [1, 0, 2]], "each edge once in both directions"),
    ],
)
def test_a_graph_that_has_no_such_loss_is_refused(
    loss: type[Reconstruction], edges: list[list[int]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        loss(torch.tensor(edges, dtype=torch.long), 3)


def test_a_block_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="block must be an integer >= 1, got 0"):
        FullReconstruction(torch.tensor([[0, 1], [1, 0]]), 3, block=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("loss", RECONSTRUCTIONS)
def test_losses_on_cuda_are_those_of_the_processor(loss: str, generator: torch.Generator) -> None:
    z = torch.randn(100, 16, generator=generator, dtype=torch.double)  # of which "sampled" draws all
    edge_index = make_graph(torch.randint(100, (2, 300), generator=generator), 100).edge_index
    expected = value_and_gradient(
        lambda z: RECONSTRUCTIONS[loss](edge_index, 100)(InnerProductDecoder(), z, UNUSED), z
    )
    on_cuda = RECONSTRUCTIONS[loss](edge_index.cuda(), 100)
    drawn = torch.Generator("cuda")
    found = value_and_gradient(lambda z: on_cuda(InnerProductDecoder(), z, drawn), z.cuda())
    for ours, reference in zip(found, expected, strict=True):
        assert torch.allclose(ours.cpu(), reference, rtol=1e-8, atol=1e-10)
