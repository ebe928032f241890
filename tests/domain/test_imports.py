"""What rows of other systems' files mean: states, priorities, times, people, requests."""

from datetime import UTC, datetime

import pytest

from emberone.domain.enums import Priority, Role, Status
from emberone.domain.errors import Invalid
from emberone.domain.imports import csv, servicenow
from emberone.domain.imports.rows import (
    SOMEONE,
    BadRow,
    DayOrder,
    Row,
    customer,
    member_of_staff,
    moment,
    priority,
    row_key,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("New", Status.OPEN),
        ("Active", Status.IN_PROGRESS),
        ("Awaiting User Info", Status.WAITING),
        ("awaiting  user info ", Status.WAITING),
        ("Awaiting Problem", Status.IN_PROGRESS),
        ("Awaiting Vendor", Status.IN_PROGRESS),
        ("Awaiting Evidence", Status.IN_PROGRESS),
        ("Resolved", Status.CLOSED),
        ("Closed", Status.CLOSED),
    ],
)
def test_a_state_means_a_status(state, status):
    assert servicenow.status(state) is status


@pytest.mark.parametrize("state", ["-100", "Cancelled", "Awaiting", "0"])
def test_an_unknown_state_is_refused_by_name(state):
    with pytest.raises(BadRow, match=f"'{state}' is unknown"):
        servicenow.status(state)


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
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text, meaning):
    assert moment(text) == meaning


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


def log(line: int, **values: str) -> Row:
    """A row of an event log."""
    return Row(
        line,
        {
            "number": "INC1",
            "incident_state": "New",
            "priority": "3 - Moderate",
            "caller_id": "Caller 1",
            "assigned_to": "?",
            "assignment_group": "Group 1",
            "category": "Category 1",
            "sys_updated_by": "Updated by 1",
            "sys_updated_at": "01-03-2016 10:00",
            **values,
        },
    )


def changed(*rows: Row) -> list[set[str]]:
    events, rejected = servicenow.read_events(rows, now=NOW)
    assert not rejected
    return [set(step.changed) for step in servicenow.steps(events)][1:]


def test_a_row_that_changes_nothing_is_no_change():
    assert changed(log(2), log(3, sys_updated_at="01-03-2016 11:00")) == [set()]


def test_each_column_of_a_ticket_that_differs_is_a_change():
    assert changed(
        log(2),
        log(3, incident_state="Active", priority="1 - Critical", assigned_to="Resolver 1"),
        log(4, incident_state="Awaiting Problem", priority="1 - Critical"),
        log(5, incident_state="Awaiting Problem", priority="?", assignment_group="?"),
        log(6, incident_state="Resolved", category="Category 2", caller_id="?"),
        log(7, incident_state="Closed", category="Category 2", caller_id="Caller 2"),
    ) == [
        {"status", "priority", "agent"},
        # Another state of the same status, and the agent taken away.
        {"agent"},
        # An unknown priority stays, an unknown group is none.
        {"team"},
        {"status", "team", "tags", "priority"},
        {"customer"},
    ]


def test_rows_go_by_time_and_ties_by_file_order():
    events, _ = servicenow.read_events(
        [
            log(2, sys_updated_at="01-03-2016 12:00"),
            log(3, sys_updated_at="01-03-2016 11:00"),
            log(4, sys_updated_at="01-03-2016 12:00"),
            log(5, sys_updated_at="01-03-2016 11:00"),
        ],
        now=NOW,
    )
    assert [event.row.line for event in events] == [3, 5, 2, 4]


def test_a_bad_row_stays_out_with_its_line_and_reason_while_the_rest_goes_in():
    events, rejected = servicenow.read_events(
        [
            log(2, incident_state="-100"),
            log(3),
            log(4, sys_updated_at="?"),
            log(5, incident_state="?"),
            log(6, priority="9"),
            log(7, sys_updated_at="01-03-2099 10:00"),
            log(8, assignment_group="G" * 101),
            log(9, assigned_to="R" * 201),
            log(10, category="c" * 51),
            log(11, incident_state="Closed"),
        ],
        now=NOW,
    )
    assert [event.row.line for event in events] == [3, 11]
    assert {row.line: row.reason for row in rejected} == {
        2: "the state '-100' is unknown",
        4: "the time of the update is missing",
        5: "the state is missing",
        6: "the priority '9' is unknown",
        7: "the time 2099-03-01 10:00 lies in the future",
        8: "the assignment group's name has more than 100 characters",
        9: "The name is longer than 200 characters.",
        10: "The tag is longer than 50 characters.",
    }


def test_the_same_row_twice_is_two_occurrences():
    events, _ = servicenow.read_events([log(2), log(3), log(4, location="Elsewhere")], now=NOW)
    assert len({event.key for event in events}) == 3


def test_what_an_export_fills_in_afterwards_does_not_make_another_row():
    before, _ = servicenow.read_events([log(2, closed_at="?", resolved_by="?")], now=NOW)
    after, _ = servicenow.read_events(
        [log(2, closed_at="05-03-2016 12:00", resolved_by="Resolved by 1")], now=NOW
    )
    assert before[0].key == after[0].key


def test_comments_say_what_no_column_holds():
    events, _ = servicenow.read_events(
        [
            log(2, subcategory="Subcategory 1", opened_at="01-03-2016 09:00", contact_type="Phone"),
            log(3, subcategory="Subcategory 2", reopen_count="1", u_symptom="?"),
            log(4, subcategory="Subcategory 2", reopen_count="1", assignment_group="Group 2"),
            log(
                5,
                subcategory="Subcategory 2",
                reopen_count="1",
                incident_state="Resolved",
                closed_code="code 5",
                resolved_by="Resolved by 7",
            ),
        ],
        now=NOW,
    )
    assert servicenow.title(events[0]) == "INC1: Category 1 / Subcategory 1"
    assert servicenow.arrival_note(events[0]) == (
        "Imported from ServiceNow: INC1.\nOpened at: 01-03-2016 09:00\nContact: Phone"
    )
    assert [step.note for step in servicenow.steps(events)] == [
        None,
        "Subcategory: Subcategory 1 → Subcategory 2\nTimes reopened: unknown → 1",
        None,
        "Closed code: code 5\nResolved by: Resolved by 7",
    ]


