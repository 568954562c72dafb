"""One examination of a network: a forward pass, two backward passes and, with an optimizer, a step.

Nothing here judges. ``observe`` returns what was measured and the remarks on what could not be.
"""

from __future__ import annotations

import inspect
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as global_hooks
from torch.nn.utils.rnn import PackedSequence

from glorot.diagnose.keeping import borrowed, random_state_kept
from glorot.diagnose.recurrence import RecurrentView, watch_recurrent
from glorot.diagnose.tracing import Node, Tracer, tensors_in

__all__ = ["Observation", "Step", "chain_from", "observe"]

Loss = Callable[[Any, Any], torch.Tensor]
PROBE, LOSS = "probe", "loss"
FEW_VALUES = (
    16  # batch normalization over fewer has gradients that no training with real batches has
)


@dataclass(frozen=True)
class Step:
    """What one step of the optimizer did.

    Args:
        ratios: by parameter, root mean square of the change over that of the weights.
        rates: by parameter, the group it is in and the learning rate of that group.
        adaptive: whether the step forgets the gradient's scale, as Adam's does.
        loss_before, loss_after: loss on the batch; NaN where there is no loss.
    """

    ratios: Mapping[str, float]
    rates: Mapping[str, tuple[int, float]]
    adaptive: bool
    loss_before: float
    loss_after: float


@dataclass(eq=False)
class Observation:
    """What was seen of a network on one batch.

    Args:
        nodes: the operations, in order.
        outputs: indices of those that make the module's outputs.
        sources: indices of the inputs.
        examples: number of examples in the batch, as far as it can be told.
        parameters: shapes of the parameters by name.
    """

    nodes: list[Node]
    outputs: list[int]
    sources: list[int]
    examples: int
    twin: nn.Module
    remarks: list[str] = field(default_factory=list)
    recurrent: dict[str, RecurrentView] = field(default_factory=dict)
    weight_gradients: dict[str, float] = field(default_factory=dict)
    loss: float = math.nan
    probe: str = ""
    step: Step | None = None
    broken: tuple[str, ...] = ()


def observe(
    module: nn.Module, batch: Any, loss: Loss | None, optimizer: torch.optim.Optimizer | None
) -> Observation:
    """Run a network on a batch and return what was measured; the network is left as it was."""
    inputs, targets = _split(batch)
    _check(module, inputs, loss, optimizer)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # a stranger's module may warn; its owner has seen that
        stack.enter_context(random_state_kept(seed=0))
        twin, twin_optimizer, copied = stack.enter_context(borrowed(module, optimizer))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(_eager())
        subject = _Subject(twin, inputs, targets, loss)
        if not copied:
            subject.remarks.append(
                "The module cannot be copied: it was examined itself and put back as it was."
            )
        return subject.examine(twin_optimizer)


