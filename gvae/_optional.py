"""Packages that gvae can do without: imported where they are used, through one function."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from gvae.errors import MissingPackageError


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional package.

    Parameters
    ----------
    module
        Its name, as ``import`` takes it.
    extra
        The extra of gvae that installs it, named after what needs it.

    Raises
    ------
    MissingPackageError
        If it is not installed. One that is installed and cannot be imported raises its own error.
    """
    package = module.split(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingPackageError(
            f"{extra} needs the package {package}: pip install 'gvae[{extra}]'", name=package
        ) from error
