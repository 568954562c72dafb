"""Executes chapters that are not in the cache, several at a time, before Sphinx reads them one by one.

What is executed here lies in myst-nb's own cache, where its reader then finds it. A chapter that raises
is left to that reader, which executes it again and says what went wrong.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

AT_A_TIME = min(os.cpu_count() or 1, 4)
"""Kernels that run together: as many as there are cores, each with its own memory."""

logger = getLogger(__name__)


def missing(
    env: BuildEnvironment, names: list[str], cache: JupyterCacheAbstract
) -> Iterator[tuple[Path, NotebookNode]]:
    """Yield path and cells of every document that has cells and is not in the cache."""
    for name in names:
        path = Path(env.doc2path(name))
        text = path.read_text("utf-8")
        reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
        if reader is not None:
            notebook = reader.read(text)
            try:
                cache.match_cache_notebook(notebook)
            except KeyError:
                yield path, notebook


def executed(
    notebook: NotebookNode, folder: str, timeout: int
) -> tuple[NotebookNode, float] | None:
    """Return the notebook with its outputs and the seconds that they took; nothing if a cell raised."""
    result = single_nb_execution(
        notebook, cwd=folder, timeout=timeout, allow_errors=False, meta_override=True
    )
    return None if result.err else (notebook, result.time)


def execute(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Fill the cache with what Sphinx is about to read."""
    config = env.mystnb_config
    cache = get_cache(config.execution_cache_path)
    todo = list(missing(env, names, cache))
    if not todo:
        return
    # a forked worker would inherit locks of threads that it does not have
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(AT_A_TIME, len(todo)), spawn) as pool:
        runs = {
            pool.submit(executed, notebook, str(path.parent), config.execution_timeout): path
            for path, notebook in todo
        }
        for run in as_completed(runs):
            if (found := run.result()) is not None:
                notebook, seconds = found
                logger.info("executed %s in %.0f s", runs[run].name, seconds)
                bundle = CacheBundleIn(
                    notebook, str(runs[run]), data={"execution_seconds": seconds}
                )
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def setup(app: Sphinx) -> None:
    """Execute once Sphinx knows which documents it will read."""
    app.connect("env-before-read-docs", execute)
