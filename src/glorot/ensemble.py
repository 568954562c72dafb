r"""Many networks trained at once: one batched product per layer, not a small one per network.

A network of 5×64 units spends most of a step waiting for Python. Stacking *R* networks of the same
sizes into weights of shape ``(R, fan_in, fan_out)`` makes a step of all cost no more calls than a
step of one. Every network keeps its own scheme, activation, learning rate and seed, and nothing
that happens in one (not even a loss that turns NaN) reaches another.

What a step computes for one network, with *B* examples, softmax outputs and *f* the activation:

.. math::
   h_0 = x, \quad z_l = h_{l-1} W_l + b_l, \quad h_l = f(z_l), \qquad
   \delta_L = \frac{\operatorname{softmax}(z_L) - y}{B}, \quad
   \delta_l = (\delta_{l+1} W_{l+1}^T) \odot f'(z_l),

.. math::
   W_l \leftarrow W_l - \eta\, h_{l-1}^T \delta_l, \qquad
   b_l \leftarrow b_l - \eta \sum_B \delta_l.

The recursion is linear in :math:`\delta`, so the factor :math:`-\eta` enters once, at the output,
and the update is one accumulating product that reads and writes the weights once.

*Bit for bit.* A network's first weights depend on its seed, its initializer and the sizes, never on
its neighbors. Training repeats exactly for the same group of networks and the same number of
threads; in another group the matrix library may choose another kernel (by memory alignment, or for
a group of one), and last bits differ. So a run that is to agree however it is spread over workers
fixes its groups in its config and gives each group one thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise
from numbers import Integral, Real

import numpy as np
import torch

from glorot.activations import SELU_ALPHA, SELU_SCALE, Activation, get_activation
from glorot.initializers import Initializer, get_initializer

Tensor = torch.Tensor
Inputs = np.ndarray | Tensor
Operation = Callable[[], object]

_aten = torch.ops.aten
_CHUNK = 500  # examples that are evaluated at once
_WIDE = (
    1 << 19
)  # weights of a matrix from which, on a CPU, one product a network beats a batched one


@dataclass(frozen=True)
class EnsembleConfig:
    """One network of an ensemble.

    Args:
        scheme: an initializer or its name (``"glorot_uniform"``, ``"he"``, …), for the weights;
            biases start at 0.
        activation: the hidden layers' activation or its name.
        learning_rate: of plain SGD, a finite number > 0.
        seed: of the weights, an integer >= 0; networks of equal seed share their base draw.
        output_bias_rate: factor on the learning rate of the output bias; 0 freezes it.

    Raises:
        ValueError: for a value outside these.

    Example:
        >>> EnsembleConfig("glorot_uniform", "tanh", learning_rate=0.1, seed=0).output_bias_rate
        1.0
    """

    scheme: str | Initializer
    activation: str | Activation
    learning_rate: float
    seed: int
    output_bias_rate: float = 1.0

    def __post_init__(self) -> None:
        get_initializer(self.scheme)
        _layout(self.activation)
        if not (_is_finite_number(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(
                f"learning_rate must be a finite number > 0, got {self.learning_rate!r}"
            )
        if not isinstance(self.seed, Integral) or isinstance(self.seed, bool) or self.seed < 0:
            raise ValueError(f"seed must be an integer >= 0, got {self.seed!r}")
        if not (_is_finite_number(self.output_bias_rate) and self.output_bias_rate >= 0):
            raise ValueError(
                f"output_bias_rate must be a finite number >= 0, got {self.output_bias_rate!r}"
            )


@dataclass(frozen=True)
class EnsembleGradients:
    """Gradients of the batch-mean loss of every network, layer by layer from the first.

    Args:
        losses: (R,).
        grad_preacts: L tensors (R, B, n_l).
        grad_weights: L tensors (R, n_{l-1}, n_l).
        grad_biases: L tensors (R, n_l).
    """

    losses: Tensor
    grad_preacts: tuple[Tensor, ...]
    grad_weights: tuple[Tensor, ...]
    grad_biases: tuple[Tensor, ...]


class Ensemble:
    """R networks of the same sizes, trained at once, in the order of their configs.

    ``weights[l]`` is (R, fan_in, fan_out) and ``biases[l]`` (R, fan_out); write to them in place
    only. Neighboring configs with the same activation are computed together: sort them by it.

    Args:
        configs: one :class:`EnsembleConfig` per network.
        sizes: (n_0, …, n_L), widths of the inputs, the hidden layers and the classes.
        device: ``"cpu"`` or a CUDA device; there a step is captured as a graph and replayed.

    Raises:
        ValueError: for no configs, sizes that are fewer than two or not positive integers, or a device
            that is neither the CPU nor a CUDA device of this machine.

    Source: Glorot & Bengio (2010), section 2, for the protocol: softmax, negative log-likelihood,
    plain SGD.

    Example:
        >>> configs = [EnsembleConfig("glorot_uniform", "tanh", 0.1, seed) for seed in range(3)]
        >>> ensemble = Ensemble(configs, (4, 8, 8, 2))
        >>> x = np.random.default_rng(0).standard_normal((10, 4))
        >>> losses = ensemble.step(x, (x[:, 0] > 0).astype(int))
        >>> losses.shape, ensemble.weights[0].shape
        (torch.Size([3]), torch.Size([3, 4, 8]))
    """

    def __init__(
        self,
        configs: Sequence[EnsembleConfig],
        sizes: Sequence[int],
        device: str | torch.device = "cpu",
    ) -> None:
        self.configs = _checked_configs(configs)
        self.sizes = _checked_sizes(sizes)
        self.device = _checked_device(device)
        drawn = [_draw_weights(config, self.sizes) for config in self.configs]
        self.weights = tuple(
            torch.stack([torch.from_numpy(w) for w in layer]).to(self.device)
            for layer in zip(*drawn, strict=True)
        )
        self.biases = tuple(
            torch.zeros((len(self.configs), n), device=self.device) for n in self.sizes[1:]
        )
        self._training: dict[tuple[int, bool], _TrainingStep] = {}

    def step(self, x: Inputs, y: Inputs) -> Tensor:
        """Take one SGD step on the batch-mean negative log-likelihood, in every network.

        Args:
            x: inputs, (B, d) for all networks or (R, B, d), one batch each.
            y: labels 0 … n_L - 1, integers, (B,) or (R, B).

        Returns:
            The losses before the step, (R,).

        Raises:
            ValueError: for wrong shapes or types, inputs that are not finite, labels out of range.
                (What is on a GPU already is not looked at: that would stall it.)
        """
        self._check_batch(x, y)
        key = (x.shape[-2], x.ndim == 2)
        if key not in self._training:
            self._training[key] = _TrainingStep(self, *key)
        training = self._training[key]
        training.load(x, y)
        return training.run()

    def activations(self, x: Inputs) -> list[Tensor]:
        """Return the hidden layers' activations and, last, the logits: L tensors (R, B, n_l)."""
        _check_inputs(x, len(self.configs), self.sizes[0])
        forward = _Forward(self, x.shape[-2], x.ndim == 2)
        forward.load_inputs(x)
        _run(forward.operations)
        return forward.acts[1:]

    def gradients(self, x: Inputs, y: Inputs) -> EnsembleGradients:
        """Return the gradients of the batch-mean loss; nothing is updated."""
        self._check_batch(x, y)
        back = _Backward(self, x.shape[-2], x.ndim == 2)
        back.load(x, y)
        back.scale.fill_(1 / x.shape[-2])
        _run(back.operations)
        pairs = zip(back.acts, back.grad_preacts, strict=False)
        return EnsembleGradients(
            losses=back.losses,
            grad_preacts=tuple(back.grad_preacts),
            grad_weights=tuple(torch.bmm(h.transpose(1, 2), delta) for h, delta in pairs),
            grad_biases=tuple(delta.sum(1) for delta in back.grad_preacts),
        )

    def loss(self, x: Inputs, y: Inputs) -> Tensor:
        """Return the mean negative log-likelihood over any number of examples, (R,)."""

        def summed(logits: Tensor, labels: Tensor) -> Tensor:
            return -torch.log_softmax(logits, 2).gather(2, labels).sum((1, 2))

        return self._mean_over_chunks(summed, x, y)

    def error_rate(self, x: Inputs, y: Inputs) -> Tensor:
        """Return the share of wrong predictions over any number of examples, (R,).

        A prediction that is not finite counts as wrong.
        """

        def wrong(logits: Tensor, labels: Tensor) -> Tensor:
            best = logits.max(2)
            return ((best.indices != labels[:, :, 0]) | ~best.values.isfinite()).sum(1)

        return self._mean_over_chunks(wrong, x, y)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of all that a step depends on: ``weights_0``, ``biases_0``, …"""
        return {name: tensor.cpu().numpy().copy() for name, tensor in self._parameters()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state_dict` returned; training then goes on bit for bit.

        Raises:
            ValueError: if an array is missing or has another shape or type.
        """
        for name, tensor in self._parameters():
            array = state.get(name)
            if array is None:
                raise ValueError(f"state must hold {name!r}, got {sorted(state)!r}")
            if array.shape != tensor.shape or array.dtype != np.float32:
                raise ValueError(
                    f"{name} must be float32 of shape {tuple(tensor.shape)}, "
                    f"got {array.dtype} {array.shape}"
                )
        for name, tensor in self._parameters():
            tensor.copy_(torch.tensor(state[name]))

    def _parameters(self) -> Iterator[tuple[str, Tensor]]:
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            yield f"weights_{layer}", weight
            yield f"biases_{layer}", bias

    def _check_batch(self, x: Inputs, y: Inputs) -> None:
        networks = len(self.configs)
        _check_inputs(x, networks, self.sizes[0])
        _check_labels(y, (x.shape[-2],), (networks, x.shape[-2]), self.sizes[-1])

    def _mean_over_chunks(
        self, total: Callable[[Tensor, Tensor], Tensor], x: Inputs, y: Inputs
    ) -> Tensor:
        self._check_batch(x, y)
        count, sums = x.shape[-2], torch.zeros(len(self.configs), dtype=torch.float64)
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            logits = self.activations(x[..., part, :])[-1]
            labels = (
                torch.as_tensor(np.array(y[..., part]))
                if isinstance(y, np.ndarray)
                else y[..., part]
            )
            labels = labels.to(self.device, torch.int64).expand(logits.shape[:2])[:, :, None]
            sums += total(logits, labels).cpu()
        return (sums / count).to(torch.float32)


