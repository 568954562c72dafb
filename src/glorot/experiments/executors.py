"""Where an experiment's tasks are run: here, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

__all__ = ["dask_executor", "process_pool"]


@contextlib.contextmanager
def process_pool(workers: int) -> Iterator[Executor | None]:
    """Yield an executor of so many processes; for one worker None, which means this process.

    The processes leave Ctrl-C to this one, which asks them to save their state, and end with it
    even if it is killed.

    Raises:
        ValueError: if workers is not positive.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers!r}")
    if workers == 1:
        yield None
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, _start_worker) as pool:
        yield pool


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Yield the executor of a Dask cluster.

    Args:
        address: of its scheduler, such as ``tcp://127.0.0.1:8786``.

    Raises:
        ImportError: if the package distributed is not installed.
        ValueError, OSError: if there is no cluster at that address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ImportError("--dask needs the package distributed: pip install distributed") from None
    with Client(address, timeout="10s", set_as_default=False) as client:
        yield client.get_executor(pure=False)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