def request(**values: str) -> csv.Request:
    columns = csv.choose_columns(list(values), {})
    return csv.read_request(Row(2, values), columns)


def test_columns_are_known_by_their_headings():
    assert csv.choose_columns(["", "Subject", "E-Mail", "Body", "Colour"], {}) == {
        "title": "Subject",
        "description": "Body",
        "customer": "E-Mail",
    }
    assert csv.choose_columns(["Created At", "Customer e-mail", "STATE", "summary"], {}) == {
        "title": "summary",
        "status": "STATE",
        "customer": "Customer e-mail",
        "created_at": "Created At",
    }


def test_a_map_wins_over_a_heading():
    assert csv.choose_columns(["title", "Betreff", "urgency"], {"title": "betreff"}) == {
        "title": "Betreff"
    }
    assert (
        csv.choose_columns(["title", "urgency"], {"priority": "urgency"})["priority"] == "urgency"
    )


@pytest.mark.parametrize(
    ("header", "chosen", "reason"),
    [
        (["a", "b"], {}, "no column for a title"),
        ([""], {}, "no column for a title"),
        (["title"], {"colour": "title"}, "no field 'colour'"),
        (["title"], {"status": "zustand"}, "no column 'zustand'"),
        (["title", "title"], {}, "'title' occurs twice"),
        (["Title", "title"], {}, "occurs twice"),
    ],
)
def test_columns_that_cannot_be_found_are_refused(header, chosen, reason):
    with pytest.raises(Invalid, match=reason):
        csv.choose_columns(header, chosen)


def test_an_ignored_column_may_occur_twice():
    assert csv.choose_columns(["title", "Label", "Label"], {}) == {"title": "title"}


def test_a_request_without_more_is_open_and_of_medium_priority():
    made = request(title="Printer", body=" It is\r\nbroken. ")
    assert (made.title, made.description) == ("Printer", "It is\nbroken.")
    assert (made.status, made.priority) == (Status.OPEN, Priority.MEDIUM)
    assert made.customer == SOMEONE
    assert made.created_at is None


def test_an_empty_title_becomes_the_first_words_of_the_body():
    assert request(title=" ", body="Short one").title == "Short one"
    title = request(title="", body="many words " * 50).title
    assert title.startswith("many words many")
    assert title.endswith("words…")
    assert len(title) <= 81
    assert len(request(title="", body="x" * 1000).title) == 81


def test_a_row_without_any_text_is_refused():
    with pytest.raises(BadRow, match="both empty"):
        request(title=" ", body="\n")


def test_a_title_that_is_too_long_stays_whole_in_the_description():
    made = request(title="word " * 200, body="More.")
    assert len(made.title) == 500
    assert made.description == ("word " * 200).strip() + "\n\nMore."


def test_a_body_that_is_too_long_is_refused():
    with pytest.raises(Invalid, match="longer than 100,000"):
        request(title="a", body="x" * 100_001)


@pytest.mark.parametrize(
    ("text", "email", "name"),
    [
        ("Jane@Example.org", "Jane@Example.org", "Jane@Example.org"),
        ("Jane Doe <jane@example.org>", "jane@example.org", "Jane Doe"),
        ('"Doe, Jane" <jane@example.org>', "jane@example.org", "Doe, Jane"),
        ("<jane@example.org>", "jane@example.org", "jane@example.org"),
        ("Jane Doe", "jane-doe@import.invalid", "Jane Doe"),
        ("", "requests@import.invalid", "Imported requests"),
    ],
)
def test_a_customer_is_an_address_or_a_name(text, email, name):
    made = request(title="a", customer=text).customer
    assert (made.email, made.full_name, made.role) == (email, name, Role.CUSTOMER)


def test_a_customers_name_may_have_a_column_of_its_own():
    made = request(title="a", email="jane@example.org", customer_name="Jane").customer
    assert (made.email, made.full_name) == ("jane@example.org", "Jane")
    assert request(title="a", customer_name="Jane").customer.email == "jane@import.invalid"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("priority", "7", "priority '7' is unknown"),
        ("status", "maybe", "status 'maybe' is unknown"),
        ("created_at", "soon", "time 'soon' cannot be read"),
        ("customer", "a@b@c", "not an e-mail"),
        ("title", "a\x00b", "cannot be stored"),
    ],
)
def test_a_value_that_means_nothing_is_refused(column, value, reason):
    with pytest.raises(Invalid, match=reason):
        request(**{"title": "a", column: value})


def test_teams_and_tags_come_from_the_columns_that_are_mapped_to_them():
    row = Row(2, {"title": "a", "queue": "Second line", "labels": "VPN; Windows 11,vpn"})
    columns = csv.choose_columns(list(row.values), {"team": "queue", "tags": "labels"})
    made = csv.read_request(row, columns)
    assert (made.team, made.tags) == ("Second line", ("vpn", "windows 11"))


def test_a_row_is_known_by_all_it_says_whatever_its_line_ends():
    one = csv.content({"title": "a", "body": "b\r\nc", "id": "7"})
    assert one == csv.content({"id": "7", "body": "b\nc ", "title": "a", "empty": " "})
    assert one != csv.content({"title": "a", "body": "b\r\nc", "id": "8"})
