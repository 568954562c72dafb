"""A small transformer on the book's own text: where it normalizes, and how its branches start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from glorot.datasets import Dataset
from glorot.experiments.data import Text
from glorot.experiments.frame import Config, Experiment, Session
from glorot.experiments.modules import Modules, TextShard
from glorot.experiments.statistics import LEVEL, verdict
from glorot.experiments.training import Task, evenly_spaced

if TYPE_CHECKING:
    from torch import nn

__all__ = ["TRANSFORMER", "VARIANTS", "CharNet", "TransformerConfig", "branch_gain"]

VARIANTS = ("none", "post", "pre", "pre-scaled", "pre-zero")
"""Layout of the blocks; scaled: branches times 1/√(2N) at the start, zero: branches that start at 0."""

_JUDGED = 128  # windows of a split on which a loss is taken
_PROBED = 16  # windows on which signals are measured


def branch_gain(variant: str, blocks: int) -> float:
    """Return what the last matrix of every branch is multiplied by at the start.

    >>> branch_gain("pre-scaled", 8)
    0.25
    """
    ends = {"scaled": 1 / math.sqrt(2 * blocks), "zero": 0.0}
    return ends.get(variant.partition("-")[2], 1.0)


@dataclass(frozen=True)
class CharNet:
    """One transformer.

    Args:
        variant: one of ``VARIANTS``.
        width: of the stream.
        blocks: pairs of branches, N.
        learning_rate: of Adam, without warm-up.
        seed: of the weights and of the batches.
    """

    variant: str
    width: int
    blocks: int
    learning_rate: float
    seed: int

    def module(self, context: int, kinds: int) -> nn.Module:
        """Return the network as it is before the first update; it takes codes, (B, T)."""
        from glorot.architectures import Transformer

        return Transformer(
            kinds,
            context,
            self.width,
            self.blocks,
            np.random.default_rng(self.seed),
            layout=self.variant.partition("-")[0],
            branch_gain=branch_gain(self.variant, self.blocks),
        )


class _CharNets(Modules):
    """Transformers and the windows on which their signals are measured."""

    def __init__(self, shard: CharShard, dataset: Dataset) -> None:
        from glorot.datasets.text import ALPHABET

        nets: Any = shard.networks
        context = dataset.valid.images.shape[1]
        modules = [net.module(context, len(ALPHABET)) for net in nets]
        groups: list[list[dict[str, Any]]] = [
            [{"params": list(module.parameters()), "lr": net.learning_rate}]
            for net, module in zip(nets, modules, strict=True)
        ]
        super().__init__(modules, groups, "adam", shard.updates)
        self._probe = dataset.valid.images[:_PROBED]

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return second moments of signal and gradient at every stage, (R, stages) each."""
        import torch

        from glorot.architectures import module_moments

        codes, rng = torch.as_tensor(self._probe), np.random.default_rng(0)
        with np.errstate(over="ignore", invalid="ignore"):
            found = [module_moments(module, codes, rng) for module in self.modules]
        return np.array([m.forward for m in found]), np.array([m.backward for m in found])


class CharShard(TextShard):
    """A shard whose networks are ``CharNet``."""

    def networks_on(self, dataset: Dataset) -> _CharNets:
        """Return the networks as they are before the first update."""
        return _CharNets(self, dataset)


@dataclass(frozen=True)
class _Signals:
    """Measures signals along the stream, and the loss on validation and on test windows."""

    def __call__(self, nets: Any, dataset: Dataset) -> dict[str, np.ndarray]:
        forward, backward = nets.moments()
        losses = {
            f"{name}_loss": nets.shared_loss(split.images[:_JUDGED], split.labels[:_JUDGED])
            for name, split in (("valid", dataset.valid), ("test", dataset.test))
        }
        return {"forward": forward, "backward": backward} | losses


