"""Shapeset-3×2 follows its law: what is drawn, where, in which gray, and which pixels it takes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from glorot.datasets import scenes as geometry
from glorot.datasets import shapeset

# A right law fails a seeded test at this level once in a thousand choices of the seed; each
# negative control must fail it by far.
LEVEL = 1e-3
VERTICES = {0: 3, 1: 4, 2: 20}
# The share of its bounding circle's square that a regular n-gon of diameter 1 covers.
AREAS = {kind: n / 8 * np.sin(2 * np.pi / n) for kind, n in VERTICES.items()}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def scenes() -> shapeset.Scenes:
    return shapeset.sample_scenes(40_000, rng(1))


@pytest.fixture(scope="module")
def pixels(scenes):
    """Which pixels the first and the second shapes take, before one hides the other."""
    rows = geometry_rows(scenes)
    bits = (rows[..., None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    return bits.astype(bool)


def geometry_rows(scenes):
    return shapeset.shape_rows(scenes.kinds, scenes.matrices, scenes.centers)


def polygons(scenes, count):
    for image in range(count):
        for shape in range(2):
            if scenes.kinds[image, shape] >= 0:
                yield image, shape, scenes.polygon(image, shape)


def shoelace(points):
    x, y = points.T
    return 0.5 * abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def inside(points, shift=0.0):
    """The slow oracle: a center is inside if it lies on the same side of every edge (float64).

    Also returned: how far each center is from the nearest edge's line, in pixels.
    """
    x = np.arange(32) + 0.5 + shift
    grid = np.stack(np.meshgrid(x, x), axis=-1)  # [row, column] -> (x, y)
    edges = np.roll(points, -1, axis=0) - points
    offsets = grid[:, :, None, :] - points
    side = edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0]
    side /= np.linalg.norm(edges, axis=1)
    same = (side > 0).all(axis=-1) | (side < 0).all(axis=-1)
    return same, np.abs(side).min(axis=-1)


# ------------------------------------------------------------------------------------- classes


def p_value_of_priors(labels, priors):
    observed = np.bincount(labels, minlength=9)
    return stats.chisquare(observed, np.array(priors) * len(labels)).pvalue


def test_the_nine_classes_have_the_priors_of_the_original():
    labels = shapeset.sample_scenes(40_000, rng(2)).labels
    assert p_value_of_priors(labels, shapeset.CLASS_PRIORS) > LEVEL
    assert p_value_of_priors(labels, [1 / 9] * 9) < 1e-12
    swapped = [1 / 6] * 3 + [1 / 18] * 3 + [1 / 9] * 3
    assert p_value_of_priors(labels, swapped) < 1e-12
    assert sum(shapeset.CLASS_PRIORS) == pytest.approx(1, abs=1e-12)


def test_a_redrawn_shape_keeps_its_type(scenes, monkeypatch):
    seconds = scenes.kinds[scenes.kinds[:, 1] >= 0, 1]
    assert stats.chisquare(np.bincount(seconds)).pvalue > LEVEL
    # Negative control: with no redraws the refused are left out, and large ellipses go first.
    monkeypatch.setattr(geometry, "_MAX_REDRAWS", 0)
    kinds = shapeset.sample_scenes(40_000, rng(1)).kinds[:, 1]
    assert stats.chisquare(np.bincount(kinds[kinds >= 0])).pvalue < 1e-12


def test_a_label_counts_the_types_in_any_order(scenes):
    for name, label in zip(shapeset.CLASS_NAMES, range(9), strict=True):
        image = int(np.flatnonzero(scenes.labels == label)[0])
        present = [shapeset.SHAPE_NAMES[k] for k in scenes.kinds[image] if k >= 0]
        for shape in shapeset.SHAPE_NAMES:
            expected = 2 if name == f"two {shape}s" else int(shape in name.split(" + "))
            assert present.count(shape) == expected
    for first, second in itertools.product(range(3), repeat=2):
        match = (scenes.kinds == (first, second)).all(axis=1)
        mirror = (scenes.kinds == (second, first)).all(axis=1)
        assert set(scenes.labels[match]) == set(scenes.labels[mirror])


def test_after_fifty_redraws_there_is_no_second_shape(monkeypatch):
    asked = []

    def never(old, new):
        asked.append(new.center.shape[1])
        return np.ones(new.center.shape[1], bool)

    monkeypatch.setattr(geometry, "_hides_too_much", never)
    scenes = shapeset.sample_scenes(1000, rng())
    assert (scenes.kinds[:, 1] == -1).all()
    assert scenes.labels.max() <= 2
    assert sum(asked) == 51 * asked[0]  # the first draw and fifty more for every pair


# ------------------------------------------------------------------------------------ geometry


def test_shapes_are_affine_images_of_regular_polygons(scenes):
    for image, shape, points in polygons(scenes, 300):
        kind = int(scenes.kinds[image, shape])
        assert points.shape == (VERTICES[kind], 2)
        scales = np.linalg.svd(scenes.matrices[image, shape], compute_uv=False)
        assert shoelace(points) == pytest.approx(AREAS[kind] * scales.prod(), rel=1e-9)
        np.testing.assert_allclose(points.mean(axis=0), scenes.centers[image, shape], atol=1e-9)


def singles(scenes):
    return np.flatnonzero(scenes.kinds[:, 1] < 0)


def test_the_scales_are_the_larger_and_the_smaller_of_two_uniform_numbers(scenes):
    scales = np.linalg.svd(scenes.matrices[singles(scenes), 0], compute_uv=False) / 32
    larger, smaller = ((scales - 0.2) / 0.6).T
    assert stats.kstest(larger, lambda u: np.clip(u, 0, 1) ** 2).pvalue > LEVEL
    assert stats.kstest(smaller, lambda u: 1 - (1 - np.clip(u, 0, 1)) ** 2).pvalue > LEVEL
    assert stats.kstest(larger, "uniform").pvalue < 1e-12


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_the_lean_is_uniform_over_the_symmetry_sector(scenes, kind):
    which = singles(scenes)
    which = which[scenes.kinds[which, 0] == kind]
    left, _, _ = np.linalg.svd(scenes.matrices[which, 0])
    lean = np.arctan2(-left[:, 1, 0], left[:, 0, 0])  # of the wider axis, up to a half turn
    lean = (lean + np.pi / 2) % np.pi - np.pi / 2
    sector = np.pi / VERTICES[kind]
    assert np.abs(lean).max() <= sector + 1e-9
    assert stats.kstest(lean / sector, stats.uniform(-1, 2).cdf).pvalue > LEVEL
    assert stats.kstest(0.9 * lean / sector, stats.uniform(-1, 2).cdf).pvalue < 1e-12


def test_the_turn_is_uniform_over_the_circle(scenes):
    base = scenes.matrices[singles(scenes), 0]
    angle = np.arctan2(base[:, 0, 1], base[:, 0, 0]) / (2 * np.pi) + 0.5
    assert stats.kstest(angle, "uniform").pvalue > LEVEL
    assert stats.kstest(angle**1.1, "uniform").pvalue < 1e-12


def test_shapes_keep_one_pixel_from_the_frame_and_are_uniform_within(scenes):
    places = []
    for image, shape, points in polygons(scenes, 4000):
        low, high = points.min(axis=0), points.max(axis=0)
        assert low.min() >= 1 - 1e-9
        assert high.max() <= 31 + 1e-9
        if shape == 0:  # redraws bend the law of the second
            places.extend((low - 1) / (low - 1 + 31 - high))
        assert image < 4000
    assert stats.kstest(places, "uniform").pvalue > LEVEL
    assert stats.kstest(np.array(places) ** 1.1, "uniform").pvalue < 1e-6


def estimated_overlap(first, second):
    """The original's estimate, from vertices alone: the ratio of areas times 1 − 2^(−(p−d)/d)."""
    step = second.mean(axis=0) - first.mean(axis=0)
    d = np.linalg.norm(step)
    direction = step / d
    p = ((first - first.mean(axis=0)) @ direction).max()
    p += ((second - second.mean(axis=0)) @ -direction).max()
    return shoelace(second) / shoelace(first) * (1 - 2 ** (-(p - d) / d)) if p >= d else 0.0


