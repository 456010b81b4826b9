"""The house itself: arrows that point down, public names, packages and their list."""

from __future__ import annotations

import ast
import graphlib
import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import gvae
import gvae.data
import gvae.image
import gvae.layers
import gvae.losses
import gvae.models
import gvae.train

# What each part of gvae may import of the others: the arrows, which all point down.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "_lazy": set(),
    "catalog": {"errors"},
    "_optional": {"errors"},
    "files": {"errors"},
    "bundle": {"files", "errors"},
    "clustering": {"_optional", "metrics", "config", "catalog", "errors"},
    "calibration": {"config", "errors"},
    "embeddings": {"catalog", "files", "errors"},
    "metrics": {"errors"},
    "protocols": set(),
    "randomness": set(),
    "config": {"catalog", "errors"},
    "presets": {"config", "errors"},
    "environment": {"catalog", "onednn", "errors"},
    "data": {"_lazy", "catalog", "files", "errors", "randomness"},
    "layers": {"_lazy", "data", "config", "errors"},
    "losses": {"_lazy", "layers", "data", "config", "memory", "onednn", "errors"},
    "models": {"_lazy", "layers", "data", "catalog", "randomness", "errors"},
    "scoring": {"models", "data", "calibration", "metrics", "randomness", "errors"},
    "train": {"_lazy", "scoring", "models", "losses", "data", "config", "randomness", "files", "errors"},
    "image": {
        *("layers", "losses", "train", "data", "config", "catalog", "randomness", "bundle", "files"),
        *("environment", "metrics", "onednn", "allocator", "errors", "_optional", "_lazy"),
    },
    "memory": set(),
    "onednn": set(),
    "allocator": set(),
    "workload": {"losses", "models", "data", "catalog"},
    "planning": {"workload", "memory", "presets", "catalog", "errors"},
    "ranking": {"_optional", "layers", "data", "config", "errors"},
    "saving": {"bundle", "calibration", "data", "environment", "errors", "metrics", "models", "train"},
    "estimator": {
        *("saving", "planning"),
        *("bundle", "clustering", "embeddings", "ranking", "train", "scoring", "models", "layers", "data"),
        *("environment", "presets", "config", "catalog", "errors"),
    },
    "cluster_runs": {"estimator", "clustering", "train", "metrics", "errors"},
    "split_checks": {"data", "protocols", "errors"},
    "split_source": {"split_checks", "data", "protocols", "catalog", "files", "errors"},
    "manifest": {"data", "environment", "presets", "protocols", "catalog"},
    "runs": {
        *("split_source", "manifest", "train", "scoring", "models", "data", "environment"),
        *("presets", "protocols", "catalog", "metrics", "errors"),
    },
    "processes": set(),
    "preloaded": {"experiment"},
    "workers": {"processes", "train", "errors"},
    "experiment": {
        *("runs", "workers", "planning", "split_source", "manifest", "scoring", "train", "data"),
        *("environment", "presets", "protocols", "config", "catalog", "metrics", "errors"),
    },
    "repeat": {"experiment", "metrics", "split_source", "data", "environment", "errors"},
    "results": {"errors"},
    "comparison": {"results", "errors"},
    "plots": {"comparison", "catalog", "files", "errors"},
    "datasets": {"data", "catalog", "errors"},
    "cli": {
        *("repeat", "results", "comparison", "plots", "split_source", "protocols"),
        *("planning", "memory"),
        "cluster_runs",
        "image",
        "processes",
        "randomness",
        "estimator",
        "embeddings",
        "train",
        "experiment",
        "data",
        "datasets",
        "environment",
        "presets",
        "config",
        "catalog",
        "files",
        "errors",
    },
}
READERS = {"polars", "networkx", "scipy", "sklearn", "matplotlib"}
"""What readers, heuristics, clusterings and plots need, and a benchmark does not."""
LAZY = {name: home.split(".")[1] for home, names in gvae._HOMES.items() for name in names}


def parts(module: str) -> set[str]:
    """The part that "gvae.part.module" belongs to; public names stand for their homes."""
    top, *rest = module.split(".")
    return {LAZY.get(rest[0], rest[0])} if top == "gvae" and rest else set()


def imported(node: ast.AST, package: str) -> set[str]:
    """The parts of gvae that one node of a file in ``package`` reaches for."""
    if isinstance(node, ast.Import):
        return set().union(*(parts(alias.name) for alias in node.names))
    if isinstance(node, ast.ImportFrom):
        base = "." * node.level + (node.module or "")
        module = importlib.util.resolve_name(base, package) if node.level else base
        if module == "gvae":
            return set().union(*(parts(f"gvae.{alias.name}") for alias in node.names))
        return parts(module)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gvae":
        return parts(f"gvae.{node.attr}")
    return set()


