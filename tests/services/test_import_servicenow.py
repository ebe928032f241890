"""Replaying an event log: the file's changes are history, at their time, once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Availability, Priority, Status
from emberone.domain.errors import Conflict, NotAllowed
from emberone.domain.imports.rows import Row
from emberone.embedded import EmbeddedPostgres
from emberone.models import Agent, HistoryEntry, Profile, Ticket
from emberone.services import tickets
from emberone.services.imports.servicenow import import_incident
from tests.conftest import DATABASE, OWNER, recreate_database
from tests.imports import dump, incidents, product_on, read_log, story, take_in

WHOLE = "imported"

# The test's own reading of the rules, apart from the product's.
STATUSES = {
    "New": "OPEN",
    "Active": "IN_PROGRESS",
    "Awaiting Problem": "IN_PROGRESS",
    "Awaiting User Info": "WAITING",
    "Resolved": "CLOSED",
    "Closed": "CLOSED",
}
PRIORITIES = {"1": "CRITICAL", "2": "HIGH", "3": "MEDIUM", "4": "LOW"}
FIELDS = ("status", "priority", "assignedAgentId")
ACTIONS = {
    "status": "status_changed",
    "priority": "priority_changed",
    "assignedAgentId": "assignment_changed",
}


@pytest.fixture(scope="module")
def whole(postgres: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """The whole file, imported once into a database of its own."""
    recreate_database(postgres, WHOLE)
    with product_on(postgres, WHOLE):
        outcome = take_in(read_log())
        assert (outcome.tickets, outcome.events, outcome.known) == (500, 3411, 0)
        assert outcome.rejected == []
    return postgres


def time_of(row: dict[str, str]) -> datetime:
    return datetime.strptime(row["sys_updated_at"], "%d-%m-%Y %H:%M").replace(tzinfo=UTC)


def state_of(row: dict[str, str]) -> dict[str, str | None]:
    return {
        "status": STATUSES[row["incident_state"]],
        "priority": PRIORITIES[row["priority"][0]],
        "assignedAgentId": None if row["assigned_to"] == "?" else row["assigned_to"],
    }


def expected_history(rows: list[dict[str, str]]) -> list[tuple[Any, ...]]:
    """What one incident's rows must have become: (time, action, actor, old, new)."""
    rows = sorted(rows, key=time_of)
    entries = [(time_of(rows[0]), "created", rows[0]["sys_updated_by"], {}, state_of(rows[0]))]
    for before, after in pairwise(rows):
        for field in FIELDS:
            old, new = state_of(before)[field], state_of(after)[field]
            if old != new:
                entries.append(
                    (
                        time_of(after),
                        ACTIONS[field],
                        after["sys_updated_by"],
                        {field: old},
                        {field: new},
                    )
                )
    return entries


def test_every_change_in_the_file_is_one_history_entry_with_its_time_and_actor(whole):
    with whole.connect(OWNER, WHOLE) as connection:
        names = {
            str(i): name for i, name in connection.execute("SELECT id, full_name FROM profiles")
        }
        entries: dict[str, list[tuple[Any, ...]]] = {}
        sources = set()
        for number, at, action, actor, old, new, source in connection.execute(
            "SELECT split_part(title, ':', 1), history.created_at, action, actor_id::text,"
            " old_value, new_value, history.metadata ->> 'source'"
            " FROM history JOIN tickets ON tickets.id = ticket_id"
            " WHERE action IN ('created', 'status_changed', 'priority_changed',"
            " 'assignment_changed') ORDER BY history.created_at, history.id"
        ):
            values = [
                {
                    field: names[value] if field == "assignedAgentId" and value else value
                    for field, value in (side or {}).items()
                    if field != "title"
                }
                for side in (old, new)
            ]
            entries.setdefault(number, []).append((at, action, names[actor], *values))
            sources.add(source)
    expected = {number: expected_history(rows) for number, rows in incidents(read_log()).items()}
    assert len(expected) == 500
    assert entries == expected
    assert sources == {"system"}


def test_a_ticket_ends_as_its_last_row_says(whole):
    with whole.connect(OWNER, WHOLE) as connection:
        found = {
            number: rest
            for number, *rest in connection.execute(
                "SELECT split_part(title, ':', 1), status::text, priority::text, agent.full_name,"
                " customer.full_name, teams.name, tags, tickets.created_at, closed_at"
                " FROM tickets JOIN profiles AS customer ON customer.id = customer_id"
                " LEFT JOIN profiles AS agent ON agent.id = assigned_agent_id"
                " LEFT JOIN teams ON teams.id = team_id"
            )
        }
    for number, rows in incidents(read_log()).items():
        rows.sort(key=time_of)
        last, state = rows[-1], state_of(rows[-1])
        closed_since = next(
            time_of(row)
            for i, row in enumerate(rows)
            if all(STATUSES[later["incident_state"]] == "CLOSED" for later in rows[i:])
        )
        assert found[number] == [
            state["status"],
            state["priority"],
            state["assignedAgentId"],
            last["caller_id"],
            None if last["assignment_group"] == "?" else last["assignment_group"],
            [] if last["category"] == "?" else [last["category"].lower()],
            time_of(rows[0]),
            closed_since,
        ]


