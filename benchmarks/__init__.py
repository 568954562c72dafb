"""Side-by-side ratios: ours against what a user would write instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison: `ratio` should be at least `reach`."""

    what: str
    ours: str
    against: str
    ratio: float
    reach: float
    counts: bool = True

    @property
    def verdict(self) -> str:
        return ("yes" if self.ratio >= self.reach else "NO") if self.counts else "does not count"
