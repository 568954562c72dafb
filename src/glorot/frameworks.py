"""What to type: the schemes of the book in PyTorch, Keras, JAX and Flax, and what those lines draw.

A :class:`Recipe` is the code for one layer under one scheme, the fans that the framework counts there
and the variance that follows. The code is run as it is printed: :func:`draw` executes it. No framework is
imported before something is drawn.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from glorot.fans import Fans
from glorot.initializers import TRUNCATED_STD, TRUNCATION

__all__ = [
    "FRAMEWORKS",
    "LAYERS",
    "SCHEMES",
    "SIZES",
    "Recipe",
    "Rule",
    "Sizes",
    "book_fans",
    "draw",
    "has_framework",
    "recipe",
    "recipes",
    "rule",
    "run",
]

FRAMEWORKS: Mapping[str, str] = MappingProxyType(
    {"torch": "PyTorch", "keras": "Keras", "jax": "JAX", "flax": "Flax"}
)
"""Frameworks, with the name that is printed."""

LAYERS: Mapping[str, str] = MappingProxyType(
    {
        "dense": "dense",
        "conv": "convolution",
        "transposed": "transposed convolution",
        "embedding": "embedding",
        "recurrent": "LSTM, from the input",
        "state": "LSTM, from its state",
    }
)
"""Kinds of layers, with the words that are printed."""

SCHEMES: Mapping[str, str] = MappingProxyType(
    {
        "default": "its default",
        "heuristic_uniform": "standard, uniform",
        "lecun_uniform": "LeCun, uniform",
        "lecun_normal": "LeCun, normal",
        "glorot_uniform": "Glorot, uniform",
        "glorot_normal": "Glorot, normal",
        "he_uniform": "He, uniform",
        "he_normal": "He, normal",
    }
)
"""Schemes, with the words that are printed; ``default`` is what a layer does when nothing is typed."""


@dataclass(frozen=True)
class Sizes:
    """How large a layer is.

    Args:
        inputs: features or channels that come in; of an embedding, the number of words.
        outputs: features or channels that go out; of an LSTM, the number of units.
        field: side of a convolution's square receptive field.
    """

    inputs: int
    outputs: int
    field: int = 3

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs", "field"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")


SIZES: Mapping[str, Sizes] = MappingProxyType(
    {
        "dense": Sizes(784, 100),
        "conv": Sizes(64, 16),
        "transposed": Sizes(64, 16),
        "embedding": Sizes(1000, 64),
        "recurrent": Sizes(64, 128),
        "state": Sizes(64, 128),
    }
)
"""The sizes that the table of the book is made for."""


@dataclass(frozen=True)
class Recipe:
    """The code of one layer under one scheme, and what it draws.

    Args:
        framework: a key of ``FRAMEWORKS``.
        layer: a key of ``LAYERS``.
        scheme: a key of ``SCHEMES``.
        sizes: of the layer.
        code: the lines to type, without imports.
        weights: an expression that is the weight array once the code has run.
        fans: as the framework counts them here.
        variance: of one weight.
        bound: the largest magnitude that a weight can have; infinite for a normal distribution.
        distribution: ``uniform``, ``normal``, ``truncated_normal`` or ``orthogonal``: the array's rows
            are orthonormal if they are fewer than its columns, else its columns.
    """

    framework: str
    layer: str
    scheme: str
    sizes: Sizes
    code: str
    weights: str
    fans: Fans
    variance: float
    bound: float
    distribution: str

    @property
    def std(self) -> float:
        """Standard deviation of one weight."""
        return math.sqrt(self.variance)


@dataclass(frozen=True)
class Rule:
    """A distribution whose variance is ``scale`` over what ``mode`` names.

    Args:
        scale: numerator of the variance.
        mode: ``fan_in``, ``fan_avg``, ``fan_out``; ``units``, the outputs; or ``fixed``, 1.
        distribution: ``uniform``, ``normal``, ``truncated_normal`` or ``orthogonal``.
    """

    scale: float
    mode: str
    distribution: str

    def variance(self, fans: Fans, sizes: Sizes) -> float:
        """Return the variance of one weight."""
        if self.mode == "fixed":
            return self.scale
        return self.scale / (sizes.outputs if self.mode == "units" else getattr(fans, self.mode))

    def bound(self, variance: float) -> float:
        """Return the largest magnitude of a weight of that variance; infinite for a normal."""
        if self.distribution == "orthogonal":
            return 1.0  # one weight may be all of its row
        widest = {
            "uniform": math.sqrt(3),
            "normal": math.inf,
            "truncated_normal": TRUNCATION / TRUNCATED_STD,
        }
        return widest[self.distribution] * math.sqrt(variance)


_RULES = {
    "heuristic_uniform": Rule(1 / 3, "fan_in", "uniform"),
    "lecun_uniform": Rule(1.0, "fan_in", "uniform"),
    "lecun_normal": Rule(1.0, "fan_in", "truncated_normal"),
    "glorot_uniform": Rule(1.0, "fan_avg", "uniform"),
    "glorot_normal": Rule(1.0, "fan_avg", "truncated_normal"),
    "he_uniform": Rule(2.0, "fan_in", "uniform"),
    "he_normal": Rule(2.0, "fan_in", "truncated_normal"),
}
# What a layer does when nothing is typed. JAX has no layers.
_DEFAULTS = {
    ("torch", "dense"): Rule(1 / 3, "fan_in", "uniform"),
    ("torch", "conv"): Rule(1 / 3, "fan_in", "uniform"),
    ("torch", "transposed"): Rule(1 / 3, "fan_in", "uniform"),
    ("torch", "embedding"): Rule(1.0, "fixed", "normal"),
    ("torch", "recurrent"): Rule(1 / 3, "units", "uniform"),
    ("torch", "state"): Rule(1 / 3, "units", "uniform"),
    ("keras", "dense"): Rule(1.0, "fan_avg", "uniform"),
    ("keras", "conv"): Rule(1.0, "fan_avg", "uniform"),
    ("keras", "transposed"): Rule(1.0, "fan_avg", "uniform"),
    ("keras", "embedding"): Rule(0.05**2 / 3, "fixed", "uniform"),
    ("keras", "recurrent"): Rule(1.0, "fan_avg", "uniform"),
    ("keras", "state"): Rule(1.0, "fan_out", "orthogonal"),  # the longer side of all gates at once
    ("flax", "dense"): Rule(1.0, "fan_in", "truncated_normal"),
    ("flax", "conv"): Rule(1.0, "fan_in", "truncated_normal"),
    ("flax", "transposed"): Rule(1.0, "fan_in", "truncated_normal"),
    ("flax", "embedding"): Rule(1.0, "fan_out", "normal"),
    ("flax", "recurrent"): Rule(1.0, "fan_in", "truncated_normal"),
    ("flax", "state"): Rule(1.0, "fan_out", "orthogonal"),
}


def book_fans(layer: str, sizes: Sizes) -> Fans:
    """Return the fans of a layer as the book counts them: products summed forward and backward.

    Args:
        layer: a key of ``LAYERS``.
        sizes: of the layer. Each gate of an LSTM is a layer of its own; an embedding sums one product.

    Raises:
        ValueError: for an unknown layer.

    Assumes: stride 1; a transposed convolution of stride s sums s² times fewer products forward.

    Example:
        >>> book_fans("transposed", Sizes(64, 16))
        Fans(fan_in=576, fan_out=144)
    """
    _check("layer", layer, LAYERS)
    if layer == "embedding":
        return Fans(1, sizes.outputs)
    if layer == "state":
        return Fans(sizes.outputs, sizes.outputs)
    field = sizes.field**2 if layer in ("conv", "transposed") else 1
    return Fans(field * sizes.inputs, field * sizes.outputs)


def recipe(framework: str, layer: str, scheme: str, sizes: Sizes | None = None) -> Recipe:
    """Return the code of a layer under a scheme in a framework, and the variance that it draws with.

    Args:
        framework: a key of ``FRAMEWORKS``.
        layer: a key of ``LAYERS``.
        scheme: a key of ``SCHEMES``.
        sizes: of the layer; by default those of the book's table.

    Raises:
        ValueError: for an unknown framework, layer or scheme, and for a pair that does not exist: JAX
            has no layers and so no defaults, and an embedding has no fan that a scheme could use.

    Example:
        >>> he = recipe("keras", "dense", "he_normal", Sizes(784, 100))
        >>> print(he.code)
        layer = keras.layers.Dense(100, kernel_initializer="he_normal")
        >>> he.variance == 2 / 784
        True
    """
    chosen = rule(framework, layer, scheme)
    sizes = sizes or SIZES[layer]
    fans = _fans(framework, layer, sizes)
    variance = chosen.variance(fans, sizes)
    code, weights = _WRITERS[framework](layer, scheme, sizes)
    return Recipe(
        framework,
        layer,
        scheme,
        sizes,
        code,
        weights,
        fans,
        variance,
        chosen.bound(variance),
        chosen.distribution,
    )


def rule(framework: str, layer: str, scheme: str) -> Rule:
    """Return the distribution that a framework draws from for a layer under a scheme.

    Args:
        framework: a key of ``FRAMEWORKS``.
        layer: a key of ``LAYERS``.
        scheme: a key of ``SCHEMES``.

    Raises:
        ValueError: as :func:`recipe` does.

    Example:
        >>> rule("torch", "dense", "default")
        Rule(scale=0.3333333333333333, mode='fan_in', distribution='uniform')
    """
    _check("framework", framework, FRAMEWORKS)
    _check("layer", layer, LAYERS)
    _check("scheme", scheme, SCHEMES)
    if scheme == "default":
        if framework == "jax":
            raise ValueError(f"scheme must be one that is named for 'jax', got {scheme!r}")
        return _DEFAULTS[framework, layer]
    if layer == "embedding":
        raise ValueError(f"scheme must be 'default' for an embedding, got {scheme!r}")
    chosen = _RULES[scheme]
    if framework == "torch" and chosen.distribution == "truncated_normal":
        return Rule(chosen.scale, chosen.mode, "normal")  # PyTorch truncates nowhere
    return chosen


def recipes() -> list[Recipe]:
    """Return all recipes of the book's table: every framework, layer and scheme that go together."""
    found = []
    for framework in FRAMEWORKS:
        for layer in LAYERS:
            for scheme in SCHEMES:
                if (framework, scheme) == ("jax", "default"):
                    continue
                if layer == "embedding" and scheme != "default":
                    continue
                found.append(recipe(framework, layer, scheme))
    return found


