"""Test error over the updates on Shapeset, and what the paper concludes from it (Figure 11).

Every *arm* is a model in a setting: plain gradient descent, a rate for every parameter, layers that
widen or narrow with depth, or gray values from −1. Its learning rate is chosen on the validation
error of one seed after the last update, from a ladder that is walked on while the best rate is the
lowest or highest tried. Other seeds are then measured at it. Seed k means the same images in the
same order in every arm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np

from glorot.experiments.choice import Budget, best_rate, choose_rates
from glorot.experiments.data import Source
from glorot.experiments.frame import Config, Experiment, Session
from glorot.experiments.layers import time_mean
from glorot.experiments.second_order import DiagonalRates
from glorot.experiments.statistics import LEVEL, sameness, verdict
from glorot.experiments.table1 import MODELS, Model
from glorot.experiments.training import Errors, Shard, Task, Trained, evenly_spaced, layer_sizes

__all__ = ["CLAIMS", "ERROR_CURVES", "Claim", "ErrorCurvesConfig", "Setting", "verdicts"]

Measure = Literal["test_error", "mean_error"]
Side = tuple[str, ...]  # an arm, or two: the first one's value minus the second one's


@dataclass(frozen=True)
class Setting:
    """Arms that share all but the model.

    Args:
        name: of the setting.
        models: its models.
        hidden: widths of the hidden layers.
        budget: learning rates that may be tried, and the number of updates.
        lowest: gray of black, 0 or −1.
        rule: sets a rate for every parameter; None is plain gradient descent.
    """

    name: str
    models: tuple[Model, ...]
    hidden: tuple[int, ...]
    budget: Budget
    lowest: int = 0
    rule: DiagonalRates | None = None


@dataclass(frozen=True)
class ErrorCurvesConfig(Config):
    """Configuration of the experiment.

    Args:
        settings: the arms, by setting.
        every: updates between two measurements.
        choice_seed: seed that chooses each arm's rate; `seeds`, which are others, are measured.
        examples: number of training images; None draws new ones for every update.
        curve_examples: test images that the error under way is measured on; after the last update
            all are.
        margin: the largest difference between two gains that does not matter, a fraction.
        batch: examples per update.
        group: networks that are trained together, at most.
    """

    least_seeds: ClassVar[int] = 2  # a paired test needs two

    settings: tuple[Setting, ...] = ()
    every: int = 1000
    choice_seed: int = 100
    examples: int | None = None
    curve_examples: int = 2000
    margin: float = 0.02
    batch: int = 10
    group: int = 5

    def source(self, setting: Setting) -> Source:
        """Return a setting's data."""
        return Source("shapeset", self.examples, setting.lowest)

    def logged(self, setting: Setting) -> tuple[int, ...]:
        """Return the updates at which a setting's networks are measured."""
        return evenly_spaced(setting.budget.updates, self.every)


@dataclass(frozen=True)
class Claim:
    """A sentence that two sides' errors decide, seed by seed.

    Args:
        name: short, unique.
        text: the sentence.
        measure: ``test_error`` after the last update, or ``mean_error``: the area under the curve
            of the test error over the updates, divided by their number, which is lower for a
            network that learns sooner.
        ours: an arm ``setting/model``, or two for the first one's value minus the second one's.
        other: the same.
        kind: ``lower``: ours is lower; ``same``: they differ by no more than the margin.
    """

    name: str
    text: str
    measure: Measure
    ours: Side
    other: Side
    kind: Literal["lower", "same"] = "lower"


def _gain(setting: str, activation: str = "tanh") -> Side:
    """How much lower the normalized scheme's error is."""
    return (f"{setting}/{activation}", f"{setting}/{activation}_n")


def _claims(name: str, text: str, ours: Side, other: Side, same: bool = False) -> list[Claim]:
    """The claim on the error after the last update, and on the mean error."""
    kind: Literal["lower", "same"] = "same" if same else "lower"
    return [Claim(f"{name}_{m}", text, m, ours, other, kind) for m in _MEASURES]


def _models() -> Iterator[Claim]:
    n, sigmoid = ("plain/tanh_n",), ("sigmoid/sigmoid",)
    softsign, tanh = ("plain/softsign",), ("plain/tanh",)
    yield from _claims("n_helps_tanh", "The normalized scheme helps tanh.", n, tanh)
    yield from _claims(
        "softsign_before_tanh",
        "Under the standard scheme softsign fares better than tanh.",
        softsign,
        tanh,
    )
    yield from _claims(
        "n_before_sigmoid",
        "The sigmoid fares worse than tanh with the normalized scheme.",
        n,
        sigmoid,
    )
    yield from _claims(
        "softsign_before_sigmoid", "The sigmoid fares worse than softsign.", softsign, sigmoid
    )
    yield from _claims(
        "softsign_robust",
        "The normalized scheme gains less for softsign, the more robust one, than for tanh.",
        _gain("plain", "softsign"),
        _gain("plain"),
    )


