"""Choosing learning rates on validation error, from ladders that grow where the best is an edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Budget", "Ladder", "best_rate", "choose_rates"]

Rates = list[list[float]]
Train = Callable[[Rates], Sequence[Sequence[float]]]


def _between(values: Sequence[float], ends: tuple[float, float]) -> tuple[float, ...]:
    return tuple(value for value in values if ends[0] <= value <= ends[1])


@dataclass(frozen=True)
class Budget:
    """How long a model is trained, and at which learning rates.

    Args:
        updates: number of updates of every network.
        ladder: all rates that may be tried, increasing.
        first: the grid's lowest and highest rate at first, both on the ladder.
    """

    updates: int
    ladder: tuple[float, ...]
    first: tuple[float, float]

    def grid(self) -> tuple[float, ...]:
        """Return the rates that are tried at first."""
        return _between(self.ladder, self.first)

    def beyond(self, rates: Sequence[float], best: float) -> float | None:
        """Return the next rate of the ladder if the best one is at the grid's edge, else None."""
        grown = Ladder(self.ladder, self.first).grown(rates, best)
        return next((rate for rate in grown if rate not in rates), None)


@dataclass(frozen=True)
class Ladder:
    """Values of a setting that may be tried.

    Args:
        values: all of them, increasing.
        first: the lowest and highest of those that are tried at first, both among the values.
    """

    values: tuple[float, ...]
    first: tuple[float, float]

    def grid(self) -> tuple[float, ...]:
        """Return the values that are tried at first."""
        return _between(self.values, self.first)

    def grown(self, tried: Sequence[float], best: float) -> tuple[float, ...]:
        """Return the values tried, with the next one if the best is the lowest or highest of them.

        >>> Ladder((0.1, 1.0, 10.0), (0.1, 1.0)).grown((0.1, 1.0), best=1.0)
        (0.1, 1.0, 10.0)
        """
        low, high = self.values.index(min(tried)), self.values.index(max(tried))
        low -= best == min(tried) and low > 0
        high += best == max(tried) and high + 1 < len(self.values)
        return self.values[low : high + 1]


def choose_rates(
    budgets: Sequence[Budget], train: Train, expect: Callable[[int], None] = lambda updates: None
) -> list[dict[float, float]]:
    """Try every candidate's grid and, while its best rate is the lowest or highest, one rate more.

    Args:
        budgets: of each candidate, its ladder and first grid.
        train: given the rates to try now, a list for each candidate, returns their validation
            errors, in the same order. Some lists may be empty.
        expect: told of network updates that the first grids did not foretell.

    Returns:
        Each candidate's validation errors by rate.

    >>> budget = Budget(10, (0.01, 0.1, 1.0), (0.1, 1.0))
    >>> choose_rates([budget], lambda rates: [[rate for rate in own] for own in rates])
    [{0.1: 0.1, 1.0: 1.0, 0.01: 0.01}]
    """
    grids: list[dict[float, float]] = [{} for _ in budgets]
    untried: Rates = [list(budget.grid()) for budget in budgets]
    while any(untried):
        for grid, rates, errors in zip(grids, untried, train(untried), strict=True):
            grid.update(zip(rates, errors, strict=True))
        untried = [list(_beyond(b, grid)) for b, grid in zip(budgets, grids, strict=True)]
        expect(sum(len(rates) * b.updates for b, rates in zip(budgets, untried, strict=True)))
    return grids


def best_rate(grid: Mapping[float, float]) -> float:
    """Return the rate of lowest validation error; of equals the lower rate."""
    return min(sorted(grid), key=lambda rate: grid[rate])


def _beyond(budget: Budget, grid: Mapping[float, float]) -> Iterator[float]:
    rate = budget.beyond(list(grid), best_rate(grid))
    if rate is not None:
        yield rate
