"""Charts: small pictures of numbers as inline SVG, which need no program, no network and no fixed width.

The drawing stretches with the page while its strokes keep their width; what is written stands beside it as text of the page,
so that it is readable at any width and in any theme. Colours are classes (`s0`, `s1`, ...) that the page gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from core.domain.bars import Days, Floats
from core.reporting.measured import decimal, percent

WIDTH, HEIGHT = 1000, 400
# Columns of a drawing; of the values within one, the first, lowest, highest and last are drawn (Jugel et al. 2014, "M4").
COLUMNS = 500
TICKS, BINS, BUCKETS = 6, 40, 200


@dataclass(frozen=True, eq=False)
class Series:
    """Values at each place of a chart, with the name and the place of the colour that they are drawn in."""

    name: str
    values: Floats
    colour: int


@dataclass(frozen=True)
class Scale:
    """How values become places on the upright axis: from the lowest to the highest, in logarithms or not."""

    low: float
    high: float
    is_log: bool
    is_percent: bool

    def at(self, value: float | Floats) -> Floats:
        """Give the distance from the top of the drawing."""
        if self.is_log:
            span = math.log(self.high / self.low)
            return np.asarray(HEIGHT * (1.0 - np.log(np.asarray(value) / self.low) / span), dtype=np.float64)
        return np.asarray(HEIGHT * (1.0 - (np.asarray(value) - self.low) / (self.high - self.low)), dtype=np.float64)

    def told(self, value: float) -> str:
        """Say a value as the axis does: with no more digits than its steps need."""
        step = self.ticks()[1] - self.ticks()[0] if len(self.ticks()) > 1 else 1.0
        digits = _digits(step * (100 if self.is_percent else 1))
        return percent(value, digits) if self.is_percent else decimal(value, digits)

    def ticks(self) -> list[float]:
        """Give round values within the scale."""
        if self.is_log and self.high / self.low > 5.0:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            every = [lead * 10.0**power for power in powers for lead in (1, 2, 5)]
            return [one for one in every if self.low <= one <= self.high]
        step = _round_step((self.high - self.low) / TICKS)
        first = math.ceil(self.low / step - 1e-9)
        return [at * step for at in range(first, math.floor(self.high / step + 1e-9) + 1)]


def scale_of(values: Floats, *, is_log: bool = False, is_percent: bool = False, has_zero: bool = False) -> Scale | None:
    """Give a scale that holds all known values with some room; None where nothing is known (or, in logarithms, positive)."""
    known = values[np.isfinite(values)]
    known = known[known > 0] if is_log else known
    if not len(known):
        return None
    low, high = float(known.min()), float(known.max())
    if has_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if is_log:
        room = max(high / low, 1.02) ** 0.04
        return Scale(low / room, high * room, is_log, is_percent)
    room = (high - low or abs(high) or 1.0) * 0.04
    if not has_zero or low == high:
        return Scale(low - room, high + room, is_log, is_percent)
    # From zero a drawing needs no room.
    return Scale(low - (room if low < 0 else 0.0), high + (room if high > 0 else 0.0), is_log, is_percent)


def line_chart(title: str, days: Days, series: Sequence[Series], *, scale: Scale | None) -> Markup:
    """Draw a line for each series over days; the first is drawn last, so that it lies above."""
    if scale is None or len(days) < 2:
        return nothing(title, "there is nothing to draw")
    places = _places(days)
    drawn = [
        Markup('<path class="line s{}" d="{}"/>').format(one.colour, _path(places, one.values, scale)) for one in series
    ]
    body = Markup("").join([_grid(scale), *reversed(drawn)])
    return _figure(title, body, _y_labels(scale) + _x_labels(days), _keys([_key(one) for one in series]))


def drawdown_chart(title: str, days: Days, series: Sequence[Series]) -> Markup:
    """Draw falls: the first series as an area that hangs from zero, the others as lines."""
    scale = scale_of(np.concatenate([one.values for one in series]), is_percent=True, has_zero=True)
    if scale is None or len(days) < 2:
        return nothing(title, "there is nothing to draw")
    places, zero = _places(days), float(scale.at(0.0))
    ours = series[0]
    shape = _path(places, ours.values, scale)
    hung = f"{shape}L{WIDTH} {zero:.1f}L0 {zero:.1f}Z" if np.isfinite(ours.values).all() else ""
    area = Markup('<path class="area s{}" d="{}"/>').format(ours.colour, hung)
    lines = [
        Markup('<path class="line s{}" d="{}"/>').format(one.colour, _path(places, one.values, scale)) for one in series
    ]
    body = Markup("").join([_grid(scale), area, *reversed(lines)])
    return _figure(title, body, _y_labels(scale) + _x_labels(days), _keys([_key(one) for one in series]))


def stacked_chart(title: str, days: Days, names: Sequence[str], shares: Floats) -> Markup:
    """Draw shares of a whole on top of each other, of shape (days, names); many days are drawn as means of some together."""
    if len(days) < 2 or not names:
        return nothing(title, "there is nothing to draw")
    together = math.ceil(len(days) / BUCKETS)
    edges = np.arange(0, len(days), together)
    counts = np.diff(np.append(edges, len(days)))[:, None]
    means = np.add.reduceat(shares, edges, axis=0) / counts
    tops = np.concatenate([np.zeros((len(means), 1)), np.cumsum(means, axis=1)], axis=1)
    places = _places(days[edges])
    scale = Scale(0.0, max(1.0, float(tops.max())), is_log=False, is_percent=True)
    layers = []
    for at in range(len(names)):
        upper, lower = scale.at(tops[:, at + 1]), scale.at(tops[:, at])
        line = [*zip(places, upper, strict=True), *zip(places[::-1], lower[::-1], strict=True)]
        layers.append(
            Markup('<path class="layer s{}" d="M{}Z"/>').format(at, "L".join(f"{x:.1f} {y:.1f}" for x, y in line))
        )
    series = [Series(name, shares[:, at], at) for at, name in enumerate(names)]
    body = Markup("").join([*layers, _grid(scale)])
    return _figure(
        title, body, _y_labels(scale) + _x_labels(days), _keys([_key(one, is_filled=True) for one in series])
    )


def stick_chart(title: str, days: Days, sticks: Series, line: Series) -> Markup:
    """Draw a stick from zero for each value, and a line over them."""
    scale = scale_of(np.concatenate([sticks.values, line.values]), has_zero=True)
    if scale is None or len(days) < 2:
        return nothing(title, "there is nothing to draw")
    places, zero = _places(days), float(scale.at(0.0))
    tops = scale.at(sticks.values)
    shape = "".join(f"M{x:.1f} {zero:.1f}V{y:.1f}" for x, y in zip(places, tops, strict=True) if math.isfinite(y))
    body = Markup("").join(
        [
            _grid(scale),
            Markup('<path class="stick s{}" d="{}"/>').format(sticks.colour, shape),
            Markup('<path class="line s{}" d="{}"/>').format(line.colour, _path(places, line.values, scale)),
        ]
    )
    legend = _keys([_key(line), _key(sticks, is_filled=True)])
    return _figure(title, body, _y_labels(scale) + _x_labels(days), legend)


def bar_chart(title: str, names: Sequence[str], values: Sequence[float]) -> Markup:
    """Draw a bar from zero for each name, in percent."""
    scale = scale_of(np.array(values, dtype=np.float64), is_percent=True, has_zero=True)
    if scale is None:
        return nothing(title, "there is nothing to draw")
    zero, wide = float(scale.at(0.0)), WIDTH / len(names)
    bars, labels = [], Markup("")
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        top = float(scale.at(value))
        bars.append(_box(at * wide + wide * 0.2, wide * 0.6, (min(top, zero), max(top, zero)), "fill s0"))
        labels += _x_label((at + 0.5) / len(names), name)
    return _figure(title, Markup("").join([_grid(scale), *bars]), _y_labels(scale) + labels, Markup(""))


def histogram(title: str, values: Floats, *, ours: float, edge: float, words: tuple[str, str]) -> Markup:
    """Draw how many values lie where, in percent, with a mark at ours and a dashed one at an edge; `words` name both."""
    low, high = min(float(values.min()), ours, edge), max(float(values.max()), ours, edge)
    room = (high - low or abs(high) or 1.0) * 0.03
    low, high = low - room, high + room
    counts = np.histogram(values, bins=BINS, range=(low, high))[0]
    scale = Scale(0.0, float(counts.max()) * 1.08, is_log=False, is_percent=False)
    wide = WIDTH / BINS
    bars = [
        _box(at * wide + 1.0, wide - 2.0, (float(scale.at(count)), float(HEIGHT)), "fill s1")
        for at, count in enumerate(counts.tolist())
        if count
    ]
    across = Scale(low, high, is_log=False, is_percent=True)
    marks, labels = [], Markup("")
    for value, style in ((edge, "mark edge"), (ours, "mark s0")):
        place = (value - low) / (high - low) * WIDTH
        marks.append(Markup('<path class="{}" d="M{} 0V{}"/>').format(style, f"{place:.1f}", HEIGHT))
    for value in across.ticks():
        labels += _x_label((value - low) / (high - low), across.told(value))
    edge_key = Markup('<li><i class="key edge"></i>{}</li>').format(words[1])
    legend = _keys([_key(Series(words[0], values, 0)), edge_key])
    body = Markup("").join([_grid(scale), *bars, *marks])
    return _figure(title, body, _y_labels(scale) + labels, legend)


def nothing(title: str, why: str) -> Markup:
    """Say why there is no picture."""
    return Markup('<figure class="chart"><figcaption>{}</figcaption><p class="none">No chart: {}.</p></figure>').format(
        title, why
    )


def _figure(title: str, body: Markup, labels: Markup, legend: Markup) -> Markup:
    return Markup(
        '<figure class="chart"><figcaption>{title}{legend}</figcaption><div class="plot">'
        '<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="{title}">{body}</svg>{labels}'
        "</div></figure>"
    ).format(title=title, legend=legend, width=WIDTH, height=HEIGHT, body=body, labels=labels)


def _places(days: Days) -> Floats:
    """Give the distance of each day from the left of the drawing, by the calendar."""
    since: Floats = (days - days[0]).astype("timedelta64[D]").astype(np.float64)
    since *= WIDTH / since[-1]
    return since


def _path(places: Floats, values: Floats, scale: Scale) -> str:
    """Give the line through what is known; it breaks where nothing is."""
    kept = _thinned(places, values)
    parts: list[str] = []
    is_open = False
    with np.errstate(invalid="ignore", divide="ignore"):
        heights = scale.at(values[kept])
    for x, y in zip(places[kept].tolist(), heights.tolist(), strict=True):
        if math.isfinite(y):
            parts.append(f"{'L' if is_open else 'M'}{x:.1f} {y:.1f}")
        is_open = math.isfinite(y)
    return "".join(parts)


def _thinned(places: Floats, values: Floats) -> NDArray[np.int64]:
    """Give the rows that a drawing of this width shows: of each column the first, the lowest, the highest and the last."""
    rows = np.arange(len(values))
    if len(values) <= 2 * COLUMNS:
        return rows
    column = np.minimum((places / WIDTH * COLUMNS).astype(np.int64), COLUMNS - 1)
    begins = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(begins[1:], len(values)) - 1
    lowest = np.lexsort((np.where(np.isnan(values), np.inf, values), column))[begins]
    highest = np.lexsort((np.where(np.isnan(values), -np.inf, values), column))[ends]
    return np.unique(np.concatenate([begins, ends, lowest, highest]))


def _box(left: float, wide: float, span: tuple[float, float], style: str) -> Markup:
    top, bottom = span
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        style, f"{left:.1f}", f"{top:.1f}", f"{wide:.1f}", f"{bottom - top:.1f}"
    )


def _grid(scale: Scale) -> Markup:
    """Draw a line at each round value; that at zero, or at one in logarithms, stands out."""
    lines = []
    for value in scale.ticks():
        is_base = abs(value - (1.0 if scale.is_log else 0.0)) < 1e-12
        style = "grid zero" if is_base else "grid"
        lines.append(Markup('<path class="{}" d="M0 {}H{}"/>').format(style, f"{float(scale.at(value)):.1f}", WIDTH))
    return Markup("").join(lines)


def _y_labels(scale: Scale) -> Markup:
    return Markup("").join(
        Markup('<span class="y" style="top:{}%">{}</span>').format(
            f"{float(scale.at(value)) / HEIGHT * 100:.2f}", scale.told(value)
        )
        for value in scale.ticks()
    )


def _x_labels(days: Days) -> Markup:
    first, last = days[0].astype("datetime64[D]"), days[-1].astype("datetime64[D]")
    span = float((last - first).astype(int))
    labels = Markup("")
    for at, (day, words) in enumerate(_day_ticks(first.astype(object), last.astype(object))):
        labels += _x_label((day - first.astype(object)).days / span, words, is_spare=at % 2 == 1)
    return labels


def _x_label(place: float, words: str, *, is_spare: bool = False) -> Markup:
    """Write below the drawing; what is spare is left out where the page is narrow."""
    style = "x spare" if is_spare else "x"
    return Markup('<span class="{}" style="left:{}%">{}</span>').format(style, f"{place * 100:.2f}", escape(words))


def _day_ticks(first: date, last: date) -> Iterator[tuple[date, str]]:
    """Give the beginnings of years, or of months where there are few years, no more than a dozen."""
    years = [date(year, 1, 1) for year in range(first.year + 1, last.year + 1)]
    if len(years) >= 3:
        step = math.ceil(len(years) / 12)
        yield from ((day, str(day.year)) for day in years[::step])
        return
    months = [
        date(at // 12, at % 12 + 1, 1) for at in range(first.year * 12 + first.month, last.year * 12 + last.month)
    ]
    step = max(1, math.ceil(len(months) / 10))
    yield from ((day, f"{day:%Y-%m}") for day in months[::step])


def _key(one: Series, *, is_filled: bool = False) -> Markup:
    style = "key full" if is_filled else "key"
    return Markup('<li><i class="{} s{}"></i>{}</li>').format(style, one.colour, one.name)


def _keys(keys: Sequence[Markup]) -> Markup:
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(keys))


def _digits(step: float) -> int:
    """Give the digits after the point that a round step needs: of 0.5 one, of 0.25 two."""
    power = math.floor(math.log10(step) + 1e-9)
    lead = step / 10.0**power
    return max(0, (0 if abs(lead - round(lead)) < 1e-6 else 1) - power)


def _round_step(least: float) -> float:
    """Give the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(lead * power for lead in (1.0, 2.0, 2.5, 5.0, 10.0) if lead * power >= least * (1 - 1e-9))
