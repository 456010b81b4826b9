from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def planetoid_copy(raw_planetoid: Path, tmp_path: Path) -> Path:
    """A copy of the raw files that PyTorch Geometric may write its own beside."""
    folder = tmp_path / "planetoid"
    for raw in raw_planetoid.glob("*/raw"):
        target = folder / raw.relative_to(raw_planetoid)
        target.mkdir(parents=True)
        for file in raw.iterdir():
            shutil.copyfile(file, target / file.name)
    return folder
