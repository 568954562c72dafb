r"""Activation functions, their derivatives, and what both do to a Gaussian signal.

Wide layers make pre-activations Gaussian, so a handful of Gaussian averages says how an activation treats a
signal. With :math:`u \sim N(0, 1)` and a pre-activation :math:`z = \sqrt q\, u` of second moment *q*:

* ``second_moment(q)`` is :math:`E[\phi(\sqrt q\,u)^2]`, what the next layer receives;
* ``derivative_second_moment(q)`` is :math:`E[\phi'(\sqrt q\,u)^2]`, what the gradient keeps;
* ``chi(sigma_w2, q)`` is :math:`\sigma_w^2 E[\phi'(\sqrt q\,u)^2]`, the gradient's factor per layer;
* ``covariance(q, c)`` is :math:`E[\phi(z_1)\phi(z_2)]` for two inputs of correlation *c*.

They are closed forms where one is known and Gauss–Legendre quadrature on graded panels otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

Array = np.ndarray
Function = Callable[[Array], Array]

SELU_SCALE = 1.0507009873554805  # lambda of Klambauer et al. (2017)
SELU_ALPHA = 1.6732632423543772  # alpha of the same


def _gaussian_rule(points_per_panel: int, edges: Array) -> tuple[Array, Array]:
    """Nodes u and weights w with sum(w f(u)) = E[f(u)] for standard normal u.

    The panels are graded towards 0, so that kinks at 0 fall on an edge and an activation that turns
    sharply (large q) still gets nodes where it turns.
    """
    x, w = np.polynomial.legendre.leggauss(points_per_panel)
    low, high = edges[:-1, None], edges[1:, None]
    nodes = ((high - low) * x + high + low) / 2
    weights = (high - low) * w / 2 * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    nodes, weights = nodes.ravel(), weights.ravel()
    return np.concatenate([-nodes[::-1], nodes]), np.concatenate([weights[::-1], weights])


_FINE = _gaussian_rule(12, np.array([0, *np.geomspace(1e-6, 1, 13), 2, 3, 4.5, 6.5, 9, 13.0]))
_COARSE = _gaussian_rule(10, np.array([0, 1e-3, 1e-2, 0.1, 0.5, 1, 2, 3, 4.5, 6.5, 9.0]))


@dataclass(frozen=True)
class Activation:
    r"""An activation function with its derivative and its Gaussian averages.

    Args:
        name: the key in ``ACTIVATIONS``.
        f: the function, element by element on an array of any shape.
        df: its derivative with respect to the pre-activation, likewise.
        closed_second_moment: :math:`q \mapsto E[\phi^2]` where a closed form is known.
        closed_derivative_moment: :math:`q \mapsto E[\phi'^2]` where one is known.
        closed_covariance: :math:`(q, c) \mapsto E[\phi(z_1)\phi(z_2)]` where one is known.

    Source: Poole et al. (2016), eqs. 2–5, for the averages; Cho & Saul (2009) for ReLU's covariance.

    Example:
        >>> relu = ACTIVATIONS["relu"]
        >>> relu.second_moment(1.0), relu.chi(2.0, 1.0)
        (0.5, 1.0)
    """

    name: str
    f: Function
    df: Function
    closed_second_moment: Callable[[float], float] | None = None
    closed_derivative_moment: Callable[[float], float] | None = None
    closed_covariance: Callable[[float, float], float] | None = None

    @cached_property
    def gain(self) -> float:
        r"""The factor :math:`1/\sqrt{E[\phi(u)^2]}` that restores a unit second moment."""
        return float(1 / np.sqrt(self.second_moment(1.0)))

    def mean(self, q: float) -> float:
        r"""Return :math:`E[\phi(\sqrt q\,u)]` for pre-activations of second moment *q*."""
        return self._average(self.f, _checked_moment(q))

    def second_moment(self, q: float) -> float:
        r"""Return :math:`E[\phi(\sqrt q\,u)^2]` for pre-activations of second moment *q*."""
        q = _checked_moment(q)
        if self.closed_second_moment is not None:
            return float(self.closed_second_moment(q))
        return self._average(lambda z: self.f(z) ** 2, q)

    def derivative_second_moment(self, q: float) -> float:
        r"""Return :math:`E[\phi'(\sqrt q\,u)^2]` for pre-activations of second moment *q*."""
        q = _checked_moment(q)
        if self.closed_derivative_moment is not None:
            return float(self.closed_derivative_moment(q))
        return self._average(lambda z: self.df(z) ** 2, q)

    def chi(self, sigma_w2: float, q: float) -> float:
        r"""Return :math:`\chi = \sigma_w^2 E[\phi'(\sqrt q\,u)^2]`, the gradient's factor per layer.

        Args:
            sigma_w2: fan_in times the variance of a weight, at least 0.
            q: second moment of the pre-activations, at least 0.
        """
        if not (np.isfinite(sigma_w2) and sigma_w2 >= 0):
            raise ValueError(f"sigma_w2 must be a finite number >= 0, got {sigma_w2!r}")
        return float(sigma_w2 * self.derivative_second_moment(q))

    def covariance(self, q: float, c: float) -> float:
        r"""Return :math:`E[\phi(z_1)\phi(z_2)]` for :math:`E[z_i^2]=q`, correlation *c*.

        Args:
            q: second moment of both pre-activations, at least 0.
            c: their correlation, between -1 and 1.
        """
        q = _checked_moment(q)
        if not -1 <= c <= 1:
            raise ValueError(f"c must lie between -1 and 1, got {c!r}")
        if c == 1:
            return self.second_moment(q)
        if self.closed_covariance is not None:
            return float(self.closed_covariance(q, c))
        (u, w), s = _COARSE, np.sqrt(q)
        inner = self.f(s * (c * u[:, None] + np.sqrt(1 - c * c) * u)) @ w
        return float(w @ (self.f(s * u) * inner))

    @staticmethod
    def _average(function: Function, q: float) -> float:
        nodes, weights = _FINE
        return float(weights @ function(np.sqrt(q) * nodes))


def _checked_moment(q: float) -> float:
    if not (np.isfinite(q) and q >= 0):
        raise ValueError(f"q must be a finite number >= 0, got {q!r}")
    return float(q)


def leaky_relu(slope: float = 0.01) -> Activation:
    r"""Return :math:`\phi(z) = \max(z, 0) + a \min(z, 0)` with slope *a*; parametric ReLU learns *a*.

    Its second moment is :math:`q (1 + a^2)/2`, hence He's variance :math:`2/((1 + a^2) n_\text{in})`.

    Args:
        slope: the slope *a* below 0, a finite number.

    Raises:
        ValueError: if the slope is not finite.

    Source: He et al. (2015), eq. 15 (up to the symbol).

    Example:
        >>> leaky_relu(1.0).gain  # the identity
        1.0
    """
    if not np.isfinite(slope):
        raise ValueError(f"slope must be a finite number, got {slope!r}")
    half = (1 + slope * slope) / 2

    def rectify(z: Array) -> Array:
        positive = np.maximum(z, 0)
        return (
            positive + slope * np.minimum(z, 0) if slope else positive
        )  # 0 times inf is no number

    def covariance(q: float, c: float) -> float:
        angle = np.arccos(c)
        arc = (np.sin(angle) + (np.pi - angle) * c) / (2 * np.pi)  # ReLU with ReLU, Cho & Saul
        return q * ((1 - slope) ** 2 * arc + slope * c)

    return Activation(
        name={0.0: "relu", 0.01: "leaky_relu"}.get(slope, f"leaky_relu({slope:g})"),
        f=rectify,
        df=lambda z: np.where(z > 0, 1.0, slope).astype(np.result_type(z, np.float32), copy=False),
        closed_second_moment=lambda q: half * q,
        closed_derivative_moment=lambda q: half,
        closed_covariance=covariance,
    )


def _elu(name: str, scale: float, alpha: float) -> Activation:
    """scale * (z for z > 0, alpha (exp(z) - 1) below): ELU with scale 1, SELU with both constants."""

    def second_moment(q: float) -> float:
        below = special.erfcx(np.sqrt(2 * q)) / 2 - special.erfcx(np.sqrt(q / 2)) + 0.5
        return scale**2 * (q / 2 + alpha**2 * below)

    def derivative_moment(q: float) -> float:
        return scale**2 * (1 + alpha**2 * special.erfcx(np.sqrt(2 * q))) / 2

    return Activation(
        name=name,
        f=lambda z: scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        df=lambda z: scale * np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0))),
        closed_second_moment=second_moment,
        closed_derivative_moment=derivative_moment,
    )


def _gelu_slope(z: Array) -> Array:
    return special.ndtr(z) + z * np.exp(-z * z / 2) / float(np.sqrt(2 * np.pi))


def _silu_slope(z: Array) -> Array:
    s = special.expit(z)
    return s * (1 + z * (1 - s))


_SMOOTH = (
    Activation(
        "identity",
        f=lambda z: np.asarray(z),
        df=np.ones_like,
        closed_second_moment=lambda q: q,
        closed_derivative_moment=lambda q: 1.0,
        closed_covariance=lambda q, c: q * c,
    ),
    Activation("logistic", f=special.expit, df=lambda z: special.expit(z) * special.expit(-z)),
    Activation("tanh", f=np.tanh, df=lambda z: 1 - np.tanh(z) ** 2),
    Activation("softsign", f=lambda z: z / (1 + np.abs(z)), df=lambda z: (1 + np.abs(z)) ** -2.0),
)

ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        *_SMOOTH,
        leaky_relu(0.0),
        leaky_relu(0.01),
        _elu("elu", 1.0, 1.0),
        _elu("selu", SELU_SCALE, SELU_ALPHA),
        Activation("gelu", f=lambda z: z * special.ndtr(z), df=_gelu_slope),
        Activation("silu", f=lambda z: z * special.expit(z), df=_silu_slope),
    )
}


def get_activation(activation: str | Activation) -> Activation:
    """Return the activation of that name, or the one that was passed.

    Raises:
        ValueError: for a name that is not in ``ACTIVATIONS``.

    Example:
        >>> get_activation("tanh").name
        'tanh'
    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
    return ACTIVATIONS[activation]
