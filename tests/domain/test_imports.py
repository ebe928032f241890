"""What every importer shares: priorities, times, people and the keys of rows."""

from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.enums import Priority, Role
from emberone.domain.imports.rows import (
    SOMEONE,
    BadRow,
    DayOrder,
    Row,
    customer,
    member_of_staff,
    moment,
    priority,
    require_past,
    row_key,
    shown,
)
from tests.domain.refusals import refused

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1 - Critical", Priority.CRITICAL),
        ("2 - High", Priority.HIGH),
        ("3 - Moderate", Priority.MEDIUM),
        ("4 - Low", Priority.LOW),
        ("1", Priority.CRITICAL),
        ("4", Priority.LOW),
        (" URGENT ", Priority.CRITICAL),
        ("normal", Priority.MEDIUM),
        ("2 - Sev. B", Priority.HIGH),
    ],
)
def test_a_priority_is_a_word_or_a_number(text, meaning):
    assert priority(text) is meaning


@pytest.mark.parametrize("text", ["0", "5", "5 - Planning", "12 - Low", "asap", "1 Critical\x00"])
def test_an_unknown_priority_is_refused(text):
    with pytest.raises(BadRow, match="is unknown"):
        priority(text)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("29-02-2016 01:16", datetime(2016, 2, 29, 1, 16, tzinfo=UTC)),
        ("29-02-2016 01:16:59", datetime(2016, 2, 29, 1, 16, 59, tzinfo=UTC)),
        ("1.3.2016", datetime(2016, 3, 1, tzinfo=UTC)),
        ("2016-02-29 01:16", datetime(2016, 2, 29, 1, 16, tzinfo=UTC)),
        ("2016-02-29T01:16:00Z", datetime(2016, 2, 29, 1, 16, tzinfo=UTC)),
        ("2016-02-29T01:16:00+02:00", datetime(2016, 2, 28, 23, 16, tzinfo=UTC)),
        ("2016/02/29", datetime(2016, 2, 29, tzinfo=UTC)),
        # Shapes that only ISO 8601 has.
        ("20160229T0116", datetime(2016, 2, 29, 1, 16, tzinfo=UTC)),
        ("2016-W09-1T01:16+02:00", datetime(2016, 2, 28, 23, 16, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text, meaning):
    found = moment(text)
    assert (found, found.tzinfo) == (meaning, UTC)


def test_a_time_is_utc_wherever_the_machine_stands(in_tokyo):
    for text in ("20160229T0116", "2016-02-29T01:16", "20160229T1016+09:00"):
        assert moment(text) == datetime(2016, 2, 29, 1, 16, tzinfo=UTC)
        assert moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "yesterday",
        "30-02-2016 01:16",
        "29-02-2016 25:00",
        "0000-01-01",
        "1-2/2016",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_time_that_is_none_is_refused(text):
    with pytest.raises(BadRow, match="cannot be read"):
        moment(text)


def test_a_date_that_could_be_two_days_is_refused_unless_the_order_is_said():
    with pytest.raises(BadRow, match="--dates"):
        moment("03/04/2016", None)
    assert moment("03/04/2016", DayOrder.DAY_FIRST).month == 4
    assert moment("03/04/2016", DayOrder.MONTH_FIRST).month == 3
    assert moment("04/13/2016", None) == moment("13/04/2016", None)
    assert moment("05/05/2016", None).day == 5


@pytest.mark.parametrize("text", ["12/11/2016", "11/12/2016", "01/12/2016", "12/01/2016"])
def test_up_to_the_twelfth_a_day_could_be_a_month(text):
    assert refused(moment, text, None)[0] == (
        f"the date '{text}' could be two different days; say which with --dates"
    )


def test_from_the_thirteenth_on_a_day_is_no_month():
    assert moment("12/13/2016", None) == moment("13/12/2016", None)
    assert moment("12/12/2016", None) == datetime(2016, 12, 12, tzinfo=UTC)


def test_now_is_not_in_the_future_and_an_instant_later_is():
    require_past(NOW, NOW)
    assert refused(require_past, NOW + timedelta(microseconds=1), NOW)[0] == (
        "the time 2026-01-01 00:00 lies in the future"
    )


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("x" * 60, "'" + "x" * 60 + "'"),
        ("x" * 61, "'" + "x" * 59 + "…'"),
        ("a\x00b\u202ec", "'a\ufffdb\ufffdc'"),
        ("", "''"),
    ],
)
def test_a_value_is_quoted_short_and_with_nothing_invisible(text, quoted):
    assert shown(text) == quoted


def test_a_column_without_a_name_says_nothing():
    row = Row(2, {"": "0", "title": " a ", "note": "?"})
    assert (row.get(""), row.get(None), row.get("other")) == (None, None, None)
    assert (row.get("title"), row.get("note")) == ("a", None)


def test_people_get_readable_addresses_that_are_never_mailed():
    assert customer("Caller 2403").email == "caller-2403@import.invalid"
    staff = member_of_staff("Updated by  21")
    assert (staff.email, staff.full_name, staff.role) == (
        "staff.updated-by-21@import.invalid",
        "Updated by 21",
        Role.AGENT,
    )


def test_two_names_share_an_address_only_where_they_differ_in_case():
    names = ["a b", "a-b", "a.b", "ab", "a  b c", "Ä b", "ä-b", "…", "???", "requests", "x" * 200]
    names += ["x" * 199, "staff.a b"]
    addresses = {person(name).email for name in names for person in (customer, member_of_staff)}
    assert len(addresses) == 2 * len(names)
    assert SOMEONE.email not in addresses
    assert customer("A B").email == customer("a b").email
    assert all(address.isascii() and len(address) <= 80 for address in addresses)


@pytest.mark.parametrize(
    ("name", "local_part"),
    [
        ("requests", "requests-ec72420df5"),
        ("X Æ A-Xii", "x-a-xii-1d168015e6"),
        ("-Ana-", "ana-ab1a35c120"),
        ("…", "b4935894c8"),
        ("a" * 40, "a" * 40),
        ("a" * 41, "a" * 40 + "-c0f8bd4dbc"),
    ],
)
def test_a_name_has_the_same_address_in_every_run(name, local_part):
    """Whoever imports again must find the people of the last time."""
    assert customer(name).email == f"{local_part}@import.invalid"
    assert member_of_staff(name).email == f"staff.{local_part}@import.invalid"


def test_a_row_has_the_same_key_in_every_run():
    """Whoever imports again must know the rows of the last time, odd bytes in them too."""
    key = "449dbf31fb10898957649e07b1de8d4483a6f3b024fc6d36c9712a8f8cd79199"
    assert row_key("a", ["b\udcff", "X"], 1) == key


def test_a_key_tells_source_content_and_occurrence_apart():
    keys = {
        row_key("a", ["b", "c"], 1),
        row_key("a", ["bc"], 1),
        row_key("a", ["b", "c"], 2),
        row_key("ab", ["c"], 1),
        row_key("a", ["b", "", "c"], 1),
    }
    assert len(keys) == 5
    assert row_key("a", ["b"], 1) == row_key("a", ["b"], 1)
