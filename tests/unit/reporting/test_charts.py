"""Charts: round steps, breaks where nothing is known, and no extreme lost where many values share a column."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.render.charts import (
    Series,
    bar_chart,
    drawdown_chart,
    histogram,
    line_chart,
    scale_of,
    stacked_chart,
    stick_chart,
)
from tests.unit.reporting.backtests import dates


def drawn(chart, style):
    """Give the points of the path of a style, a list for each stroke."""
    path = re.search(rf'class="{style}" d="([^"]*)"', chart)
    assert path
    strokes = path.group(1).removeprefix("M").split("M")
    return [[tuple(map(float, point.split())) for point in stroke.rstrip("Z").split("L")] for stroke in strokes]


@pytest.mark.parametrize(
    ("values", "options", "told"),
    [
        ([0.0, 1.0], {}, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([-0.31, 0.0], {"is_percent": True, "has_zero": True}, ["-30 %", "-20 %", "-10 %", "0 %"]),
        ([1.0, 40.0], {"is_log": True}, ["1", "2", "5", "10", "20"]),
        ([0.9, 1.6], {"is_log": True}, ["1.0", "1.2", "1.4", "1.6"]),
        ([0.0, 0.0], {"has_zero": True}, ["-0.04", "-0.02", "0.00", "0.02", "0.04"]),
        ([100.0, 2500.0], {}, ["500", "1,000", "1,500", "2,000", "2,500"]),
        ([-0.6, 0.6], {"has_zero": True}, ["-0.50", "-0.25", "0.00", "0.25", "0.50"]),
        ([0.0, 0.14], {"is_percent": True, "has_zero": True}, ["0.0 %", "2.5 %", "5.0 %", "7.5 %", "10.0 %", "12.5 %"]),
    ],
)
def test_axes_have_round_steps(values, options, told):
    """A handful of them, with no more digits than they need."""
    scale = scale_of(np.array(values), **options)

    assert scale is not None
    assert [scale.told(one) for one in scale.ticks()] == told


@given(
    low=st.floats(-1e6, 1e6),
    span=st.floats(1e-3, 1e6),
    is_log=st.booleans(),
    is_percent=st.booleans(),
)
@example(low=-0.6, span=1.2, is_log=False, is_percent=False)
def test_a_label_read_back_is_the_value_of_its_line(low, span, is_log, is_percent):
    """For every step: what is written beside a line is where the line stands, and no two lines are called alike."""
    low = abs(low) + span / 1000 if is_log else low
    scale = scale_of(np.array([low, low + span]), is_log=is_log, is_percent=is_percent)
    assert scale is not None
    lines = scale.ticks()

    told = [scale.told(one) for one in lines]

    read = [float(one.removesuffix(" %").replace(",", "")) / (100 if is_percent else 1) for one in told]
    assert len(lines) >= 2
    assert read == pytest.approx(lines, rel=1e-9, abs=span * 1e-9)
    assert len(set(told)) == len(lines)


def test_an_axis_of_nothing_is_none():
    """Of no known value there is no scale; in logarithms only what is positive counts."""
    assert scale_of(np.array([np.nan])) is None
    assert scale_of(np.array([0.0, -1.0]), is_log=True) is None


def test_a_line_breaks_where_nothing_is_known():
    """Two strokes around a gap, each point where its value is."""
    values = np.array([0.0, 1.0, np.nan, 0.5, 0.0])
    scale = scale_of(np.array([0.0, 1.0]), has_zero=True)

    strokes = drawn(line_chart("x", dates(5, "2024-01-01"), [Series("a", values, 0)], scale=scale), "line s0")

    assert [[x for x, _ in stroke] for stroke in strokes] == [[0.0, 250.0], [750.0, 1000.0]]
    assert strokes[0][0][1] == strokes[1][1][1] == 400.0
    assert strokes[1][0][1] == pytest.approx(400 - 0.5 / 1.04 * 400, abs=0.1)


def test_no_extreme_is_lost_in_a_long_line():
    """Of ten thousand values fewer points are drawn, and the one that leaps is among them, up and down."""
    values = np.sin(np.arange(10_000) / 300.0)
    values[3_333], values[7_777], values[5_000:5_200] = 9.0, -9.0, np.nan
    scale = scale_of(values)
    assert scale is not None

    strokes = drawn(line_chart("x", dates(10_000), [Series("a", values, 0)], scale=scale), "line s0")

    points = [point for stroke in strokes for point in stroke]
    assert len(points) <= 2_000
    assert len(strokes) == 2
    heights = [y for _, y in points]
    assert [min(heights), max(heights)] == pytest.approx([float(scale.at(9.0)), float(scale.at(-9.0))], abs=0.06)


def test_the_last_day_is_drawn_at_the_right_edge():
    """Places are those of the calendar, from the first day to the last."""
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-11"], dtype="datetime64[D]")

    chart = drawdown_chart("x", days, [Series("a", np.array([0.0, -0.1, 0.0]), 0)])

    assert [x for x, _ in drawn(chart, "line s0")[0]] == [0.0, 100.0, 1000.0]
    assert drawn(chart, "area s0")[0][-2:] == [(1000.0, 0.0), (0.0, 0.0)]


def test_layers_stand_on_each_other():
    """The upper edge of one is the lower of the next; many days are drawn as means of some together."""
    shares = np.tile([0.25, 0.5], (450, 1))

    chart = stacked_chart("x", dates(450), ("a", "b"), shares)

    lower, upper = drawn(chart, "layer s0")[0], drawn(chart, "layer s1")[0]
    assert len(lower) == len(upper) == 2 * 150
    assert {y for _, y in lower[:150]} == {y for _, y in upper[150:]} == {300.0}
    assert {y for _, y in upper[:150]} == {100.0}


def test_sticks_and_bars_stand_on_zero():
    """Upward what is above, downward what is below; an unknown week has none."""
    sticks = stick_chart(
        "x", dates(4), Series("a", np.array([0.1, -0.1, np.nan, 0.1]), 1), Series("b", np.full(4, np.nan), 0)
    )
    bars = bar_chart("x", ("1", "2"), (0.02, -0.01))

    path = re.search(r'class="stick s1" d="([^"]*)"', sticks)
    assert path
    assert re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", path.group(1)) == [
        ("200.0", "14.8"),
        ("200.0", "385.2"),
        ("200.0", "14.8"),
    ]
    boxes = re.findall(r'<rect class="fill s0" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', bars)
    (_, top, _, tall), (_, begin, _, deep) = boxes
    assert float(top) + float(tall) == pytest.approx(float(begin), abs=0.11)
    assert float(tall) == pytest.approx(2 * float(deep), abs=0.2)


def test_a_histogram_counts_all_and_marks_ours():
    """The heights of its boxes add up to the values; the mark stands where ours lies."""
    values = np.random.Generator(np.random.PCG64(5)).normal(0, 1, 500)

    chart = histogram("x", values, ours=4.0, edge=1.6, words=("ours", "edge"))

    boxes = re.findall(r'<rect class="fill s1"[^>]* height="([\d.]+)"', chart)
    most = np.histogram(
        values, bins=40, range=(values.min() - 0.03 * (4 - values.min()), 4 + 0.03 * (4 - values.min()))
    )[0].max()
    assert sum(map(float, boxes)) / 400 * most * 1.08 == pytest.approx(500, rel=0.01)
    mark = re.search(r'class="mark s0" d="M([\d.]+) 0V400"', chart)
    assert mark
    assert float(mark.group(1)) == pytest.approx(1000 * 1.03 / 1.06, abs=0.1)


def test_what_cannot_be_drawn_says_so():
    """One day, no name, or nothing known: words instead of an empty frame."""
    nothing = Series("a", np.full(3, np.nan), 0)
    for chart in (
        line_chart("x", dates(1), [Series("a", np.ones(1), 0)], scale=scale_of(np.ones(1))),
        drawdown_chart("x", dates(3), [nothing]),
        stacked_chart("x", dates(3), (), np.zeros((3, 0))),
        stick_chart("x", dates(3), nothing, nothing),
    ):
        assert "No chart: there is nothing to draw." in chart
        assert "<svg" not in chart
