"""The paper's Figures 3, 4 and 6 to 10: what is measured, and that verdicts follow from it."""

import copy
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy import optimize, stats

from glorot.ensemble import Ensemble, EnsembleConfig
from glorot.experiments import EXPERIMENTS
from glorot.experiments.activations import mode_of_size, saturation_level
from glorot.experiments.frame import run_experiment
from glorot.experiments.gradients import spread
from glorot.experiments.layers import jointly, lower, model_named, same, time_mean
from glorot.experiments.training import BatchOrder
from glorot.results import load_record, records

MODELS = {
    "softsign": ("softsign", "heuristic_uniform"),
    "softsign_n": ("softsign", "glorot_uniform"),
    "tanh": ("tanh", "heuristic_uniform"),
    "tanh_n": ("tanh", "glorot_uniform"),
}
NAMES = ("activations", "gradients")
SCALES = [(name, "smoke") for name in NAMES] + [r for r in records() if r[0] in NAMES]


def run(name, folder, executor=None):
    return run_experiment(
        EXPERIMENTS[name],
        "smoke",
        seeds=3,
        directory=folder / "records",
        checkpoint_directory=folder / "state",
        executor=executor,
    )


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return {name: run(name, tmp_path_factory.mktemp(name)) for name in NAMES}


@pytest.fixture(params=SCALES, ids="-".join)
def record(request, smoke):
    name, scale = request.param
    return smoke[name] if scale == "smoke" else load_record(name, scale)


def of(name, smoke):
    return smoke[name], EXPERIMENTS[name].config("smoke", 3)


# ---- an oracle in float64, example by example


ACTIVATION = {"tanh": np.tanh, "softsign": lambda z: z / (1 + abs(z))}
SLOPE = {"tanh": lambda z: 1 / np.cosh(z) ** 2, "softsign": lambda z: 1 / (1 + abs(z)) ** 2}


class Net:
    """One network with its weights as plain arrays."""

    def __init__(self, model, seed, hidden):
        self.name, scheme = MODELS[model]
        self.f, self.slope = ACTIVATION[self.name], SLOPE[self.name]
        drawn = Ensemble([EnsembleConfig(scheme, self.name, 1.0, seed)], (1024, *hidden, 9))
        self.weights = [w[0].numpy().astype(float) for w in drawn.weights]
        self.biases = [np.zeros(w.shape[1]) for w in self.weights]

    def preacts(self, x):
        found, h = [], x.astype(float)
        for w, b in zip(self.weights, self.biases, strict=True):
            found.append(h @ w + b)
            h = self.f(found[-1])
        return found

    def hidden(self, x):
        return [self.f(z) for z in self.preacts(x)[:-1]]

    def gradients(self, x, label):
        """One example's ∂loss/∂z and ∂loss/∂W by layer."""
        z = self.preacts(x[None])
        p = np.exp(z[-1][0] - z[-1].max())
        deltas = [p / p.sum() - np.eye(9)[label]]
        for w, below in zip(self.weights[:0:-1], z[-2::-1], strict=True):
            deltas.insert(0, w @ deltas[0] * self.slope(below[0]))
        received = [x, *(self.f(below[0]) for below in z[:-1])]
        return deltas, [np.outer(h, d) for h, d in zip(received, deltas, strict=True)]

    def step(self, x, labels, rate):
        found = [self.gradients(image, label) for image, label in zip(x, labels, strict=True)]
        for layer in range(len(self.weights)):
            self.weights[layer] -= rate * np.mean([grads[layer] for _, grads in found], axis=0)
            self.biases[layer] -= rate * np.mean([deltas[layer] for deltas, _ in found], axis=0)


# ---- what activations measures


def statistics(layers):
    pooled = [layer.ravel() for layer in layers]
    return {
        "activation_mean": [sum(a) / len(a) for a in pooled],
        "activation_std": [(sum((a - sum(a) / len(a)) ** 2) / len(a)) ** 0.5 for a in pooled],
        "percentile_98": [float(np.quantile(a, 0.98)) for a in pooled],
    }


