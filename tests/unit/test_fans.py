"""Fans: dense, convolution, any axes, and what is no shape."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glorot.fans import Fans, compute_fans

sizes = st.integers(min_value=1, max_value=64)


@given(fan_in=sizes, fan_out=sizes)
def test_a_matrix_has_its_rows_as_fan_in_and_its_columns_as_fan_out(fan_in, fan_out):
    assert compute_fans((fan_in, fan_out)) == Fans(fan_in, fan_out)


@given(field=st.lists(sizes, max_size=3), fan_in=sizes, fan_out=sizes)
def test_a_receptive_field_multiplies_both_fans(field, fan_in, fan_out):
    fans = compute_fans((*field, fan_in, fan_out))
    assert fans.fan_in == math.prod(field) * fan_in
    assert fans.fan_out == math.prod(field) * fan_out


@given(shape=st.lists(sizes, min_size=2, max_size=5))
def test_naming_the_axes_the_other_way_round_swaps_the_fans(shape):
    forward, swapped = compute_fans(shape), compute_fans(shape, in_axis=-1, out_axis=-2)
    assert (forward.fan_in, forward.fan_out) == (swapped.fan_out, swapped.fan_in)


def test_a_torch_convolution_is_read_by_naming_its_axes():
    assert compute_fans((16, 64, 3, 3), in_axis=1, out_axis=0) == Fans(576, 144)


def test_fan_avg_is_the_mean_and_not_the_geometric_mean():
    fans = Fans(400, 100)
    assert fans.fan_avg == 250.0
    assert fans.fan_avg != math.sqrt(400 * 100)  # the neighbouring wrong answer


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (((5,),), r"shape .*\(5,\)"),
        (((),), r"shape .*\(\)"),
        ((7,), r"shape .* 7"),
        (((3, 0),), r"shape .*\(3, 0\)"),
        (((3, -2),), r"shape .*\(3, -2\)"),
        (((3.5, 2),), r"shape .*\(3.5, 2\)"),
        (((True, 2),), r"shape .*True"),
        (((math.nan, 2),), r"shape .*nan"),
        (((3, 2), 2), r"in_axis .* 2"),
        (((3, 2), 0, -2), r"in_axis and out_axis .* 0 and -2"),
    ],
)
def test_what_is_no_shape_is_refused_by_name_and_value(arguments, named):
    with pytest.raises(ValueError, match=named):
        compute_fans(*arguments)


@pytest.mark.parametrize("fan", [0, -1, 2.5, math.nan, "3"])
def test_a_fan_must_be_a_positive_integer(fan):
    with pytest.raises(ValueError, match="fan_out must be a positive integer"):
        Fans(3, fan)
