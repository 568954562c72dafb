r"""Networks in torch that a chapter measures: a plain one, one with shortcuts, one that normalizes, a transformer.

The first three are built from widths ``(n_0, …, n_L)`` with L weight matrices and start with biases of 0. All
name the layers at which a signal is measured in ``stages``. The middle of the module moves a network's scale from its
weights to multipliers and learning rates; its last part measures: it listens to any torch module's layers by name and
leaves the module as it was.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from glorot.activations import SELU_ALPHA, SELU_SCALE, Activation, get_activation
from glorot.initializers import Initializer, get_initializer
from glorot.parametrizations import Role, layer_exponents

__all__ = [
    "LAYOUTS",
    "MLP",
    "BatchNormMLP",
    "ModuleMoments",
    "Multiplied",
    "ResidualMLP",
    "Transformer",
    "activation_module",
    "layer_outputs",
    "module_moments",
    "rate_groups",
    "reparametrize",
]

LAYOUTS = ("none", "pre", "post")
"""Where a block with a shortcut normalizes: nowhere, what enters its branch, or what leaves the block."""

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
    """``x + scale · branch(enter(x))``; the branch is (φ, linear), once or several times over."""

    def __init__(
        self, layers: Sequence[nn.Linear], activation: nn.Module, scale: float, enter: nn.Module
    ) -> None:
        super().__init__()
        self.layers, self.activation, self.scale = nn.ModuleList(layers), activation, scale
        self.enter = enter

    def forward(self, x: Tensor) -> Tensor:
        branch = self.enter(x)
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
        layout: one of ``LAYOUTS``. A normalization takes the mean and divides by the standard deviation over the
            units of each example.

    ``stages`` names the first layer, the blocks (their outputs are the stream) and the last layer.

    Raises:
        ValueError: for widths, counts, a scale, initializers or an activation that are none.

    Source: He et al. (2016), the pre-activation order; Zhang et al. (2019) for branches that end in 0. Used in
    *Where does the argument end?* and *Where does the scale go today?*

    Example:
        >>> rng = np.random.default_rng(0)
        >>> net = ResidualMLP((4, 8, 3), 2, "he", "relu", rng, branch_end="zeros")
        >>> net(torch.zeros(5, 4)).shape, net.stages
        (torch.Size([5, 3]), ('first', 'blocks.0', 'blocks.1', 'last'))
    """

    ends = ("first", "last")

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
        layout: str = "none",
    ) -> None:
        super().__init__()
        self.sizes = _checked_sizes(sizes)
        _check_layout(layout)
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
            _laid_out(
                ResidualBlock(
                    _linear_layers((width,) * (branch_depth + 1), drawn, rng),
                    activation_module(activation),
                    float(scale),
                    _normalization(width) if layout == "pre" else nn.Identity(),
                ),
                width,
                layout,
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


class _Attention(nn.Module):
    """Causal self-attention: each place takes a mean of the values at and before it."""

    def __init__(
        self, width: int, heads: int, logit_scale: float, out_gain: float, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.heads, self.logit_scale = heads, logit_scale
        self.query, self.key, self.value, self.out = (
            _matrix(width, width, gain, rng) for gain in (1.0, 1.0, 1.0, out_gain)
        )

    def forward(self, x: Tensor) -> Tensor:
        def split(projected: Tensor) -> Tensor:  # (B, T, d) -> (B, heads, T, d / heads)
            return projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        mixed = functional.scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=self.logit_scale
        )
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(-2))
        return out