class _Forward:
    """Buffers and operations of a forward pass for one batch shape: laid out once, run many times.

    A step of small networks is bound by the number of calls, so all views and buffers are made
    here and what is left is a list of calls without arguments.
    """

    def __init__(self, nets: Ensemble, batch: int, shared: bool) -> None:
        self.networks, self.device = len(nets.configs), nets.device
        self.inputs = self._buffer((1 if shared else self.networks, batch, nets.sizes[0]))
        self.acts = [self.inputs.expand(self.networks, -1, -1)]
        self.runs = _runs_of_equal_activation(nets.configs)
        self.operations: list[Operation] = []
        self.preacts: list[Tensor] = []
        for layer, (weight, bias) in enumerate(zip(nets.weights, nets.biases, strict=True)):
            z = self._buffer((self.networks, batch, nets.sizes[layer + 1]))
            self.operations += _products(
                torch.baddbmm, torch.addmm, (bias[:, None], self.acts[-1], weight), z
            )
            self.preacts.append(z)
            self.acts.append(z if layer == len(nets.weights) - 1 else self._activate(z))

    def load_inputs(self, x: Inputs) -> None:
        """Copy a batch in; what comes from the CPU must be finite."""
        _copy(x, self.inputs)
        on_gpu = isinstance(x, Tensor) and x.device.type != "cpu"
        if not on_gpu and not math.isfinite(self.inputs.sum()) and not self.inputs.isfinite().all():
            first = self.inputs[~self.inputs.isfinite()][0].item()
            raise ValueError(f"x must be finite (in float32), got {first!r} among its entries")

    def _activate(self, z: Tensor) -> Tensor:
        """Add the operations h = f(z), one for each run of networks with the same activation."""
        in_place = all(layout.kept_output for layout, _ in self.runs)
        h = z if in_place else self._buffer(tuple(z.shape))
        for layout, run in self.runs:
            self.operations += layout.forward(z[run], h[run])
        return h

    def _buffer(self, shape: tuple[int, ...]) -> Tensor:
        return torch.zeros(shape, device=self.device)


