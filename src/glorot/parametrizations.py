r"""Where a layer keeps its scale: in a multiplier, in the standard deviation it starts with, or in its rate.

A layer of trainable weights *w* computes with *m w*. As the network grows *r* times wider than a base network,
multiplier, standard deviation and learning rate become

.. math:: m\,r^{-a}, \qquad \sigma\,r^{-b}, \qquad \eta\,r^{-c},

with three exponents for each role a layer may have. At *r* = 1 all parametrizations are the same network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["OPTIMIZERS", "PARAMETRIZATIONS", "ROLES", "Exponents", "Role", "layer_exponents"]

Role = Literal["input", "hidden", "output"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Input: width is its fan-out only. Hidden: both. Output: width is its fan-in only."""

OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class Exponents:
    """How multiplier, standard deviation and learning rate of a layer fall with the width.

    Args:
        multiplier: a; the multiplier is proportional to n⁻ᵃ.
        std: b; the weights' standard deviation at the start is proportional to n⁻ᵇ.
        sgd: c under gradient descent; the learning rate is proportional to n⁻ᶜ.
        adam: c under Adam.
    """

    multiplier: float
    std: float
    sgd: float
    adam: float

    def rate(self, optimizer: str) -> float:
        """Return c for an optimizer, ``sgd`` or ``adam``."""
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}; got {optimizer!r}")
        exponent: float = getattr(self, optimizer)
        return exponent


PARAMETRIZATIONS: dict[str, dict[Role, Exponents]] = {
    "standard": {
        "input": Exponents(0, 0, 0, 0),
        "hidden": Exponents(0, 1 / 2, 0, 0),
        "output": Exponents(0, 1 / 2, 0, 0),
    },
    "ntk": {
        "input": Exponents(0, 0, 0, 0),
        "hidden": Exponents(1 / 2, 0, 0, 0),
        "output": Exponents(1 / 2, 0, 0, 0),
    },
    "mup": {
        "input": Exponents(0, 0, -1, 0),
        "hidden": Exponents(0, 1 / 2, 0, 1),
        "output": Exponents(0, 1, 1, 1),
    },
}
"""The rules by name and role.

Sources: Jacot et al. (2018) for ``ntk``; Yang et al. (2022), table 3, for ``mup``.
"""


def layer_exponents(parametrization: str, role: Role) -> Exponents:
    """Return the exponents of a layer.

    Raises:
        ValueError: for an unknown parametrization or role.

    Example:
        >>> layer_exponents("mup", "output").rate("adam")
        1
    """
    if parametrization not in PARAMETRIZATIONS:
        known = ", ".join(PARAMETRIZATIONS)
        raise ValueError(f"parametrization must be one of {known}; got {parametrization!r}")
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}; got {role!r}")
    return PARAMETRIZATIONS[parametrization][role]
