"""Steps along the chain from the input to the output: where all paths meet, and what lies between."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from glorot.diagnose.observing import Observation, chain_from
from glorot.diagnose.schemes import WeightView
from glorot.diagnose.tracing import ACTIVATIONS, CELLS, NORMS, RECURRENT, Node

__all__ = ["Stage", "layer_of", "power_of", "stages_of"]

# What an LSTM's gates, half open, leave of a variance is no fault of its weights.
GATED_GAIN = 1 / 50


@dataclass(eq=False)
class Stage:
    """A step along the chain: weights, and the activation behind them.

    Args:
        nodes: operations with weights, one in a plain net, several in a block with branches.
        views: their weights.
        before: index of the operation it starts from.
        end: index of the one whose values are ``weight_gain`` times as far apart.
        weight_gain: factor of the variance between inputs from the weights.
        act_gain: factor from the activations behind them.
        activation: name of torch's function, "" if there is none.
        activation_module: path of the module it is, "" if it is called as a function.
        plain: whether the step is this one layer.
        reset: whether the scale was set anew just before.
    """

    nodes: list[Node]
    views: list[WeightView]
    before: int
    end: int
    weight_gain: float
    act_gain: float = 1.0
    activation: str = ""
    activation_module: str = ""
    plain: bool = True
    reset: bool = False

    @property
    def gain(self) -> float:
        """What the stage makes of the variance between two inputs; gates are no fault."""
        gain = self.weight_gain * self.act_gain
        gated = [node for node in self.nodes if node.op in (*RECURRENT, *CELLS)]
        if not gated or gain >= 1:
            return gain
        layers = max(sum("weight_hh" in w.names[0] for w in node.weights) for node in gated)
        return min(1.0, gain / GATED_GAIN ** max(1, layers))

    @property
    def names(self) -> list[str]:
        """Paths of its layers."""
        return list(dict.fromkeys(layer_of(node) for node in self.nodes))


def layer_of(node: Node) -> str:
    """What a layer is called: its module's path, or its parameter's if the module has several."""
    names = [name for weight in node.weights for name in weight.names]
    if not names or node.op in RECURRENT or node.op == "opaque" or len(node.weights) > 1:
        return node.module or (names[0] if names else node.op)
    owner, _, own = names[0].rpartition(".")
    if owner.startswith(node.module) and own in ("weight", "weight_v", "original0", "original1"):
        return (
            owner.removesuffix(".parametrizations.weight").removesuffix(".parametrizations") or own
        )
    if owner.endswith("parametrizations.weight"):
        return owner.removesuffix(".parametrizations.weight") or names[0]
    return names[0]


def stages_of(seen: Observation, views: dict[int, list[WeightView]], source: int) -> list[Stage]:
    """The stages along the places that every path from an input to the outputs passes."""
    chain = chain_from(seen, source)
    stages: list[Stage] = []
    reset = False
    for before, after in itertools.pairwise(chain):
        region = _region(seen, before, after)
        weighted = [node for node in region if node.weights]
        if _sets_scale(seen, before, after, region):
            reset = True
        elif weighted:
            gain = _ratio(seen, before, after)
            own = [view for node in weighted for view in views[node.index]]
            plain = len(region) == 1
            stages.append(Stage(weighted, own, before, after, gain, plain=plain, reset=reset))
            reset = False
        elif stages and not reset:
            _join(seen, stages[-1], before, after, region)
    return stages


def _region(seen: Observation, before: int, after: int) -> list[Node]:
    """Operations on the paths between two places of the chain, the later one included."""
    reached, region = {before}, []
    for node in seen.nodes[before + 1 : after + 1]:
        if node.parents & reached:
            reached.add(node.index)
            region.append(node)
    needed, kept = {after}, []
    for node in reversed(region):
        if node.index in needed:
            needed |= node.parents
            kept.append(node)
    return kept[::-1]


def _sets_scale(seen: Observation, before: int, after: int, region: list[Node]) -> bool:
    """Whether every path through the region passes a normalization."""
    if not any(node.weights for node in region) and any(node.op in NORMS for node in region):
        return True  # a normalization that is written out
    free = {before}
    for node in region:
        if node.parents & free and not node.normalizes:
            free.add(node.index)
    return after not in free


def _join(seen: Observation, stage: Stage, before: int, after: int, region: list[Node]) -> None:
    """Add what follows the weights: activations count, pooling and views do not."""
    if seen.nodes[before].numel == seen.nodes[after].numel:
        stage.act_gain *= _ratio(seen, before, after)
    for node in region:
        if node.op in ACTIVATIONS and not stage.activation:
            stage.activation, stage.activation_module = node.op, node.module


def _ratio(seen: Observation, before: int, after: int) -> float:
    first, last = (power_of(seen, seen.nodes[index]) for index in (before, after))
    if not (math.isfinite(first) and math.isfinite(last)) or first <= 0:
        return 1.0
    return last / first


def power_of(seen: Observation, node: Node) -> float:
    return node.variance if seen.examples > 1 else node.moment
