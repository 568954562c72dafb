"""What stands for *Trainability map* on paper and where scripts do not run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from glorot.style import ACCENT, BookFigure, book_style, new_figure

# From no learning (dark) to a low loss (bright): red, green, blue. The page uses the same.
STOPS = (
    (26, 32, 62),
    (49, 66, 120),
    (68, 117, 158),
    (104, 170, 164),
    (176, 213, 146),
    (250, 243, 160),
)
_MAP = LinearSegmentedColormap.from_list("loss", [np.array(stop) / 255 for stop in STOPS])


@dataclass(frozen=True)
class Panel:
    """A part of the plane.

    Args:
        name: ``map`` or ``zoom``.
        sigmas: (C,) weight scales.
        rates: (R,) learning rates.
        losses: (C, R) final losses.
    """

    name: str
    sigmas: np.ndarray
    rates: np.ndarray
    losses: np.ndarray


@dataclass(frozen=True)
class Overlay:
    """What is said of the map.

    Args:
        depth: hidden layers of the networks.
        scales: so many depth scales are said to be the depth that trains.
        chance: loss of a network that knows the shares of the classes only.
        part: a network that ends below this part of it trains.
    """

    depth: int
    scales: int
    chance: float
    part: float


def trainability_map(panels: list[Panel], depth_scales: np.ndarray, overlay: Overlay) -> BookFigure:
    """Draw the final loss over weight scale and learning rate, and where the depth scale says it ends.

    Args:
        panels: the whole map first, then a part of it.
        depth_scales: (C,) of the first panel's columns.
        overlay: depth, chance and the rule for both.
    """
    whole, within = panels[0], depth_scales * overlay.scales >= overlay.depth
    ends = whole.sigmas[within][[0, -1]]
    with book_style():
        figure = new_figure(2.9)
        for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
            _draw(axes, panel, overlay, min(whole.losses.min(), overlay.chance / 2))
            axes.set(xlabel=r"weight scale, $\sigma_w$")
            axes.set_title("final loss" if panel is whole else "a part of the border")
            for end in ends:
                if panel.sigmas[0] <= end <= panel.sigmas[-1]:
                    axes.axvline(end, color=ACCENT, ls="--", lw=1)
        figure.axes[0].set_ylabel(r"learning rate, $\eta$")
    trains = whole.losses < overlay.part * overlay.chance
    return BookFigure(
        figure,
        f"Final loss of {whole.losses.size:,} tanh networks of {overlay.depth} hidden layers over weight scale "
        f"({whole.sigmas[0]:g} to {whole.sigmas[-1]:g}) and learning rate ({whole.rates[0]:.2g} to "
        f"{whole.rates[-1]:.2g}); {trains.mean():.0%} end below {overlay.part:.0%} of the loss of chance. "
        f"{overlay.scales} depth scales reach {overlay.depth} layers between σ_w = {ends[0]:.2f} and "
        f"{ends[1]:.2f} (dashed): {_share(trains[within])} train there, {_share(trains[~within])} outside.",
    )


def _share(trains: np.ndarray) -> str:
    return f"{trains.mean():.0%}" if trains.size else "none"


def _draw(axes: Axes, panel: Panel, overlay: Overlay, lowest: float) -> None:
    share = np.log(overlay.chance / panel.losses) / np.log(overlay.chance / lowest)
    axes.pcolormesh(
        panel.sigmas,
        panel.rates,
        np.clip(share, 0, 1).T,
        cmap=_MAP,
        vmin=0,
        vmax=1,
        rasterized=True,
    )
    axes.set_yscale("log")
    if panel.rates[-1] < 10 * panel.rates[0]:  # within a decade: plain numbers
        ticks = [t for t in (0.1, 0.2, 0.3, 0.5, 1.0) if panel.rates[0] <= t <= panel.rates[-1]]
        axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
        axes.minorticks_off()