class _Feedforward(nn.Module):
    """Two matrices with a ReLU between them, four times as wide inside."""

    def __init__(self, width: int, out_gain: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.up = _matrix(width, 4 * width, 1.0, rng)
        self.down = _matrix(4 * width, width, math.sqrt(2) * out_gain, rng)

    def forward(self, x: Tensor) -> Tensor:
        down: Tensor = self.down(torch.relu(self.up(x)))
        return down


class _Shortcut(nn.Module):
    """``x + branch(enter(x))``."""

    def __init__(self, branch: nn.Module, enter: nn.Module) -> None:
        super().__init__()
        self.branch, self.enter = branch, enter

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.branch(self.enter(x))
        return added


class _Embedding(nn.Module):
    """A row for each character plus a row for each place, each of second moment 1/2."""

    def __init__(self, kinds: int, context: int, width: int, rng: np.random.Generator) -> None:
        super().__init__()
        half = math.sqrt(0.5)
        self.characters = nn.Parameter(half * _normal((kinds, width), rng))
        self.places = nn.Parameter(half * _normal((context, width), rng))

    def forward(self, codes: Tensor) -> Tensor:
        return self.characters[codes] + self.places[: codes.shape[-1]]


class Transformer(nn.Module):
    r"""A small transformer that predicts the next character.

    The stream starts as the sum of a row for the character and one for its place, second moment 1. Branches of
    attention and of two matrices with a ReLU are added to it in turn, 2N in all. No biases; normalizations have no
    trainable gain.
    Weights are normal with variance 1/fan_in, after a ReLU 2/fan_in.

    Args:
        kinds: number of characters.
        context: most characters that are looked at, T.
        width: d, of the stream; a multiple of `heads`.
        blocks: N, pairs of branches.
        rng: source of the weights.
        heads: of attention.
        layout: one of ``LAYOUTS``; with ``pre`` the stream is normalized once more before the last matrix.
        branch_gain: what the last matrix of every branch is multiplied by at the start: 1/√(2N) in GPT-2, or 0.
        logit_scale: what a product of query and key is multiplied by; None takes 1/√(d/heads).

    ``stages`` names the embedding, the 2N places behind each branch, and the last layer.

    Raises:
        ValueError: for counts, a layout or gains that are none.

    Source: Vaswani et al. (2017); Radford et al. (2019) for 1/√(2N); Xiong et al. (2020) for the layouts. Used in
    *Where does the scale go today?*

    Example:
        >>> net = Transformer(51, 8, 16, 2, np.random.default_rng(0))
        >>> net(torch.zeros(5, 8, dtype=torch.int64)).shape, len(net.stages)
        (torch.Size([5, 8, 51]), 6)
    """

    ends = ("embed", "head")

    def __init__(
        self,
        kinds: int,
        context: int,
        width: int,
        blocks: int,
        rng: np.random.Generator,
        *,
        heads: int = 2,
        layout: str = "pre",
        branch_gain: float = 1.0,
        logit_scale: float | None = None,
    ) -> None:
        super().__init__()
        for name, count in (("kinds", kinds), ("context", context), ("width", width)):
            _check_count(name, count)
        _check_count("blocks", blocks)
        _check_count("heads", heads)
        _check_layout(layout)
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width!r} and {heads!r}")
        if not isinstance(branch_gain, Real) or not np.isfinite(branch_gain):
            raise ValueError(f"branch_gain must be a finite number, got {branch_gain!r}")
        scale = 1 / math.sqrt(width // heads) if logit_scale is None else logit_scale
        self.embed: nn.Module = _Embedding(kinds, context, width, rng)
        branches: list[nn.Module] = []
        for _ in range(blocks):
            branches.append(_Attention(width, heads, scale, branch_gain, rng))
            branches.append(_Feedforward(width, branch_gain, rng))
        self.blocks: nn.ModuleList = nn.ModuleList(
            _laid_out(
                _Shortcut(branch, _normalization(width) if layout == "pre" else nn.Identity()),
                width,
                layout,
            )
            for branch in branches
        )
        self.norm: nn.Module = _normalization(width) if layout == "pre" else nn.Identity()
        self.head: nn.Linear = _matrix(width, kinds, 1.0, rng)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the embedding, the branches and the last layer."""
        return ("embed", *(f"blocks.{place}" for place in range(len(self.blocks))), "head")

    def forward(self, codes: Tensor) -> Tensor:
        """Return the logits, (B, T, kinds), for codes (B, T)."""
        x = self.embed(codes)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x))
        return logits


class Multiplied(nn.Module):
    """A linear layer whose output is multiplied by a fixed number."""

    def __init__(self, linear: nn.Linear, multiplier: float) -> None:
        super().__init__()
        self.linear, self.multiplier = linear, multiplier

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.multiplier * self.linear(x)
        return out


def reparametrize(module: nn.Module, parametrization: str, ratio: float) -> nn.Module:
    r"""Move a network's scale to where a parametrization keeps it; the network is changed and returned.

    The network is one whose hidden and output weights were drawn with a standard deviation proportional to
    :math:`1/\sqrt n`. With *r* the ratio of its width to the base width, weights are multiplied by what the
    parametrization's standard deviation asks for, layers by its multiplier. Biases stay as they are and are no longer
    trained.

    Args:
        module: a :class:`ResidualMLP` or :class:`Transformer`; ``module.ends`` names its first and last layer.
        parametrization: a key of ``PARAMETRIZATIONS``.
        ratio: r, > 0.

    Raises:
        ValueError: for an unknown parametrization or a ratio that is not positive.

    Used in *Where does the scale go today?*
    """
    _check_ratio(ratio)
    ends = _ends(module)
    linear = [(n, m) for n, m in module.named_modules() if isinstance(m, nn.Linear)]
    for name, layer in linear:
        exponents = layer_exponents(parametrization, _role(name, ends))
        drawn = layer_exponents("standard", _role(name, ends)).std
        with torch.no_grad():
            layer.weight *= ratio ** (drawn - exponents.std)
        if layer.bias is not None:
            layer.bias.requires_grad_(False)
        parent, _, own = name.rpartition(".")
        place = module.get_submodule(parent)
        place._modules[own] = Multiplied(layer, ratio**-exponents.multiplier)
    return module


def rate_groups(
    module: nn.Module, parametrization: str, optimizer: str, rate: float, ratio: float
) -> list[dict[str, object]]:
    r"""Return a network's trainable parameters with the learning rate of each, for a torch optimizer.

    Args:
        module, parametrization, ratio: as in :func:`reparametrize`.
        optimizer: ``sgd`` or ``adam``.
        rate: η at the base width.

    Example:
        >>> net = ResidualMLP((4, 8, 3), 1, "he", "relu", np.random.default_rng(0))
        >>> net = reparametrize(net, "mup", ratio=2)
        >>> [group["lr"] for group in rate_groups(net, "mup", "adam", 0.1, ratio=2)]
        [0.1, 0.05, 0.05]
    """
    _check_ratio(ratio)
    return [
        {
            "params": [parameter],
            "lr": rate
            * ratio
            ** -layer_exponents(parametrization, _role(name, _ends(module))).rate(optimizer),
        }
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    ]


def _ends(module: nn.Module) -> tuple[str, str]:
    first, last = module.ends  # type: ignore[misc]
    return str(first), str(last)


def _role(name: str, ends: tuple[str, str]) -> Role:
    top = name.partition(".")[0]
    return "input" if top == ends[0] else "output" if top == ends[1] else "hidden"


def _normalization(width: int) -> nn.Module:
    return nn.LayerNorm(width, elementwise_affine=False)


def _laid_out(block: nn.Module, width: int, layout: str) -> nn.Module:
    return nn.Sequential(block, _normalization(width)) if layout == "post" else block


def _normal(shape: tuple[int, int], rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


def _matrix(fan_in: int, fan_out: int, gain: float, rng: np.random.Generator) -> nn.Linear:
    """A linear layer without bias whose weights have the variance gain²/fan_in."""
    layer = nn.utils.skip_init(nn.Linear, fan_in, fan_out, bias=False)
    with torch.no_grad():
        layer.weight.copy_(gain / math.sqrt(fan_in) * _normal((fan_in, fan_out), rng).T)
    return layer


def _check_layout(layout: str) -> None:
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}; got {layout!r}")


def _check_ratio(ratio: float) -> None:
    if not isinstance(ratio, Real) or not np.isfinite(ratio) or ratio <= 0:
        raise ValueError(f"ratio must be a positive number, got {ratio!r}")


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
