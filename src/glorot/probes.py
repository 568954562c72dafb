"""What a network does to a signal, measured layer by layer.

Nothing here predicts: predictions stand in ``theory``, with the same layer index, so that both can
be drawn on one axis. The first group of functions takes one array per layer, of shape (examples,
units), from a ``Trace`` or from wherever else activations come. The second group, ``measure_*``,
draws networks and measures each of them, in float64, so that a signal which falls for a thousand
layers is still a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from glorot.activations import Activation, get_activation
from glorot.initializers import Initializer
from glorot.networks import (
    Gradients,
    Network,
    Trace,
    backward,
    forward,
    layer_jacobian,
    make_network,
)

__all__ = [
    "GradientStatistics",
    "LayerHistograms",
    "LayerStatistics",
    "activation_histograms",
    "activation_statistics",
    "backward_second_moments",
    "dead_fraction",
    "end_to_end_singular_values",
    "forward_second_moments",
    "gradient_histograms",
    "gradient_statistics",
    "input_correlations",
    "jacobian_singular_values",
    "layer_histograms",
    "layer_statistics",
    "measure_backward",
    "measure_end_to_end",
    "measure_forward",
    "measure_weight_gradients",
    "saturation_fraction",
    "second_moments",
    "weight_singular_values",
]

FloatArray = NDArray[np.floating]
Layers = Sequence[FloatArray]
OneOrPerLayer = str | Initializer | Sequence[str | Initializer]
OutputGradient = Callable[[FloatArray], FloatArray]


# eq=False: comparing arrays with == has no single truth value.
@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """Statistics of all values in each layer, units and examples together.

    Args:
        mean: average value, shape (layers,).
        std: standard deviation around that mean, shape (layers,).
        percentile_98: value that 98 % of the values do not exceed, shape (layers,).
        second_moment: average square, mean² + std², shape (layers,).
    """

    mean: FloatArray
    std: FloatArray
    percentile_98: FloatArray
    second_moment: FloatArray


@dataclass(frozen=True, eq=False)
class GradientStatistics:
    """Statistics of the gradients of layers 1...L.

    Args:
        preacts: of δ^l = ∂Loss/∂z^l, the back-propagated gradients.
        weights: of ∂Loss/∂W^l, the weight gradients.
    """

    preacts: LayerStatistics
    weights: LayerStatistics


@dataclass(frozen=True, eq=False)
class LayerHistograms:
    """One histogram for each layer, on common bins.

    Args:
        edges: borders of the bins, shape (bins + 1,).
        density: share of a layer's values per unit of value, shape (layers, bins).
        outside: share of a layer's values that lie outside the bins, shape (layers,).
    """

    edges: FloatArray
    density: FloatArray
    outside: FloatArray

    @property
    def centers(self) -> FloatArray:
        """Middles of the bins, shape (bins,)."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def layer_statistics(layers: Layers) -> LayerStatistics:
    """Return mean, standard deviation, 98th percentile and second moment of each layer.

    Args:
        layers: one array per layer, any shape; units and examples are pooled.

    Returns:
        Arrays of one number per layer, computed in float64.

    Raises:
        ValueError: if ``layers`` is empty, or holds an array that is empty or not finite.

    Source: the quantities of Glorot & Bengio (2010), Figures 2, 3, 9 and 10. Used in *What goes
    wrong with the sigmoid?*

    Example:
        >>> layer_statistics([np.array([[1.0, 3.0]])]).std
        array([1.])
    """
    arrays = _check_layers("layers", layers)
    return LayerStatistics(
        mean=np.array([array.mean() for array in arrays]),
        std=np.array([array.std() for array in arrays]),
        percentile_98=np.array([np.percentile(array, 98) for array in arrays]),
        second_moment=second_moments(arrays),
    )


def layer_histograms(
    layers: Layers, bins: int = 50, value_range: tuple[float, float] | None = None
) -> LayerHistograms:
    """Return a histogram of each layer's values, on bins common to all layers.

    Args:
        layers: one array per layer, any shape; units and examples are pooled.
        bins: number of bins.
        value_range: lower and upper end of the bins; by default those of all values of all layers.

    Returns:
        Densities by layer and bin. Values outside ``value_range`` are counted in ``outside``.

    Raises:
        ValueError: for ``bins`` that is no positive integer, a ``value_range`` that is none, or as
            ``layer_statistics``.

    Source: the quantities of Glorot & Bengio (2010), Figures 4, 6, 7 and 8. Used in *What goes
    wrong with the sigmoid?* and *Whose side do we take?*

    Example:
        >>> layer_histograms([np.array([0.1, 0.2, 0.7, 5.0])], bins=2, value_range=(0, 1)).density
        array([[1. , 0.5]])
    """
    arrays = _check_layers("layers", layers)
    bins = _check_count("bins", bins)
    low, high = _histogram_range(arrays, value_range)
    counts = np.array([np.histogram(array, bins, (low, high))[0] for array in arrays])
    sizes = np.array([array.size for array in arrays])
    edges = np.linspace(low, high, bins + 1)
    density = counts / (sizes[:, np.newaxis] * np.diff(edges))
    return LayerHistograms(edges, density, outside=(sizes - counts.sum(axis=1)) / sizes)


