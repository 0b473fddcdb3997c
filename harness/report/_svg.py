"""Charts as SVG without scripts: lines, stacked areas, and lanes of boxes over one time axis.

Colours are CSS classes (`c0`..`c7`, `band`, `grid`), so that the page's light and dark schemes
apply to the charts as well. All charts are 900 units wide and scale with the page.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isnan, log10

from ._series import COLOURS, Band, Curve

WIDTH = 900
MIN_WIDTH = 1.5
"""The smallest width at which a box is visible."""
LEFT, RIGHT, TOP, BOTTOM = 124, 40, 12, 40


@dataclass(frozen=True)
class Frame:
    """The time axis that all charts of a page share."""

    end: float
    """Wall-clock seconds."""
    ticks: tuple[tuple[float, str], ...]
    """Labels of the axis: time and text, whose two lines are separated by a newline."""
    faults: tuple[Band, ...]

    def x(self, t: float) -> float:
        """Return the x coordinate of second `t`."""
        inside = min(max(t, 0.0), self.end)
        return LEFT + inside / self.end * (WIDTH - LEFT - RIGHT)


def line_chart(
    frame: Frame,
    middles: Sequence[float],
    curves: Sequence[Curve],
    unit: str,
    *,
    whole: bool = False,
) -> str:
    """Return a chart of curves as lines; `whole` for a unit that has no fractions."""
    top = max((v for c in curves for v in c.values if not isnan(v)), default=0.0)
    y, parts, height = _scale(frame, top, unit, least=1.0 if whole else 0.0)
    for number, curve in enumerate(curves):
        path, pen = [], "M"
        for t, value in zip(middles, curve.values, strict=True):
            if isnan(value):
                pen = "M"
                continue
            path.append(f"{pen}{frame.x(t):.1f},{y(value):.1f}")
            pen = "L"
        parts.append(f'<path class="line c{number % COLOURS}" d="{" ".join(path)}"/>')
    return _figure(parts, height, curves)


def area_chart(frame: Frame, middles: Sequence[float], curves: Sequence[Curve], unit: str) -> str:
    """Return a chart of curves stacked on each other, the first one at the bottom."""
    totals = [sum(values) for values in zip(*(c.values for c in curves), strict=True)]
    y, parts, height = _scale(frame, max(totals, default=0.0), unit)
    floor_ = [0.0] * len(middles)
    for number, curve in enumerate(curves):
        ceiling = [low + value for low, value in zip(floor_, curve.values, strict=True)]
        up = [f"{frame.x(t):.1f},{y(v):.1f}" for t, v in zip(middles, ceiling, strict=True)]
        back = [f"{frame.x(t):.1f},{y(v):.1f}" for t, v in zip(middles, floor_, strict=True)]
        points = " ".join([*up, *reversed(back)])
        parts.append(f'<polygon class="area c{number % COLOURS}" points="{points}"/>')
        floor_ = ceiling
    return _figure(parts, height, curves)


def lanes(frame: Frame, rows: Sequence[tuple[str, Sequence[tuple[float, float, str, str]]]]) -> str:
    """Return a chart of one row per name, with boxes `(start, end, class, label)`."""
    height = TOP + 24 * len(rows) + BOTTOM
    parts = _background(frame, height)
    for number, (name, boxes) in enumerate(rows):
        y = TOP + 24 * number
        parts.append(f'<text class="row" x="{LEFT - 6}" y="{y + 15}">{escape(_short(name))}</text>')
        for place, x, width in _visible(frame, [(start, end) for start, end, *_ in boxes]):
            _, _, kind, label = boxes[place]
            parts.append(
                f'<rect class="box {escape(kind)}" x="{x:.1f}" y="{y + 3}" width="{width:.1f}" '
                f'height="18" rx="2"><title>{escape(name)}: {escape(label)}</title></rect>'
            )
    return _wrap(parts, height)


def _visible(
    frame: Frame, spans: Sequence[tuple[float, float]]
) -> Iterator[tuple[int, float, float]]:
    """Yield index, x and width of those `spans` that are to be drawn.

    Of several boxes of minimal width in one place only the first is drawn: thousands of them would
    make the page large and show nothing more.
    """
    drawn = 0.0
    for place, (start, end) in enumerate(spans):
        x, width = frame.x(start), max(frame.x(end) - frame.x(start), MIN_WIDTH)
        if width == MIN_WIDTH:
            if x < drawn - MIN_WIDTH / 2:
                continue
            drawn = x + width
        yield place, x, width


def _short(name: str) -> str:
    """Return `name`, cut to what fits left of the frame; the box's title shows all of it."""
    return name if len(name) <= 20 else f"{name[:18]}…"


def _scale(
    frame: Frame, top: float, unit: str, least: float = 0.0
) -> tuple[Callable[[float], float], list[str], int]:
    """Return the function from values to y, the parts with grid and unit, and the height."""
    height = 190
    parts = _background(frame, height)
    top = top if top > 0 else 1.0
    step = max(_step(top), least)
    most = max(ceil(top / step), 1) * step
    depth = height - TOP - BOTTOM

    def y(value: float) -> float:
        return TOP + depth - max(value, 0.0) / most * depth

    for n in range(round(most / step) + 1):
        level = n * step
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(level):.1f}" '
            f'y2="{y(level):.1f}"/><text class="row" x="{LEFT - 6}" y="{y(level) + 4:.1f}">'
            f"{level:g}</text>"
        )
    parts.append(f'<text class="unit" x="{LEFT + 4}" y="{TOP + 2}">{escape(unit)}</text>')
    return y, parts, height


def _step(top: float) -> float:
    """Return a round step that gives three to five grid lines."""
    raw = top / 4
    size = 10.0 ** floor(log10(raw))
    return next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= raw)


def _background(frame: Frame, height: int) -> list[str]:
    """Return the shaded times of faults and the time axis."""
    bottom = height - BOTTOM
    parts = [
        f'<rect class="band" x="{x:.1f}" y="{TOP}" width="{width:.1f}" height="{bottom - TOP}">'
        f"<title>{escape(frame.faults[place].label)}</title></rect>"
        for place, x, width in _visible(frame, [(band.start, band.end) for band in frame.faults])
    ]
    for t, label in frame.ticks:
        x, (upper, _, lower) = frame.x(t), label.partition("\n")
        parts.append(
            f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
            f'<text class="when" x="{x:.1f}" y="{bottom + 16}">{escape(upper)}</text>'
            f'<text class="when second" x="{x:.1f}" y="{bottom + 30}">{escape(lower)}</text>'
        )
    parts.append(
        f'<line class="tick" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>'
    )
    return parts


def _figure(parts: list[str], height: int, curves: Sequence[Curve]) -> str:
    keys = "".join(
        f'<span class="key"><i class="c{n % COLOURS}"></i>{escape(curve.name)}</span>'
        for n, curve in enumerate(curves)
    )
    return f'{_wrap(parts, height)}<p class="keys">{keys}</p>'


def _wrap(parts: list[str], height: int) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{"".join(parts)}</svg>'