def _second_order() -> Iterator[Claim]:
    plain, plain_n = ("plain/tanh",), ("plain/tanh_n",)
    for rule, words in (
        ("hessian", "the Hessian's diagonal"),
        ("variance", "the gradient's variance"),
    ):
        own, own_n = (f"{rule}/tanh",), (f"{rule}/tanh_n",)
        for name, text, ours, other in (
            ("helps_standard", f"Rates from {words} help tanh.", own, plain),
            (
                "does_not_reach_n",
                f"With rates from {words}, tanh does not reach the normalized scheme with one rate.",
                plain_n,
                own,
            ),
            ("helps_n", f"Rates from {words} help the normalized scheme further.", own_n, plain_n),
        ):
            yield from _claims(f"{rule}_{name}", text, ours, other)


def _shapes() -> Iterator[Claim]:
    for setting, words in (("widening", "widen"), ("narrowing", "narrow")):
        yield from _claims(
            f"{setting}_n_helps",
            f"Where layers {words} with depth, the normalized scheme helps tanh.",
            (f"{setting}/tanh_n",),
            (f"{setting}/tanh",),
        )
        yield from _claims(
            f"{setting}_same_gain",
            f"Where layers {words} with depth, the normalized scheme's gain is that of equal layers.",
            _gain(setting),
            _gain("plain"),
            same=True,
        )


def _grays() -> Iterator[Claim]:
    signed, signed_n = ("signed/tanh",), ("signed/tanh_n",)
    range_ = "grey values from -1 to 1"
    yield from _claims(
        "signed_n_helps", f"With {range_}, the normalized scheme helps tanh.", signed_n, signed
    )
    yield from _claims(
        "signed_hurts_standard",
        f"Instead of 0 to 1, {range_} hurt tanh under the standard scheme.",
        ("plain/tanh",),
        signed,
    )
    yield from _claims(
        "signed_helps_n",
        f"Instead of 0 to 1, {range_} help tanh under the normalized scheme.",
        signed_n,
        ("plain/tanh_n",),
    )
    yield from _claims(
        "signed_larger_gain",
        f"Instead of 0 to 1, {range_} make the normalized scheme's gain larger.",
        _gain("plain"),
        _gain("signed"),
    )


_MEASURES: tuple[Measure, ...] = ("test_error", "mean_error")

CLAIMS: tuple[Claim, ...] = (*_models(), *_second_order(), *_shapes(), *_grays())
"""What the paper concludes about Shapeset, and what its silence on the range of grays leaves open.

"Fares better" and "helps" have two readings, each tried: a lower error after the last update, and a
lower mean error, which is what converging sooner looks like.
"""


@dataclass(frozen=True)
class _Arm:
    """A model in a setting."""

    config: ErrorCurvesConfig
    setting: Setting
    model: Model

    @property
    def key(self) -> str:
        return f"{self.setting.name}/{self.model.name}"


def _run(config: ErrorCurvesConfig, session: Session) -> tuple[Any, dict[str, np.ndarray]]:
    arms = [_Arm(config, setting, m) for setting in config.settings for m in setting.models]
    budgets = [arm.setting.budget for arm in arms]

    def errors(rates: list[list[float]]) -> list[list[float]]:
        nets = [[(rate, config.choice_seed) for rate in own] for own in rates]
        found = _train("choice", arms, nets, session)
        return [series["valid_error"][-1].tolist() if series else [] for series in found]

    grids = choose_rates(budgets, errors, session.expect)
    rates = [best_rate(grid) for grid in grids]
    nets = [[(rate, seed) for seed in config.seeds] for rate in rates]
    found = _train("measured", arms, nets, session)
    choice, runs, arrays = [], [], {}
    for arm, grid, rate, series in zip(arms, grids, rates, found, strict=True):
        choice += [_choice_row(arm, tried, grid[tried], rate) for tried in sorted(grid)]
        runs += _summaries(arm, rate, series)
        arrays[f"{arm.key}/updates"] = np.array(config.logged(arm.setting))
        arrays[f"{arm.key}/test_error"] = series["test_error"]
        arrays[f"{arm.key}/train_loss"] = series["train_loss"]
    results = {"choice": choice, "runs": runs, "verdicts": verdicts(runs, config.margin)}
    return results, arrays


