"""Faults of a product: what a signal or a gradient loses or gains from stage to stage."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from glorot.diagnose.findings import Finding, each_call, init_line, layers_of, told_left, told_span
from glorot.diagnose.local import HUGE_SCALE
from glorot.diagnose.observing import FEW_VALUES, PROBE, Observation
from glorot.diagnose.paths import feeder_of, output_layers, undone
from glorot.diagnose.schemes import WeightView, look_at
from glorot.diagnose.stages import Stage, layer_of, power_of
from glorot.diagnose.tracing import CELLS, NORMALIZERS, NORMS, RECTIFIERS, RECURRENT

__all__ = ["EXPLODED", "Chain", "typical_gain"]

# A hundredth of the amplitude is where training visibly suffers.
VANISHED = 1e-4
# Nets of five to seven layers under PyTorch's default lose more than that and train: where each layer follows
# a scheme, a thousandth is allowed.
VANISHED_BY_SCHEME = 1e-6
EXPLODED = 1e4
# Behind batch normalization and ReLU a gradient grows by π/(π - 1) a layer; plain nets of up to about fifty
# such layers train.
EXPLODED_NORMALIZED = 1e8
TINY_SCALE = 0.06  # of fan · E[W²], which every scheme sets between 1/3 and 2
TINY_GAIN = 0.06
HUGE_GAIN = 20.0
SCHEME_SCALE = 0.25  # below it, no scheme
FLOODED = 1e3  # variance of outputs: a softmax of such logits is one class


class Chain:
    """Faults of scale along one chain."""

    def __init__(
        self, seen: Observation, views: dict[int, list[WeightView]], stages: list[Stage]
    ) -> None:
        self.seen, self.views, self.stages = seen, views, stages
        starts = [number for number, stage in enumerate(stages) if stage.reset]
        self.segments = [
            stages[a:b] for a, b in zip([0, *starts], [*starts, len(stages)], strict=True) if b > a
        ]

    def findings(self, known: set[str], earlier: Sequence[Finding]) -> list[Finding]:
        overflow = self._overflow()
        if overflow is not None:
            return [overflow] if not earlier else []
        if any(f.code in ("identical-units", "dead-units") for f in earlier):
            return []
        flat = any(f.code == "saturated" for f in earlier)
        found = self._explodes() or self._vanishes()
        if found is not None:
            return [] if flat and found.layer in known else [found]
        gradient = None if flat else self._gradient_explodes()
        return [gradient] if gradient is not None else []

    # -------------------------------------------------------------- forward

    def _judged(self) -> list[Stage]:
        """The last segment: what comes before a normalization is forgotten there."""
        if not self.segments:
            return []
        last = self.segments[-1]
        return [] if self._normalized_after(last[-1]) else last

    def _normalized_after(self, stage: Stage) -> bool:
        reached = {stage.end}
        for node in self.seen.nodes[stage.end + 1 :]:
            if node.parents & reached and not node.normalizes and node.op not in NORMS:
                reached.add(node.index)
        return not reached & set(self.seen.outputs)

    def _vanishes(self) -> Finding | None:
        hidden = self._hidden(self._judged())
        tiny = [
            s
            for s in hidden
            if (_scale(s) < TINY_SCALE and s.gain < TINY_GAIN and s.plain) or _gated_tiny(s)
        ]
        if tiny:
            near = [s for s in hidden if s in tiny or (_tiny_by_fan_in(s) and s.plain)]
            return self._weak_weights(near)
        total = math.prod(s.gain for s in hidden)
        losing = [s for s in hidden if s.gain < 0.7 or self._is_rounding(s)]
        if not losing or total >= VANISHED:
            return None
        seen = [s for s in losing if not self._is_rounding(s)]
        if _share_of_slopes(seen) > 0.5:
            return self._weak_slopes(losing, total)
        by_scheme = all(_scale(s) > SCHEME_SCALE for s in losing)
        if by_scheme and total >= VANISHED_BY_SCHEME:
            return None
        return self._weak_weights(losing, total)

    def _hidden(self, stages: list[Stage]) -> list[Stage]:
        """The stages without that of the output layer."""
        if not stages or not {node.index for node in stages[-1].nodes} & output_layers(self.seen):
            return stages
        return stages[:-1]

    def _is_rounding(self, stage: Stage) -> bool:
        """Whether so little is left that float32's own rounding is all that is seen."""
        node = self.seen.nodes[stage.end]
        return node.variance < 1e-12 * node.moment

    def _weak_weights(self, stages: list[Stage], total: float | None = None) -> Finding:
        layers = layers_of(stages)
        kept = typical_gain([s.gain for s in stages if not self._is_rounding(s)])
        schemes = {v.scheme for s in stages for v in s.views}
        scheme = f" ({schemes.pop()})" if len(schemes) == 1 else ""
        end = "" if total is None else f", {told_left(total)} by the last hidden layer"
        where = told_span(layers)
        cause = (
            f"{where} {'keeps' if len(layers) == 1 else 'keep'} {kept:.2g} of the variance between inputs"
            f"{' each' if len(layers) > 1 else ''}{end}: the weights are too small{scheme}."
        )
        return Finding(layers[0], "signal-vanishes", cause, self._repair(stages), layers)

    def _weak_slopes(self, stages: list[Stage], total: float) -> Finding:
        layers = layers_of(stages)
        name = stages[0].activation or "activation"
        slope = ", whose slope is at most 1/4," if name == "sigmoid" else ""
        kept = typical_gain([s.act_gain for s in stages if not self._is_rounding(s)])
        cause = (
            f"From {layers[0]} to {layers[-1]}, each {name}{slope} keeps {kept:.2g} of the variance between "
            f"inputs and of the gradient's: {told_left(total)} over {len(stages)} layers."
        )
        modules = [s.activation_module for s in stages]
        if all(modules) and name == "sigmoid":
            fix = (
                f"for path in {list(dict.fromkeys(modules))!r}: "
                "setattr(model.get_submodule(path.rpartition('.')[0]), path.rpartition('.')[2], torch.nn.Tanh())"
            )
        else:
            fix = "h = torch.tanh(z)  # in place of " + name + " in forward"
        return Finding(layers[0], "gradient-vanishes", cause, fix, layers)

    def _explodes(self) -> Finding | None:
        stages = self._judged()
        huge = [s for s in self._hidden(stages) if self._is_huge(s)]
        huge = huge or [s for s in stages[-1:] if self._floods_outputs(s)]
        if huge:  # beside such layers, one of them by its weights
            huge = [s for s in stages if s in huge or (_scale(s) > HUGE_SCALE and s.gain > 3)]
        total, worst = 1.0, 1.0
        for stage in stages:
            total *= stage.gain
            worst = max(worst, total)
        if not huge and worst <= EXPLODED:
            return None
        roots = [self._loud_part(s) for s in huge] or [s for s in stages if s.gain > 1.4]
        layers = layers_of(roots)
        factor = typical_gain([s.gain for s in roots])
        plain = bool(huge) or all(s.plain for s in roots)
        why = (
            "the weights are too large"
            if plain
            else "each branch adds more than the stream carries"
        )
        cause = (
            f"{told_span(layers)} multipl{'ies' if len(roots) == 1 else 'y'} the variance between inputs by "
            f"{factor:.3g}{' each' if len(roots) > 1 else ''}, {worst:.1e} in all: {why}."
        )
        fix = self._repair(roots) if plain else self._zero_ends(roots)
        return Finding(layers[0], "signal-explodes", cause, fix, layers)

    @staticmethod
    def _is_huge(stage: Stage) -> bool:
        return _scale(stage) > HUGE_SCALE and stage.gain > HUGE_GAIN

    def _loud_part(self, stage: Stage) -> Stage:
        """Of a stage of several layers, those whose own weights are too large, if there are any."""
        loud = [n for n in stage.nodes if any(v.up > HUGE_SCALE for v in self.views[n.index])]
        if not loud:
            return stage
        return replace(stage, nodes=loud, views=[v for n in loud for v in self.views[n.index]])

    def _floods_outputs(self, stage: Stage) -> bool:
        """Whether an output layer alone makes outputs so far apart that a loss has nothing to learn from.

        Inputs of another scale than about 1 have a remark of their own.
        """
        outputs = self.seen.nodes[stage.end]
        loud = _scale(stage) > HUGE_SCALE and stage.weight_gain > HUGE_GAIN
        inputs = max([1.0, *(self.seen.nodes[source].moment for source in self.seen.sources)])
        return loud and stage.plain and power_of(self.seen, outputs) > FLOODED * inputs

    def _zero_ends(self, stages: Sequence[Stage]) -> str:
        """Let each branch start at zero: its last weights do not add anything then."""
        ends = [s.nodes[-1].weights[-1].names[0] for s in stages if not s.plain]
        return each_call(ends, "torch.nn.init.zeros_(model.get_parameter({}))")

    def _overflow(self) -> Finding | None:
        for node in self.seen.nodes:
            if not node.finite and node.op != "input":
                feeder = node if node.weights else feeder_of(self.seen, node)
                layer = layer_of(feeder) if feeder is not None else (node.module or node.op)
                first = self._first_growth(node.index)
                cause = f"Values overflow in {node.module or node.op}: the signal has grown beyond its number format."
                stages = first or []
                layers = layers_of(stages) or (layer,)
                fix = (
                    self._repair(stages)
                    if stages
                    else "inputs = (inputs - inputs.mean()) / inputs.std()"
                )
                return Finding(layers[0], "signal-explodes", cause, fix, layers)
        return None

    def _first_growth(self, before: int) -> list[Stage]:
        return [s for s in self.stages if s.end <= before and s.gain > 3]

    # -------------------------------------------------------------- backward

    def _gradient_explodes(self) -> Finding | None:
        """Where the gradient grows on its way back although the signal does not shrink.

        The product of a layer's gradient norm² and signal variance is the same in every layer of a linear
        net, however its weights are scaled: only what the signal does not explain is counted.
        """
        points = [(s, self._elasticity(s.before)) for s in self.stages]
        points = [(s, e) for s, e in points if e > 0 and math.isfinite(e)]
        steps = [(s, e / after) for (s, e), (_, after) in itertools.pairwise(points)]
        loud = [(s, growth) for s, growth in steps if self._can_be_blamed(s)]
        if math.prod(growth for _, growth in loud) > EXPLODED:
            return self._too_large_for_gradients(loud)
        typical = not any(0 < node.values < FEW_VALUES for node in self.seen.nodes)
        if typical and math.prod(growth for _, growth in steps) > EXPLODED_NORMALIZED:
            return self._grown_by_normalization(steps)
        return None

    def _too_large_for_gradients(self, steps: list[tuple[Stage, float]]) -> Finding:
        roots = [s for s, growth in steps if growth > 1.2 or _scale(s) > 3]
        why = "the weights are too large for this activation"
        return self._gradient_finding(roots, steps, why, self._repair(roots))

    def _grown_by_normalization(self, steps: list[tuple[Stage, float]]) -> Finding:
        roots = [s for s, growth in steps if growth > 1.2]
        why = (
            "normalization between the layers holds the signal, not the gradient. A path around every few "
            "layers ends that"
        )
        fix = "x = x + block(x)  # in forward, where block holds two or three of these layers"
        return self._gradient_finding(roots, steps, why, fix)

    @staticmethod
    def _gradient_finding(
        roots: list[Stage], steps: list[tuple[Stage, float]], why: str, fix: str
    ) -> Finding:
        layers = layers_of(roots)
        factor = math.prod(growth for _, growth in steps)
        each = factor ** (1 / len(steps))
        cause = (
            f"Going back from {layers[-1]} to {layers[0]}, the gradient's variance grows {each:.3g}-fold a layer "
            f"beyond what the signal explains, {factor:.1e} in all: {why}."
        )
        return Finding(layers[0], "gradient-explodes", cause, fix, layers)

    def _can_be_blamed(self, stage: Stage) -> bool:
        """Whether the size of a stage's weights matters: a normalization right behind them undoes it."""
        following = [other.before for other in self.stages if other.before > stage.before]
        until = min(following, default=len(self.seen.nodes))
        between = self.seen.nodes[stage.before + 1 : until + 1]
        if not any(node.op in NORMALIZERS for node in between):
            return True
        free = [w for n in stage.nodes if not undone(self.seen, n) for w in n.weights]
        return any(look_at(weight).most > 3 for weight in free)

    def _elasticity(self, index: int) -> float:
        node = self.seen.nodes[index]
        return node.gradient.get(PROBE, math.nan) * power_of(self.seen, node)

    # -------------------------------------------------------------- repair

    def _repair(self, stages: Iterable[Stage]) -> str:
        stages = list(stages)
        names = tuple(dict.fromkeys(n for s in stages for v in s.views for n in v.names))
        acts = {s.activation for s in stages}
        if any(node.op in RECURRENT for s in stages for node in s.nodes):
            return init_line("orthogonal_", names, self.seen)
        if acts & {"relu", "leaky_relu", "gelu", "silu", "elu", "prelu", "relu6", "clamp"}:
            return init_line("kaiming_normal_", names, self.seen)
        return init_line("xavier_uniform_", names, self.seen)


