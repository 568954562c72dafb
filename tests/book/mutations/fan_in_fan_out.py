"""Wrong packages under which *One matrix, two demands* must fail."""

from tests.book.mutations import Mutation
from tests.book.mutations.common import (
    BACKWARD_COUNTS_BELOW,
    SLOPE_OF_THE_OUTPUT,
    STANDARD_IS_A_HALF,
)

MUTATIONS = (
    Mutation(
        "Glorot takes the forward side only",
        "initializers.py",
        'glorot_uniform = VarianceScaling(1.0, "fan_avg", "uniform")',
        'glorot_uniform = VarianceScaling(1.0, "fan_in", "uniform")',
    ),
    Mutation(
        "the fans' mean is geometric",
        "fans.py",
        "return (self.fan_in + self.fan_out) / 2",
        "return (self.fan_in * self.fan_out) ** 0.5",
    ),
    Mutation(
        "the fans are swapped",
        "fans.py",
        "return Fans(receptive_field * sizes[axes[0]], receptive_field * sizes[axes[1]])",
        "return Fans(receptive_field * sizes[axes[1]], receptive_field * sizes[axes[0]])",
    ),
    Mutation(
        "a convolution's receptive field is left out of fan-out",
        "fans.py",
        "receptive_field * sizes[axes[0]], receptive_field * sizes[axes[1]]",
        "receptive_field * sizes[axes[0]], sizes[axes[1]]",
    ),
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
        "the uniform bound is the standard deviation",
        "initializers.py",
        "bound = np.float32(np.sqrt(3.0)) * std",
        "bound = std",
    ),
    Mutation(
        "the table prints He's rule by fan-avg",
        "initializers.py",
        r'r"\frac{2}{n_\text{in}}"',
        r'r"\frac{2}{n_\text{avg}}"',
    ),
    STANDARD_IS_A_HALF,
    Mutation(
        "the way back is counted with the fan of the way up",
        "theory.py",
        "float(np.prod(fans[1:] * variances))",
        "float(np.prod(fans[:-1] * variances))",
    ),
    BACKWARD_COUNTS_BELOW,
    Mutation(
        "a weight gradient meets the signal above its layer",
        "theory.py",
        "received = np.append(q0, [_second_moment(phi, q) for q in forward[:-1]])",
        "received = np.append([_second_moment(phi, q) for q in forward[:-1]], q0)",
    ),
    Mutation(
        "the mean singular value is the root mean square",
        "theory.py",
        'return float(8 / (3 * np.pi) * np.sqrt(_checked("sigma_w2", sigma_w2)))',
        'return float(np.sqrt(_checked("sigma_w2", sigma_w2)))',
    ),
    SLOPE_OF_THE_OUTPUT,
    Mutation(
        "a Jacobian's slopes are those of other units",
        "networks.py",
        "return weight * slope[np.newaxis, :]",
        "return weight * slope[np.newaxis, ::-1]",
    ),
    Mutation(
        "tanh's derivative is off",
        "activations.py",
        "df=lambda z: 1 - np.tanh(z) ** 2",
        "df=lambda z: 1 - np.tanh(z) ** 2 / 2",
    ),
    Mutation(
        "a Jacobian is that of the layer above",
        "probes.py",
        "np.linalg.svd(layer_jacobian(network, trace, layer, example), compute_uv=False)",
        "np.linalg.svd(layer_jacobian(network, trace, 1 if layer else 0, example), compute_uv=False)",
    ),
)
