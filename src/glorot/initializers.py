r"""Initializers: how large a random weight should be, and the table that says so.

One engine, :class:`VarianceScaling`, draws weights of variance ``scale / fan``. Every scheme of the book is
one line of arguments to it. Normal schemes are truncated at two standard deviations and widened by what
the truncation takes away, as in Keras and JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Real

import numpy as np

from glorot.fans import Fans, compute_fans

Shape = Sequence[int]

# Standard deviation of a standard normal truncated at +-2: sqrt(1 - 4 pdf(2) / (2 cdf(2) - 1)).
TRUNCATED_STD = 0.87962566103423978
TRUNCATION = 2.0

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "normal", "uniform")

_BLOCK = (
    1 << 18
)  # entries drawn by one stream: 1 MB of float32 stays in the cache while it is scaled


def _check_number(name: str, value: object, positive: bool) -> None:
    wanted = "a finite number > 0" if positive else "a finite number"
    if not isinstance(value, Real) or not math.isfinite(value) or (positive and value <= 0):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")


@dataclass(frozen=True)
class VarianceScaling:
    r"""Draws weights of mean 0 and variance ``scale / fan``.

    .. math:: \operatorname{Var}[W] = \frac{s}{n}, \qquad
       r = \sqrt{3\operatorname{Var}[W]} \text{ for } U[-r, r].

    Args:
        scale: *s*, the square of the gain; a finite number > 0.
        mode: which fan *n* is: ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"``.
        distribution: ``"truncated_normal"`` (at two standard deviations, variance corrected),
            ``"normal"`` or ``"uniform"``.

    Raises:
        ValueError: for a scale, mode or distribution outside these.

    Source: Glorot & Bengio (2010), eqs. 1, 12 and 16; He et al. (2015), eqs. 10 and 14. Derived in *Whose
    side do we take?*

    Example:
        >>> he_by_fan_avg = VarianceScaling(2.0, "fan_avg", "uniform")
        >>> he_by_fan_avg((300, 100), np.random.default_rng(0)).shape
        (300, 100)
        >>> he_by_fan_avg.variance((300, 100))
        0.01
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"

    def __post_init__(self) -> None:
        _check_number("scale", self.scale, positive=True)
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}; got {self.mode!r}")
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(
                f"distribution must be one of {', '.join(DISTRIBUTIONS)}; got {self.distribution!r}"
            )

    def __call__(
        self, shape: Shape, rng: np.random.Generator, in_axis: int = -2, out_axis: int = -1
    ) -> np.ndarray:
        """Return weights of the given shape ``(..., fan_in, fan_out)``, float32."""
        std = np.sqrt(self._variance(compute_fans(shape, in_axis, out_axis)))
        draw = {
            "uniform": _draw_uniform,
            "normal": _draw_normal,
            "truncated_normal": _draw_truncated,
        }[self.distribution]
        return _fill(tuple(shape), _checked_rng(rng), draw, np.float32(std))

    def variance(self, shape: Shape) -> float:
        """Return the variance that weights of this shape have, before any is drawn."""
        return self._variance(compute_fans(shape))

    def std(self, shape: Shape) -> float:
        """Return the standard deviation that weights of this shape have."""
        return float(np.sqrt(self.variance(shape)))

    def bound(self, shape: Shape) -> float:
        """Return the largest magnitude a weight can have (infinite for ``"normal"``)."""
        widest = {
            "uniform": np.sqrt(3.0),
            "normal": np.inf,
            "truncated_normal": TRUNCATION / TRUNCATED_STD,
        }[self.distribution]
        return float(widest * self.std(shape))

    def _variance(self, fans: Fans) -> float:
        return float(self.scale / getattr(fans, self.mode))


