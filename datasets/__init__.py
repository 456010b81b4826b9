"""Named data sets: ``load("cora")``. Installed as ``gvae.datasets``."""

if __name__ != "gvae.datasets":
    raise ModuleNotFoundError(f"import gvae.datasets, not {__name__}: that name is not ours", name=__name__)

from .registry import load, names

__all__ = ["load", "names"]
