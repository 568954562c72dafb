"""From measurements to root faults.

A fault needs an effect that matters for training and a cause that explains it. Effects are looked for where all
paths from the input to the output meet: in a residual net that is the stream, in a plain net every layer. What
happens inside a branch cannot stop a signal that goes past it. A normalization that all paths pass sets the
scale anew, and what came before it is forgotten. Causes are looked for in the layers between two such places.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from glorot.diagnose.observing import FEW_VALUES, PROBE, Observation, Step, chain_from
from glorot.diagnose.schemes import WeightView, look_at
from glorot.diagnose.tracing import (
    ACTIVATIONS,
    CELLS,
    NORMALIZERS,
    NORMS,
    RECTIFIERS,
    RECURRENT,
    SATURATING,
    Node,
)

__all__ = ["CODES", "Finding", "Stage", "judge", "layer_of", "stages_of"]

CODES = (
    "signal-vanishes",
    "signal-explodes",
    "gradient-vanishes",
    "gradient-explodes",
    "saturated",
    "dead-units",
    "identical-units",
    "step-too-large",
    "step-too-small",
)

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
HUGE_SCALE = 8.0
HUGE_GAIN = 20.0
SCHEME_SCALE = 0.25  # below it, no scheme
HOMOGENEOUS = ("relu", "leaky_relu", "prelu")  # φ(cz) = cφ(z) for c > 0
ATTENTION = ("softmax", "scaled_dot_product_attention", "multi_head_attention_forward")
LOUD_SCALE = 64.0  # weights eight times LeCun's
FLOODED = 1e3  # variance of outputs: a softmax of such logits is one class
GATED_GAIN = (
    1 / 50
)  # what an LSTM's gates, half open, leave of a variance is no fault of its weights
MOSTLY_FLAT = 0.5
MOSTLY_DEAD = 0.8  # by chance, half of the units are off where all inputs look alike
LARGE_STEP = 0.5
SMALL_STEP = 1e-7  # ten million such steps change a weight by its own size


@dataclass(frozen=True)
class Finding:
    """A root fault.

    Args:
        layer: path of the layer where it begins.
        code: one of ``CODES``.
        cause: what is likely behind it, in a sentence.
        fix: one line of Python; ``model`` is the module, ``inputs`` the batch, ``optimizer`` the optimizer.
        layers: all layers that have this fault by themselves, from input to output.
    """

    layer: str
    code: str
    cause: str
    fix: str
    layers: tuple[str, ...] = ()


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


# ---------------------------------------------------------------------- the chain as stages


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
    first, last = (_power(seen, seen.nodes[index]) for index in (before, after))
    if not (math.isfinite(first) and math.isfinite(last)) or first <= 0:
        return 1.0
    return last / first


def _power(seen: Observation, node: Node) -> float:
    return node.variance if seen.examples > 1 else node.moment


# ---------------------------------------------------------------------- the verdict


def judge(seen: Observation) -> tuple[list[Finding], list[Stage], dict[int, list[WeightView]]]:
    """Return the root faults, the stages of the main chain, and the weights of each operation."""
    views = {
        node.index: [look_at(weight) for weight in node.weights]
        for node in seen.nodes
        if node.weights
    }
    chains = [stages_of(seen, views, source) for source in seen.sources]
    main = max(chains, key=len, default=[])
    if seen.broken:
        return [_broken(seen)], main, views
    findings = _Local(seen, views, chains).findings()
    for stages in chains:
        known = {layer for finding in findings for layer in finding.layers}
        new = _Chain(seen, views, stages).findings(known, findings)
        codes = {(f.code, f.layer) for f in findings}
        findings += [f for f in new if (f.code, f.layer) not in codes]
    findings += _recurrent_faults(seen, findings)
    findings += [] if findings else _loud_layers(seen, views)
    findings += _step_faults(seen, findings)
    return findings, main, views


def _broken(seen: Observation) -> Finding:
    names = seen.broken
    owner = names[0].rpartition(".")[0] or names[0]
    cause = f"{_listed(names)} hold values that are not finite: training diverged, or the file is damaged."
    fix = f"torch.nn.init.normal_(model.get_parameter({names[0]!r}), std=0.02)  # or load a sound checkpoint"
    return Finding(owner, "signal-explodes", cause, fix, (owner,))


class _Local:
    """Faults that show in one place: equal units, dead units, flat activations."""

    def __init__(
        self, seen: Observation, views: dict[int, list[WeightView]], chains: list[list[Stage]]
    ) -> None:
        self.seen, self.views, self.chains = seen, views, chains
        self.named = dict(seen.twin.named_parameters())
        self.blocking = self._blocking()
        self.last = _output_layers(seen)

    def _blocking(self) -> set[int]:
        """Operations that no signal gets around: on the chain of every input that reaches them."""
        on = [{n.index for s in stages if s.plain for n in s.nodes} for stages in self.chains]
        blocking = set[int]().union(*on)
        for source, own in zip(self.seen.sources, on, strict=True):
            reached = {source}
            for node in self.seen.nodes:
                if node.parents & reached:
                    reached.add(node.index)
            blocking -= reached - own
        return blocking

    def findings(self) -> list[Finding]:
        equal = self._equal()
        if equal:
            return [equal]
        return [f for f in (self._dead(), self._saturated()) if f is not None]

    def _equal(self) -> Finding | None:
        hit: list[tuple[str, WeightView]] = []
        still, stuck = self._nothing_moves(), self._zeros_in_a_row()
        for node in self.seen.nodes:
            for view in self.views.get(node.index, []):
                hidden = node.index not in self.last
                stops = node.index in self.blocking and hidden
                alike = view.equal_units and hidden and (stops or not view.zero)
                if alike or (still and view.zero) or node.index in stuck:
                    hit.append((layer_of(node), view))
        if not hit:
            return None
        layers = tuple(dict.fromkeys(name for name, _ in hit))
        what = "are all zero" if hit[0][1].zero else "have the same weights"
        cause = (
            f"All units of {_listed(layers)} {what}: they compute the same and get the same gradient, so "
            "that the layer stays as good as one unit."
        )
        names = tuple(dict.fromkeys(name for _, view in hit for name in view.names))
        return Finding(
            layers[0],
            "identical-units",
            cause,
            _init_line("xavier_uniform_", names, self.seen),
            layers,
        )

    def _zeros_in_a_row(self) -> set[int]:
        """Hidden operations that are zero one behind the other: a branch may end at zero, not begin so too."""
        zero = {
            node.index
            for node in self.seen.nodes
            if node.index not in self.last
            and self.views.get(node.index)
            and all(view.zero for view in self.views[node.index])
        }
        found = {
            index for index in zero if len(self.views[index]) > 1
        }  # attention: both its matrices
        for index in zero:
            feeder = _feeder(self.seen, self.seen.nodes[index])
            if feeder is not None and feeder.index in zero:
                found |= {index, feeder.index}
        return found

    def _nothing_moves(self) -> bool:
        """Whether no matrix at all gets a gradient: zero weights everywhere, even where branches may be zero."""
        sizes = [
            size for name, size in self.seen.weight_gradients.items() if self.named[name].ndim > 1
        ]
        return bool(sizes) and not any(sizes)

    # -------------------------------------------------------------- dead units

    def _dead(self) -> Finding | None:
        hit = [n for n in self.seen.nodes if n.dead > MOSTLY_DEAD and n.units >= 4]
        held = {n.index: self._held_off(n) for n in hit}
        hit = [n for n in hit if self._tells_apart(n) or held[n.index] is not None]
        if not hit:
            return None
        first = held[hit[0].index]
        if first is not None:
            alike = [one for n in hit if (one := held[n.index]) and one.init == first.init]
            layers = tuple(dict.fromkeys(one.layer for one in alike))
            names = tuple(dict.fromkeys(one.parameter for one in alike))
            why, fix = first.why, _init_line(first.init, names, self.seen)
        else:
            feeder = _feeder(self.seen, hit[0])
            assert feeder is not None
            layers = (layer_of(feeder),)
            why = "the weights or the inputs hold the pre-activations below zero"
            names = tuple(n for v in self.views[feeder.index] for n in v.names)
            fix = _init_line("kaiming_normal_", names, self.seen)
        cause = f"{hit[0].dead:.0%} of the units behind {layers[0]} are off for every input of the batch: {why}."
        return Finding(layers[0], "dead-units", cause, fix, layers)

    def _tells_apart(self, node: Node) -> bool:
        """Whether inputs still differ before an activation: where all look alike, chance turns units off."""
        feeder = _feeder(self.seen, node)
        if feeder is None:
            return False
        return self.seen.examples < 2 or feeder.variance > 1e-3 * feeder.moment

    def _held_off(self, node: Node) -> _Held | None:
        """The biases, or the normalization, that alone turn a rectifier's units off."""
        norm, feeder = _normalization(self.seen, node), _feeder(self.seen, node)
        if norm is not None:
            return self._held_off_by_normalization(norm.module)
        bias = None if feeder is None else self._bias_of(feeder)
        if feeder is None or bias is None:
            return None
        return _held(layer_of(feeder), *bias, self._spread_without_bias(feeder))

    def _held_off_by_normalization(self, module: str) -> _Held | None:
        scale = self._parameter(f"{module}.weight").abs().mean().item()
        if scale < 1e-3:
            why = f"the normalization multiplies by {scale:.2g}"
            return _Held(module, f"{module}.weight", why, "ones_")
        name = f"{module}.bias"
        if name not in self.named:
            return None
        return _held(module, name, self._parameter(name), scale)

    def _parameter(self, name: str) -> torch.Tensor:
        return self.named[name].detach().double()

    def _spread_without_bias(self, feeder: Node) -> float:
        scale = self.views[feeder.index][0].up
        inputs = [self.seen.nodes[p].moment for p in feeder.parents]
        inputs = [m for m in inputs if math.isfinite(m)]
        return math.sqrt(scale * max(inputs, default=1.0))

    def _bias_of(self, feeder: Node) -> tuple[str, torch.Tensor] | None:
        names = [name for weight in feeder.weights for name in weight.names]
        owner = layer_of(feeder)
        for candidate in (f"{owner}.bias", f"{names[0].rpartition('.')[0]}.bias", "bias"):
            if candidate in self.named:
                return candidate, self._parameter(candidate)
        return None

    # -------------------------------------------------------------- saturation

    def _saturated(self) -> Finding | None:
        hit = [
            (node, *found) for node in self.seen.nodes if (found := self._flat(node)) is not None
        ]
        if not hit:
            return None
        node, feeder, share = hit[0]
        norm = _normalization(self.seen, node)
        if norm is not None:
            return self._saturated_by_normalization(node, norm.module)
        cause = self._why_flat(feeder)
        same = [other for _, other, _ in hit if other is feeder or self._why_flat(other) == cause]
        if cause == "inputs":
            same = [feeder]
        layers = tuple(dict.fromkeys(layer_of(other) for other in same))
        what = "gates and candidates" if node is feeder else f"{node.op} outputs"
        why, fix = self._flat_words(cause, same, node is feeder)
        text = (
            f"{share:.0%} of the {what} behind {layers[0]} lie where the slope is under 5 % of its "
            f"largest: {why}."
        )
        return Finding(layers[0], "saturated", text, fix, layers)

    def _saturated_by_normalization(self, node: Node, module: str) -> Finding:
        scale = self._parameter(f"{module}.weight").abs().mean().item()
        name, init = (f"{module}.weight", "ones_") if scale > 2 else (f"{module}.bias", "zeros_")
        cause = (
            f"{node.saturated:.0%} of the {node.op} outputs behind {module} lie where the slope is under 5 % of "
            f"its largest: {name} moves them there."
        )
        return Finding(module, "saturated", cause, _init_line(init, (name,), self.seen), (module,))

    def _flat(self, node: Node) -> tuple[Node, float] | None:
        """The layer behind which most values are on a flat part, and their share."""
        if node.op in RECURRENT:
            view = self.seen.recurrent.get(node.module)
            flat = view is not None and view.saturated > MOSTLY_FLAT
            return (node, view.saturated) if view is not None and flat else None
        if node.op not in SATURATING or not node.saturated > MOSTLY_FLAT or self._is_gate(node):
            return None
        feeder = _feeder(self.seen, node)
        hidden = feeder is not None and self._has_weights_after(node)
        return (feeder, node.saturated) if feeder is not None and hidden else None

    def _why_flat(self, feeder: Node) -> str:
        """What makes the pre-activations large: the inputs, the weights or the biases."""
        scale = max(view.up for view in self.views[feeder.index])
        if self._input_size(feeder) > 5 and scale < HUGE_SCALE:
            return "inputs"
        return "weights" if scale > 4 or self._bias_of(feeder) is None else "biases"

    def _input_size(self, feeder: Node) -> float:
        moments = [self.seen.nodes[p].moment for p in feeder.parents]
        return math.sqrt(max((m for m in moments if math.isfinite(m)), default=1.0))

    def _flat_words(self, cause: str, feeders: Sequence[Node], gates: bool) -> tuple[str, str]:
        names = tuple(n for f in feeders for v in self.views[f.index] for n in v.names)
        if cause == "inputs":
            size = self._input_size(feeders[0])
            fix = "inputs = (inputs - inputs.mean()) / inputs.std()"
            return f"its inputs have root mean square {size:.3g}", fix
        if cause == "weights":
            times = math.sqrt(max(view.up for view in self.views[feeders[0].index]))
            function = "orthogonal_" if gates else "xavier_uniform_"
            fix = _init_line(function, names, self.seen)
            return f"its weights are {times:.3g} times LeCun's", fix
        biases = [bias[0] for bias in map(self._bias_of, feeders) if bias is not None]
        fix = _each(biases, "torch.nn.init.zeros_(model.get_parameter({}))")
        return f"the biases in {biases[0]} push the pre-activations out of the working range", fix

    def _is_gate(self, node: Node) -> bool:
        """A sigmoid whose result multiplies a signal: to be open or closed is its work."""
        if node.op != "sigmoid":
            return False
        return any(
            node.index in other.parents and other.op in ("mul", "rmul", "imul", "lerp", "rsub")
            for other in self.seen.nodes[node.index + 1 :]
        )

    def _has_weights_after(self, node: Node) -> bool:
        reached = {node.index}
        for other in self.seen.nodes[node.index + 1 :]:
            if other.parents & reached:
                if other.weights:
                    return True
                reached.add(other.index)
        return False