def second_moments(layers: Layers) -> FloatArray:
    r"""Return the average square of each layer's values.

    Args:
        layers: one array per layer, any shape; units and examples are pooled.

    Returns:
        E[a_l²] by layer, in float64, so that squares of small float32 numbers do not underflow.

    Raises:
        ValueError: as ``layer_statistics``.

    Example:
        >>> second_moments([np.array([3.0, 4.0]), np.full(5, 2.0**-100, np.float32)]).tolist()
        [12.5, 6.223015277861142e-61]
    """
    return np.array([np.square(array).mean() for array in _check_layers("layers", layers)])


def activation_statistics(trace: Trace) -> LayerStatistics:
    """Return ``layer_statistics`` of the hidden layers' activations h^1...h^(L-1)."""
    return layer_statistics(trace.hidden)


def activation_histograms(
    trace: Trace, bins: int = 50, value_range: tuple[float, float] | None = None
) -> LayerHistograms:
    """Return ``layer_histograms`` of the hidden layers' activations h^1...h^(L-1)."""
    return layer_histograms(trace.hidden, bins, value_range)


def gradient_statistics(gradients: Gradients) -> GradientStatistics:
    """Return ``layer_statistics`` of δ^l and of ∂Loss/∂W^l, each for l = 1...L."""
    return GradientStatistics(
        layer_statistics(gradients.grad_preacts), layer_statistics(gradients.grad_weights)
    )


def gradient_histograms(
    gradients: Gradients, bins: int = 50, value_range: tuple[float, float] | None = None
) -> LayerHistograms:
    """Return ``layer_histograms`` of δ^l for l = 1...L.

    For weight gradients call ``layer_histograms(gradients.grad_weights)``.
    """
    return layer_histograms(gradients.grad_preacts, bins, value_range)


def forward_second_moments(trace: Trace) -> FloatArray:
    """Return the second moments of the pre-activations, E[z_l²] for l = 1...L, shape (L,).

    The measured counterpart of ``theory.forward_second_moments``.
    """
    return second_moments(trace.preacts)


def backward_second_moments(gradients: Gradients) -> FloatArray:
    """Return E[δ_l²] / E[δ_L²], second moments of the back-propagated gradients, for l = 1...L.

    The measured counterpart of ``theory.backward_second_moments``.

    Raises:
        ValueError: if δ^L is zero, so that there is nothing to relate to.
    """
    moments = second_moments(gradients.grad_preacts)
    if moments[-1] == 0:
        raise ValueError("gradients must have a nonzero last grad_preacts, got only zeros")
    return moments / moments[-1]


def saturation_fraction(
    preacts: Trace | Layers, activation: str | Activation, share: float = 0.05
) -> FloatArray:
    r"""Return the fraction of units whose slope has all but vanished.

    Counted over units and examples, where

    .. math:: |\phi'(z)| < \text{share} \cdot \max |\phi'|.

    Args:
        preacts: one array of pre-activations per layer, or a trace (then its hidden layers).
        activation: φ, by name or as an instance.
        share: threshold as a share of the activation's largest slope, in (0, 1].

    Returns:
        Fractions by layer, between 0 and 1.

    Raises:
        ValueError: for a ``share`` outside (0, 1], an unknown activation, or ``preacts`` that are
            empty, not of rank 2 or not finite.

    Used in *What goes wrong with the sigmoid?*

    Example:
        >>> saturation_fraction([np.array([[0.0, 8.0, -8.0, 1.0]])], "logistic")
        array([0.5])
    """
    if not isinstance(share, Real) or not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share!r}")
    activation = get_activation(activation)
    steepest = np.abs(activation.df(np.linspace(-10, 10, 20_001))).max()
    slopes = [np.abs(activation.df(array)) for array in _hidden_preacts(preacts)]
    return np.array([(slope < share * steepest).mean() for slope in slopes])


