"""The geometry of Shapeset-3×2: which shapes an image bears, where they lie, when they overlap.

Shapes are held column by column: `one_hot` (3, m): 1 in the row of the shape's kind, `angles`
(4, m): cosine and sine of the lean and of the full turn, `matrix` (4, m): the entries xx, xy, yx
and yy that take a vertex u of the regular polygon to u @ matrix, `center` (2, m) in pixels. The law
is stated in `glorot.datasets.shapeset`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 32  # pixels to an edge of the image
NO_SHAPE = -1
SHAPE_NAMES = ("triangle", "parallelogram", "ellipse")
TRIANGLE, PARALLELOGRAM, ELLIPSE = range(3)
VERTEX_COUNTS = (3, 4, 20)

_SCALES = (0.2 * SIDE, 0.8 * SIDE)
_MARGIN = 1.0  # pixels between a bounding box and the frame
_DARK, _LIGHT = (0.0, 0.45), (0.55, 1.0)
_MAX_SHARE = 0.5
_MAX_REDRAWS = 50
_REDRAWN_TOGETHER = 256
_SECTORS = np.pi / np.array(VERTEX_COUNTS)
_AREA_RATIOS = np.array([n / (2 * np.pi) * np.sin(2 * np.pi / n) for n in VERTEX_COUNTS])
_LABELS = np.array(  # [first, second]; the last column: no second shape
    [[6, 3, 5, 0], [3, 7, 4, 1], [5, 4, 8, 2]]
)

Floats = NDArray[np.float64]
Kinds = NDArray[np.int8]


@dataclass(frozen=True)
class Scenes:
    """The shapes and the grays of n images, before any pixel is painted.

    `kinds` (n, 2) are indices into `SHAPE_NAMES`, −1 where there is no second shape; `matrices`
    (n, 2, 2, 2) take a vertex u of the regular polygon of diameter 1 to u @ matrix, in pixels;
    `centers` (n, 2, 2) are (x, y) in pixels from the upper left corner, so that the center of the
    first pixel is (0.5, 0.5); `grays` (n, 2) and `backgrounds` (n,) lie in [0, 1].
    """

    kinds: Kinds
    matrices: Floats
    centers: Floats
    grays: NDArray[np.float32]
    backgrounds: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The classes, (n,), indices into `CLASS_NAMES`."""
        return _LABELS[self.kinds[:, 0], self.kinds[:, 1]]

    def polygon(self, image: int, shape: int) -> Floats:
        """The vertices (x, y) in pixels of shape 0 or 1 of one image, in order: (vertices, 2)."""
        kind = int(self.kinds[image, shape])
        if kind == NO_SHAPE:
            raise ValueError(f"shape must be one that image {image} has, got {shape!r}")
        vertices = unit_polygon(VERTEX_COUNTS[kind])
        return vertices @ self.matrices[image, shape] + self.centers[image, shape]


def unit_polygon(n: int) -> Floats:
    """The vertices of a regular n-gon in a circle of diameter 1, one edge horizontal: (n, 2)."""
    angle = np.pi / 2 + 2 * np.pi * (np.arange(n) + 0.5) / n
    return 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def draw_scenes(n: int, rng: np.random.Generator) -> Scenes:
    """Draw n scenes at once."""
    paired = np.flatnonzero(rng.random(n) < 0.5)
    kinds = rng.integers(0, len(SHAPE_NAMES), (n, 2), dtype=np.int8)
    matrices, centers = np.zeros((n, 2, 4)), np.zeros((n, 2, 2))
    one_hot, angles = _one_hot(kinds[:, 0]), _draw_angles(kinds[:, 0], rng)
    matrix, center = _place(one_hot, angles, rng)
    matrices[:, 0], centers[:, 0] = matrix.T, center.T
    first = _Placed(one_hot[:, paired], matrix[:, paired], center[:, paired])
    second_kinds = kinds[paired, 1]
    kept, matrix, center = _draw_seconds(
        first, _one_hot(second_kinds), _draw_angles(second_kinds, rng), rng
    )
    seconds = paired[kept]
    matrices[seconds, 1], centers[seconds, 1] = matrix[:, kept].T, center[:, kept].T
    kinds[:, 1] = NO_SHAPE
    kinds[seconds, 1] = second_kinds[kept]
    return Scenes(kinds, matrices.reshape(n, 2, 2, 2), centers, *_draw_grays(n, rng))