@pytest.mark.parametrize("model", MODELS)
def test_activations_under_way_and_at_the_end_are_those_of_a_net_trained_by_hand(model, smoke):
    found, config = of("activations", smoke)
    data, net = config.source.load(), Net(model, 1, config.hidden)
    order = BatchOrder([1], len(data.train.labels), config.batch)
    probe = data.test.images[: config.probe_examples]
    seen = {0: statistics(net.hidden(probe))}
    for update in range(config.updates):
        (batch,) = order.indices(update)
        net.step(data.train.images[batch], data.train.labels[batch], config.learning_rate)
    seen[config.updates] = statistics(net.hidden(probe))
    for update, expected in seen.items():
        time = found.arrays["updates"].tolist().index(update)
        for name, values in expected.items():
            series = found.arrays[f"{model}/{name}"]
            assert series[time, 1] == pytest.approx(values, abs=2e-4), name
            assert series[time, 0] != pytest.approx(values, abs=2e-4)  # another seed
    ends = net.hidden(probe)
    level = saturation_level(net.name, config.slope_share)
    for layer, h in enumerate(ends):
        counts, _ = np.histogram(h, 40, (-1, 1))
        density = found.arrays[f"{model}/density"][1, layer]
        # a float32 next to a border may fall into the bin beside
        assert abs(density - counts / h.size * 20).sum() / 20 < 0.002
        assert density.sum() / 20 == pytest.approx(1)
        share = found.arrays[f"{model}/saturated_share"][1, layer]
        assert share == pytest.approx((abs(h) >= level).mean(), abs=0.001)


@pytest.mark.parametrize("activation", ["tanh", "softsign"])
@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_the_slope_has_fallen_to_its_share_at_the_level_and_not_beside_it(activation, share):
    z = optimize.brentq(lambda z: SLOPE[activation](z) - share, 0, 100)
    level = saturation_level(activation, share)
    assert level == pytest.approx(ACTIVATION[activation](z), rel=1e-9)
    assert saturation_level(activation, 1.2 * share) < level


def test_the_mode_of_size_adds_up_both_signs():
    h = np.array([-0.77] * 3 + [0.77] * 3 + [0.12] * 5)
    density, edges = np.histogram(h, 40, (-1, 1))
    assert mode_of_size(density) == pytest.approx(0.775)
    assert edges[density.argmax()] == pytest.approx(0.1)  # the highest bin itself is another


def test_the_mean_over_a_run_does_not_depend_on_where_it_was_logged():
    dense = np.arange(0, 101)
    logged = np.array([0, 1, 2, 5, 10, 30, 60, 100])
    values = np.where(dense < 10, dense, 10.0)
    assert time_mean(logged, values[logged]) == pytest.approx(time_mean(dense, values))
    assert values[logged].mean() != pytest.approx(time_mean(dense, values), rel=0.1)


# ---- what gradients measures


@pytest.fixture(scope="module")
def by_hand(smoke):
    """For every model and seed 2: what the oracle finds before training."""
    _, config = of("gradients", smoke)
    test = config.source.load().test
    images = test.images[: config.probe_examples].astype(float)
    labels = test.labels[: config.probe_examples]
    found = {}
    for model in MODELS:
        net = Net(model, 2, config.hidden)
        pairs = [net.gradients(x, y) for x, y in zip(images, labels, strict=True)]
        deltas = [np.array([d[layer] for d, _ in pairs]) for layer in range(5)]
        examples = [np.array([g[layer] for _, g in pairs]) for layer in range(5)]
        found[model] = net, images, deltas, examples
    return found


