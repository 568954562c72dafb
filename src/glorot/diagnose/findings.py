"""What a fault is, and the words and lines of code in which it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import nn

from glorot.diagnose.observing import Observation
from glorot.diagnose.stages import Stage

__all__ = [
    "CODES",
    "Finding",
    "each_call",
    "init_line",
    "layers_of",
    "told_left",
    "told_list",
    "told_span",
]

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


def told_left(total: float) -> str:
    """What is left of a variance, in words where rounding is all that is seen."""
    return f"{total:.1e}" if total > 1e-14 else "less than rounding shows"


def layers_of(stages: Iterable[Stage]) -> tuple[str, ...]:
    """Paths of the layers of some stages, each once; a block is named by its first."""
    return tuple(dict.fromkeys(name for stage in stages for name in _stage_name(stage)))


def _stage_name(stage: Stage) -> list[str]:
    return stage.names[:1] if not stage.plain else stage.names


def told_span(layers: Sequence[str]) -> str:
    """The layers as the subject of a sentence."""
    if len(layers) == 1:
        return f"Layer {layers[0]}"
    return f"The {len(layers)} layers from {layers[0]} to {layers[-1]}"


def told_list(names: Sequence[str], limit: int = 4) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


def each_call(names: Sequence[str], call: str) -> str:
    """A call for each name, on one line."""
    if len(names) == 1:
        return call.format(repr(names[0]))
    return f"for name in {list(names)!r}: " + call.format("name")


def init_line(function: str, names: Sequence[str], seen: Observation) -> str:
    """A line that draws weights anew: by name, or for every layer of a kind if nearly all are meant."""
    keyword = ", nonlinearity='relu'" if function.startswith("kaiming") else ""
    kinds = _kinds_of(names, seen) if len(names) > 4 else None
    if kinds is not None:
        chosen = f"({kinds})" if "," in kinds else kinds
        test = f"[m for m in model.modules() if isinstance(m, {chosen})]"
        return f"for layer in {test}: torch.nn.init.{function}(layer.weight{keyword})"
    return each_call(tuple(names), f"torch.nn.init.{function}(model.get_parameter({{}}){keyword})")


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
