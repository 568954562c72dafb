r"""A learning rate for every parameter, from the loss's curvature or from its gradient's variance.

Plain gradient descent moves every parameter at one rate. Here parameter *w* moves at its own,

.. math:: w \leftarrow w - \frac{\eta}{c_w + \mu}\, \frac{\partial L}{\partial w},

slowly where :math:`c_w` says that the loss bends, and at :math:`\eta/\mu` where it is flat. Both
choices of *c* are means over examples of the same product: for a weight from unit *i* to unit *j*,
:math:`c = \operatorname E[h_i^2 s_j]`, for a bias :math:`\operatorname E[s_j]`.

``hessian``
    *s* is the loss's second derivative by unit *j*'s pre-activation, sent back through the layers
    like the gradient, but squared:

    .. math::
       s_L = p (1 - p), \qquad s_{l-1} = (s_l\, (W_l^2)^T) \odot f'(z_{l-1})^2 ,

    with *p* the softmax outputs and :math:`W^2` squared entry by entry. That is the diagonal of the
    Gauss–Newton matrix, but for mixed derivatives by two units of one layer, which are dropped: it
    is exact for the last layer, and below it where every unit feeds one unit only.

``variance``
    :math:`s = \delta^2`, the squared gradient of one example's loss. If the labels followed the
    network's own probabilities, its mean would be the Gauss–Newton diagonal itself (the Fisher
    information): it has a curvature's unit and takes its place in the same formula. It is not
    divided by its root, as RMSprop and Adam do.

Source: Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp" (1998), sections 7.4 and
9.1, stochastic diagonal Levenberg–Marquardt. Used in the chapter `reproduction`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import numpy as np
import torch

from glorot.activations import get_activation
from glorot.ensemble import Ensemble

__all__ = ["DiagonalRates", "DiagonalStepper"]

Tensor = torch.Tensor
Curvature = Literal["hessian", "variance"]
Pair = tuple[Tensor, Tensor]  # for a layer's weights and for its biases


def _softsign(z: Tensor) -> Tensor:
    return z / (1 + z.abs())


# activation -> f, and its slope as a function of h = f(z)
_FUNCTIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "tanh": (torch.tanh, lambda h: 1 - h * h),
    "softsign": (_softsign, lambda h: (1 - h.abs()).square()),
    "logistic": (torch.sigmoid, lambda h: h * (1 - h)),
}


@dataclass(frozen=True)
class DiagonalRates:
    """The rule w ← w − η/(c + μ) ∂L/∂w; η is each network's learning rate.

    Args:
        curvature: what c is, ``hessian`` or ``variance``.
        mu: μ > 0, in the unit of a curvature: where c is far below it, it alone sets the rate.
        every: updates between two estimates of c, each from the update's own batch.
        memory: weight of the newest estimate in the running mean; the first 1/memory estimates are
            averaged with equal weights.

    Raises:
        ValueError: for a value outside these.

    Example:
        >>> from glorot.ensemble import EnsembleConfig
        >>> networks = [EnsembleConfig("glorot_uniform", "tanh", 0.01, seed=0)]
        >>> stepper = DiagonalRates("hessian", mu=0.1)(Ensemble(networks, (4, 8, 3)))
        >>> stepper.step(torch.ones(1, 5, 4), torch.zeros(1, 5, dtype=torch.int64)).shape
        torch.Size([1])
    """

    curvature: Curvature
    mu: float
    every: int = 10
    memory: float = 0.01

    def __post_init__(self) -> None:
        if self.curvature not in ("hessian", "variance"):
            raise ValueError(f"curvature must be hessian or variance, got {self.curvature!r}")
        if not (_is_number(self.mu) and 0 < self.mu < math.inf):
            raise ValueError(f"mu must be a finite number > 0, got {self.mu!r}")
        if not isinstance(self.every, Integral) or self.every < 1:
            raise ValueError(f"every must be an integer >= 1, got {self.every!r}")
        if not (_is_number(self.memory) and 0 < self.memory <= 1):
            raise ValueError(f"memory must lie in (0, 1], got {self.memory!r}")

    def __call__(self, ensemble: Ensemble) -> DiagonalStepper:
        """Return what updates an ensemble by this rule."""
        return DiagonalStepper(self, ensemble)


class DiagonalStepper:
    """Updates all networks of an ensemble at once, each parameter at its own rate.

    Args:
        rule: how the rates are set.
        ensemble: R networks of one activation: tanh, softsign or logistic.

    Raises:
        ValueError: for several activations or another one, or an output bias with its own rate.
    """

    def __init__(self, rule: DiagonalRates, ensemble: Ensemble):
        self.rule, self.ensemble = rule, ensemble
        self._f, self._slope = _functions(ensemble)
        rates = [config.learning_rate for config in ensemble.configs]
        self._eta = torch.tensor(rates, dtype=torch.float32, device=ensemble.device)
        self.curvatures, self.rates = _zeros_like(ensemble), _zeros_like(ensemble)
        self._products = _shared_buffers(ensemble.weights)
        self._updates = 0
        self._set_rates()

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        """Do one update of all networks and return their mean losses before it, (R,).

        Args:
            x: inputs, (R, B, d).
            y: labels, (R, B) integers.
        """
        acts, deltas, losses = self._gradients(x, y)
        if self._updates % self.rule.every == 0:
            self._refresh(self._estimates(acts, deltas))
        self._updates += 1
        parameters = zip(self.ensemble.weights, self.ensemble.biases, strict=True)
        grads = self._means(acts, deltas)
        for pair, pair_grads, pair_rates in zip(parameters, grads, self.rates, strict=True):
            for parameter, grad, rate in zip(pair, pair_grads, pair_rates, strict=True):
                parameter.addcmul_(grad, rate, value=-1.0)
        return losses

    def estimate(self, x: Tensor, y: Tensor) -> list[Pair]:
        """Return c of one batch for every layer's weights (R, n_l-1, n_l) and biases (R, n_l)."""
        acts, deltas, _ = self._gradients(x, y)
        return [(weight.clone(), bias.clone()) for weight, bias in self._estimates(acts, deltas)]

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of weights, curvatures and the number of updates done."""
        state = self.ensemble.state_dict() | {"updates": np.array(self._updates)}
        return state | {name: c.cpu().numpy().copy() for name, c in self._named().items()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state_dict` returned; training then goes on bit for bit.

        Raises:
            ValueError: if an array is missing or has another shape.
        """
        self._check(state)
        self.ensemble.load_state_dict(state)
        self._updates = int(state["updates"])
        for name, tensor in self._named().items():
            tensor.copy_(torch.tensor(state[name]))
        self._set_rates()

    def _named(self) -> dict[str, Tensor]:
        return {
            f"curvature_{kind}_{layer}": tensor
            for layer, pair in enumerate(self.curvatures)
            for kind, tensor in zip(("weights", "biases"), pair, strict=True)
        }

    def _check(self, state: Mapping[str, np.ndarray]) -> None:
        shapes = {name: tuple(tensor.shape) for name, tensor in self._named().items()}
        for name, shape in (shapes | {"updates": ()}).items():
            if name not in state:
                raise ValueError(f"state must hold {name!r}, got {sorted(state)!r}")
            if state[name].shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {state[name].shape}")

    def _gradients(self, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """h_0 … h_{L-1} and the logits; δ_1 … δ_L of each example's loss; the mean losses."""
        weights, acts = self.ensemble.weights, [x]
        for weight, bias in zip(weights, self.ensemble.biases, strict=True):
            z = torch.baddbmm(bias[:, None], acts[-1], weight)
            acts.append(self._f(z) if len(acts) < len(weights) else z)
        log_p, labels = torch.log_softmax(acts[-1], 2), y[:, :, None]
        losses = -log_p.gather(2, labels).mean((1, 2))
        deltas = [log_p.exp().scatter_add_(2, labels, torch.full_like(labels, -1.0, dtype=x.dtype))]
        for weight, h in zip(weights[:0:-1], acts[-2:0:-1], strict=True):
            deltas.append(torch.bmm(deltas[-1], weight.transpose(1, 2)) * self._slope(h))
        return acts, deltas[::-1], losses

    def _means(self, acts: Sequence[Tensor], signals: Sequence[Tensor]) -> Iterator[Pair]:
        """Means over the examples of h_i s_j and of s_j, by layer; the next overwrites the last."""
        for h, signal, product in zip(acts, signals, self._products, strict=False):
            scaled = signal / signal.shape[1]
            yield torch.bmm(h.transpose(1, 2), scaled, out=product), scaled.sum(1)

    def _estimates(self, acts: Sequence[Tensor], deltas: Sequence[Tensor]) -> Iterator[Pair]:
        """E[h² s] and E[s] over a batch, by layer; the next overwrites the last."""
        return self._means([h.square() for h in acts[:-1]], self._signals(acts, deltas))

    def _signals(self, acts: Sequence[Tensor], deltas: Sequence[Tensor]) -> list[Tensor]:
        """s_1 … s_L, each (R, B, n_l)."""
        if self.rule.curvature == "variance":
            return [delta.square() for delta in deltas]
        p = torch.softmax(acts[-1], 2)
        signals = [p * (1 - p)]
        for weight, h in zip(self.ensemble.weights[:0:-1], acts[-2:0:-1], strict=True):
            sent_back = torch.bmm(signals[-1], weight.square().transpose(1, 2))
            signals.append(sent_back * self._slope(h).square())
        return signals[::-1]

    def _refresh(self, estimates: Iterable[Pair]) -> None:
        newest = max(self.rule.memory, 1 / (self._updates // self.rule.every + 1))
        for pair, new in zip(self.curvatures, estimates, strict=True):
            for curvature, estimate in zip(pair, new, strict=True):
                curvature.lerp_(estimate, newest)
        self._set_rates()

    def _set_rates(self) -> None:
        for curvatures, rates in zip(self.curvatures, self.rates, strict=True):
            for curvature, rate in zip(curvatures, rates, strict=True):
                eta = self._eta.view(-1, *[1] * (rate.ndim - 1))
                torch.div(eta, torch.add(curvature, self.rule.mu, out=rate), out=rate)


def _zeros_like(ensemble: Ensemble) -> list[Pair]:
    pairs = zip(ensemble.weights, ensemble.biases, strict=True)
    return [(torch.zeros_like(weight), torch.zeros_like(bias)) for weight, bias in pairs]


def _shared_buffers(weights: Sequence[Tensor]) -> list[Tensor]:
    """A buffer of each weight's shape, all in the same memory, which then stays in the cache."""
    memory = weights[0].new_empty(max(weight.numel() for weight in weights))
    return [memory[: weight.numel()].view(weight.shape) for weight in weights]


def _functions(
    ensemble: Ensemble,
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    names = {get_activation(config.activation).name for config in ensemble.configs}
    if len(names) != 1 or not names <= set(_FUNCTIONS):
        raise ValueError(
            f"activation must be one of {', '.join(_FUNCTIONS)} for all, got {sorted(names)!r}"
        )
    factors = {config.output_bias_rate for config in ensemble.configs}
    if factors != {1.0}:
        raise ValueError(f"output_bias_rate must be 1 for all, got {sorted(factors)!r}")
    return _FUNCTIONS[names.pop()]


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
