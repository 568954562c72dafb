"""Changes to the package under which *Where does the scale go today?* must fail."""

from tests.book.mutations import Mutation

MUTATIONS = (
    Mutation(
        "a stream's sum is a product",
        "theory.py",
        'signal = 1 + v * passed if layout == "pre" else np.ones(blocks + 1)',
        'signal = (1 + v) ** passed if layout == "pre" else np.ones(blocks + 1)',
    ),
    Mutation(
        "the gradient along a stream is turned round",
        "theory.py",
        "return signal, signal[-1] / signal",
        "return signal, signal / signal[0]",
    ),
    Mutation(
        "what enters a branch is not normalized",
        "architectures.py",
        "branch = self.enter(x)",
        "branch = x",
    ),
    Mutation(
        "what leaves a block is not normalized",
        "architectures.py",
        'return nn.Sequential(block, _normalization(width)) if layout == "post" else block',
        "return block",
    ),
    Mutation(
        "the branch's scale is forgotten",
        "architectures.py",
        "return x + self.scale * branch",
        "return x + branch",
    ),
    Mutation(
        "an update is aligned like a random vector",
        "theory.py",
        'for role, layer, inputs in (("input", first, 0), ("hidden", middle, 1), ("output", last, 1)):',
        'for role, layer, inputs in (("input", first, 0), ("hidden", middle, 0.5), ("output", last, 0.5)):',
    ),
    Mutation(
        "Adam counts a multiplier twice",
        "theory.py",
        "own[role] = inputs - layer.multiplier - c\n",
        "own[role] = inputs - 2 * layer.multiplier - c\n",
    ),
    Mutation(
        "gradient descent counts a multiplier once",
        "theory.py",
        "own[role] = inputs - 2 * layer.multiplier - c - (",
        "own[role] = inputs - layer.multiplier - c - (",
    ),
    Mutation(
        "what the hidden layers hand on is forgotten",
        "theory.py",
        '"output": max(own["output"], hidden + 1 - g),',
        '"output": own["output"],',
    ),
    Mutation(
        "μP's hidden rate stays as it is",
        "parametrizations.py",
        '"hidden": Exponents(0, 1 / 2, 0, 1),',
        '"hidden": Exponents(0, 1 / 2, 0, 0),',
    ),
    Mutation(
        "μP's output starts as large as any",
        "parametrizations.py",
        '"output": Exponents(0, 1, 1, 1),',
        '"output": Exponents(0, 1 / 2, 1, 1),',
    ),
    Mutation(
        "half of the numbers that underflow",
        "theory.py",
        "return float(special.erf(smallest / (2 * np.sqrt(2) * std)))",
        "return float(special.erf(smallest / (4 * np.sqrt(2) * std)))",
    ),
    Mutation(
        "Glorot's rule takes the fan-out only",
        "fans.py",
        "return (self.fan_in + self.fan_out) / 2",
        "return self.fan_out",
    ),
    Mutation(
        "weights are not turned to torch's order and size: a layer's gain is off",
        "architectures.py",
        "layer.weight.copy_(torch.from_numpy(draw(shape, rng)).T)",
        "layer.weight.copy_(1.1 * torch.from_numpy(draw(shape, rng)).T)",
    ),
    Mutation(
        "a gradient's second moments are of the layers' outputs",
        "architectures.py",
        "np.array([_second_moment(gradient) for gradient in gradients]),",
        "np.array([_second_moment(tensor) for tensor in outputs]),",
    ),
)
