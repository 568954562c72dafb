"""Do activations drift or stay as a network grows wider, and does the best learning rate?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from glorot.datasets import Dataset
from glorot.experiments.data import Text
from glorot.experiments.frame import Config, Experiment, Session
from glorot.experiments.modules import Modules, TextShard
from glorot.experiments.statistics import LEVEL, sameness, verdict
from glorot.experiments.training import Task
from glorot.initializers import VarianceScaling

if TYPE_CHECKING:
    from torch import nn

__all__ = ["COORDINATE_CHECK", "CoordinateConfig", "WideNet", "stages"]

_HE = VarianceScaling(2.0, "fan_in", "normal")
_PROBED = 64  # windows on which a change is measured
_JUDGED = 1024  # windows of a split on which a loss is taken


@dataclass(frozen=True)
class WideNet:
    """One network: it looks at a window of characters and predicts the next.

    Every character of the window has a row of its own for each place (one-hot, variance 1/context); then blocks with
    shortcuts, ReLU under He, scaled by 1/√blocks; then the logits.

    Args:
        parametrization: a key of ``PARAMETRIZATIONS``.
        optimizer: ``sgd`` or ``adam``.
        width: of the stream.
        base: width at which all parametrizations are the same network.
        blocks: number of blocks.
        learning_rate: at the base width.
        seed: of the weights and of the batches.
    """

    parametrization: str
    optimizer: str
    width: int
    base: int
    blocks: int
    learning_rate: float
    seed: int

    @property
    def ratio(self) -> float:
        """Width over base width."""
        return self.width / self.base

    def module(self, context: int, kinds: int) -> nn.Module:
        """Return the network as it is before the first update; it takes codes, (B, context)."""
        import torch
        from torch import nn

        from glorot.architectures import ResidualMLP, reparametrize

        class OneHot(nn.Module):
            def forward(self, codes: torch.Tensor) -> torch.Tensor:
                return nn.functional.one_hot(codes, kinds).flatten(1).float()

        rng, sizes = np.random.default_rng(self.seed), (context * kinds, self.width, kinds)
        net = ResidualMLP(sizes, self.blocks, _HE, "relu", rng, scale=1 / math.sqrt(self.blocks))
        with torch.no_grad():
            net.first.weight *= math.sqrt(kinds / 2)  # so that `context` ones add up to variance 1
        return nn.Sequential(OneHot(), reparametrize(net, self.parametrization, self.ratio))

    def groups(self, module: nn.Module) -> list[dict[str, Any]]:
        """Return the trainable parameters with their rates."""
        from glorot.architectures import rate_groups

        net: Any = module[1]  # type: ignore[index]
        return rate_groups(
            net, self.parametrization, self.optimizer, self.learning_rate, self.ratio
        )


def stages(blocks: int) -> tuple[str, ...]:
    """Return the names of the layers that are measured."""
    return ("input", *(f"block {place + 1}" for place in range(blocks)), "output")


class _WideNets(Modules):
    """Networks of which each remembers what its layers put out before the first update."""

    def __init__(self, shard: WideShard, dataset: Dataset) -> None:
        from glorot.datasets.text import ALPHABET

        context = dataset.valid.images.shape[1]
        nets: Any = shard.networks
        modules = [net.module(context, len(ALPHABET)) for net in nets]
        groups = [net.groups(module) for net, module in zip(nets, modules, strict=True)]
        super().__init__(modules, groups, nets[0].optimizer, shard.updates)
        self._probe = dataset.valid.images[:_PROBED]
        self._first = [self._outputs(module) for module in modules]

    def _outputs(self, module: nn.Module) -> list[np.ndarray]:
        import torch

        from glorot.architectures import layer_outputs

        net: Any = module[1]  # type: ignore[index]
        names = [f"1.{name}" for name in net.stages]
        return list(layer_outputs(module, torch.as_tensor(self._probe), names).values())

    def drift(self) -> tuple[np.ndarray, np.ndarray]:
        """Return root mean squares of each layer's output and of its change since the start, (R, stages)."""
        sizes, moved = [], []
        for module, before in zip(self.modules, self._first, strict=True):
            now = self._outputs(module)
            with np.errstate(over="ignore", invalid="ignore"):
                sizes.append([math.sqrt(np.mean(z**2)) for z in now])
                moved.append(
                    [math.sqrt(np.mean((z - b) ** 2)) for z, b in zip(now, before, strict=True)]
                )
        return np.array(sizes), np.array(moved)


