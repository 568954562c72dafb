"""Changes to the package that more than one chapter must notice."""

from tests.book.mutations import Mutation

SLOPE_OF_THE_OUTPUT = Mutation(
    "the slope is taken at the output, not at the pre-activation",
    "networks.py",
    "network.activation.df(trace.preacts[layer - 2])",
    "network.activation.df(trace.acts[layer - 1])",
)

NO_SLOPE = Mutation(
    "backpropagation forgets the slope",
    "networks.py",
    "delta = grad_act * network.activation.df(trace.preacts[layer - 2])",
    "delta = grad_act",
)

STANDARD_IS_A_HALF = Mutation(
    "the standard scheme has variance 1/(2n) instead of 1/(3n)",
    "initializers.py",
    'heuristic_uniform = VarianceScaling(1 / 3, "fan_in", "uniform")',
    'heuristic_uniform = VarianceScaling(1 / 2, "fan_in", "uniform")',
)

ORTHOGONAL_WITHOUT_GAIN = Mutation(
    "an orthogonal matrix ignores its gain",
    "initializers.py",
    "self.gain * (q if rows >= columns else q.T)",
    "(q if rows >= columns else q.T)",
)

BACKWARD_COUNTS_BELOW = Mutation(
    "the backward product counts the units below",
    "theory.py",
    "factors = np.asarray(widths[2:], float)",
    "factors = np.asarray(widths[1:-1], float)",
)

DECIBELS_OF_POWER = Mutation(
    "decibels of power for decibels of amplitude",
    "theory.py",
    "return float(20 * depth * np.log10(g))",
    "return float(10 * depth * np.log10(g))",
)

SPREAD_OF_N = Mutation(
    "the spread at finite width takes n for n/2",
    "theory.py",
    "special.polygamma(1, n / 2)",
    "special.polygamma(1, n)",
)
