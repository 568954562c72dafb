"""*What do I type?*: shape, activation and framework are the reader's; variance, std, bound and code follow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import traitlets

from glorot import frameworks
from glorot.explorables.base import Case, Explorable
from glorot.explorables.randomness import normals, uniforms
from glorot.figures import in_your_framework as figures
from glorot.frameworks import Sizes, book_fans, recipe, rule
from glorot.initializers import TRUNCATED_STD, TRUNCATION
from glorot.style import BookFigure

LAYERS = ("dense", "conv", "transposed", "recurrent", "state")
DRAWN = 200
START = ("torch", "dense", "he_normal", 784, 100)
# Stand for the sizes in a line of code, until the page knows them.
_INPUTS, _OUTPUTS = 770077, 880088
NO_BOUND = 1e300  # JSON has no infinity


class WhatDoIType(Explorable):
    """The line of code for a layer, and what it draws, in four frameworks."""

    module = "what_do_i_type.js"
    recipes = traitlets.Dict().tag(sync=True)
    names = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        names = {
            "frameworks": dict(frameworks.FRAMEWORKS),
            "layers": {layer: frameworks.LAYERS[layer] for layer in LAYERS},
            "schemes": dict(frameworks.SCHEMES),
        }
        super().__init__(recipes=_recipes(), names=names, **traits)

    def still(self) -> BookFigure:
        """Return std and bound of the layer at the start in the four frameworks."""
        _, layer, scheme, inputs, outputs = START
        rows = {}
        for framework, name in frameworks.FRAMEWORKS.items():
            one = recipe(framework, layer, scheme, Sizes(inputs, outputs))
            rows[name] = (one.std, one.bound)
        return figures.what_do_i_type(rows, f"{frameworks.SCHEMES[scheme]}, {inputs} to {outputs}")

    def cases(self) -> list[Case]:
        """Return every recipe at two sizes, its code letter by letter, and three draws."""
        keys = [key.split() for key in self.recipes]
        found = []
        for inputs, outputs in ((784, 100), (16, 256)):
            for framework, layer, scheme in keys:
                call = (framework, layer, scheme, inputs, outputs)
                found.append(Case("numbers", [self.recipes, *call], _numbers(*call)))
        for framework, layer, scheme in keys:
            call = (framework, layer, scheme, 512, 64)
            code = recipe(framework, layer, scheme, Sizes(512, 64)).code
            found.append(Case("letters", [self.recipes, *call], [ord(c) for c in code]))
        return found + [
            Case("drawn", [kind, 0.05, seed], _drawn(kind, 0.05, seed))
            for kind in ("uniform", "normal", "truncated_normal", "orthogonal")
            for seed in (1, 9)
        ]


def _recipes() -> dict[str, dict[str, Any]]:
    """By "framework layer scheme": the code with places for the sizes, and the rule of its variance."""
    found = {}
    for framework in frameworks.FRAMEWORKS:
        for layer in LAYERS:
            for scheme in frameworks.SCHEMES:
                if (framework, scheme) == ("jax", "default"):
                    continue
                code = recipe(framework, layer, scheme, Sizes(_INPUTS, _OUTPUTS)).code
                chosen = rule(framework, layer, scheme)
                found[f"{framework} {layer} {scheme}"] = {
                    "code": code.replace(str(_INPUTS), "{in}").replace(str(_OUTPUTS), "{out}"),
                    "scale": chosen.scale,
                    "mode": chosen.mode,
                    "distribution": chosen.distribution,
                }
    return found


def _numbers(framework: str, layer: str, scheme: str, inputs: int, outputs: int) -> list[float]:
    """Fans as the framework counts them, fans of the book, variance, std, bound."""
    one = recipe(framework, layer, scheme, Sizes(inputs, outputs))
    book = book_fans(layer, Sizes(inputs, outputs))
    bound = NO_BOUND if math.isinf(one.bound) else one.bound
    return [*_pair(one.fans), *_pair(book), one.variance, one.std, bound]


def _pair(fans: frameworks.Fans) -> list[int]:
    return [fans.fan_in, fans.fan_out]


def _drawn(distribution: str, std: float, seed: int) -> list[float]:
    """Weights as the page draws them."""
    if distribution == "uniform":
        bound = math.sqrt(3) * std
        return [bound * (2 * u - 1) for u in islice(uniforms(seed), DRAWN)]
    if distribution == "normal":
        return [std * x for x in islice(normals(seed), DRAWN)]
    if distribution == "orthogonal":
        return _rows(round(std**-2), normals(seed))
    kept = (x for x in normals(seed) if abs(x) <= TRUNCATION)
    return [std / TRUNCATED_STD * x for x in islice(kept, DRAWN)]


def _rows(length: int, normal: Iterator[float]) -> list[float]:
    """The first weights of rows of unit length, each in a direction of its own."""
    found: list[float] = []
    while len(found) < DRAWN:
        row = list(islice(normal, length))
        size = math.sqrt(sum(x * x for x in row))
        found += [x / size for x in row]
    return found[:DRAWN]
