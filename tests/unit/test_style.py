"""Style: contrast in both themes, reproducible figures, and no figure without words."""

import pytest
from matplotlib.figure import Figure

from glorot import style


def contrast(one, other):
    """WCAG's contrast ratio of two hex colors."""

    def luminance(color):
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("color", [*style.SCHEME_COLORS.values(), *style.DEPTH_COLORS])
def test_lines_keep_three_to_one_in_both_themes(color):
    assert contrast(color, style.PAPER) >= 3
    assert contrast(style.DARK[color], style.DARK[style.PAPER]) >= 3


@pytest.mark.parametrize("color", [style.INK, style.MUTED, style.ACCENT])
def test_text_keeps_four_and_a_half_to_one_in_both_themes(color):
    for ground in (style.PAPER, style.SHADE):
        assert contrast(color, ground) >= 4.5
        assert contrast(style.DARK[color], style.DARK[ground]) >= 4.5


def test_depth_darkens_on_paper_and_lightens_at_night():
    on_paper = [contrast(c, style.PAPER) for c in style.DEPTH_COLORS]
    assert on_paper == sorted(on_paper)
    assert len(set(style.depth_colors(8))) == 8 and len(style.depth_colors(1)) == 1


def drawn():
    with style.book_style():
        figure = Figure(figsize=(style.WIDTH, 2))
        figure.subplots().plot([0, 1], [0, 1], color=style.SCHEME_COLORS["he"])
    return style.BookFigure(figure, alt="A line rises from 0 to 1.")


def test_the_same_figure_is_the_same_bytes_and_carries_its_words():
    data, metadata = drawn()._repr_mimebundle_()
    assert data["image/svg+xml"] == drawn().svg()
    assert metadata["image/svg+xml"]["alt"] == "A line rises from 0 to 1."


def test_the_dark_version_exchanges_every_color_of_the_palette():
    dark = style.to_dark(drawn().svg())
    assert style.SCHEME_COLORS["he"] not in dark and style.PAPER not in dark
    assert style.DARK[style.PAPER] in dark


def test_a_figure_without_words_is_refused():
    with pytest.raises(ValueError, match="alt must say"):
        style.BookFigure(Figure(), alt=" ")


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: style.scheme_color("xavier"), "name .*xavier"),
        (lambda: style.depth_colors(0), "depth .*0"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
