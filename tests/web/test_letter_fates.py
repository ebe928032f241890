"""What became of a letter, in a person's words."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.enums import MailState
from emberone.mail.fates import STATE_NAMES, Faring, fate

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def told(web, state, *, after=timedelta(), attempts=0, error=None):
    with web.test_request_context():
        return fate(Faring(state, NOW + after, attempts, error), NOW)


@pytest.mark.parametrize(
    ("after", "attempts", "then"),
    [
        (timedelta(), 0, "It leaves with the next delivery."),
        (timedelta(hours=1), 0, "It leaves in 1 hour."),
        (
            timedelta(minutes=5),
            2,
            "The last attempt failed. Tried again in 5 minutes: attempt 3 of 8.",
        ),
        (
            timedelta(seconds=-1),
            1,
            "The last attempt failed. Tried again now: attempt 2 of 8.",
        ),
    ],
)
def test_a_queued_letter_says_when_it_is_tried(web, after, attempts, then):
    told_fate = told(web, MailState.QUEUED, after=after, attempts=attempts)
    assert (told_fate.name, told_fate.then) == ("Queued", then)


def test_each_end_says_why(web):
    assert told(web, MailState.SENT).then is None
    assert "1" in told(web, MailState.SENDING, attempts=1).then
    assert "No mail server" in told(web, MailState.KEPT).then
    dead = told(web, MailState.DEAD, attempts=8, error="451 try later").then
    assert dead.startswith("451 try later")
    assert "tried 8 times" in dead
    assert "tried once" in told(web, MailState.DEAD, attempts=1).then
    reason = "This person chose not to get these letters."
    assert told(web, MailState.SUPPRESSED, error=reason).then == reason


def test_every_state_has_a_name(web):
    assert set(STATE_NAMES) == set(MailState)
