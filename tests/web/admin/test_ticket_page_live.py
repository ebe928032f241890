"""How the page of a ticket is read: folded, filtered, asked again, and by how many queries."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from emberone.db import transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import CommentType, Metric, Priority, Status
from emberone.domain.lifecycle import Event
from emberone.models import Comment
from emberone.services import comments, tickets
from emberone.services.tickets import TicketChanges
from tests.services.sla_play import Play, after
from tests.web.admin.conftest import look


def page_of(browser, ticket, query=""):
    return browser.get(f"/admin/ticket/{ticket.number}/{query}").get_data(as_text=True)


def changes(browser, ticket, tag=None, query=""):
    headers = {"If-None-Match": tag} if tag else {}
    return browser.get(f"/admin/ticket/{ticket.number}/changes/{query}", headers=headers)


def test_an_unchanged_ticket_costs_one_statement_besides_the_sign_in(
    as_agent, open_ticket, queries
):
    ticket = open_ticket()
    first = changes(as_agent, ticket)
    assert first.status_code == 200
    tag = first.headers["ETag"]
    queries()
    answer = changes(as_agent, ticket, tag)
    asked = [q for q in queries() if "set_config" not in q and "users" not in q]
    assert answer.status_code == 304
    assert answer.data == b""
    assert len([q for q in asked if "FROM profiles" not in q]) == 1
    assert len(asked) <= 2


def test_the_pages_own_tag_is_what_the_first_question_carries(as_agent, open_ticket):
    ticket = open_ticket()
    tag = re.search(r'data-tag="([^"]+)"', page_of(as_agent, ticket))[1]
    assert changes(as_agent, ticket, f'W/"{tag}"').status_code == 304


def test_what_others_do_changes_the_tag_and_comes_with_the_answer(
    as_agent, admin, customer, open_ticket
):
    ticket = open_ticket()
    tag = changes(as_agent, ticket).headers["ETag"]
    acts = (
        lambda: comments.comment_as_customer(customer, ticket.id, "It burns **again**."),
        lambda: comments.add_note(admin, ticket.id, "Call them."),
        lambda: tickets.change_ticket(
            admin, ticket.id, TicketChanges(priority=Priority.CRITICAL), version=None
        ),
        lambda: tickets.close_ticket(admin, ticket.id),
    )
    for act, words in zip(
        acts, ("<strong>again</strong>", "Call them.", "Critical", "Reopen"), strict=True
    ):
        act()
        answer = changes(as_agent, ticket, tag)
        assert answer.status_code == 200
        assert words in answer.get_data(as_text=True)
        assert answer.headers["ETag"] != tag
        tag = answer.headers["ETag"]
    assert changes(as_agent, ticket, tag).status_code == 304


def test_a_ticket_that_is_not_there_has_no_changes(as_agent):
    assert as_agent.get("/admin/ticket/999999/changes/").status_code == 404


def test_the_queries_do_not_grow_with_the_conversation(as_agent, agent, open_ticket, queries):
    ticket = open_ticket()
    comments.add_note(agent, ticket.id, "First")
    page_of(as_agent, ticket)
    counts = []
    for more in (0, 30):
        for number in range(more):
            comments.add_note(agent, ticket.id, f"Note {number}")
        for query in ("", "?all=1", "?tab=activity"):
            queries()
            page_of(as_agent, ticket, query)
            counts.append(len(queries()))
    assert counts[:3] == counts[3:]
    assert max(counts) <= 24


def test_a_long_conversation_folds_its_middle(as_agent, agent, open_ticket):
    ticket = open_ticket(text="THE REQUEST")
    for number in range(20):
        comments.add_note(agent, ticket.id, f"Note number {number}.")
    page = page_of(as_agent, ticket)
    assert "THE REQUEST" in page
    assert "8 earlier comments" in page
    assert "Note number 7." not in page
    assert "Note number 8." in page
    whole = page_of(as_agent, ticket, "?all=1")
    assert "Note number 7." in whole
    assert "earlier comments" not in whole
    assert "Note number 7." in changes(as_agent, ticket, query="?all=1").get_data(as_text=True)


def test_people_write_markdown_and_the_product_plain_text(as_agent, agent, open_ticket):
    ticket = open_ticket(text="It burns *brightly*.")
    comments.reply(agent, ticket.id, "- one\n- two", Event.STAFF_REPLY)
    with transaction(SYSTEM) as session:
        session.add(
            Comment(
                ticket_id=ticket.id,
                content="**not bold**",
                type=CommentType.SYSTEM,
                is_internal=True,
            )
        )
    page = page_of(as_agent, ticket)
    assert "<em>brightly</em>" in page
    assert "<li>one</li>" in page
    assert "**not bold**" in page


@pytest.mark.parametrize(
    ("view", "there", "not_there"),
    [
        ("all", ["left an internal note", "changed the priority", "chose the time limits"], []),
        ("changes", ["changed the priority"], ["left an internal note", "chose the time limits"]),
        ("sla", ["chose the time limits"], ["left an internal note", "changed the priority"]),
        (
            "mail",
            ["wrote the letter “Assigned” to Ana Agent</a>", 'history__reason">Queued'],
            ["changed the priority"],
        ),
    ],
)
def test_the_timeline_is_narrowed(as_agent, agent, admin, open_ticket, view, there, not_there):
    ticket = open_ticket()
    comments.add_note(admin, ticket.id, "Look at this")
    tickets.change_ticket(
        admin, ticket.id, TicketChanges(priority=Priority.LOW, agent_id=agent.profile_id),
        version=None,
    )  # fmt: skip
    page = page_of(as_agent, ticket, f"?tab=activity&show={view}")
    for words in there:
        assert words in page, words
    for words in not_there:
        assert words not in page, words


def test_the_timeline_opens_also_for_who_came_from_a_view(as_agent, agent, open_ticket):
    ticket = open_ticket()
    tickets.assign_ticket(agent, ticket.id, agent.profile_id)
    queue = as_agent.get("/admin/ticket/?view=mine").get_data(as_text=True)
    walk = re.search(rf'href="(/admin/ticket/{ticket.number}/[^"]*)"', queue)[1]
    page = as_agent.get(walk.replace("&amp;", "&")).get_data(as_text=True)
    (tab,) = re.findall(r'href="([^"]*tab=activity[^"]*)"', page)
    activity = as_agent.get(tab.replace("&amp;", "&"))
    assert activity.status_code == 200
    assert "chose the time limits" in activity.get_data(as_text=True)


def test_the_timeline_goes_on_on_another_page(as_agent, agent, open_ticket):
    ticket = open_ticket()
    for number in range(60):
        comments.add_note(agent, ticket.id, f"Note number {number}.")
    page = page_of(as_agent, ticket, "?tab=activity")
    assert "Note number 59." in page
    assert "Note number 5." not in page
    older = re.search(r'href="([^"]+)" rel="next"', page)[1].replace("&amp;", "&")
    rest = as_agent.get(older).get_data(as_text=True)
    assert "Note number 5." in rest
    assert "opened the ticket" in rest
    assert as_agent.get(f"/admin/ticket/{ticket.number}/?tab=activity&cursor=x").status_code == 400


def test_deleting_a_ticket_asks_first_without_a_script(as_admin, as_agent, open_ticket):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/delete/"
    assert "This cannot be undone." in as_admin.get(address).get_data(as_text=True)
    assert look(ticket.id).number == ticket.number
    assert as_agent.get(address).status_code == 403


def test_deleting_a_comment_asks_first_and_history_words_it(as_admin, agent, open_ticket):
    ticket = open_ticket()
    note = comments.add_note(agent, ticket.id, "Secret plan")
    page = as_admin.get(f"/admin/comment/delete/?id={note}").get_data(as_text=True)
    assert "Secret plan" in page
    assert as_admin.post("/admin/comment/delete/", data={"id": str(note)}).status_code == 303
    page = page_of(as_admin, ticket, "?tab=activity")
    assert "deleted an internal note by Ana Agent" in page
    assert "commentId" not in page


def test_a_deactivated_agent_is_not_offered(as_agent, make, account, change_user, open_ticket):
    gone = make.agent("Gil Gone")
    account(gone)
    ticket = open_ticket()
    assert "Gil Gone" in page_of(as_agent, ticket)
    change_user(gone, active=False)
    assert "Gil Gone" not in page_of(as_agent, ticket)


def test_the_products_own_words_are_said_in_the_readers_way(as_agent, open_ticket):
    ticket = open_ticket()
    facts = {
        "kind": "sla_breach", "metric": "FIRST_RESPONSE", "dueAt": "2026-03-01T10:00:00+00:00",
        "raisedFrom": "MEDIUM", "raisedTo": "HIGH",
    }  # fmt: skip
    with transaction(SYSTEM) as session:
        session.add(
            Comment(
                ticket_id=ticket.id,
                content="The first response was due.",
                is_internal=True,
                type=CommentType.SYSTEM,
                details={"systemData": facts},
            )
        )
    page = page_of(as_agent, ticket)
    assert "First response was due on 1 Mar 2026, 10:00." in page
    assert "Priority raised from Medium to High." in page


@pytest.mark.rule("sla 25")
def test_the_page_tells_why_the_time_limits_stand_as_they_do(as_agent, make):
    play = Play(make, is_as_delivered=True)
    # Monday at 15:00; the first answer comes the next morning.
    ticket = play.ticket(play.open(after(6)))
    play.reply(ticket.id, after(25), Status.WAITING)
    play.move(ticket.id, Status.CLOSED, after(26))
    page = page_of(as_agent, ticket, "?tab=limits")
    first, resolution = re.findall(r'<section class="limit">(.*?)</section>', page, re.DOTALL)
    words = [" ".join(re.sub(r"<[^>]+>", " ", part).split()) for part in (first, resolution)]
    assert words[0].startswith("First response Met at ")
    for said in (
        "Target 4 h Used up 3 h",
        "Hours Business hours, version 1 (UTC)",
        "Counted 2 h It began",
        "Outside hours Hours ended",
        "Counted 1 h Hours began",
    ):
        assert said in words[0], said
    assert "Paused It waits for the customer" in words[1]
    assert "Target 24 h Used up 3 h" in words[1]


def test_the_page_says_where_nothing_is_promised(as_agent, make):
    play = Play(make)
    play.sql("UPDATE sla_policies SET is_default = false")
    ticket = play.ticket(play.open())
    assert "Nothing is promised on this ticket" in page_of(as_agent, ticket, "?tab=limits")


@pytest.mark.rule("sla 25")
def test_an_open_limit_says_what_is_left_and_a_late_one_by_how_much(as_agent, make):
    play = Play(make)
    ticket = play.ticket(play.open(datetime.now(UTC) - timedelta(hours=5)))
    play.prioritise(ticket.id, Priority.CRITICAL, datetime.now(UTC) - timedelta(minutes=30))
    page = " ".join(re.sub(r"<[^>]+>", " ", page_of(as_agent, ticket, "?tab=limits")).split())
    # Five hours of a quarter of an hour, and of four hours.
    assert "Overdue by 4 h 4" in page
    assert "Overdue by 1 h" in page
    # Overrun by the other priority alone: four hours, where four and a half had run.
    assert "(the priority changed)" in page
    assert "around the clock" in page


@pytest.mark.rule("sla 19")
def test_a_time_is_promised_on_the_page_and_taken_back(as_agent, agent, make):
    play = Play(make)
    ticket = play.ticket(play.open(datetime.now(UTC)))
    address, limits = f"/admin/ticket/{ticket.number}", "?tab=limits"
    due = (datetime.now(UTC) + timedelta(days=3)).replace(second=0, microsecond=0)
    sent = {"metric": "RESOLUTION", "due_at": f"{due:%Y-%m-%dT%H:%M}"}
    answer = as_agent.post(f"{address}/promise/", data=sent)
    assert answer.location.endswith(limits)
    page = page_of(as_agent, ticket, limits)
    assert f"{due:%Y-%m-%d %H:%M}:00 UTC, promised by hand" in page
    assert "A time was promised by hand" in page
    clock = play.clock(ticket.id, Metric.RESOLUTION)
    assert (clock.due_at, clock.due_set_by) == (due, agent.profile_id)
    as_agent.post(f"{address}/unpromise/", data={"metric": "RESOLUTION"})
    assert ", promised by hand" not in page_of(as_agent, ticket, limits)
    assert play.clock(ticket.id, Metric.RESOLUTION).due_set_by is None


@pytest.mark.parametrize("due", ["", "yesterday", "2020-01-01T10:00"])
def test_a_time_that_cannot_be_promised_is_refused(as_agent, make, due):
    play = Play(make)
    ticket = play.ticket(play.open(datetime.now(UTC)))
    sent = {"metric": "RESOLUTION", "due_at": due}
    as_agent.post(f"/admin/ticket/{ticket.number}/promise/", data=sent)
    assert play.clock(ticket.id, Metric.RESOLUTION).due_set_by is None
    unknown = as_agent.post(f"/admin/ticket/{ticket.number}/promise/", data={"metric": "LUNCH"})
    assert unknown.status_code == 400
