"""What a number of answers says, and how surely."""

from random import Random

import pytest

from emberone.domain.ratings import ENOUGH, Figures, wilson

pytestmark = pytest.mark.rule("feedback 11")


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_one_that_was_published(hits, count, low, high):
    found = wilson(hits, count)
    assert [round(end, 4) for end in found] == [low, high]
    mirrored = wilson(count - hits, count)
    assert mirrored == pytest.approx((1 - found[1], 1 - found[0]))


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_its_share_and_never_leaves_the_range(seed):
    count = Random(seed).randint(1, 500)
    for hits in {0, count, Random(seed).randint(0, count)}:
        low, high = wilson(hits, count)
        assert 0 <= low <= high <= 1
        assert low - 1e-9 <= hits / count <= high + 1e-9


def test_more_answers_are_surer():
    widths = [high - low for low, high in (wilson(n // 2, n) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


def test_the_figures_of_some_answers():
    figures = Figures(sent=10, answered=6, stars=(1, 0, 1, 2, 4))
    assert figures.count == 8
    assert figures.response_rate == 0.6
    assert figures.satisfied == 0.75
    assert figures.mean == (1 + 3 + 8 + 20) / 8
    assert figures.interval == wilson(6, 8)


def test_nothing_is_divided_by_nothing():
    nothing = Figures()
    assert (nothing.response_rate, nothing.satisfied, nothing.mean, nothing.interval) == (None,) * 4
    assert Figures(sent=3).response_rate == 0


@pytest.mark.parametrize("count", [0, 1, ENOUGH - 1, ENOUGH])
def test_fewer_than_five_answers_are_not_enough(count):
    assert Figures(stars=(0, 0, 0, 0, count)).is_enough == (count >= 5)
