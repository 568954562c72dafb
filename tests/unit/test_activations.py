"""Activations against autograd, adaptive quadrature and Monte Carlo, none of which they are computed with."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate

from glorot.activations import ACTIVATIONS, get_activation, leaky_relu

NAMES = list(ACTIVATIONS)
TORCH = {
    "identity": lambda z: z * 1.0,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "softsign": torch.nn.functional.softsign,
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
    "elu": torch.nn.functional.elu,
    "selu": torch.selu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
}
Z = np.concatenate([np.linspace(-30, 30, 601), [-700.0, 700.0, -0.0, 1e-9]])


def gaussian_average(function, q):
    """E[function(sqrt(q) u)] by adaptive quadrature on both half lines."""

    def integrand(u):
        return (
            float(function(np.array(math.sqrt(q) * u)))
            * math.exp(-u * u / 2)
            / math.sqrt(2 * math.pi)
        )

    halves = [
        integrate.quad(integrand, *ends, epsabs=1e-13, epsrel=1e-11, limit=300)[0]
        for ends in ((-12, 0), (0, 12))
    ]
    return sum(halves)


@pytest.mark.parametrize("name", NAMES)
def test_function_and_derivative_agree_with_autograd(name):
    z = torch.tensor(Z, dtype=torch.float64, requires_grad=True)
    out = TORCH[name](z)
    out.sum().backward()
    np.testing.assert_allclose(ACTIVATIONS[name].f(Z), out.detach().numpy(), rtol=1e-9, atol=1e-12)
    kink = (
        np.abs(Z) == 0 if name in ("relu", "leaky_relu", "elu", "selu") else np.zeros(Z.shape, bool)
    )
    np.testing.assert_allclose(
        ACTIVATIONS[name].df(Z)[~kink], z.grad.numpy()[~kink], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_stays_single(name):
    z = Z.astype(np.float32)
    assert ACTIVATIONS[name].f(z).dtype == np.float32
    assert ACTIVATIONS[name].df(z).dtype == np.float32


@pytest.mark.parametrize("q", [1e-4, 0.3, 1.0, 25.0])
@pytest.mark.parametrize("name", NAMES)
def test_moments_agree_with_adaptive_quadrature(name, q):
    phi = ACTIVATIONS[name]
    assert phi.second_moment(q) == pytest.approx(
        gaussian_average(lambda z: phi.f(z) ** 2, q), rel=1e-8
    )
    assert phi.derivative_second_moment(q) == pytest.approx(
        gaussian_average(lambda z: phi.df(z) ** 2, q), rel=1e-8
    )
    assert phi.mean(q) == pytest.approx(gaussian_average(phi.f, q), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_covariance_agrees_with_monte_carlo_and_its_neighbour_does_not(name):
    phi, q, c, n = ACTIVATIONS[name], 1.3, 0.4, 400_000
    u = np.random.default_rng(1).standard_normal((2, n))
    products = phi.f(math.sqrt(q) * u[0]) * phi.f(
        math.sqrt(q) * (c * u[0] + math.sqrt(1 - c * c) * u[1])
    )
    error = products.std() / math.sqrt(n)
    assert abs(products.mean() - phi.covariance(q, c)) < 4 * error
    assert abs(products.mean() - phi.covariance(q, c + 0.1)) > 4 * error


@pytest.mark.parametrize("name", NAMES)
def test_covariance_ends_at_the_second_moment_and_at_the_squared_mean(name):
    phi = ACTIVATIONS[name]
    assert phi.covariance(0.8, 1.0) == phi.second_moment(0.8)
    assert phi.covariance(0.8, 1 - 1e-9) == pytest.approx(phi.second_moment(0.8), rel=1e-3)
    assert phi.covariance(0.8, 0.0) == pytest.approx(phi.mean(0.8) ** 2, rel=1e-6, abs=1e-9)


def test_gains_are_the_published_ones():
    published = {
        "relu": math.sqrt(2),
        "identity": 1.0,
        "selu": 1.0,
        "tanh": 1.5925374,
        "gelu": 1.5335304,
        "silu": 1.6765325,
        "leaky_relu": math.sqrt(2 / (1 + 0.01**2)),
    }
    for name, gain in published.items():
        assert ACTIVATIONS[name].gain == pytest.approx(gain, rel=1e-6)
    assert (
        abs(ACTIVATIONS["tanh"].gain - 5 / 3) > 0.05
    )  # PyTorch's recommendation is another number


def test_selu_with_lecun_is_unit_forward_and_grows_backward():
    selu = ACTIVATIONS["selu"]
    assert selu.mean(1.0) == pytest.approx(0, abs=1e-7)  # the constants are published to 17 digits
    assert selu.second_moment(1.0) == pytest.approx(1, rel=1e-7)
    assert selu.chi(1.0, 1.0) == pytest.approx(1.0716, abs=1e-4)


def test_the_logistic_slope_is_at_most_a_quarter():
    assert ACTIVATIONS["logistic"].df(Z).max() == 0.25


@pytest.mark.parametrize("slope", [-0.5, 0.0, 0.2, 1.0])
def test_leaky_relu_keeps_half_of_one_plus_slope_squared(slope):
    phi = leaky_relu(slope)
    assert phi.second_moment(3.0) == pytest.approx(3 * (1 + slope**2) / 2)
    assert phi.chi(2 / (1 + slope**2), 3.0) == pytest.approx(1)


def test_a_derivative_two_percent_off_would_be_noticed():
    phi = ACTIVATIONS["tanh"]
    wrong = gaussian_average(lambda z: (1.02 * phi.df(z)) ** 2, 1.0)
    assert phi.derivative_second_moment(1.0) != pytest.approx(wrong, rel=1e-8)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: get_activation("sigmoid"), "activation .*sigmoid"),
        (lambda: get_activation(None), "activation .*None"),
        (lambda: leaky_relu(math.nan), "slope .*nan"),
        (lambda: ACTIVATIONS["tanh"].second_moment(-1.0), "q .*-1.0"),
        (lambda: ACTIVATIONS["tanh"].chi(math.inf, 1.0), "sigma_w2 .*inf"),
        (lambda: ACTIVATIONS["tanh"].covariance(1.0, 1.5), "c .*1.5"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
