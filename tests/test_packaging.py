"""The wheel, built and installed in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest


def run(*command: str | Path, **kwargs: object) -> str:
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **kwargs
    )  # type: ignore[call-overload]
    assert result.returncode == 0, result.stdout + result.stderr
    return str(result.stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, folder = Path(__file__).parent.parent, tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    tracked = run("git", "-C", root, "ls-files", "-co", "--exclude-standard").split("\n")
    for name in filter(None, tracked):
        target = source / name
        if (root / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((root / name).read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, source)
    return next(folder.glob("gvae-*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gvae"}
    assert {f"gvae/datasets/data/{name}.npz" for name in ("cora", "citeseer", "pubmed")} <= set(names)
    assert {"gvae/py.typed", "gvae/cli/app.py", "gvae/datasets/data/SOURCES.md"} <= set(names)
    assert not [name for name in names if name.endswith(".pyi") or "test" in name]


@pytest.mark.slow
def test_the_installed_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """A clean environment that sees the dependencies of this one, but not this checkout."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel)
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    script = (
        "import gvae, gvae.cli, gvae.datasets, importlib.util\n"
        "assert 'env' in gvae.__file__.split('/'), gvae.__file__\n"
        "assert importlib.util.find_spec('cli') is None\n"
        "assert importlib.util.find_spec('datasets') is None\n"
        "print(gvae.datasets.load('cora'))\n"
    )
    assert "edge_index=[2, 10556]" in run(python, "-c", script, env=environment, cwd=tmp_path)
    gvae = tmp_path / "env" / "bin" / "gvae"
    assert "vgae" in run(
        gvae, "bench", "karate", "--runs", "1", "--epochs", "2", env=environment, cwd=tmp_path
    )