def dead_fraction(preacts: Trace | Layers, activation: str | Activation) -> FloatArray:
    """Return the fraction of units that pass no gradient back for any example of the batch.

    A unit is dead if φ′(z) = 0 for every example, as a ReLU whose pre-activation is never positive.

    Args:
        preacts: one array of pre-activations (examples, units) per layer, or a trace (then its
            hidden layers).
        activation: φ, by name or as an instance.

    Returns:
        Fractions by layer, between 0 and 1.

    Raises:
        ValueError: for an unknown activation, or ``preacts`` that are empty, not of rank 2 or not
            finite.

    Example:
        >>> dead_fraction([np.array([[-1.0, 2.0], [-3.0, -1.0]])], "relu")
        array([0.5])
    """
    activation = get_activation(activation)
    slopes = [activation.df(array) for array in _hidden_preacts(preacts)]
    return np.array([(slope == 0).all(axis=0).mean() for slope in slopes])


def input_correlations(acts: Trace | Layers) -> FloatArray:
    r"""Return the mean cosine between different examples, layer by layer.

    .. math:: \cos(a, b) = \frac{a \cdot b}{\|a\|\,\|b\|}, \text{ averaged over all pairs of
       different rows.}

    No mean is subtracted: this is the correlation of mean-field theory, not Pearson's.

    Args:
        acts: one array (examples, units) per layer, or a trace: then h^0...h^L, so that index l
            says what the inputs' cosine has become after l layers (the last one without its
            activation).

    Returns:
        Cosines by layer, between -1 and 1; NaN where a row is zero, since nothing has no direction.

    Raises:
        ValueError: for fewer than two examples, or ``acts`` that are not of rank 2 or not finite.

    Used in *Where does the argument end?*

    Example:
        >>> input_correlations([np.array([[1.0, 0.0], [1.0, 1.0]])]).round(4)
        array([0.7071])
    """
    layers = acts.acts if isinstance(acts, Trace) else acts
    return np.array([_mean_cosine(array) for array in _check_layers("acts", layers, rank=2)])


def jacobian_singular_values(
    network: Network, trace: Trace, examples: Sequence[int]
) -> tuple[FloatArray, ...]:
    """Return the singular values of every layer's Jacobian, ∂h^(l+1)/∂h^l.

    Args:
        network: the network that made ``trace``.
        trace: what ``forward`` returned.
        examples: rows of the batch to look at.

    Returns:
        L arrays, the first for the step from the input to h^1, each of shape (examples, smaller
        width), largest value first. The last step is linear: there it is W^L alone.

    Raises:
        ValueError: if ``examples`` is empty or an example is out of range.

    Source: Glorot & Bengio (2010), section 4.2.1, whose 0.8 and 0.5 are means of these. Used in
    *Whose side do we take?*
    """
    if len(examples) == 0:
        raise ValueError(f"examples must name at least one row, got {examples!r}")
    return tuple(
        np.stack(
            [
                np.linalg.svd(layer_jacobian(network, trace, layer, example), compute_uv=False)
                for example in examples
            ]
        )
        for layer in range(network.depth)
    )


def end_to_end_singular_values(
    network: Network, trace: Trace, examples: Sequence[int]
) -> FloatArray:
    r"""Return the singular values of the Jacobian from input to logits, :math:`J_0 J_1 \cdots J_{L-1}`.

    Their mean square is the factor by which a gradient's second moment grows from the logits to the input, per
    input unit; how far they spread is what that one number does not say. All close to 1 is dynamical isometry.

    Args:
        network: the network that made ``trace``; in float64 if the depth is large.
        trace: what ``forward`` returned.
        examples: rows of the batch to look at.

    Returns:
        Shape (examples, smaller of n_0 and n_L), largest value first.

    Raises:
        ValueError: if ``examples`` is empty or an example is out of range.

    Source: Saxe, McClelland & Ganguli (2014); Pennington, Schoenholz & Ganguli (2017). Used in *Where does the
    argument end?*

    Example:
        >>> from glorot.networks import make_network
        >>> rng = np.random.default_rng(0)
        >>> network = make_network((8,) * 51, "orthogonal", "identity", rng, dtype=np.float64)
        >>> trace = forward(network, rng.standard_normal((1, 8)))
        >>> end_to_end_singular_values(network, trace, [0]).round(3)
        array([[1., 1., 1., 1., 1., 1., 1., 1.]])
    """
    if len(examples) == 0:
        raise ValueError(f"examples must name at least one row, got {examples!r}")
    found = []
    for example in examples:
        product = layer_jacobian(network, trace, 0, example)
        for layer in range(1, network.depth):
            product = product @ layer_jacobian(network, trace, layer, example)
        found.append(np.linalg.svd(product, compute_uv=False))
    return np.stack(found)