class WideShard(TextShard):
    """A shard whose networks are ``WideNet``."""

    def networks_on(self, dataset: Dataset) -> _WideNets:
        """Return the networks as they are before the first update."""
        return _WideNets(self, dataset)


@dataclass(frozen=True)
class _Drift:
    """Measures sizes and changes of all layers."""

    def __call__(self, nets: Any, dataset: Dataset) -> dict[str, np.ndarray]:
        size, change = nets.drift()
        return {"size": size, "change": change}


@dataclass(frozen=True)
class _Losses:
    """Measures the loss on validation and on test windows."""

    def __call__(self, nets: Any, dataset: Dataset) -> dict[str, np.ndarray]:
        return {
            f"{name}_loss": nets.shared_loss(split.images[:_JUDGED], split.labels[:_JUDGED])
            for name, split in (("valid", dataset.valid), ("test", dataset.test))
        }


@dataclass(frozen=True)
class CoordinateConfig(Config):
    """Configuration of the experiment.

    Args:
        widths: of the coordinate check, rising; the first is the base width.
        parametrizations: that are compared.
        rates: optimizer and its learning rate at the base width, for the check.
        steps: updates of the check.
        sweep_widths: widths of the sweep over learning rates, rising; the first is the base width.
        sweep_rates: of the sweep, rising, at the base width.
        sweep_seeds: of the sweep.
        sweep_updates: updates of every network of the sweep.
        sweep_optimizer: of the sweep.
        blocks: of every network.
        context: characters that a network looks at.
        batch: windows per update.
        margin: the largest difference of losses that does not matter.
    """

    least_seeds: ClassVar[int] = 2

    widths: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048, 4096)
    parametrizations: tuple[str, ...] = ("standard", "ntk", "mup")
    rates: tuple[tuple[str, float], ...] = (("sgd", 0.05), ("adam", 0.001))
    steps: int = 10
    sweep_widths: tuple[int, ...] = (64, 128, 256, 512)
    sweep_rates: tuple[float, ...] = tuple(2.0**-k for k in range(13, 3, -1))
    sweep_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    sweep_updates: int = 100
    sweep_optimizer: str = "adam"
    blocks: int = 2
    context: int = 8
    batch: int = 32
    margin: float = 0.02

    @property
    def source(self) -> Text:
        """The data set."""
        return Text(context=self.context, spacing=3)


def _task(
    config: CoordinateConfig, name: str, nets: Sequence[WideNet], updates: int, measure: Any
) -> Task:
    networks: Any = tuple(nets)
    every = 1 if isinstance(measure, _Drift) else updates
    times = tuple(range(0, updates + 1, every))
    sizes = (config.context, *(net.width for net in nets[:1]))
    shard = WideShard(name, networks, sizes, config.batch, updates, times, config.source)
    return Task(shard, config.source, measure)


def _net(
    config: CoordinateConfig, rule: str, optimizer: str, width: int, rate: float, seed: int
) -> WideNet:
    return WideNet(rule, optimizer, width, config.widths[0], config.blocks, rate, seed)


def _check_tasks(config: CoordinateConfig) -> list[Task]:
    """One network each, since the widest fill much of a small machine's memory."""
    return [
        _task(
            config,
            f"check-{optimizer}-{rule}-{width}-{seed}",
            [_net(config, rule, optimizer, width, rate, seed)],
            config.steps,
            _Drift(),
        )
        for (optimizer, rate), rule, width, seed in product(
            config.rates, config.parametrizations, config.widths, config.seeds
        )
    ]


def _sweep_tasks(config: CoordinateConfig) -> list[Task]:
    """One group of networks for each parametrization, width and seed: all its learning rates."""
    return [
        _task(
            config,
            f"sweep-{rule}-{width}-{seed}",
            [
                _net(config, rule, config.sweep_optimizer, width, rate, seed)
                for rate in config.sweep_rates
            ],
            config.sweep_updates,
            _Losses(),
        )
        for rule, width, seed in product(
            config.parametrizations, config.sweep_widths, config.sweep_seeds
        )
    ]


