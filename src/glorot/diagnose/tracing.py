"""Watching a network work: every operation of one forward pass, as a graph with its measurements.

A ``Tracer`` stands between the network and torch and sees each function that is called, whether by a
module, by ``torch.nn.functional`` or by ``x @ w``. An operation becomes a ``Node``: what it was computed
from, which weights took part, how large its values are and what in them distinguishes two inputs.
Gradients are added to the nodes when a backward pass comes by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from glorot.probes import saturation_fraction

__all__ = ["Node", "Tracer", "Weight", "tensors_in"]

_ATTENTION = "multi_head_attention_forward"

# Functions that multiply by a matrix of weights: which axes of it are (in, out).
_AXES = {
    "linear": (1, 0),
    "bilinear": (1, 0),
    "conv1d": (1, 0),
    "conv2d": (1, 0),
    "conv3d": (1, 0),
    "conv_transpose1d": (0, 1),
    "conv_transpose2d": (0, 1),
    "conv_transpose3d": (0, 1),
    _ATTENTION: (1, 0),
}
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")
CELLS = ("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
_AXES |= dict.fromkeys((*RECURRENT, *CELLS), (1, 0))
_PRODUCTS = ("matmul", "rmatmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "tensordot")
NORMALIZERS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "normalize")
NORMS = ("rsqrt", "sqrt", "std", "var", "norm", "vector_norm", "var_mean", "std_mean")
SATURATING = {
    "tanh": "tanh",
    "sigmoid": "logistic",
    "softsign": "softsign",
}
_RECTIFIERS = ("relu", "relu6", "threshold", "clamp", "clip", "clamp_min", "maximum", "hardswish")
_SOFT_RECTIFIERS = {
    "gelu": 3.0,
    "silu": 5.0,
    "mish": 5.0,
}  # below minus this the slope is under 3 %
_CURVES = ("leaky_relu", "elu", "selu", "celu", "prelu", "softplus", "hardtanh", "hardsigmoid")
RECTIFIERS = (
    *_RECTIFIERS,
    *_SOFT_RECTIFIERS,
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "celu",
    "rrelu",
)
ACTIVATIONS = (*SATURATING, *_RECTIFIERS, *_SOFT_RECTIFIERS, *_CURVES, "rrelu", "logsigmoid")
_DROPOUT = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout")
_DROPOUTS = (*_DROPOUT, "feature_alpha_dropout", "feature_dropout")

_COLUMNS = 1 << 17  # numbers of a tensor that are looked at: a moment's error is then under 1 %


@dataclass(frozen=True, eq=False)
class Weight:
    """An array of weights as one operation used it.

    Args:
        names: the module's parameters it is, or is computed from.
        value: the array, detached.
        in_axis, out_axis: where its inputs and outputs stand.
        groups: number of groups of a convolution.
    """

    names: tuple[str, ...]
    value: torch.Tensor
    in_axis: int
    out_axis: int
    groups: int = 1


@dataclass(eq=False)
class Node:
    """One operation.

    Args:
        index: place in the order of computing.
        op: name of torch's function; ``"input"`` for what came from outside.
        module: path of the module in which it was called.
        parents: indices of the operations it was computed from.
        weights: arrays of weights that took part.
        moment: average square of its values.
        variance: what distinguishes two inputs: variance over the examples of the batch, averaged
            over units; NaN if the examples cannot be told apart in this tensor.
        numel: how many values it has.
        finite: whether all of them are numbers.
        saturated: share of units × examples on a flat part of a saturating activation, or NaN.
        dead: share of units that are off for the whole batch, or NaN.
        units: number of units that this share is of.
        channels: whether units stand on axis 1, as after a convolution.
        normalizes: whether it sets the scale anew.
        values: of batch normalization, how many values it takes its statistics from; 0 for others.
        value: the tensor, kept only where gradients may enter.
        gradient: by name of the backward pass, the sum of the squares of ∂Loss/∂values.
    """

    index: int
    op: str
    module: str
    parents: frozenset[int]
    weights: tuple[Weight, ...] = ()
    moment: float = math.nan
    variance: float = math.nan
    numel: int = 0
    finite: bool = True
    saturated: float = math.nan
    dead: float = math.nan
    units: int = 0
    channels: bool = False
    normalizes: bool = False
    values: int = 0
    value: torch.Tensor | None = None
    gradient: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Origin:
    """What a tensor is: an operation's result, or computed from parameters alone."""

    node: int | None
    names: frozenset[str] = frozenset()


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor in nested tuples, lists, mappings and objects that hold some.

    Example:
        >>> [t.item() for t in tensors_in({"a": torch.tensor(1), "b": (torch.tensor(2), "text")})]
        [1, 2]
    """
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from tensors_in(one)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from tensors_in(one)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from tensors_in(getattr(value, name, None))


class Tracer(TorchFunctionMode):
    """Records the graph of what is computed while it is entered.

    Args:
        module: the network whose parameters are known by their names.
        examples: sizes that the batch's axis may have, likeliest first.
    """

    def __init__(self, module: torch.nn.Module, examples: tuple[int, ...]) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.unseen: set[str] = set()  # modules whose inside torch does not show
        self.recurrent: list[tuple[str, torch.nn.RNNBase, torch.Tensor]] = []
        self.dropout = False
        self.passing = ""  # name of the backward pass under way
        self._examples = examples
        self._names = {id(p): name for name, p in module.named_parameters()}
        self._names |= {id(b): name for name, b in module.named_buffers() if b.ndim > 1}
        self._paths = {id(m): name for name, m in module.named_modules()}
        self._stack: list[str] = [""]
        self._by_grad_fn: dict[Any, int] = {}

    # ------------------------------------------------------------------ what torch calls

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        given = list(tensors_in((args, kwargs)))
        if name in _DROPOUTS and given:
            self.dropout = True
            return given[0]  # its noise would look like a difference between inputs
        if not given:
            return func(*args, **kwargs)
        origins = [self._origin(tensor) for tensor in given]
        flat = self._flatness(name, given[0])
        result = func(*args, **kwargs)
        made = [given[0]] if name == "setitem" else list(tensors_in(result))
        if made:
            self._record(name, (args, kwargs), given, origins, made, flat)
        return result

    def enter_module(self, module: torch.nn.Module, args: tuple) -> None:
        """Note that a module is being called (a global forward pre-hook)."""
        self._stack.append(self._paths.get(id(module), self._stack[-1]))
        if isinstance(module, torch.nn.RNNBase) and args and isinstance(args[0], torch.Tensor):
            self.recurrent.append((self._stack[-1], module, args[0].detach()))

    def leave_module(self, module: torch.nn.Module, args: tuple, output: Any) -> None:
        """Note that it is done, and take it for one operation if nothing inside was seen."""
        path = self._stack.pop()
        made = [t for t in tensors_in(output) if t.is_floating_point()]
        known = getattr(made[0], "_glorot_origin", None) if made else None
        if not made or (known is not None and known[0] is self):
            return
        given = list(tensors_in(args))
        origins = [self._origin(tensor) for tensor in given]
        if any(origin.node is not None for origin in origins):
            self._stack.append(path)
            self.unseen.add(path or type(module).__name__)
            self._record("opaque", (args, {}), given, origins, made, math.nan)
            self._stack.pop()

    def add_input(self, tensor: torch.Tensor) -> None:
        """Take a tensor as one that came from outside."""
        self._add("input", frozenset(), (), [tensor])

    # ------------------------------------------------------------------ the graph

    def node_of(self, tensor: torch.Tensor) -> Node | None:
        """The operation that made a tensor, if it depends on the inputs."""
        index = self._origin(tensor).node
        return None if index is None else self.nodes[index]

    def _origin(self, tensor: torch.Tensor) -> _Origin:
        known = getattr(tensor, "_glorot_origin", None)
        if known is not None and known[0] is self:
            return known[1]
        if id(tensor) in self._names:
            return _Origin(None, frozenset([self._names[id(tensor)]]))
        found = self._search(tensor)
        return _Origin(None) if found is None else _Origin(found)

    def _search(self, tensor: torch.Tensor) -> int | None:
        """Walk back from a tensor made out of sight to the latest operation that was seen."""
        waiting, found = [tensor.grad_fn], None
        seen: set[Any] = set()
        while waiting and len(seen) < 1000:
            grad_fn = waiting.pop()
            if grad_fn is None or grad_fn in seen:
                continue
            seen.add(grad_fn)
            if grad_fn in self._by_grad_fn:
                found = max(found or 0, self._by_grad_fn[grad_fn])
            else:
                waiting += [parent for parent, _ in grad_fn.next_functions]
        return found

    def _record(
        self,
        name: str,
        call: tuple[tuple, dict],
        given: list[torch.Tensor],
        origins: list[_Origin],
        made: list[torch.Tensor],
        flat: float,
    ) -> None:
        parents = frozenset(o.node for o in origins if o.node is not None)
        if not parents:
            names = frozenset().union(*(o.names for o in origins))
            if _makes_a_signal(name, given):
                names = frozenset()
            for one in made if names else []:
                one._glorot_origin = (self, _Origin(None, names))  # type: ignore[attr-defined]
            return
        weights = self._weights(name, call, given, origins)
        for tensor, origin in zip(given, origins, strict=True) if weights else ():
            if origin.node is not None:  # autograd keeps it anyway
                self.nodes[origin.node].value = tensor
        node = self._add(name, parents, weights, made)
        node.saturated = flat
        self._judge_normalizer(node, call)
        self._count_dead(node, made[0])
        if made[0]._base is not None and made[0] is given[0]:  # written into a part of a tensor
            made[0]._base._glorot_origin = (self, _Origin(node.index))  # type: ignore[attr-defined]

    def _add(
        self,
        op: str,
        parents: frozenset[int],
        weights: tuple[Weight, ...],
        made: list[torch.Tensor],
    ) -> Node:
        node = Node(len(self.nodes), op, self._stack[-1], parents, weights)
        self.nodes.append(node)
        self._measure(node, made[0])
        for one in made:
            one._glorot_origin = (self, _Origin(node.index))  # type: ignore[attr-defined]
            if one.requires_grad and one.is_floating_point():
                one.register_hook(self._gradient_hook(node))
                self._by_grad_fn[one.grad_fn] = node.index
        return node

    def _gradient_hook(self, node: Node) -> Callable[[torch.Tensor], None]:
        def hook(gradient: torch.Tensor) -> None:
            if self.passing:
                gradient = gradient.coalesce().values() if gradient.is_sparse else gradient
                total = _sampled(gradient).square().mean().item() * gradient.numel()
                node.gradient[self.passing] = node.gradient.get(self.passing, 0.0) + total

        return hook

    # ------------------------------------------------------------------ the weights

    def _weights(
        self,
        name: str,
        call: tuple[tuple, dict],
        given: list[torch.Tensor],
        origins: list[_Origin],
    ) -> tuple[Weight, ...]:
        if name not in _AXES and name not in _PRODUCTS and name != "opaque":
            return ()
        groups = _groups(name, call)
        matrices = _attention_weights(call) if name == _ATTENTION else None
        found = []
        for place, (tensor, origin) in enumerate(zip(given, origins, strict=True)):
            if matrices is not None and id(tensor) not in matrices:
                continue  # queries that are learned, the bias of the keys
            if origin.names and origin.node is None and tensor.ndim >= 2:
                names = tuple(sorted(origin.names))
                if name in _PRODUCTS:
                    matrix, count = _as_matrix(name, call[0], tensor.detach(), place)
                    found.append(Weight(names, matrix, 1, 0, count))
                else:
                    found.append(Weight(names, tensor.detach(), *_AXES.get(name, (-2, -1)), groups))
        return tuple(found)

    # ------------------------------------------------------------------ the measurements

    def _measure(self, node: Node, tensor: torch.Tensor) -> None:
        node.numel = tensor.numel()
        if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.numel() == 0:
            return
        node.channels = self._has_channels(node, tensor)
        rows, told_apart = self._by_example(tensor.detach())
        step = max(1.0, rows.shape[1] / max(1, _COLUMNS // rows.shape[0]))
        places = (torch.arange(0, rows.shape[1], step, device=rows.device)).long()
        sample = rows[:, places].abs() if rows.is_complex() else rows[:, places]
        sample = sample.double()
        node.moment = sample.square().mean().item()
        node.finite = math.isfinite(node.moment)
        if told_apart and len(sample) > 1:
            node.variance = sample.var(dim=0).mean().item()

    def _by_example(self, tensor: torch.Tensor) -> tuple[torch.Tensor, bool]:
        """One row per example, and whether an axis of examples was found."""
        shape = tensor.shape
        for examples in self._examples:
            if shape and shape[0] == examples:
                return tensor.reshape(examples, -1), True
            if examples in shape:
                return tensor.movedim(shape.index(examples), 0).reshape(examples, -1), True
            if len(shape) > 1 and shape[0] % examples == 0:
                return tensor.reshape(examples, -1), True
        return tensor.reshape(1, -1), False

    def _has_channels(self, node: Node, tensor: torch.Tensor) -> bool:
        """Whether units stand on axis 1, as after a convolution, instead of on the last one."""
        if node.op.startswith("conv"):
            return True
        if node.op in ("linear", "layer_norm", "permute", "transpose", "flatten", "reshape"):
            return False
        inherited = any(self.nodes[p].channels for p in node.parents)
        return (inherited and tensor.ndim > 2) or tensor.ndim == 4

    def _flatness(self, name: str, tensor: torch.Tensor) -> float:
        """Share of a saturating activation's inputs that lie where it is flat."""
        if name not in SATURATING or not tensor.is_floating_point() or tensor.numel() == 0:
            return math.nan
        values = _sampled(tensor).cpu().numpy()
        values = np.clip(values[np.isfinite(values)], -500, 500)[None]
        if values.size == 0:
            return math.nan
        return float(saturation_fraction([values], SATURATING[name])[0])

    def _count_dead(self, node: Node, output: torch.Tensor) -> None:
        if not output.is_floating_point() or output.ndim < 2 or output.numel() == 0:
            return
        if node.op in _RECTIFIERS:
            off = output.detach() == 0
        elif node.op in _SOFT_RECTIFIERS:  # |φ(z)| < 0.01 with z < 0: far out on the left
            off = (output.detach() <= 0) & (output.detach() > -0.01)
        else:
            return
        unit_axis = 1 if node.channels and output.ndim > 2 else output.ndim - 1
        by_unit = off.movedim(unit_axis, 0).reshape(output.shape[unit_axis], -1)
        node.dead = by_unit.all(dim=1).double().mean().item()
        node.units = len(by_unit)

    @staticmethod
    def _judge_normalizer(node: Node, call: tuple[tuple, dict]) -> None:
        if node.op not in NORMALIZERS:
            return
        args, kwargs = call
        training = kwargs.get("training", args[5] if len(args) > 5 else False)
        node.normalizes = node.op != "batch_norm" or bool(training)
        if node.op == "batch_norm" and training:
            node.values = args[0].numel() // args[0].shape[1]