def weight_singular_values(network: Network) -> tuple[FloatArray, ...]:
    """Return the singular values of W^1...W^L alone, largest first, one array per layer."""
    return tuple(np.linalg.svd(weight, compute_uv=False) for weight in network.weights)


def measure_forward(
    sizes: Sequence[int],
    initializer: OneOrPerLayer,
    activation: str | Activation,
    draws: int,
    rng: np.random.Generator,
    batch: int = 64,
    *,
    x: FloatArray | None = None,
    bias_std: float = 0.0,
) -> FloatArray:
    """Measure the second moments of the pre-activations in freshly drawn networks.

    Args:
        sizes, initializer, activation, bias_std: as in ``networks.make_network``.
        draws: number of networks.
        rng: source of every draw.
        batch: number of standard normal inputs, drawn anew for each network.
        x: inputs of shape (B, n_0) to use for every network instead.

    Returns:
        E[z_l²] for each network and l = 1...L, shape (draws, L).

    Raises:
        ValueError: as ``make_network`` and ``forward``, or if ``draws`` or ``batch`` is not
            positive.

    The measured counterpart of ``theory.forward_second_moments``. Used in *Why is a gradient a
    product?*

    Example:
        >>> measure_forward((50, 50, 50), "lecun", "tanh", 4, np.random.default_rng(0)).shape
        (4, 2)
    """
    traces = _sampled_traces(sizes, initializer, activation, draws, rng, batch, x, bias_std)
    return np.array([forward_second_moments(trace) for _, trace in traces])


def measure_backward(
    sizes: Sequence[int],
    initializer: OneOrPerLayer,
    activation: str | Activation,
    draws: int,
    rng: np.random.Generator,
    batch: int = 64,
    *,
    x: FloatArray | None = None,
    bias_std: float = 0.0,
    output_gradient: OutputGradient | None = None,
) -> FloatArray:
    """Measure the second moments of the back-propagated gradients in freshly drawn networks.

    Args:
        sizes, initializer, activation, bias_std: as in ``networks.make_network``.
        draws, rng, batch, x: as in ``measure_forward``.
        output_gradient: maps the logits (B, n_L) to δ^L; by default δ^L is normal and independent
            of the network, as the theory assumes.

    Returns:
        E[δ_l²] / E[δ_L²] for each network and l = 1...L, shape (draws, L); the last column is one.

    Raises:
        ValueError: as ``measure_forward``, or if ``output_gradient`` returns another shape or only
            zeros.

    The measured counterpart of ``theory.backward_second_moments``. Used in *Why is a gradient a
    product?*

    Example:
        >>> measure_backward((50, 50, 50), "lecun", "tanh", 4, np.random.default_rng(0))[:, -1]
        array([1., 1., 1., 1.])
    """
    traces = _sampled_traces(sizes, initializer, activation, draws, rng, batch, x, bias_std)
    return np.array(
        [backward_second_moments(_gradients(pair, output_gradient, rng)) for pair in traces]
    )


def measure_weight_gradients(
    sizes: Sequence[int],
    initializer: OneOrPerLayer,
    activation: str | Activation,
    draws: int,
    rng: np.random.Generator,
    batch: int = 64,
    *,
    x: FloatArray | None = None,
    bias_std: float = 0.0,
    output_gradient: OutputGradient | None = None,
) -> FloatArray:
    """Measure the second moments of the weight gradients in freshly drawn networks.

    Args:
        sizes, initializer, activation, bias_std: as in ``networks.make_network``.
        draws, rng, batch, x: as in ``measure_forward``.
        output_gradient: maps the logits (B, n_L) to δ^L, whose B contributions to ∂Loss/∂W are
            summed. By default δ^L is normal with variance 1/B, independent of the network: the sum
            then has the second moment that one example with a δ^L of unit variance has.

    Returns:
        E[(∂Loss/∂W^l)²] for each network and l = 1...L, shape (draws, L); by default in units of
        one example's E[δ_L²].

    Raises:
        ValueError: as ``measure_backward``.

    The measured counterpart of ``theory.weight_gradient_second_moments``. Used in *Whose side do we
    take?*

    Example:
        >>> rng = np.random.default_rng(0)
        >>> measure_weight_gradients((50, 50, 50), "glorot", "tanh", 4, rng).shape
        (4, 2)
    """
    traces = _sampled_traces(sizes, initializer, activation, draws, rng, batch, x, bias_std)
    gradients = (_gradients(pair, output_gradient, rng) for pair in traces)
    return np.array([second_moments(one.grad_weights) for one in gradients])


