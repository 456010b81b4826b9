"""Child processes that hear no Ctrl-C and run nothing of the user's script."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

PRELOADED = ["gvae.preloaded"]
"""What a child has imported when it begins; once for all of them where there is a fork server."""


def start_process(target: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Connection]:
    """Start a child process, which ends with this one at the latest.

    Where there is a fork server, children are forked from a process that imported torch and did nothing else,
    so that they begin at once and with no lock or thread of ours.

    Parameters
    ----------
    target
        A function of a module; its first argument is the child's end of a connection.
    arguments
        The others; small ones, since what is large goes through the connection.

    Returns
    -------
    BaseProcess, Connection
        The child, and our end.
    """
    prepare()
    context = multiprocessing.get_context("forkserver" if _has_fork_server() else "spawn")
    ours, theirs = context.Pipe()
    process: BaseProcess = context.Process(target=_begin, args=(target, theirs, *arguments), daemon=True)  # type: ignore[attr-defined]
    with _no_script(), theirs:
        process.start()
    return process, ours


def _begin(target: Callable[..., None], *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    target(*arguments)


def prepare() -> None:
    """Start the fork server, where there is one: what it imports, it imports while this process goes on."""
    if not _has_fork_server():
        return
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(PRELOADED)
    with _no_interrupts():
        forkserver.ensure_running()


def _has_fork_server() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ctrl-C goes to all processes of a terminal: those started here ignore it from their beginning."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _no_script() -> Iterator[None]:
    """A child would run the user's script again, for what it may define, and so start children of its own."""
    script, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