def test_groups_become_teams_of_those_who_had_their_tickets(whole):
    rows = read_log()
    with whole.connect(OWNER, WHOLE) as connection:
        members = set(
            connection.execute(
                "SELECT name, full_name FROM team_members JOIN teams ON teams.id = team_id"
                " JOIN profiles ON profiles.id = profile_id"
            )
        )
        teams = {name for (name,) in connection.execute("SELECT name FROM teams")}
    assert teams == {row["assignment_group"] for row in rows} - {"?"}
    assert members == {
        (row["assignment_group"], row["assigned_to"])
        for row in rows
        if row["assignment_group"] != "?" and row["assigned_to"] != "?"
    }


def test_people_are_profiles_that_nobody_mails_and_agents_are_away(whole):
    rows = read_log()
    with whole.connect(OWNER, WHOLE) as connection:
        people = connection.execute("SELECT full_name, role::text, email FROM profiles").fetchall()
        away = connection.execute(
            "SELECT count(*), min(availability), max(availability) FROM agents"
        )
        assert away.fetchone() == (
            sum(role == "AGENT" for _, role, _ in people),
            "AWAY",
            "AWAY",
        )
    assert {name for name, role, _ in people if role == "CUSTOMER"} == {
        row["caller_id"] for row in rows
    }
    assert {name for name, role, _ in people if role == "AGENT"} == {
        row[column] for row in rows for column in ("assigned_to", "sys_updated_by")
    } - {"?"}
    assert all(email.endswith("@import.invalid") for _, _, email in people)


