"""Networks trained together against the same networks trained one after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from statistics import median

import numpy as np
import torch

from benchmarks import Row
from glorot.ensemble import Ensemble, EnsembleConfig

BATCH, INPUTS, CLASSES, RATE = 10, 1024, 9, 0.01
TRIALS = (
    (15, 64, 10.0, 60),
    (5, 256, 2.5, 40),
    (5, 1000, 1.0, 8),
)  # nets, width, reach, steps a turn
TURNS = 9


def rows() -> list[Row]:
    """Return three comparisons with torch.nn, and the widest one's with the memory's bandwidth."""
    torch.set_num_threads(2)
    table = []
    for networks, width, reach, steps in TRIALS:
        sizes = (INPUTS, *[width] * 5, CLASSES)
        ensemble, x, y = _ensemble(networks, sizes)
        together, apart, copy = _alternate(
            steps,
            partial(ensemble.step, x, y),
            _one_after_another(networks, sizes, x, y),
            _copying(sum(w.nbytes for w in ensemble.weights)),
        )
        what = f"{networks} nets of 5×{width}, batch {BATCH}"
        table.append(Row(what, _ms(together), f"torch.nn, {_ms(apart)}", apart / together, reach))
    passes = 2 * copy  # the last, widest trial: a copy is two passes, a step is four
    table.append(
        Row(
            f"{what}, of bandwidth",
            _ms(together),
            f"4 passes, {_ms(passes)}",
            passes / together,
            0.6,
        )
    )
    return table


def _ensemble(networks: int, sizes: tuple[int, ...]) -> tuple[Ensemble, np.ndarray, np.ndarray]:
    configs = [EnsembleConfig("glorot_uniform", "tanh", RATE, seed) for seed in range(networks)]
    rng = np.random.default_rng(0)
    x = rng.random((BATCH, INPUTS), dtype=np.float32)
    return Ensemble(configs, sizes), x, rng.integers(CLASSES, size=BATCH)


def _one_after_another(
    networks: int, sizes: tuple[int, ...], x: np.ndarray, y: np.ndarray
) -> Callable[[], object]:
    """The loop one would write: a module, an optimizer and a step for each network."""
    models = [_module(sizes) for _ in range(networks)]
    optimizers = [torch.optim.SGD(model.parameters(), lr=RATE) for model in models]
    loss, inputs, labels = torch.nn.CrossEntropyLoss(), torch.from_numpy(x), torch.from_numpy(y)

    def step() -> None:
        for model, optimizer in zip(models, optimizers, strict=True):
            optimizer.zero_grad()
            loss(model(inputs), labels).backward()
            optimizer.step()

    return step


def _module(sizes: tuple[int, ...]) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def _copying(nbytes: int) -> Callable[[], object]:
    """A copy of as many bytes as the weights have."""
    source = torch.ones(nbytes // 4)
    target = torch.ones_like(source)
    return lambda: target.copy_(source)


def _alternate(steps: int, *subjects: Callable[[], object]) -> list[float]:
    """Median seconds a call of each subject; they take turns, so that all see one machine."""
    times: list[list[float]] = [[] for _ in subjects]
    for _ in range(TURNS + 1):  # the first turn warms up
        for subject, spent in zip(subjects, times, strict=True):
            start = time.perf_counter()
            for _ in range(steps):
                subject()
            spent.append((time.perf_counter() - start) / steps)
    return [median(spent[1:]) for spent in times]


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.2f} ms"