def _sampled(tensor: torch.Tensor) -> torch.Tensor:
    """Evenly spaced values of a tensor, as many as a moment needs, in float64."""
    flat = tensor.detach().reshape(-1)
    step = max(1, flat.numel() // _COLUMNS)
    step += step > 1 and step % 2 == 0  # sizes are even: an odd step does not meet one channel only
    return flat[::step].double()


def _makes_a_signal(name: str, given: list[torch.Tensor]) -> bool:
    """Whether what is computed from parameters alone is a learned signal, no weights: a token or query."""
    if name in _AXES:  # a layer, applied to parameters
        return True
    first = given[0]
    if name in ("expand", "expand_as", "broadcast_to", "repeat", "tile"):  # over the batch
        return first.ndim > 2 and first.shape[0] == 1
    return name in _PRODUCTS and first.ndim > 2


def _attention_weights(call: tuple[tuple, dict]) -> set[int]:
    """Which of the tensors given to attention are its matrices."""
    args, kwargs = call
    positional = [args[place] for place in (5, 11) if place < len(args)]
    named = [
        kwargs.get(f"{one}_weight") for one in ("in_proj", "out_proj", "q_proj", "k_proj", "v_proj")
    ]
    return {id(one) for one in (*positional, *named) if isinstance(one, torch.Tensor)}


def _as_matrix(
    name: str, args: tuple, tensor: torch.Tensor, place: int
) -> tuple[torch.Tensor, int]:
    """The weights of a product as (groups · out, in), and the number of groups."""
    if name == "einsum" and isinstance(args[0], str):
        found = _einsum_matrix(args[0], tensor, place)
        if found is not None:
            return found
    transposed = place == 0 and name != "rmatmul"
    matrices = tensor if transposed else tensor.transpose(-1, -2)
    return matrices.reshape(-1, matrices.shape[-1]), math.prod(matrices.shape[:-2])


def _einsum_matrix(
    equation: str, tensor: torch.Tensor, place: int
) -> tuple[torch.Tensor, int] | None:
    """The same, where an equation says which axes are summed, shared with the other factor or new."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow or len(terms) != 2 or "." in terms[place] or len(terms[place]) != tensor.ndim:
        return None
    own, other = terms[place], terms[1 - place]
    summed = [k for k, letter in enumerate(own) if letter not in output]
    shared = [k for k, letter in enumerate(own) if letter in output and letter in other]
    new = [k for k, letter in enumerate(own) if letter in output and letter not in other]
    if not summed:
        return None
    size = math.prod(tensor.shape[k] for k in summed)
    count = math.prod(tensor.shape[k] for k in shared)
    return tensor.permute(*shared, *new, *summed).reshape(-1, size), count


def _groups(name: str, call: tuple[tuple, dict]) -> int:
    if not name.startswith("conv"):
        return 1
    args, kwargs = call
    groups = kwargs.get("groups", args[6] if len(args) > 6 else 1)
    return int(groups) if isinstance(groups, int) else 1