def has_framework(framework: str) -> bool:
    """Return whether a framework is installed, without importing it.

    Raises:
        ValueError: for an unknown framework.
    """
    _check("framework", framework, FRAMEWORKS)
    return importlib.util.find_spec(framework) is not None


def draw(one: Recipe, seed: int) -> np.ndarray:
    """Run a recipe's code and return the weights it made, in the framework's own layout.

    Args:
        one: what to run.
        seed: of the framework's generator.

    Returns:
        The weight array, float32.

    Raises:
        ModuleNotFoundError: if the framework is not installed; the message says how to get it.
    """
    names = _namespace(one.framework, seed)
    exec(one.code, names)
    weights = eval(one.weights, names)
    if hasattr(weights, "detach"):
        weights = weights.detach()
    return np.asarray(weights)


def run(code: str, framework: str, seed: int = 0) -> dict[str, Any]:
    """Run lines of code with a framework's usual names and return what they defined.

    Args:
        code: lines that may use ``torch`` and ``nn``; ``keras``; ``jax``, ``initializers`` and ``key``;
            ``nnx``, ``rngs`` and ``initializers``.
        framework: a key of ``FRAMEWORKS``.
        seed: of the framework's generator.

    Raises:
        ValueError: for an unknown framework.
        ModuleNotFoundError: if the framework is not installed; the message says how to get it.
    """
    _check("framework", framework, FRAMEWORKS)
    names = _namespace(framework, seed)
    exec(code, names)
    return names


