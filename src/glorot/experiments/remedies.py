"""When does the scheme stop mattering? Depth, optimizer, normalization and shortcuts, each with two schemes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from glorot.experiments.data import Pooled
from glorot.experiments.frame import Config, Experiment, Session
from glorot.experiments.statistics import LEVEL, sameness, verdict
from glorot.experiments.training import (
    Errors,
    Nothing,
    Shard,
    Task,
    Trained,
    evenly_spaced,
    layer_sizes,
)
from glorot.initializers import he_uniform, heuristic_uniform

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["ARCHITECTURES", "OPTIMIZERS", "REMEDIES", "Net", "Population", "RemediesConfig"]

ARCHITECTURES = ("plain", "batch_norm", "residual", "scaled_residual")
"""What a network may be: plain, normalized, with shortcuts, with shortcuts and branches times 1/√blocks."""

OPTIMIZERS = ("sgd", "momentum", "adam")

_SCHEMES = {"heuristic": heuristic_uniform, "he": he_uniform}
_MOMENTUM, _ADAM = 0.9, (0.9, 0.999, 1e-8)

Tensors = dict[str, "torch.Tensor"]


@dataclass(frozen=True)
class Net:
    """One network of a population.

    Args:
        scheme: ``heuristic`` or ``he``; both uniform, so that equal seeds share their base draw.
        architecture: one of ``ARCHITECTURES``.
        optimizer: one of ``OPTIMIZERS``.
        activation: of the hidden layers.
        learning_rate: > 0.
        seed: of the weights and of the batches.
    """

    scheme: str
    architecture: str
    optimizer: str
    activation: str
    learning_rate: float
    seed: int

    def module(self, sizes: Sequence[int]) -> nn.Module:
        """Return the network as it is before the first update, for widths (n_0, …, n_L)."""
        from glorot.architectures import MLP, BatchNormMLP, ResidualMLP

        rng, scheme = np.random.default_rng(self.seed), _SCHEMES[self.scheme]
        if self.architecture in ("plain", "batch_norm"):
            kind = MLP if self.architecture == "plain" else BatchNormMLP
            return kind(sizes, scheme, self.activation, rng)
        blocks = len(sizes) - 3  # so that there are as many weight matrices as without shortcuts
        scale = 1.0 if self.architecture == "residual" else 1 / math.sqrt(blocks)
        ends = (sizes[0], sizes[1], sizes[-1])
        return ResidualMLP(ends, blocks, scheme, self.activation, rng, scale=scale)


class Population:
    """Networks of one architecture and optimizer, trained in lockstep: their parameters are stacked.

    Nothing that happens in one reaches another. Batch normalization takes mean and variance of the batch
    that it is shown, in training and when it is judged.

    Args:
        networks: R of them, of one architecture, optimizer and activation.
        sizes: widths (n_0, …, n_L).
        device: ``cpu`` or ``cuda``.

    Raises:
        ValueError: for networks of several kinds.
    """

    def __init__(self, networks: Sequence[Net], sizes: Sequence[int], device: str) -> None:
        import torch
        from torch.func import functional_call, replace_all_batch_norm_modules_, stack_module_state

        kinds = {(net.architecture, net.optimizer, net.activation) for net in networks}
        if len(kinds) != 1:
            raise ValueError(f"networks must be of one kind, got {sorted(kinds)}")
        modules = [net.module(sizes).to(device) for net in networks]
        for module in modules:
            replace_all_batch_norm_modules_(module)
        self.parameters: Tensors = stack_module_state(modules)[0]
        template, rates = modules[0], [net.learning_rate for net in networks]
        self._rates = torch.tensor(rates, dtype=torch.float32, device=device)
        self._rule = _RULES[networks[0].optimizer]
        self._slots: list[Tensors] = [
            {name: torch.zeros_like(value) for name, value in self.parameters.items()}
            for _ in range(self._rule[0])
        ]
        self._steps = 0

        def logits(parameters: Tensors, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = functional_call(template, parameters, (x,))
            return out

        self._logits = torch.vmap(logits)
        self._shared = torch.vmap(logits, in_dims=(0, None))

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Take one step of every network on its batch, x (R, B, d), y (R, B); return the losses."""
        import torch

        losses = self._losses(x, y)
        gradients = torch.autograd.grad(losses.sum(), list(self.parameters.values()))
        self._steps += 1
        with torch.no_grad():
            for (name, value), gradient in zip(self.parameters.items(), gradients, strict=True):
                slots = [slot[name] for slot in self._slots]
                rates = self._rates.reshape(-1, *(1,) * (value.ndim - 1))
                value -= rates * self._rule[1](gradient, slots, self._steps)
        return losses.detach()

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return every network's mean loss on its batch, (R,)."""
        return self._losses(x, y).detach()

    def error_rate(self, images: np.ndarray, labels: np.ndarray) -> torch.Tensor:
        """Return every network's error on the same images, (R,) fractions."""
        import torch

        with torch.no_grad():
            x = torch.as_tensor(np.array(images), device=self._rates.device)
            found = self._shared(self.parameters, x).argmax(dim=2)
        truth = torch.as_tensor(np.array(labels), device=self._rates.device)
        return (found != truth).float().mean(dim=1)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of all that the next step depends on."""
        held = [self.parameters, *self._slots]
        arrays = {
            f"{place}/{name}": value.detach().cpu().numpy().copy()
            for place, tensors in enumerate(held)
            for name, value in tensors.items()
        }
        return arrays | {"steps": np.array(self._steps)}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state_dict` returned."""
        import torch

        with torch.no_grad():
            for place, tensors in enumerate([self.parameters, *self._slots]):
                for name, value in tensors.items():
                    value.copy_(torch.as_tensor(state[f"{place}/{name}"]))
        self._steps = int(state["steps"])

    def _losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        logits = self._logits(self.parameters, x)
        count, batch, classes = logits.shape
        each = functional.cross_entropy(
            logits.reshape(-1, classes), y.reshape(-1), reduction="none"
        )
        return each.reshape(count, batch).mean(dim=1)


