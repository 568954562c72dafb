r"""What should happen to a signal, without running a network.

Layers are counted as in the book: ``widths = (n_0, ..., n_L)`` and ``var_w = (Var W_1, ..., Var W_L)``, so that
weight matrix *l* is :math:`n_{l-1} \times n_l`. Every result by layer has length *L*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real

import numpy as np
from scipy import optimize, special

from glorot.activations import Activation, get_activation
from glorot.parametrizations import layer_exponents

_LARGEST = 1e12  # a second moment beyond this counts as divergence
_SMALLEST = 1e-12  # and one below this as 0
_TINY = 1e-6  # below this second moments are averaged, not taken from a closed form
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


def correlation_path(
    activation: str | Activation, sigma_w2: float, sigma_b2: float, c0: float, depth: int
) -> tuple[np.ndarray, np.ndarray]:
    r"""Follow two inputs of second moment 1 through the layers: second moment and correlation.

    .. math:: q_1 = \sigma_w^2 + \sigma_b^2, \qquad c_1 = \frac{\sigma_w^2 c_0 + \sigma_b^2}{q_1}, \qquad
       q_{l+1} = \sigma_w^2 E[\phi^2] + \sigma_b^2, \qquad
       c_{l+1} = \frac{\sigma_w^2 E[\phi(z_1)\phi(z_2)] + \sigma_b^2}{q_{l+1}}.

    Unlike :func:`correlation_map` it does not wait until the second moment has settled.

    Args:
        activation, sigma_w2, sigma_b2: as in :func:`fixed_point`; ``sigma_w2`` > 0.
        c0: correlation of the inputs, between -1 and 1.
        depth: number of layers, at least 1.

    Returns:
        q_l and c_l of the pre-activations, l = 1...depth, two arrays of shape (depth,).

    Raises:
        ValueError: for variances, a correlation or a depth that are none.

    Source: Poole et al. (2016), eqs. 3 and 5. Used in *Where does the argument end?*

    Example:
        >>> correlation_path("relu", 2.0, 0.0, 0.0, 3)[1].round(3)  # 1 / pi, then nearer and nearer to 1
        array([0.   , 0.318, 0.494])
    """
    phi = get_activation(activation)
    sigma_w2 = _checked("sigma_w2", sigma_w2, positive="a finite number > 0")
    sigma_b2 = _checked("sigma_b2", sigma_b2)
    if not isinstance(depth, int) or isinstance(depth, bool) or depth < 1:
        raise ValueError(f"depth must be a positive integer, got {depth!r}")
    if not -1 <= c0 <= 1:
        raise ValueError(f"c0 must lie between -1 and 1, got {c0!r}")
    q, c = sigma_w2 + sigma_b2, (sigma_w2 * c0 + sigma_b2) / (sigma_w2 + sigma_b2)
    moments, correlations = [q], [c]
    for _ in range(depth - 1):
        shared = sigma_w2 * phi.covariance(q, c) + sigma_b2
        q = sigma_w2 * phi.second_moment(q) + sigma_b2
        c = min(1.0, max(-1.0, shared / q))  # rounding must not leave the interval
        moments.append(q)
        correlations.append(c)
    return np.array(moments), np.array(correlations)


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

    Below and at χ = 1 this is :func:`depth_scale`; in chaos the map's slope at c* stands for χ.

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


def moment_slope(activation: str | Activation, q: float) -> float:
    r"""Return by what percent the next layer's second moment answers to one percent of this one's.

    .. math:: \frac{d \ln V}{d \ln q} = \frac{E[z\,\phi(z)\,\phi'(z)]}{E[\phi(z)^2]}, \qquad z = \sqrt q\, u.

    At a fixed point of :math:`V(q) = \sigma_w^2 E[\phi(\sqrt q\,u)^2]` it is the map's slope: below 1 the point
    attracts, above 1 it repels.

    Args:
        activation: a name in ``ACTIVATIONS`` or an ``Activation``.
        q: second moment of the pre-activations, a finite number > 0.

    Raises:
        ValueError: for another q or an unknown activation.

    Assumes: no biases, Gaussian pre-activations.
    Source: Poole et al. (2016), eq. 3, differentiated. Used in *Which scheme for which activation?*

    Example:
        >>> [round(moment_slope(name, 1.0), 3) for name in ("relu", "selu", "gelu")]
        [1.0, 0.783, 1.144]
    """
    phi, q = get_activation(activation), _checked("q", q, positive="a finite number > 0")
    return _average(lambda z: z * phi.f(z) * phi.df(z), q) / _second_moment(phi, q)


def passed_shares(activation: str | Activation, q: float) -> tuple[float, float, float]:
    r"""Split what an activation passes on into a constant, a linear and a bent part.

    .. math:: \frac{E[\phi]^2}{E[\phi^2]}, \qquad \frac{E[u\,\phi]^2}{E[\phi^2]}, \qquad \text{and the rest:}

    shares of the power in Hermite polynomials of degree 0, 1 and more. The mean degree is
    :math:`q E[\phi'^2] / E[\phi^2]`, which at a fixed point is :math:`\chi`.

    Args, raises, assumptions: as in :func:`moment_slope`.

    Returns:
        (constant, linear, bent), at least 0, of sum 1.

    Source: Daniely, Frostig & Singer (2016). Used in *Which scheme for which activation?*

    Example:
        >>> [round(share, 3) for share in passed_shares("relu", 2.0)]  # 1 / pi, 1 / 2, the rest
        [0.318, 0.5, 0.182]
    """
    phi, q = get_activation(activation), _checked("q", q, positive="a finite number > 0")
    power = _second_moment(phi, q)
    constant = phi.mean(q) ** 2 / power
    linear = _average(lambda z: z * phi.f(z), q) ** 2 / (q * power)
    return constant, linear, max(1 - constant - linear, 0.0)


def log_moments(
    widths: Sequence[int], var_w: Sequence[float], activation: str | Activation, q0: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    r"""Predict where single nets lie beside :func:`forward_second_moments`, to first order in 1/width.

    .. math:: \ln \tfrac1{n_l}\|z_l\|^2 \;\text{has mean}\; \ln q_l + m_l - \tfrac1{n_l} \;\text{and variance}\;
       v_l + \tfrac2{n_l}, \qquad m_1 = v_1 = 0,

    .. math:: v_{l+1} = s_l^2 v_l + \frac{\kappa_l}{n_l}, \quad
       m_{l+1} = s_l m_l + \frac{s_l'}{2} v_l - \frac{\kappa_l}{2 n_l}, \quad
       \kappa_l = \frac{E[\phi^4]}{E[\phi^2]^2} - 1,

    with :math:`s_l` the :func:`moment_slope` at the layer's predicted second moment and :math:`s_l'` its derivative
    by :math:`\ln q`. A linear net has the variance :math:`2l/n`, ReLU :math:`(5l - 3)/n`; a slope below 1 keeps it
    in bounds.

    Args, raises: as in :func:`forward_second_moments`.

    Returns:
        Means and variances over draws of the weights, for one input, l = 1...L, two arrays of shape (L,); NaN from
        a second moment on that is 0 or beyond all bounds.

    Assumes: normal weights; other distributions change a variance by a share of order 1/width.
    Source: the delta method; Roberts, Yaida & Hanin (2022), chapter 5. Used in *Which scheme for which
    activation?*

    Example:
        >>> log_moments((100,) * 4, (1 / 100,) * 3, "identity")[1].round(4)
        array([0.02, 0.04, 0.06])
        >>> log_moments((100,) * 4, (2 / 100,) * 3, "relu", q0=0.5)[0].round(4)
        array([-0.01 , -0.035, -0.06 ])
    """
    moments, phi = forward_second_moments(widths, var_w, activation, q0), get_activation(activation)
    means, variances, mean, variance = [], [], 0.0, 0.0
    for width, q in zip(widths[1:], moments, strict=True):
        if not 0 < q < _LARGEST:
            mean = variance = float("nan")
        means.append(mean - 1 / width)
        variances.append(variance + 2 / width)
        if 0 < q < _LARGEST:
            slope, bend, noise = _answer(phi, float(q))
            mean = slope * mean + bend * variance / 2 - noise / width / 2
            variance = slope**2 * variance + noise / width
    with np.errstate(divide="ignore"):
        return np.log(moments) + means, np.array(variances)


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


def product_singular_values(depth: int, shares: Sequence[float] | np.ndarray) -> np.ndarray:
    r"""Predict the singular values of a product of large square Gaussian matrices, each of variance 1/n.

    Their squares follow the Fuss–Catalan law. With :math:`0 < \theta < \pi/(L+1)`,

    .. math:: s^2 = \frac{\sin^{L+1}((L+1)\theta)}{\sin\theta\,\sin^L(L\theta)},
       \qquad s_\text{max}^2 = \frac{(L+1)^{L+1}}{L^L}, \qquad E[s^2] = 1.

    Args:
        depth: *L*, number of matrices, at least 1.
        shares: at which shares of all values, largest first, each in (0, 1): 0.5 is the median.

    Returns:
        The singular value above which the share lies, one for each.

    Raises:
        ValueError: for a depth below 1 or a share outside (0, 1).

    Assumes: n large at fixed L.
    Source: Penson & Życzkowski (2011). Used in *Where does the argument end?*

    Example:
        >>> product_singular_values(1, [1e-6, 0.5]).round(2)  # from 2 down, the quarter circle
        array([2.  , 0.81])
    """
    layers, wanted = int(_checked("depth", depth)), np.asarray(shares, float)
    if layers < 1 or layers != depth:
        raise ValueError(f"depth must be an integer of at least 1, got {depth!r}")
    if not np.all((wanted > 0) & (wanted < 1)):
        raise ValueError(f"shares must lie in (0, 1), got {shares!r}")
    theta = np.pi / (layers + 1) * np.linspace(0, 1, 40_002)[1:-1]
    top, side, low = (np.sin(k * theta) for k in (layers + 1, layers, 1))
    square = top ** (layers + 1) / (low * side**layers)
    density = low**2 * side ** (layers - 1) / (np.pi * top**layers)
    log_slope = (
        np.cos(layers * theta) * layers**2 / side
        + np.cos(theta) / low
        - (layers + 1) ** 2 * np.cos((layers + 1) * theta) / top
    )
    mass = np.cumsum(density * square * log_slope) * (theta[1] - theta[0])
    return np.sqrt(np.exp(np.interp(wanted, mass / mass[-1], np.log(square))))


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


def update_exponents(parametrization: str, optimizer: str) -> dict[str, float]:
    r"""Predict how the first update's change of each layer's output grows with the width *n*.

    Let the weights' effective size be :math:`n^{-(a+b)}` and let the gradient that reaches the last hidden layer be as
    large as an output weight, :math:`\delta \sim n^{-g}` with *g* = a + b of the output layer. An update is aligned
    with what the layer receives, so that a layer with *n* inputs moves *n* times as far as one weight does. Under
    gradient descent a weight moves by :math:`n^{-2a-c}` times its gradient, under Adam by :math:`n^{-a-c}` whatever
    its gradient:

    ========  ==============================  ===============  =========================================
    layer     gradient descent                Adam             and what is passed on
    ========  ==============================  ===============  =========================================
    input     −2a − c − g                     −a − c
    hidden    1 − 2a − c − g                  1 − a − c        the input layer's change
    output    1 − 2a − c                      1 − a − c        the last hidden change, times n¹⁻ᵍ
    ========  ==============================  ===============  =========================================

    Returns:
        For ``input``, ``hidden`` and ``output`` the exponent *e*: the change is proportional to nᵉ.

    Raises:
        ValueError: for an unknown parametrization or optimizer.

    Assumes: changes small against the signal, n large, inputs and classes of fixed number. Source: Yang & Hu (2021).
    Used in *Where does the scale go today?*

    Example:
        >>> update_exponents("standard", "adam")
        {'input': 0, 'hidden': 1, 'output': 1.5}
        >>> update_exponents("mup", "sgd")
        {'input': 0, 'hidden': 0, 'output': 0}
    """
    first, middle, last = (
        layer_exponents(parametrization, r) for r in ("input", "hidden", "output")
    )
    g = last.multiplier + last.std
    own = {}
    for role, layer, inputs in (("input", first, 0), ("hidden", middle, 1), ("output", last, 1)):
        c = layer.rate(optimizer)
        if optimizer == "adam":
            own[role] = inputs - layer.multiplier - c
        else:
            own[role] = inputs - 2 * layer.multiplier - c - (0 if role == "output" else g)
    hidden = max(own["hidden"], own["input"])
    return {
        "input": own["input"],
        "hidden": hidden,
        "output": max(own["output"], hidden + 1 - g),
    }


def stream_moments(blocks: int, layout: str, branch: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    r"""Predict signal and gradient along a residual stream at the start.

    Each branch gives, for an input of unit second moment, one of second moment *v*, and sends back *v* times the
    gradient that it gets. With *b* blocks passed out of *N*:

    ======  ==========================  ==============================================
    layout  signal                      gradient, relative to the stream's end
    ======  ==========================  ==============================================
    none    (1 + v)ᵇ                    (1 + v)ᴺ⁻ᵇ
    pre     1 + b v                     (1 + N v) / (1 + b v)
    post    1                           1
    ======  ==========================  ==============================================

    *none* has no normalization, *pre* normalizes what enters a branch, *post* what leaves a block.

    Args:
        blocks: N, at least 1.
        layout: ``none``, ``pre`` or ``post``.
        branch: v, at least 0; a branch that is multiplied by s has s² v.

    Returns:
        E[x_b²] and E[δ_b²] / E[δ_N²] for b = 0 … N, shape (N + 1,) each.

    Raises:
        ValueError: for blocks, a layout or a branch that are none.

    Assumes: wide layers, branches of one activation and one matrix that keep second moments both ways, as ReLU
    under He. Used in *Where does the scale go today?*

    Example:
        >>> stream_moments(3, "pre")[0], stream_moments(3, "none")[0]
        (array([1., 2., 3., 4.]), array([1., 2., 4., 8.]))
    """
    if layout not in ("none", "pre", "post"):
        raise ValueError(f"layout must be none, pre or post; got {layout!r}")
    if isinstance(blocks, bool) or blocks < 1:
        raise ValueError(f"blocks must be a positive integer, got {blocks!r}")
    v, passed = _checked("branch", branch), np.arange(blocks + 1.0)
    if layout == "none":
        signal = (1 + v) ** passed
    else:
        signal = 1 + v * passed if layout == "pre" else np.ones(blocks + 1)
    return signal, signal[-1] / signal


def underflow_share(std: float, smallest: float = 2.0**-24) -> float:
    r"""Predict the share of normal numbers that a format rounds to 0.

    .. math:: P(|g| < s/2) = \operatorname{erf}\Big(\frac{s}{2\sqrt2\,\sigma}\Big)

    Args:
        std: σ of the numbers, > 0.
        smallest: s, the format's smallest positive number; by default half precision's, 2⁻²⁴.

    Raises:
        ValueError: if either is not positive and finite.

    Used in *Where does the scale go today?*

    Example:
        >>> round(underflow_share(2.0**-24), 3)  # half of it is within half a standard deviation
        0.383
    """
    std, smallest = _checked("std", std, "positive "), _checked("smallest", smallest, "positive ")
    return float(special.erf(smallest / (2 * np.sqrt(2) * std)))


def decibels(amplitude_factor: float, depth: int = 1) -> float:
    r"""Return :math:`20\, L \log_{10} g`: what *L* stages of amplitude gain *g* add up to, in dB.

    Example:
        >>> round(decibels(0.99, 1000), 1), round(decibels(1.01, 1000), 1)
        (-87.3, 86.4)
    """
    g = _checked("amplitude_factor", amplitude_factor, positive="a number > 0")
    return float(20 * depth * np.log10(g))


def _second_moment(phi: Activation, q: float) -> float:
    if not np.isfinite(q):
        return float("inf")
    if 0 < q < _TINY:  # closed forms that are differences of numbers near 1 have nothing left here
        return _average(lambda z: phi.f(z) ** 2, q)
    return phi.second_moment(q)


def _derivative_moment(phi: Activation, q: float) -> float:
    return phi.derivative_second_moment(min(q, _LARGEST))


def _answer(phi: Activation, q: float) -> tuple[float, float, float]:
    """How a layer answers to small changes: the moment's slope, its derivative by ln q, and kappa."""
    step = 1e-3
    above, below = (moment_slope(phi, q * float(np.exp(s * step))) for s in (1, -1))
    fourth = _average(lambda z: phi.f(z) ** 4, q)
    return (
        moment_slope(phi, q),
        (above - below) / (2 * step),
        fourth / _second_moment(phi, q) ** 2 - 1,
    )


def _average(function: Callable[[np.ndarray], np.ndarray], q: float) -> float:
    """E[function(sqrt(q) u)], by the quadrature that activations use."""
    return Activation("", f=function, df=function).mean(q)


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