@dataclass(frozen=True)
class Orthogonal:
    r"""Draws a matrix with orthonormal rows or columns, times a gain.

    The array is read as a matrix of (all axes but the last) × (last axis). Every singular value is the gain;
    the sign of R's diagonal is divided out, so that the matrix is uniform over the orthogonal group.

    Args:
        gain: a finite number > 0.

    Source: Saxe, McClelland & Ganguli (2014); Mezzadri (2007) for the sign.

    Example:
        >>> w = Orthogonal()((3, 3), np.random.default_rng(0))
        >>> bool(np.allclose(w @ w.T, np.eye(3), atol=1e-6))
        True
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        _check_number("gain", self.gain, positive=True)

    def __call__(self, shape: Shape, rng: np.random.Generator) -> np.ndarray:
        """Return weights of the given shape, float32."""
        rows, columns = self._matrix(shape)
        tall = _checked_rng(rng).standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        q *= np.sign(np.diagonal(r))
        return np.ascontiguousarray(
            self.gain * (q if rows >= columns else q.T), dtype=np.float32
        ).reshape(tuple(shape))

    def variance(self, shape: Shape) -> float:
        """Return the variance of one entry: gain² / max(rows, columns)."""
        return float(self.gain**2 / max(self._matrix(shape)))

    def std(self, shape: Shape) -> float:
        """Return the standard deviation of one entry."""
        return float(np.sqrt(self.variance(shape)))

    @staticmethod
    def _matrix(shape: Shape) -> tuple[int, int]:
        compute_fans(shape)  # refuses shapes that are none
        columns = int(tuple(shape)[-1])
        return int(np.prod(tuple(shape)[:-1], dtype=np.int64)), columns


@dataclass(frozen=True)
class Constant:
    """Fills weights with one value: the scheme under which all units of a layer stay equal.

    Args:
        value: a finite number.

    Example:
        >>> Constant(0.5)((2, 2), np.random.default_rng(0)).tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        _check_number("value", self.value, positive=False)

    def __call__(self, shape: Shape, rng: np.random.Generator | None = None) -> np.ndarray:
        """Return weights of the given shape, float32; nothing is drawn."""
        compute_fans(shape)
        return np.full(tuple(shape), self.value, dtype=np.float32)

    def variance(self, shape: Shape) -> float:
        """Return 0: equal weights do not vary."""
        compute_fans(shape)
        return 0.0

    def std(self, shape: Shape) -> float:
        """Return 0."""
        return self.variance(shape)


Initializer = VarianceScaling | Orthogonal | Constant

orthogonal = Orthogonal
constant = Constant
zeros = Constant(0.0)

lecun_normal = VarianceScaling(1.0, "fan_in", "truncated_normal")
lecun_uniform = VarianceScaling(1.0, "fan_in", "uniform")
glorot_normal = VarianceScaling(1.0, "fan_avg", "truncated_normal")
glorot_uniform = VarianceScaling(1.0, "fan_avg", "uniform")
he_normal = VarianceScaling(2.0, "fan_in", "truncated_normal")
he_uniform = VarianceScaling(2.0, "fan_in", "uniform")
heuristic_uniform = VarianceScaling(1 / 3, "fan_in", "uniform")  # U[+-1/sqrt(fan_in)]

INITIALIZERS: dict[str, Initializer] = {
    "heuristic_uniform": heuristic_uniform,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "orthogonal": Orthogonal(),
    "zeros": zeros,
}


@dataclass(frozen=True)
class Scheme:
    """One row of the table of schemes.

    Args:
        name: as it is printed.
        activations: the activations it is recommended for.
        variance_rule: the variance of one weight, as a LaTeX expression.
        bound_rule: the bound r of the uniform form U[-r, r], likewise.
        normal: the initializer with a (truncated) normal distribution.
        uniform: the initializer with a uniform distribution.
        preferred: the one of the two that the name alone stands for.
    """

    name: str
    activations: tuple[str, ...]
    variance_rule: str
    bound_rule: str
    normal: VarianceScaling
    uniform: VarianceScaling
    preferred: VarianceScaling