def test_no_second_shape_is_over_the_limit_of_the_overlap_rule(scenes):
    pairs = np.flatnonzero(scenes.kinds[:, 1] >= 0)[:3000]
    firsts = [scenes.polygon(i, 0) for i in pairs]
    seconds = [scenes.polygon(i, 1) for i in pairs]
    overlaps = [estimated_overlap(a, b) for a, b in zip(firsts, seconds, strict=True)]
    assert max(overlaps) <= 0.5 + 1e-9
    assert max(overlaps) > 0.49  # the limit is used to the full
    strangers = [estimated_overlap(a, b) for a, b in zip(firsts, seconds[1:], strict=False)]
    assert np.mean(np.array(strangers) > 0.5) > 0.2  # without the rule many would be


# -------------------------------------------------------------------------------------- pixels


def test_a_pixel_belongs_to_a_shape_if_its_center_does(scenes, pixels):
    disagreements = checked = shifted = 0
    for image, shape, points in polygons(scenes, 1000):
        expected, distance = inside(points)
        clear = distance > 1e-3  # float32 rounds an edge by less than a thousandth of a pixel
        disagreements += ((pixels[image, shape] != expected) & clear).sum()
        shifted += (pixels[image, shape] != inside(points, shift=0.1)[0]).sum()
        checked += clear.sum()
    assert checked > 1_000_000
    assert disagreements == 0
    assert shifted > 1000  # a tenth of a pixel beside the center is noticed