def _output_layers(seen: Observation) -> set[int]:
    """Operations with weights that no other such operation follows."""
    followed: set[int] = set()
    for node in reversed(seen.nodes):
        if node.weights or node.index in followed:
            followed |= node.parents
    return {n.index for n in seen.nodes if n.weights and n.index not in followed}


@dataclass(frozen=True)
class _Held:
    """What turns units off: a parameter of a layer, in words, and the function of ``init`` that mends it."""

    layer: str
    parameter: str
    why: str
    init: str


def _held(layer: str, name: str, biases: torch.Tensor, spread: float) -> _Held | None:
    """Whether biases alone hold most pre-activations below zero, given the spread of the rest."""
    mean, drawn = biases.mean().item(), biases.std(unbiased=False).item()
    if mean >= -max(0.5 * spread, 0.05, drawn):
        return None
    why = f"the biases have mean {mean:.3g} and hold the pre-activations below zero"
    return _Held(layer, name, why, "zeros_")


def _undone(seen: Observation, layer: Node) -> bool:
    """Whether a normalization follows a layer before anything to which the size of its weights matters."""
    curved = (*(set(ACTIVATIONS) - set(HOMOGENEOUS)), *RECURRENT, *CELLS, *ATTENTION)
    reached, met = {layer.index}, False
    for node in seen.nodes[layer.index + 1 :]:
        if not node.parents & reached:
            continue
        if node.op in NORMALIZERS or node.op in NORMS:
            met = True
        elif node.op in curved:
            return False
        else:
            reached.add(node.index)
    return met and not reached & set(seen.outputs)