def _check(name: str, value: object, known: Mapping[str, str]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")


def _fans(framework: str, layer: str, sizes: Sizes) -> Fans:
    """The fans that a framework counts, where it differs from the book."""
    fans = book_fans(layer, sizes)
    if layer == "transposed" and framework in ("torch", "keras"):
        return Fans(fans.fan_out, fans.fan_in)  # they read the layout of the plain convolution
    if layer in ("recurrent", "state") and framework in ("torch", "keras"):
        return Fans(fans.fan_in, 4 * fans.fan_out)  # the four gates lie side by side in one array
    if layer == "embedding":
        return Fans(sizes.inputs, sizes.outputs)
    return fans


def _torch(layer: str, scheme: str, sizes: Sizes) -> tuple[str, str]:
    a, b, k = sizes.inputs, sizes.outputs, sizes.field
    made, weights = {
        "dense": (f"nn.Linear({a}, {b})", "layer.weight"),
        "conv": (f"nn.Conv2d({a}, {b}, {k})", "layer.weight"),
        "transposed": (f"nn.ConvTranspose2d({a}, {b}, {k})", "layer.weight"),
        "embedding": (f"nn.Embedding({a}, {b})", "layer.weight"),
        "recurrent": (f"nn.LSTM({a}, {b})", "layer.weight_ih_l0"),
        "state": (f"nn.LSTM({a}, {b})", "layer.weight_hh_l0"),
    }[layer]
    call = {
        "default": "",
        "heuristic_uniform": "nn.init.kaiming_uniform_({}, a=math.sqrt(5))",
        "lecun_uniform": 'nn.init.kaiming_uniform_({}, nonlinearity="linear")',
        "lecun_normal": 'nn.init.kaiming_normal_({}, nonlinearity="linear")',
        "glorot_uniform": "nn.init.xavier_uniform_({})",
        "glorot_normal": "nn.init.xavier_normal_({})",
        "he_uniform": 'nn.init.kaiming_uniform_({}, nonlinearity="relu")',
        "he_normal": 'nn.init.kaiming_normal_({}, nonlinearity="relu")',
    }[scheme]
    lines = [f"layer = {made}", *([call.format(weights)] if call else [])]
    return "\n".join(lines), weights


def _keras(layer: str, scheme: str, sizes: Sizes) -> tuple[str, str]:
    a, b, k = sizes.inputs, sizes.outputs, sizes.field
    made, before, weights = {
        "dense": (f"Dense({b}", f"(None, {a})", "layer.kernel"),
        "conv": (f"Conv2D({b}, {k}", f"(None, 8, 8, {a})", "layer.kernel"),
        "transposed": (f"Conv2DTranspose({b}, {k}", f"(None, 8, 8, {a})", "layer.kernel"),
        "embedding": (f"Embedding({a}, {b}", "(None,)", "layer.embeddings"),
        "recurrent": (f"LSTM({b}", f"(None, 8, {a})", "layer.cell.kernel"),
        "state": (f"LSTM({b}", f"(None, 8, {a})", "layer.cell.recurrent_kernel"),
    }[layer]
    argument = "recurrent_initializer" if layer == "state" else "kernel_initializer"
    if scheme == "heuristic_uniform":
        lines = [
            'start = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")',
            f"layer = keras.layers.{made}, {argument}=start)",
        ]
    else:
        chosen = "" if scheme == "default" else f', {argument}="{scheme}"'
        lines = [f"layer = keras.layers.{made}{chosen})"]
    return "\n".join(lines), f"(layer.build({before}), {weights}.value)[1]"


def _jax_initializer(scheme: str) -> str:
    if scheme == "heuristic_uniform":
        return 'initializers.variance_scaling(1 / 3, "fan_in", "uniform")'
    return f"initializers.{scheme}()"


def _jax(layer: str, scheme: str, sizes: Sizes) -> tuple[str, str]:
    a, b, k = sizes.inputs, sizes.outputs, sizes.field
    if layer in ("conv", "transposed"):
        shape = f"({k}, {k}, {a}, {b})"
    else:
        shape = f"({b if layer == 'state' else a}, {b})"
    return f"start = {_jax_initializer(scheme)}\nweights = start(key, {shape})", "weights"


def _flax(layer: str, scheme: str, sizes: Sizes) -> tuple[str, str]:
    a, b, k = sizes.inputs, sizes.outputs, sizes.field
    made, weights = {
        "dense": (f"Linear({a}, {b}", "layer.kernel"),
        "conv": (f"Conv({a}, {b}, ({k}, {k})", "layer.kernel"),
        "transposed": (f"ConvTranspose({a}, {b}, ({k}, {k})", "layer.kernel"),
        "embedding": (f"Embed({a}, {b}", "layer.embedding"),
        "recurrent": (f"LSTMCell({a}, {b}", "layer.ii.kernel"),
        "state": (f"LSTMCell({a}, {b}", "layer.hi.kernel"),
    }[layer]
    argument = "recurrent_kernel_init" if layer == "state" else "kernel_init"
    if scheme == "default":
        return f"layer = nnx.{made}, rngs=rngs)", f"{weights}[...]"
    lines = [
        f"start = {_jax_initializer(scheme)}",
        f"layer = nnx.{made}, {argument}=start, rngs=rngs)",
    ]
    return "\n".join(lines), f"{weights}[...]"


_WRITERS = {"torch": _torch, "keras": _keras, "jax": _jax, "flax": _flax}


def _namespace(framework: str, seed: int) -> dict[str, Any]:
    """The names that a recipe uses, with the framework's generator seeded."""
    if not has_framework(framework):
        raise ModuleNotFoundError(
            f"{FRAMEWORKS[framework]} is not installed: pip install 'glorot[frameworks]'"
        )
    names: dict[str, Any] = {"math": math}
    if framework == "torch":
        import torch

        torch.manual_seed(seed)
        return names | {"torch": torch, "nn": torch.nn}
    if framework == "keras":
        keras = _load_keras()
        keras.utils.set_random_seed(seed)
        return names | {"keras": keras}
    import jax

    names |= {
        "jax": jax,
        "jnp": jax.numpy,
        "initializers": jax.nn.initializers,
        "key": jax.random.key(seed),
    }
    if framework == "flax":
        from flax import nnx

        names |= {"nnx": nnx, "rngs": nnx.Rngs(seed)}
    return names


@functools.cache
def _load_keras() -> Any:
    """Keras on the backend that is chosen, else on NumPy's: it cannot train, and draws without compiling."""
    os.environ.setdefault("KERAS_BACKEND", "numpy")
    import keras

    return keras
