"""What is wrong with this network? A network and a batch in, root faults with their cures out.

``diagnose`` runs any ``torch.nn.Module`` once on a batch, watches every operation, sends a gradient back
and says what would keep it from training, where it begins and which line of code mends it. The module is
left as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from glorot.diagnose.findings import CODES, Finding
from glorot.diagnose.judging import judge
from glorot.diagnose.observing import LOSS, PROBE, Observation, observe
from glorot.diagnose.report import LayerReport, Report
from glorot.diagnose.schemes import WeightView
from glorot.diagnose.stages import Stage, layer_of
from glorot.diagnose.tracing import ACTIVATIONS, Node

__all__ = ["CODES", "Finding", "LayerReport", "Report", "diagnose"]


def diagnose(
    module: nn.Module,
    batch: Any,
    loss: Callable[[Any, Any], torch.Tensor] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
) -> Report:
    r"""Return what would keep a network from training, where it begins, and what mends it.

    A layer's signal is what distinguishes two inputs: the variance over the batch, averaged over units.
    A norm can be healthy while this is gone. A fault is reported where the product of the layers' factors,

    .. math:: \prod_l \frac{\overline{\mathrm{Var}}[h^l]}{\overline{\mathrm{Var}}[h^{l-1}]},

    leaves what training can bear *and* layers are found that explain it; what follows from it in other
    layers is not reported again.

    Args:
        module: any network; it is examined as a copy, in training mode.
        batch: inputs, or (inputs, targets). Several inputs are a tuple or a mapping: ``((a, b), targets)``.
            About 16 examples or more; real ones, prepared as for training.
        loss: function of (outputs, targets). Without it gradients are those of the outputs times a fixed
            random tensor.
        optimizer: if given, a step of a copy is taken and judged.

    Returns:
        A report: ``findings``, each with ``layer``, ``code``, ``cause`` and ``fix``; ``remarks``; and the
        measurements of each layer in ``layers``. It prints as text and shows as HTML in a notebook.

    Raises:
        ValueError: for a module that is none, a batch that is empty, not finite or does not suit the module,
            a loss that does not return one number, an optimizer without parameters of the module.

    Assumptions: the batch is typical of training, and the faults are those of a net at its start. A net that
    has been trained may be fine with what is a fault at the start.

    Source: the statistics are those of Glorot & Bengio (2010), section 4; that the norm is not the signal is
    from Schoenholz et al. (2017). Used in *What do I type?*

    Example:
        >>> _ = torch.manual_seed(0)
        >>> layers = [layer for _ in range(30) for layer in (nn.Linear(64, 64), nn.ReLU())]
        >>> report = diagnose(nn.Sequential(*layers, nn.Linear(64, 10)), torch.randn(32, 64))
        >>> [(finding.layer, finding.code) for finding in report.findings]
        [('0', 'signal-vanishes')]
    """
    seen = observe(module, batch, loss, optimizer)
    findings, stages, views = judge(seen)
    remarks = [*seen.remarks, *_remarks(seen, views)]
    layers = tuple(_layer_reports(seen, stages, views))
    kind = type(module).__name__
    return Report(
        kind, tuple(findings), tuple(remarks), layers, seen.examples, seen.probe, seen.loss
    )


# ---------------------------------------------------------------------- remarks


def _remarks(seen: Observation, views: dict[int, list[WeightView]]) -> list[str]:
    remarks = []
    for source in seen.sources:
        node = seen.nodes[source]
        scale = math.sqrt(node.moment) if math.isfinite(node.moment) else 1.0
        if scale > 20 or 0 < scale < 0.01:
            remarks.append(
                f"The inputs have root mean square {scale:.3g}: schemes assume about 1. Scale them."
            )
        if node.variance == 0 and seen.examples > 1:
            remarks.append(
                "An input is the same for all examples: nothing distinguishes them there."
            )
    unused = _unused(seen)
    if unused:
        remarks.append(
            f"No gradient reaches (unused for this batch, or detached): {_listed(unused)}."
        )
    silent = _without_gradient(seen, set(unused))
    if silent:
        zeros = any(view.zero for own in views.values() for view in own)
        why = ", as it is behind a layer that starts at zero" if zeros else ""
        remarks.append(f"The gradient is zero for {_listed(silent)}{why}.")
    hidden = _gradient_unseen(seen)
    if hidden:
        remarks.append(
            f"The gradient of the outputs could not be seen for {_listed(hidden)}: they are computed anew "
            "in the backward pass, as checkpointing does."
        )
    return remarks


def _owners(names: Any) -> list[str]:
    return list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))


def _unused(seen: Observation) -> list[str]:
    if not seen.weight_gradients:
        return []
    named = [name for name, p in seen.twin.named_parameters() if p.is_floating_point()]
    return _owners(name for name in named if name not in seen.weight_gradients)


def _without_gradient(seen: Observation, unused: set[str]) -> list[str]:
    silent = [
        name
        for name, size in seen.weight_gradients.items()
        if size == 0 and seen.twin.get_parameter(name).ndim > 1
    ]
    return [name for name in silent if name not in unused]


def _gradient_unseen(seen: Observation) -> list[str]:
    nodes = [node for node in seen.nodes if node.weights and LOSS not in node.gradient]
    with_gradient = {name for name, size in seen.weight_gradients.items() if size > 0}
    return list(
        dict.fromkeys(
            layer_of(node)
            for node in nodes
            if any(name in with_gradient for weight in node.weights for name in weight.names)
        )
    )


def _listed(names: list[str], limit: int = 5) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


# ---------------------------------------------------------------------- one row per layer


def _layer_reports(
    seen: Observation, stages: list[Stage], views: dict[int, list[WeightView]]
) -> Iterator[LayerReport]:
    places = {node.index: number for number, s in enumerate(stages) if s.plain for node in s.nodes}
    reported: set[str] = set()
    for node in seen.nodes:
        name = layer_of(node)
        if node.weights and name not in reported:
            reported.add(name)
            yield _layer_report(
                seen, node, views[node.index], _jacobian(seen, stages, places, node)
            )


def _layer_report(
    seen: Observation, node: Node, views: list[WeightView], jacobian: float
) -> LayerReport:
    view = views[0]
    after = _activation_after(seen, node)
    names = view.names
    return LayerReport(
        layer=layer_of(node),
        kind=node.op,
        fan_in=view.fans.fan_in,
        fan_out=view.fans.fan_out,
        std=view.std,
        scheme=view.scheme.strip(),
        moment=node.moment,
        between=node.variance,
        activation=after.op if after is not None else "",
        saturated=_saturated(seen, node, after),
        dead=after.dead if after is not None else math.nan,
        gradient=_gradient(node),
        weight_gradient=seen.weight_gradients.get(names[0], math.nan),
        jacobian=jacobian,
        update=seen.step.ratios.get(names[0], math.nan) if seen.step else math.nan,
    )


def _saturated(seen: Observation, node: Node, after: Node | None) -> float:
    if node.module in seen.recurrent:
        return seen.recurrent[node.module].saturated
    return after.saturated if after is not None else math.nan


def _gradient(node: Node) -> float:
    return node.gradient.get(LOSS, math.nan) / max(1, node.numel)


def _activation_after(seen: Observation, node: Node) -> Node | None:
    """The activation that follows a layer before any other layer does."""
    reached = {node.index}
    for other in seen.nodes[node.index + 1 :]:
        if other.parents & reached:
            if other.weights:
                return None
            if other.op in ACTIVATIONS:
                return other
            reached.add(other.index)
    return None


def _jacobian(seen: Observation, stages: list[Stage], places: dict[int, int], node: Node) -> float:
    number = places.get(node.index)
    if number is None or number + 1 >= len(stages):
        return math.nan
    before, after = (seen.nodes[stages[k].before] for k in (number, number + 1))
    back = after.gradient.get(PROBE, 0.0)
    return before.gradient.get(PROBE, math.nan) / back if back > 0 else math.nan
