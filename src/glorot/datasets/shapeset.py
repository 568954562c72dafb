r"""Shapeset-3×2, the paper's endless data set: one or two shapes on a 32×32 gray image.

**The law.** An image bears one or two shapes with equal chance. A shape is a triangle, a
parallelogram or an ellipse (a polygon of 20 vertices) with equal chance. It starts as a regular
polygon in a circle of diameter 1, one edge horizontal, and is

1. turned by an angle θ uniform over its symmetry sector ±π/n, n the number of vertices;
2. scaled by two factors, each uniform in 0.2–0.8 of the image's side, the larger one, s_x,
   horizontally, the smaller one, s_y, vertically;
3. turned by −atan(s_y/s_x · tan θ), so that its base is horizontal again;
4. turned by a full random turn;
5. placed uniformly where its bounding box and one pixel around it lie inside the image.

With chance 1/2 the background's gray is uniform in 0–0.45 and the gray of each shape in 0.55–1,
else the other way round. The second shape is painted over the first. A pixel belongs to a shape if
its center does: there is no anti-aliasing.

**Overlap.** With d the distance of the two centers, p the sum of the shapes' reaches toward each
other and a the area of the regular n-gon over that of its circle, the scales and the position of
the second shape are drawn again while

.. math::

    p \ge d \quad\text{and}\quad
    \frac{(s_x s_y a)_2}{(s_x s_y a)_1} \left(1 - 2^{-(p-d)/d}\right) > \frac12 .

Its type and its angles stay. After 50 redraws it is left out.

**The drawing.** A convex polygon meets a row of pixels in one interval. Each edge bounds the row on
the right or on the left; the smallest and the largest bounds are the interval's ends, and the
interval is a run of ones in a 32-bit integer.

Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
networks", AISTATS 2010, section 2.1, and the generator that its authors published. The paper does
not state the range of its inputs; here it is [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from glorot.datasets.scenes import (
    SHAPE_NAMES,
    SIDE,
    TRIANGLE,
    VERTEX_COUNTS,
    Scenes,
    draw_scenes,
    unit_polygon,
)

__all__ = [
    "CLASS_NAMES",
    "CLASS_PRIORS",
    "SHAPE_NAMES",
    "SIDE",
    "Scenes",
    "render",
    "sample",
    "sample_scenes",
    "stream",
]

CLASS_NAMES = (
    "triangle",
    "parallelogram",
    "ellipse",
    "triangle + parallelogram",
    "parallelogram + ellipse",
    "triangle + ellipse",
    "two triangles",
    "two parallelograms",
    "two ellipses",
)
CLASS_PRIORS = (1 / 6, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9, 1 / 18, 1 / 18, 1 / 18)

# Scenes drawn together. It is part of what a seed means: another number draws other images.
_SCENE_CHUNK = 4096
_ROW_CHUNK = 1024  # scenes whose rows are found together; they fit the cache
_PAINT_CHUNK = 128  # images painted together, half a megabyte

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


def sample(n: int, rng: np.random.Generator) -> tuple[Images, Labels]:
    """Draw n labelled images of Shapeset-3×2 by the law in the module's docstring.

    Returns images, float32 of shape (n, 32, 32) with grays in [0, 1], and labels, int64 of shape
    (n,), indices into `CLASS_NAMES`. Raises ValueError if n is no whole number ≥ 0 or rng is no
    Generator. Used in the chapter `reproduction`.

    >>> images, labels = sample(500, np.random.default_rng(0))
    >>> images.shape, images.dtype.name, labels.shape, labels.dtype.name
    ((500, 32, 32), 'float32', (500,), 'int64')
    """
    _check(n, "n", rng)
    images = np.empty((n, SIDE, SIDE), np.float32)
    labels = np.empty(n, np.int64)
    for part in _parts(n, _SCENE_CHUNK):
        scenes = draw_scenes(part.stop - part.start, rng)
        labels[part] = scenes.labels
        _render_into(images[part], scenes)
    return images, labels


def sample_scenes(n: int, rng: np.random.Generator) -> Scenes:
    """Draw the scenes that `sample` would paint with the same generator.

    >>> scenes = sample_scenes(4, np.random.default_rng(0))
    >>> scenes.kinds.shape, scenes.polygon(image=0, shape=0).shape[1]
    ((4, 2), 2)
    """
    _check(n, "n", rng)
    parts = list(_parts(n, _SCENE_CHUNK)) or [slice(0, 0)]
    chunks = [draw_scenes(part.stop - part.start, rng) for part in parts]
    fields = Scenes.__dataclass_fields__
    return Scenes(*(np.concatenate([getattr(c, name) for c in chunks]) for name in fields))


def render(scenes: Scenes) -> Images:
    """Paint scenes: float32 of shape (n, 32, 32), `images[i, row, column]`.

    >>> render(sample_scenes(3, np.random.default_rng(0))).shape
    (3, 32, 32)
    """
    images = np.empty((len(scenes), SIDE, SIDE), np.float32)
    _render_into(images, scenes)
    return images


def stream(batch_size: int, rng: np.random.Generator) -> Iterator[tuple[Images, Labels]]:
    """Yield batches (images, labels) without end, as `sample` draws them.

    A batch of ten costs little, because it is cut from a block of some 4,000 images that is drawn
    at once. Shapes and errors are those of `sample`; batch_size must be positive.

    >>> images, labels = next(stream(10, np.random.default_rng(0)))
    >>> images.shape, labels.shape
    ((10, 32, 32), (10,))
    """
    _check(batch_size, "batch_size", rng)
    if batch_size == 0:
        raise ValueError(f"batch_size must be positive, got {batch_size!r}")
    return _batches(batch_size, rng)


def _batches(batch_size: int, rng: np.random.Generator) -> Iterator[tuple[Images, Labels]]:
    block = batch_size * max(1, _SCENE_CHUNK // batch_size)
    while True:
        images, labels = sample(block, rng)
        for part in _parts(block, batch_size):
            yield images[part], labels[part]


def _check(n: int, name: str, rng: np.random.Generator) -> None:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, got {n!r}")
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {rng!r}")


def _parts(n: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


# ---------------------------------------------------------------------------------------- pixels


def _render_into(images: Images, scenes: Scenes) -> None:
    for part in _parts(len(scenes), _ROW_CHUNK):
        rows = shape_rows(scenes.kinds[part], scenes.matrices[part], scenes.centers[part])
        backgrounds, grays = scenes.backgrounds[part], scenes.grays[part]
        for few in _parts(len(rows), _PAINT_CHUNK):
            _paint(images[part][few], rows[few], backgrounds[few], grays[few])


def _paint(images: Images, rows: NDArray[np.uint32], backgrounds: Images, grays: Images) -> None:
    images[...] = backgrounds[:, None, None]
    for shape in range(2):
        bits = np.ascontiguousarray(rows[:, shape]).astype("<u4", copy=False).view(np.uint8)
        mask = np.unpackbits(bits, bitorder="little").view(np.bool_).reshape(images.shape)
        np.copyto(images, grays[:, shape, None, None], where=mask)


def shape_rows(
    kinds: NDArray[np.int8], matrices: NDArray[np.float64], centers: NDArray[np.float64]
) -> NDArray[np.uint32]:
    """The pixels of n pairs of shapes as integers (n, 2, 32), one a row: bit j is column j.

    Arguments are those of `Scenes`. Where there is no shape, the rows are 0.
    """
    rows = np.zeros((*kinds.shape, SIDE), np.uint32)
    one = np.uint32(1)
    for kind in range(len(SHAPE_NAMES)):
        which = np.nonzero(kinds == kind)
        first, beyond = _row_ends(kind, matrices[which], centers[which])
        run = (one << np.maximum(first, beyond)) - (one << first)  # 1 << 32 is 0: unsigned
        rows[which] = run.T
    return rows


def _row_ends(
    kind: int, matrices: NDArray[np.float64], centers: NDArray[np.float64]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """First column inside and first column beyond, 0 … 32, of m shapes: (32, m) each.

    Edge k holds the shape to {p : a p_x + b p_y ≤ c}, p counted from the center, so that a row at
    height y ends at (c − b y)/a: on the right if a > 0, on the left if a < 0. The edges of
    parallelograms and ellipses come in opposite pairs, which share one line and its mirror image.
    """
    a, b, c = _edges(kind, matrices.astype(np.float32))
    slope, reach = -b / a, c / np.abs(a)
    right = np.where(a > 0, reach, np.inf) if kind == TRIANGLE else reach
    left = np.where(a < 0, -reach, -np.inf) if kind == TRIANGLE else -reach
    x, y = centers.T.astype(np.float32)
    heights = np.arange(SIDE, dtype=np.float32)[:, None] + 0.5 - y
    ends = np.empty((2, *heights.shape), np.float32)
    ends[0], ends[1] = -np.inf, np.inf
    line, bound = np.empty_like(ends)
    for k in range(len(slope)):
        np.multiply(slope[k], heights, out=line)
        np.maximum(ends[0], np.add(line, left[k], out=bound), out=ends[0])
        np.minimum(ends[1], np.add(line, right[k], out=bound), out=ends[1])
    ends += x + 0.5  # column j has its center at j + 0.5: round to the nearest
    np.clip(ends, 0, SIDE, out=ends)
    first, beyond = ends.astype(np.int32).view(np.uint32)
    return first, beyond


def _edges(kind: int, matrices: NDArray[np.float32]) -> tuple[Images, Images, Images]:
    """Normals (a, b) and distances c of the edges of m shapes, times the determinant: (k, m)."""
    normals_x, normals_y, apothem_squared = _UNIT_EDGES[kind]
    xx, xy, yx, yy = matrices.reshape(-1, 4).T
    a = normals_x * yy - normals_y * xy
    b = normals_y * xx - normals_x * yx
    a[np.abs(a) < 1e-6] = 1e-6  # an edge along the rows leaves all of a row inside, or nothing
    return a, b, apothem_squared * (xx * yy - xy * yx)


def _unit_edges(kind: int) -> tuple[Images, Images, np.float32]:
    """Midpoints x and y, (k, 1), of the regular polygon's edges, one of each opposite pair."""
    n = VERTEX_COUNTS[kind]
    vertices = unit_polygon(n)
    middles = (vertices + np.roll(vertices, -1, axis=0)) / 2
    x, y = middles[: n if kind == TRIANGLE else n // 2].astype(np.float32).T[..., None]
    return x, y, np.float32((0.5 * np.cos(np.pi / n)) ** 2)


_UNIT_EDGES = [_unit_edges(kind) for kind in range(len(SHAPE_NAMES))]