SCHEMES: dict[str, Scheme] = {
    "heuristic": Scheme(
        "heuristic",
        (),
        r"\frac{1}{3\,n_\text{in}}",
        r"\frac{1}{\sqrt{n_\text{in}}}",
        VarianceScaling(1 / 3, "fan_in", "truncated_normal"),
        heuristic_uniform,
        heuristic_uniform,
    ),
    "lecun": Scheme(
        "LeCun",
        ("selu",),
        r"\frac{1}{n_\text{in}}",
        r"\sqrt{\frac{3}{n_\text{in}}}",
        lecun_normal,
        lecun_uniform,
        lecun_normal,
    ),
    "glorot": Scheme(
        "Glorot",
        ("identity", "tanh", "logistic", "softmax"),
        r"\frac{1}{n_\text{avg}}",
        r"\sqrt{\frac{3}{n_\text{avg}}}",
        glorot_normal,
        glorot_uniform,
        glorot_uniform,
    ),
    "he": Scheme(
        "He",
        ("relu", "leaky_relu", "parametric_relu", "elu"),
        r"\frac{2}{n_\text{in}}",
        r"\sqrt{\frac{6}{n_\text{in}}}",
        he_normal,
        he_uniform,
        he_normal,
    ),
}


def get_initializer(scheme: str | Initializer) -> Initializer:
    """Return the initializer of that name, or the one that was passed.

    Args:
        scheme: a key of ``INITIALIZERS``, a key of ``SCHEMES`` (its preferred distribution), or an
            initializer.

    Raises:
        ValueError: for anything else.

    Example:
        >>> get_initializer("glorot_uniform")
        VarianceScaling(scale=1.0, mode='fan_avg', distribution='uniform')
    """
    if isinstance(scheme, (VarianceScaling, Orthogonal, Constant)):
        return scheme
    if isinstance(scheme, str) and scheme in INITIALIZERS:
        return INITIALIZERS[scheme]
    if isinstance(scheme, str) and scheme in SCHEMES:
        return SCHEMES[scheme].preferred
    known = ", ".join([*INITIALIZERS, *SCHEMES])
    raise ValueError(f"scheme must be an initializer or one of {known}; got {scheme!r}")


def _checked_rng(rng: np.random.Generator) -> np.random.Generator:
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")
    return rng


Draw = Callable[[np.ndarray, np.random.Generator, np.float32], None]


def _fill(
    shape: tuple[int, ...], rng: np.random.Generator, draw: Draw, std: np.float32
) -> np.ndarray:
    """Fill an array with draws; a large one block by block, each from a stream of its own.

    The streams are seeded from `rng`, so the result depends on `rng` and the shape alone, never on the
    number of threads.
    """
    weights = np.empty(shape, dtype=np.float32)
    flat = weights.reshape(-1)
    if flat.size <= _BLOCK:
        draw(flat, rng, std)
        return weights
    blocks = np.split(flat, range(_BLOCK, flat.size, _BLOCK))
    entropy = rng.integers(0, 2**63, size=4).tolist()
    seeds = np.random.SeedSequence(entropy).spawn(len(blocks))

    def fill_block(job: tuple[np.ndarray, np.random.SeedSequence]) -> None:
        draw(job[0], np.random.Generator(np.random.SFC64(job[1])), std)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(fill_block, zip(blocks, seeds, strict=True)))
    return weights


def _draw_uniform(out: np.ndarray, rng: np.random.Generator, std: np.float32) -> None:
    bound = np.float32(np.sqrt(3.0)) * std
    rng.random(out=out, dtype=np.float32)
    out -= np.float32(0.5)
    out *= 2 * bound


def _draw_normal(out: np.ndarray, rng: np.random.Generator, std: np.float32) -> None:
    rng.standard_normal(out=out, dtype=np.float32)
    out *= std


def _draw_truncated(out: np.ndarray, rng: np.random.Generator, std: np.float32) -> None:
    rng.standard_normal(out=out, dtype=np.float32)
    outside = np.flatnonzero(np.abs(out) > TRUNCATION)
    while outside.size:
        again = rng.standard_normal(outside.size, dtype=np.float32)
        out[outside] = again
        outside = outside[np.abs(again) > TRUNCATION]
    out *= std / np.float32(TRUNCATED_STD)
