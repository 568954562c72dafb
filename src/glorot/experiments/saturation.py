"""The escape from saturation: a deep sigmoid network stands still, then learns (Figure 2).

Networks of four hidden layers start from the paper's standard scheme. Their last hidden layer falls
to 0, the error stays where guessing leaves it, and after a time that depends on the learning rate
they escape. The paper's hypothesis is that the output bias drives this: it learns the class prior
and the useless features are pushed to zero. Further groups of networks try that: the bias is frozen
at zero, or starts at the prior; and one group averages the gradient over ten times as many
examples, which leaves the bias's lesson as it was and makes the gradient's noise smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glorot.datasets import Dataset
from glorot.experiments.data import Source
from glorot.experiments.frame import Config, Experiment, Session
from glorot.experiments.training import (
    Shard,
    Task,
    error_rate,
    first,
    lasting_from,
    layer_sizes,
    log_spaced,
)
from glorot.results import Record

if TYPE_CHECKING:
    import torch

    from glorot.ensemble import Ensemble

__all__ = ["SATURATION", "Curves", "Group", "SaturationConfig", "curves", "first_lasting"]


@dataclass(frozen=True)
class Group:
    """Networks that differ in learning rate and seed only.

    Args:
        name: of the group.
        learning_rates: each is run with every seed.
        updates: number of updates at each of these rates.
        batch: examples per update.
        output_bias: ``free``; ``frozen`` at zero; or ``prior``: free, but starting at the log of
            the class prior.
    """

    name: str
    learning_rates: tuple[float, ...]
    updates: tuple[int, ...]
    batch: int = 10
    output_bias: Literal["free", "frozen", "prior"] = "free"

    def runs(self) -> list[tuple[float, int]]:
        """Return (learning rate, updates) of its networks."""
        return list(zip(self.learning_rates, self.updates, strict=True))


@dataclass(frozen=True)
class SaturationConfig(Config):
    """Configuration of the experiment.

    Args:
        groups: the networks, by group.
        hidden: widths of the hidden layers.
        examples: number of training images to draw where the data set is endless.
        scheme: initializer of the weights; biases start at zero.
        activation: of the hidden layers.
        probe_examples: test images that activations are measured on.
        valid_examples: validation images that the error is measured on.
        threshold: a network has escaped once its validation error is below this for good.
    """

    groups: tuple[Group, ...] = ()
    hidden: tuple[int, ...] = (200, 200, 200, 200)
    examples: int | None = None
    scheme: str = "heuristic_uniform"
    activation: str = "logistic"
    probe_examples: int = 300
    valid_examples: int = 1000
    threshold: float = 0.8


def _logged(updates: int) -> list[int]:
    return log_spaced(updates, 20, 2000, {2000: 250, 20_000: 500, 200_000: 5000})


@dataclass(frozen=True)
class Curves:
    """What was measured on one network, at T updates, for L − 1 hidden layers.

    The output layer's logits are W h + b. The class means are taken off every vector of logits,
    which softmax does not see.

    Args:
        updates: (T,) updates done.
        activation_mean: (T, L − 1) mean over the probe's examples and the layer's units.
        activation_std: (T, L − 1) standard deviation over the same.
        train_loss: (T,) mean loss of the batches since the update logged before.
        valid_error: (T,) error on the validation images, a fraction.
        bias_norm: (T,) ‖b‖.
        bias_to_prior: (T,) ‖b − log prior‖: falls to 0 where the bias has learned the prior.
        constant_norm: (T,) ‖mean over the examples of W h‖: the part of the features' say that acts
            like a bias.
        logits_to_prior: (T,) ‖mean over the examples of W h + b − log prior‖.
        signal: (T,) root mean square of what distinguishes the examples in W h.
    """

    updates: np.ndarray
    activation_mean: np.ndarray
    activation_std: np.ndarray
    train_loss: np.ndarray
    valid_error: np.ndarray
    bias_norm: np.ndarray
    bias_to_prior: np.ndarray
    constant_norm: np.ndarray
    logits_to_prior: np.ndarray
    signal: np.ndarray


def curves(record: Record, group: str, learning_rate: float, seed: int) -> Curves:
    """Return one network's curves from a record of this experiment.

    Raises:
        ValueError: if the record holds no such network; the message lists those it holds.
    """
    for run in record.results["runs"]:
        if (run["group"], run["learning_rate"], run["seed"]) == (group, learning_rate, seed):
            key, place = _key(group, learning_rate), record.config["seeds"].index(seed)
            names = [name for name in Curves.__dataclass_fields__ if name != "updates"]
            series = {name: record.arrays[f"{key}/{name}"][:, place] for name in names}
            return Curves(updates=record.arrays[f"{key}/updates"], **series)
    held = sorted({(r["group"], r["learning_rate"], r["seed"]) for r in record.results["runs"]})
    raise ValueError(
        f"group, learning_rate and seed must be among {held}, got {(group, learning_rate, seed)!r}"
    )


def _key(group: str, learning_rate: float) -> str:
    return f"{group}-{learning_rate:g}"


def first_lasting(updates: np.ndarray, values: np.ndarray, threshold: float) -> int | None:
    """Return the first logged update from which on all values are below a threshold, or None.

    >>> first_lasting(np.array([0, 10, 20, 30]), np.array([0.9, 0.7, 0.9, 0.5]), 0.8)
    30
    >>> first_lasting(np.array([0, 10]), np.array([0.9, 0.9]), 0.8) is None
    True
    """
    return lasting_from(updates, np.asarray(values) < threshold)


def _first_below(updates: np.ndarray, values: np.ndarray, threshold: float) -> int | None:
    below = np.flatnonzero(np.asarray(values) < threshold)
    return int(updates[below[0]]) if below.size else None


def _run(config: SaturationConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    runs: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for group in config.groups:
        for rate, updates in group.runs():
            series = _train_networks(config, group, rate, updates, session)
            series["updates"] = np.array(_logged(updates))
            runs += _summaries(config, group.name, rate, series)
            key = _key(group.name, rate)
            arrays |= {f"{key}/{name}": array for name, array in series.items()}
    results = {
        "runs": runs,
        "by_rate": _by_rate(config, runs),
        "log_prior_norm": float(_centered(_log_prior(session.dataset)).norm()),
    }
    return results, arrays


def _log_prior(dataset: Dataset) -> torch.Tensor:
    import torch

    counts = np.bincount(dataset.train.labels)
    return torch.as_tensor(np.log(counts / counts.sum()), dtype=torch.float32)


def _train_networks(
    config: SaturationConfig, group: Group, rate: float, updates: int, session: Session
) -> dict[str, np.ndarray]:
    """Train a group's networks of one learning rate, a network for each seed."""
    from glorot.ensemble import EnsembleConfig

    bias_rate = 0.0 if group.output_bias == "frozen" else 1.0
    networks = tuple(
        EnsembleConfig(config.scheme, config.activation, rate, seed, bias_rate)
        for seed in config.seeds
    )
    sizes = layer_sizes(session.dataset.train, config.hidden)
    name = _key(group.name, rate)
    shard = Shard(name, networks, sizes, group.batch, updates, tuple(_logged(updates)))
    before = _StartAtPrior() if group.output_bias == "prior" else None
    measure = _Measure(config.probe_examples, config.valid_examples)
    source = Source(config.data, config.examples)
    (trained,) = session.run([Task(shard, source, measure, before)])
    return trained.series


