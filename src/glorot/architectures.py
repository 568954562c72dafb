r"""Networks in torch that a chapter measures: a plain one, one with shortcuts, one that normalizes.

All three are built from widths ``(n_0, …, n_L)`` with L weight matrices, start with biases of 0, and
name the layers at which a signal is measured in ``stages``. The second half of the module measures: it
listens to any torch module's layers by name and leaves the module as it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
import torch
from torch import nn

from glorot.activations import SELU_ALPHA, SELU_SCALE, Activation, get_activation
from glorot.initializers import Initializer, get_initializer

__all__ = [
    "MLP",
    "BatchNormMLP",
    "ModuleMoments",
    "ResidualMLP",
    "activation_module",
    "layer_outputs",
    "module_moments",
]

Tensor = torch.Tensor


class _ELU(nn.Module):
    """scale * (z for z > 0, alpha (exp(z) - 1) below), SELU with both constants."""

    def forward(self, z: Tensor) -> Tensor:
        return SELU_SCALE * torch.where(z > 0, z, SELU_ALPHA * torch.expm1(z.clamp(max=0)))


_MODULES: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softsign": nn.Softsign,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": _ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


def activation_module(activation: str | Activation) -> nn.Module:
    """Return an activation of the book as a torch module.

    Raises:
        ValueError: for an unknown name, or an activation that torch has no module for.

    Example:
        >>> activation_module("relu")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    phi = get_activation(activation)
    if phi.name not in _MODULES:
        raise ValueError(f"activation must be one of {', '.join(_MODULES)}; got {phi.name!r}")
    return _MODULES[phi.name]()


