"""What gradients look like before and during training: Figures 6 to 9, and the 0.8 and 0.5.

Just after initialization: activations, back-propagated gradients, weight gradients and the singular
values of each layer's Jacobian, for tanh and softsign nets of five hidden layers, standard scheme
and normalized. During training: the weight gradients of the tanh nets.

Back-propagated gradients are those of one example's loss, ∂loss/∂z. Weight gradients are those that
an update sees, of the mean loss of a batch; statistics are over all entries and all batches of the
test images. They are computed without forming a gradient: for a batch's activations h and gradients
δ the sum of squares is Σ (h hᵀ)∘(δ δᵀ), the sum Σ (h 1)(δ 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glorot import theory
from glorot.activations import get_activation
from glorot.datasets import Dataset, Split
from glorot.experiments.frame import Experiment, Session
from glorot.experiments.layers import (
    BOUNDED,
    LayersConfig,
    jointly,
    lower,
    model_named,
    of_model,
    same,
    seed_shard,
    time_mean,
)
from glorot.experiments.statistics import LEVEL
from glorot.experiments.training import Task, first
from glorot.probes import layer_histograms

if TYPE_CHECKING:
    import torch

    from glorot.ensemble import Ensemble

__all__ = ["GRADIENTS", "GradientsConfig", "spread"]

_TRAINED = tuple(model_named(name) for name in ("tanh", "tanh_n"))
_SINGULAR_VALUE = {"tanh": 0.5, "tanh_n": 0.8}  # the paper's mean, to the decimal that it prints
_SIGMA_W2 = {"tanh": 1 / 3, "tanh_n": 1.0}  # fan_in times the variance of a weight, equal widths


@dataclass(frozen=True)
class GradientsConfig(LayersConfig):
    """Configuration of the experiment, beside what layer by layer experiments share.

    Weight gradients are those of batches as large as an update's; `probe_examples` has to be a
    multiple.

    Args:
        hidden: widths of the hidden layers of the nets that are measured before training; equal.
        trained_hidden: of those that are trained.
        jacobian_examples: so many test images have their Jacobians decomposed.
        histogram_batches: so many batches have their weight gradients counted in histograms.
        bins: of the histograms, an odd number: the middle one is centered at 0.
        reach: ends of the gradients' histograms, in standard deviations of the top hidden layer.
        factor: layers whose standard deviations differ by less count as equal.
        singular_margin: the paper's mean singular values are met within this.
        law_margin: the law of the singular values is met within this share.
    """

    updates: int = 20_000
    log_spacing: tuple[tuple[int, int], ...] = ((1000, 500),)
    hidden: tuple[int, ...] = (1000,) * 5
    trained_hidden: tuple[int, ...] = (256,) * 5
    jacobian_examples: int = 5
    histogram_batches: int = 3
    bins: int = 81
    reach: float = 4.0
    factor: float = 1.25
    singular_margin: float = 0.05
    law_margin: float = 0.01

    def __post_init__(self) -> None:
        if self.probe_examples % self.batch:
            raise ValueError(
                f"probe_examples must be a multiple of {self.batch}, got {self.probe_examples!r}"
            )


def spread(stds: np.ndarray) -> np.ndarray:
    """Return how far apart layers are: the logarithm of the largest over the smallest.

    Args:
        stds: positive, layers along the last axis.

    >>> float(np.exp(spread(np.array([0.2, 0.1, 0.4])))).__round__(9)
    4.0
    """
    return np.log(stds.max(axis=-1) / stds.min(axis=-1))


# ---- measuring


@dataclass(frozen=True)
class _Flow:
    """Layers 1 … L − 1 of R networks on B examples.

    Args:
        received: what layer l receives, (R, B, n_{l-1}), images first.
        acts: what it gives, (R, B, n_l).
        grads: ∂(loss of one example)/∂z, (R, B, n_l).
    """

    received: tuple[torch.Tensor, ...]
    acts: tuple[torch.Tensor, ...]
    grads: tuple[torch.Tensor, ...]


def _flow(ensemble: Ensemble, probe: Split) -> _Flow:
    import torch

    count, networks = len(probe.labels), len(ensemble.configs)
    images = torch.as_tensor(probe.images, device=ensemble.device).expand(networks, -1, -1)
    *hidden, _ = ensemble.activations(probe.images)
    *grads, _ = ensemble.gradients(probe.images, probe.labels).grad_preacts
    return _Flow((images, *hidden[:-1]), tuple(hidden), tuple(count * g for g in grads))


def _batches(rows: torch.Tensor, batch: int) -> torch.Tensor:
    """(R, B, n) as (R, B/batch, batch, n)."""
    return rows.unflatten(1, (-1, batch))


def _weight_gradient_std(received: torch.Tensor, grads: torch.Tensor, batch: int) -> torch.Tensor:
    """Standard deviation over all entries of the weight gradients of all batches, (R,)."""
    h, delta = _batches(received, batch).double(), _batches(grads, batch).double()
    entries = h.shape[-1] * delta.shape[-1]
    squares = ((h @ h.mT) * (delta @ delta.mT)).sum((-2, -1)) / (batch**2 * entries)
    means = (h.sum(-1) * delta.sum(-1)).sum(-1) / (batch * entries)
    return (squares.mean(1) - means.mean(1).square()).clamp(min=0).sqrt()


def _stds(flow: _Flow, batch: int) -> dict[str, np.ndarray]:
    """Standard deviations by network and layer, (R, L − 1)."""
    pairs = list(zip(flow.received, flow.grads, strict=True))
    columns = {
        "activation_std": [h.double().std((1, 2), correction=0) for h in flow.acts],
        "gradient_std": [delta.double().std((1, 2), correction=0) for delta in flow.grads],
        "weight_gradient_std": [_weight_gradient_std(h, delta, batch) for h, delta in pairs],
    }
    return {
        name: np.stack([np.asarray(column.cpu()) for column in layers], axis=1)
        for name, layers in columns.items()
    }


@dataclass(frozen=True)
class _Spreads:
    """Measures standard deviations by layer."""

    probe_examples: int
    batch: int

    def __call__(self, ensemble: Ensemble, dataset: Dataset) -> dict[str, Any]:
        return _stds(_flow(ensemble, first(dataset.test, self.probe_examples)), self.batch)


@dataclass(frozen=True)
class _AtStart:
    """Measures standard deviations, histograms and singular values by layer."""

    probe_examples: int
    batch: int
    jacobian_examples: int
    histogram_batches: int
    bins: int
    reach: float

    def __call__(self, ensemble: Ensemble, dataset: Dataset) -> dict[str, Any]:
        flow = _flow(ensemble, first(dataset.test, self.probe_examples))
        stds = _stds(flow, self.batch)
        nets = range(len(ensemble.configs))
        densities = [self._densities(flow, stds, net) for net in nets]
        singular = [_singular_values(ensemble, flow, n, self.jacobian_examples) for n in nets]
        return stds | {
            name: np.stack([of_net[name] for of_net in found])
            for found in (densities, singular)
            for name in found[0]
        }

    def _densities(self, flow: _Flow, stds: dict[str, np.ndarray], net: int) -> dict[str, Any]:
        """One network's histograms, (L − 1, bins); gradients in units of the top layer's std."""
        acts = [np.asarray(h[net].cpu()) for h in flow.acts]
        unit, weight_unit = (stds[f"{kind}gradient_std"][net, -1] for kind in ("", "weight_"))
        grads = [np.asarray(delta[net].cpu()) / unit for delta in flow.grads]
        found = {
            "activation_density": layer_histograms(acts, self.bins, (-1, 1)),
            "gradient_density": layer_histograms(grads, self.bins, (-self.reach, self.reach)),
        }
        of_weights = [
            layer_histograms(
                [self._weight_gradients(h[net], delta[net]) / weight_unit],
                self.bins,
                (-self.reach, self.reach),
            ).density[0]
            for h, delta in zip(flow.received, flow.grads, strict=True)
        ]
        densities = {name: histograms.density for name, histograms in found.items()}
        return densities | {"weight_gradient_density": np.stack(of_weights)}

    def _weight_gradients(self, received: torch.Tensor, grads: torch.Tensor) -> np.ndarray:
        """Weight gradients of the first batches, (batches, n_{l-1}, n_l)."""
        count = self.histogram_batches * self.batch
        h, delta = (_batches(rows[None, :count], self.batch)[0] for rows in (received, grads))
        return np.asarray((h.mT @ delta / self.batch).cpu())


def _singular_values(ensemble: Ensemble, flow: _Flow, net: int, count: int) -> dict[str, Any]:
    """Means over one network's square layers 2 … L − 1: of W, and of Jacobians by example."""
    import torch

    activation = get_activation(ensemble.configs[net].activation)
    rows: dict[str, list[float]] = {
        name: [] for name in ("weight_mean", "weight_square", "jacobian_mean", "jacobian_square")
    }
    for layer in range(1, len(flow.acts)):
        weight, bias = ensemble.weights[layer][net], ensemble.biases[layer][net]
        preacts = torch.addmm(bias, flow.received[layer][net, :count], weight)
        slopes = torch.as_tensor(activation.df(np.asarray(preacts.cpu())), device=weight.device)
        of_weight = torch.linalg.svdvals(weight).double()
        of_jacobian = torch.stack([torch.linalg.svdvals(weight * s).double() for s in slopes])
        rows["weight_mean"].append(float(of_weight.mean()))
        rows["weight_square"].append(float(of_weight.square().mean()))
        rows["jacobian_mean"].append(float(of_jacobian.mean()))
        rows["jacobian_square"].append(float(of_jacobian.square().mean()))
    return {name: np.array(values) for name, values in rows.items()}