def _train(
    stage: str, arms: Sequence[_Arm], nets: Sequence[list[tuple[float, int]]], session: Session
) -> list[dict[str, np.ndarray]]:
    """Train each arm's networks of these (rate, seed) and return its series, a column a network."""
    tasks, places = [], []
    for setting in dict.fromkeys(arm.setting for arm in arms):
        own = [
            (seed, place, rate)
            for place, arm in enumerate(arms)
            if arm.setting == setting
            for rate, seed in nets[place]
        ]
        own.sort(key=lambda network: network[0])  # of one seed beside one another: one stream
        for part in _parts(own, arms[0].config.group):
            part.sort(key=lambda network: network[1])  # of one activation beside one another
            tasks.append(_task(stage, arms, part))
            places.append([place for _, place, _ in part])
    columns: list[dict[str, list[np.ndarray]]] = [{} for _ in arms]
    for trained, of_arm in zip(session.run(tasks), places, strict=True):
        for name, series in _all(trained).items():
            for column, place in enumerate(of_arm):
                columns[place].setdefault(name, []).append(series[:, column])
    return [{name: np.stack(c, axis=1) for name, c in own.items()} for own in columns]


_Network = tuple[int, int, float]  # seed, place of the arm, learning rate


def _parts(networks: list[_Network], group: int) -> list[list[_Network]]:
    """Cut a list into parts as equal as can be, none longer than the group."""
    count = -(-len(networks) // group)
    bounds = [round(part * len(networks) / count) for part in range(count + 1)] if count else [0]
    return [networks[start:stop] for start, stop in pairwise(bounds)]


def _task(stage: str, arms: Sequence[_Arm], part: list[_Network]) -> Task:
    from glorot.ensemble import EnsembleConfig

    config, setting = arms[0].config, arms[part[0][1]].setting
    models = [arms[place].model for _, place, _ in part]
    networks = tuple(
        EnsembleConfig(model.scheme, model.activation, rate, seed)
        for model, (seed, _, rate) in zip(models, part, strict=True)
    )
    source, updates = config.source(setting), setting.budget.updates
    sizes = layer_sizes(source.load().train, setting.hidden)
    name = f"{setting.name}-{stage}"
    if stage == "choice":
        shard = Shard(name, networks, sizes, config.batch, updates, (updates,))
        return Task(shard, source, Errors(("valid",)), stepper=setting.rule)
    shard = Shard(name, networks, sizes, config.batch, updates, config.logged(setting))
    curve, last = Errors(("test",), config.curve_examples), Errors(("valid", "test"))
    return Task(shard, source, curve, finish=last, stepper=setting.rule)


def _all(trained: Trained) -> dict[str, np.ndarray]:
    """The series, and what was measured after the last update, (1, R) each."""
    return trained.series | {f"final_{name}": a[None] for name, a in trained.final.items()}


def _choice_row(arm: _Arm, rate: float, valid_error: float, chosen: float) -> dict[str, Any]:
    return {
        "setting": arm.setting.name,
        "model": arm.model.name,
        "learning_rate": rate,
        "valid_error": valid_error,
        "chosen": rate == chosen,
    }


def _summaries(arm: _Arm, rate: float, series: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """One row per seed."""
    updates = np.array(arm.config.logged(arm.setting))
    mean = time_mean(updates, series["test_error"])
    return [
        {
            "setting": arm.setting.name,
            "model": arm.model.name,
            "learning_rate": rate,
            "seed": seed,
            "index": index,
            "valid_error": float(series["final_valid_error"][0, index]),
            "test_error": float(series["final_test_error"][0, index]),
            "mean_error": float(mean[index]),
        }
        for index, seed in enumerate(arm.config.seeds)
    ]


def verdicts(runs: Sequence[Mapping[str, Any]], margin: float) -> list[dict[str, Any]]:
    """Try every claim on the runs of a record.

    Args:
        runs: ``results["runs"]``: one row per arm and seed.
        margin: the largest difference that does not matter, a fraction.

    Returns:
        For each claim its fields and those of its :class:`~glorot.experiments.statistics.Verdict`.
    """
    rows = []
    for claim in CLAIMS:
        ours, other = (_values(runs, side, claim.measure) for side in (claim.ours, claim.other))
        found = sameness(ours, other, margin) if claim.kind == "same" else verdict(ours, other)
        sides = {"ours": list(claim.ours), "other": list(claim.other)}
        rows.append({**asdict(claim), **sides, **found.to_dict()})
    return rows


def _values(runs: Sequence[Mapping[str, Any]], side: Side, measure: Measure) -> list[float]:
    """A side's value for every seed."""
    first, *rest = (
        np.array([run[measure] for run in runs if f"{run['setting']}/{run['model']}" == arm])
        for arm in side
    )
    values: list[float] = (first - rest[0] if rest else first).tolist()
    return values


def _deviations(config: ErrorCurvesConfig) -> list[str]:
    settings = {setting.name: setting for setting in config.settings}
    widths = {name: "-".join(map(str, setting.hidden)) for name, setting in settings.items()}
    lengths = sorted({setting.budget.updates for setting in config.settings})
    rules = [s.rule for s in config.settings if s.rule is not None]
    return [
        f"hidden layers of {widths['plain']} units, widening {widths['widening']}, narrowing "
        f"{widths['narrowing']}; the paper: five of 1000, and no numbers for other shapes",
        f"{', '.join(f'{length:,}' for length in lengths)} updates of {config.batch} examples; "
        "the paper: 5 million",
        f"rates chosen on the validation error of one seed ({config.choice_seed}, not measured) "
        "after the last update, from "
        + "; ".join(f"{n}: {_ladder(s.budget)}" for n, s in settings.items())
        + "; the paper's grid is not stated",
        *(f"{_rule_words(rule)}; the paper states no constants" for rule in rules),
        f"the error under way is measured on {config.curve_examples:,} test images",
        f"verdicts at p = {LEVEL}; gains within {config.margin:.1%} count as the same",
        "no unsupervised pre-training, whose curve the paper's Figure 11 shows as a reference",
    ]


def _ladder(budget: Budget) -> str:
    first, last = budget.first
    return f"{first:g} to {last:g}, growing within {budget.ladder[0]:g} to {budget.ladder[-1]:g}"


def _rule_words(rule: DiagonalRates) -> str:
    return (
        f"per-parameter rates eta / (c + {rule.mu:g}), c the {rule.curvature}, mu from trial "
        "runs of the seed that chooses, estimated every "
        f"{rule.every} updates, the newest estimate with weight {rule.memory:g}"
    )


def _work(config: ErrorCurvesConfig) -> int:
    """Network updates if no grid grows."""
    return sum(
        len(s.models) * (len(s.budget.grid()) + len(config.seeds)) * s.budget.updates
        for s in config.settings
    )


_SOFTSIGN, _SOFTSIGN_N, _TANH, _TANH_N, _SIGMOID = MODELS
_RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_SIGMOID_RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
_ETAS = (3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4)

_MU = 1e-4
"""Between the mean curvatures of hidden weights at the start: under the standard scheme 3e-6, under
the normalized one 5e-4. So the first moves at nearly equal rates, with the second most weights are
slowed down. In trial runs of the seed that chooses (12,000 updates, validation error) it was the best
of 1e-3, 1e-4 and 1e-5 for the Hessian, both schemes together, and of 1e-3 and 1e-4 for the variance."""


def _settings(
    updates: int,
    hidden: tuple[int, ...],
    widening: tuple[int, ...],
    narrowing: tuple[int, ...],
) -> tuple[Setting, ...]:
    pair, plain = (_TANH, _TANH_N), Budget(updates, _RATES, (0.01, 0.1))
    sigmoid = Budget(updates, _SIGMOID_RATES, (0.1, 1.0))
    own_rates = Budget(updates, _ETAS, (3e-6, 3e-5))
    return (
        Setting("plain", (_SOFTSIGN, _SOFTSIGN_N, *pair), hidden, plain),
        Setting("sigmoid", (_SIGMOID,), hidden, sigmoid),
        Setting("hessian", pair, hidden, own_rates, rule=DiagonalRates("hessian", _MU)),
        Setting("variance", pair, hidden, own_rates, rule=DiagonalRates("variance", _MU)),
        Setting("widening", pair, widening, plain),
        Setting("narrowing", pair, narrowing, plain),
        Setting("signed", pair, hidden, plain, lowest=-1),
    )


ERROR_CURVES = Experiment(
    name="error-curves",
    claim=(
        "On Shapeset, five-layer tanh networks under the normalized scheme err less than under the "
        "standard one; rates for every parameter help both and bring the standard scheme not as "
        "far as the normalized one; the gain is the same where layers grow or shrink with depth."
    ),
    scales={
        "smoke": ErrorCurvesConfig(
            data="shapeset",
            seeds=(0, 1, 2),
            settings=_settings(30, (16, 16, 16), (10, 15, 20), (20, 15, 10)),
            every=10,
            examples=300,
            curve_examples=100,
        ),
        "laptop": ErrorCurvesConfig(
            data="shapeset",
            seeds=(0, 1, 2, 3, 4),
            settings=_settings(
                20_000, (256,) * 5, (148, 222, 296, 370, 444), (324, 270, 216, 162, 108)
            ),
        ),
        "paper": ErrorCurvesConfig(
            data="shapeset",
            seeds=(0, 1, 2, 3, 4),
            settings=_settings(
                5_000_000,
                (1000,) * 5,
                (514, 771, 1028, 1285, 1542),
                (1380, 1150, 920, 690, 460),
            ),
            every=100_000,
            curve_examples=10_000,
        ),
    },
    sources=lambda config: (Source("shapeset", config.examples),),  # grays from -1: the same images
    work=_work,
    deviations=_deviations,
    run=_run,
)
"""Figure 11's models, and the conclusions of the paper's section 5 on Shapeset."""