@pytest.mark.parametrize("model", MODELS)
def test_standard_deviations_are_those_of_gradients_formed_one_example_at_a_time(
    model, smoke, by_hand
):
    found, config = of("gradients", smoke)
    net, images, deltas, examples = by_hand[model]
    batches = [g.reshape(-1, config.batch, *g.shape[1:]).mean(axis=1) for g in examples]
    expected = {
        "activation_std": [h.std() for h in net.hidden(images)],
        "gradient_std": [delta.std() for delta in deltas],
        "weight_gradient_std": [g.std() for g in batches],
    }
    for name, values in expected.items():
        measured = found.arrays[f"initial/{model}/{name}"]
        assert measured[2] == pytest.approx(values, rel=1e-4), name
        assert measured[1] != pytest.approx(values, rel=1e-3)
    measured = found.arrays[f"initial/{model}/weight_gradient_std"][2]
    for wrong in ([g.std() for g in examples], [g.mean(axis=0).std() for g in examples]):
        assert measured != pytest.approx(wrong, rel=0.02)  # single examples; all in one batch


@pytest.mark.parametrize("model", MODELS)
def test_histograms_hold_the_gradients_in_units_of_the_top_layers_spread(model, smoke, by_hand):
    found, config = of("gradients", smoke)
    net, images, deltas, examples = by_hand[model]
    batches = [g.reshape(-1, config.batch, *g.shape[1:]).mean(axis=1) for g in examples]
    cases = {
        "activation_density": (net.hidden(images), 1.0, 1.0),
        "gradient_density": (deltas, deltas[-1].std(), config.reach),
        "weight_gradient_density": (
            [g[: config.histogram_batches] for g in batches],
            batches[-1].std(),
            config.reach,
        ),
    }
    for name, (layers, unit, reach) in cases.items():
        measured = found.arrays[f"initial/{model}/{name}"][2]
        width = 2 * reach / config.bins
        for density, values in zip(measured, layers, strict=True):
            counts, _ = np.histogram(values / unit, config.bins, (-reach, reach))
            assert abs(density * width - counts / values.size).sum() < 0.005, name
            other, _ = np.histogram(1.3 * values / unit, config.bins, (-reach, reach))
            assert abs(density * width - other / values.size).sum() > 0.02


@pytest.mark.parametrize("model", MODELS)
def test_singular_values_are_those_of_jacobians_by_finite_differences(model, smoke, by_hand):
    found, config = of("gradients", smoke)
    net, images, _, _ = by_hand[model]
    exchanged = []
    for layer in range(1, 5):
        means, wrong = [], []
        for image in images[: config.jacobian_examples]:
            z = net.preacts(image[None])
            h, step = net.f(z[layer - 1][0]), 1e-5
            jacobian = np.array(
                [
                    (
                        net.f((h + step * e) @ net.weights[layer])
                        - net.f((h - step * e) @ net.weights[layer])
                    )
                    / (2 * step)
                    for e in np.eye(len(h))
                ]
            )
            s = np.linalg.svd(jacobian, compute_uv=False)
            means.append((s.mean(), (s**2).mean()))
            slopes = net.slope(z[layer][0])
            swapped = net.weights[layer] * slopes[:, None]  # of the other side's units
            wrong.append(np.linalg.svd(swapped, compute_uv=False).mean())
        arrays = {n: found.arrays[f"initial/{model}/{n}"][2, layer - 1] for n in SINGULAR}
        assert arrays["jacobian_mean"] == pytest.approx(np.mean(means, axis=0)[0], rel=1e-4)
        assert arrays["jacobian_square"] == pytest.approx(np.mean(means, axis=0)[1], rel=1e-4)
        s = np.linalg.svd(net.weights[layer], compute_uv=False)
        assert arrays["weight_mean"] == pytest.approx(s.mean(), rel=1e-4)
        assert arrays["weight_square"] == pytest.approx((s**2).mean(), rel=1e-4)
        exchanged.append(np.mean(wrong) / arrays["jacobian_mean"])
        assert arrays["jacobian_mean"] < arrays["weight_mean"]  # no slope exceeds 1
    assert exchanged != pytest.approx([1.0] * 4, rel=1e-4)


