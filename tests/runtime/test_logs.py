"""A log line names its event and what the event carries."""

import logging

from emberone.logs import EventFormatter, bind, unbind


def line(message: str, **extra: object) -> str:
    record = logging.makeLogRecord(
        {"name": "emberone.mail", "levelname": "INFO", "msg": message, "created": 0.0, **extra}
    )
    return EventFormatter().format(record)


def test_a_line_begins_with_the_time_in_utc() -> None:
    assert line("mail.kept") == "1970-01-01T00:00:00Z INFO emberone.mail mail.kept"


def test_what_an_event_carries_is_shown() -> None:
    assert line("mail.delivered", mail_id=7, attempts=2).endswith(
        "mail.delivered mail_id=7 attempts=2"
    )


def test_a_value_never_breaks_the_line() -> None:
    shown = line("import.refused", reason="two\nlines", file="a b", empty="")
    assert shown.endswith(r'reason="two\nlines" file="a b" empty=""')


def test_what_a_request_is_known_by_is_on_every_line_of_it() -> None:
    bind(request_id="ab12", ticket=1024)
    try:
        assert line("mail.kept").endswith("mail.kept request_id=ab12 ticket=1024")
    finally:
        unbind()
    assert line("mail.kept").endswith("mail.kept")