# ---- running


def _initial_task(config: GradientsConfig, seed: int) -> Task:
    shard = seed_shard(
        BOUNDED,
        seed,
        config.hidden,
        config.source,
        config.learning_rate,
        config.batch,
        (0,),
        "initial",
    )
    measure = _AtStart(
        config.probe_examples,
        config.batch,
        config.jacobian_examples,
        config.histogram_batches,
        config.bins,
        config.reach,
    )
    return Task(shard, config.source, measure)


def _training_task(config: GradientsConfig, seed: int) -> Task:
    shard = seed_shard(
        _TRAINED,
        seed,
        config.trained_hidden,
        config.source,
        config.learning_rate,
        config.batch,
        config.log_at,
        "training",
    )
    return Task(shard, config.source, _Spreads(config.probe_examples, config.batch))


def _run(config: GradientsConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    initial = [_initial_task(config, seed) for seed in config.seeds]
    training = [_training_task(config, seed) for seed in config.seeds]
    found = session.run([*initial, *training])
    starts, trained = found[: len(initial)], found[len(initial) :]
    arrays = {
        "updates": np.array(config.log_at),
        "activation_edges": np.linspace(-1, 1, config.bins + 1),
        "gradient_edges": np.linspace(-config.reach, config.reach, config.bins + 1),
    }
    for place, model in enumerate(BOUNDED):
        seen = of_model(starts, place)
        arrays |= {f"initial/{model.name}/{name}": array[0] for name, array in seen.items()}
    for place, model in enumerate(_TRAINED):
        seen = of_model(trained, place)
        arrays |= {f"training/{model.name}/{name}": array for name, array in seen.items()}
    runs = {
        "initial": _initial_rows(config, arrays),
        "training": _training_rows(config, arrays),
    }
    return {**runs, "verdicts": _verdicts(config, arrays)}, arrays


def _initial_rows(config: GradientsConfig, arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """One row per network: what was measured by layer, before training."""
    names = ("activation_std", "gradient_std", "weight_gradient_std")
    means = ("weight_mean", "weight_square", "jacobian_mean", "jacobian_square")
    return [
        {"model": model.name, "seed": seed, "index": index}
        | {
            name: arrays[f"initial/{model.name}/{name}"][index].tolist()
            for name in (*names, *means)
        }
        for model in BOUNDED
        for index, seed in enumerate(config.seeds)
    ]


def _training_rows(config: GradientsConfig, arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """One row per network: how far apart its layers' weight gradients are."""
    rows = []
    for model in _TRAINED:
        start, mean, late = _spreads(config, arrays, model.name)
        rows += [
            {
                "model": model.name,
                "seed": seed,
                "index": index,
                "spread_at_start": float(start[index]),
                "spread": float(mean[index]),
                "late_spread": float(late[index]),
            }
            for index, seed in enumerate(config.seeds)
        ]
    return rows


def _spreads(
    config: GradientsConfig, arrays: dict[str, np.ndarray], model: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread of the weight gradients by seed: at the start, mean of the run, of its last half."""
    updates = arrays["updates"]
    apart = spread(arrays[f"training/{model}/weight_gradient_std"])  # (T, S)
    late = updates >= config.updates / 2
    return apart[0], time_mean(updates, apart), time_mean(updates[late], apart[late])


# ---- verdicts


def _verdicts(config: GradientsConfig, arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    top = len(config.hidden)
    return [
        *_shrinking(config, arrays, "6", "activation_std", "activations", (1, top)),
        *_shrinking(config, arrays, "7", "gradient_std", "back-propagated gradients", (top, 1)),
        *_equal_weight_gradients(config, arrays, "tanh"),
        *_equal_weight_gradients(config, arrays, "tanh_n"),
        *(row for model in _SINGULAR_VALUE for row in _singular(config, arrays, model)),
        *_during_training(config, arrays),
    ]


def _logs(arrays: dict[str, np.ndarray], model: str, name: str) -> np.ndarray:
    """Logarithms of the standard deviations before training, (S, layers)."""
    return np.log(arrays[f"initial/{model}/{name}"])


def _shrinking(
    config: GradientsConfig,
    arrays: dict[str, np.ndarray],
    figure: str,
    name: str,
    what: str,
    layers: tuple[int, int],
) -> list[dict[str, Any]]:
    """They shrink from one layer to the other under the standard scheme, and not under N."""
    standard, n = (_logs(arrays, model, name).T for model in ("tanh", "tanh_n"))
    start, end = layers[0] - 1, layers[1] - 1
    way = f"from layer {layers[0]} to {layers[1]}"
    less = f"tanh: {what} shrink {way} (ln std)"
    more = f"{what} shrink more under tanh than under tanh_n {way} (change of ln std)"
    keep = f"tanh_n: {what} keep their std {way}, within a factor {config.factor:g} (ln std)"
    return [
        lower(figure, less, standard[end], standard[start]),
        lower(figure, more, standard[end] - standard[start], n[end] - n[start]),
        same(figure, keep, n[end], n[start], math.log(config.factor)),
    ]


def _equal_weight_gradients(
    config: GradientsConfig, arrays: dict[str, np.ndarray], model: str
) -> list[dict[str, Any]]:
    logs, top = _logs(arrays, model, "weight_gradient_std"), len(config.hidden)
    parts = [
        same(
            "8",
            f"{model}: weight gradients of layers {layer} and {top} have the same std, within a "
            f"factor {config.factor:g} (ln std)",
            logs[:, layer - 1],
            logs[:, -1],
            math.log(config.factor),
        )
        for layer in range(1, top)
    ]
    return [*parts, jointly("8", f"{model}: weight gradients are equal across layers", parts)]


def _singular(
    config: GradientsConfig, arrays: dict[str, np.ndarray], model: str
) -> list[dict[str, Any]]:
    """The paper's mean singular value, the law behind it, and what it was read as."""
    weight, square, jacobian = (
        arrays[f"initial/{model}/{name}"].mean(axis=1)
        for name in ("weight_mean", "weight_square", "jacobian_mean")
    )
    ratios = np.exp(2 * np.diff(_logs(arrays, model, "activation_std"), axis=1)).mean(axis=1)
    paper, sigma_w2 = _SINGULAR_VALUE[model], _SIGMA_W2[model]
    law, near, exact = (
        theory.mean_singular_value(sigma_w2),
        config.singular_margin,
        config.law_margin,
    )
    mean = "the Jacobians' mean singular value is"
    claims = (
        (f"{mean} {paper}", jacobian, paper, near),
        ("the weights' mean singular value is 8/(3π)·√(n Var W)", weight, law, exact * law),
        ("the weights' mean squared one is n Var W", square, sigma_w2, exact * sigma_w2),
        (
            f"{mean} the activations' ratio of variances, as the paper reads it",
            jacobian,
            ratios,
            near,
        ),
    )
    return [
        same("4.2.1", f"{model}: {claim} (mean over layers)", ours, other, margin)
        for claim, ours, other, margin in claims
    ]


def _during_training(
    config: GradientsConfig, arrays: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Figure 9, on the spread of the layers' weight gradients."""
    start, mean, late = (
        dict(zip(("tanh", "tanh_n"), pair, strict=True))
        for pair in zip(*(_spreads(config, arrays, model.name) for model in _TRAINED), strict=True)
    )
    apart = "ln of the largest over the smallest std of the layers"
    closer = "weight gradients stay closer together under tanh_n than under tanh"
    moving = "tanh: weight gradients move apart"
    staying = f"tanh_n: weight gradients stay as close as they start, within {config.factor:g}"
    margin = math.log(config.factor)
    return [
        lower("9", f"{closer} ({apart}, mean over the run)", mean["tanh_n"], mean["tanh"]),
        lower("9", f"{moving} ({apart}, start against last half)", start["tanh"], late["tanh"]),
        same("9", f"{staying} ({apart}, last half)", late["tanh_n"], start["tanh_n"], margin),
    ]


def _deviations(config: GradientsConfig) -> list[str]:
    initial, trained = ("-".join(map(str, h)) for h in (config.hidden, config.trained_hidden))
    stream = "endless stream" if config.examples is None else f"{config.examples:,} fixed images"
    return [
        f"before training: hidden layers of {initial} units; the paper: 1000",
        f"in training: hidden layers of {trained} units; the paper: 1000",
        f"Shapeset-3x2, {stream}; {config.updates:,} updates of {config.batch} examples; the "
        "paper: up to 5 million",
        f"learning rate {config.learning_rate:g}, from the middle of Table 1's grid here; the paper "
        "does not state it",
        f"weight gradients of batches of {config.batch}, over {config.probe_examples} fixed test "
        "images; the paper does not state on what",
        f"Jacobians at {config.jacobian_examples} test images, layers 2 to {len(config.hidden)}; the "
        "output layer, which tapers, is left out",
        f"equal means within a factor {config.factor:g}, 0.8 and 0.5 within "
        f"{config.singular_margin:g}, fixed before the runs; verdicts at p = {LEVEL}",
    ]


GRADIENTS = Experiment(
    name="gradients",
    claim=(
        "Before training, back-propagated gradients shrink on their way down under the standard "
        "scheme and not under the normalized one, while weight gradients are equal across layers "
        "under both; the mean singular value of a layer's Jacobian is 0.5 and 0.8; in training the "
        "weight gradients stay together under the normalized scheme only."
    ),
    scales={
        "smoke": GradientsConfig(
            data="shapeset",
            seeds=(0, 1),
            hidden=(24,) * 5,
            trained_hidden=(16,) * 5,
            learning_rate=0.3,
            updates=60,
            log_spacing=((10, 10),),
            examples=500,
            probe_examples=60,
            jacobian_examples=2,
        ),
        "laptop": GradientsConfig(data="shapeset", seeds=(0, 1, 2, 3, 4)),
        "paper": GradientsConfig(
            data="shapeset",
            seeds=(0, 1, 2, 3, 4),
            trained_hidden=(1000,) * 5,
            updates=5_000_000,
            log_spacing=((1000, 500), (100_000, 20_000)),
        ),
    },
    sources=lambda config: (config.source,),
    work=lambda config: config.updates * len(config.seeds) * len(_TRAINED),
    deviations=_deviations,
    run=_run,
)