SINGULAR = ("weight_mean", "weight_square", "jacobian_mean", "jacobian_square")


@pytest.mark.parametrize("model", ["tanh", "tanh_n"])
def test_weight_gradients_during_training_are_those_of_a_net_trained_by_hand(model, smoke):
    found, config = of("gradients", smoke)
    data, net = config.source.load(), Net(model, 0, config.trained_hidden)
    order = BatchOrder([0], len(data.train.labels), config.batch)
    for update in range(config.updates):
        (batch,) = order.indices(update)
        net.step(data.train.images[batch], data.train.labels[batch], config.learning_rate)
    probe = slice(config.probe_examples)
    images, labels = data.test.images[probe], data.test.labels[probe]
    pairs = [net.gradients(x, y)[1] for x, y in zip(images.astype(float), labels, strict=True)]
    for layer in range(5):
        examples = np.array([grads[layer] for grads in pairs])
        batches = examples.reshape(-1, config.batch, *examples.shape[1:]).mean(axis=1)
        series = found.arrays[f"training/{model}/weight_gradient_std"][:, 0, layer]
        assert series[-1] == pytest.approx(batches.std(), rel=5e-3)
        assert series[0] != pytest.approx(batches.std(), rel=5e-2)


def test_the_spread_is_that_of_the_layers_farthest_apart():
    stds = np.array([[0.1, 0.3, 0.2], [1.0, 1.0, 1.0]])
    assert np.exp(spread(stds)) == pytest.approx([3.0, 1.0])
    assert spread(7 * stds) == pytest.approx(spread(stds))


# ---- verdicts


def word_of(row):
    """The word by scipy's tests."""
    ours, other = np.array(row["ours"]), np.array(row["other"])
    differences = ours - other
    if np.ptp(differences) <= 1e-12 * abs(differences).max():  # no noise to measure by
        difference = differences[0]
        if row["kind"] == "same":
            return "held" if abs(difference) < row["margin"] else "reversed"
        return "held" if difference < 0 else "reversed" if difference > 0 else "unresolved"
    if row["kind"] == "lower":
        test = stats.ttest_rel(ours, other)
        return (
            ("held" if test.statistic < 0 else "reversed") if test.pvalue < 0.005 else "unresolved"
        )
    p = max(
        stats.ttest_1samp(differences, -row["margin"], alternative="greater").pvalue,
        stats.ttest_1samp(differences, row["margin"], alternative="less").pvalue,
    )
    return "held" if p < 0.005 else "reversed" if p > 0.995 else "unresolved"


def test_every_verdict_follows_from_its_values_by_seed(record):
    rows = record.results["verdicts"]
    by_claim = {row["claim"]: row for row in rows}
    assert len(by_claim) == len(rows)
    for row in rows:
        if row["kind"] == "joint":
            words = {by_claim[part]["word"] for part in row["parts"]}
            assert (row["word"] == "held") == (words == {"held"})
            assert (row["word"] == "reversed") == ("reversed" in words)
        else:
            assert len(row["ours"]) == len(record.config["seeds"])
            assert row["word"] == row["verdict"]["word"] == word_of(row)


