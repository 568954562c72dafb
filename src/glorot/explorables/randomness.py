"""The generators of the explorables, in Python: what JavaScript draws can be computed here too.

A page has no NumPy. Where an explorable draws at random in the page, it uses `mulberry32`, a 32-bit
generator of a few lines; these are its twins, and the browser tests hold both together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

_MASK = 0xFFFFFFFF


def uniforms(seed: int) -> Iterator[float]:
    """Yield uniform numbers in [0, 1), the same as `uniforms(seed)` in ``kit.js``.

    Args:
        seed: a whole number; its lower 32 bits count.

    Source: Tommy Ettinger's mulberry32 (public domain).

    Example:
        >>> numbers = uniforms(7)
        >>> round(next(numbers), 9), round(next(numbers), 9)
        (0.011704753, 0.061958258)
    """
    state = seed & _MASK
    while True:
        state = (state + 0x6D2B79F5) & _MASK
        t = state
        t = ((t ^ (t >> 15)) * (t | 1)) & _MASK
        t ^= (t + (((t ^ (t >> 7)) * (t | 61)) & _MASK)) & _MASK
        yield (t ^ (t >> 14)) / 4294967296


def normals(seed: int) -> Iterator[float]:
    """Yield standard normal numbers by Box and Muller, the same as `normals(seed)` in ``kit.js``."""
    uniform = uniforms(seed)
    while True:
        radius = math.sqrt(-2 * math.log(1 - next(uniform)))
        yield radius * math.cos(2 * math.pi * next(uniform))
