"""The picture of ratings over time: one bar a step, with a line where the truth may lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask_babel import format_percent
from flask_babel import gettext as _

from emberone.domain.ratings import Figures

#: The picture's own units; it is stretched to whatever room there is.
WIDTH: Final = 1000
HEIGHT: Final = 100
#: How much of its place a bar takes, and the widest it gets.
_SHARE: Final = 0.6
_WIDEST: Final = 80


@dataclass(frozen=True, slots=True)
class Bar:
    """One step with enough ratings; the y axis points down."""

    x: float
    width: float
    y: float
    height: float
    #: Where the line stands, and from where to where it goes.
    middle: float
    high: float
    low: float
    #: What it says to who points at it.
    title: str


def bars(over_time: Sequence[tuple[str, Figures]]) -> list[Bar]:
    """The bars, each in the place of its step; hidden steps leave theirs empty."""
    place = WIDTH / max(len(over_time), 1)
    width = min(place * _SHARE, _WIDEST)
    return [
        _bar(label, figures, place * number + place / 2, width)
        for number, (label, figures) in enumerate(over_time)
        if figures.is_enough
    ]


def _bar(label: str, figures: Figures, middle: float, width: float) -> Bar:
    share, interval = figures.satisfied, figures.interval
    assert share is not None
    assert interval is not None
    return Bar(
        x=round(middle - width / 2, 2),
        width=round(width, 2),
        y=_y(share),
        height=round(HEIGHT - _y(share), 2),
        middle=round(middle, 2),
        high=_y(interval[1]),
        low=_y(interval[0]),
        title=_(
            "%(step)s: %(share)s satisfied (%(low)s to %(high)s)",
            step=label,
            share=format_percent(share),
            low=format_percent(interval[0]),
            high=format_percent(interval[1]),
        ),
    )


def _y(share: float) -> float:
    return round(HEIGHT * (1 - share), 2)
