"""The picture beside the tables: how many times its floor each row takes, ours and stock."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final

_LEFT, _WIDTH, _RIGHT = 230, 480, 60
_LINE, _BAR, _HEAD, _GAP = 34, 11, 64, 26
_INK, _SOFT, _GRID = "#1f2937", "#6b7280", "#e5e7eb"
#: Dark and light, so that they differ without colour too.
_BARS: Final = {"ours": "#0f4c81", "stock": "#f2a65a"}


def draw(found: Mapping[str, Any]) -> str:
    """The picture as SVG, on a white ground."""
    sizes = found["sizes"]
    most = max(_times(row, name) for rows in sizes.values() for row in rows for name in _BARS)
    decades = max(1, math.ceil(math.log10(max(most, 1))))
    parts, y = [], 16
    for size, rows in sizes.items():
        bottom = y + _HEAD + _LINE * len(rows)
        parts.append(_text(16, y + 16, f"{int(size):,} tickets", weight=600, size=15))
        parts += _scale(decades, y + _HEAD - 10, bottom)
        for place, row in enumerate(rows):
            parts += _row(row, y + _HEAD + _LINE * place, decades)
        y = bottom + _GAP
    width = _LEFT + _WIDTH + _RIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}"'
        f' height="{y}" font-family="system-ui, sans-serif" font-size="12" role="img"'
        ' aria-label="How many times its floor each row takes">\n'
        f'<rect width="{width}" height="{y}" fill="#ffffff"/>\n'
        + "\n".join([*_legend(), *parts])
        + "\n</svg>\n"
    )


def _times(row: Mapping[str, Any], name: str) -> float:
    if name not in row:
        return 0.0
    if name == "ours":
        return float(row["times_floor"])
    return float(row[name]["median_ms"] / row["floor"]["median_ms"])


def _x(times: float, decades: int) -> float:
    return _LEFT + _WIDTH * math.log10(max(times, 1)) / decades


def _scale(decades: int, top: int, bottom: int) -> list[str]:
    parts = []
    for power in range(decades + 1):
        x = _x(10**power, decades)
        parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="{_GRID}"/>')
        words = "the floor" if power == 0 else f"{10**power}×"
        parts.append(_text(x, top - 6, words, anchor="middle", colour=_SOFT))
    return parts


def _row(row: Mapping[str, Any], y: int, decades: int) -> list[str]:
    parts = [_text(_LEFT - 10, y + 17, row["title"], anchor="end")]
    shown = [name for name in _BARS if name in row]
    for place, name in enumerate(shown):
        times = _times(row, name)
        top = y + 4 + place * (_BAR + 2) + (0 if len(shown) > 1 else _BAR // 2)
        end = _x(times, decades)
        parts.append(
            f'<rect x="{_LEFT}" y="{top}" width="{max(end - _LEFT, 1):.1f}" height="{_BAR}"'
            f' fill="{_BARS[name]}"/>'
        )
        parts.append(_text(end + 5, top + 10, f"{times:.1f}", colour=_SOFT, size=11))
    return parts


def _legend() -> list[str]:
    parts = [_text(_LEFT + 20, 32, "how many times the floor:", colour=_SOFT)]
    for x, name, words in ((190, "ours", "EmberOne"), (290, "stock", "stock Flask-Admin")):
        left = _LEFT + x
        parts.append(
            f'<rect x="{left}" y="22" width="{_BAR}" height="{_BAR}" fill="{_BARS[name]}"/>'
        )
        parts.append(_text(left + 16, 32, words))
    return parts


def _text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    colour: str = _INK,
    size: int = 12,
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" fill="{colour}" font-size="{size}"'
        f' font-weight="{weight}">{escape(words)}</text>'
    )
