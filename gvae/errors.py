"""Every error that gvae raises on purpose; each is also a built-in kind, so both can be caught.

``GvaeError``
    ``InputError`` (ValueError): a value, a file or a graph that cannot be used
        ``UnknownNameError``: no such data set, model or protocol; names the nearest ones
    ``DownloadError`` (OSError): a data set could not be fetched
    ``TrainingError`` (RuntimeError): the run itself failed
    ``LeakError`` (ValueError): a split lets the test edges be known beforehand
    ``OutputError`` (OSError): a result could not be written
    ``MissingPackageError`` (ImportError): an optional package is not installed; names the extra that has it
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gvae.train import History


class GvaeError(Exception):
    """Base of all errors of this package."""


class InputError(GvaeError, ValueError):
    """An argument, a file or a graph that cannot be used: what was expected, what came, and where."""


class UnknownNameError(InputError):
    """A name that is in none of our tables, with the nearest names that are."""

    @classmethod
    def of(cls, kind: str, name: str, known: Collection[str]) -> UnknownNameError:
        """Make the error for a ``name`` of some ``kind``, among those that are ``known``."""
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        some = [*known][:12] + ["..."] * (len(known) > 12)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(some)}"
        return cls(f"unknown {kind} {name!r}; {hint}")


class LeakError(GvaeError, ValueError):
    """A link split leaks: its figures would say nothing."""


class DownloadError(GvaeError, OSError):
    """A data set could not be fetched."""


class TrainingError(GvaeError, RuntimeError):
    """A run failed: the loss, the weights or the logits are no longer finite.

    Parameters
    ----------
    message
        What happened, when, and what to change.
    history
        What happened until then, where `gvae.train.fit` raises it: ``history.epochs`` is the epoch at which
        training stopped, ``history.epoch`` the one whose weights the model has, 0 for those before training.
    """

    def __init__(self, message: str, history: History | None = None) -> None:
        super().__init__(message)
        self.history = history


class OutputError(GvaeError, OSError):
    """A result could not be written."""


class MissingPackageError(GvaeError, ImportError):
    """An optional package is not installed; the message holds the command that installs it."""


class GvaeWarning(UserWarning):
    """What was read or done differently from what a user may think; the command line prints it as a note."""