def test_edges_along_the_rows_are_drawn():
    square = np.diag([16 * np.sqrt(2), 8 * np.sqrt(2)])  # a rectangle of 16 × 8 pixels
    scene = shapeset.Scenes(
        kinds=np.array([[1, -1]], np.int8),
        matrices=np.stack([square, np.zeros((2, 2))])[None],
        centers=np.array([[[16.2, 10.2], [0.0, 0.0]]]),
        grays=np.array([[1.0, 1.0]], np.float32),
        backgrounds=np.zeros(1, np.float32),
    )
    expected = np.zeros((32, 32), np.float32)
    expected[6:14, 8:24] = 1
    np.testing.assert_array_equal(shapeset.render(scene)[0], expected)


def test_an_image_has_two_or_three_grays_and_no_edges_between_them(scenes, pixels):
    images = shapeset.render(scenes)
    for image in range(500):
        first, second = pixels[image]
        values = np.full((32, 32), scenes.backgrounds[image])
        values[first] = scenes.grays[image, 0]
        values[second] = scenes.grays[image, 1]  # the second is drawn over the first
        np.testing.assert_array_equal(images[image], values)
        assert len(np.unique(values)) <= 3


def test_background_and_shapes_lie_on_opposite_sides_of_middle_gray(scenes):
    inverted = scenes.backgrounds > 0.5
    assert stats.binomtest(int(inverted.sum()), len(inverted)).pvalue > LEVEL
    background = np.where(inverted, 1 - scenes.backgrounds, scenes.backgrounds)
    shapes = np.where(inverted[:, None], 1 - scenes.grays, scenes.grays)
    assert stats.kstest(background / 0.45, "uniform").pvalue > LEVEL
    for shape in range(2):
        assert stats.kstest((shapes[:, shape] - 0.55) / 0.45, "uniform").pvalue > LEVEL
    assert stats.kstest(background / 0.5, "uniform").pvalue < 1e-12


def within(values, expected, rounding=0.0):
    """Four standard errors of the mean and half a unit of the published number's last digit."""
    error = np.std(values) / np.sqrt(len(values))
    return abs(np.mean(values) - expected) <= 4 * error + rounding


def test_the_foreground_covers_as_much_as_in_the_original(scenes, pixels):
    share = pixels.any(axis=1).mean(axis=(1, 2))
    single = scenes.kinds[:, 1] < 0
    assert within(share, 0.171, 5e-4)
    assert within(share[~single], 0.210, 5e-4)
    for kind, published in {0: 0.082, 1: 0.125, 2: 0.193}.items():
        values = share[single & (scenes.kinds[:, 0] == kind)]
        assert within(values, 0.25 * AREAS[kind])  # E[s_x s_y] = 1/4 of the image
        assert within(values, published, 5e-4)
        assert not within(values, 0.28 * AREAS[kind])  # scales in 0.2–0.86