class MLP(nn.Module):
    r"""A fully connected network: ``z_l = W_l φ(z_{l-1}) + b_l``, the last layer linear.

    Args:
        sizes: widths (n_0, …, n_L), at least two positive integers.
        initializer: of every layer's weights, an initializer or its name; or one for each layer.
        activation: of the hidden layers, a key of ``ACTIVATIONS``.
        rng: source of the weights.

    ``stages`` names the layers 1…L, whose outputs are the pre-activations.

    Raises:
        ValueError: for widths, initializers or an activation that are none.

    Used in *Where does the argument end?*

    Example:
        >>> net = MLP((4, 8, 8, 3), "he", "relu", np.random.default_rng(0))
        >>> net(torch.zeros(5, 4)).shape, net.stages
        (torch.Size([5, 3]), ('layers.0', 'layers.1', 'layers.2'))
    """

    def __init__(
        self,
        sizes: Sequence[int],
        initializer: str | Initializer | Sequence[str | Initializer],
        activation: str | Activation,
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        self.sizes = _checked_sizes(sizes)
        self.layers = nn.ModuleList(_linear_layers(self.sizes, initializer, rng))
        self.activation = activation_module(activation)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the layers 1…L."""
        return tuple(f"layers.{place}" for place in range(len(self.layers)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (B, n_L), for inputs (B, n_0)."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        logits: Tensor = self.layers[-1](x)
        return logits


class BatchNormMLP(MLP):
    r"""A fully connected network whose hidden pre-activations are normalized over the batch.

    .. math:: z_l = W_l h_{l-1} + b_l, \qquad
       h_l = \phi\Big(\frac{z_l - \operatorname{mean} z_l}{\operatorname{std} z_l}\Big).

    Scale and shift of the normalization start at 1 and 0. Whatever variance the weights have, the forward
    signal is the same; the gradient is not: under ReLU its second moment grows by π/(π − 1) a layer.

    Args, raises: as in :class:`MLP`. ``stages`` names the normalized hidden layers, then the last one.

    Source: Ioffe & Szegedy (2015); Yang et al. (2019) for the factor. Used in *Where does the argument end?*
    """

    def __init__(
        self,
        sizes: Sequence[int],
        initializer: str | Initializer | Sequence[str | Initializer],
        activation: str | Activation,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(sizes, initializer, activation, rng)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in self.sizes[1:-1])

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the hidden layers' normalized outputs and of the last layer."""
        hidden = (f"norms.{place}" for place in range(len(self.norms)))
        return (*hidden, f"layers.{len(self.layers) - 1}")

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (B, n_L), for inputs (B, n_0); training needs B ≥ 2."""
        for layer, norm in zip(self.layers[:-1], self.norms, strict=True):
            x = self.activation(norm(layer(x)))
        logits: Tensor = self.layers[-1](x)
        return logits


class ResidualBlock(nn.Module):
    """``x + scale · branch(x)``; the branch is (φ, linear), once or several times over."""

    def __init__(self, layers: Sequence[nn.Linear], activation: nn.Module, scale: float) -> None:
        super().__init__()
        self.layers, self.activation, self.scale = nn.ModuleList(layers), activation, scale

    def forward(self, x: Tensor) -> Tensor:
        branch = x
        for layer in self.layers:
            branch = layer(self.activation(branch))
        return x + self.scale * branch


class ResidualMLP(nn.Module):
    r"""A first layer, blocks with a shortcut, and a last layer.

    .. math:: x_1 = W x_0, \qquad x_{b+1} = x_b + s\, F_b(x_b), \qquad F_b(x) = W' \phi(W'' \phi(x)) \dots

    Under He and ReLU each of a branch's matrices keeps the second moment, so that with *s* = 1 every block
    doubles it; over N blocks *s* = 1/√N holds the growth below e.

    Args:
        sizes: (n_0, width, n_L): inputs, the stream, classes.
        blocks: number of blocks, at least 1.
        initializer: of every layer's weights, an initializer or its name.
        activation: φ, a key of ``ACTIVATIONS``.
        rng: source of the weights.
        scale: s, a finite number.
        branch_depth: weight matrices in a branch, at least 1.
        branch_end: initializer of the last matrix of every branch; None takes `initializer`. With
            ``"zeros"`` every block starts as the identity.

    ``stages`` names the first layer, the blocks (their outputs are the stream) and the last layer.

    Raises:
        ValueError: for widths, counts, a scale, initializers or an activation that are none.

    Source: He et al. (2016), the pre-activation order; Zhang et al. (2019) for branches that end in 0. Used in
    *Where does the argument end?*

    Example:
        >>> rng = np.random.default_rng(0)
        >>> net = ResidualMLP((4, 8, 3), 2, "he", "relu", rng, branch_end="zeros")
        >>> net(torch.zeros(5, 4)).shape, net.stages
        (torch.Size([5, 3]), ('first', 'blocks.0', 'blocks.1', 'last'))
    """

    def __init__(
        self,
        sizes: Sequence[int],
        blocks: int,
        initializer: str | Initializer,
        activation: str | Activation,
        rng: np.random.Generator,
        *,
        scale: float = 1.0,
        branch_depth: int = 1,
        branch_end: str | Initializer | None = None,
    ) -> None:
        super().__init__()
        self.sizes = _checked_sizes(sizes)
        if len(self.sizes) != 3:
            raise ValueError(f"sizes must be (n_0, width, n_L), got {sizes!r}")
        _check_count("blocks", blocks)
        _check_count("branch_depth", branch_depth)
        if not isinstance(scale, Real) or not np.isfinite(scale):
            raise ValueError(f"scale must be a finite number, got {scale!r}")
        inputs, width, classes = self.sizes
        end = initializer if branch_end is None else branch_end
        drawn = [initializer] * (branch_depth - 1) + [end]
        self.first: nn.Linear = _linear_layers((inputs, width), initializer, rng)[0]
        self.blocks: nn.ModuleList = nn.ModuleList(
            ResidualBlock(
                _linear_layers((width,) * (branch_depth + 1), drawn, rng),
                activation_module(activation),
                float(scale),
            )
            for _ in range(blocks)
        )
        self.activation: nn.Module = activation_module(activation)
        self.last: nn.Linear = _linear_layers((width, classes), initializer, rng)[0]

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the first layer, the blocks and the last layer."""
        return ("first", *(f"blocks.{place}" for place in range(len(self.blocks))), "last")

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (B, n_L), for inputs (B, n_0)."""
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.last(self.activation(x))
        return logits


# eq=False: comparing arrays with == has no single truth value.
@dataclass(frozen=True, eq=False)
class ModuleMoments:
    """Second moments at a module's layers, in the order in which the layers were named.

    Args:
        names: of the layers.
        forward: E[z²] of each layer's output, over units and examples, float64.
        backward: E[δ²] of the gradient that arrives at it, for a gradient of unit second moment at the
            module's output.
    """

    names: tuple[str, ...]
    forward: np.ndarray
    backward: np.ndarray


def layer_outputs(
    module: nn.Module, x: np.ndarray | Tensor, names: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Return what layers of a module put out, by name; the module stays as it is.

    Args:
        module: any torch module that maps a batch to a tensor; its mode (train or eval) is kept.
        x: a batch; an array takes the type of the module's parameters.
        names: of submodules, as in ``module.named_modules()``; by default ``module.stages``, or every
            submodule that has a weight of rank 2 or more.

    Returns:
        One float64 array per name, for ``probes.layer_statistics`` and ``probes.input_correlations``.

    Raises:
        ValueError: for a name that is none, or a layer that is not run or returns no single tensor.

    Example:
        >>> net = MLP((4, 8, 3), "he", "relu", np.random.default_rng(0))
        >>> [z.shape for z in layer_outputs(net, np.zeros((5, 4))).values()]
        [(5, 8), (5, 3)]
    """
    with _listening(module, names) as heard, torch.no_grad():
        module(_batch(module, x))
    return {name: output.numpy(force=True).astype(np.float64) for name, output in _all(heard)}


def module_moments(
    module: nn.Module,
    x: np.ndarray | Tensor,
    rng: np.random.Generator,
    names: Sequence[str] | None = None,
) -> ModuleMoments:
    """Measure a signal on its way through a module's layers, and a gradient on its way back.

    The gradient at the module's output is standard normal and independent of the network, as the theory
    of the book assumes. Measure in float64 (``module.double()``) what may fall or grow for many layers.

    Args:
        module, x, names: as in :func:`layer_outputs`.
        rng: source of the gradient at the output.

    Raises:
        ValueError: as :func:`layer_outputs`, or if the output does not depend on a layer.

    Used in *Where does the argument end?*

    Example:
        >>> rng = np.random.default_rng(0)
        >>> net = ResidualMLP((50, 50, 50), 4, "he", "relu", rng).double()
        >>> moments = module_moments(net, rng.standard_normal((64, 50)), rng)
        >>> bool(moments.forward[4] > 8 * moments.forward[0])  # doubled four times, or nearly
        True
    """
    with _listening(module, names) as heard, torch.enable_grad():
        output = module(_batch(module, x))
        found = _all(heard)
        delta = torch.as_tensor(rng.standard_normal(tuple(output.shape)), dtype=output.dtype)
        outputs = [tensor for _, tensor in found]
        gradients = torch.autograd.grad(output, outputs, delta.to(output.device), allow_unused=True)
    for (name, _), gradient in zip(found, gradients, strict=True):
        if gradient is None:
            raise ValueError(f"names must be layers that the output depends on, got {name!r}")
    return ModuleMoments(
        tuple(name for name, _ in found),
        np.array([_second_moment(tensor) for tensor in outputs]),
        np.array([_second_moment(gradient) for gradient in gradients]),
    )


@contextlib.contextmanager
def _listening(
    module: nn.Module, names: Sequence[str] | None
) -> Iterator[dict[str, Tensor | None]]:
    """Keep what the named layers put out; afterwards take the hooks off and put the buffers back."""
    known = dict(module.named_modules())
    names = _default_names(module) if names is None else tuple(names)
    for name in names:
        if name not in known:
            raise ValueError(f"names must be submodules, got {name!r}")
    heard: dict[str, Tensor | None] = dict.fromkeys(names)
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}

    def listener(name: str) -> Callable[[nn.Module, object, object], None]:
        def hear(layer: nn.Module, inputs: object, output: object) -> None:
            heard[name] = output if isinstance(output, Tensor) else None

        return hear

    hooks = [known[name].register_forward_hook(listener(name)) for name in names]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()
        with torch.no_grad():  # running means that the measurement moved
            for name, buffer in module.named_buffers():
                buffer.copy_(buffers[name])


