"""Changes to the package under which *Where does the argument end?* must fail."""

from tests.book.mutations import Mutation
from tests.book.mutations.common import ORTHOGONAL_WITHOUT_GAIN, SPREAD_OF_N

MUTATIONS = (
    SPREAD_OF_N,
    Mutation(
        "the variance map squares its scale",
        "theory.py",
        "return sigma_w2 * get_activation(activation).second_moment(q) + sigma_b2",
        "return sigma_w2**2 * get_activation(activation).second_moment(q) + sigma_b2",
    ),
    Mutation(
        "a gradient that comes back is compared with the first layer's",
        "probes.py",
        "return moments / moments[-1]",
        "return moments / moments[0]",
    ),
    Mutation(
        "ReLU's covariance counts the angle twice",
        "activations.py",
        "arc = (np.sin(angle) + (np.pi - angle) * c) / (2 * np.pi)",
        "arc = (np.sin(angle) + (np.pi - 2 * angle) * c) / (2 * np.pi)",
    ),
    Mutation(
        "a correlation is a correlation of biases only by name: they are left out",
        "theory.py",
        "shared = sigma_w2 * phi.covariance(q, c) + sigma_b2\n    return float(",
        "shared = sigma_w2 * phi.covariance(q, c)\n    return float(",
    ),
    Mutation(
        "the mean cosine counts every example with itself",
        "probes.py",
        "return float((all_pairs - examples) / (examples * (examples - 1)))",
        "return float(all_pairs / examples**2)",
    ),
    Mutation(
        "the fixed point ignores biases",
        "theory.py",
        "return second_moment_map(phi, sigma_w2, sigma_b2, q) / q - 1",
        "return second_moment_map(phi, sigma_w2, 0.0, q) / q - 1",
    ),
    Mutation(
        "chi is taken at 1, not at the fixed point",
        "theory.py",
        "return phi.chi(sigma_w2, q_star)",
        "return phi.chi(sigma_w2, 1.0)",
    ),
    Mutation(
        "the map's slope counts twice",
        "theory.py",
        "_average(lambda z: z * phi.f(z) * phi.df(z), q)",
        "_average(lambda z: 2 * z * phi.f(z) * phi.df(z), q)",
    ),
    Mutation(
        "biases are drawn with their standard deviation's square",
        "networks.py",
        "biases = [rng.normal(0.0, bias_std, len(bias))",
        "biases = [rng.normal(0.0, bias_std**2, len(bias))",
    ),
    Mutation(
        "single nets do not drift",
        "theory.py",
        "mean = slope * mean + bend * variance / 2 - noise / width / 2",
        "mean = slope * mean + bend * variance / 2",
    ),
    ORTHOGONAL_WITHOUT_GAIN,
    Mutation(
        "orthogonal matrices are not orthogonal",
        "initializers.py",
        "q, r = np.linalg.qr(tall)\n",
        "q, r = tall / np.sqrt(max(rows, columns)), np.eye(min(rows, columns))\n",
    ),
    Mutation(
        "the whole Jacobian's singular values come squared",
        "probes.py",
        "found.append(np.linalg.svd(product, compute_uv=False))",
        "found.append(np.linalg.svd(product, compute_uv=False) ** 2)",
    ),
    Mutation(
        "the law of a product gives squares",
        "theory.py",
        "return np.sqrt(np.exp(np.interp(wanted, mass / mass[-1], np.log(square))))",
        "return np.exp(np.interp(wanted, mass / mass[-1], np.log(square)))",
    ),
    Mutation(
        "LSUV forgets the activation",
        "networks.py",
        "act = network.activation.f(act @ weight + bias)",
        "act = act @ weight + bias",
    ),
    Mutation(
        "the branch's scale is forgotten",
        "architectures.py",
        "return x + self.scale * branch",
        "return x + branch",
    ),
    Mutation(
        "a branch forgets its activation",
        "architectures.py",
        "branch = layer(self.activation(branch))",
        "branch = layer(branch)",
    ),
)
