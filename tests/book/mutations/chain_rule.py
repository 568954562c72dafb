"""Changes to the package under which *Why is a gradient a product?* must fail."""

from tests.book.mutations import Mutation
from tests.book.mutations.common import (
    BACKWARD_COUNTS_BELOW,
    DECIBELS_OF_POWER,
    NO_SLOPE,
    ORTHOGONAL_WITHOUT_GAIN,
    SLOPE_OF_THE_OUTPUT,
    SPREAD_OF_N,
    STANDARD_IS_A_HALF,
)

MUTATIONS = (
    NO_SLOPE,
    SLOPE_OF_THE_OUTPUT,
    Mutation(
        "bias gradients are averaged over the batch, not summed",
        "networks.py",
        "delta.sum(axis=0) for delta in grad_preacts",
        "delta.mean(axis=0) for delta in grad_preacts",
    ),
    Mutation(
        "the gradient of the mean loss is divided by one too many",
        "networks.py",
        "return _probability_errors(logits, labels)[1] / len(logits)",
        "return _probability_errors(logits, labels)[1] / (len(logits) + 1)",
    ),
    Mutation(
        "the Jacobian takes its slopes from the activations",
        "networks.py",
        "slope = network.activation.df(trace.preacts[layer][example])",
        "slope = network.activation.df(trace.acts[layer + 1][example])",
    ),
    Mutation(
        "gradient descent climbs",
        "networks.py",
        "(parameter - learning_rate * grad).astype",
        "(parameter + learning_rate * grad).astype",
    ),
    Mutation(
        "the forward pass drops its biases",
        "networks.py",
        "preact = act @ weight + bias",
        "preact = act @ weight + 0 * bias",
    ),
    Mutation(
        "biases are drawn with their variance for a standard deviation",
        "networks.py",
        "rng.normal(0.0, bias_std, len(bias))",
        "rng.normal(0.0, bias_std**2, len(bias))",
    ),
    Mutation(
        "tanh's derivative forgets the square",
        "activations.py",
        "df=lambda z: 1 - np.tanh(z) ** 2",
        "df=lambda z: 1 - np.tanh(z)",
    ),
    STANDARD_IS_A_HALF,
    Mutation(
        "Glorot's scale is 1.9/2",
        "initializers.py",
        'glorot_uniform = VarianceScaling(1.0, "fan_avg", "uniform")',
        'glorot_uniform = VarianceScaling(0.95, "fan_avg", "uniform")',
    ),
    ORTHOGONAL_WITHOUT_GAIN,
    Mutation(
        "the forward product counts the units above",
        "theory.py",
        "for fan_in, variance in zip(widths[:-1], var_w, strict=True):",
        "for fan_in, variance in zip(widths[1:], var_w, strict=True):",
    ),
    BACKWARD_COUNTS_BELOW,
    Mutation(
        "end to end, forward and backward are exchanged",
        "theory.py",
        "return float(np.prod(fans[:-1] * variances)), float(np.prod(fans[1:] * variances))",
        "return float(np.prod(fans[1:] * variances)), float(np.prod(fans[:-1] * variances))",
    ),
    DECIBELS_OF_POWER,
    SPREAD_OF_N,
    Mutation(
        "the spread at finite width has no drift",
        "theory.py",
        "mean = special.digamma(n / 2) - np.log(n / 2)",
        "mean = special.digamma(n / 2) - special.digamma(n / 2)",
    ),
    Mutation(
        "bias variances do not reach the second moment",
        "theory.py",
        "return sigma_w2 * get_activation(activation).second_moment(q) + sigma_b2",
        "return sigma_w2 * get_activation(activation).second_moment(q) + sigma_b2**2",
    ),
    Mutation(
        "measured gradients are compared with the first layer's, not the last's",
        "probes.py",
        "return moments / moments[-1]",
        "return moments / moments[0]",
    ),
)
