"""What *Scrub the escape* puts on a page is the record, thinned and in half precision."""

from __future__ import annotations

import json

import numpy as np
import pytest

from glorot.experiments import reproduce
from glorot.experiments.saturation import curves
from glorot.explorables.scrub_the_escape import POINTS, ScrubTheEscape, telling_points
from glorot.results import Record


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> Record:
    folder = tmp_path_factory.mktemp("records")
    return reproduce("saturation", "smoke", directory=folder, checkpoint_directory=folder)


@pytest.fixture(scope="module")
def widget(record) -> ScrubTheEscape:
    return ScrubTheEscape(record)


def arrays(widget: ScrubTheEscape) -> list[np.ndarray]:
    """The packed series of each run, as the page unpacks them."""
    numbers, rows = np.frombuffer(widget.series, dtype=np.float16), 2 * widget.layers + 4
    sizes = [len(run["updates"]) * rows * len(widget.seeds) for run in widget.runs]
    parts = np.split(numbers, np.cumsum(sizes))
    assert parts.pop().size == 0
    return [p.reshape(len(widget.seeds), rows, -1) for p in parts]


def test_the_page_holds_every_network_of_the_record(record, widget):
    shown = {(run["variant"], run["rate"]) for run in widget.runs}
    assert shown == {(r["group"], r["learning_rate"]) for r in record.results["runs"]}


def test_what_the_page_shows_is_what_was_measured(record, widget):
    for run, packed in zip(widget.runs, arrays(widget), strict=True):
        for seed, rows in zip(widget.seeds, packed, strict=True):
            one = curves(record, run["variant"], run["rate"], seed)
            at = np.searchsorted(one.updates, run["updates"])
            assert one.updates[at].tolist() == run["updates"]
            np.testing.assert_allclose(rows[3], one.activation_mean[at, 3], rtol=2**-11)
            np.testing.assert_allclose(rows[7], one.activation_std[at, 3], rtol=2**-11)
            np.testing.assert_allclose(rows[8], one.valid_error[at], rtol=2**-11)
            np.testing.assert_allclose(rows[9], one.bias_norm[at], rtol=2**-11, atol=2**-25)
            # nine classes: the norm of a vector is √9 times the root mean square of its entries
            np.testing.assert_allclose(rows[11], 3 * one.signal[at], rtol=2**-11, atol=2**-25)


def test_the_state_stays_small(widget):
    plain = {key: value for key, value in widget.get_state().items() if key[0] != "_"}
    series = plain.pop("series")
    described = len(json.dumps(plain))
    rows = 2 * widget.layers + 4
    per_run = POINTS * rows * 3 * 2  # three seeds, two bytes
    assert len(series) <= per_run * len(widget.runs)
    assert 10 * per_run + described <= 60_000  # as large as the record of scale laptop gets


def test_thinned_curves_keep_first_last_and_every_corner():
    updates = np.unique(np.geomspace(1, 1e5, 400).astype(int))
    values = np.stack(
        [
            np.interp(np.log10(updates), [0, 3, 3.1, 5], [0.5, 0.5, 0.1, 0.1]),
            1 / (1 + np.exp(8 * (np.log10(updates) - 4))),
        ]
    )
    kept = telling_points(updates, values, 60)
    assert len(kept) == 60
    assert kept[0] == 0
    assert kept[-1] == len(updates) - 1
    time = np.log10(updates)
    drawn = np.array([np.interp(time, time[kept], row[kept]) for row in values])
    assert np.abs(drawn - values).max() < 0.004
    even = np.linspace(0, len(updates) - 1, 60).astype(int)  # the negative control
    plain = np.array([np.interp(time, time[even], row[even]) for row in values])
    assert np.abs(plain - values).max() > 0.01


def test_a_record_without_escapes_is_asked_about_honestly(widget):
    assert widget.asked == {
        "known": 1.0,
        "known_range": None,
        "rate": 0.3,
        "range": None,
        "escaped": 0,
        "networks": 2,
    }


def test_the_still_says_what_it_shows(widget):
    alt = widget.still().alt
    assert "at rate 1 the top layer's mean falls from" in alt
    assert "stays at an error of" in alt
    assert len(widget.cases()) >= 20