def values_of_activations(config, arrays):
    """(ours, other) of every claim, from the arrays, in the record's order."""
    updates = arrays["updates"]
    seeds = range(len(config["seeds"]))

    def high(model):
        return arrays[f"{model}/percentile_98"]  # (T, S, layers)

    def reached(model):
        level = 0.6837722 if model.startswith("softsign") else 0.9486833
        times = np.full((len(seeds), 5), float(config["updates"]))
        for s in seeds:
            for layer in range(5):
                for update, value in zip(updates[::-1], high(model)[::-1, s, layer], strict=True):
                    if value < level:
                        break
                    times[s, layer] = update
        return times

    def mean(values):
        steps = np.diff(updates)[:, None]
        return (steps * (values[1:] + values[:-1]) / 2).sum(axis=0) / steps.sum()

    def apart(model):
        return mean(high(model).max(axis=2) - high(model).min(axis=2))

    def in_proportion(model):
        return mean(np.log(high(model).max(axis=2)) - np.log(high(model).min(axis=2)))

    def tau(model):
        pairs = [np.sign(b - a) for a, b in combinations(reached(model).T, 2)]
        return sum(pairs) / len(pairs)

    def upward(model):
        logs = np.log10(np.maximum(reached(model), 1))
        return [*pairwise(logs.T), None]

    def mode(model, layer):
        density = arrays[f"{model}/density"][:, layer]
        size = density[:, 20:] + density[:, 19::-1]
        return 0.05 * size.argmax(axis=1) + 0.025

    rows = upward("tanh")
    rows += [(apart("softsign"), apart("tanh")), (in_proportion("softsign"), in_proportion("tanh"))]
    rows += [(tau("tanh_n"), tau("tanh")), (apart("tanh_n"), apart("tanh"))]
    rows += upward("tanh_n")
    for layer in (0, 1):
        shares = [arrays[f"{m}/saturated_share"][:, layer] for m in ("softsign", "tanh")]
        rows.append((mode("softsign", layer), [0.7] * len(seeds)))
        rows.append(([0.9] * len(seeds), mode("tanh", layer)))
        rows.append(shares)
    for model in ("tanh", "tanh_n"):
        shares = arrays[f"{model}/saturated_share"].T
        rows += [(above, below) for below, above in pairwise(shares)] + [None]
    return rows


def values_of_gradients(config, arrays):
    """(ours, other) of every claim, from the arrays, in the record's order."""
    seeds, updates, rows = len(config["seeds"]), arrays["updates"], []

    def log(model, name):
        return np.log(arrays[f"initial/{model}/{name}"]).T  # (layers, S)

    for name, end in (("activation_std", 4), ("gradient_std", 0)):
        standard, n = log("tanh", name), log("tanh_n", name)
        rows.append((standard[end], standard[4 - end]))
        rows.append((standard[end] - standard[4 - end], n[end] - n[4 - end]))
        rows.append((n[end], n[4 - end]))
    for model in ("tanh", "tanh_n"):
        weights = log(model, "weight_gradient_std")
        rows += [(weights[layer], weights[4]) for layer in range(4)] + [None]
    for model, paper, variance in (("tanh", 0.5, 1 / 3), ("tanh_n", 0.8, 1.0)):
        stds = arrays[f"initial/{model}/activation_std"]
        mean = {n: arrays[f"initial/{model}/{n}"].mean(axis=1) for n in SINGULAR}
        rows.append((mean["jacobian_mean"], [paper] * seeds))
        rows.append((mean["weight_mean"], [8 / (3 * np.pi) * variance**0.5] * seeds))
        rows.append((mean["weight_square"], [variance] * seeds))
        rows.append((mean["jacobian_mean"], ((stds[:, 1:] / stds[:, :-1]) ** 2).mean(axis=1)))
    start, whole, late = {}, {}, {}
    for model in ("tanh", "tanh_n"):
        logs = np.log(arrays[f"training/{model}/weight_gradient_std"])
        apart = logs.max(axis=2) - logs.min(axis=2)
        middle = int(np.argmax(updates >= updates[-1] / 2))
        start[model] = apart[0]
        for means, begin in ((whole, 0), (late, middle)):
            steps = np.diff(updates[begin:])[:, None]
            sums = (apart[begin + 1 :] + apart[begin:-1]) / 2
            means[model] = (steps * sums).sum(axis=0) / steps.sum()
    rows.append((whole["tanh_n"], whole["tanh"]))
    rows.append((start["tanh"], late["tanh"]))
    rows.append((late["tanh_n"], start["tanh_n"]))
    return rows


VALUES = {"activations": values_of_activations, "gradients": values_of_gradients}


