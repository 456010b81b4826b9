"""The command line. Installed as ``gvae.cli``; one file a command, none of which computes."""

if __name__ != "gvae.cli":
    raise ModuleNotFoundError(f"import gvae.cli, not {__name__}: that name is not ours", name=__name__)

from .app import app, main

__all__ = ["app", "main"]
