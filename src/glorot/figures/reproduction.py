"""Figures of the chapter *Held, reversed, unresolved*: what the 2010 paper printed, and what we found.

The paper's numbers are hollow diamonds on a thin line, ours filled markers. A color is a scheme, the
paper's standard or the normalized one; a dash is an activation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from glorot.figures.parts import in_words, keep_apart
from glorot.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    SCHEME_COLORS,
    SCHEME_MARKERS,
    SHADE,
    BookFigure,
    book_style,
    depth_colors,
    new_figure,
)

__all__ = [
    "DATASET_WORDS",
    "MODEL_WORDS",
    "Measured",
    "Tried",
    "arms",
    "board",
    "curves",
    "gains",
    "layer_spread",
    "power",
    "samples",
    "table1",
]

DATASET_WORDS = {
    "shapeset": "Shapeset-3×2",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "small_imagenet": "Small-ImageNet",
}
MODEL_WORDS = {
    "softsign": "softsign",
    "softsign_n": "softsign N",
    "tanh": "tanh",
    "tanh_n": "tanh N",
    "sigmoid": "sigmoid",
}
_DASHES = {"tanh": "-", "softsign": (0, (5, 1.5)), "sigmoid": (0, (1.2, 1.2))}
_DATASET_DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), "-.")


@dataclass(frozen=True)
class Measured:
    """A cell of Table 1, in percent.

    Args:
        paper: the test error that the paper prints.
        seeds: ours, one for each seed.
        low: lower end of the interval of our mean.
        high: upper end.
    """

    paper: float
    seeds: tuple[float, ...]
    low: float
    high: float

    @property
    def mean(self) -> float:
        """Our mean over the seeds."""
        return float(np.mean(self.seeds))


@dataclass(frozen=True)
class Tried:
    """A comparison that was tried, as a point of the board of verdicts.

    Args:
        where: what it was tried on.
        reach: the mean difference in half-widths of its interval, positive where it favors the
            claim: beyond 1 the claim held, beyond −1 it is reversed.
        word: the verdict.
    """

    where: str
    reach: float
    word: str


def _scheme(model: str) -> str:
    return "glorot" if model.endswith("_n") else "heuristic"


def _look(model: str) -> dict[str, Any]:
    """Color and dash of a model's line."""
    activation = model.removesuffix("_n")
    return {"color": SCHEME_COLORS[_scheme(model)], "ls": _DASHES[activation]}


# ----------------------------------------------------------------------------------------- samples


def samples(pictures: Mapping[str, np.ndarray]) -> BookFigure:
    """Draw a row of sample pictures for each data set.

    Args:
        pictures: title of the row -> images, bytes of shape (count, height, width, channels).
    """
    with book_style():
        figure = new_figure(0.9 * len(pictures))
        axes = figure.subplots(len(pictures), 1, squeeze=False)[:, 0]
        for ax, (title, images) in zip(axes, pictures.items(), strict=True):
            _draw_pictures(ax, images)
            ax.set_title(title)
    shapes = "; ".join(
        f"{title}, {len(images)} pictures of {images.shape[1]} by {images.shape[2]} pixels"
        for title, images in pictures.items()
    )
    return BookFigure(figure, f"Sample pictures, a row for each data set. {shapes}.")


def _draw_pictures(ax: Axes, images: np.ndarray) -> None:
    """Pictures side by side, each 1 wide and 1 high."""
    for place, image in enumerate(images):
        shown = image if image.shape[-1] == 3 else image[..., 0]
        left = 1.07 * place
        ax.imshow(
            shown,
            cmap="gray",
            vmin=0,
            vmax=255,
            interpolation="none",
            extent=(left, left + 1, 0, 1),
        )
    ax.set(xlim=(0, 1.07 * len(images) - 0.07), ylim=(0, 1))
    ax.axis("off")


# ---------------------------------------------------------------------------------------- verdicts


