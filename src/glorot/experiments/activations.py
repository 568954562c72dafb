"""Where activations go during training: tanh and softsign nets on Shapeset (Figures 3, 4, 10).

Networks of five hidden layers are trained at one learning rate on an endless stream of images. On
fixed test images the mean, the standard deviation and the 98th percentile of each layer's
activations are noted under way, and after the last update how they are distributed.

A layer counts as *saturated* from the first logged update on from which its 98th percentile stays at
or above the activation where the slope has fallen to a tenth of its largest: 0.949 for tanh, 0.684
for softsign. (It has to last: the first updates of all throw some layers there and back.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from glorot.datasets import Dataset
from glorot.experiments.frame import Experiment, Session
from glorot.experiments.layers import (
    BOUNDED,
    LayersConfig,
    jointly,
    lower,
    of_model,
    same,
    seed_shard,
    time_mean,
)
from glorot.experiments.statistics import LEVEL
from glorot.experiments.training import Task, error_rate, first, lasting_from
from glorot.probes import layer_histograms, layer_statistics

if TYPE_CHECKING:
    from glorot.ensemble import Ensemble

__all__ = ["ACTIVATIONS", "ActivationsConfig", "mode_of_size", "saturation_level"]

_SERIES = ("activation_mean", "activation_std", "percentile_98", "valid_error", "train_loss")


@dataclass(frozen=True)
class ActivationsConfig(LayersConfig):
    """Configuration of the experiment, beside what layer by layer experiments share.

    Args:
        hidden: widths of the hidden layers.
        valid_examples: validation images that the error is measured on.
        slope_share: a layer is saturated where the slope is below this share of the largest.
        bins: of the histograms from −1 to 1, an even number.
        lower_layers: so many layers, from the first on, count as the lower ones.
        softsign_modes: where the paper sees softsign's modes, in absolute value.
        end: tanh's mode counts as at its ends beyond this absolute value.
    """

    updates: int = 80_000
    log_spacing: tuple[tuple[int, int], ...] = ((1000, 250), (10_000, 1000))
    hidden: tuple[int, ...] = (256,) * 5
    valid_examples: int = 500
    slope_share: float = 0.1
    bins: int = 40
    lower_layers: int = 2
    softsign_modes: tuple[float, float] = (0.6, 0.8)
    end: float = 0.9

    def __post_init__(self) -> None:
        if self.bins % 2:
            raise ValueError(f"bins must be an even number, got {self.bins!r}")


def saturation_level(activation: str, slope_share: float) -> float:
    """Return the absolute activation at which the slope has fallen to a share of its largest.

    Raises:
        ValueError: for another activation than tanh and softsign, or a share outside (0, 1).

    >>> round(saturation_level("tanh", 0.1), 3), round(saturation_level("softsign", 0.1), 3)
    (0.949, 0.684)
    """
    if not 0 < slope_share < 1:
        raise ValueError(f"slope_share must lie between 0 and 1, got {slope_share!r}")
    if activation == "tanh":
        return math.sqrt(1 - slope_share)  # the slope is 1 - h²
    if activation == "softsign":
        return 1 - math.sqrt(slope_share)  # the slope is (1 - |h|)²
    raise ValueError(f"activation must be tanh or softsign, got {activation!r}")


def mode_of_size(density: np.ndarray) -> float:
    """Return the most frequent |h|, the middle of its bin, from a histogram over −1 to 1.

    Args:
        density: (bins,), an even number of bins; those of h and −h are added up.

    >>> mode_of_size(np.array([0.5, 0.1, 0.2, 1.2]))
    0.75
    """
    half = len(density) // 2
    size = density[half:] + density[:half][::-1]
    return (int(size.argmax()) + 0.5) / half


@dataclass(frozen=True)
class _UnderWay:
    """Measures the hidden layers' activations and the error."""

    probe_examples: int
    valid_examples: int

    def __call__(self, ensemble: Ensemble, dataset: Dataset) -> dict[str, Any]:
        nets = _hidden(ensemble, dataset, self.probe_examples)
        found = [layer_statistics(layers) for layers in nets]
        return {
            "activation_mean": np.stack([statistics.mean for statistics in found]),
            "activation_std": np.stack([statistics.std for statistics in found]),
            "percentile_98": np.stack([statistics.percentile_98 for statistics in found]),
            "valid_error": error_rate(ensemble, first(dataset.valid, self.valid_examples)),
        }


@dataclass(frozen=True)
class _AtEnd:
    """Measures how the hidden layers' activations are distributed."""

    probe_examples: int
    bins: int
    levels: tuple[float, ...]  # one per network

    def __call__(self, ensemble: Ensemble, dataset: Dataset) -> dict[str, Any]:
        nets = _hidden(ensemble, dataset, self.probe_examples)
        return {
            "density": np.stack([layer_histograms(h, self.bins, (-1, 1)).density for h in nets]),
            "saturated_share": np.array(
                [
                    [float((np.abs(h) >= level).mean()) for h in layers]
                    for layers, level in zip(nets, self.levels, strict=True)
                ]
            ),
        }


