"""Changes to the package under which *Which scheme for which activation?* must fail."""

from tests.book.mutations import Mutation

MUTATIONS = (
    Mutation(
        "He's 2 is 1.9",
        "initializers.py",
        'he_normal = VarianceScaling(2.0, "fan_in", "truncated_normal")',
        'he_normal = VarianceScaling(1.9, "fan_in", "truncated_normal")',
    ),
    Mutation(
        "the truncated normal is not corrected",
        "initializers.py",
        "out *= std / np.float32(TRUNCATED_STD)",
        "out *= std",
    ),
    Mutation(
        "a leaky ReLU's second moment takes the slope for its square",
        "activations.py",
        "half = (1 + slope * slope) / 2",
        "half = (1 + slope) / 2",
    ),
    Mutation(
        "a leaky ReLU's slope is 0 below 0",
        "activations.py",
        "df=lambda z: np.where(z > 0, 1.0, slope)",
        "df=lambda z: np.where(z > 0, 1.0, 0.0)",
    ),
    Mutation(
        "SELU's alpha is a percent off",
        "activations.py",
        "SELU_ALPHA = 1.6732632423543772",
        "SELU_ALPHA = 1.6732632423543772 * 1.01",
    ),
    Mutation(
        "ELU's second moment forgets the square of its scale",
        "activations.py",
        "return scale**2 * (q / 2 + alpha**2 * below)",
        "return scale * (q / 2 + alpha**2 * below)",
    ),
    Mutation(
        "GELU's slope has a sign wrong",
        "activations.py",
        "return special.ndtr(z) + z * np.exp(-z * z / 2)",
        "return special.ndtr(z) - z * np.exp(-z * z / 2)",
    ),
    Mutation(
        "tanh's derivative is off",
        "activations.py",
        "df=lambda z: 1 - np.tanh(z) ** 2",
        "df=lambda z: 1 - np.tanh(z) ** 2 / 2",
    ),
    Mutation(
        "the logistic function is a twentieth too flat",
        "activations.py",
        "df=lambda z: special.expit(z) * special.expit(-z)),",
        "df=lambda z: 0.95 * special.expit(z) * special.expit(-z)),",
    ),
    Mutation(
        "the gain restores the variance, not the second moment",
        "activations.py",
        "return float(1 / np.sqrt(self.second_moment(1.0)))",
        "return float(1 / np.sqrt(self.second_moment(1.0) - self.mean(1.0) ** 2))",
    ),
    Mutation(
        "the next layer receives the variance, not the second moment",
        "theory.py",
        "received = _second_moment(phi, moments[-1])",
        "received = _second_moment(phi, moments[-1]) - phi.mean(moments[-1]) ** 2",
    ),
    Mutation(
        "the variance map squares its scale",
        "theory.py",
        "return sigma_w2 * get_activation(activation).second_moment(q) + sigma_b2",
        "return sigma_w2**2 * get_activation(activation).second_moment(q) + sigma_b2",
    ),
    Mutation(
        "the way back meets the slopes of the layer above",
        "theory.py",
        "for q in moments[:-1]])\n    factors",
        "for q in moments[1:]])\n    factors",
    ),
    Mutation(
        "the map's slope counts twice",
        "theory.py",
        "_average(lambda z: z * phi.f(z) * phi.df(z), q)",
        "_average(lambda z: 2 * z * phi.f(z) * phi.df(z), q)",
    ),
    Mutation(
        "the linear share is not divided by q",
        "theory.py",
        "linear = _average(lambda z: z * phi.f(z), q) ** 2 / (q * power)",
        "linear = _average(lambda z: z * phi.f(z), q) ** 2 / power",
    ),
    Mutation(
        "deviations are passed on by s, not by its square",
        "theory.py",
        "variance = slope**2 * variance + noise / width",
        "variance = slope * variance + noise / width",
    ),
    Mutation(
        "the fourth moment forgets to take off 1",
        "theory.py",
        "fourth / _second_moment(phi, q) ** 2 - 1",
        "fourth / _second_moment(phi, q) ** 2",
    ),
    Mutation(
        "single nets do not drift",
        "theory.py",
        "mean = slope * mean + bend * variance / 2 - noise / width / 2",
        "mean = slope * mean + bend * variance / 2",
    ),
    Mutation(
        "the slope is taken at the activation",
        "networks.py",
        "network.activation.df(trace.preacts[layer - 2])",
        "network.activation.df(trace.acts[layer - 1])",
    ),
    Mutation(
        "measured gradients are compared with the first layer's, not the last's",
        "probes.py",
        "return moments / moments[-1]",
        "return moments / moments[0]",
    ),
    Mutation(
        "an activation's own scale is its gain, not the square",
        "experiments/schemes.py",
        "scale = round(ACTIVATIONS[activation].gain ** 2, 6)",
        "scale = round(ACTIVATIONS[activation].gain, 6)",
    ),
)