def power(
    effects: np.ndarray,
    laws: Mapping[int, np.ndarray],
    tried: np.ndarray,
    shares: Mapping[int, np.ndarray],
) -> BookFigure:
    """Draw how often a paired test decides, against the true difference.

    Args:
        effects: true differences in standard deviations of one seed's difference, shape (N,).
        laws: number of seeds -> predicted share of decisions, shape (N,).
        tried: the differences that were simulated, shape (K,).
        shares: number of seeds -> measured share, shape (K,).
    """
    with book_style():
        figure = new_figure(2.9)
        ax = figure.subplots()
        _draw_power(ax, effects, laws, tried, shares)
        ax.axhline(50, color=FAINT, lw=0.8, zorder=0)
        ax.set(xlabel="true difference, in standard deviations of one seed's")
        ax.set(ylabel="decided, %", ylim=(-3, 114), xlim=(-0.05, effects[-1]))
        ax.set_yticks([0, 25, 50, 75, 100])
    parts = "; ".join(
        f"with {seeds} seeds at {np.interp(0.5, law, effects):.1f}" for seeds, law in laws.items()
    )
    return BookFigure(
        figure,
        "Share of comparisons that a paired test decides, against the true difference in standard "
        f"deviations of one seed's difference, from {effects[0]:g} to {effects[-1]:g}. Simulated points "
        f"lie on the predicted curves, which cross one half {parts}.",
    )


def _draw_power(
    ax: Axes,
    effects: np.ndarray,
    laws: Mapping[int, np.ndarray],
    tried: np.ndarray,
    shares: Mapping[int, np.ndarray],
) -> None:
    colors = depth_colors(len(laws))
    for (seeds, law), color, marker in zip(laws.items(), colors, "osD^", strict=False):
        ax.plot(effects, 100 * law, color=color, lw=0.9)
        ax.plot(tried, 100 * shares[seeds], marker, color=color)
        top = float(np.interp(0.95, law, effects))
        ax.text(top, 105, f"{seeds} seeds", ha="center", color=color)


# ----------------------------------------------------------------------------------------- Table 1


