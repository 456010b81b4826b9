from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gvae.calibration import expected_calibration_error
from gvae.data import LinkPart, make_graph, sample_negatives, split_links
from gvae.datasets import load
from gvae.errors import InputError, TrainingError
from gvae.models import VGAE, build
from gvae.scoring import calibrate, evaluate
from gvae.train import LinkTask, TrainConfig, fit

X = torch.tensor([[2.0], [1.0], [-1.0], [3.0]])


class MessageSum(nn.Module):
    """mu is x plus the sum over incoming messages; a wild logstd shows that the mean is scored."""

    def forward(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        assert not torch.is_grad_enabled()
        assert not self.training
        return x.index_add(0, edge_index[1], x[edge_index[0]]), torch.full_like(x, 3.0)


def part(messages: list[list[int]]) -> LinkPart:
    positives, negatives = torch.tensor([[0, 0], [1, 3]]), torch.tensor([[0, 1], [2, 3]])
    return LinkPart(X, 4, torch.tensor(messages, dtype=torch.long).reshape(2, -1), positives, negatives)


def test_logits_of_the_mean_by_hand() -> None:
    """z = (2, 1, -1, 3): positives 2 and 6, negatives -2 and 3, three of four pairs in order."""
    assert evaluate(VGAE(MessageSum()), part([[], []])).auc == 0.75


def test_messages_pass_along_the_parts_own_edges() -> None:
    """With 3 -> 1, z_1 = 4: positives 8 and 6, negatives -2 and 12."""
    assert evaluate(VGAE(MessageSum()), part([[3], [1]])).auc == 0.5


def test_parts_without_both_kinds_of_pairs_are_refused() -> None:
    training = replace(part([[], []]), negatives=torch.zeros(2, 0, dtype=torch.long))
    with pytest.raises(InputError, match="must have positives and negatives to be scored, got 2 and 0"):
        evaluate(VGAE(MessageSum()), training)


def test_logits_that_are_not_finite_are_a_failed_run() -> None:
    with pytest.raises(TrainingError, match="training diverged"):
        evaluate(VGAE(MessageSum()), replace(part([[], []]), x=1e30 * X))


def test_the_mode_of_the_model_is_left_as_it_was() -> None:
    model = VGAE(MessageSum())
    for mode in (True, False):
        model.train(mode)
        evaluate(model, part([[], []]))
        assert model.training is mode


def test_probabilities_at_one_to_a_hundred_are_calibrated() -> None:
    """Fitted to held-out edges, checked on other held-out edges among 100 times as many non-edges."""
    data = load("cora")
    split = split_links(data, 0.1, 0.1, seed=1000)
    known = make_graph(
        torch.cat([split.development.train.positives, split.development.val.positives], 1), 2708
    )
    model = build("vgae", data, seed=1000)
    fit(LinkTask(model, split.development), TrainConfig(epochs=60, seed=1000))
    calibration = calibrate(model, split.development.val, known, seed=1000)
    assert calibration is not None
    edges = split.test.positives
    generator = torch.Generator().manual_seed(0)
    others = sample_negatives(data.edge_index, 2708, 100 * edges.size(1), generator=generator)
    with torch.no_grad():
        z = model.encode(data.x, split.test.edge_index).mean
        logits = model.decode(z, torch.cat([edges, others], dim=1))
    outcome = torch.arange(len(logits)) < edges.size(1)
    corrected = calibration.probability(logits, 1 / 101)
    assert expected_calibration_error(corrected, outcome) < 0.005
    assert expected_calibration_error(calibration.probability(logits, 0.5), outcome) > 0.1
    assert expected_calibration_error(logits.sigmoid(), outcome) > 0.3
    # Sharper than saying 1/101 of each pair, whose calibration error is 0.
    surprise = torch.where(outcome, corrected, 1 - corrected).log().mean()
    constant = (100 * math.log(100 / 101) + math.log(1 / 101)) / 101
    assert surprise > constant / 1.3


def test_few_edges_are_not_calibrated_with() -> None:
    data = make_graph(torch.tensor([[0, 1], [1, 2]]), 4, x=X)
    assert calibrate(VGAE(MessageSum()), part([[], []]), data) is None