def _sgd(gradient: torch.Tensor, slots: list[torch.Tensor], steps: int) -> torch.Tensor:
    return gradient


def _momentum(gradient: torch.Tensor, slots: list[torch.Tensor], steps: int) -> torch.Tensor:
    return slots[0].mul_(_MOMENTUM).add_(gradient)


def _adam(gradient: torch.Tensor, slots: list[torch.Tensor], steps: int) -> torch.Tensor:
    """Kingma & Ba (2015), algorithm 1."""
    (first, second), (beta1, beta2, epsilon) = slots, _ADAM
    first.mul_(beta1).add_(gradient, alpha=1 - beta1)
    second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    spread = (second / (1 - beta2**steps)).sqrt_().add_(epsilon)
    return first / (1 - beta1**steps) / spread


# optimizer -> how many tensors it remembers for each parameter, and the direction of its step
_RULES: dict[str, tuple[int, Callable[..., torch.Tensor]]] = {
    "sgd": (0, _sgd),
    "momentum": (1, _momentum),
    "adam": (2, _adam),
}


@dataclass(frozen=True)
class PopulationShard(Shard):
    """A shard whose networks are a :class:`Population`."""

    def build(self, device: str) -> Any:
        """Return the networks as they are before the first update."""
        networks: Any = self.networks
        return Population(networks, self.sizes, device)