def _run(config: CoordinateConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    shape = (
        len(config.rates),
        len(config.parametrizations),
        len(config.widths),
        len(config.seeds),
        config.steps + 1,
        config.blocks + 2,
    )
    trained = session.run(_check_tasks(config))
    arrays = {"widths": np.array(config.widths), "sweep_widths": np.array(config.sweep_widths)}
    for name in ("size", "change"):
        found = np.stack([t.series[name][:, 0] for t in trained])
        arrays[name] = _finite(found.reshape(shape))
    kinds = (len(config.parametrizations), len(config.sweep_widths), len(config.sweep_seeds))
    trained = session.run(_sweep_tasks(config))
    arrays["sweep_rates"] = np.array(config.sweep_rates)
    for name in ("train_loss", "valid_loss", "test_loss"):
        found = np.stack([t.series[name][-1] for t in trained])
        arrays[name] = _finite(found.reshape(*kinds, -1))
    return {"sweep": [_transfer(config, arrays, place) for place in range(kinds[0])]}, arrays


def _finite(values: np.ndarray) -> np.ndarray:
    """In single precision; what is no number, or beyond its range, is kept as infinite."""
    with np.errstate(over="ignore"):
        return np.where(np.isnan(values), np.inf, values).astype(np.float32)


def _transfer(
    config: CoordinateConfig, arrays: dict[str, np.ndarray], place: int
) -> dict[str, Any]:
    """The best rate at each width, and what the widest network loses by the narrowest one's."""
    valid = arrays["valid_loss"][place].astype(float).mean(axis=1)  # (widths, rates)
    best = valid.argmin(axis=1)
    test = arrays["test_loss"][place, -1].astype(float)  # (seeds, rates)
    moved, own = test[:, best[0]], test[:, best[-1]]
    row = {
        "parametrization": config.parametrizations[place],
        "best_rates": [config.sweep_rates[int(k)] for k in best],
        "at_edge": [bool(k in (0, len(config.sweep_rates) - 1)) for k in best],
        "best_valid_loss": valid.min(axis=1).tolist(),
        "transferred_test_loss": [float(x) if np.isfinite(x) else None for x in moved],
        "own_test_loss": own.tolist(),
    }
    if np.isfinite(moved).all():
        row["own_is_lower"] = verdict(own, moved).to_dict()
        row["transfers"] = sameness(moved, own, config.margin).to_dict()
    else:  # a network that was lost has no loss to compare
        row["own_is_lower"] = row["transfers"] = None
    return row


def _deviations(config: CoordinateConfig) -> list[str]:
    rates = ", ".join(f"{rate:g} ({name})" for name, rate in config.rates)
    return [
        "not an experiment of the 2010 paper: after Yang et al. (2022), whose networks are larger",
        f"windows of {config.context} characters, one-hot; {config.blocks} blocks with shortcuts, ReLU under He, "
        f"scaled by 1/√{config.blocks}; no biases; base width {config.widths[0]}",
        f"coordinate check: {config.steps} updates of {config.batch} windows at rates {rates}; root mean squares over "
        f"{_PROBED} validation windows",
        f"sweep: {config.sweep_updates} updates by {config.sweep_optimizer}; losses on the first {_JUDGED:,} windows "
        "of a split; the best rate is that of the lowest mean validation loss; test losses are "
        f"compared at p = {LEVEL}, and a "
        f"difference within {config.margin} does not matter",
    ]


def _work(config: CoordinateConfig) -> int:
    check = len(config.rates) * len(config.parametrizations) * len(config.widths)
    sweep = len(config.parametrizations) * len(config.sweep_widths) * len(config.sweep_rates)
    sweep *= len(config.sweep_seeds) * config.sweep_updates
    return check * len(config.seeds) * config.steps + sweep


COORDINATE_CHECK = Experiment(
    name="coordinate-check",
    claim=(
        "After ten updates activations change by as much at any width under μP, by more and more under the standard "
        "parametrization, and under NTK by less (gradient descent) or more (Adam); the best learning rate stays where "
        "it is under μP only."
    ),
    scales={
        "smoke": CoordinateConfig(
            data="text",
            seeds=(0, 1),
            widths=(8, 16),
            steps=3,
            sweep_widths=(8, 16),
            sweep_rates=(0.001, 0.01),
            sweep_seeds=(0, 1),
            sweep_updates=6,
            batch=8,
        ),
        "laptop": CoordinateConfig(data="text", seeds=(0, 1, 2)),
        "paper": CoordinateConfig(
            data="text",
            seeds=tuple(range(10)),
            widths=(64, 128, 256, 512, 1024, 2048, 4096, 8192),
            sweep_widths=(64, 256, 1024, 4096),
            sweep_rates=tuple(2.0 ** (-k / 2) for k in range(30, 5, -1)),
            sweep_seeds=tuple(range(10)),
            sweep_updates=5000,
        ),
    },
    sources=lambda config: (config.source,),
    work=_work,
    deviations=_deviations,
    run=_run,
)
