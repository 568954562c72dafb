"""Wrong packages under which *One number, four spellings* must fail."""

from tests.book.mutations import Mutation

MUTATIONS = (
    Mutation(
        "transposed convolutions keep their fans in PyTorch and Keras",
        "frameworks.py",
        "return Fans(fans.fan_out, fans.fan_in)  # they read the layout of the plain convolution",
        "return fans",
    ),
    Mutation(
        "an LSTM packs three gates",
        "frameworks.py",
        "return Fans(fans.fan_in, 4 * fans.fan_out)",
        "return Fans(fans.fan_in, 3 * fans.fan_out)",
    ),
    Mutation(
        "Keras draws an LSTM's state gate by gate",
        "frameworks.py",
        '("keras", "state"): Rule(1.0, "fan_out", "orthogonal"),',
        '("keras", "state"): Rule(1.0, "fan_in", "orthogonal"),',
    ),
    Mutation(
        "the state of an LSTM is as wide as its input",
        "frameworks.py",
        "return Fans(sizes.outputs, sizes.outputs)",
        "return Fans(sizes.inputs, sizes.outputs)",
    ),
    Mutation(
        "the book's fans forget the receptive field",
        "frameworks.py",
        "return Fans(field * sizes.inputs, field * sizes.outputs)",
        "return Fans(sizes.inputs, sizes.outputs)",
    ),
    Mutation(
        "a uniform distribution's bound is its standard deviation",
        "frameworks.py",
        '"uniform": math.sqrt(3),',
        '"uniform": 1.0,',
    ),
    Mutation(
        "the bound of a truncated normal is not corrected",
        "frameworks.py",
        '"truncated_normal": TRUNCATION / TRUNCATED_STD,',
        '"truncated_normal": TRUNCATION,',
    ),
    Mutation(
        "He's 2 is 1.9 in the table",
        "frameworks.py",
        '"he_normal": Rule(2.0, "fan_in", "truncated_normal"),',
        '"he_normal": Rule(1.9, "fan_in", "truncated_normal"),',
    ),
    Mutation(
        "PyTorch's line for He is LeCun's",
        "frameworks.py",
        '"he_normal": \'nn.init.kaiming_normal_({}, nonlinearity="relu")\',',
        '"he_normal": \'nn.init.kaiming_normal_({}, nonlinearity="linear")\',',
    ),
    Mutation(
        "Keras's line for the standard scheme has half for a third",
        "frameworks.py",
        '\'start = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")\',',
        '\'start = keras.initializers.VarianceScaling(1 / 2, "fan_in", "uniform")\',',
    ),
    Mutation(
        "PyTorch's linear layer is LeCun's by default",
        "frameworks.py",
        '("torch", "dense"): Rule(1 / 3, "fan_in", "uniform"),',
        '("torch", "dense"): Rule(1.0, "fan_in", "uniform"),',
    ),
    Mutation(
        "an embedding of Keras has the variance of its bound",
        "frameworks.py",
        '("keras", "embedding"): Rule(0.05**2 / 3, "fixed", "uniform"),',
        '("keras", "embedding"): Rule(0.05**2, "fixed", "uniform"),',
    ),
    Mutation(
        "an embedding of Flax looks at the number of words",
        "frameworks.py",
        '("flax", "embedding"): Rule(1.0, "fan_out", "normal"),',
        '("flax", "embedding"): Rule(1.0, "fan_in", "normal"),',
    ),
    Mutation(
        "the fans' mean is geometric",
        "fans.py",
        "return (self.fan_in + self.fan_out) / 2",
        "return (self.fan_in * self.fan_out) ** 0.5",
    ),
    Mutation(
        "the line that mends a ReLU net is LeCun's",
        "diagnose/findings.py",
        "keyword = \", nonlinearity='relu'\"",
        "keyword = \", nonlinearity='linear'\"",
    ),
    Mutation(
        "SELU's scale is off",
        "activations.py",
        "1.0507009873554805",
        "1.0707009873554805",
    ),
)