def measure_end_to_end(
    sizes: Sequence[int],
    initializer: OneOrPerLayer,
    activation: str | Activation,
    draws: int,
    rng: np.random.Generator,
    batch: int = 64,
) -> FloatArray:
    """Measure what freshly drawn networks do to a second moment from end to end.

    Args:
        sizes, initializer, activation: as in ``networks.make_network``.
        draws, rng, batch: as in ``measure_forward``.

    Returns:
        E[z_L²] / E[x²], forward, and E[(∂Loss/∂x)²] / E[δ_L²], backward to the input, for each
        network: shape (draws, 2).

    Raises:
        ValueError: as ``measure_forward``.

    The measured counterpart of ``theory.linear_ratios``. Used in *Whose side do we take?*

    Example:
        >>> measure_end_to_end((50, 20, 5), "lecun", "identity", 4, np.random.default_rng(0)).shape
        (4, 2)
    """
    ratios = []
    for pair in _sampled_traces(sizes, initializer, activation, draws, rng, batch, None, 0.0):
        trace, gradients = pair[1], _gradients(pair, None, rng)
        x, logits = second_moments([trace.acts[0], trace.logits])
        grad_input, delta = second_moments([gradients.grad_input, gradients.grad_preacts[-1]])
        ratios.append((logits / x, grad_input / delta))
    return np.array(ratios)


def _sampled_traces(
    sizes: Sequence[int],
    initializer: OneOrPerLayer,
    activation: str | Activation,
    draws: int,
    rng: np.random.Generator,
    batch: int,
    x: FloatArray | None,
    bias_std: float,
) -> Iterator[tuple[Network, Trace]]:
    batch = _check_count("batch", batch)
    for _ in range(_check_count("draws", draws)):
        network = make_network(sizes, initializer, activation, rng, bias_std, dtype=np.float64)
        inputs = rng.standard_normal((batch, network.sizes[0])) if x is None else x
        yield network, forward(network, inputs)


def _gradients(
    pair: tuple[Network, Trace], output_gradient: OutputGradient | None, rng: np.random.Generator
) -> Gradients:
    network, trace = pair
    if output_gradient is not None:
        return backward(network, trace, output_gradient(trace.logits))
    shape = trace.logits.shape
    return backward(network, trace, rng.standard_normal(shape) / np.sqrt(shape[0]))


def _mean_cosine(rows: FloatArray) -> float:
    examples = len(rows)
    if examples < 2:
        raise ValueError(f"acts must hold at least two examples, got {examples}")
    # Dividing by the largest entry first keeps the squares of tiny rows from underflowing.
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not largest.all():
        return float("nan")
    rows = rows / largest
    directions = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    all_pairs = np.square(directions.sum(axis=0)).sum()
    return float((all_pairs - examples) / (examples * (examples - 1)))


def _histogram_range(
    arrays: Layers, value_range: tuple[float, float] | None
) -> tuple[float, float]:
    if value_range is None:
        low, high = min(array.min() for array in arrays), max(array.max() for array in arrays)
        return (float(low), float(high)) if low < high else (float(low) - 0.5, float(high) + 0.5)
    low, high = value_range
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"value_range must be two finite numbers, low < high, got {value_range!r}")
    return low, high


def _hidden_preacts(preacts: Trace | Layers) -> list[FloatArray]:
    layers = preacts.preacts[:-1] if isinstance(preacts, Trace) else preacts
    return _check_layers("preacts", layers, rank=2)


def _check_layers(name: str, layers: Layers, rank: int | None = None) -> list[FloatArray]:
    """Refuse what cannot be measured, and go on in float64."""
    if isinstance(layers, np.ndarray) or len(layers) == 0:
        raise ValueError(f"{name} must be a sequence of at least one array, got {layers!r}")
    arrays: list[FloatArray] = [np.asarray(layer, dtype=np.float64) for layer in layers]
    for index, array in enumerate(arrays):
        if array.size == 0 or (rank is not None and array.ndim != rank):
            kind = "not be empty" if rank is None else f"have rank {rank} and not be empty"
            raise ValueError(f"{name}[{index}] must {kind}, got shape {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name}[{index}] must be finite, got {array[~np.isfinite(array)][0]}")
    return arrays


def _check_count(name: str, count: int) -> int:
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{name} must be a positive integer, got {count!r}")
    return int(count)
