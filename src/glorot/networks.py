"""Fully connected networks in NumPy, with backpropagation written out.

Rows are examples and weights have shape (fan_in, fan_out), so one layer is ``z = h @ W + b``. L
counts weight matrices; hidden layers apply the activation, the last layer is linear and its
pre-activations are the logits. In every tuple of layers, index l - 1 holds layer l = 1...L; only
``Trace.acts`` starts one earlier, with the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
from numpy.typing import DTypeLike, NDArray

from glorot.activations import Activation, get_activation
from glorot.initializers import Initializer, get_initializer

__all__ = [
    "Gradients",
    "Network",
    "Trace",
    "backward",
    "cross_entropy",
    "cross_entropy_gradient",
    "forward",
    "layer_jacobian",
    "lsuv",
    "make_network",
    "sgd_step",
    "softmax",
    "squared_error",
    "squared_error_gradient",
]

FloatArray = NDArray[np.floating]


# eq=False: comparing arrays with == has no single truth value.
@dataclass(frozen=True, eq=False)
class Network:
    """The weights, biases and activation of a fully connected network.

    Args:
        weights: L matrices, ``weights[l - 1]`` of shape (n_{l-1}, n_l).
        biases: L vectors, ``biases[l - 1]`` of shape (n_l,).
        activation: applied by every layer but the last, which is linear.

    Raises:
        ValueError: if shapes do not fit together, or a number is not finite.
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    activation: Activation

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(self.weights))
        object.__setattr__(self, "biases", tuple(self.biases))
        if not self.weights:
            raise ValueError(f"weights must hold at least one matrix, got {self.weights!r}")
        if len(self.biases) != self.depth:
            raise ValueError(f"biases must hold {self.depth} vectors, got {len(self.biases)}")
        if not isinstance(self.activation, Activation):
            raise ValueError(f"activation must be an Activation, got {self.activation!r}")
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            _check_array(f"weights[{index}]", weight, rank=2)
            _check_array(f"biases[{index}]", bias, rank=1)
            if len(bias) != weight.shape[1]:
                raise ValueError(
                    f"biases[{index}] must have length {weight.shape[1]}, got {len(bias)}"
                )
        for index, (weight, width) in enumerate(zip(self.weights, self.sizes, strict=False)):
            if len(weight) != width:
                raise ValueError(
                    f"weights[{index}] must have {width} rows, got shape {weight.shape}"
                )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths (n_0, ..., n_L), input and output included."""
        return (self.weights[0].shape[0], *(weight.shape[1] for weight in self.weights))

    @property
    def depth(self) -> int:
        """L, the number of weight matrices."""
        return len(self.weights)


@dataclass(frozen=True, eq=False)
class Trace:
    """Everything a forward pass computed.

    Args:
        preacts: z^1...z^L, each of shape (B, n_l).
        acts: h^0...h^L, each of shape (B, n_l); ``acts[0]`` is the input, ``acts[L]`` the logits
            z^L.
    """

    preacts: tuple[FloatArray, ...]
    acts: tuple[FloatArray, ...]

    @property
    def hidden(self) -> tuple[FloatArray, ...]:
        """The hidden layers' activations h^1...h^(L-1)."""
        return self.acts[1:-1]

    @property
    def logits(self) -> FloatArray:
        """The last layer's output z^L, shape (B, n_L)."""
        return self.acts[-1]


@dataclass(frozen=True, eq=False)
class Gradients:
    """Everything a backward pass computed.

    Args:
        grad_preacts: δ^l = ∂Loss/∂z^l for l = 1...L, each of shape (B, n_l).
        grad_weights: ∂Loss/∂W^l, each of shape (n_{l-1}, n_l), summed over the examples.
        grad_biases: ∂Loss/∂b^l, each of shape (n_l,), summed over the examples.
        grad_input: ∂Loss/∂x, shape (B, n_0).
    """

    grad_preacts: tuple[FloatArray, ...]
    grad_weights: tuple[FloatArray, ...]
    grad_biases: tuple[FloatArray, ...]
    grad_input: FloatArray


