"""From measurements to root faults.

A fault needs an effect that matters for training and a cause that explains it. Effects are looked for where all
paths from the input to the output meet: in a residual net that is the stream, in a plain net every layer. What
happens inside a branch cannot stop a signal that goes past it. A normalization that all paths pass sets the
scale anew, and what came before it is forgotten. Causes are looked for in the layers between two such places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from glorot.diagnose.chain import EXPLODED, Chain, typical_gain
from glorot.diagnose.findings import Finding, init_line, told_list
from glorot.diagnose.local import Local
from glorot.diagnose.observing import Observation, Step
from glorot.diagnose.paths import undone
from glorot.diagnose.schemes import WeightView, look_at
from glorot.diagnose.stages import Stage, layer_of, power_of, stages_of
from glorot.diagnose.tracing import Node

__all__ = ["judge"]

LOUD_SCALE = 64.0  # weights eight times LeCun's
LARGE_STEP = 0.5
SMALL_STEP = 1e-7  # ten million such steps change a weight by its own size


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
    findings = Local(seen, views, chains).findings()
    for stages in chains:
        known = {layer for finding in findings for layer in finding.layers}
        new = Chain(seen, views, stages).findings(known, findings)
        codes = {(f.code, f.layer) for f in findings}
        findings += [f for f in new if (f.code, f.layer) not in codes]
    findings += _recurrent_faults(seen, findings)
    findings += [] if findings else _loud_layers(seen, views)
    findings += _step_faults(seen, findings)
    return findings, main, views


def _broken(seen: Observation) -> Finding:
    names = seen.broken
    owner = names[0].rpartition(".")[0] or names[0]
    cause = f"{told_list(names)} hold values that are not finite: training diverged, or the file is damaged."
    fix = f"torch.nn.init.normal_(model.get_parameter({names[0]!r}), std=0.02)  # or load a sound checkpoint"
    return Finding(owner, "signal-explodes", cause, fix, (owner,))


def _loud_layers(seen: Observation, views: dict[int, list[WeightView]]) -> list[Finding]:
    """Layers off the chain, or before attention, whose weights are far beyond every scheme."""
    parameters = dict(seen.twin.named_parameters())
    loud: dict[str, WeightView] = {}
    for node in seen.nodes:
        own = [
            v for v in views.get(node.index, []) if v.up > LOUD_SCALE and v.names[0] in parameters
        ]
        inputs = [power_of(seen, seen.nodes[p]) for p in node.parents]
        grown = power_of(seen, node) > LOUD_SCALE * max(
            (q for q in inputs if q > 0), default=math.inf
        )
        hides = len(node.weights) > 1  # attention as one function: its outputs are averages
        if own and (grown or hides) and not undone(seen, node):
            loud.setdefault(layer_of(node), own[0])
    if not loud:
        return []
    layers = tuple(loud)
    names = tuple(name for view in loud.values() for name in view.names)
    times = typical_gain([math.sqrt(view.up) for view in loud.values()])
    cause = f"The weights of {told_list(layers)} are {times:.3g} times LeCun's: too large."
    return [
        Finding(
            layers[0], "signal-explodes", cause, init_line("xavier_uniform_", names, seen), layers
        )
    ]


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
            fix = init_line("orthogonal_", names, seen)
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
        sizes = [n.gradient.get("loss", 0.0) * power_of(seen, n) for n in nodes]
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
                    init_line("orthogonal_", (name,), seen),
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