def mismatches(record, arrays):
    expected = VALUES[record.experiment](record.config, arrays)
    rows = record.results["verdicts"]
    assert len(rows) == len(expected)
    assert [row["kind"] == "joint" for row in rows] == [pair is None for pair in expected]
    return [
        row["claim"]
        for row, pair in zip(rows, expected, strict=True)
        if pair is not None
        and not all(
            np.allclose(row[side], values, rtol=1e-5, atol=1e-7)
            for side, values in zip(("ours", "other"), pair, strict=True)
        )
    ]


def test_the_values_of_every_claim_follow_from_the_arrays_of_the_record(record):
    assert mismatches(record, record.arrays) == []


def test_with_the_schemes_exchanged_they_would_not(record):
    exchanged = copy.copy(record.arrays)
    for key in record.arrays:
        if "tanh/" in key:
            other = key.replace("tanh/", "tanh_n/")
            exchanged[key], exchanged[other] = record.arrays[other], record.arrays[key]
    assert len(mismatches(record, exchanged)) > len(record.results["verdicts"]) / 2


def test_a_run_has_a_row_of_its_own_and_null_where_a_layer_never_saturates(smoke):
    found, config = of("activations", smoke)
    rows = found.results["runs"]
    assert [(r["model"], r["seed"]) for r in rows] == [(m, s) for m in MODELS for s in config.seeds]
    nulls = 0
    for row in rows:
        high = found.arrays[f"{row['model']}/percentile_98"][:, row["index"]]
        for layer, update in enumerate(row["saturated_update"]):
            never = high[-1, layer] < row["level"]  # it has to last
            assert (update is None) == never
            nulls += never
    assert 0 < nulls < 5 * len(rows)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["held", "held"], "held"),
        (["held", "unresolved"], "unresolved"),
        (["held", "reversed"], "reversed"),
        (["unresolved", "reversed"], "reversed"),
    ],
)
def test_a_joint_claim_needs_all_its_parts(words, expected):
    rows = [{"claim": str(n), "word": word} for n, word in enumerate(words)]
    assert jointly("8", "all", rows)["word"] == expected


def test_rows_carry_the_verdict_on_their_values():
    row = lower("3", "less", [0.1, 0.2, 0.3], [1.1, 1.2, 1.3])
    assert row["other"] == [1.1, 1.2, 1.3]
    assert row["word"] == "held"
    assert lower("3", "less", row["other"], row["ours"])["word"] == "reversed"
    assert lower("4", "less", [0.1, 0.2], 0.4)["other"] == [0.4, 0.4]
    near = same("8", "equal", [0.1, 0.2, 0.3], [0.11, 0.21, 0.31], 0.02)
    assert near["word"] == "held"
    assert same("8", "equal", near["ours"], near["other"], 0.005)["word"] == "reversed"


@pytest.mark.parametrize("name", NAMES)
def test_a_run_on_other_workers_leaves_the_record_of_a_serial_one(name, smoke, tmp_path):
    with ThreadPoolExecutor(2) as executor:
        there = run(name, tmp_path, executor)
    here = smoke[name].to_dict()
    assert {**there.to_dict(), "provenance": None} == {**here, "provenance": None}


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: saturation_level("relu", 0.1), "activation .* got 'relu'"),
        (lambda: saturation_level("tanh", 0.0), r"slope_share .* got 0.0"),
        (lambda: model_named("gelu"), "name .* got 'gelu'"),
        (lambda: EXPERIMENTS["activations"].config("smoke", 1), "at least 2, got 1"),
        (lambda: EXPERIMENTS["gradients"].config("smoke", 1), "at least 2, got 1"),
        (
            lambda: dataclasses.replace(
                EXPERIMENTS["gradients"].scales["smoke"], probe_examples=35
            ),
            "probe_examples .* multiple of 10, got 35",
        ),
        (
            lambda: dataclasses.replace(EXPERIMENTS["activations"].scales["smoke"], bins=41),
            "bins .* even .* got 41",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_its_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