def make_network(
    sizes: Sequence[int],
    initializer: str | Initializer | Sequence[str | Initializer],
    activation: str | Activation,
    rng: np.random.Generator,
    bias_std: float = 0.0,
    dtype: DTypeLike = np.float32,
) -> Network:
    """Draw a network: weights from an initializer, biases zero or normal.

    All weights are drawn before any bias, first layer first: ``bias_std`` does not change the
    weights.

    Args:
        sizes: widths (n_0, ..., n_L), input and output included, at least two.
        initializer: one for all layers, or a list of L, first layer first; each by name or as an
            instance.
        activation: of the hidden layers, by name or as an instance.
        rng: source of every draw.
        bias_std: standard deviation of the biases; 0 makes them zero.
        dtype: float32 or float64 (initializers draw in float32; the draw is converted).

    Returns:
        A network with L = len(sizes) - 1 weight matrices.

    Raises:
        ValueError: for a size that is not a positive integer, an unknown name, a negative
            ``bias_std`` or another dtype.

    Example:
        >>> make_network((784, 100, 10), "glorot_uniform", "tanh", np.random.default_rng(0)).sizes
        (784, 100, 10)
    """
    sizes = _check_sizes(sizes)
    _check_nonnegative("bias_std", bias_std)
    if dtype not in (np.float32, np.float64, "float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
    initializers = _one_per_layer(initializer, len(sizes) - 1)
    shapes = list(pairwise(sizes))
    weights = [
        draw(shape, rng).astype(dtype) for draw, shape in zip(initializers, shapes, strict=True)
    ]
    biases = [np.zeros(fan_out, dtype) for _, fan_out in shapes]
    if bias_std > 0:
        biases = [rng.normal(0.0, bias_std, len(bias)).astype(dtype) for bias in biases]
    return Network(tuple(weights), tuple(biases), get_activation(activation))


def forward(network: Network, x: FloatArray) -> Trace:
    r"""Send a batch through the network and keep every intermediate value.

    .. math:: z^l = h^{l-1} W^l + b^l, \qquad h^l = \phi(z^l) \text{ for } l < L, \qquad h^L = z^L.

    Args:
        network: L layers.
        x: inputs, shape (B, n_0); integers are converted to the dtype of the weights.

    Returns:
        The pre-activations and activations of all layers, float64 if ``x`` or the weights are.

    Raises:
        ValueError: if ``x`` has another shape, no rows, or a number that is not finite.

    Example:
        >>> weights, biases = (np.eye(2), np.ones((2, 1))), (np.zeros(2), np.zeros(1))
        >>> network = Network(weights, biases, get_activation("relu"))
        >>> forward(network, np.array([[3.0, -4.0]])).logits
        array([[3.]])
    """
    act = _check_batch("x", x, width=network.sizes[0], dtype=network.weights[0].dtype)
    preacts: list[FloatArray] = []
    acts: list[FloatArray] = [act]
    for weight, bias in zip(network.weights, network.biases, strict=True):
        preact = act @ weight + bias
        last = len(preacts) == network.depth - 1
        act = preact if last else network.activation.f(preact)
        preacts.append(preact)
        acts.append(act)
    return Trace(tuple(preacts), tuple(acts))


def backward(network: Network, trace: Trace, grad_output: FloatArray) -> Gradients:
    r"""Send a gradient back through the network, one factor of the chain rule after another.

    .. math:: \delta^l = \big(\delta^{l+1} (W^{l+1})^\top\big) \circ \phi'(z^l), \qquad
       \frac{\partial \text{Loss}}{\partial W^l} = (h^{l-1})^\top \delta^l, \qquad
       \frac{\partial \text{Loss}}{\partial b^l} = \sum_\text{examples} \delta^l.

    Args:
        network: the network that made ``trace``.
        trace: what ``forward`` returned.
        grad_output: δ^L, shape (B, n_L), for instance from ``cross_entropy_gradient``.

    Returns:
        The gradients with respect to pre-activations, weights, biases and input.

    Raises:
        ValueError: if ``trace`` is of another network's sizes, or ``grad_output`` does not fit the
            logits or is not finite.

    Source: Rumelhart, Hinton & Williams (1986); Glorot & Bengio (2010), eqs. 2 and 3. Written out
    in *Why is a gradient a product?*

    Example:
        >>> network = Network((np.array([[3.0]]),), (np.zeros(1),), get_activation("identity"))
        >>> gradients = backward(network, forward(network, np.array([[2.0]])), np.array([[1.0]]))
        >>> gradients.grad_weights[0], gradients.grad_input
        (array([[2.]]), array([[3.]]))
    """
    _check_trace(network, trace)
    delta = _check_batch("grad_output", grad_output, dtype=trace.logits.dtype)
    if delta.shape != trace.logits.shape:
        raise ValueError(f"grad_output must have shape {trace.logits.shape}, got {delta.shape}")
    grad_preacts: list[FloatArray] = []
    grad_weights: list[FloatArray] = []
    for layer in range(network.depth, 0, -1):
        grad_preacts.insert(0, delta)
        grad_weights.insert(0, trace.acts[layer - 1].T @ delta)
        grad_act = delta @ network.weights[layer - 1].T
        if layer > 1:
            delta = grad_act * network.activation.df(trace.preacts[layer - 2])
    grad_biases = tuple(delta.sum(axis=0) for delta in grad_preacts)
    return Gradients(tuple(grad_preacts), tuple(grad_weights), grad_biases, grad_input=grad_act)


def sgd_step(network: Network, gradients: Gradients, learning_rate: float) -> Network:
    r"""Take one step of gradient descent and return the new network.

    .. math:: W \leftarrow W - \eta \frac{\partial \text{Loss}}{\partial W}, \qquad
       b \leftarrow b - \eta \frac{\partial \text{Loss}}{\partial b}.

    Args:
        network: where the gradients were taken; it is left as it is.
        gradients: what ``backward`` returned.
        learning_rate: η, at least 0.

    Returns:
        A new network of the same shapes and dtype.

    Raises:
        ValueError: for a negative or infinite ``learning_rate``, gradients of another network's
            shapes, or a step that leads to a weight that is not finite.
    """
    _check_nonnegative("learning_rate", learning_rate)
    shapes = [grad.shape for grad in gradients.grad_weights]
    if shapes != [weight.shape for weight in network.weights]:
        raise ValueError(f"gradients must be of a network of sizes {network.sizes}, got {shapes}")
    return Network(
        _descend(network.weights, gradients.grad_weights, learning_rate),
        _descend(network.biases, gradients.grad_biases, learning_rate),
        network.activation,
    )


def lsuv(network: Network, x: FloatArray, tolerance: float = 0.01, iterations: int = 10) -> Network:
    r"""Scale each layer's weights, from the first on, until its pre-activations have variance 1.

    .. math:: W^l \leftarrow \frac{W^l}{\sqrt{\operatorname{Var}[z^l]}} \quad\text{until}\quad
       |\operatorname{Var}[z^l] - 1| \le \text{tolerance},

    with the variance over all units and the examples of one batch. A layer is scaled on what the scaled layers
    below it put out: no formula for the activation is needed. Biases stay as they are; without any, one
    division a layer is exact.

    Args:
        network: where to start from; its author's choice is orthogonal weights.
        x: a batch of inputs, shape (B, n_0).
        tolerance: largest distance of a variance from 1, > 0.
        iterations: divisions of one layer's weights at most, a positive integer.

    Returns:
        A new network of the same shapes and dtype.

    Raises:
        ValueError: as ``forward``, for a tolerance that is not positive or no positive number of iterations,
            or where a layer's variance is 0 or does not come within the tolerance.

    Source: Mishkin & Matas (2016), algorithm 1. Used in *Where does the argument end?*

    Example:
        >>> rng = np.random.default_rng(0)
        >>> network = make_network((20, 30, 30, 5), "heuristic", "gelu", rng, dtype=np.float64)
        >>> x = rng.standard_normal((100, 20))
        >>> [round(float(z.var()), 6) for z in forward(lsuv(network, x), x).preacts]
        [1.0, 1.0, 1.0]
    """
    _check_nonnegative("tolerance", tolerance)
    if tolerance == 0:
        raise ValueError(f"tolerance must be > 0, got {tolerance!r}")
    if not isinstance(iterations, Integral) or isinstance(iterations, bool) or iterations < 1:
        raise ValueError(f"iterations must be a positive integer, got {iterations!r}")
    act = forward(network, x).acts[0]
    weights = []
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        for _ in range(iterations):
            variance = float((act @ weight + bias).var())
            if abs(variance - 1) <= tolerance or variance == 0:
                break
            weight = (weight / np.sqrt(variance)).astype(weight.dtype)
        variance = float((act @ weight + bias).var())
        if not abs(variance - 1) <= tolerance:
            raise ValueError(
                f"network must be one whose layers can be scaled to variance 1; layer {layer} has "
                f"{variance:.3g} after {iterations} divisions"
            )
        weights.append(weight)
        act = network.activation.f(act @ weight + bias)
    return Network(tuple(weights), network.biases, network.activation)


def layer_jacobian(network: Network, trace: Trace, layer: int, example: int) -> FloatArray:
    r"""Return how one layer's output answers to its input, for one example.

    .. math:: J_{ij} = \frac{\partial h^{l+1}_j}{\partial h^l_i} = W^{l+1}_{ij}\, \phi'(z^{l+1}_j)

    In the last layer, which is linear, *J* is the weight matrix. Rows belong to the input, so a
    product of Jacobians reads from left to right: the derivative of h^2 by h^0 is ``J_0 @ J_1``.

    Args:
        network: the network that made ``trace``.
        trace: what ``forward`` returned.
        layer: l, from 0 (input to first hidden layer) to L - 1.
        example: row of the batch, from 0.

    Returns:
        Array of shape (n_l, n_{l+1}), of the trace's dtype.

    Raises:
        ValueError: if ``layer`` or ``example`` is out of range, or ``trace`` is of another
            network's sizes.

    Source: Glorot & Bengio (2010), section 4.2.1. Used in *Whose side do we take?*
    """
    _check_trace(network, trace)
    _check_index("layer", layer, network.depth)
    _check_index("example", example, len(trace.logits))
    weight = network.weights[layer].astype(trace.logits.dtype)
    if layer == network.depth - 1:
        return weight
    slope = network.activation.df(trace.preacts[layer][example])
    return weight * slope[np.newaxis, :]


def softmax(logits: FloatArray) -> FloatArray:
    r"""Turn each row of logits into probabilities.

    .. math:: p_c = \frac{e^{z_c - m}}{\sum_k e^{z_k - m}}, \qquad m = \max_k z_k;

    taking off the maximum leaves the quotient as it is and keeps the exponential from overflowing.

    Args:
        logits: shape (B, C).

    Returns:
        Probabilities, shape (B, C); each row sums to one.

    Raises:
        ValueError: if ``logits`` is not a finite array of rank 2.

    Example:
        >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
        [[0.5, 0.5], [1.0, 0.0]]
    """
    return np.exp(_log_softmax(logits))


def cross_entropy(logits: FloatArray, labels: NDArray[np.integer]) -> float:
    r"""Return the negative log-likelihood of the labels under the softmax, averaged over the batch.

    .. math:: \text{Loss} = -\frac{1}{B} \sum_b \ln p_{b, y_b}

    Args:
        logits: shape (B, C).
        labels: true classes y, integers in 0...C-1, shape (B,).

    Returns:
        The loss in nats; ln C where all logits are equal.

    Raises:
        ValueError: if ``logits`` is not a finite array of rank 2, or ``labels`` do not fit it.

    Example:
        >>> round(cross_entropy(np.zeros((1, 10)), np.array([3])), 4)
        2.3026
    """
    log_probabilities = _log_softmax(logits)
    labels = _check_labels(labels, log_probabilities.shape)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def cross_entropy_gradient(logits: FloatArray, labels: NDArray[np.integer]) -> FloatArray:
    r"""Return the gradient of ``cross_entropy`` with respect to the logits.

    .. math:: \frac{\partial \text{Loss}}{\partial z_{bc}} = \frac{p_{bc} - [c = y_b]}{B}

    Args:
        logits: shape (B, C).
        labels: integers in 0...C-1, shape (B,).

    Returns:
        Shape (B, C); each row sums to zero.

    Raises:
        ValueError: as ``cross_entropy``.

    Example:
        >>> cross_entropy_gradient(np.zeros((1, 2)), np.array([0]))
        array([[-0.5,  0.5]])
    """
    return _probability_errors(logits, labels)[1] / len(logits)


def squared_error(logits: FloatArray, labels: NDArray[np.integer]) -> float:
    r"""Return the quadratic cost of the softmax probabilities, averaged over the batch.

    .. math:: \text{Loss} = \frac{1}{B} \sum_b \sum_c (p_{bc} - [c = y_b])^2

    Args:
        logits: shape (B, C).
        labels: integers in 0...C-1, shape (B,).

    Returns:
        The loss, between 0 and 2.

    Raises:
        ValueError: as ``cross_entropy``.

    Source: a quadratic cost to set against the cross-entropy, as in Glorot & Bengio (2010), Figure
    5. Used in *What goes wrong with the sigmoid?*

    Example:
        >>> squared_error(np.zeros((1, 2)), np.array([0]))
        0.5
    """
    errors = _probability_errors(logits, labels)[1]
    return float(np.square(errors).sum(axis=1).mean())


def squared_error_gradient(logits: FloatArray, labels: NDArray[np.integer]) -> FloatArray:
    r"""Return the gradient of ``squared_error`` with respect to the logits.

    .. math:: \frac{\partial \text{Loss}}{\partial z_{bc}}
       = \frac{2}{B}\, p_{bc} \Big(e_{bc} - \sum_k p_{bk} e_{bk}\Big), \qquad e_{bc} = p_{bc} - [c =
       y_b]

    It vanishes on a confident wrong answer, where the gradient of the cross-entropy is largest.

    Args:
        logits: shape (B, C).
        labels: integers in 0...C-1, shape (B,).

    Returns:
        Shape (B, C); each row sums to zero.

    Raises:
        ValueError: as ``cross_entropy``.

    Example:
        >>> squared_error_gradient(np.zeros((1, 2)), np.array([0]))
        array([[-0.5,  0.5]])
    """
    probabilities, errors = _probability_errors(logits, labels)
    mean_error = (probabilities * errors).sum(axis=1, keepdims=True)
    return 2 * probabilities * (errors - mean_error) / len(logits)


def _log_softmax(logits: FloatArray) -> FloatArray:
    logits = _check_batch("logits", logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _probability_errors(
    logits: FloatArray, labels: NDArray[np.integer]
) -> tuple[FloatArray, FloatArray]:
    probabilities = softmax(logits)
    labels = _check_labels(labels, probabilities.shape)
    errors = probabilities.copy()
    errors[np.arange(len(labels)), labels] -= 1
    return probabilities, errors


def _one_per_layer(
    initializer: str | Initializer | Sequence[str | Initializer], depth: int
) -> list[Initializer]:
    if isinstance(initializer, str) or not isinstance(initializer, Sequence):
        return [get_initializer(initializer)] * depth
    if len(initializer) != depth:
        raise ValueError(
            f"initializer must be one, or one for each of {depth} layers, got {initializer!r}"
        )
    return [get_initializer(one) for one in initializer]


def _descend(
    parameters: tuple[FloatArray, ...], grads: tuple[FloatArray, ...], learning_rate: float
) -> tuple[FloatArray, ...]:
    return tuple(
        (parameter - learning_rate * grad).astype(parameter.dtype, copy=False)
        for parameter, grad in zip(parameters, grads, strict=True)
    )


def _check_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    if np.ndim(sizes) != 1 or len(sizes) < 2:
        raise ValueError(f"sizes must be at least two widths (n_0, ..., n_L), got {sizes!r}")
    for size in sizes:
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"sizes must be positive integers, got {size!r} in {sizes!r}")
    return tuple(int(size) for size in sizes)


def _check_array(name: str, array: FloatArray, rank: int) -> None:
    if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{name} must be an array of floats, got {array!r}")
    if array.ndim != rank or array.size == 0:
        raise ValueError(f"{name} must have rank {rank} and no empty axis, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")


def _check_batch(
    name: str, array: FloatArray, width: int | None = None, dtype: DTypeLike = np.float64
) -> FloatArray:
    array = np.asarray(array)
    if np.issubdtype(array.dtype, np.integer):
        array = array.astype(dtype)
    _check_array(name, array, rank=2)
    if width is not None and array.shape[1] != width:
        raise ValueError(f"{name} must have shape (examples, {width}), got {array.shape}")
    return array


def _check_labels(labels: NDArray[np.integer], shape: tuple[int, ...]) -> NDArray[np.integer]:
    labels = np.asarray(labels)
    examples, classes = shape
    if labels.shape != (examples,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be {examples} integers, got {labels.dtype} of shape {labels.shape}"
        )
    outside = labels[(labels < 0) | (labels >= classes)]
    if outside.size:
        raise ValueError(f"labels must lie in 0...{classes - 1}, got {outside[0]}")
    return labels


def _check_trace(network: Network, trace: Trace) -> None:
    widths = tuple(act.shape[1] for act in trace.acts)
    if widths != network.sizes:
        raise ValueError(f"trace must come from a network of sizes {network.sizes}, got {widths}")


def _check_nonnegative(name: str, value: float) -> None:
    if not isinstance(value, Real) or not np.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be a finite number >= 0, got {value!r}")


def _check_index(name: str, index: int, count: int) -> None:
    if not isinstance(index, Integral) or isinstance(index, bool) or not 0 <= index < count:
        raise ValueError(f"{name} must be an integer in 0...{count - 1}, got {index!r}")
