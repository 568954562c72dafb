"""Experiments: functions of a frozen configuration whose results are kept as records.

A run that takes over about 20 s is not part of the book's build: chapters read its record. ``glorot
reproduce NAME`` makes a record anew.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from glorot.experiments.activations import ACTIVATIONS
from glorot.experiments.error_curves import ERROR_CURVES
from glorot.experiments.frame import Config, Experiment, InterruptedRun, Session, run_experiment
from glorot.experiments.gradients import GRADIENTS
from glorot.experiments.remedies import REMEDIES
from glorot.experiments.samples import SAMPLES
from glorot.experiments.saturation import SATURATION
from glorot.experiments.schemes import SCHEMES
from glorot.experiments.statistics import Verdict, sameness, verdict
from glorot.experiments.svm import SVM
from glorot.experiments.table1 import TABLE1
from glorot.experiments.tapering import TAPERING
from glorot.experiments.trainability import TRAINABILITY
from glorot.results import RECORDS, Record

__all__ = [
    "EXPERIMENTS",
    "Config",
    "Experiment",
    "InterruptedRun",
    "Session",
    "Verdict",
    "reproduce",
    "sameness",
    "verdict",
]

EXPERIMENTS: dict[str, Experiment[Any]] = {
    e.name: e
    for e in (
        SAMPLES,
        TABLE1,
        SATURATION,
        TAPERING,
        SCHEMES,
        ACTIVATIONS,
        GRADIENTS,
        ERROR_CURVES,
        SVM,
        TRAINABILITY,
        REMEDIES,
    )
}


def reproduce(
    name: str,
    scale: str = "laptop",
    *,
    device: str = "cpu",
    seeds: int | None = None,
    directory: str | os.PathLike[str] = RECORDS,
    checkpoint_directory: str | os.PathLike[str] = Path(".checkpoints"),
    interval: float = 30.0,
    executor: Executor | None = None,
) -> Record:
    """Run an experiment by name, from its last checkpoint if there is one, and write its record.

    Args:
        name: a key of ``EXPERIMENTS``.
        scale: ``smoke`` (seconds), ``laptop`` (minutes) or ``paper`` (days).
        device: ``cpu`` or ``cuda``.
        seeds: run seeds 0 … seeds − 1 instead of the scale's own.
        directory: folder of the record.
        checkpoint_directory: folder of the checkpoints, which are removed once the record is there.
        interval: seconds between two checkpoints.
        executor: where groups of networks are trained; by default here, one after another. The
            record is the same.

    Returns:
        The record that was written.

    Raises:
        ValueError: for an unknown name or scale, a wrong number of seeds, or a device that is not
            there.
        FileNotFoundError: if the data set is missing; the message is the command that gets it.
        InterruptedRun: on Ctrl-C, after the state was saved.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"experiment must be one of {', '.join(EXPERIMENTS)}; got {name!r}")
    return run_experiment(
        EXPERIMENTS[name],
        scale,
        device=device,
        seeds=seeds,
        directory=directory,
        checkpoint_directory=checkpoint_directory,
        interval=interval,
        executor=executor,
    )
