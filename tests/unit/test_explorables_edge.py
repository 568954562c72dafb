"""The circle and the trainability map, in Python: what they hold, say and draw when nobody can touch them."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import math

import numpy as np
import pytest

from glorot import theory
from glorot.activations import ACTIVATIONS
from glorot.experiments import reproduce
from glorot.explorables import circle_through_layers as circle
from glorot.explorables import trainability_map as trainability
from glorot.explorables.circle_through_layers import CircleThroughLayers
from glorot.explorables.trainability_map import TrainabilityMap
from glorot.results import Record, load_record, records


def weight_of(widget) -> int:
    """Bytes of a widget's module and numbers, gzipped."""
    held = {k: v for k, v in widget.get_state().items() if not k.startswith("_")}
    return len(gzip.compress((widget._esm + json.dumps(held, default=repr)).encode()))


# A circle through fifty layers


def test_the_circles_net_is_one_of_independent_normal_weights():
    noise = circle._noise(5)
    assert noise.size == circle.NOISE
    assert abs(noise.mean()) < 4 / math.sqrt(noise.size)
    assert abs(noise.var() - 1) < 4 * math.sqrt(2 / noise.size)


@pytest.mark.parametrize(("kind", "sigma_w"), [("tanh", 1.0), ("tanh", 2.5), ("relu", 1.4)])
def test_nets_of_many_seeds_scatter_around_the_prediction(kind, sigma_w):
    found = np.array([circle.run(kind, sigma_w, seed, 10)[1] for seed in range(12)])
    _, far, near = circle.predictions(kind)[circle.SIGMAS.index(sigma_w)]
    error = found.std(0, ddof=1) / math.sqrt(len(found))
    room = 4 * error + 3 / circle.WIDTH  # finite width
    for k, predicted in enumerate((far, near)):
        assert (np.abs(found.mean(0)[:, k] - predicted[:10]) < room[:, k]).all()
    wrong = circle.predictions(kind)[circle.SIGMAS.index(2.5 if sigma_w == 1.0 else 1.0)]
    if kind == "tanh":
        assert (np.abs(found.mean(0)[:, 0] - wrong[1][:10]) > room[:, 0]).any()


def test_the_circle_collapses_survives_and_crumples_in_this_order():
    fates = [circle.fate(p[1][-1], p[2][-1]) for p in circle.predictions("tanh")]
    assert list(dict.fromkeys(fates)) == ["collapses", "survives", "crumples"]
    assert {circle.fate(p[1][-1], p[2][-1]) for p in circle.predictions("relu")} == {"collapses"}
    survivors = [s for s, f in zip(circle.SIGMAS, fates, strict=True) if f == "survives"]
    around = (survivors[0] - 0.1, survivors[-1] + 0.1)
    chi = [theory.chi_at_fixed_point("tanh", s**2, 0.09) for s in around]
    assert chi[0] < 1 < chi[1]  # the edge of chaos lies among the survivors


def test_the_circles_still_tells_three_fates():
    alt = CircleThroughLayers().still().alt
    assert "σ_w = 1 it collapses" in alt and "σ_w = 2.6 it crumples" in alt


def test_the_circle_has_cases_enough_and_is_light():
    widget = CircleThroughLayers()
    assert len(widget.cases()) >= 20
    assert weight_of(widget) < 60_000


# Trainability map


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Record:
    folder = tmp_path_factory.mktemp("map")
    return reproduce("trainability", "smoke", directory=folder, checkpoint_directory=folder / "s")


def test_bytes_keep_a_loss_within_its_promise():
    losses = np.geomspace(0.01, 1000, 500)
    back = np.array([trainability.loss_of(code) for code in trainability.pack(losses)])
    assert np.abs(back / losses - 1).max() < 0.023
    assert trainability.loss_of(trainability.pack(np.array([np.inf]))[0]) > 1e100
    assert trainability.pack(np.array([0.0]))[0] == 0


def test_the_border_is_the_last_rate_that_trains_without_a_gap():
    assert trainability.border([2.3, 1.0, 0.5, 1.9, 2.2, 0.4 + 0.2], 2.3) == 3
    assert trainability.border([2.3, 2.4], 2.3) == -1


def test_the_map_holds_what_the_record_holds(smoke):
    widget = TrainabilityMap(smoke)
    for grid in widget.grids:
        kept = smoke.arrays[f"{grid['name']}/train_loss"][:, 0].astype(float)
        codes = np.frombuffer(base64.b64decode(grid["losses"]), np.uint8).reshape(kept.shape)
        back = np.vectorize(trainability.loss_of)(codes)
        np.testing.assert_allclose(back, kept, rtol=0.023)
        for sigma_w, scale in zip(grid["sigmas"], grid["scales"], strict=True):
            expected = min(theory.depth_scale("tanh", sigma_w**2), 1e300)
            assert scale == pytest.approx(expected, rel=1e-3)
        assert all(len(values) == smoke.config["width"] for values in grid["singular"])


def test_another_record_is_refused(smoke):
    with pytest.raises(ValueError, match="trainability"):
        TrainabilityMap(dataclasses.replace(smoke, experiment="table1"))


def test_singular_values_tell_of_the_phase():
    orderly, chaotic = (trainability._singular_values("tanh", s, 32, 12) for s in (0.6, 3.0))
    assert max(orderly) < 0.1 < 10 < max(chaotic)
    phi = ACTIVATIONS["tanh"]
    assert phi.chi(0.36, 0.0) ** 12 < 1e-4


def test_the_maps_still_counts_inside_and_outside_the_depth_scale(smoke):
    assert "12 tanh networks of 3 hidden layers" in TrainabilityMap(smoke).still().alt
    assert len(TrainabilityMap(smoke).cases()) >= 20


@pytest.mark.skipif(("trainability", "laptop") not in records(), reason="no record yet")
def test_the_shipped_map_fits_its_page():
    widget = TrainabilityMap()
    assert weight_of(widget) < 300_000
    assert "9,216 tanh networks" in widget.still().alt
    assert load_record("trainability").config["depth"] == widget.depth