@dataclass(frozen=True)
class RemediesConfig(Config):
    """Configuration of the experiment.

    Args:
        depths: numbers of hidden layers, at least 2.
        architectures: out of ``ARCHITECTURES``.
        learning_rates: the grid of every optimizer that is tried.
        schemes: the two that are compared, ours first.
        width: units of every hidden layer.
        activation: of the hidden layers.
        choice_seed: seed that chooses the rate of each cell; `seeds`, which are others, are measured at it.
        updates: number of updates of every network.
        every: updates between two measurements of the loss.
        batch: examples per update.
        block: side in pixels of the blocks that images are averaged over.
        examples: number of training images to draw where the data set is endless.
        judged: images of a split that an error is taken on, the first so many.
        threshold: a network has learned if its test error is below this.
        margin: the largest difference of errors that does not matter, a fraction.
    """

    least_seeds: ClassVar[int] = 2  # a paired test needs two

    depths: tuple[int, ...] = (4, 16, 48)
    architectures: tuple[str, ...] = ARCHITECTURES
    learning_rates: tuple[tuple[str, tuple[float, ...]], ...] = (
        ("sgd", (0.003, 0.01, 0.03, 0.1, 0.3)),
        ("adam", (0.0001, 0.0003, 0.001, 0.003, 0.01)),
    )
    schemes: tuple[str, str] = ("he", "heuristic")
    width: int = 48
    activation: str = "relu"
    choice_seed: int = 100
    updates: int = 300
    every: int = 50
    batch: int = 16
    block: int = 4
    examples: int | None = None
    judged: int = 2000
    threshold: float = 0.5
    margin: float = 0.02

    @property
    def source(self) -> Pooled:
        """The data set."""
        return Pooled(self.data, self.examples, block=self.block)


@dataclass(frozen=True)
class _Cell:
    """One depth, architecture and optimizer: the networks of both schemes are trained together."""

    config: RemediesConfig
    depth: int
    architecture: str
    optimizer: str
    rates: tuple[float, ...]

    @property
    def key(self) -> str:
        return f"{self.depth}/{self.architecture}/{self.optimizer}"

    def choice(self) -> Task:
        """Return the task that tries every rate under every scheme."""
        seed = self.config.choice_seed
        nets = [self._net(s, rate, seed) for s in self.config.schemes for rate in self.rates]
        return self._task("choice", nets, "valid")

    def measured(self, rates: Sequence[float]) -> Task:
        """Return the task that measures every scheme at its rate, with every seed."""
        pairs = zip(self.config.schemes, rates, strict=True)
        nets = [self._net(s, rate, seed) for s, rate in pairs for seed in self.config.seeds]
        return self._task("measured", nets, "test")

    def _net(self, scheme: str, rate: float, seed: int) -> Net:
        return Net(scheme, self.architecture, self.optimizer, self.config.activation, rate, seed)

    def _task(self, stage: str, nets: Sequence[Net], split: str) -> Task:
        config, source = self.config, self.config.source
        sizes = layer_sizes(source.load().train, (config.width,) * self.depth)
        times = evenly_spaced(config.updates, config.every)
        name = f"{self.key.replace('/', '-')}-{stage}"
        networks: Any = tuple(nets)
        shard = PopulationShard(name, networks, sizes, config.batch, config.updates, times)
        return Task(shard, source, Nothing(), finish=Errors((split,), config.judged))


def _cells(config: RemediesConfig) -> Iterator[_Cell]:
    for depth, architecture, (optimizer, rates) in product(
        config.depths, config.architectures, config.learning_rates
    ):
        yield _Cell(config, depth, architecture, optimizer, rates)


