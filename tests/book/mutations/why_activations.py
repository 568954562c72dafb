"""Under these packages the chapter *Why activations at all?* must fail."""

from tests.book.mutations import Mutation
from tests.book.mutations.common import NO_SLOPE, SLOPE_OF_THE_OUTPUT

MUTATIONS = (
    Mutation(
        "a tenth of every bias is lost",
        "networks.py",
        "preact = act @ weight + bias",
        "preact = act @ weight + 0.9 * bias",
    ),
    Mutation(
        "the last layer bends too",
        "networks.py",
        "act = preact if last else network.activation.f(preact)",
        "act = network.activation.f(preact)",
    ),
    SLOPE_OF_THE_OUTPUT,
    NO_SLOPE,
    Mutation(
        "weight gradients are a tenth too small",
        "networks.py",
        "trace.acts[layer - 1].T @ delta",
        "trace.acts[layer - 1].T @ (0.9 * delta)",
    ),
    Mutation(
        "the step is a tenth too long",
        "networks.py",
        "(parameter - learning_rate * grad)",
        "(parameter - 1.1 * learning_rate * grad)",
    ),
    Mutation(
        "biases do not learn",
        "networks.py",
        "_descend(network.biases, gradients.grad_biases, learning_rate)",
        "network.biases",
    ),
    Mutation(
        "cross-entropy is summed over the batch", "networks.py", "labels].mean())", "labels].sum())"
    ),
    Mutation(
        "tanh is differentiated without the square",
        "activations.py",
        "df=lambda z: 1 - np.tanh(z) ** 2",
        "df=lambda z: 1 - np.abs(np.tanh(z))",
    ),
    Mutation(
        "tanh bends at another place",
        "activations.py",
        'Activation("tanh", f=np.tanh,',
        'Activation("tanh", f=lambda z: np.tanh(z + 0.1),',
    ),
    Mutation(
        "ReLU leaks",
        "activations.py",
        "positive = np.maximum(z, 0)",
        "positive = np.maximum(z, 0.05 * z)",
    ),
    Mutation(
        "zeros are not zero", "initializers.py", "zeros = Constant(0.0)", "zeros = Constant(0.01)"
    ),
    Mutation(
        "the variance is used as standard deviation",
        "initializers.py",
        "std = np.sqrt(self._variance(",
        "std = np.float64(self._variance(",
    ),
    Mutation(
        "orthogonal matrices lose half of the signal",
        "initializers.py",
        "self.gain * (q if",
        "0.5 * self.gain * (q if",
    ),
)
