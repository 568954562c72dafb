r"""What should happen to a signal, without running a network.

Layers are counted as in the book: ``widths = (n_0, ..., n_L)`` and ``var_w = (Var W_1, ..., Var W_L)``, so that
weight matrix *l* is :math:`n_{l-1} \times n_l`. Every result by layer has length *L*.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
from scipy import optimize, special

from glorot.activations import Activation, get_activation

_LARGEST = 1e12  # a second moment beyond this counts as divergence
_SMALLEST = 1e-12  # and one below this as 0
_ROUNDING = 1e-12  # relative error of the quadrature, generously


def forward_second_moments(
    widths: Sequence[int], var_w: Sequence[float], activation: str | Activation, q0: float = 1.0
) -> np.ndarray:
    r"""Predict the second moments of the pre-activations, layer by layer.

    .. math:: q_1 = n_0 \operatorname{Var}[W_1]\, q_0, \qquad
       q_l = n_{l-1} \operatorname{Var}[W_l]\, E[\phi(\sqrt{q_{l-1}}\, u)^2].

    Args:
        widths: (n_0, ..., n_L), positive integers.
        var_w: (Var W_1, ..., Var W_L), variances of one weight, at least 0.
        activation: a name in ``ACTIVATIONS`` or an ``Activation``.
        q0: second moment of one input coordinate.

    Returns:
        E[z_l²] for l = 1...L, shape (L,).

    Raises:
        ValueError: for widths, variances or moments that are none, or lengths that do not match.

    Assumes: independent weights of mean 0, no biases, wide layers (Gaussian pre-activations).
    Source: Glorot & Bengio (2010), eq. 5; Poole et al. (2016), eq. 3. Derived in *Why is a gradient a product?*

    Example:
        >>> forward_second_moments((100, 100, 100), (1 / 100, 1 / 100), "identity")
        array([1., 1.])
        >>> forward_second_moments((100, 100, 100), (1 / 300, 1 / 300), "identity").round(4)
        array([0.3333, 0.1111])
    """
    widths, var_w = _checked_layers(widths, var_w)
    phi = get_activation(activation)
    moments, received = [], _checked("q0", q0)
    for fan_in, variance in zip(widths[:-1], var_w, strict=True):
        moments.append(fan_in * variance * received)
        received = _second_moment(phi, moments[-1])
    return np.array(moments)


def backward_second_moments(
    widths: Sequence[int], var_w: Sequence[float], activation: str | Activation, q0: float = 1.0
) -> np.ndarray:
    r"""Predict the second moments of the back-propagated gradients, relative to the last layer's.

    .. math:: \frac{E[\delta_l^2]}{E[\delta_L^2]} = \prod_{k=l+1}^{L}
       n_k \operatorname{Var}[W_k]\, E[\phi'(\sqrt{q_{k-1}}\, u)^2].

    Args, raises and assumptions: as in :func:`forward_second_moments`; besides, the gradient is taken to be
    independent of the weights it passes.

    Returns:
        E[δ_l²] / E[δ_L²] for l = 1...L, shape (L,); the last is 1.

    Source: Glorot & Bengio (2010), eq. 6; Schoenholz et al. (2017), eq. 16.

    Example:
        >>> backward_second_moments((100, 100, 50), (1 / 100, 1 / 100), "identity")
        array([0.5, 1. ])
    """
    moments = forward_second_moments(widths, var_w, activation, q0)
    phi = get_activation(activation)
    keeps = np.array([_derivative_moment(phi, q) for q in moments[:-1]])
    factors = np.asarray(widths[2:], float) * np.asarray(var_w[1:], float) * keeps
    return np.append(np.cumprod(factors[::-1])[::-1], 1.0)


def weight_gradient_second_moments(
    widths: Sequence[int], var_w: Sequence[float], activation: str | Activation, q0: float = 1.0
) -> np.ndarray:
    r"""Predict E[(∂L/∂W_l)²] for one example, in units of E[δ_L²].

    .. math:: E\Big[\Big(\tfrac{\partial L}{\partial W_l}\Big)^2\Big] = E[h_{l-1}^2]\, E[\delta_l^2].

    Args, raises and assumptions: as in :func:`backward_second_moments`.

    Source: Glorot & Bengio (2010), eqs. 7, 8 and 14: with equal widths and variances it is the same for all
    layers of a linear net, whatever the variance is.

    Example:
        >>> weight_gradient_second_moments((50,) * 4, (1 / 150,) * 3, "identity").round(4)
        array([0.1111, 0.1111, 0.1111])
    """
    forward = forward_second_moments(widths, var_w, activation, q0)
    phi = get_activation(activation)
    received = np.append(q0, [_second_moment(phi, q) for q in forward[:-1]])
    return received * backward_second_moments(widths, var_w, activation, q0)


def linear_ratios(widths: Sequence[int], var_w: Sequence[float]) -> tuple[float, float]:
    r"""Predict what a linear net does to a variance end to end: forward, and backward to the input.

    .. math:: \prod_{l=1}^{L} n_{l-1} \operatorname{Var}[W_l], \qquad \prod_{l=1}^{L} n_l \operatorname{Var}[W_l].

    Example:
        >>> linear_ratios((400, 100), (1 / 400,))
        (1.0, 0.25)
    """
    widths, var_w = _checked_layers(widths, var_w)
    fans, variances = np.array(widths, float), np.array(var_w)
    return float(np.prod(fans[:-1] * variances)), float(np.prod(fans[1:] * variances))


def second_moment_map(
    activation: str | Activation, sigma_w2: float, sigma_b2: float, q: float
) -> float:
    r"""Return the next layer's second moment, :math:`V(q) = \sigma_w^2 E[\phi(\sqrt q\,u)^2] + \sigma_b^2`.

    Source: Poole et al. (2016), eq. 3.

    Example:
        >>> second_moment_map("relu", 2.0, 0.0, 3.0)
        3.0
    """
    sigma_w2, sigma_b2 = _checked("sigma_w2", sigma_w2), _checked("sigma_b2", sigma_b2)
    return sigma_w2 * get_activation(activation).second_moment(q) + sigma_b2


def fixed_point(activation: str | Activation, sigma_w2: float, sigma_b2: float = 0.0) -> float:
    r"""Return q*, the limit of :math:`q \leftarrow \sigma_w^2 E[\phi(\sqrt q\,u)^2] + \sigma_b^2` from q = 1.

    The map rises with *q*, so its iterates move one way until they meet the first fixed point there: we look
    for that point and need not wait for iterates that creep, as under tanh with gain 1.

    Args:
        activation: a name in ``ACTIVATIONS`` or an ``Activation``.
        sigma_w2: fan_in times the variance of one weight, at least 0.
        sigma_b2: variance of one bias, at least 0.

    Returns:
        q*; 0 if the signal dies out, ``inf`` if it grows without bound.

    Raises:
        ValueError: for a negative or non-finite variance or an unknown activation.

    Source: Poole et al. (2016), section 3.

    Example:
        >>> fixed_point("relu", 2.0), fixed_point("tanh", 0.9), fixed_point("relu", 2.5)
        (1.0, 0.0, inf)
        >>> round(fixed_point("tanh", (5 / 3) ** 2), 3)
        1.178
    """
    phi = get_activation(activation)
    second_moment_map(phi, sigma_w2, sigma_b2, 1.0)  # checks the variances

    def excess(q: float) -> float:
        return second_moment_map(phi, sigma_w2, sigma_b2, q) / q - 1

    start = excess(1.0)
    if abs(start) < _ROUNDING:
        return 1.0
    grid = np.geomspace(1, _LARGEST if start > 0 else _SMALLEST, 481)
    previous = 1.0
    for q in grid[1:]:
        here = excess(q)
        if abs(here) < _ROUNDING and start < 0 and sigma_b2 == 0:
            return 0.0  # tangent to the diagonal at 0, as tanh with sigma_w2 = 1
        if np.sign(here) != np.sign(start):
            root = optimize.brentq(excess, previous, q, xtol=1e-14 * previous, rtol=1e-13)
            return float(root)
        previous = q
    return float("inf") if start > 0 else 0.0


def chi_at_fixed_point(
    activation: str | Activation, sigma_w2: float, sigma_b2: float = 0.0
) -> float:
    r"""Return :math:`\chi(q^*)`, the factor by which a gradient's second moment changes per layer.

    Args, raises: as in :func:`fixed_point`.

    Source: Schoenholz et al. (2017), eq. 8.

    Example:
        >>> chi_at_fixed_point("relu", 2.0)
        1.0
    """
    phi = get_activation(activation)
    q_star = min(fixed_point(phi, sigma_w2, sigma_b2), _LARGEST)
    return phi.chi(sigma_w2, q_star)


def depth_scale(activation: str | Activation, sigma_w2: float, sigma_b2: float = 0.0) -> float:
    r"""Return :math:`\xi = 1/|\ln \chi(q^*)|`, the layers over which gradients change e-fold.

    In the ordered phase (χ < 1) the correlation of two inputs settles over the same number of layers; in
    the chaotic phase it does so at the slope of the correlation map at its own fixed point, see
    :func:`correlation_depth_scale`.

    Args, raises: as in :func:`fixed_point`.

    Returns:
        A number of layers; ``inf`` at χ = 1, 0 where χ is 0.

    Source: Schoenholz et al. (2017), eq. 9.

    Example:
        >>> depth_scale("relu", 2.0)
        inf
        >>> round(depth_scale("tanh", 0.81), 2)
        4.75
    """
    return _e_folding(chi_at_fixed_point(activation, sigma_w2, sigma_b2))


def correlation_map(
    activation: str | Activation, sigma_w2: float, sigma_b2: float, c: float
) -> float:
    r"""Return the correlation of two inputs one layer on, at the fixed point q*.

    .. math:: c' = \frac{\sigma_w^2 E[\phi(z_1)\phi(z_2)] + \sigma_b^2}{q^*}.

    Where the signal dies out (q* = 0) or grows without bound the limit of that ratio is returned.

    Args:
        activation, sigma_w2, sigma_b2: as in :func:`fixed_point`.
        c: correlation of the two pre-activations now, between -1 and 1.

    Source: Poole et al. (2016), eq. 5.

    Example:
        >>> round(correlation_map("relu", 2.0, 0.0, 0.0), 4)  # 1 / pi
        0.3183
        >>> correlation_map("relu", 2.0, 0.0, 1.0)
        1.0
    """
    phi = get_activation(activation)
    q = float(np.clip(fixed_point(phi, sigma_w2, sigma_b2), 1e-8, 1e8))
    shared = sigma_w2 * phi.covariance(q, c) + sigma_b2
    return float(shared / (sigma_w2 * phi.second_moment(q) + sigma_b2))


def correlation_fixed_point(
    activation: str | Activation, sigma_w2: float, sigma_b2: float = 0.0
) -> float:
    """Return c*, where the correlation map settles: 1 in the ordered phase, below 1 in chaos.

    Args, raises: as in :func:`fixed_point`.

    Example:
        >>> correlation_fixed_point("tanh", 0.9, 0.1)
        1.0
    """
    if chi_at_fixed_point(activation, sigma_w2, sigma_b2) <= 1 + 1e-9:
        return 1.0

    def excess(c: float) -> float:
        return correlation_map(activation, sigma_w2, sigma_b2, c) - c

    if abs(excess(0.0)) < _ROUNDING:
        return 0.0
    return float(optimize.brentq(excess, 0.0, 1 - 1e-6, xtol=1e-10))


def correlation_depth_scale(
    activation: str | Activation, sigma_w2: float, sigma_b2: float = 0.0
) -> float:
    """Return the layers over which the correlation of two inputs nears c* e-fold.

    Below and at χ = 1 this is :func:`depth_scale`; in chaos it is 1/|ln of the map's slope at c*|.

    Example:
        >>> correlation_depth_scale("tanh", 0.81) == depth_scale("tanh", 0.81)
        True
    """
    c_star = correlation_fixed_point(activation, sigma_w2, sigma_b2)
    if c_star == 1.0:
        return depth_scale(activation, sigma_w2, sigma_b2)
    h = min(1e-4, (1 - c_star) / 4)
    above, below = (
        correlation_map(activation, sigma_w2, sigma_b2, c_star + s * h) for s in (1, -1)
    )
    return _e_folding((above - below) / (2 * h))


def mean_singular_value(sigma_w2: float) -> float:
    r"""Return the mean singular value of a large square matrix of independent entries, :math:`\frac{8}{3\pi}\sigma_w`.

    Their mean *square* is :math:`\sigma_w^2`; the paper's 0.8 and 0.5 are means, not mean squares.

    Args:
        sigma_w2: n Var[W], at least 0.

    Source: Marchenko & Pastur (1967): the singular values follow the quarter circle law.

    Example:
        >>> round(mean_singular_value(1.0), 3), round(mean_singular_value(1 / 3), 3)
        (0.849, 0.49)
    """
    return float(8 / (3 * np.pi) * np.sqrt(_checked("sigma_w2", sigma_w2)))


def log_norm_moments(width: int, depth: int) -> tuple[float, float]:
    r"""Predict mean and variance of :math:`\ln(\|h_L\|^2 / \|h_0\|^2)` in a linear Gaussian net of width *n*.

    .. math:: L\,[\psi(n/2) - \ln(n/2)] \approx -\frac{L}{n}, \qquad L\,\psi'(n/2) \approx \frac{2L}{n},

    exactly, because each layer multiplies the squared norm by an independent :math:`\chi^2_n / n`.

    Args:
        width: *n*, of every layer, with Var[W] = 1/n.
        depth: *L*, number of weight matrices.

    Returns:
        (mean, variance) of the logarithm.

    Source: the logarithm of a gamma variable; for networks Hanin & Nica (2020).

    Example:
        >>> mean, variance = log_norm_moments(100, 50)
        >>> round(mean, 2), round(variance, 2)
        (-0.5, 1.01)
    """
    n, layers = _checked("width", width, positive="a number > 0"), _checked("depth", depth)
    mean = special.digamma(n / 2) - np.log(n / 2)
    return float(layers * mean), float(layers * special.polygamma(1, n / 2))


def decibels(amplitude_factor: float, depth: int = 1) -> float:
    r"""Return :math:`20\, L \log_{10} g`: what *L* stages of amplitude gain *g* add up to, in dB.

    Example:
        >>> round(decibels(0.99, 1000), 1), round(decibels(1.01, 1000), 1)
        (-87.3, 86.4)
    """
    g = _checked("amplitude_factor", amplitude_factor, positive="a number > 0")
    return float(20 * depth * np.log10(g))


def _second_moment(phi: Activation, q: float) -> float:
    return phi.second_moment(q) if np.isfinite(q) else float("inf")


def _derivative_moment(phi: Activation, q: float) -> float:
    return phi.derivative_second_moment(min(q, _LARGEST))


def _e_folding(factor: float) -> float:
    if factor == 0:
        return 0.0
    rate = abs(np.log(factor))
    return float("inf") if rate < 1e-9 else float(1 / rate)


def _checked(name: str, value: float, positive: str = "") -> float:
    wanted = positive or "a finite number >= 0"
    fits = isinstance(value, Real) and np.isfinite(value) and value >= 0
    if not fits or (positive and value == 0):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return float(value)


def _checked_layers(widths: Sequence[int], var_w: Sequence[float]) -> tuple[list[int], list[float]]:
    sizes = list(widths)
    if len(sizes) < 2 or any(isinstance(n, bool) or n != int(n) or n < 1 for n in sizes):
        raise ValueError(f"widths must be at least two positive integers, got {widths!r}")
    variances = [_checked("var_w", v) for v in var_w]
    if len(variances) != len(sizes) - 1:
        raise ValueError(
            f"var_w must have one entry per weight matrix, {len(sizes) - 1}, got {len(variances)}"
        )
    return sizes, variances