def _scale(stage: Stage) -> float:
    """fan · E[W²] of a stage's weights: the strongest, by the fan that speaks for it."""
    return max((view.most for view in stage.views), default=1.0)


def _tiny_by_fan_in(stage: Stage) -> bool:
    """Whether a layer beside tiny ones is one of them: then the larger fan excuses nothing."""
    return stage.gain < TINY_GAIN and all(view.up < TINY_SCALE for view in stage.views)


def _gated_tiny(stage: Stage) -> bool:
    """A recurrent layer far below what its own default gives."""
    if not any(node.op in (*RECURRENT, *CELLS) for node in stage.nodes):
        return False
    return stage.gain < TINY_GAIN and all(view.most < SCHEME_SCALE for view in stage.views)


def typical_gain(gains: Sequence[float]) -> float:
    """Geometric mean."""
    return math.exp(sum(math.log(max(g, 1e-300)) for g in gains) / len(gains)) if gains else 0.0


def _share_of_slopes(stages: Sequence[Stage]) -> float:
    """Share of a loss that activations with a small slope account for."""
    total = sum(math.log(max(s.gain, 1e-300)) for s in stages)
    flat = (s for s in stages if s.act_gain < 0.15 and s.activation not in RECTIFIERS)
    slopes = sum(math.log(max(s.act_gain, 1e-300)) for s in flat)
    return slopes / total if total < 0 else 0.0