def test_nothing_follows_from_what_is_history(whole):
    with whole.connect(OWNER, WHOLE) as connection:
        for table in ("mail_outbox", "feedback_requests", "sla_clocks", "sla_steps"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        drift = connection.execute("SELECT count(*) FROM agents WHERE open_count <> 0")
        assert drift.fetchone() == (0,)


def test_comments_from_the_file_are_internal_and_move_nothing_public(whole):
    with whole.connect(OWNER, WHOLE) as connection:
        kinds = set(connection.execute("SELECT type::text, is_internal FROM comments"))
        late = connection.execute(
            "SELECT count(*) FROM tickets WHERE public_updated_at > ("
            " SELECT max(created_at) FROM history WHERE ticket_id = tickets.id AND NOT is_internal)"
        )
        assert late.fetchone() == (0,)
    assert kinds == {("SYSTEM", True)}


def test_twice_gives_the_same_database(whole):
    before = dump(whole, WHOLE)
    with product_on(whole, WHOLE):
        outcome = take_in(read_log())
    assert (outcome.tickets, outcome.events, outcome.known) == (0, 0, 3411)
    assert dump(whole, WHOLE) == before


def event(**values: str) -> dict[str, str]:
    """A row of an event log."""
    return {
        "number": "INC1",
        "incident_state": "New",
        "priority": "3 - Moderate",
        "caller_id": "Caller 1",
        "assigned_to": "?",
        "assignment_group": "Group 1",
        "sys_updated_by": "Updated by 1",
        "sys_updated_at": "01-03-2016 10:00",
        **values,
    }


CREATED = event()
STARTED = event(
    incident_state="Active", sys_updated_at="01-03-2016 11:00", assigned_to="Resolver 1"
)
RAISED = event(
    incident_state="Active",
    sys_updated_at="01-03-2016 12:00",
    assigned_to="Resolver 1",
    priority="1 - Critical",
)
CLOSED = event(
    incident_state="Closed",
    sys_updated_at="01-03-2016 13:00",
    assigned_to="Resolver 1",
    priority="1 - Critical",
)
REOPENED = event(incident_state="Active", sys_updated_at="01-03-2016 14:00", priority="1")


def only_ticket() -> Ticket:
    with reading(SYSTEM) as session:
        return session.scalars(select(Ticket)).one()


def entries(*actions: str) -> list[tuple[str, datetime]]:
    with reading(SYSTEM) as session:
        found = session.scalars(
            select(HistoryEntry).order_by(HistoryEntry.created_at, HistoryEntry.id)
        )
        return [
            (entry.action, entry.created_at)
            for entry in found
            if entry.action in (actions or {"created", *ACTIONS.values()})
        ]


def at(hour: int) -> datetime:
    return datetime(2016, 3, 1, hour, tzinfo=UTC)


def counts(owner, table: str) -> int:
    return owner.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_ticket_that_is_still_open_gets_its_clocks_from_now_on(database, owner):
    take_in([CREATED, STARTED])
    ticket = only_ticket()
    assert ticket.status is Status.IN_PROGRESS
    assert ticket.created_at == at(10)
    clocks = owner.execute(
        "SELECT metric, cause, now() - started_at < interval '1 minute', breached_at, due_at > now()"
        " FROM sla_clocks ORDER BY metric"
    ).fetchall()
    assert clocks == [
        ("FIRST_RESPONSE", "import", True, None, True),
        ("RESOLUTION", "import", True, None, True),
    ]
    assert counts(owner, "mail_outbox") == 0


def test_a_waiting_ticket_comes_in_with_its_resolution_paused(database, owner):
    take_in([event(incident_state="Awaiting User Info")])
    assert owner.execute(
        "SELECT metric, due_at IS NULL FROM sla_clocks ORDER BY metric"
    ).fetchall() == [("FIRST_RESPONSE", False), ("RESOLUTION", True)]


def test_a_later_and_longer_export_adds_only_the_new_events(database, owner):
    assert take_in([CREATED, STARTED]).events == 2
    outcome = take_in([CREATED, STARTED, RAISED, CLOSED])
    assert (outcome.tickets, outcome.events, outcome.known) == (0, 2, 2)
    assert entries() == [
        ("created", at(10)),
        ("status_changed", at(11)),
        ("assignment_changed", at(11)),
        ("priority_changed", at(12)),
        ("status_changed", at(13)),
    ]
    ticket = only_ticket()
    assert (ticket.status, ticket.closed_at) == (Status.CLOSED, at(13))
    assert ticket.sla_priority is Priority.CRITICAL
    assert owner.execute(
        "SELECT count(*) FROM sla_clocks WHERE met_at IS NULL AND stopped_at IS NULL"
    ).fetchone() == (0,)
    assert counts(owner, "feedback_requests") == 0
    assert counts(owner, "mail_outbox") == 0


def test_an_export_of_only_what_is_new_goes_on_where_the_last_one_ended(database):
    take_in([CREATED, STARTED])
    take_in([RAISED, CLOSED])
    assert entries()[3:] == [("priority_changed", at(12)), ("status_changed", at(13))]


def test_a_reopened_incident_reopens_its_ticket(database, owner):
    take_in([CREATED, CLOSED])
    assert only_ticket().status is Status.CLOSED
    assert counts(owner, "sla_clocks") == 0
    take_in([CREATED, CLOSED, REOPENED])
    ticket = only_ticket()
    assert (ticket.status, ticket.closed_at) == (Status.IN_PROGRESS, None)
    assert counts(owner, "sla_clocks") == 2


def test_rows_of_an_incident_may_lie_anywhere_in_the_file(database):
    outcome = take_in([CREATED, event(number="INC2"), CLOSED, event(number="INC2"), STARTED])
    assert (outcome.tickets, outcome.events) == (2, 5)


def test_what_an_unchanged_row_says_leaves_no_trace(database, owner):
    take_in([CREATED, event(sys_updated_at="01-03-2016 11:00", sys_updated_by="Updated by 2")])
    assert entries() == [("created", at(10))]
    assert counts(owner, "comments") == 1
    assert counts(owner, "imported_rows") == 2


def test_an_event_older_than_what_came_in_is_rejected(database):
    take_in([CREATED, RAISED])
    outcome = take_in([CREATED, STARTED, RAISED, CLOSED])
    assert [(row.line, row.reason) for row in outcome.rejected] == [
        (3, "it is older than what came in before it")
    ]
    assert (outcome.events, outcome.known) == (1, 2)
    assert only_ticket().status is Status.CLOSED


def test_an_event_older_than_what_people_did_here_is_rejected(database, make):
    take_in([CREATED])
    tickets.close_ticket(make.agent(), only_ticket().id)
    outcome = take_in([CREATED, STARTED])
    assert [row.reason for row in outcome.rejected] == [
        "people have worked on its ticket here since"
    ]
    assert only_ticket().status is Status.CLOSED


def test_what_the_product_did_by_itself_does_not_stand_in_the_way(database, make):
    take_in([CREATED])
    agent = make.agent()
    with transaction(SYSTEM) as session:
        session.scalars(select(Ticket)).one().assigned_agent_id = agent.profile_id
    waiting = event(incident_state="Awaiting User Info", sys_updated_at="01-03-2016 11:00")
    assert take_in([CREATED, waiting]).rejected == []
    ticket = only_ticket()
    # The file says nothing new of the agent.
    assert (ticket.status, ticket.assigned_agent_id) == (Status.WAITING, agent.profile_id)


def test_a_deleted_ticket_does_not_come_back(database, make):
    take_in([CREATED])
    tickets.delete_ticket(make.admin(), only_ticket().id)
    with pytest.raises(Conflict, match="deleted"):
        take_in([CREATED, STARTED])
    with reading(SYSTEM) as session:
        assert session.scalar(select(Ticket)) is None


def test_an_error_leaves_the_incident_as_it_was(database, make, owner):
    take_in([CREATED])
    make.customer(email="staff.resolver-1@import.invalid")
    before = counts(owner, "history"), counts(owner, "imported_rows"), counts(owner, "profiles")
    with pytest.raises(Exception, match="is not an agent here"):
        take_in([CREATED, STARTED])
    after = counts(owner, "history"), counts(owner, "imported_rows"), counts(owner, "profiles")
    assert after == before


def test_bad_rows_stay_out_and_the_rest_goes_in(database):
    outcome = take_in(
        [
            event(incident_state="-100"),
            CREATED,
            event(incident_state="?", sys_updated_at="01-03-2016 10:30"),
            event(sys_updated_at="never"),
            CLOSED,
        ]
    )
    assert [row.line for row in outcome.rejected] == [2, 4, 5]
    assert outcome.events == 2
    assert [action for action, _ in entries("created", "status_changed")] == [
        "created",
        "status_changed",
    ]


def test_an_incident_with_nothing_but_bad_rows_leaves_nothing(database, owner):
    assert len(take_in([event(priority="9"), event(incident_state="0")]).rejected) == 2
    assert [counts(owner, table) for table in ("tickets", "profiles", "teams")] == [0, 0, 0]


def test_an_unknown_caller_is_someone_and_becomes_known_later(database):
    take_in([event(caller_id="?")])
    take_in([event(caller_id="?"), {**CLOSED, "caller_id": "Caller 9"}])
    with reading(SYSTEM) as session:
        ticket = session.scalars(select(Ticket)).one()
        assert session.get(Profile, ticket.customer_id).full_name == "Caller 9"


def test_an_unknown_hand_is_nobody_in_history(database):
    take_in([event(sys_updated_by="?")])
    with reading(SYSTEM) as session:
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "created")).one()
        assert (entry.actor_id, entry.created_at) == (None, at(10))