def table1(cells: Mapping[str, Mapping[str, Measured]]) -> BookFigure:
    """Draw Table 1: a panel for each data set, a row for each model, the paper's value beside ours.

    Args:
        cells: data set -> model -> cell.
    """
    models = list(next(iter(cells.values())))
    with book_style():
        figure = new_figure(5.4)
        axes = figure.subplots(2, -(-len(cells) // 2), sharey=True, squeeze=False)
        for ax, (dataset, column) in zip(axes.flat, cells.items(), strict=True):
            _draw_column(ax, column)
            ax.set_title(DATASET_WORDS[dataset])
        for ax in axes[-1]:
            ax.set_xlabel("test error, %")
        places = range(len(models))
        axes[0, 0].set_yticks(places, [MODEL_WORDS[model] for model in models])
        axes[0, 0].set_ylim(len(models) - 0.5, -0.6)
        for row in axes:
            for label, model in zip(row[0].get_yticklabels(), models, strict=True):
                label.set_color(SCHEME_COLORS[_scheme(model)])
        figure.legend(handles=_table1_legend(), loc="outside upper left", ncols=3, handlelength=1.2)
    return BookFigure(figure, _table1_words(cells))


def _draw_column(ax: Axes, column: Mapping[str, Measured]) -> None:
    places = list(range(len(column)))
    low, high = _reasonable(column)
    ours = [cell.mean if cell.mean <= high else np.nan for cell in column.values()]
    ax.plot([cell.paper for cell in column.values()], places, color=MUTED, lw=0.8, zorder=1)
    ax.plot(ours, places, color=FAINT, lw=2.5, zorder=0)
    for place, (model, cell) in enumerate(column.items()):
        color = SCHEME_COLORS[_scheme(model)]
        ax.axhline(place, color=FAINT, lw=0.5, zorder=-1)
        ax.plot(cell.paper, place, "D", mfc="none", mec=INK, ms=5.5, zorder=4)
        if cell.mean <= high:
            _draw_cell(ax, place, cell, color, SCHEME_MARKERS[_scheme(model)])
        else:
            ax.text(high, place + 0.3, f"{cell.mean:.1f} →", ha="right", va="center", color=color)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(low, high)


def _draw_cell(ax: Axes, place: int, cell: Measured, color: str, marker: str) -> None:
    ax.plot([cell.low, cell.high], [place, place], color=color, lw=1.6, zorder=2)
    ax.plot(cell.seeds, np.full(len(cell.seeds), place + 0.2), "|", color=color, ms=6, mew=0.9)
    ax.plot(cell.mean, place, marker, color=color, ms=6, zorder=3)


def _reasonable(column: Mapping[str, Measured]) -> tuple[float, float]:
    """Limits that hold a panel, but for a last cell farther off than all others are apart."""
    *others, last = column.values()
    held = [x for cell in others for x in (cell.paper, cell.low, cell.high, *cell.seeds)]
    held.append(last.paper)
    low, high = min(held), max(held)
    if last.mean < high + (high - low):
        held += [last.low, last.high, *last.seeds]
    low, high = min(held), max(held)
    return low - 0.06 * (high - low), high + 0.06 * (high - low)


def _table1_legend() -> list[Line2D]:
    def key(marker: str, label: str, **look: object) -> Line2D:
        return Line2D([], [], marker=marker, label=label, **{"ls": "none", **look})  # type: ignore[arg-type]

    blue, orange = SCHEME_COLORS["glorot"], SCHEME_COLORS["heuristic"]
    return [
        key("D", "the paper", mfc="none", mec=INK),
        key(SCHEME_MARKERS["heuristic"], "ours, standard", color=orange, ls="-"),
        key(SCHEME_MARKERS["glorot"], "ours, normalized (N)", color=blue, ls="-"),
    ]


def _table1_words(cells: Mapping[str, Mapping[str, Measured]]) -> str:
    parts = ". ".join(
        f"{DATASET_WORDS[dataset]}: "
        + "; ".join(
            f"{MODEL_WORDS[model]} {cell.mean:.2f} ({cell.low:.2f} to {cell.high:.2f}), paper {cell.paper:.2f}"
            for model, cell in column.items()
        )
        for dataset, column in cells.items()
    )
    return (
        "Test error in percent of five models on each data set, mean of ours with its interval and "
        f"one tick per seed, beside the paper's number. {parts}."
    )


# -------------------------------------------------------------------------------- error over training


def curves(
    updates: Mapping[str, Mapping[str, np.ndarray]],
    errors: Mapping[str, Mapping[str, np.ndarray]],
    chance: Mapping[str, float],
) -> BookFigure:
    """Draw test error against updates, a panel for each data set (Figures 11 and 12).

    Args:
        updates: data set -> model -> when it was measured, shape (T,).
        errors: data set -> model -> test errors as fractions, shape (T, seeds); drawn are their
            mean and range, of the sigmoid every seed.
        chance: data set -> error of the best constant guess, a fraction.
    """
    models = list(next(iter(errors.values())))
    with book_style():
        figure = new_figure(5.4)
        axes = figure.subplots(2, -(-len(errors) // 2), squeeze=False)
        for ax, (dataset, by_model) in zip(axes.flat, errors.items(), strict=True):
            for model, values in by_model.items():
                draw = _draw_seeds if model == "sigmoid" else _draw_band
                draw(ax, updates[dataset][model] / 1000, 100 * values, _look(model))
            ax.axhline(100 * chance[dataset], color=MUTED, lw=0.8, ls=(0, (4, 2)), zorder=0)
            ax.set_title(DATASET_WORDS[dataset])
            ax.set_xlim(0, None)
        _percent_limits(list(axes.flat), errors)
        for ax in axes[-1]:
            ax.set_xlabel("updates, thousands")
        for ax in axes[:, 0]:
            ax.set_ylabel("test error, %")
        handles = [Line2D([], [], label=MODEL_WORDS[m], **_look(m)) for m in models]
        figure.legend(handles=handles, loc="outside upper left", ncols=3, handlelength=2.2)
    return BookFigure(figure, _curve_words(updates, errors))


def _draw_band(ax: Axes, x: np.ndarray, values: np.ndarray, look: Mapping[str, Any]) -> None:
    low, high = values.min(axis=1), values.max(axis=1)
    ax.fill_between(x, low, high, color=look["color"], alpha=0.15, lw=0)
    ax.plot(x, values.mean(axis=1), **look)


def _draw_seeds(ax: Axes, x: np.ndarray, values: np.ndarray, look: Mapping[str, Any]) -> None:
    """A line for each seed: a mean of nets that begin to learn at different times shows none."""
    ax.plot(x, values, **look, lw=1)


def _percent_limits(axes: Sequence[Axes], errors: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Let what learns fill the panel: a log axis where errors span more than a factor of 10."""
    for ax, by_model in zip(axes, errors.values(), strict=True):
        lowest = 100 * min(values.mean(axis=1).min() for values in by_model.values())
        if lowest < 9:
            ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 40, 90) if tick > 0.8 * lowest]
            ax.set_yscale("log")
            ax.set_yticks(ticks, [f"{tick}" for tick in ticks])
            ax.minorticks_off()


def _curve_words(
    updates: Mapping[str, Mapping[str, np.ndarray]], errors: Mapping[str, Mapping[str, np.ndarray]]
) -> str:
    parts = ". ".join(
        f"{DATASET_WORDS[dataset]}: "
        + "; ".join(
            f"{MODEL_WORDS[model]} {100 * values[-1].mean():.1f} after {updates[dataset][model][-1]:,.0f} updates"
            for model, values in by_model.items()
        )
        for dataset, by_model in errors.items()
    )
    return f"Test error in percent over training, means of the seeds. {parts}."


def arms(
    updates: np.ndarray, errors: Mapping[str, Mapping[str, np.ndarray]], rules: Mapping[str, str]
) -> BookFigure:
    """Draw test error against updates for several update rules, each under both schemes.

    The first rule is the reference: every other has a panel, in which the reference's means are dashed.

    Args:
        updates: when it was measured, shape (T,).
        errors: rule -> model, ``tanh`` or ``tanh_n`` -> errors as fractions, shape (T, seeds).
        rules: rule -> what it is called.
    """
    reference, *others = errors
    x = updates / 1000
    with book_style():
        figure = new_figure(3.4)
        axes = figure.subplots(1, len(others), sharey=True, squeeze=False)[0]
        for ax, rule in zip(axes, others, strict=True):
            for model, values in errors[rule].items():
                color = SCHEME_COLORS[_scheme(model)]
                plain = 100 * errors[reference][model].mean(axis=1)
                ax.plot(x, plain, color=color, lw=1, ls=(0, (3, 2)))
                _draw_band(ax, x, 100 * values, {"color": color})
            ax.set(title=rules[rule], xlabel="updates, thousands", xlim=(0, x[-1]))
        axes[0].set_ylabel("test error, %")
        handles = [
            Line2D([], [], color=SCHEME_COLORS[_scheme(model)], label=MODEL_WORDS[model])
            for model in errors[reference]
        ]
        handles.append(
            Line2D([], [], color=MUTED, lw=1, ls=(0, (3, 2)), label=f"with {rules[reference]}")
        )
        figure.legend(handles=handles, loc="outside upper left", ncols=3, handlelength=2.2)
    parts = "; ".join(
        f"{rules[rule]}, {MODEL_WORDS[model]} {100 * values[-1].mean():.1f}"
        for rule, by_model in errors.items()
        for model, values in by_model.items()
    )
    return BookFigure(
        figure,
        f"Test error in percent over {updates[-1]:,} updates, mean and range of the seeds. At the "
        f"end: {parts}.",
    )


def gains(share: np.ndarray, gained: Mapping[str, Mapping[str, np.ndarray]]) -> BookFigure:
    """Draw what the normalized scheme gains on the standard one in the course of training.

    Args:
        share: of the budget that is spent, in percent, shape (T,).
        gained: activation -> data set -> standard minus normalized test error over the standard's,
            in percent, shape (T, seeds); drawn are mean and standard error.
    """
    with book_style():
        figure = new_figure(4.4)
        axes = figure.subplots(len(gained), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for ax, (activation, by_dataset) in zip(axes, gained.items(), strict=True):
            _draw_gains(ax, share, by_dataset)
            ax.axhline(0, color=INK, lw=0.8, zorder=0)
            ax.set(title=MODEL_WORDS[activation], xlim=(0, share[-1]), ylabel="error saved by N, %")
        axes[-1].set_xlabel("share of the updates, %")
        for ax, by_dataset in zip(axes, gained.values(), strict=True):
            _name_lines(ax, {name: float(v[-1].mean()) for name, v in by_dataset.items()})
    parts = ". ".join(
        f"{MODEL_WORDS[activation]}: "
        + "; ".join(
            f"{DATASET_WORDS[name]} from {values[0].mean():+.1f} to {values[-1].mean():+.1f}"
            for name, values in by_dataset.items()
        )
        for activation, by_dataset in gained.items()
    )
    return BookFigure(
        figure,
        "Share of the standard scheme's test error, in percent, that the normalized one saves in the "
        f"course of training. {parts}.".replace(" -", " −"),
    )


def _draw_gains(ax: Axes, share: np.ndarray, by_dataset: Mapping[str, np.ndarray]) -> None:
    colors = depth_colors(len(by_dataset))
    for values, color, dash in zip(by_dataset.values(), colors, _DATASET_DASHES, strict=False):
        mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
        ax.fill_between(share, mean - error, mean + error, color=color, alpha=0.15, lw=0)
        ax.plot(share, mean, ls=dash, color=color)


def _name_lines(ax: Axes, ends: Mapping[str, float]) -> None:
    """Names of the lines at their ends, none nearer to the next than a line of text."""
    low, high = ax.get_ylim()
    colors = dict(zip(ends, depth_colors(len(ends)), strict=True))
    floor = -1.0
    for name in sorted(ends, key=lambda name: ends[name]):
        height = max((ends[name] - low) / (high - low), floor + 0.11)
        floor = height
        ax.annotate(
            DATASET_WORDS[name],
            (1, height),
            (4, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=colors[name],
        )


# ---------------------------------------------------------------------------------- inside the nets


def layer_spread(
    updates: np.ndarray, series: Mapping[str, np.ndarray], quantity: str, scale: str = "linear"
) -> BookFigure:
    """Draw a quantity of every layer in the course of training, a panel for each model.

    Args:
        updates: shape (T,).
        series: model -> the quantity, shape (T, seeds, layers); drawn are mean and range.
        quantity: what it is, in words, for the axis.
        scale: of its axis, ``linear`` or ``log``.
    """
    with book_style():
        figure = new_figure(2.9)
        axes = figure.subplots(1, len(series), sharey=True, squeeze=False)[0]
        for ax, (model, values) in zip(axes, series.items(), strict=True):
            _draw_layers(ax, updates / 1000, values)
            ax.set(title=MODEL_WORDS[model], xlabel="updates, thousands", yscale=scale)
            ax.set_xlim(0, updates[-1] / 1000 * 1.09)
        for ax, values in zip(axes, series.values(), strict=True):
            _number_layers(ax, updates[-1] / 1000, values[-1].mean(axis=0))
        axes[0].set_ylabel(quantity)
    apart = "; ".join(f"{MODEL_WORDS[m]} {_factors_apart(v)}" for m, v in series.items())
    ends = "; ".join(
        f"{MODEL_WORDS[model]} " + ", ".join(in_words(v) for v in values[-1].mean(axis=0))
        for model, values in series.items()
    )
    return BookFigure(
        figure,
        f"{quantity.replace(chr(10), ' ').capitalize()} over {updates[-1]:,} updates. "
        f"Largest layer over smallest: {apart}. At the end, first layer to last: {ends}.",
    )


def _factors_apart(values: np.ndarray) -> str:
    factors = (values.max(axis=2) / values.min(axis=2)).mean(axis=1)
    return f"{in_words(factors[0])} at first, {in_words(factors[-1])} at the end"


def _draw_layers(ax: Axes, x: np.ndarray, values: np.ndarray) -> None:
    for layer, color in enumerate(depth_colors(values.shape[2])):
        own = values[:, :, layer]
        ax.fill_between(x, own.min(axis=1), own.max(axis=1), color=color, alpha=0.15, lw=0)
        ax.plot(x, own.mean(axis=1), color=color)


def _number_layers(ax: Axes, end: float, last: np.ndarray) -> None:
    """The layers' numbers at the ends of their lines, none on another."""
    ax.minorticks_off()
    to_axes = (ax.transData + ax.transAxes.inverted()).transform
    heights = keep_apart(np.array([to_axes((end, value))[1] for value in last]), 0.075)
    for layer, (color, height) in enumerate(
        zip(depth_colors(len(last)), heights, strict=True), start=1
    ):
        ax.annotate(
            str(layer),
            (end, height),
            (3, 0),
            xycoords=ax.get_xaxis_transform(),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=9,
        )


# --------------------------------------------------------------------------------- board of verdicts


def board(claims: Mapping[str, Sequence[Tried]], level: float) -> BookFigure:
    """Draw every comparison on one axis: how far beyond doubt it lies, and on which side.

    Args:
        claims: claim -> comparisons that try it.
        level: of significance, for the words.
    """
    rows = sum(len(tried) + 1.25 for tried in claims.values())
    with book_style():
        figure = new_figure(0.205 * rows + 0.9)
        ax = figure.subplots()
        place, labels = 0.0, {}
        for claim, tried in claims.items():
            _head(ax, place, claim)
            for one in tried:
                place += 1
                labels[place] = one.where
                _draw_tried(ax, place, one)
            place += 1.25
        _board_axes(ax, place - 0.5, [one.reach for tried in claims.values() for one in tried])
        ax.set_yticks(list(labels), list(labels.values()))
    return BookFigure(figure, _board_words(claims, level))


def _board_words(claims: Mapping[str, Sequence[Tried]], level: float) -> str:
    words = [one.word for tried in claims.values() for one in tried]
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("held", "reversed", "unresolved"))
    parts = ". ".join(
        f"{claim}: " + ", ".join(f"{one.where} {one.word} ({one.reach:+.1f})" for one in tried)
        for claim, tried in claims.items()
    )
    return (
        f"{len(words)} comparisons at p = {level:g}: {counts}. Differences in half-widths of their "
        f"intervals; beyond 1 a claim held, beyond −1 it is reversed. {parts}.".replace("(-", "(−")
    )


_VERDICT_LOOKS = {"held": ("o", INK, INK), "unresolved": ("o", "none", MUTED)}
_VERDICT_LOOKS["reversed"] = ("X", ACCENT, ACCENT)


def _head(ax: Axes, place: float, claim: str) -> None:
    """A claim over its comparisons, from the edge of the figure."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    across = blended_transform_factory(figure.transFigure, ax.transData)
    ax.text(0.01, place, claim, va="center", transform=across, zorder=4).set_in_layout(False)


def _draw_tried(ax: Axes, place: float, one: Tried) -> None:
    marker, face, edge = _VERDICT_LOOKS[one.word]
    ax.plot([0, one.reach], [place, place], color=FAINT, lw=1, zorder=1)
    ax.plot(one.reach, place, marker, mfc=face, mec=edge, ms=5.5, zorder=3)


def _board_axes(ax: Axes, bottom: float, reaches: Sequence[float]) -> None:
    left, right = min(-2.2, 1.3 * min(reaches)), max(5.0, 1.3 * max(reaches))
    ax.axvspan(-1, 1, color=SHADE, lw=0, zorder=0)
    ax.axvline(0, color=MUTED, lw=0.7, zorder=0)
    ax.set_xscale("symlog", linthresh=1, linscale=0.6)
    ticks = [t for t in (-30, -10, -3, -1, 0, 1, 3, 10, 30) if left <= t <= right]
    ax.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    ax.minorticks_off()
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set(xlim=(left, right), ylim=(bottom, -0.6))
    ax.set_xlabel("difference, in half-widths of its interval")
    above = ax.get_xaxis_transform()
    ax.text(-1.05, 1, "reversed", ha="right", va="bottom", color=ACCENT, transform=above)
    ax.text(0, 1, "unresolved", ha="center", va="bottom", color=MUTED, transform=above)
    ax.text(1.05, 1, "held", ha="left", va="bottom", transform=above)