def _hidden(ensemble: Ensemble, dataset: Dataset, count: int) -> list[list[np.ndarray]]:
    """Every network's hidden activations, (count, units) by layer."""
    *hidden, _ = ensemble.activations(first(dataset.test, count).images)
    return [[layer[net].cpu().numpy() for layer in hidden] for net in range(len(ensemble.configs))]


def _task(config: ActivationsConfig, seed: int) -> Task:
    levels = tuple(saturation_level(m.activation, config.slope_share) for m in BOUNDED)
    shard = seed_shard(
        BOUNDED,
        seed,
        config.hidden,
        config.source,
        config.learning_rate,
        config.batch,
        config.log_at,
    )
    under_way = _UnderWay(config.probe_examples, config.valid_examples)
    at_end = _AtEnd(config.probe_examples, config.bins, levels)
    return Task(shard, config.source, under_way, finish=at_end)


def _run(config: ActivationsConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    found = session.run([_task(config, seed) for seed in config.seeds])
    runs: list[dict[str, Any]] = []
    arrays = {"updates": np.array(config.log_at), "edges": np.linspace(-1, 1, config.bins + 1)}
    for place, model in enumerate(BOUNDED):
        seen = of_model(found, place)
        level = saturation_level(model.activation, config.slope_share)
        runs += [
            {"model": model.name, "seed": seed, "index": index, "level": level}
            | _summary(config, arrays["updates"], seen, index, level)
            for index, seed in enumerate(config.seeds)
        ]
        arrays |= {
            f"{model.name}/{name}": seen[name] for name in (*_SERIES, "density", "saturated_share")
        }
    return {"runs": runs, "verdicts": _verdicts(config, runs)}, arrays


def _summary(
    config: ActivationsConfig,
    updates: np.ndarray,
    seen: dict[str, np.ndarray],
    index: int,
    level: float,
) -> dict[str, Any]:
    """What the claims are tried on, for one network."""
    high = seen["percentile_98"][:, index]  # (T, layers)
    reached = [
        lasting_from(updates, high[:, layer] >= level) for layer in range(len(config.hidden))
    ]
    times = [config.updates if update is None else update for update in reached]
    return {
        "saturated_update": reached,
        "order": _order(times),
        "spread": float(time_mean(updates, high.max(axis=1) - high.min(axis=1))),
        "spread_ratio": float(time_mean(updates, np.log(high.max(axis=1) / high.min(axis=1)))),
        "mode": [mode_of_size(density) for density in seen["density"][index]],
        "saturated_share": seen["saturated_share"][index].tolist(),
        "final_valid_error": float(seen["valid_error"][-1, index]),
    }


def _order(times: list[int]) -> float:
    """Kendall's rank correlation of layer and time: 1 from below upward, −1 downward, ties 0."""
    return float(np.mean([np.sign(above - below) for below, above in combinations(times, 2)]))


def _verdicts(config: ActivationsConfig, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        *_upward(config, runs, "3", "tanh"),
        _against(
            runs,
            "3",
            ("softsign", "tanh", "spread"),
            "softsign's layers stay closer together than tanh's (98th percentile, largest minus "
            "smallest, mean over the run)",
        ),
        _against(
            runs,
            "3",
            ("softsign", "tanh", "spread_ratio"),
            "softsign's layers stay closer together than tanh's in proportion (logarithm of the "
            "98th percentile, largest over smallest, mean over the run)",
        ),
        _against(
            runs,
            "10",
            ("tanh_n", "tanh", "order"),
            "tanh_n: the order from below upward is weaker than tanh's (rank correlation of layer "
            "and update)",
        ),
        _against(
            runs,
            "10",
            ("tanh_n", "tanh", "spread"),
            "tanh_n: the layers stay closer together than tanh's (98th percentile, largest minus "
            "smallest, mean over the run)",
        ),
        *_upward(config, runs, "10", "tanh_n"),
        *_distributions(config, runs),
        *_ranked(runs, "4", "tanh"),
        *_ranked(runs, "10", "tanh_n"),
    ]


def _against(
    runs: list[dict[str, Any]], figure: str, sides: tuple[str, str, str], claim: str
) -> dict[str, Any]:
    """The row of "one model's value is lower than another's"; sides: ours, other, and the value."""
    ours, other, key = sides
    return lower(figure, claim, _values(runs, ours, key), _values(runs, other, key))


def _values(runs: list[dict[str, Any]], model: str, key: str) -> list[Any]:
    """One value per seed."""
    return [run[key] for run in runs if run["model"] == model]


def _upward(
    config: ActivationsConfig, runs: list[dict[str, Any]], figure: str, model: str
) -> list[dict[str, Any]]:
    """The layers saturate from below upward, one pair of neighbors after another, and all."""
    reached = _values(runs, model, "saturated_update")
    times = np.array(
        [[config.updates if u is None else u for u in layers] for layers in reached], dtype=float
    )
    logs = np.log10(np.maximum(times, 1))
    parts = [
        lower(
            figure,
            f"{model}: layer {layer} saturates before layer {layer + 1} (log10 of the update; a "
            "layer that never does counts as at the last)",
            logs[:, layer - 1],
            logs[:, layer],
        )
        for layer in range(1, len(config.hidden))
    ]
    return [*parts, jointly(figure, f"{model}: the layers saturate from below upward", parts)]


def _distributions(config: ActivationsConfig, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Figure 4, for the lower layers."""
    low, high = config.softsign_modes
    rows = []
    for layer in range(config.lower_layers):
        mode, share = (
            {name: [of[layer] for of in _values(runs, name, key)] for name in ("softsign", "tanh")}
            for key in ("mode", "saturated_share")
        )
        where = f"layer {layer + 1}"
        between = f"softsign, {where}: the most frequent |h| lies between {low} and {high}"
        beyond = f"tanh, {where}: the most frequent |h| lies beyond {config.end}"
        fewer = (
            f"{where}: fewer of softsign's activations than of tanh's have less than "
            f"{config.slope_share:g} of the slope"
        )
        rows += [
            same("4", between, mode["softsign"], (low + high) / 2, (high - low) / 2),
            lower("4", beyond, config.end, mode["tanh"]),
            lower("4", fewer, share["softsign"], share["tanh"]),
        ]
    return rows


def _ranked(runs: list[dict[str, Any]], figure: str, model: str) -> list[dict[str, Any]]:
    """At the end the lower of two neighbors is the more saturated one."""
    shares = np.array(_values(runs, model, "saturated_share")).T  # (layers, S)
    parts = [
        lower(
            figure,
            f"{model}: after the last update a smaller share of layer {layer + 1} than of layer "
            f"{layer} is saturated",
            above,
            below,
        )
        for layer, (below, above) in enumerate(pairwise(shares), start=1)
    ]
    claim = f"{model}: after the last update a layer is the more saturated the lower it is"
    return [*parts, jointly(figure, claim, parts)]


def _deviations(config: ActivationsConfig) -> list[str]:
    widths = sorted(set(config.hidden))
    stream = (
        "endless stream of Shapeset-3x2, as in the paper"
        if config.examples is None
        else f"{config.examples:,} fixed Shapeset images instead of an endless stream"
    )
    return [
        f"{len(config.hidden)} hidden layers of {' or '.join(map(str, widths))} units; the paper: 1000",
        f"{stream}; {config.updates:,} updates of {config.batch} examples; the paper: up to 5 million",
        f"learning rate {config.learning_rate:g} for all models, from the middle of Table 1's grid "
        "here, so that seeds pair; the paper chooses a rate for each model and does not state it",
        f"statistics over {config.probe_examples} fixed test images, as in the paper",
        "a layer is saturated from the first logged update on from which its 98th percentile stays "
        f"at or above the activation with {config.slope_share:g} of the largest slope; the paper sets no level",
        f"the lower layers of Figure 4: the first {config.lower_layers}; verdicts at p = {LEVEL}",
        "length and definitions were fixed after a trial run with seed 100, which is not measured",
    ]


ACTIVATIONS = Experiment(
    name="activations",
    claim=(
        "In training, tanh networks under the standard scheme saturate from the first layer upward "
        "and end with the lower layers' activations at ±1; softsign's layers saturate less and "
        "together, at ±(0.6 to 0.8); under the normalized scheme tanh's layers do not saturate in "
        "that order."
    ),
    scales={
        "smoke": ActivationsConfig(
            data="shapeset",
            seeds=(0, 1),
            hidden=(16,) * 5,
            learning_rate=0.3,
            updates=80,
            log_spacing=((10, 10), (40, 20)),
            examples=500,
            valid_examples=200,
        ),
        "laptop": ActivationsConfig(data="shapeset", seeds=(0, 1, 2, 3, 4)),
        "paper": ActivationsConfig(
            data="shapeset",
            seeds=(0, 1, 2, 3, 4),
            hidden=(1000,) * 5,
            updates=5_000_000,
            log_spacing=((1000, 250), (10_000, 1000), (100_000, 20_000)),
            valid_examples=10_000,
        ),
    },
    sources=lambda config: (config.source,),
    work=lambda config: config.updates * len(config.seeds) * len(BOUNDED),
    deviations=_deviations,
    run=_run,
)