@dataclass(frozen=True)
class TransformerConfig(Config):
    """Configuration of the experiment.

    Args:
        variants: out of ``VARIANTS``.
        learning_rates: grid of Adam's rates, rising.
        comparisons: pairs of variants; the claim is that the first ends with the lower test loss.
        choice_seed: seed that chooses each variant's rate; `seeds`, which are others, are measured at it.
        width: of the stream.
        blocks: pairs of branches, N.
        context: characters of a window.
        batch: windows per update.
        updates: number of updates of every network.
        every: updates between two measurements.
    """

    least_seeds: ClassVar[int] = 2

    variants: tuple[str, ...] = VARIANTS
    learning_rates: tuple[float, ...] = (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
    comparisons: tuple[tuple[str, str], ...] = (
        ("pre", "none"),
        ("pre", "post"),
        ("pre-scaled", "pre"),
        ("pre-zero", "pre-scaled"),
    )
    choice_seed: int = 100
    width: int = 48
    blocks: int = 6
    context: int = 32
    batch: int = 12
    updates: int = 200
    every: int = 100

    @property
    def source(self) -> Text:
        """The data set."""
        return Text(context=self.context, spacing=7)


def _task(config: TransformerConfig, variant: str, rates: Sequence[float], seed: int) -> Task:
    nets: Any = tuple(CharNet(variant, config.width, config.blocks, rate, seed) for rate in rates)
    shard = CharShard(
        f"{variant}-{seed}",
        nets,
        (config.context, config.width),
        config.batch,
        config.updates,
        evenly_spaced(config.updates, config.every),
        config.source,
    )
    return Task(shard, config.source, _Signals())


def _run(config: TransformerConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    rates = config.learning_rates
    chosen: dict[str, float] = {}
    rows, arrays = [], {"updates": np.array(evenly_spaced(config.updates, config.every))}
    tried = session.run([_task(config, v, rates, config.choice_seed) for v in config.variants])
    for variant, trained in zip(config.variants, tried, strict=True):
        valid = trained.series["valid_loss"][-1]
        valid = np.where(np.isfinite(valid), valid, np.inf)
        chosen[variant] = rates[int(valid.argmin())]
        arrays[f"{variant}/choice_valid_loss"] = valid
    tasks = [_task(config, v, [chosen[v]], s) for v in config.variants for s in config.seeds]
    found = iter(session.run(tasks))
    test: dict[str, np.ndarray] = {}
    for variant in config.variants:
        series = [next(found).series for _ in config.seeds]
        for name in ("train_loss", "valid_loss", "test_loss", "forward", "backward"):
            together = np.stack([own[name][:, 0] for own in series], axis=1)
            arrays[f"{variant}/{name}"] = together.astype(np.float32)
        test[variant] = arrays[f"{variant}/test_loss"][-1].astype(float)
        rows.append(
            {
                "variant": variant,
                "learning_rate": chosen[variant],
                "at_edge": chosen[variant] in (rates[0], rates[-1]),
                "test_loss": [float(x) if np.isfinite(x) else None for x in test[variant]],
            }
        )
    claims = [
        {"ours": a, "other": b, **verdict(test[a].tolist(), test[b].tolist()).to_dict()}
        for a, b in config.comparisons
        if np.isfinite([test[a], test[b]]).all()  # a network that was lost has no loss to compare
    ]
    return {"variants": rows, "claims": claims}, arrays


def _deviations(config: TransformerConfig) -> list[str]:
    return [
        "not an experiment of the 2010 paper: architectures, optimizer, size and length are set here",
        f"{config.blocks} pairs of branches, width {config.width}, 2 heads, windows of {config.context} characters, "
        "no biases, no trainable gains, no dropout, no weight decay",
        f"{config.updates:,} updates of {config.batch} windows by Adam without warm-up; rates "
        f"{', '.join(map(str, config.learning_rates))}, chosen on validation loss with a seed that is not measured",
        f"losses per character, on the first {_JUDGED} windows of a split; verdicts at p = {LEVEL}",
    ]


def _work(config: TransformerConfig) -> int:
    each = len(config.learning_rates) + len(config.seeds)
    return len(config.variants) * each * config.updates


TRANSFORMER = Experiment(
    name="transformer",
    claim=(
        "Without warm-up, a transformer that normalizes what enters its branches ends with a lower loss than one that "
        "normalizes what leaves them or nothing, and a lower one still with branches that start smaller or at 0."
    ),
    scales={
        "smoke": TransformerConfig(
            data="text",
            seeds=(0, 1),
            learning_rates=(0.001, 0.01),
            width=8,
            blocks=2,
            context=8,
            batch=4,
            updates=6,
            every=3,
        ),
        "laptop": TransformerConfig(data="text", seeds=(0, 1, 2, 3, 4)),
        "paper": TransformerConfig(
            data="text",
            seeds=tuple(range(10)),
            learning_rates=tuple(2.0**-k for k in range(14, 4, -1)),
            width=256,
            blocks=12,
            context=128,
            batch=32,
            updates=10_000,
            every=1000,
        ),
    },
    sources=lambda config: (config.source,),
    work=_work,
    deviations=_deviations,
    run=_run,
)
