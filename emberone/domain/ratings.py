"""Ratings in figures: what a number of answers says, and how surely (feedback rule 11)."""

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

#: The figures of fewer answers are one customer's mood, and would tell who it was.
ENOUGH: Final = 5
#: From so many stars on a customer is satisfied.
SATISFIED: Final = 4
#: The 97.5 % point of the normal distribution: 95 % lie between it and its negative.
_Z: Final = 1.959963984540054


class Whose(StrEnum):
    """Whose ratings are looked at."""

    MINE = "mine"
    #: Of the members of one's own teams.
    TEAMS = "teams"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of some requests: how many were sent, answered, and with how many stars."""

    sent: int = 0
    #: Of those that were sent.
    answered: int = 0
    #: How many answers gave one star, two, … five; those in the portal that no letter asked for too.
    stars: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)

    @property
    def count(self) -> int:
        """How many rated: n."""
        return sum(self.stars)

    @property
    def is_enough(self) -> bool:
        """Whether so many rated that the figures say something, and nothing about one person."""
        return self.count >= ENOUGH

    @property
    def response_rate(self) -> float | None:
        """Answered ÷ sent; None where nothing was sent."""
        return self.answered / self.sent if self.sent else None

    @property
    def satisfied(self) -> float | None:
        """CSAT: the share of four and five stars; None without answers."""
        return sum(self.stars[SATISFIED - 1 :]) / self.count if self.count else None

    @property
    def mean(self) -> float | None:
        """The mean of the stars; None without answers."""
        if not self.count:
            return None
        return sum(number * stars for number, stars in enumerate(self.stars, start=1)) / self.count

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the share of satisfied customers lies with 95 % confidence; None without answers."""
        if not self.count:
            return None
        return wilson(sum(self.stars[SATISFIED - 1 :]), self.count)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share, without continuity correction.

    E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22 (1927), 209–212;
    chosen among others for small numbers by L. D. Brown, T. T. Cai and A. DasGupta,
    "Interval estimation for a binomial proportion", Statistical Science 16 (2001), 101–133.
    """
    share, weight = hits / count, _Z * _Z / count
    middle = (share + weight / 2) / (1 + weight)
    half = _Z * sqrt(share * (1 - share) / count + weight / (4 * count)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