class _Subject:
    """A network that may be used freely, with its batch."""

    def __init__(self, twin: nn.Module, inputs: Any, targets: Any, loss: Loss | None) -> None:
        self.remarks: list[str] = []
        self.twin = self._prepared(twin)
        self.inputs, self.targets, self.loss = inputs, targets, loss
        self._initialize_lazy()
        self.frozen = {n for n, p in self.twin.named_parameters() if not p.requires_grad}
        self.examples = _batch_sizes(inputs, targets)

    def examine(self, optimizer: torch.optim.Optimizer | None) -> Observation:
        tracer, outputs, sources = self._trace()
        made = [tracer.node_of(t) for t in tensors_in(outputs) if t.is_floating_point()]
        ends = sorted({node.index for node in made if node is not None})
        size = self.examples[0] if self.examples else 0
        seen = Observation(tracer.nodes, ends, sources, size, self.twin, self.remarks)
        self._remark_on_parameters(seen)
        self._remark_on_tracing(seen, tracer)
        self._send_back(seen, tracer, outputs)
        for path, layer, given in tracer.recurrent:
            seen.recurrent.setdefault(path, watch_recurrent(layer, given))
        for node in seen.nodes:
            node.value = None
        self._free_frozen(False)
        if optimizer is not None and all(node.finite for node in seen.nodes):
            seen.step = self._take_step(optimizer)
        return seen

    # ------------------------------------------------------------------ before

    def _prepared(self, twin: nn.Module) -> nn.Module:
        kind = type(twin).__name__
        if isinstance(twin, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            self.remarks.append(f"{kind} was unwrapped: one copy was examined, on one device.")
            twin = twin.module
        if hasattr(twin, "_orig_mod"):
            self.remarks.append("The compiled module was examined in its uncompiled form.")
            twin = twin._orig_mod  # type: ignore[assignment]
        if not twin.training:
            self.remarks.append(
                "The module was in evaluation mode; training starts in training mode, and "
                "that is what was measured."
            )
            twin.train()
        return twin

    def _initialize_lazy(self) -> None:
        lazy = [
            name
            for name, one in self.twin.named_parameters(remove_duplicate=False)
            if isinstance(one, nn.parameter.UninitializedParameter)
        ]
        if lazy:
            self._call(_cloned(self.inputs, False))
            names = ", ".join(sorted({_owner(name) or name for name in lazy}))
            self.remarks.append(f"Lazy layers ({names}) were given their shapes on a copy.")

    def _free_frozen(self, free: bool) -> None:
        for name, parameter in self.twin.named_parameters():
            if parameter.is_floating_point() and (free or name in self.frozen):
                parameter.requires_grad_(free)

    # ------------------------------------------------------------------ forward

    def _trace(self) -> tuple[Tracer, Any, list[int]]:
        self._free_frozen(True)
        tracer = Tracer(self.twin, self.examples)
        inputs = _cloned(self.inputs, True)
        for tensor in tensors_in(inputs):
            tracer.add_input(tensor)
        sources = [node.index for node in tracer.nodes]
        try:
            return tracer, self._traced_call(tracer, inputs), sources
        except ValueError as error:
            if "per channel" not in str(error.__cause__ or error):
                raise
            self.twin.eval()
            self.remarks.append(
                "Batch normalization has too few values for training mode: measured in evaluation "
                "mode. Pass a larger batch."
            )
        return self._trace()

    def _traced_call(self, tracer: Tracer, inputs: Any) -> Any:
        before = global_hooks.register_module_forward_pre_hook(tracer.enter_module)
        after = global_hooks.register_module_forward_hook(tracer.leave_module)
        try:
            with tracer:
                return self._call(inputs)
        finally:
            before.remove()
            after.remove()

    def _call(self, inputs: Any) -> Any:
        try:
            if isinstance(inputs, Mapping):
                return self.twin(**inputs) if _takes_names(self.twin, inputs) else self.twin(inputs)
            if isinstance(inputs, (tuple, list)) and not isinstance(inputs, PackedSequence):
                return self.twin(*inputs)
            return self.twin(inputs)
        except Exception as error:
            kind = type(self.twin).__name__
            several = isinstance(error, TypeError) and isinstance(inputs, torch.Tensor)
            hint = "; several inputs are passed as ((first, second), targets)" if several else ""
            raise ValueError(
                f"batch must suit the module, got {_shape_words(inputs)} and {kind} raised "
                f"{type(error).__name__}: {_first_line(error)}{hint}"
            ) from error

    # ------------------------------------------------------------------ backward

    def _send_back(self, seen: Observation, tracer: Tracer, outputs: Any) -> None:
        if not seen.outputs:
            self.remarks.append(
                "The outputs hold no floating-point tensor that depends on the batch: "
                "no gradient was sent back."
            )
            return
        if not all(node.finite for node in seen.nodes):
            self.remarks.append("Values overflow or are no numbers: no gradient was sent back.")
            return
        generator = torch.Generator().manual_seed(0)
        start = self._probe_start(seen, outputs)
        try:
            tracer.passing = PROBE
            self._backward(start, [_normal_like(tensor, generator) for tensor in start])
            self.twin.zero_grad(set_to_none=True)
            tracer.passing = LOSS
            self._backward([self._loss_of(outputs, seen, generator)])
        finally:
            tracer.passing = ""
        for name, parameter in self.twin.named_parameters():
            if parameter.grad is not None:
                gradient = parameter.grad.detach()
                gradient = gradient.to_dense() if gradient.is_sparse else gradient
                size = torch.linalg.vector_norm(gradient, dtype=torch.float64).item()
                seen.weight_gradients[name] = size**2 / gradient.numel()
        self.twin.zero_grad(set_to_none=True)

    def _backward(
        self, start: list[torch.Tensor], gradients: list[torch.Tensor] | None = None
    ) -> None:
        try:
            torch.autograd.backward(start, gradients, retain_graph=gradients is not None)
        except Exception as error:  # whatever a stranger's backward function raises
            remark = f"No gradient could be taken: {_first_line(error)}."
            if remark not in self.remarks:
                self.remarks.append(remark)

    @staticmethod
    def _probe_start(seen: Observation, outputs: Any) -> list[torch.Tensor]:
        """Where the probe enters: below the last weights, or at the outputs."""
        for source in seen.sources:
            chain = chain_from(seen, source)
            for before, after in zip(chain[-2::-1], chain[:0:-1], strict=True):
                node = seen.nodes[before]
                if seen.nodes[after].weights and node.value is not None:
                    if node.value.requires_grad and before != source:
                        return [node.value]
                    break
        return [t for t in tensors_in(outputs) if t.is_floating_point() and t.requires_grad]

    def _loss_of(self, outputs: Any, seen: Observation, generator: torch.Generator) -> torch.Tensor:
        if self.loss is None:
            seen.probe = (
                "no loss given: gradients are those of the outputs times a fixed random tensor"
            )
            ends = [t for t in tensors_in(outputs) if t.is_floating_point() and t.requires_grad]
            products = [(t * _normal_like(t, generator)).sum() for t in ends]
            return sum(products[1:], products[0]) / max(1, seen.examples)
        seen.probe = "gradients are those of the loss given"
        value = self._called_loss(outputs)
        seen.loss = value.item()
        if not math.isfinite(seen.loss):
            self.remarks.append(f"The loss on this batch is {seen.loss}.")
        return value

    def _called_loss(self, outputs: Any) -> torch.Tensor:
        assert self.loss is not None
        try:
            value = self.loss(outputs, self.targets)
        except Exception as error:
            raise ValueError(
                f"loss must be callable with (outputs, targets), got {self.loss!r} which raised "
                f"{type(error).__name__}: {_first_line(error)}"
            ) from error
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise ValueError(f"loss must return a tensor of one number, got {_shape_words(value)}")
        return value.reshape(())

    # ------------------------------------------------------------------ a step

    def _take_step(self, optimizer: torch.optim.Optimizer) -> Step | None:
        before = {n: p.detach().clone() for n, p in self.twin.named_parameters()}
        names = {id(p): n for n, p in self.twin.named_parameters()}
        losses: list[float] = []

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            generator = torch.Generator().manual_seed(0)
            scratch = Observation([], [], [], self.examples[0] if self.examples else 1, self.twin)
            value = self._loss_of(self._call(_cloned(self.inputs, False)), scratch, generator)
            value.backward()
            losses.append(value.item())
            return value

        try:
            torch.manual_seed(0)
            closure()
            try:
                type(optimizer).step(optimizer)  # not the instance's: a scheduler may have bound it
            except TypeError:
                type(optimizer).step(optimizer, closure)  # type: ignore[arg-type]
            torch.manual_seed(0)
            ratios = _ratios(before, self.twin)
            closure()
        except Exception as error:  # whatever a stranger's optimizer raises
            self.remarks.append(f"The optimizer's step failed: {_first_line(error)}.")
            return None
        finally:
            with torch.no_grad():  # what is reported of the weights is what they were
                for name, parameter in self.twin.named_parameters():
                    parameter.copy_(before[name])
        rates = {
            names[id(p)]: (number, float(group.get("lr", math.nan)))
            for number, group in enumerate(optimizer.param_groups)
            for p in group["params"]
            if id(p) in names and names[id(p)] in ratios
        }
        after = losses[-1] if self.loss is not None else math.nan
        first = losses[0] if self.loss is not None else math.nan
        return Step(
            {n: ratios[n] for n in rates}, rates, not _follows_scale(optimizer), first, after
        )

    # ------------------------------------------------------------------ remarks

    def _remark_on_parameters(self, seen: Observation) -> None:
        named = dict(self.twin.named_parameters())
        if not named:
            self.remarks.append("The module has no parameters.")
        seen.broken = tuple(n for n, p in named.items() if not torch.isfinite(p.detach()).all())
        aliases: dict[int, list[str]] = {}
        for name, one in self.twin.named_parameters(remove_duplicate=False):
            aliases.setdefault(id(one), []).append(name)
        tied = [names for names in aliases.values() if len(names) > 1]
        for names in tied[:3]:
            self.remarks.append(f"{' and '.join(names)} are one tensor (tied weights).")
        if tied[3:]:
            rest = _listed([names[0] for names in tied[3:]])
            self.remarks.append(f"Tied under several names as well: {rest}.")
        if self.frozen:
            self.remarks.append(f"Frozen, but examined like the others: {_listed(self.frozen)}.")
        narrow = {p.dtype for p in named.values()} & {torch.float16, torch.bfloat16}
        for dtype in narrow:
            kind = str(dtype).removeprefix("torch.")
            self.remarks.append(f"Weights are {kind}; moments were computed in float64.")

    def _remark_on_tracing(self, seen: Observation, tracer: Tracer) -> None:
        if tracer.unseen:
            names = _listed(tracer.unseen)
            self.remarks.append(f"Taken as one layer each, their inside cannot be seen: {names}.")
        if tracer.dropout:
            self.remarks.append("Dropout was left out of the measurement.")
        uses: dict[str, int] = {}
        for node in seen.nodes:
            for name in {name for weight in node.weights for name in weight.names}:
                uses[name] = uses.get(name, 0) + 1
        several = {name: count for name, count in uses.items() if count > 1}
        for name in list(several)[:3]:
            self.remarks.append(f"{name} is used {several[name]} times in one pass.")
        if len(several) > 3:
            self.remarks.append(f"Used several times as well: {_listed(list(several)[3:])}.")
        few = min((node.values for node in seen.nodes if node.values), default=FEW_VALUES)
        if few < FEW_VALUES:
            self.remarks.append(
                f"Batch normalization takes its statistics from as few as {few} values: gradients through it "
                "are not those of training. Pass more examples or larger images."
            )
        if seen.examples < 2:
            self.remarks.append(
                "The batch has one example: what distinguishes two inputs could not be measured. "
                "Pass at least 16."
            )


def chain_from(seen: Observation, source: int) -> list[int]:
    """Indices of the operations that lie on every path from an input to the outputs, in order."""
    count = len(seen.nodes)
    up, down = [0] * count, [0] * count
    up[source] = 1
    children: list[list[int]] = [[] for _ in range(count)]
    for node in seen.nodes:
        for parent in node.parents:
            children[parent].append(node.index)
        if node.index != source:
            up[node.index] = sum(up[parent] for parent in node.parents)
    ends = set(seen.outputs)
    for index in range(count - 1, -1, -1):
        down[index] = (index in ends) + sum(down[child] for child in children[index])
    paths = down[source]
    return [i for i in range(count) if paths and up[i] * down[i] == paths]


# ---------------------------------------------------------------------- arguments


def _split(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, (tuple, list)) and not isinstance(batch, PackedSequence):
        if len(batch) == 1:
            return batch[0], None
        if len(batch) == 2:
            return batch[0], batch[1]
        raise ValueError(
            "batch must be inputs or (inputs, targets), several inputs as ((first, second), "
            f"targets); got {len(batch)} items"
        )
    return batch, None


def _check(module: Any, inputs: Any, loss: Any, optimizer: Any) -> None:
    if not isinstance(module, nn.Module):
        raise ValueError(f"module must be a torch.nn.Module, got {module!r}")
    tensors = list(tensors_in(inputs))
    if not tensors:
        raise ValueError(f"batch must hold at least one tensor of inputs, got {inputs!r}")
    for tensor in tensors:
        if tensor.numel() == 0:
            raise ValueError(f"batch must not be empty, got shape {tuple(tensor.shape)}")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            wrong = tensor[~torch.isfinite(tensor)][0].item()
            raise ValueError(f"batch must hold finite numbers, got {wrong}")
    if loss is not None and not callable(loss):
        raise ValueError(f"loss must be callable with (outputs, targets), got {loss!r}")
    if optimizer is None:
        return
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"optimizer must be a torch.optim.Optimizer, got {optimizer!r}")
    own = {id(p) for p in module.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        kind = type(optimizer).__name__
        raise ValueError(f"optimizer must hold parameters of the module, got {kind} with none")


def _batch_sizes(inputs: Any, targets: Any) -> tuple[int, ...]:
    """How long the batch's axis may be, likeliest first."""
    if isinstance(inputs, PackedSequence):
        return (int(inputs.batch_sizes[0]),)
    shapes = [tensor.shape for tensor in tensors_in(inputs) if tensor.ndim > 0]
    if not shapes or shapes[0][0] == 1:
        return (1,)
    sizes = [shapes[0][0], *shapes[0][1:2]]
    labels = [t.shape[0] for t in tensors_in(targets) if t.ndim > 0]
    if labels and len(sizes) == 2 and labels[0] == sizes[1] != sizes[0]:
        sizes.reverse()  # (time, batch, …)
    return tuple(size for size in dict.fromkeys(sizes[:2]) if size > 1) or (1,)


def _cloned(value: Any, with_gradient: bool) -> Any:
    if isinstance(value, torch.Tensor):
        copy = value.detach().clone()
        return copy.requires_grad_(with_gradient and copy.is_floating_point())
    if isinstance(value, PackedSequence):
        return PackedSequence(_cloned(value.data, with_gradient), *value[1:])
    if isinstance(value, Mapping):
        return {name: _cloned(one, with_gradient) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        copies = [_cloned(one, with_gradient) for one in value]
        return type(value)(*copies) if hasattr(value, "_fields") else type(value)(copies)
    return value


def _takes_names(module: nn.Module, inputs: Mapping) -> bool:
    """Whether forward takes the mapping's keys as arguments, rather than the mapping."""
    try:
        inspect.signature(module.forward).bind(**inputs)
    except TypeError:
        return False
    return True


# ---------------------------------------------------------------------- small parts


@contextmanager
def _eager() -> Iterator[None]:
    """Run compiled parts uncompiled, where this torch can be told to."""
    stance = getattr(torch.compiler, "set_stance", None)
    if stance is None or "torch._dynamo" not in sys.modules:  # nothing was compiled
        yield
        return
    with stance("force_eager"):
        yield


def _normal_like(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    drawn = torch.randn(tensor.shape, generator=generator)
    return drawn.to(device=tensor.device, dtype=tensor.dtype)


def _ratios(before: Mapping[str, torch.Tensor], module: nn.Module) -> dict[str, float]:
    ratios = {}
    for name, parameter in module.named_parameters():
        size = before[name].double().norm().item()
        if parameter.ndim > 1 and size > 0 and parameter.grad is not None:
            ratios[name] = (parameter.detach() - before[name]).double().norm().item() / size
    return ratios


def _follows_scale(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a gradient ten times as large makes a step about ten times as large."""
    kind = type(optimizer).__name__.lower()
    return any(word in kind for word in ("sgd", "asgd", "lbfgs")) and "sign" not in kind


def _owner(parameter: str) -> str:
    return parameter.rpartition(".")[0]


def _listed(names: Any, limit: int = 6) -> str:
    names = sorted(names)
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


def _shape_words(value: Any) -> str:
    shapes = [tuple(t.shape) for t in tensors_in(value)]
    return f"shapes {', '.join(map(str, shapes))}" if shapes else repr(value)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
