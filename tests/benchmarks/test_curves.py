"""Curves of runs: read from their folders, drawn by epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.curves import main, plot, read_curve
from gvae.bundle import write_bundle


def write_run(folder: Path, bounds: list[float | None]) -> Path:
    """A run of images with these validation bounds at epochs 10, 20, ..."""
    history = [{"epoch": 10 * (i + 1), "total": 1.0, "val": bound} for i, bound in enumerate(bounds)]
    tensors = {"w": torch.zeros(1)}
    write_bundle(folder, tensors=tensors, config={}, history=history, manifest={"kind": "image"})
    return folder


def test_a_line_for_each_run(tmp_path: Path) -> None:
    runs = write_run(tmp_path / "vae", [-120.0, None, -95.0]), write_run(tmp_path / "iwae", [-90.0])
    (axes,) = plot([read_curve(run) for run in runs]).axes
    assert [line.get_label() for line in axes.lines] == ["vae", "iwae"]
    assert np.asarray(axes.lines[0].get_xydata()).tolist() == [[10, -120], [30, -95]]
    assert main([*map(str, runs), "--out", str(tmp_path / "curves.png")]) == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("run", "out", "message"),
    [
        ("nowhere", "a.png", "nowhere: does not exist, expected a bundle"),
        ("empty", "a.png", "empty: its history has no validation figures"),
        ("vae", "a.txt", "the ending must be one of .png, .svg, .pdf"),
    ],
)
def test_bad_input_is_refused(
    run: str, out: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "vae", [-1.0])
    write_run(tmp_path / "empty", [None])
    assert main([str(tmp_path / run), "--out", str(tmp_path / out)]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / out).exists()
