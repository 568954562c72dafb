"""Changes to the package under which *What goes wrong with the sigmoid?* must fail."""

from tests.book.mutations import Mutation

MUTATIONS = (
    Mutation(
        "the logistic function is a twentieth too flat",
        "activations.py",
        "df=lambda z: special.expit(z) * special.expit(-z)),",
        "df=lambda z: 0.95 * special.expit(z) * special.expit(-z)),",
    ),
    Mutation(
        "softsign approaches its ends more slowly than it does",
        "activations.py",
        "(1 + np.abs(z)) ** -2.0",
        "(1 + np.abs(z)) ** -1.9",
    ),
    Mutation(
        "the slope counts instead of its square",
        "activations.py",
        "lambda z: self.df(z) ** 2",
        "lambda z: np.abs(self.df(z))",
    ),
    Mutation(
        "the bound of the standard scheme is taken for its standard deviation",
        "initializers.py",
        '1 / 3, "fan_in", "uniform"',
        '1.0, "fan_in", "uniform"',
    ),
    Mutation(
        "the next layer receives the variance, not the second moment",
        "theory.py",
        "received = _second_moment(phi, moments[-1])",
        "received = _second_moment(phi, moments[-1]) - phi.mean(moments[-1]) ** 2",
    ),
    Mutation(
        "saturation is measured against 1, not against the steepest slope",
        "probes.py",
        "slope < share * steepest",
        "slope < share",
    ),
    Mutation(
        "the 98th percentile is the 90th",
        "probes.py",
        "np.percentile(array, 98)",
        "np.percentile(array, 90)",
    ),
    Mutation(
        "histograms are shares, not densities",
        "probes.py",
        "counts / (sizes[:, np.newaxis] * np.diff(edges))",
        "counts / (sizes[:, np.newaxis])",
    ),
    Mutation(
        "the gradient of the quadratic cost forgets the softmax",
        "networks.py",
        "return 2 * probabilities * (errors - mean_error) / len(logits)",
        "return 2 * (errors - mean_error) / len(logits)",
    ),
    Mutation(
        "the gradient of the cross-entropy is halved",
        "networks.py",
        "return _probability_errors(logits, labels)[1] / len(logits)",
        "return _probability_errors(logits, labels)[1] / len(logits) / 2",
    ),
    Mutation(
        "the quadratic cost is a sum of absolute errors",
        "networks.py",
        "np.square(errors).sum(axis=1).mean()",
        "np.abs(errors).sum(axis=1).mean()",
    ),
    Mutation(
        "all classes are said to be equally frequent",
        "datasets/shapeset.py",
        "CLASS_PRIORS = (1 / 6, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9, 1 / 18, 1 / 18, 1 / 18)",
        "CLASS_PRIORS = (1 / 9,) * 9",
    ),
    Mutation(
        "a frozen output bias learns",
        "ensemble.py",
        "rates = [config.output_bias_rate for config in nets.configs]",
        "rates = [1.0 for config in nets.configs]",
    ),
    Mutation(
        "a batch's gradients are summed, not averaged",
        "ensemble.py",
        "rates = [-config.learning_rate / batch for config in nets.configs]",
        "rates = [-config.learning_rate for config in nets.configs]",
    ),
)
