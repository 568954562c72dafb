"""Shapeset-3×2: images a second against the generator one would write with a drawing library."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks import Row
from glorot.datasets import shapeset

SIDE = 32
ORIGINAL_RATE = 9_000  # images per second of the paper's generator: the loop must keep up
REACH = 30.0
VERTEX_COUNTS = (3, 4, 20)
LABELS = {
    (3,): 0, (4,): 1, (20,): 2, (3, 4): 3, (4, 20): 4, (3, 20): 5, (3, 3): 6, (4, 4): 7, (20, 20): 8
}  # fmt: skip


def regular_polygon(n: int) -> NDArray[np.float64]:
    angles = math.pi / 2 + 2 * math.pi * (np.arange(n) + 0.5) / n
    return 0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def rotation(angle: float) -> NDArray[np.float64]:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


POLYGONS = {n: regular_polygon(n) for n in VERTEX_COUNTS}
AREA_RATIOS = {n: n * math.sin(2 * math.pi / n) / (2 * math.pi) for n in VERTEX_COUNTS}


class Shape:
    """One shape as the loop keeps it: vertices around its center, center, area."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.n = VERTEX_COUNTS[int(3 * rng.random())]
        self.lean = (2 * rng.random() - 1) * math.pi / self.n
        self.turn = 2 * math.pi * rng.random()
        self.place(rng)

    def place(self, rng: np.random.Generator) -> None:
        scale_y, scale_x = sorted(SIDE * rng.uniform(0.2, 0.8, size=2))
        back = -math.atan(scale_y / scale_x * math.tan(self.lean))
        leaning = POLYGONS[self.n] @ rotation(self.lean) * (scale_x, scale_y)
        self.points = leaning @ rotation(back + self.turn)
        low, high = 1 - self.points.min(axis=0), SIDE - 1 - self.points.max(axis=0)
        self.center = rng.uniform(low, high)
        self.area = scale_x * scale_y * AREA_RATIOS[self.n]

    def hides_too_much_of(self, other: Shape) -> bool:
        step = self.center - other.center
        distance = math.hypot(*step)
        reach = (other.points @ step).max() - (self.points @ step).min()
        excess = reach / distance - distance
        overlap = 1 - 2 ** (-excess / distance)
        return excess >= 0 and self.area / other.area * overlap > 0.5


def drawn(rng: np.random.Generator) -> tuple[NDArray[np.float32], int]:
    """One image and its label, as a user would write it: NumPy's chance, Pillow's polygons."""
    shapes = [Shape(rng)]
    if rng.random() < 0.5:
        second, redraws = Shape(rng), 0
        while redraws < 50 and second.hides_too_much_of(shapes[0]):
            second.place(rng)
            redraws += 1
        shapes.append(second)
    inverted = rng.random() < 0.5
    greys = [0.45 * rng.random(), *(0.55 + 0.45 * rng.random() for _ in shapes)]
    background, *foreground = [1 - grey if inverted else grey for grey in greys]
    image = Image.new("F", (SIDE, SIDE), background)
    draw = ImageDraw.Draw(image)
    for shape, grey in zip(shapes, foreground, strict=True):
        draw.polygon((shape.points + shape.center - 0.5).ravel().tolist(), fill=grey)
    return np.asarray(image), LABELS[tuple(sorted(shape.n for shape in shapes))]


def loop(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """n images one after another."""
    images, labels = np.empty((n, SIDE, SIDE), np.float32), np.empty(n, np.int64)
    for i in range(n):
        images[i], labels[i] = drawn(rng)
    return images, labels


def rate(draw: Callable[[int, np.random.Generator], object], n: int, calls: int) -> float:
    """Images per second of CPU time, which other work disturbs less than the clock."""
    rng = np.random.default_rng(0)
    start = time.process_time()
    for _ in range(calls):
        draw(n, rng)
    return n * calls / (time.process_time() - start)


def rows() -> list[Row]:
    """Nine alternating rounds of both; the medians are compared."""
    rounds = [(rate(shapeset.sample, 4096, 10), rate(loop, 2000, 1)) for _ in range(9)]
    ours, theirs = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    return [
        Row(
            what="Shapeset images, one thread",
            ours=f"{ours:,.0f}/s",
            against=f"Pillow, image by image: {theirs:,.0f}/s",
            ratio=ours / theirs,
            reach=REACH,
            counts=theirs >= 0.9 * ORIGINAL_RATE,
        )
    ]
