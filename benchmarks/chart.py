"""Bar charts as SVG, drawn by hand: no library, a few kilobytes, readable on light and dark pages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

__all__ = ["Bar", "bars"]

ROW, LABELS, WIDTH, NUMBERS, TOP = 20, 250, 430, 120, 44
INK, OURS, OTHERS, MARK = "#667", "#c2410c", "#94a3b8", "#1e293b"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from the least value of the axis to `value`; the line over it goes from `least` to `greatest`."""

    label: str
    value: float
    least: float
    greatest: float
    ours: bool = False


def bars(title: str, unit: str, entries: Sequence[Bar]) -> str:
    """Horizontal bars on a logarithmic axis."""
    low, high = _axis(entries)
    height = TOP + ROW * len(entries) + 26
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABELS + WIDTH + NUMBERS}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="100%" height="100%" fill="#fff"/><text x="8" y="20" font-size="14">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        x = _x(10.0**power, low, high)
        lines.append(f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 22}" stroke="#e2e8f0"/>')
        lines.append(f'<text x="{x}" y="{height - 8}" fill="{INK}" text-anchor="middle">{10.0**power:,g}</text>')
    lines.append(f'<text x="{LABELS + WIDTH + 8}" y="{TOP - 10}" fill="{INK}">{escape(unit)}</text>')
    for place, entry in enumerate(entries):
        lines += _bar(entry, TOP + ROW * place, low, high)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _axis(entries: Sequence[Bar]) -> tuple[int, int]:
    """The powers of ten that the values lie between, so that the shortest bar still has a length."""
    low = math.floor(math.log10(min(entry.least for entry in entries) * 0.8))
    high = math.ceil(math.log10(max(entry.greatest for entry in entries)))
    return low, max(high, low + 1)


def _x(value: float, low: int, high: int) -> float:
    return round(LABELS + WIDTH * (math.log10(value) - low) / (high - low), 1)


def _bar(entry: Bar, y: int, low: int, high: int) -> list[str]:
    end, middle = _x(entry.value, low, high), y + 7
    color = OURS if entry.ours else OTHERS
    weight = ' font-weight="bold"' if entry.ours else ""
    return [
        f'<text x="{LABELS - 8}" y="{y + 11}" text-anchor="end"{weight}>{escape(entry.label)}</text>',
        f'<rect x="{LABELS}" y="{y}" width="{max(1.0, round(end - LABELS, 1))}" height="14" fill="{color}"/>',
        f'<line x1="{_x(entry.least, low, high)}" x2="{_x(entry.greatest, low, high)}" y1="{middle}" y2="{middle}" '
        f'stroke="{MARK}"/>',
        f'<text x="{LABELS + WIDTH + 8}" y="{y + 11}">{_number(entry.value)}</text>',
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