def wrong_arrows(source: str, package: str) -> set[str]:
    """Parts that a file in ``package`` imports and may not; what is for type checking alone is left out."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    part = package.split(".")[1]
    found = set().union(*(imported(node, package) for node in ast.walk(tree)))
    return (found & ALLOWED.keys()) - ALLOWED[part] - {part}


def modules(root: Path) -> list[tuple[Path, str]]:
    """Every module with the package that it stands in, a module of gvae itself with its own name."""
    found = [(path, f"gvae.{path.parent.name}") for path in (root / "gvae").glob("*/*.py")]
    found += [(path, f"gvae.{path.stem}") for path in (root / "gvae").glob("*.py") if path.stem != "__init__"]
    return found + [
        (path, f"gvae.{name}") for name in ("cli", "datasets") for path in (root / name).glob("*.py")
    ]


def test_arrows_point_down(root: Path) -> None:
    found = modules(root)
    assert {package.split(".")[1] for _, package in found} == ALLOWED.keys()
    wrong = {
        path.name: arrows for path, package in found if (arrows := wrong_arrows(path.read_text(), package))
    }
    assert wrong == {}
    graphlib.TopologicalSorter(ALLOWED).prepare()  # raises CycleError if the arrows go round


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("from gvae.train import fit", "gvae.layers"),
        ("from gvae import fit", "gvae.layers"),
        ("from ..train import fit", "gvae.layers"),
        ("from .. import experiment", "gvae.data"),
        ("import gvae.experiment", "gvae.data"),
        ("import gvae\ngvae.fit()", "gvae.layers"),
        ("def f():\n    from gvae import models", "gvae.losses"),
        ("from gvae.cli import app", "gvae.datasets"),
        ("from gvae.experiment import run_seeds", "gvae.datasets"),
    ],
)
def test_a_planted_upward_import_is_found(source: str, package: str) -> None:
    assert wrong_arrows(source, package)


def test_every_third_party_import_is_a_dependency(root: Path) -> None:
    config = tomllib.loads((root / "pyproject.toml").read_text())
    dependencies = {re.split("[>=<]", line)[0] for line in config["project"]["dependencies"]}
    distributions = {"torch_geometric": "torch-geometric", "sklearn": "scikit-learn", "PIL": "pillow"}
    used = set()
    for path, _ in modules(root):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            used |= {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"gvae"}
    assert {distributions.get(name, name) for name in used} == dependencies


LAZY_PACKAGES = [gvae, gvae.data, gvae.layers, gvae.losses, gvae.models, gvae.train, gvae.image]


@pytest.mark.parametrize("package", LAZY_PACKAGES, ids=lambda package: package.__name__)
def test_lazy_names_equal_the_typed_ones(package: Any) -> None:
    tree = ast.parse(Path(package.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == {(home, name) for home, names in package._HOMES.items() for name in names}
    assert sorted(package.__all__) == sorted(name for _, name in typed)
    assert all(name in dir(package) and getattr(package, name).__doc__ for name in package.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_public_names_of_the_parts() -> None:
    for module, names in {
        "gvae.datasets": ("load", "names"),
        "gvae.data": ("split_links", "sample_negatives"),
        "gvae.models": ("build", "GAE", "VGAE"),
        "gvae.layers": ("GCNEncoder", "InnerProductDecoder", "GaussianPosterior"),
        "gvae.train": ("LinkTask", "TrainConfig", "fit"),
        "gvae.scoring": ("evaluate",),
        "gvae.experiment": ("run_seeds",),
        "gvae.image": ("load_images", "build_image_model"),
    }.items():
        assert all(hasattr(importlib.import_module(module), name) for name in names)


@pytest.mark.parametrize(
    ("modules", "spared"),
    [
        *(
            (name, {"torch", "numpy", "typer", "rich", *READERS})
            for name in ("gvae", "gvae.data", "gvae.image")
        ),
        ("gvae.experiment, gvae.data.audit, gvae.data.split_files, gvae.datasets", READERS),
        ("gvae.estimator", {"matplotlib", "sklearn.cluster", "sklearn.mixture"}),
    ],
)
def test_what_an_import_spares(modules: str, spared: set[str]) -> None:
    script = f"import sys, {modules}; print({spared!r} & set(sys.modules))"
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"


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