def test_the_grays_have_the_published_mean_and_spread(scenes):
    images = shapeset.render(scenes)
    assert within(images.mean(axis=(1, 2)), 0.499, 5e-4)
    # E[(x − 1/2)²] does not depend on the geometry: 0.225² + …, the mean over a uniform 0.05–0.5
    second_moment = (0.5**3 - 0.05**3) / (3 * 0.45)
    assert images.std() == pytest.approx(np.sqrt(second_moment), abs=2e-3)
    assert images.std() == pytest.approx(0.304, abs=2e-3)


def test_as_much_of_the_first_shape_is_hidden_as_in_the_original(scenes, pixels):
    pairs = scenes.kinds[:, 1] >= 0
    first, second = pixels[pairs, 0], pixels[pairs, 1]
    hidden = (first & second).sum(axis=(1, 2)) / first.sum(axis=(1, 2))
    assert within(hidden, 0.10, 5e-3)
    assert within(hidden > 0.25, 0.15, 5e-3)
    assert within(hidden == 0, 0.39, 5e-3)
    assert np.mean(hidden > 0.5) < 1e-3
    # Redrawing by the true hidden share would be another task, with these numbers:
    assert not within(hidden, 0.156, 5e-3)
    assert not within(hidden == 0, 0.29, 5e-3)


# -------------------------------------------------------------------------------------- stream


def test_images_and_labels_have_the_promised_types():
    images, labels = shapeset.sample(7, rng())
    assert images.shape == (7, 32, 32)
    assert images.dtype == np.float32
    assert labels.shape == (7,)
    assert labels.dtype == np.int64
    assert images.min() >= 0
    assert images.max() <= 1
    assert shapeset.sample(0, rng())[0].shape == (0, 32, 32)
    assert len(shapeset.sample_scenes(0, rng())) == 0


def test_the_generator_decides_everything():
    one, two, other = (shapeset.sample(6000, rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert (one[0] != other[0]).any()


def test_sample_is_the_rendering_of_the_scenes():
    images, labels = shapeset.sample(5000, rng(5))
    scenes = shapeset.sample_scenes(5000, rng(5))
    np.testing.assert_array_equal(shapeset.render(scenes), images)
    np.testing.assert_array_equal(scenes.labels, labels)


def test_whole_chunks_begin_a_longer_sample():
    short, long = shapeset.sample(4096, rng(6)), shapeset.sample(5000, rng(6))
    np.testing.assert_array_equal(short[0], long[0][:4096])


def test_the_stream_is_the_sample_in_batches():
    batches = list(itertools.islice(shapeset.stream(1000, rng(7)), 6))
    assert all(images.shape == (1000, 32, 32) for images, _ in batches)
    one = rng(7)
    blocks = [shapeset.sample(4000, one), shapeset.sample(4000, one)]
    expected = np.concatenate([block[1] for block in blocks])[:6000]
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), expected)


def test_a_batch_may_be_larger_than_a_block():
    images, labels = next(shapeset.stream(5000, rng()))
    assert images.shape == (5000, 32, 32)
    assert labels.shape == (5000,)


@pytest.mark.parametrize("n", [-1, 1.5, "3", None, True])
def test_a_wrong_count_is_named(n):
    with pytest.raises(ValueError, match=f"n must be .* got {n!r}"):
        shapeset.sample(n, rng())
    with pytest.raises(ValueError, match=f"n must be .* got {n!r}"):
        shapeset.sample_scenes(n, rng())


@pytest.mark.parametrize("batch_size", [0, -1, 2.0])
def test_a_wrong_batch_size_is_named_before_the_first_batch(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be .* got {batch_size!r}"):
        shapeset.stream(batch_size, rng())


@pytest.mark.parametrize("wrong", [0, None, np.random.RandomState(0)])
def test_a_wrong_generator_is_named(wrong):
    for draw in (shapeset.sample, shapeset.sample_scenes, shapeset.stream):
        with pytest.raises(ValueError, match="rng must be a numpy"):
            draw(3, wrong)


def test_a_missing_second_shape_has_no_polygon(scenes):
    image = int(singles(scenes)[0])
    with pytest.raises(ValueError, match="shape must be one that image"):
        scenes.polygon(image, 1)