class _Backward(_Forward):
    """A forward pass with the loss and the backward pass behind it.

    ``grad_preacts`` holds the gradients of the *summed* loss times ``scale``, one factor a network.
    """

    def __init__(self, nets: Ensemble, batch: int, shared: bool) -> None:
        super().__init__(nets, batch, shared)
        self.labels = torch.zeros((self.networks, batch, 1), dtype=torch.int64, device=self.device)
        self.scale = self._buffer((self.networks, 1, 1))
        self.losses = self._buffer((self.networks,))
        self.grad_preacts = [self._buffer(tuple(z.shape)) for z in self.preacts]
        self._append_loss(self.preacts[-1], self.grad_preacts[-1])
        for layer in reversed(range(len(nets.weights))):
            if layer > 0:
                self._append_layer(nets.weights[layer], layer)
            self._append_update(nets, layer)

    def load(self, x: Inputs, y: Inputs) -> None:
        """Copy a batch and its labels in."""
        self.load_inputs(x)
        _copy(y, self.labels[:, :, 0])

    def _append_loss(self, logits: Tensor, delta: Tensor) -> None:
        log_p = torch.empty_like(logits)
        picked = self._buffer((self.networks, logits.shape[1], 1))
        minus_one = torch.full_like(picked, -1.0)
        self.operations += [
            partial(_aten._log_softmax.out, logits, 2, False, out=log_p),
            partial(torch.gather, log_p, 2, self.labels, out=picked),
            partial(torch.mean, picked, (1, 2), out=self.losses),
            self.losses.neg_,
            partial(torch.exp, log_p, out=delta),
            partial(delta.scatter_add_, 2, self.labels, minus_one),
            partial(delta.mul_, self.scale),
        ]

    def _append_layer(self, weight: Tensor, layer: int) -> None:
        above, below = self.grad_preacts[layer], self.grad_preacts[layer - 1]
        self.operations += _products(torch.bmm, torch.mm, (above, weight.transpose(1, 2)), below)
        for layout, run in self.runs:
            kept = self.acts[layer] if layout.kept_output else self.preacts[layer - 1]
            self.operations += layout.backward(below[run], kept[run])

    def _append_update(self, nets: Ensemble, layer: int) -> None:
        """Add nothing: gradients alone change no weights."""


