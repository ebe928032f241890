"""What the rows of a ServiceNow event log mean: states, changes, and what comments say."""

from datetime import UTC, datetime

import pytest

from emberone.domain.enums import Priority, Status
from emberone.domain.imports import servicenow
from emberone.domain.imports.rows import (
    SOMEONE,
    BadRow,
    Row,
    customer,
    member_of_staff,
    row_key,
)
from tests.domain.refusals import refused

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


def test_a_key_is_the_source_s_and_counts_equal_rows_from_one():
    values = log(2).values
    content = [
        "INC1", "New", "3 - Moderate", "Caller 1", "", "Updated by 1", "01-03-2016 10:00",
        *[""] * 5, "Group 1",
    ]  # fmt: skip
    assert values["assigned_to"] == "?"
    events, _ = servicenow.read_events([log(2), log(3)], now=NOW)
    assert [event.key for event in events] == [
        row_key("servicenow", content, 1),
        row_key("servicenow", content, 2),
    ]


def test_an_event_is_in_the_words_of_tickets():
    row = log(2, sys_updated_by="Updated by 7", assigned_to="Resolver 1", category="a,b")
    [event], _ = servicenow.read_events([row], now=NOW)
    assert (event.row, event.at) == (row, datetime(2016, 3, 1, 10, tzinfo=UTC))
    assert (event.status, event.priority) == (Status.OPEN, Priority.MEDIUM)
    assert event.customer == customer("Caller 1")
    assert (event.actor, event.agent) == (
        member_of_staff("Updated by 7"),
        member_of_staff("Resolver 1"),
    )
    assert (event.team, event.tags) == ("Group 1", ("a b",))
    [step] = servicenow.steps([event])
    assert (step.event, step.changed, step.note) == (event, servicenow.FIELDS, None)


def test_what_the_first_row_does_not_know_is_what_a_ticket_has_without():
    row = log(
        2, priority="?", caller_id="?", sys_updated_by="?", category="?", assignment_group="?"
    )
    [event], _ = servicenow.read_events([row], now=NOW)
    assert (event.priority, event.customer) == (Priority.MEDIUM, SOMEONE)
    assert (event.actor, event.agent, event.team, event.tags) == (None, None, None, ())
    assert servicenow.title(event) == "INC1"


def test_each_step_is_of_its_event():
    events, _ = servicenow.read_events([log(2), log(3), log(4)], now=NOW)
    assert [step.event.row.line for step in servicenow.steps(events)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("?", "the incident's number is missing"),
        ("I" * 101, f"the incident's number '{'I' * 59}…' is too long"),
    ],
)
def test_a_number_that_is_none_is_refused(given, said):
    assert refused(servicenow.number, log(2, number=given)) == (said, {})


def test_a_number_and_a_group_of_100_characters_are_taken():
    assert servicenow.number(log(2, number="I" * 100)) == "I" * 100
    [event], _ = servicenow.read_events([log(2, assignment_group="G" * 100)], now=NOW)
    assert event.team == "G" * 100


def only_event(**values):
    [event], _ = servicenow.read_events([log(2, **values)], now=NOW)
    return event


def test_a_title_is_the_short_description_where_there_is_one():
    assert servicenow.title(only_event(short_description="No sound")) == "INC1: No sound"


@pytest.mark.parametrize("length", [493, 494, 495, 600])
def test_a_title_ends_at_500_characters(length):
    title = servicenow.title(only_event(short_description="x" * length))
    assert title == "INC1: " + "x" * min(length, 494)


def test_a_description_is_the_file_s_and_what_it_says_in_columns():
    event = only_event(description="It is silent.", subcategory="Sound", location="Room 1")
    assert servicenow.description(event) == (
        "It is silent.\n\nCategory: Category 1\nSubcategory: Sound\nLocation: Room 1"
    )


def test_what_arrives_closed_says_how_it_was_closed():
    closing = {"closed_code": "code 5", "resolved_by": "Resolved by 7"}
    assert servicenow.arrival_note(only_event(incident_state="Closed", **closing)) == (
        "Imported from ServiceNow: INC1.\nClosed code: code 5\nResolved by: Resolved by 7"
    )
    assert servicenow.arrival_note(only_event(**closing)) == "Imported from ServiceNow: INC1."


def test_a_comment_says_what_is_known_no_more_and_how_it_was_closed_once():
    closed = {"incident_state": "Closed", "closed_code": "code 5"}
    events, _ = servicenow.read_events(
        [
            log(2, location="Room 1"),
            log(3, closed_code="code 5", location="Room 1"),
            log(4, **closed),
            log(5, **closed, vendor="V"),
        ],
        now=NOW,
    )
    assert [step.note for step in servicenow.steps(events)] == [
        None,
        None,
        "Location: Room 1 → unknown\nClosed code: code 5",
        "Vendor: unknown → V",
    ]


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
