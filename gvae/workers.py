"""Runs in worker processes, several at once."""

from __future__ import annotations

import pickle
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import torch

from gvae.errors import GvaeWarning, InputError, TrainingError
from gvae.processes import start_process
from gvae.train import EpochRecord
from gvae.train.loop import OnEpoch

Result = TypeVar("Result")
Work = Callable[[int, OnEpoch], Iterable[Result]]

GRACE = 5.0
"""Seconds that a worker has to end before it is killed."""


@dataclass(frozen=True)
class _Ready:
    """The work has come."""


@dataclass(frozen=True)
class _Epochs:
    """So many epochs were trained since the last message, up to one that was recorded."""

    count: int
    epoch: int
    record: EpochRecord


@dataclass(frozen=True)
class _Result:
    value: Any


@dataclass(frozen=True)
class _End:
    """A seed is done, or failed; with the category, text, file and line of each warning."""

    error: Exception | None
    warnings: list[tuple[type[Warning], str, str, int]]


def run_in_workers(
    work: Work[Result],
    seeds: Sequence[int],
    *,
    jobs: int,
    on_result: Callable[[Result], None],
    on_epoch: OnEpoch | None = None,
) -> None:
    """Do the work of each seed in one of several worker processes, which share its tensors.

    The threads of this process are divided among the workers; a warning in one is a warning here, once.
    Workers run nothing of the user's script, which therefore needs no ``if __name__ == "__main__"``.

    Parameters
    ----------
    work
        Called with a seed and what it has to call after each epoch; gives results one at a time. It is sent
        to every worker once.
    seeds
        At least one; begun in this order.
    jobs
        Workers; no more are started than there are seeds.
    on_result
        Called here with each result as it comes: those of a seed in their order, seeds as they end.
    on_epoch
        Called here for each epoch of all runs, when the next recorded epoch of that run is done.

    Raises
    ------
    InputError
        If the work cannot be sent to another process.
    TrainingError
        If a worker dies.
    Exception
        Whatever the work raises, with the worker's traceback as a note. All workers have ended before, as
        they have when this is interrupted.
    """
    jobs = min(jobs, len(seeds))
    waiting, workers, known = deque(seeds), list[_Worker](), set[str]()
    try:
        _start(workers, jobs, work, known)
        for worker in workers:
            worker.begin(waiting.popleft())
        busy = [*workers]
        while busy:
            for worker in _ready(busy):
                message = worker.receive()
                if isinstance(message, _Result):
                    on_result(message.value)
                elif isinstance(message, _Epochs):
                    _replay(message, on_epoch)
                elif isinstance(message, _End):
                    _settle(message, known)
                    if waiting:
                        worker.begin(waiting.popleft())
                    else:
                        busy.remove(worker)
    finally:
        _stop(workers)


_Message = _Ready | _Epochs | _Result | _End


class _Worker:
    """A worker process, seen from here."""

    def __init__(self, threads: int) -> None:
        self.process, self.connection = start_process(_serve, threads, torch.get_default_dtype())
        self.seed: int | None = None

    def begin(self, seed: int) -> None:
        self.seed = seed
        self.send(seed)

    def send(self, what: object) -> None:
        try:
            self.connection.send(what)
        except ConnectionError as error:
            raise self._death() from error
        except (pickle.PicklingError, AttributeError, TypeError, RuntimeError) as error:
            raise _cannot_be_shared(error) from error

    def receive(self) -> _Message:
        try:
            message: _Message = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise self._death() from error
        return message

    def _death(self) -> TrainingError:
        self.process.join(GRACE)
        when = "at its start" if self.seed is None else f"in the run of seed {self.seed}"
        return TrainingError(
            f"a worker process ended unexpectedly {when} (exit code {self.process.exitcode}); "
            "if memory ran out, fewer jobs need less"
        )


def _start(workers: list[_Worker], jobs: int, work: Work[Any], known: set[str]) -> None:
    """Append so many workers, and wait until all have the work: passing tensors is not to be cut short."""
    for _ in range(jobs):
        workers.append(_Worker(threads=max(1, torch.get_num_threads() // jobs)))
        workers[-1].send(work)
    for worker in workers:
        message = worker.receive()
        if isinstance(message, _End):  # the work cannot be taken there
            _settle(message, known)


def _ready(workers: list[_Worker]) -> list[_Worker]:
    """Wait for a message or a death; whose it is."""
    ready = wait([worker.connection for worker in workers])
    return [worker for worker in workers if worker.connection in ready]


def _stop(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(GRACE)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


def _replay(epochs: _Epochs, on_epoch: OnEpoch | None) -> None:
    if on_epoch is not None:
        for epoch in range(epochs.epoch - epochs.count + 1, epochs.epoch):
            on_epoch(epoch, None)
        on_epoch(epochs.epoch, epochs.record)


def _settle(end: _End, known: set[str]) -> None:
    """Say what a worker warned of, if it is new, and raise what it raised."""
    for category, text, file, line in end.warnings:
        if text not in known:
            known.add(text)
            warnings.warn_explicit(text, category, file, line)
    if end.error is not None:
        raise end.error


def _serve(connection: Connection, threads: int, dtype: torch.dtype) -> None:
    """What a worker does, until it is stopped or there is nobody at the other end."""
    torch.set_num_threads(threads)
    torch.set_default_dtype(dtype)
    with suppress(EOFError, ConnectionError):
        try:
            work = connection.recv()
        except (AttributeError, ImportError, pickle.UnpicklingError) as error:  # a class of the user's script
            connection.send(_End(_cannot_be_shared(error), []))
            return
        connection.send(_Ready())
        while True:
            connection.send(_done(work, connection.recv(), connection))


def _cannot_be_shared(error: Exception) -> InputError:
    return InputError(f"what is run cannot be shared with other processes ({error}); use one job")


def _done(work: Work[Any], seed: int, connection: Connection) -> _End:
    """Do the work of a seed and send its results."""
    failure = None
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", GvaeWarning)
        try:
            for result in work(seed, _reporter(connection)):
                connection.send(_Result(result))
        except Exception as error:
            error.add_note("".join(traceback.format_exception(error)))
            failure = error
    return _End(failure, [(each.category, str(each.message), each.filename, each.lineno) for each in heard])


def _reporter(connection: Connection) -> OnEpoch:
    """Tells of epochs when one is recorded, as the last of a run always is."""
    untold = 0

    def report(epoch: int, record: EpochRecord | None) -> None:
        nonlocal untold
        untold += 1
        if record is not None:
            connection.send(_Epochs(untold, epoch, record))
            untold = 0

    return report
