"""Every error that gvae raises on purpose; each is also a built-in kind, so both can be caught.

``GvaeError``
    ``InputError`` (ValueError): a value, a file or a graph that cannot be used
        ``UnknownNameError``: no such data set, model or protocol; names the nearest ones
    ``TrainingError`` (RuntimeError): the run itself failed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GvaeError(Exception):
    """Base of all errors of this package."""


class InputError(GvaeError, ValueError):
    """An argument, a file or a graph that cannot be used: what was expected, what came, and where."""


class UnknownNameError(InputError):
    """A name that is in none of our tables, with the nearest names that are."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


class TrainingError(GvaeError, RuntimeError):
    """Training could not go on, for instance because the loss is no longer finite."""