@dataclass(frozen=True)
class _StartAtPrior:
    """Sets the output biases to the log of the class prior."""

    def __call__(self, ensemble: Ensemble, dataset: Dataset) -> None:
        bias = ensemble.biases[-1]
        bias.copy_(_log_prior(dataset).to(bias.device).expand(bias.shape))


@dataclass(frozen=True)
class _Measure:
    """Measures every network of an ensemble on fixed examples."""

    probe_examples: int
    valid_examples: int

    def __call__(self, ensemble: Ensemble, dataset: Dataset) -> dict[str, Any]:
        import torch

        probe = torch.as_tensor(dataset.test.images[: self.probe_examples], device=ensemble.device)
        log_prior = _centered(_log_prior(dataset).to(ensemble.device))
        *hidden, _ = ensemble.activations(probe)
        said = hidden[-1] @ ensemble.weights[-1]
        constant, bias = _centered(said.mean(1)), _centered(ensemble.biases[-1])
        return {
            "activation_mean": torch.stack([h.mean((1, 2)) for h in hidden], dim=1),
            "activation_std": torch.stack([h.std((1, 2)) for h in hidden], dim=1),
            "valid_error": error_rate(ensemble, first(dataset.valid, self.valid_examples)),
            "bias_norm": bias.norm(dim=1),
            "bias_to_prior": (bias - log_prior).norm(dim=1),
            "constant_norm": constant.norm(dim=1),
            "logits_to_prior": (constant + bias - log_prior).norm(dim=1),
            "signal": _centered(said - said.mean(1, keepdim=True)).square().mean((1, 2)).sqrt(),
        }


def _centered(logits: torch.Tensor) -> torch.Tensor:
    return logits - logits.mean(-1, keepdim=True)


