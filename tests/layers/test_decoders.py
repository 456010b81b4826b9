from __future__ import annotations

import torch

from gvae.layers import InnerProductDecoder

Z = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.0, 4.0]])


def test_logits_by_hand() -> None:
    logits = InnerProductDecoder()(Z, torch.tensor([[0, 1, 2], [1, 2, 2]]))
    assert logits.tolist() == [1.0, -4.0, 16.0]  # logits: no sigmoid


def test_rows_and_all_pairs() -> None:
    decoder = InnerProductDecoder()
    assert decoder.all_pairs(Z).tolist() == [[5, 1, 8], [1, 10, -4], [8, -4, 16]]
    assert decoder.rows(Z, slice(1, 3)).tolist() == [[1, 10, -4], [8, -4, 16]]
    assert decoder.rows(Z, torch.tensor([2, 0, 2])).tolist() == [[8, -4, 16], [5, 1, 8], [8, -4, 16]]
