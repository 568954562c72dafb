"""The coordinate check as an explorable, in Python: what it holds, says and draws when nobody can touch it."""

from __future__ import annotations

import dataclasses
import gzip
import json

import numpy as np
import pytest

from glorot import theory
from glorot.experiments import reproduce
from glorot.explorables import coordinate_check
from glorot.explorables.coordinate_check import CoordinateCheck
from glorot.results import Record, records

shipped = pytest.mark.skipif(
    ("coordinate-check", "laptop") not in records(), reason="no record yet"
)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Record:
    folder = tmp_path_factory.mktemp("check")
    return reproduce(
        "coordinate-check", "smoke", directory=folder, checkpoint_directory=folder / "s"
    )


def test_it_holds_what_the_record_holds(smoke):
    widget, config = CoordinateCheck(smoke), smoke.config
    for k, (optimizer, _) in enumerate(config["rates"]):
        for place, rule in enumerate(config["parametrizations"]):
            held = np.array(widget.change[optimizer][rule])  # seed, step, stage, width
            kept = smoke.arrays["change"][k, place, :, :, 1:]
            np.testing.assert_allclose(held, np.transpose(kept, (1, 2, 3, 0)), rtol=1e-3)
            e = theory.update_exponents(rule, optimizer)
            assert widget.exponents[optimizer][rule] == [
                e["input"],
                e["hidden"],
                e["hidden"],
                e["output"],
            ]
    assert widget.widths == config["widths"] and len(widget.stages) == 4


def test_another_record_is_refused(smoke):
    with pytest.raises(ValueError, match="coordinate-check"):
        CoordinateCheck(dataclasses.replace(smoke, experiment="table1"))


def test_an_exponent_is_found_again():
    widths = [64, 128, 256, 512]
    assert coordinate_check.exponent(widths, [3 * n**0.7 for n in widths]) == pytest.approx(0.7)


def test_fates_follow_from_the_exponents():
    assert coordinate_check.fate(0.0, -0.1) == "stays"
    assert coordinate_check.fate(0.0, 0.5) == coordinate_check.fate(-0.5, 0.3) == "drifts"
    assert coordinate_check.fate(-0.5, 0.0) == "comes to rest"


def test_it_has_cases_enough(smoke):
    assert len(CoordinateCheck(smoke).cases()) >= 20


def test_its_still_tells_factors(smoke):
    alt = CoordinateCheck(smoke).still().alt
    assert "after 1 updates" in alt and "μP by Adam" in alt


@shipped
def test_the_shipped_check_fits_its_page_and_tells_three_fates():
    widget = CoordinateCheck()
    held = {k: v for k, v in widget.get_state().items() if not k.startswith("_")}
    size = len(gzip.compress((widget._esm + json.dumps(held, default=repr)).encode()))
    assert size < 60_000
    fates = {}
    for optimizer, by_rule in widget.change.items():
        for rule, seeds in by_rule.items():
            first = np.log(np.array(seeds)[:, 0]).mean(axis=0)  # stage, width
            e = [np.polyfit(np.log(widget.widths), first[k], 1)[0] for k in (-2, -1)]
            fates[optimizer, rule] = coordinate_check.fate(*e)
    assert fates["sgd", "ntk"] == "comes to rest"
    assert fates["sgd", "mup"] == fates["adam", "mup"] == "stays"
    assert fates["sgd", "standard"] == fates["adam", "standard"] == fates["adam", "ntk"] == "drifts"
