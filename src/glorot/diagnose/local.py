"""Faults that show in one place: equal units, dead units, flat activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from glorot.diagnose.findings import Finding, each_call, init_line, told_list
from glorot.diagnose.observing import Observation
from glorot.diagnose.paths import feeder_of, normalization_of, output_layers
from glorot.diagnose.schemes import WeightView
from glorot.diagnose.stages import Stage, layer_of
from glorot.diagnose.tracing import RECURRENT, SATURATING, Node

__all__ = ["HUGE_SCALE", "Local"]

HUGE_SCALE = 8.0
MOSTLY_FLAT = 0.5
MOSTLY_DEAD = 0.8  # by chance, half of the units are off where all inputs look alike


class Local:
    """Faults that show in one place: equal units, dead units, flat activations."""

    def __init__(
        self, seen: Observation, views: dict[int, list[WeightView]], chains: list[list[Stage]]
    ) -> None:
        self.seen, self.views, self.chains = seen, views, chains
        self.named = dict(seen.twin.named_parameters())
        self.blocking = self._blocking()
        self.last = output_layers(seen)

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
            f"All units of {told_list(layers)} {what}: they compute the same and get the same gradient, so "
            "that the layer stays as good as one unit."
        )
        names = tuple(dict.fromkeys(name for _, view in hit for name in view.names))
        return Finding(
            layers[0],
            "identical-units",
            cause,
            init_line("xavier_uniform_", names, self.seen),
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
            feeder = feeder_of(self.seen, self.seen.nodes[index])
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
            why, fix = first.why, init_line(first.init, names, self.seen)
        else:
            feeder = feeder_of(self.seen, hit[0])
            assert feeder is not None
            layers = (layer_of(feeder),)
            why = "the weights or the inputs hold the pre-activations below zero"
            names = tuple(n for v in self.views[feeder.index] for n in v.names)
            fix = init_line("kaiming_normal_", names, self.seen)
        cause = f"{hit[0].dead:.0%} of the units behind {layers[0]} are off for every input of the batch: {why}."
        return Finding(layers[0], "dead-units", cause, fix, layers)

    def _tells_apart(self, node: Node) -> bool:
        """Whether inputs still differ before an activation: where all look alike, chance turns units off."""
        feeder = feeder_of(self.seen, node)
        if feeder is None:
            return False
        return self.seen.examples < 2 or feeder.variance > 1e-3 * feeder.moment

    def _held_off(self, node: Node) -> _Held | None:
        """The biases, or the normalization, that alone turn a rectifier's units off."""
        norm, feeder = normalization_of(self.seen, node), feeder_of(self.seen, node)
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
        norm = normalization_of(self.seen, node)
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
        return Finding(module, "saturated", cause, init_line(init, (name,), self.seen), (module,))

    def _flat(self, node: Node) -> tuple[Node, float] | None:
        """The layer behind which most values are on a flat part, and their share."""
        if node.op in RECURRENT:
            view = self.seen.recurrent.get(node.module)
            flat = view is not None and view.saturated > MOSTLY_FLAT
            return (node, view.saturated) if view is not None and flat else None
        if node.op not in SATURATING or not node.saturated > MOSTLY_FLAT or self._is_gate(node):
            return None
        feeder = feeder_of(self.seen, node)
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
            fix = init_line(function, names, self.seen)
            return f"its weights are {times:.3g} times LeCun's", fix
        biases = [bias[0] for bias in map(self._bias_of, feeders) if bias is not None]
        fix = each_call(biases, "torch.nn.init.zeros_(model.get_parameter({}))")
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