def _run(config: RemediesConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    cells = list(_cells(config))
    errors = [
        trained.final["valid_error"].reshape(len(config.schemes), -1)
        for trained in session.run([cell.choice() for cell in cells])
    ]
    chosen = [
        [cell.rates[int(place)] for place in found.argmin(axis=1)]
        for cell, found in zip(cells, errors, strict=True)
    ]
    tasks = [cell.measured(rates) for cell, rates in zip(cells, chosen, strict=True)]
    rows, arrays = [], {"updates": np.array(tasks[0].shard.log_at)}
    shape = (len(config.schemes), len(config.seeds))
    for cell, tried, rates, trained in zip(cells, errors, chosen, session.run(tasks), strict=True):
        rows.append(_row(cell, tried, rates, trained))
        loss = trained.series["train_loss"].reshape(-1, *shape)
        arrays[f"{cell.key}/train_loss"] = _half(loss)
    return {"cells": rows}, arrays


def _half(loss: np.ndarray) -> np.ndarray:
    """In half precision; a loss beyond its range, or none at all, is kept as infinite."""
    with np.errstate(over="ignore"):
        return np.where(np.isnan(loss), np.inf, loss).astype(np.float16)


def _row(
    cell: _Cell, tried: np.ndarray, rates: Sequence[float], trained: Trained
) -> dict[str, Any]:
    """What one cell found, and whether the scheme matters there."""
    config = cell.config
    test = trained.final["test_error"].reshape(len(config.schemes), len(config.seeds))
    return {
        "depth": cell.depth,
        "architecture": cell.architecture,
        "optimizer": cell.optimizer,
        "schemes": [
            {
                "scheme": scheme,
                "learning_rate": rate,
                "choice_valid_error": choice.tolist(),
                "test_error": found.tolist(),
                "learned": int((found < config.threshold).sum()),
            }
            for scheme, rate, choice, found in zip(config.schemes, rates, tried, test, strict=True)
        ],
        "lower": verdict(test[0], test[1]).to_dict(),
        "same": sameness(test[0], test[1], config.margin).to_dict(),
    }


def _deviations(config: RemediesConfig) -> list[str]:
    grids = "; ".join(f"{name} {', '.join(map(str, own))}" for name, own in config.learning_rates)
    return [
        "not an experiment of the 2010 paper: architectures, optimizers, widths, depths, rates and length "
        "are set here",
        f"{config.updates:,} updates of {config.batch} examples, {config.activation}, hidden layers of "
        f"{config.width}; uniform weights, biases 0 at first",
        f"rates {grids}; chosen for each cell on validation error with a seed that is not measured",
        "batch normalization takes mean and variance of the batch it is shown, also when it is judged",
        f"errors on the first {config.judged:,} images of a split; below {config.threshold:.0%} counts as "
        f"learned; verdicts at p = {LEVEL}; a difference within {config.margin:.1%} does not matter",
    ]


def _work(config: RemediesConfig) -> int:
    tried = sum(len(rates) for _, rates in config.learning_rates)
    measured = len(config.learning_rates) * len(config.seeds)
    kinds = len(config.depths) * len(config.architectures) * len(config.schemes)
    return kinds * config.updates * (tried + measured)


REMEDIES = Experiment(
    name="remedies",
    claim=(
        "He ends with a lower test error than the heuristic scheme in plain deep ReLU networks, and the "
        "difference is gone under batch normalization, scaled shortcuts or Adam."
    ),
    scales={
        "smoke": RemediesConfig(
            data="shapeset",
            seeds=(0, 1, 2),
            depths=(2, 4),
            learning_rates=(
                ("sgd", (0.03, 0.1)),
                ("momentum", (0.01, 0.03)),
                ("adam", (0.003, 0.01)),
            ),
            architectures=("plain", "batch_norm", "scaled_residual"),
            width=8,
            updates=12,
            every=6,
            examples=500,
            judged=100,
            block=8,
        ),
        "laptop": RemediesConfig(data="mnist", seeds=(0, 1, 2, 3, 4)),
        "paper": RemediesConfig(
            data="mnist",
            seeds=tuple(range(10)),
            depths=(4, 16, 48, 128),
            learning_rates=(
                ("sgd", (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)),
                ("momentum", (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)),
                ("adam", (0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01)),
            ),
            width=256,
            updates=5000,
            every=500,
            batch=32,
            block=1,
            judged=10_000,
        ),
    },
    sources=lambda config: (config.source,),
    work=_work,
    deviations=_deviations,
    run=_run,
)
