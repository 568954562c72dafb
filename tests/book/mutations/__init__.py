"""Wrong packages: for each chapter, small changes to `src/glorot` under which it must fail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One textual change: in `file` (under src/glorot) the single occurrence of `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str
