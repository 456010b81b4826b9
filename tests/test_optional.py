from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from gvae._optional import require
from gvae.errors import GvaeError, MissingPackageError


def test_a_package_that_is_there_is_imported() -> None:
    assert require("math", extra="any") is math
    assert require("importlib.metadata", extra="any").__name__ == "importlib.metadata"


@pytest.mark.parametrize("module", ["nowhere_to_be_found", "nowhere_to_be_found.part"])
def test_a_missing_one_names_itself_and_the_command(module: str) -> None:
    expected = r"^leiden needs the package nowhere_to_be_found: pip install 'gvae\[leiden\]'$"
    with pytest.raises(MissingPackageError, match=expected) as caught:
        require(module, extra="leiden")
    assert caught.value.name == "nowhere_to_be_found"
    assert isinstance(caught.value, GvaeError)
    assert isinstance(caught.value, ImportError)


def test_a_package_that_is_broken_raises_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installing the extra again would not help: what is missing is another package."""
    (tmp_path / "broken_package.py").write_text("import nowhere_to_be_found")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found") as caught:
        require("broken_package", extra="leiden")
    assert not isinstance(caught.value, MissingPackageError)
    assert "broken_package" not in sys.modules