def _default_names(module: nn.Module) -> tuple[str, ...]:
    stages = getattr(module, "stages", None)
    if isinstance(stages, tuple):
        return stages
    return tuple(
        name
        for name, layer in module.named_modules()
        if isinstance(getattr(layer, "weight", None), Tensor) and layer.weight.ndim >= 2
    )


def _all(heard: dict[str, Tensor | None]) -> list[tuple[str, Tensor]]:
    found = []
    for name, output in heard.items():
        if output is None:
            raise ValueError(f"names must be layers that run and return a tensor, got {name!r}")
        found.append((name, output))
    if not found:
        raise ValueError("names must hold at least one layer, got none")
    return found


def _batch(module: nn.Module, x: np.ndarray | Tensor) -> Tensor:
    if isinstance(x, Tensor):
        return x
    first = next(module.parameters(), torch.zeros(0))
    return torch.as_tensor(np.asarray(x), dtype=first.dtype, device=first.device)


def _second_moment(tensor: Tensor) -> float:
    return float(tensor.detach().double().square().mean())


def _linear_layers(
    sizes: Sequence[int],
    initializer: str | Initializer | Sequence[str | Initializer],
    rng: np.random.Generator,
) -> list[nn.Linear]:
    """Layers with weights of the initializer, turned to torch's (out, in) here, and biases 0."""
    depth = len(sizes) - 1
    if isinstance(initializer, str) or not isinstance(initializer, Sequence):
        draws = [get_initializer(initializer)] * depth
    else:
        draws = [get_initializer(one) for one in initializer]
    if len(draws) != depth:
        raise ValueError(
            f"initializer must be one, or one for each of {depth} layers, got {initializer!r}"
        )
    layers = []
    for draw, shape in zip(draws, pairwise(sizes), strict=True):
        layer = nn.utils.skip_init(nn.Linear, *shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(draw(shape, rng)).T)
            layer.bias.zero_()
        layers.append(layer)
    return layers


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(sizes)
    if len(sizes) < 2:
        raise ValueError(f"sizes must be at least two widths (n_0, ..., n_L), got {sizes!r}")
    for size in sizes:
        _check_count("sizes", size)
    return tuple(int(size) for size in sizes)


def _check_count(name: str, count: int) -> None:
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{name} must be positive integers, got {count!r}")
