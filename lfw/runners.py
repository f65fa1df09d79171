"""Where chunks of work run: threads, processes or a Dask cluster. The results are the same.

Only a few chunks are under way at a time, so that results do not pile up where they are used.
"""

import contextlib
import importlib
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import pandas as pd

from lfw.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")

Kind = Literal["threads", "processes", "dask"]
CHUNK = 64
_AHEAD = 3
"""Chunks that are under way for each thread that works on them."""

_SECONDS_TO_CONNECT = 5.0


@dataclass(frozen=True)
class Runner:
    """Where to run.

    Attributes
    ----------
    kind
        ``threads``, ``processes`` or ``dask``.
    address
        Of the Dask scheduler, such as ``tcp://10.0.0.5:8786``.
    """

    kind: Kind = "threads"
    address: str | None = None


IN_THREADS = Runner()


def map_chunks(
    function: Callable[[Sequence[Item]], Sequence[Result]],
    items: "Sequence[Item] | pd.Series[Any]",
    runner: Runner = IN_THREADS,
    progress: Callable[[int, int], None] | None = None,
    chunk: int = CHUNK,
) -> Generator[Result, None, None]:
    """Apply a function to chunks of items, and give the results one by one, in order.

    As :func:`map_whole_chunks`, but for functions that give a list of as many results.
    """
    whole = map_whole_chunks(function, items, runner, progress, chunk)
    with contextlib.closing(whole):
        for results in whole:
            yield from results


def map_whole_chunks(
    function: Callable[[Sequence[Item]], Result],
    items: "Sequence[Item] | pd.Series[Any]",
    runner: Runner = IN_THREADS,
    progress: Callable[[int, int], None] | None = None,
    chunk: int = CHUNK,
) -> Generator[Result, None, None]:
    """Apply a function to chunks of items, and give what it gives for each chunk, in order.

    Closed early, it waits for what is under way, and nothing more is begun.

    Parameters
    ----------
    function
        Takes a list of items. For processes and Dask it has to be picklable: defined at the top of
        a module, or a ``functools.partial`` of such.
    items
        What to work on; of a column, chunks are lists, too.
    runner
        Where. Workers of a Dask cluster have the project installed and see the same files.
    progress
        Told how many of how many are done.
    chunk
        Items that are sent at a time.

    Raises
    ------
    InputError
        If no scheduler answers, or Dask is not installed.
    """
    starts = range(0, len(items), chunk)
    chunks: Iterator[Sequence[Item]]
    if isinstance(items, pd.Series):
        column = items
        chunks = (column.iloc[start : start + chunk].tolist() for start in starts)
    else:
        rows = items
        chunks = (rows[start : start + chunk] for start in starts)
    with _submitter(runner) as (submit, workers):
        given = _in_order(submit, function, chunks, _AHEAD * workers)
        with contextlib.closing(given):  # before the threads are waited for
            for start, result in zip(starts, given, strict=True):
                yield result
                if progress is not None:
                    progress(min(start + chunk, len(items)), len(items))


@contextlib.contextmanager
def _submitter(runner: Runner) -> Iterator[tuple[Callable[..., Any], int]]:
    """Give what submits a call and returns its future, and how many threads there are."""
    if runner.kind == "dask":
        with connect(runner.address) as client:
            # Pure by default: the same chunk of files that have changed would not be read again.
            yield partial(client.submit, pure=False), max(1, sum(client.nthreads().values()))
        return
    workers = os.cpu_count() or 1
    with _pool(runner.kind, workers) as pool:
        yield pool.submit, workers


def _in_order(
    submit: Callable[..., Any],
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
) -> Generator[Result, None, None]:
    waiting: deque[Any] = deque()
    try:
        for item in items:
            waiting.append(submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _pool(kind: str, workers: int) -> Executor:
    if kind == "threads":
        return ThreadPoolExecutor(workers)
    # A forked process would inherit the locks that other threads hold.
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


@contextlib.contextmanager
def connect(address: str | None) -> Iterator[Any]:
    """Connect to a Dask cluster, and give its client.

    Raises
    ------
    InputError
        If Dask is not installed, nothing answers within seconds, or the cluster has no worker.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ModuleNotFoundError:
        raise InputError(
            'runner = dask: Dask is not installed: make setup EXTRAS="--extra dask".'
        ) from None
    try:
        client = distributed.Client(
            address, timeout=_SECONDS_TO_CONNECT, set_as_default=False, heartbeat_interval="5s"
        )
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"dask_address: no Dask scheduler answers at {address} ({type(error).__name__}): start "
            "one (dask scheduler), or look at the address."
        ) from None
    try:
        if not client.scheduler_info()["workers"]:
            raise InputError(
                f"dask_address: the cluster at {address} has no worker: start some "
                f"(dask worker {address})."
            )
        yield client
    finally:
        client.close()


def check_runner(runner: Runner) -> None:
    """See within seconds whether there is anything to run on.

    Raises
    ------
    InputError
        If a cluster is asked for and none answers.
    """
    if runner.kind == "dask":
        with connect(runner.address):
            pass