def _summaries(
    config: SaturationConfig, group: str, rate: float, series: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    """One row per network."""
    rows = []
    for index, seed in enumerate(config.seeds):
        updates, error = series["updates"], series["valid_error"][:, index]
        top = series["activation_mean"][:, index, -1]
        escape = first_lasting(updates, error, config.threshold)
        fall = _first_below(updates, top, float(top[0]) / 2)
        at_fall = None if fall is None else int(np.searchsorted(updates, fall))
        rows.append(
            {
                "group": group,
                "learning_rate": rate,
                "seed": seed,
                "escape_update": escape,
                "rate_times_escape": None if escape is None else rate * escape,
                "fall_update": fall,
                "bias_norm_at_fall": _at(series["bias_norm"][:, index], at_fall),
                "constant_norm_at_fall": _at(series["constant_norm"][:, index], at_fall),
                "lowest_top_mean": float(top.min()),
                "final_valid_error": float(error[-1]),
            }
        )
    return rows


def _at(series: np.ndarray, place: int | None) -> float | None:
    return None if place is None else float(series[place])


def _by_rate(config: SaturationConfig, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ranges over the seeds; a network that did not escape is counted and has no time."""
    rows = []
    for group in config.groups:
        for rate in group.learning_rates:
            own = [r for r in runs if (r["group"], r["learning_rate"]) == (group.name, rate)]
            row: dict[str, Any] = {"group": group.name, "learning_rate": rate, "networks": len(own)}
            row["escaped"] = sum(r["escape_update"] is not None for r in own)
            for key in ("escape_update", "rate_times_escape", "fall_update"):
                found = [r[key] for r in own if r[key] is not None]
                row[f"{key}_range"] = [min(found), max(found)] if found else None
            rows.append(row)
    return rows


def _deviations(config: SaturationConfig) -> list[str]:
    widths = "-".join(map(str, config.hidden))
    data = (
        "MNIST instead of Shapeset-3x2"
        if config.data == "mnist"
        else (f"{config.examples:,} fixed Shapeset images instead of an endless stream")
    )
    return [
        data,
        f"hidden layers of {widths} units instead of 1000-1000-1000-1000",
        "learning rates set here: the paper states no grid",
        f"validation error on {config.valid_examples} fixed images",
        "escape: first logged update from which on the validation error stays below "
        f"{config.threshold:.0%}; networks that never do so have no time",
    ]


SATURATION = Experiment(
    name="saturation",
    claim=(
        "A sigmoid network of four hidden layers under the standard scheme drives its last hidden "
        "layer to 0, stands still, and escapes after a number of updates that is about "
        "inversely proportional to the learning rate; the output bias causes the fall."
    ),
    scales={
        "smoke": SaturationConfig(
            data="shapeset",
            seeds=(0, 1),
            groups=(
                Group("plain", (1.0, 0.3), (120, 120)),
                Group("bias_frozen", (1.0,), (60,), output_bias="frozen"),
                Group("bias_at_prior", (1.0,), (60,), output_bias="prior"),
                Group("large_batch", (1.0,), (60,), batch=100),
            ),
            hidden=(16, 16, 16, 16),
            examples=1000,
            valid_examples=200,
            threshold=0.5,
        ),
        "laptop": SaturationConfig(
            data="mnist",
            seeds=(0, 1, 2),
            groups=(
                Group("plain", (1.0, 0.3, 0.1, 0.03), (20_000, 50_000, 70_000, 150_000)),
                Group("bias_frozen", (1.0, 0.3), (15_000, 50_000), output_bias="frozen"),
                Group("bias_at_prior", (1.0, 0.3), (15_000, 50_000), output_bias="prior"),
                Group("large_batch", (0.3, 0.1), (2000, 6000), batch=100),
            ),
        ),
        "paper": SaturationConfig(
            data="shapeset",
            seeds=(0, 1, 2),
            groups=(
                Group("plain", (1.0, 0.3, 0.1, 0.03), (3_000_000,) * 4),
                Group("bias_frozen", (1.0, 0.3), (300_000, 300_000), output_bias="frozen"),
                Group("bias_at_prior", (1.0, 0.3), (300_000, 300_000), output_bias="prior"),
                Group("large_batch", (0.3, 0.1), (6000, 6000), batch=100),
            ),
            hidden=(1000, 1000, 1000, 1000),
            examples=200_000,
        ),
    },
    sources=lambda config: (Source(config.data, config.examples),),
    work=lambda config: len(config.seeds) * sum(sum(group.updates) for group in config.groups),
    deviations=_deviations,
    run=_run,
)
