"""Ways through the recorded operations: what feeds what, what comes last, what a normalization undoes."""

from __future__ import annotations

from collections.abc import Iterator

from glorot.diagnose.observing import Observation
from glorot.diagnose.tracing import ACTIVATIONS, CELLS, NORMALIZERS, NORMS, RECURRENT, Node

__all__ = ["feeder_of", "normalization_of", "output_layers", "undone"]

HOMOGENEOUS = ("relu", "leaky_relu", "prelu")  # φ(cz) = cφ(z) for c > 0
ATTENTION = ("softmax", "scaled_dot_product_attention", "multi_head_attention_forward")


def output_layers(seen: Observation) -> set[int]:
    """Operations with weights that no other such operation follows."""
    followed: set[int] = set()
    for node in reversed(seen.nodes):
        if node.weights or node.index in followed:
            followed |= node.parents
    return {n.index for n in seen.nodes if n.weights and n.index not in followed}


def undone(seen: Observation, layer: Node) -> bool:
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


def feeder_of(seen: Observation, node: Node) -> Node | None:
    """The latest operation with weights before a node."""
    return next((n for n in _before(seen, node) if n.weights), None)


def normalization_of(seen: Observation, node: Node) -> Node | None:
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