class _TrainingStep(_Backward):
    """A backward pass that updates each layer as soon as the gradient has passed it."""

    def __init__(self, nets: Ensemble, batch: int, shared: bool) -> None:
        ones = torch.ones((len(nets.configs), 1, batch), device=nets.device)
        rates = [config.output_bias_rate for config in nets.configs]
        self._ones, self._output_rates = ones, ones * _column(rates, nets.device)
        super().__init__(nets, batch, shared)
        self.replay: Operation = partial(_run, self.operations)
        if self.device.type == "cuda":
            self.replay = self._captured()
        rates = [-config.learning_rate / batch for config in nets.configs]
        self.scale.copy_(_column(rates, nets.device))

    def run(self) -> Tensor:
        """Do the step with the batch that was loaded and return the losses before it."""
        self.replay()
        return self.losses.clone()

    def _append_update(self, nets: Ensemble, layer: int) -> None:
        weight, delta = nets.weights[layer], self.grad_preacts[layer]
        h_t = self.acts[layer].transpose(1, 2)
        factors = self._output_rates if layer == len(nets.weights) - 1 else self._ones
        if _is_wide(weight):
            each = zip(weight, h_t, delta, strict=True)
            self.operations += [partial(w.addmm_, h, d) for w, h, d in each]
        else:
            self.operations.append(partial(weight.baddbmm_, h_t, delta))
        self.operations.append(partial(nets.biases[layer][:, None].baddbmm_, factors, delta))

    def _captured(self) -> Operation:
        """Return the replay of a CUDA graph; scale is still 0, so warming up updates nothing."""
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            for _ in range(3):
                _run(self.operations)
        torch.cuda.current_stream(self.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            _run(self.operations)
        return graph.replay


@dataclass(frozen=True)
class _Layout:
    """How an activation is computed on buffers.

    Args:
        forward: (z, h) -> the operations of h = f(z).
        backward: (delta, kept) -> those of delta <- delta * f'(z).
        kept_output: whether ``kept`` is h, so that z may be overwritten, or z.
    """

    forward: Callable[[Tensor, Tensor], list[Operation]]
    backward: Callable[[Tensor, Tensor], list[Operation]]
    kept_output: bool = True


def _fused(
    f: Callable, slope: Callable, slope_args: tuple = (), kept_output: bool = True
) -> _Layout:
    """An activation that torch does in one call each way."""
    return _Layout(
        lambda z, h: [partial(f, z, out=h)],
        lambda delta, kept: [partial(slope, delta, kept, *slope_args, grad_input=delta)],
        kept_output,
    )


def _elu(alpha: float, scale: float) -> _Layout:
    return _Layout(
        lambda z, h: [partial(_aten.elu.out, z, alpha, scale, 1.0, out=h)],
        lambda delta, h: [
            partial(
                _aten.elu_backward.grad_input, delta, alpha, scale, 1.0, True, h, grad_input=delta
            )
        ],
    )


def _leaky_relu(slope: float) -> _Layout:
    return _Layout(
        lambda z, h: [partial(_aten.leaky_relu.out, z, slope, out=h)],
        lambda delta, z: [
            partial(_aten.leaky_relu_backward.grad_input, delta, z, slope, False, grad_input=delta)
        ],
        kept_output=False,
    )


def _softsign() -> _Layout:
    def forward(z: Tensor, h: Tensor) -> list[Operation]:
        s = torch.empty_like(z)
        return [partial(torch.abs, z, out=s), partial(s.add_, 1.0), partial(torch.div, z, s, out=h)]

    def backward(delta: Tensor, h: Tensor) -> list[Operation]:
        s = torch.empty_like(h)
        times_one_minus_s = partial(torch.addcmul, delta, delta, s, value=-1.0, out=delta)
        return [
            partial(torch.abs, h, out=s),
            times_one_minus_s,
            times_one_minus_s,
        ]  # f' = (1 - |h|)^2

    return _Layout(forward, backward)


def _identity() -> _Layout:
    return _Layout(
        lambda z, h: [] if z.data_ptr() == h.data_ptr() else [partial(h.copy_, z)],
        lambda delta, h: [],
    )


_LAYOUTS: dict[str, _Layout] = {
    "identity": _identity(),
    "logistic": _fused(_aten.sigmoid.out, _aten.sigmoid_backward.grad_input),
    "tanh": _fused(_aten.tanh.out, _aten.tanh_backward.grad_input),
    "softsign": _softsign(),
    "relu": _fused(_aten.relu.out, _aten.threshold_backward.grad_input, (0.0,)),
    "elu": _elu(1.0, 1.0),
    "selu": _elu(SELU_ALPHA, SELU_SCALE),
    "gelu": _fused(_aten.gelu.out, _aten.gelu_backward.grad_input, kept_output=False),
    "silu": _fused(_aten.silu.out, _aten.silu_backward.grad_input, kept_output=False),
}


def _layout(activation: str | Activation) -> _Layout:
    activation = get_activation(activation)
    if activation.name.startswith("leaky_relu"):
        return _leaky_relu(float(activation.df(np.array(-1.0))))
    if activation.name not in _LAYOUTS:
        raise ValueError(
            f"activation must be a leaky ReLU or one of {', '.join(_LAYOUTS)}; got {activation!r}"
        )
    return _LAYOUTS[activation.name]


def _runs_of_equal_activation(configs: Sequence[EnsembleConfig]) -> list[tuple[_Layout, slice]]:
    """Neighbors with the same activation, as slices over the networks."""
    runs, start = [], 0
    for activation, group in groupby(get_activation(config.activation) for config in configs):
        stop = start + len(list(group))
        runs.append((_layout(activation), slice(start, stop)))
        start = stop
    return runs


def _is_wide(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.shape[1] * weight.shape[2] >= _WIDE


def _products(
    batched: Callable, single: Callable, operands: Sequence[Tensor], out: Tensor
) -> list[Operation]:
    """The product with the last operand, W: of all networks at once, or one by one if wide."""
    if not _is_wide(operands[-1]):
        return [partial(batched, *operands, out=out)]
    return [partial(single, *each, out=o) for *each, o in zip(*operands, out, strict=True)]


def _run(operations: Sequence[Operation]) -> None:
    for operation in operations:
        operation()


def _copy(source: Inputs, target: Tensor) -> None:
    """Copy into a buffer, broadcast; an array may be read-only and of another float type."""
    if isinstance(source, Tensor):
        target.copy_(source)
    elif target.device.type == "cpu":
        with np.errstate(all="ignore"):  # what overflows float32 is refused as not finite
            np.copyto(target.numpy(), source, casting="unsafe")
    else:
        target.copy_(torch.tensor(source))


def _column(values: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]


def _draw_weights(config: EnsembleConfig, sizes: Sequence[int]) -> list[np.ndarray]:
    rng = np.random.default_rng(config.seed)
    initializer = get_initializer(config.scheme)
    return [initializer(shape, rng) for shape in pairwise(sizes)]


def _is_finite_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _checked_configs(configs: Sequence[EnsembleConfig]) -> tuple[EnsembleConfig, ...]:
    configs = tuple(configs)
    if not configs:
        raise ValueError(f"configs must hold at least one EnsembleConfig, got {configs!r}")
    for config in configs:
        if not isinstance(config, EnsembleConfig):
            raise ValueError(f"configs must hold EnsembleConfig only, got {config!r}")
    return configs


def _checked_device(device: str | torch.device) -> torch.device:
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        found = None
    if found is None or found.type not in ("cpu", "cuda"):
        raise ValueError(f'device must be "cpu" or a CUDA device, got {device!r}')
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device must be one that this machine has, got {device!r}")
    return found


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(sizes)
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) and n > 0 for n in sizes)
    if len(sizes) < 2 or not whole:
        raise ValueError(f"sizes must be at least two positive integers, got {sizes!r}")
    return tuple(int(n) for n in sizes)


