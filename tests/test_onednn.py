"""Products by oneDNN: as exact as float32, only where they help, and the permission is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gvae.onednn import WORTH_IT, keeps_float32, made_by_amd, onednn_helps, onednn_products

matmul = getattr(torch.backends.mkldnn, "matmul", None)


@pytest.mark.skipif(not onednn_helps(), reason="needs an AMD processor with AVX-512 and torch >= 2.9")
def test_the_permission_holds_within_and_not_after() -> None:
    before = matmul.fp32_precision  # type: ignore[union-attr]
    with onednn_products():
        assert matmul.fp32_precision == "bf16"  # type: ignore[union-attr]
    assert matmul.fp32_precision == before  # type: ignore[union-attr]
    with onednn_products(WORTH_IT - 1):
        assert matmul.fp32_precision == before  # type: ignore[union-attr]
    with pytest.raises(RuntimeError), onednn_products():
        torch.zeros(2, 3) @ torch.zeros(2, 3)
    assert matmul.fp32_precision == before  # type: ignore[union-attr]


def test_products_within_are_those_of_float32() -> None:
    """Whatever the processor: with bfloat16 the error would be a thousand times as large."""
    z = torch.rand(300, 16, generator=torch.Generator().manual_seed(1))
    with onednn_products():
        found = z @ z.t() @ z
    exact = z.double() @ z.double().t() @ z.double()
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=0)


def test_rounding_to_bfloat16_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = torch.Tensor.__matmul__
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: exact(_rounded(a), _rounded(b)))
    assert not keeps_float32()


def test_the_maker_is_read_from_the_system(tmp_path: Path) -> None:
    processor = tmp_path / "cpuinfo"
    assert not made_by_amd(processor)
    for maker in ("GenuineIntel", "AuthenticAMD"):
        processor.write_text(f"processor\t: 0\nvendor_id\t: {maker}\n")
        assert made_by_amd(processor) == (maker == "AuthenticAMD")


def _rounded(a: torch.Tensor) -> torch.Tensor:
    return a.bfloat16().to(a.dtype) if a.dtype == torch.float else a
