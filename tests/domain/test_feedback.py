"""What a rating is, and how long a link to give one is good for."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.feedback import LinkState, checked_rating, checked_text, is_low, link_state
from tests.domain.refusals import refused

EXPIRES = datetime(2026, 3, 2, 9, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("voided_at", "now", "state"),
    [
        (None, EXPIRES - INSTANT, LinkState.OPEN),
        (None, EXPIRES, LinkState.EXPIRED),
        (None, EXPIRES + INSTANT, LinkState.EXPIRED),
        (EXPIRES - INSTANT, EXPIRES - INSTANT, LinkState.VOID),
        (EXPIRES - INSTANT, EXPIRES + INSTANT, LinkState.VOID),
    ],
)
def test_a_link_is_good_until_it_expires_or_is_void(voided_at, now, state):
    assert link_state(EXPIRES, voided_at, now=now) is state


@pytest.mark.parametrize(
    ("rating", "low"), [(None, False), (1, True), (2, True), (3, False), (5, False)]
)
def test_two_stars_and_less_are_low(rating, low):
    assert is_low(rating) is low


@pytest.mark.parametrize("rating", [1, 2, 3, 4, 5])
def test_one_to_five_stars_are_a_rating(rating):
    assert checked_rating(rating) == rating


@pytest.mark.parametrize("rating", [-1, 0, 6, 2.5])
def test_nothing_else_is_a_rating(rating):
    assert refused(checked_rating, rating) == (
        "Choose from one to five stars.",
        {"field": "rating"},
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (None, None),
        ("", None),
        (" \r\n\t", None),
        (" Thank you. ", "Thank you."),
        ("X\r\na\rb\n\nX", "X\na\nb\n\nX"),
        ("x" * 10_000, "x" * 10_000),
        (" " + "x" * 10_000 + "\n", "x" * 10_000),
        ("a\ud7ff\ue000🙂", "a\ud7ff\ue000🙂"),
    ],
)
def test_words_are_tidied_and_none_where_there_are_none(text, kept):
    assert checked_text(text) == kept


@pytest.mark.parametrize("code", [0, 0xD800, 0xDABC, 0xDFFF])
def test_words_that_cannot_be_stored_are_refused(code):
    assert refused(checked_text, f"a{chr(code)}b") == (
        "The text contains a character that cannot be stored.",
        {"field": "text", "what": "text"},
    )


def test_more_than_ten_thousand_characters_are_refused():
    assert refused(checked_text, "x" * 10_001) == (
        "The text is longer than 10,000 characters.",
        {"field": "text", "what": "text", "most": 10_000},
    )
