"""The house itself: arrows that point down, public names, packages and their list."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gvae

# From the ground up; a module may import from lower storeys and from its own.
STOREYS = (
    {"errors"},
    {"catalog", "metrics", "protocols", "randomness"},
    {"config"},
    {"presets"},
    {"data"},
    {"layers"},
    {"losses"},
    {"models"},
    {"scoring"},
    {"train"},
    {"environment"},
    {"experiment"},
    {"datasets"},
    {"cli"},
)
LEVEL = {name: level for level, names in enumerate(STOREYS) for name in names}


def imports(source: str, package: str) -> set[str]:
    """The parts of gvae that a file imports, except for type checking."""
    tree = ast.parse(source)
    hidden = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            found.add(package)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gvae":
            module = (node.module or "").split(".")
            found |= {module[1]} if len(module) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("gvae.")}
    return found & LEVEL.keys()


def upward(source: str, package: str) -> set[str]:
    return {name for name in imports(source, package) if LEVEL[name] > LEVEL[package]}


def modules(root: Path) -> list[tuple[Path, str]]:
    """Every module with the part of gvae that it belongs to."""
    inside = [
        (path, path.relative_to(root / "gvae").parts[0].removesuffix(".py"))
        for path in (root / "gvae").rglob("*.py")
        if path != root / "gvae" / "__init__.py"
    ]
    return inside + [(path, name) for name in ("cli", "datasets") for path in (root / name).glob("*.py")]


def test_arrows_point_down(root: Path) -> None:
    found = modules(root)
    assert {name for _, name in found} == LEVEL.keys()
    wrong = {str(path): up for path, name in found if (up := upward(path.read_text(), name))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("from gvae.train import fit", "layers"),
        ("import gvae.experiment", "data"),
        ("def f():\n    from gvae import models", "losses"),
        ("from gvae.cli import app", "datasets"),
    ],
)
def test_a_planted_upward_import_is_found(source: str, package: str) -> None:
    assert upward(source, package)


def test_datasets_and_cli_import_each_other_relatively(root: Path) -> None:
    for name in ("cli", "datasets"):
        for path in (root / name).glob("*.py"):
            assert name not in imports(path.read_text(), "errors")


def test_lazy_names_equal_the_typed_ones(root: Path) -> None:
    tree = ast.parse((root / "gvae" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == {(home, name) for home, names in gvae._HOMES.items() for name in names}
    assert sorted(gvae.__all__) == sorted(name for _, name in typed)


def test_public_names_are_there_and_documented() -> None:
    for name in gvae.__all__:
        assert getattr(gvae, name).__doc__
        assert name in dir(gvae)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gvae.nothing  # noqa: B018
    for module, names in {
        "gvae.datasets": ("load", "names"),
        "gvae.data": ("split_links", "sample_negatives"),
        "gvae.models": ("build", "GAE", "VGAE"),
        "gvae.layers": ("GCNEncoder", "InnerProductDecoder", "GaussianPosterior"),
        "gvae.train": ("LinkTask", "TrainConfig", "fit"),
        "gvae.scoring": ("evaluate",),
        "gvae.experiment": ("run_seeds",),
    }.items():
        assert all(hasattr(importlib.import_module(module), name) for name in names)


def test_importing_gvae_imports_nothing_heavy() -> None:
    script = "import sys, gvae; print({'torch', 'numpy', 'typer', 'sklearn'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )


def test_the_package_list_equals_the_tree(root: Path) -> None:
    config = tomllib.loads((root / "pyproject.toml").read_text())
    tree = {".".join(path.parent.relative_to(root).parts) for path in (root / "gvae").rglob("__init__.py")}
    listed = config["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == tree | {"gvae.cli", "gvae.datasets"}
    assert config["project"]["version"] == gvae.__version__


@pytest.mark.parametrize("name", ["cli", "datasets"])
def test_the_folders_refuse_their_bare_names(name: str, root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=root, capture_output=True, text=True, check=False
    )
    assert f"ModuleNotFoundError: import gvae.{name}, not {name}" in result.stderr
