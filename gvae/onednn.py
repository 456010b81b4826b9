"""Dense float32 products by oneDNN instead of MKL, where those are as exact and faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

WORTH_IT = 512
"""Below this size of the matrices oneDNN's preparations, 15 us a product, take longer than it saves."""


@contextmanager
def onednn_products(size: int = WORTH_IT) -> Iterator[None]:
    """Within it torch multiplies float32 matrices on the processor by oneDNN, where `onednn_helps`.

    That is asked for by torch's permission to compute in bfloat16, which is taken back at the end; processors
    for which oneDNN makes use of it are left out by `keeps_float32`. For ``Z^T Z`` it divides the sum over
    many rows between threads, whose number then changes the last bits: on the graph side such products stay
    outside.

    Parameters
    ----------
    size
        The largest number of rows or columns; small matrices are left to MKL.
    """
    if size < WORTH_IT or not onednn_helps():
        yield
        return
    with _permission():
        yield


@cache
def onednn_helps() -> bool:
    """Whether this is an AMD processor with AVX-512, which MKL leaves unused there, and stays exact."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or not made_by_amd():
        return False
    return hasattr(torch.backends.mkldnn, "matmul") and keeps_float32()  # torch >= 2.9


def keeps_float32() -> bool:
    """Whether the products are those of float32 in spite of the permission, to 1e-5 of each."""
    generator = torch.Generator().manual_seed(0)
    for rows, columns in ((256, 16), (128, 784)):  # all pairs; a layer of images
        z = torch.rand(rows, columns, generator=generator)
        with _permission():
            found = z @ z.t() @ z
        exact = z.double() @ z.double().t() @ z.double()
        if not torch.allclose(found.double(), exact, rtol=1e-5, atol=0):
            return False
    return True


def made_by_amd(processor: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether Linux says so of the processor."""
    try:
        return "AuthenticAMD" in processor.read_text()
    except OSError:  # not Linux
        return False


@contextmanager
def _permission() -> Iterator[None]:
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        matmul.fp32_precision = before