def _feeder(seen: Observation, node: Node) -> Node | None:
    """The latest operation with weights before a node."""
    return next((n for n in _before(seen, node) if n.weights), None)


def _normalization(seen: Observation, node: Node) -> Node | None:
    """The normalization between a node and its feeder, if it has weights of its own."""
    named = dict(seen.twin.named_parameters())
    for before in _before(seen, node):
        if before.weights:
            return None
        if before.op in NORMALIZERS and f"{before.module}.weight" in named:
            return before
    return None


def _before(seen: Observation, node: Node) -> Iterator[Node]:
    """What a node was computed from, the latest first."""
    waiting, met = set(node.parents), set[int]()
    while waiting:
        index = max(waiting)
        met.add(index)
        waiting = (waiting | seen.nodes[index].parents) - met
        yield seen.nodes[index]


class _Chain:
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
        if not stages or not {node.index for node in stages[-1].nodes} & _output_layers(self.seen):
            return stages
        return stages[:-1]

    def _is_rounding(self, stage: Stage) -> bool:
        """Whether so little is left that float32's own rounding is all that is seen."""
        node = self.seen.nodes[stage.end]
        return node.variance < 1e-12 * node.moment

    def _weak_weights(self, stages: list[Stage], total: float | None = None) -> Finding:
        layers = _layers(stages)
        kept = _typical([s.gain for s in stages if not self._is_rounding(s)])
        schemes = {v.scheme for s in stages for v in s.views}
        scheme = f" ({schemes.pop()})" if len(schemes) == 1 else ""
        end = "" if total is None else f", {_left(total)} by the last hidden layer"
        where = _span(layers)
        cause = (
            f"{where} {'keeps' if len(layers) == 1 else 'keep'} {kept:.2g} of the variance between inputs"
            f"{' each' if len(layers) > 1 else ''}{end}: the weights are too small{scheme}."
        )
        return Finding(layers[0], "signal-vanishes", cause, self._repair(stages), layers)

    def _weak_slopes(self, stages: list[Stage], total: float) -> Finding:
        layers = _layers(stages)
        name = stages[0].activation or "activation"
        slope = ", whose slope is at most 1/4," if name == "sigmoid" else ""
        kept = _typical([s.act_gain for s in stages if not self._is_rounding(s)])
        cause = (
            f"From {layers[0]} to {layers[-1]}, each {name}{slope} keeps {kept:.2g} of the variance between "
            f"inputs and of the gradient's: {_left(total)} over {len(stages)} layers."
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
        roots = huge or [s for s in stages if s.gain > 1.4]
        layers = _layers(roots)
        factor = _typical([s.gain for s in roots])
        plain = bool(huge) or all(s.plain for s in roots)
        why = (
            "the weights are too large"
            if plain
            else "each branch adds more than the stream carries"
        )
        cause = (
            f"{_span(layers)} multipl{'ies' if len(roots) == 1 else 'y'} the variance between inputs by "
            f"{factor:.3g}{' each' if len(roots) > 1 else ''}, {worst:.1e} in all: {why}."
        )
        fix = self._repair(roots) if plain else self._zero_ends(roots)
        return Finding(layers[0], "signal-explodes", cause, fix, layers)

    @staticmethod
    def _is_huge(stage: Stage) -> bool:
        return _scale(stage) > HUGE_SCALE and stage.gain > HUGE_GAIN

    def _floods_outputs(self, stage: Stage) -> bool:
        """Whether an output layer alone makes outputs so far apart that a loss has nothing to learn from."""
        outputs = self.seen.nodes[stage.end]
        loud = _scale(stage) > HUGE_SCALE and stage.weight_gain > HUGE_GAIN
        return loud and stage.plain and _power(self.seen, outputs) > FLOODED

    def _zero_ends(self, stages: Sequence[Stage]) -> str:
        """Let each branch start at zero: its last weights do not add anything then."""
        ends = [s.nodes[-1].weights[-1].names[0] for s in stages if not s.plain]
        return _each(ends, "torch.nn.init.zeros_(model.get_parameter({}))")

    def _overflow(self) -> Finding | None:
        for node in self.seen.nodes:
            if not node.finite and node.op != "input":
                feeder = node if node.weights else _feeder(self.seen, node)
                layer = layer_of(feeder) if feeder is not None else (node.module or node.op)
                first = self._first_growth(node.index)
                cause = f"Values overflow in {node.module or node.op}: the signal has grown beyond its number format."
                stages = first or []
                layers = _layers(stages) or (layer,)
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
        layers = _layers(roots)
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
        free = [w for n in stage.nodes if not _undone(self.seen, n) for w in n.weights]
        return any(look_at(weight).most > 3 for weight in free)

    def _elasticity(self, index: int) -> float:
        node = self.seen.nodes[index]
        return node.gradient.get(PROBE, math.nan) * _power(self.seen, node)

    # -------------------------------------------------------------- repair

    def _repair(self, stages: Iterable[Stage]) -> str:
        stages = list(stages)
        names = tuple(dict.fromkeys(n for s in stages for v in s.views for n in v.names))
        acts = {s.activation for s in stages}
        if any(node.op in RECURRENT for s in stages for node in s.nodes):
            return _init_line("orthogonal_", names, self.seen)
        if acts & {"relu", "leaky_relu", "gelu", "silu", "elu", "prelu", "relu6", "clamp"}:
            return _init_line("kaiming_normal_", names, self.seen)
        return _init_line("xavier_uniform_", names, self.seen)


# ---------------------------------------------------------------------- branches


def _loud_layers(seen: Observation, views: dict[int, list[WeightView]]) -> list[Finding]:
    """Layers off the chain, or before attention, whose weights are far beyond every scheme."""
    parameters = dict(seen.twin.named_parameters())
    loud: dict[str, WeightView] = {}
    for node in seen.nodes:
        own = [
            v for v in views.get(node.index, []) if v.up > LOUD_SCALE and v.names[0] in parameters
        ]
        inputs = [_power(seen, seen.nodes[p]) for p in node.parents]
        grown = _power(seen, node) > LOUD_SCALE * max(
            (q for q in inputs if q > 0), default=math.inf
        )
        hides = len(node.weights) > 1  # attention as one function: its outputs are averages
        if own and (grown or hides) and not _undone(seen, node):
            loud.setdefault(layer_of(node), own[0])
    if not loud:
        return []
    layers = tuple(loud)
    names = tuple(name for view in loud.values() for name in view.names)
    times = _typical([math.sqrt(view.up) for view in loud.values()])
    cause = f"The weights of {_listed(layers)} are {times:.3g} times LeCun's: too large."
    return [
        Finding(
            layers[0], "signal-explodes", cause, _init_line("xavier_uniform_", names, seen), layers
        )
    ]


# ---------------------------------------------------------------------- recurrence and step


def _recurrent_faults(seen: Observation, findings: Sequence[Finding]) -> list[Finding]:
    known = {layer for finding in findings for layer in finding.layers}
    found = []
    for path, view in seen.recurrent.items():
        name = path or "weight_hh_l0"
        if view.backward_growth > EXPLODED and name not in known:
            names = tuple(
                n
                for n, p in seen.twin.named_parameters()
                if n.startswith(path) and "weight_hh" in n
            )
            cause = (
                f"Over {view.steps} time steps of {name} the gradient's variance grows "
                f"{view.backward_growth:.1e}-fold: the recurrent weights are too large."
            )
            fix = _init_line("orthogonal_", names, seen)
            found.append(Finding(name, "gradient-explodes", cause, fix, (name,)))
    return found + _unrolled_faults(seen, [*findings, *found])


def _unrolled_faults(seen: Observation, findings: Sequence[Finding]) -> list[Finding]:
    """The same for recurrences written as a loop: one weight, many calls."""
    if findings:
        return []
    calls: dict[str, list[Node]] = {}
    for node in seen.nodes:
        for name in {n for w in node.weights for n in w.names}:
            calls.setdefault(name, []).append(node)
    for name, nodes in calls.items():
        sizes = [n.gradient.get("loss", 0.0) * _power(seen, n) for n in nodes]
        if len(sizes) > 3 and sizes[-1] > 0 and max(sizes) / sizes[-1] > EXPLODED:
            layer = layer_of(nodes[0])
            cause = (
                f"Over {len(nodes)} calls of {layer} the gradient's variance grows "
                f"{max(sizes) / sizes[-1]:.1e}-fold: the repeated weights are too large."
            )
            return [
                Finding(
                    layer,
                    "gradient-explodes",
                    cause,
                    _init_line("orthogonal_", (name,), seen),
                    (layer,),
                )
            ]
    return []


def _step_faults(seen: Observation, findings: Sequence[Finding]) -> list[Finding]:
    step = seen.step
    if step is None or not step.ratios or (findings and not step.adaptive):
        return []  # the size of a plain gradient step follows from the faults already named
    found = []
    for group in dict.fromkeys(number for number, _ in step.rates.values()):
        names = [n for n, (number, _) in step.rates.items() if number == group]
        ratios = sorted(step.ratios[n] for n in names)
        middle = ratios[len(ratios) // 2]
        rate = step.rates[names[0]][1]
        first = names[0].rpartition(".")[0] or names[0]
        layers = tuple(dict.fromkeys(n.rpartition(".")[0] or n for n in names))
        if middle > LARGE_STEP or _overshot(step, ratios[-1]):
            code, words = "step-too-large", f"changes the weights by {middle:.2g} of their size"
        elif middle < SMALL_STEP:
            code, words = (
                "step-too-small",
                f"changes the weights by only {middle:.1e} of their size",
            )
        else:
            continue
        judged = ratios[-1] if code == "step-too-large" else middle
        better = rate * 1e-3 / judged if judged > 0 else 1e-3
        cause = f"One step at learning rate {rate:g} {words}; about 0.001 is usual."
        fix = f"optimizer.param_groups[{group}]['lr'] = {better:.1g}"
        found.append(Finding(first, code, cause, fix, layers))
    return found


def _overshot(step: Step, largest: float) -> bool:
    """Whether a step that moved some layer far made the loss worse; the farther, the less it takes."""
    if math.isnan(step.loss_before) or largest < 0.1:
        return False
    if not math.isfinite(step.loss_after):
        return True
    worse = step.loss_before if largest > 1 else 3 * abs(step.loss_before) + 1
    return step.loss_after > worse


# ---------------------------------------------------------------------- words and code


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


def _typical(gains: Sequence[float]) -> float:
    """Geometric mean."""
    return math.exp(sum(math.log(max(g, 1e-300)) for g in gains) / len(gains)) if gains else 0.0


def _left(total: float) -> str:
    """What is left of a variance, in words where rounding is all that is seen."""
    return f"{total:.1e}" if total > 1e-14 else "less than rounding shows"


def _share_of_slopes(stages: Sequence[Stage]) -> float:
    """Share of a loss that activations with a small slope account for."""
    total = sum(math.log(max(s.gain, 1e-300)) for s in stages)
    flat = (s for s in stages if s.act_gain < 0.15 and s.activation not in RECTIFIERS)
    slopes = sum(math.log(max(s.act_gain, 1e-300)) for s in flat)
    return slopes / total if total < 0 else 0.0


def _layers(stages: Iterable[Stage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for stage in stages for name in _stage_name(stage)))


def _stage_name(stage: Stage) -> list[str]:
    return stage.names[:1] if not stage.plain else stage.names


def _span(layers: Sequence[str]) -> str:
    if len(layers) == 1:
        return f"Layer {layers[0]}"
    return f"The {len(layers)} layers from {layers[0]} to {layers[-1]}"


def _listed(names: Sequence[str], limit: int = 4) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


def _each(names: Sequence[str], call: str) -> str:
    if len(names) == 1:
        return call.format(repr(names[0]))
    return f"for name in {list(names)!r}: " + call.format("name")


def _init_line(function: str, names: Sequence[str], seen: Observation) -> str:
    """A line that draws weights anew: by name, or for every layer of a kind if nearly all are meant."""
    keyword = ", nonlinearity='relu'" if function.startswith("kaiming") else ""
    kinds = _kinds_of(names, seen) if len(names) > 4 else None
    if kinds is not None:
        chosen = f"({kinds})" if "," in kinds else kinds
        test = f"[m for m in model.modules() if isinstance(m, {chosen})]"
        return f"for layer in {test}: torch.nn.init.{function}(layer.weight{keyword})"
    return _each(tuple(names), f"torch.nn.init.{function}(model.get_parameter({{}}){keyword})")


def _kinds_of(names: Sequence[str], seen: Observation) -> str | None:
    """Classes of the layers that own these weights, if but one layer of these classes is left out."""
    usual = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    owners = {n: m for n, m in seen.twin.named_modules() if isinstance(m, usual)}
    named = {name.removesuffix(".weight") for name in names}
    kinds = {type(owners[name]) for name in named if name in owners}
    alike = [n for n, m in owners.items() if type(m) in kinds]
    if not named <= owners.keys() or len(alike) > len(named) + 1 or not kinds <= set(usual):
        return None
    return ", ".join(sorted(f"torch.nn.{kind.__name__}" for kind in kinds))