def _check_inputs(x: Inputs, networks: int, width: int) -> None:
    if not isinstance(x, (np.ndarray, Tensor)):
        raise ValueError(f"x must be an array or a tensor, got {type(x).__name__}")
    real = x.is_floating_point() if isinstance(x, Tensor) else x.dtype.kind == "f"
    if not real:
        raise ValueError(f"x must be of a floating type, got {x.dtype}")
    stacked = x.ndim == 3 and x.shape[0] == networks
    if not (x.ndim == 2 or stacked) or x.shape[-1] != width or x.shape[-2] < 1:
        raise ValueError(
            f"x must have shape (B, {width}) or ({networks}, B, {width}), got {tuple(x.shape)}"
        )


def _check_labels(
    y: Inputs, shared: tuple[int, ...], stacked: tuple[int, ...], classes: int
) -> None:
    if not isinstance(y, (np.ndarray, Tensor)):
        raise ValueError(f"y must be an array or a tensor, got {type(y).__name__}")
    if tuple(y.shape) not in (shared, stacked):
        raise ValueError(f"y must have shape {shared} or {stacked}, got {tuple(y.shape)}")
    if isinstance(y, Tensor):
        if y.device.type != "cpu" and y.dtype == torch.int64:
            return  # a look inside would stall the GPU
        y = y.detach().cpu().numpy()
    if y.dtype.kind not in "iu":
        raise ValueError(f"y must be of an integer type, got {y.dtype}")
    low, high = y.min(), y.max()
    if low < 0 or high >= classes:
        raise ValueError(f"y must lie in 0 ... {classes - 1}, got {int(low if low < 0 else high)}")
