"""The page of a ticket: answering, noting, closing, changing, and two people at once."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.enums import CommentType, Priority, Status
from emberone.services import comments, tickets
from tests.web.admin.conftest import look, rows


def respond(browser, ticket, text="Hello", verb="reply", **more):
    return browser.post(
        f"/admin/ticket/{ticket.number}/respond/", data={"text": text, "verb": verb, **more}
    )


def said(ticket):
    return rows(
        "SELECT content, type::text, is_internal, author_id FROM comments WHERE ticket_id = :id"
        " ORDER BY created_at, id",
        id=ticket.id,
    )


def form_of(ticket, **changed):
    return {
        "version": ticket.version, "title": ticket.title, "description": ticket.description,
        "priority": ticket.priority.value, "agent": str(ticket.assigned_agent_id or ""),
        "team": str(ticket.team_id or ""), "tags": ", ".join(ticket.tags), **changed,
    }  # fmt: skip


def change(browser, ticket, **changed):
    form = form_of(ticket, **changed)
    return browser.post(f"/admin/ticket/{ticket.number}/change/", data=form)


def test_a_note_too_goes_on_to_the_next_and_past_the_last_comes_the_list(as_agent, open_ticket):
    first, last = open_ticket("First"), open_ticket("Last")
    queue = as_agent.get("/admin/ticket/?view=all&sort=number&desc=0").get_data(as_text=True)
    for ticket, after in ((first, f"/admin/ticket/{last.number}/"), (last, "/admin/ticket/?")):
        page = re.search(rf'href="(/admin/ticket/{ticket.number}/\?[^"]*)"', queue)[1]
        page = page.replace("&amp;", "&")
        action = page.replace("/?", "/respond/?")
        sent = {"verb": "note", "kind": "note", "text": "Done.", "onward": "1"}
        answer = as_agent.post(action, data=sent)
        assert answer.status_code == 303
        onward = as_agent.get(answer.location).location
        assert onward.startswith(after)
        assert f"The note on #{ticket.number} was added." in as_agent.get(onward).text
    # Who came from no list has nowhere to go on to.
    plain = as_agent.post(f"/admin/ticket/{first.number}/respond/", data=sent | {"text": "More."})
    assert plain.location.startswith(f"/admin/ticket/{first.number}/#comment-")


@pytest.mark.parametrize(
    ("verb", "after"),
    [
        ("reply", Status.IN_PROGRESS),
        ("reply_and_wait", Status.WAITING),
        ("reply_and_close", Status.CLOSED),
    ],
)
def test_the_reply_verbs(as_agent, agent, open_ticket, set_setting, verb, after):
    set_setting(reply_delay_s=0)
    ticket = open_ticket()
    answer = respond(as_agent, ticket, "We are on it.", verb)
    assert answer.status_code == 303
    assert answer.location.startswith(f"/admin/ticket/{ticket.number}/#comment-")
    assert [tuple(row) for row in said(ticket)] == [
        ("We are on it.", "USER", False, agent.profile_id)
    ]
    now = look(ticket.id)
    assert now.status is after
    assert now.assigned_agent_id == agent.profile_id
    [entry] = rows(
        "SELECT actor_id, metadata ->> 'source' FROM history WHERE action = 'status_changed'"
    )
    assert tuple(entry) == (agent.profile_id, "agent_dashboard")
    page = as_agent.get(f"/admin/ticket/{ticket.number}/").get_data(as_text=True)
    assert "Your reply was sent." in page
    assert "We are on it." in page


@pytest.mark.parametrize(
    "form", [{"verb": "note"}, {"verb": "reply", "kind": "note"}, {"verb": "note", "kind": "reply"}]
)
def test_a_note_stays_internal_whatever_button_was_pressed(as_agent, open_ticket, form):
    ticket = open_ticket()
    before = look(ticket.id)
    assert respond(as_agent, ticket, "He is furious.", **form).status_code == 303
    [row] = said(ticket)
    assert row.type == CommentType.INTERNAL.value
    assert row.is_internal
    after = look(ticket.id)
    assert (after.status, after.public_version) == (before.status, before.public_version)
    assert "Internal note" in as_agent.get(f"/admin/ticket/{ticket.number}/").get_data(as_text=True)


def test_a_reply_on_a_closed_ticket_asks_first_and_keeps_the_text(
    as_agent, agent, open_ticket, set_setting
):
    set_setting(reply_delay_s=0)
    ticket = open_ticket()
    tickets.close_ticket(agent, ticket.id)
    answer = respond(as_agent, ticket, "One more thing…")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Should your reply reopen it?" in page
    assert "One more thing…</textarea>" in page
    assert said(ticket) == []
    assert look(ticket.id).status is Status.CLOSED
    assert respond(as_agent, ticket, "One more thing…", "reply_and_reopen").status_code == 303
    assert look(ticket.id).status is Status.IN_PROGRESS
    assert [row.content for row in said(ticket)] == ["One more thing…"]


def test_a_closed_ticket_can_be_answered_and_stay_closed_but_not_wait(as_agent, agent, open_ticket):
    ticket = open_ticket()
    tickets.close_ticket(agent, ticket.id)
    answer = respond(as_agent, ticket, "Wait", "reply_and_wait")
    assert answer.status_code == 409
    assert "reopen it first" in answer.get_data(as_text=True)
    assert said(ticket) == []
    assert respond(as_agent, ticket, "Bye", "reply_and_close").status_code == 303
    assert look(ticket.id).status is Status.CLOSED


def test_an_empty_reply_is_refused_beside_the_box(as_agent, open_ticket):
    ticket = open_ticket()
    answer = respond(as_agent, ticket, "  \n ")
    assert answer.status_code == 422
    assert "The comment is empty." in answer.get_data(as_text=True)
    assert said(ticket) == []
    assert look(ticket.id).status is Status.OPEN


def test_closing_and_reopening_without_a_reply(as_agent, open_ticket):
    ticket = open_ticket()
    assert as_agent.post(f"/admin/ticket/{ticket.number}/close/").status_code == 303
    assert look(ticket.id).status is Status.CLOSED
    again = as_agent.post(f"/admin/ticket/{ticket.number}/close/", follow_redirects=True)
    assert "This ticket is closed already." in again.get_data(as_text=True)
    assert as_agent.post(f"/admin/ticket/{ticket.number}/reopen/").status_code == 303
    assert look(ticket.id).status is Status.IN_PROGRESS


def test_a_ticket_closed_too_long_ago_is_not_reopened(as_agent, customer, make):
    then = datetime.now(UTC) - timedelta(days=30)
    ticket = look(make.ticket(customer, now=then, status=Status.CLOSED))
    address = f"/admin/ticket/{ticket.number}/reopen/"
    page = as_agent.post(address, follow_redirects=True).get_data(as_text=True)
    assert "closed more than 7 days ago" in page
    assert look(ticket.id).status is Status.CLOSED


def test_taking_a_ticket(as_agent, agent, make, open_ticket):
    ticket = look(open_ticket().id)
    address = f"/admin/ticket/{ticket.number}/take/"
    assert as_agent.post(address, data={"version": ticket.version}).status_code == 303
    assert look(ticket.id).assigned_agent_id == agent.profile_id


def test_taking_a_ticket_that_someone_else_took_meanwhile_is_refused(as_agent, make, open_ticket):
    ticket, ben = look(open_ticket().id), make.agent("Ben")
    tickets.assign_ticket(ben, ticket.id, ben.profile_id)
    page = as_agent.post(
        f"/admin/ticket/{ticket.number}/take/",
        data={"version": ticket.version},
        follow_redirects=True,
    ).get_data(as_text=True)
    assert "Someone changed this meanwhile" in page
    assert look(ticket.id).assigned_agent_id == ben.profile_id


def test_changing_properties(as_agent, agent, make, open_ticket):
    ticket, team = look(open_ticket().id), make.team("Billing")
    answer = change(
        as_agent, ticket, title="New title", description="New\r\ntext", priority="CRITICAL",
        agent=str(agent.profile_id), team=str(team), tags="VPN, refund ,vpn",
    )  # fmt: skip
    assert answer.status_code == 303
    now = look(ticket.id)
    assert (now.title, now.description, now.priority) == (
        "New title",
        "New\ntext",
        Priority.CRITICAL,
    )
    assert (now.assigned_agent_id, now.team_id) == (agent.profile_id, team)
    assert now.tags == ["refund", "vpn"]
    actions = {
        row[0]
        for row in rows("SELECT action FROM history WHERE actor_id = :id", id=agent.profile_id)
    }
    assert actions >= {
        "title_changed", "description_changed", "priority_changed", "assignment_changed",
        "team_changed", "tags_changed",
    }  # fmt: skip
    page = as_agent.get(f"/admin/ticket/{ticket.number}/?tab=activity").get_data(as_text=True)
    for words in (
        "changed the title from “Printer on fire” to “New title”",
        "changed the priority from Medium to Critical",
        "took the ticket",
        "moved the ticket from no team to Billing",
        "added the tags refund, vpn",
    ):
        assert words in page, words


def test_a_form_sent_back_unchanged_changes_nothing(as_agent, customer, make):
    ticket = look(make.ticket(customer, description="a\nb", tags=["x", "y"]))
    before = rows("SELECT count(*) FROM history")[0][0]
    assert change(as_agent, ticket, description="a\r\nb").status_code == 303
    assert look(ticket.id).version == ticket.version
    assert rows("SELECT count(*) FROM history")[0][0] == before


def test_a_stale_form_comes_back_with_both_versions_and_nothing_lost(
    as_agent, admin, make, open_ticket
):
    ticket = look(open_ticket().id)
    theirs = tickets.TicketChanges(title="Their title", tags=["theirs"])
    tickets.change_ticket(admin, ticket.id, theirs, version=ticket.version)
    changed = look(ticket.id)

    answer = change(
        as_agent, ticket, title="My <title>", description="My text", priority="LOW", tags="mine"
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    for words in ("Their title", "My &lt;title&gt;", "My text", "theirs", "mine"):
        assert words in page, words
    assert look(ticket.id).version == changed.version
    assert f'name="version" value="{changed.version}"' in page

    mine = change(
        as_agent, changed, title="My <title>", description="My text", priority="LOW", tags="mine"
    )
    assert mine.status_code == 303
    now = look(ticket.id)
    assert (now.title, now.description, now.tags) == ("My <title>", "My text", ["mine"])


def test_a_conflict_gives_way_where_nothing_was_typed(as_agent, admin, agent, open_ticket):
    """Whoever saves their title does not take the ticket from the agent who took it meanwhile."""
    import re

    ticket = look(open_ticket().id)
    page = as_agent.get(f"/admin/ticket/{ticket.number}/").get_data(as_text=True)
    seen = re.search(r'name="seen" value="([^"]+)"', page)[1]
    tickets.assign_ticket(admin, ticket.id, agent.profile_id)
    answer = change(as_agent, ticket, title="Mine", seen=seen)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert 'value="Mine"' in page
    assert f'<option value="{agent.profile_id}" selected>' in page
    assert page.split("<tbody")[1].count("differs") == 1
    for damaged in ("", "...", "x" * 5000, ".".join(["zz"] * 50)):
        assert change(as_agent, ticket, title="Mine", seen=damaged).status_code == 409


def test_a_refused_form_does_not_hide_a_conflict(as_agent, admin, open_ticket):
    ticket = look(open_ticket().id)
    changes = tickets.TicketChanges(tags=["theirs"])
    tickets.change_ticket(admin, ticket.id, changes, version=None)
    page = change(as_agent, ticket, agent=str(admin.profile_id)).get_data(as_text=True)
    assert f'name="version" value="{ticket.version}"' in page


def test_a_refused_change_keeps_what_was_typed(as_agent, open_ticket):
    ticket = look(open_ticket().id)
    answer = change(as_agent, ticket, title=" ", description="Long typed text")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "The title is empty." in page
    assert "Long typed text" in page
    assert look(ticket.id).version == ticket.version


def test_deleting_leaves_the_history(as_admin, admin, open_ticket):
    ticket = open_ticket("Printer on fire")
    answer = as_admin.post(f"/admin/ticket/{ticket.number}/delete/", follow_redirects=True)
    assert f"Ticket #{ticket.number} was deleted." in answer.get_data(as_text=True)
    assert rows("SELECT 1 FROM tickets") == []
    assert as_admin.get(f"/admin/ticket/{ticket.number}/").status_code == 404
    page = as_admin.get(f"/admin/history/?ticket={ticket.id}").get_data(as_text=True)
    assert f"deleted the ticket #{ticket.number} “Printer on fire”" in page


def test_the_conversation_reads_from_oldest_to_newest_with_the_box_at_its_end(
    as_agent, agent, customer, open_ticket
):
    ticket = open_ticket(text="FIRST")
    comments.add_note(agent, ticket.id, "SECOND")
    comments.comment_as_customer(customer, ticket.id, "THIRD")
    page = as_agent.get(f"/admin/ticket/{ticket.number}/").get_data(as_text=True)
    places = [page.index(word) for word in ("FIRST", "SECOND", "THIRD", 'id="composer"')]
    assert places == sorted(places)


def test_a_follow_up_names_the_ticket_it_continues(as_agent, customer, make):
    then = datetime.now(UTC) - timedelta(days=30)
    old = look(make.ticket(customer, now=then, status=Status.CLOSED))
    new = look(comments.comment_as_customer(customer, old.id, "It is back."))
    assert f"continues #{old.number}" in as_agent.get(f"/admin/ticket/{new.number}/").get_data(
        as_text=True
    )
    assert f"continued by #{new.number}" in as_agent.get(f"/admin/ticket/{old.number}/").get_data(
        as_text=True
    )


def test_the_address_that_letters_carry_leads_to_the_ticket(as_agent, open_ticket):
    ticket = open_ticket()
    answer = as_agent.get(f"/admin/ticket/details/?id={ticket.id}")
    assert answer.location == f"/admin/ticket/{ticket.number}/"


def test_scripts_in_every_text_are_shown_as_text(as_agent, make, admin):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    customer = make.customer(evil)
    ticket = look(make.ticket(customer, title=evil, description=evil))
    comments.add_note(admin, ticket.id, evil)
    change(as_agent, ticket, title=evil + "2")
    for address in (f"ticket/{ticket.number}/", "ticket/", "comment/", "history/", "profile/"):
        page = as_agent.get(f"/admin/{address}").get_data(as_text=True)
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address


# --------------------------------------------------------------------------- a new ticket


def new(browser, **form):
    return browser.post("/admin/ticket/new/", data={"title": "T", "description": "D", **form})


def test_opening_a_ticket_for_a_known_customer(as_agent, agent, customer, make):
    team = make.team()
    answer = new(
        as_agent, customer=str(customer.profile_id), priority="HIGH", team=str(team),
        tags="vpn", agent=str(agent.profile_id),
    )  # fmt: skip
    assert answer.status_code == 303
    [row] = rows("SELECT * FROM tickets")
    assert (row.customer_id, row.priority, row.team_id) == (customer.profile_id, "HIGH", team)
    assert (row.tags, row.assigned_agent_id) == (["vpn"], agent.profile_id)
    assert answer.location == f"/admin/ticket/{row.number}/"
    assert rows("SELECT count(*) FROM sla_clocks")[0][0] == 2


def test_opening_a_ticket_by_address_of_a_known_or_a_new_customer(as_agent, customer):
    assert new(as_agent, email="CARL@example.org").status_code == 303
    assert new(as_agent, email="new@example.org", name="Nora New").status_code == 303
    names = [row[0] for row in rows(
        "SELECT full_name FROM tickets JOIN profiles ON profiles.id = customer_id ORDER BY number"
    )]  # fmt: skip
    assert names == ["Carl Customer", "Nora New"]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"email": "not an address"},
        {"email": "ana@example.org"},
        {"email": "new@example.org", "title": " "},
        {"email": "new@example.org", "tags": ",".join(f"t{n}" for n in range(21))},
    ],
)
def test_a_refused_new_ticket_leaves_nothing_behind_and_keeps_what_was_typed(as_agent, form):
    answer = new(as_agent, **{"description": "Long typed text", **form})
    assert answer.status_code == 422
    assert "Long typed text" in answer.get_data(as_text=True)
    assert rows("SELECT 1 FROM tickets") == []
    assert rows("SELECT 1 FROM profiles WHERE email = 'new@example.org'") == []