def _draw_grays(
    n: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grays (n, 2) of the shapes and (n,) of the background, on opposite sides of middle gray."""
    inverted = rng.random(n) < 0.5
    shapes = _LIGHT[0] + (_LIGHT[1] - _LIGHT[0]) * rng.random((n, 2), dtype=np.float32)
    background = _DARK[0] + (_DARK[1] - _DARK[0]) * rng.random(n, dtype=np.float32)
    shapes[inverted] = 1 - shapes[inverted]
    background[inverted] = 1 - background[inverted]
    return shapes, background


def _one_hot(kind: Kinds) -> Floats:
    return (kind == np.arange(len(SHAPE_NAMES))[:, None]).astype(np.float64)


def _draw_angles(kind: Kinds, rng: np.random.Generator) -> Floats:
    """Cosine and sine of the lean, within ±π/n, and of the full turn: (4, m)."""
    lean = (2 * rng.random(kind.size) - 1) * _SECTORS[kind]
    turn = 2 * np.pi * rng.random(kind.size)
    return np.stack([np.cos(lean), np.sin(lean), np.cos(turn), np.sin(turn)])


def _place(one_hot: Floats, angles: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the scales and the position of m shapes: matrix (4, m) and center (2, m)."""
    low, high = _SCALES
    one, two, *place = rng.random((4, angles.shape[1]))
    matrix = shape_matrix(
        angles, low + (high - low) * np.maximum(one, two), low + (high - low) * np.minimum(one, two)
    )
    lowest = _MARGIN + _reach(one_hot, -matrix[:2], -matrix[2:])
    highest = SIDE - _MARGIN - _reach(one_hot, matrix[:2], matrix[2:])
    return matrix, lowest + (highest - lowest) * place


def shape_matrix(angles: Floats, scale_x: Floats, scale_y: Floats) -> Floats:
    """Lean, scale, turn the base back to horizontal, turn fully: entries xx, xy, yx, yy, (4, m)."""
    cos_lean, sin_lean, cos_turn, sin_turn = angles
    base_x, base_y = cos_lean * scale_x, sin_lean * scale_y  # where the horizontal edge points now
    length = np.sqrt(base_x**2 + base_y**2)
    cos_back, sin_back = base_x / length, -base_y / length
    cos = cos_back * cos_turn - sin_back * sin_turn
    sin = sin_back * cos_turn + cos_back * sin_turn
    side_x, side_y = -sin_lean * scale_x, cos_lean * scale_y
    matrix = np.empty_like(angles)
    matrix[0] = base_x * cos - base_y * sin
    matrix[1] = base_x * sin + base_y * cos
    matrix[2] = side_x * cos - side_y * sin
    matrix[3] = side_x * sin + side_y * cos
    return matrix


def _reach(one_hot: Floats, x: Floats, y: Floats) -> Floats:
    """The largest u · (x, y) over the vertices u of the regular polygon; x and y are (…, m).

    Folding by the polygon's mirror axes leaves at most three vertices to try.
    """
    abs_x, abs_y = np.abs(x), np.abs(y)
    triangle = np.maximum(np.cos(np.pi / 6) * abs_x + 0.5 * y, -y)
    parallelogram = np.cos(np.pi / 4) * (abs_x + abs_y)
    major, minor = np.maximum(abs_x, abs_y), np.minimum(abs_x, abs_y)
    corners = [  # at 9°, 27° and 45°
        np.cos(angle) * major + np.sin(angle) * minor for angle in np.pi / 20 * np.array([1, 3, 5])
    ]
    ellipse = np.maximum(np.maximum(corners[0], corners[1]), corners[2])
    reach = triangle * one_hot[TRIANGLE]
    reach += parallelogram * one_hot[PARALLELOGRAM]
    reach += ellipse * one_hot[ELLIPSE]
    return 0.5 * reach


# ------------------------------------------------------------------------------------- overlaps


class _Placed(NamedTuple):
    """m shapes with their places."""

    one_hot: Floats
    matrix: Floats
    center: Floats

    def reach(self, x: Floats, y: Floats) -> Floats:
        """How far the shapes reach from their centers in the direction (x, y), pixels."""
        xx, xy, yx, yy = self.matrix
        return _reach(self.one_hot, xx * x + xy * y, yx * x + yy * y)

    def area(self) -> Floats:
        """s_x s_y a: the determinant is s_x s_y, a the n-gon's area over its circle's."""
        xx, xy, yx, yy = self.matrix
        return (xx * yy - xy * yx) * (_AREA_RATIOS @ self.one_hot)


def _draw_seconds(
    first: _Placed, one_hot: Floats, angles: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Place the second shapes, again where they hide too much: which were kept, matrix, center.

    Once few are left, several redraws are made at once, and the first that passes is taken.
    """
    matrix, center = _place(one_hot, angles, rng)
    refused = np.flatnonzero(_hides_too_much(first, _Placed(one_hot, matrix, center)))
    redraws = 0
    while refused.size and redraws < _MAX_REDRAWS:
        tries = min(_MAX_REDRAWS - redraws, 1 + _REDRAWN_TOGETHER // refused.size)
        redraws += tries
        which = np.repeat(refused, tries)
        new = _Placed(one_hot[:, which], *_place(one_hot[:, which], angles[:, which], rng))
        old = _Placed(*(values[:, which] for values in first))
        passed = ~_hides_too_much(old, new).reshape(refused.size, tries)
        done = passed.any(axis=1)
        taken = (np.arange(refused.size) * tries + passed.argmax(axis=1))[done]
        matrix[:, refused[done]] = new.matrix[:, taken]
        center[:, refused[done]] = new.center[:, taken]
        refused = refused[~done]
    kept = np.ones(one_hot.shape[1], bool)
    kept[refused] = False
    return kept, matrix, center


def _hides_too_much(old: _Placed, new: _Placed) -> NDArray[np.bool_]:
    """The original generator's estimate of the overlap against its limit of one half."""
    step = new.center - old.center
    distance = np.sqrt(step[0] ** 2 + step[1] ** 2)
    x, y = step / distance
    reach = old.reach(x, y) + new.reach(-x, -y)
    overlap = 1 - np.exp2((distance - reach) / distance)
    return (reach >= distance) & (new.area() * overlap > _MAX_SHARE * old.area())