def test_a_team_that_is_here_already_is_the_same_team(database, make):
    team = make.team("group 1")
    take_in([CREATED])
    assert only_ticket().team_id == team


def test_agents_come_in_away_unless_asked_for_and_those_here_stay_as_they_are(database):
    def availabilities() -> dict[str, Availability]:
        with reading(SYSTEM) as session:
            rows = session.execute(
                select(Profile.full_name, Agent.availability).join(
                    Agent, Agent.profile_id == Profile.id
                )
            )
            return dict(rows.all())

    take_in([CREATED])
    take_in([CREATED, STARTED], availability=Availability.AVAILABLE)
    assert availabilities() == {
        "Updated by 1": Availability.AWAY,
        "Resolver 1": Availability.AVAILABLE,
    }


def test_only_admins_and_the_product_may_import(make):
    for actor in (make.agent(), make.customer()):
        with pytest.raises(NotAllowed):
            import_incident(actor, [Row(2, CREATED)])
    with reading(SYSTEM) as session:
        assert session.scalar(select(Ticket)) is None
    assert import_incident(make.admin(), [Row(2, CREATED)]).tickets == 1
    with reading(SYSTEM) as session:
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "created")).one()
        assert entry.details["source"] == "system"


def test_half_the_file_and_then_the_whole_is_the_same_as_the_whole(postgres, database):
    rows = read_log()[:500]
    cut = next(
        i
        for i in range(250, 500)
        if rows[i]["number"] == rows[i - 1]["number"] == rows[i + 1]["number"]
        and rows[i - 1]["incident_state"] == "Active"
    )
    first = take_in(rows[:cut])
    second = take_in(rows)
    assert (second.events, second.known) == (500 - cut, cut)
    recreate_database(postgres, "at_once")
    with product_on(postgres, "at_once"):
        assert take_in(rows).tickets == first.tickets + second.tickets
    # The ticket that was open in between had clocks, whose story is in its history too.
    found = story(postgres, DATABASE, without="^sla_")
    for table, lines in story(postgres, "at_once", without="^sla_").items():
        assert found[table] == lines, table
    with postgres.connect(OWNER, DATABASE) as connection:
        running = connection.execute(
            "SELECT count(*) FROM sla_clocks JOIN tickets ON tickets.id = ticket_id"
            " WHERE status = 'CLOSED' AND met_at IS NULL AND stopped_at IS NULL"
        )
        assert running.fetchone() == (0,)
