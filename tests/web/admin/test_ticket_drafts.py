"""Replies on their way, as the page of a ticket shows them and lets them be taken back."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from emberone.domain.attachments import Upload
from emberone.domain.enums import DraftKind, DraftState, Status
from emberone.domain.lifecycle import Event
from emberone.services import comments, drafts, publishing, reads, tickets
from tests.web.admin.conftest import look, rows
from tests.web.admin.test_ticket_page import respond, said


@pytest.fixture
def ben(make):
    return make.agent("Ben Second", email="ben@example.org")


def post(browser, ticket, act, /, **form):
    return browser.post(f"/admin/ticket/{ticket.number}/{act}/", data=form)


def page_of(browser, ticket):
    return browser.get(f"/admin/ticket/{ticket.number}/").get_data(as_text=True)


def drafts_of(ticket):
    return rows(
        "SELECT id, state, kind, content, event FROM drafts WHERE ticket_id = :id ORDER BY id",
        id=ticket.id,
    )


def later(**delta):
    return datetime.now(UTC) + timedelta(**delta)


def in_the_box(page):
    return re.search(r'id="composer-text"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)[1]


def test_a_reply_waits_on_a_card_and_nothing_has_happened_yet(as_agent, open_ticket):
    ticket = open_ticket()
    before = look(ticket.id)
    answer = respond(as_agent, ticket, "We are **on it**.", "reply_and_close")
    [draft] = drafts_of(ticket)
    assert answer.status_code == 303
    assert answer.location.endswith(f"/admin/ticket/{ticket.number}/#reply-{draft.id}")
    assert (draft.state, draft.content) == ("waiting", "We are **on it**.")
    after = look(ticket.id)
    assert (after.status, after.version) == (before.status, before.version)
    assert said(ticket) == []
    page = page_of(as_agent, ticket)
    assert "On its way" in page
    assert "We are <strong>on it</strong>." in page
    assert "Then the ticket is closed." in page
    assert "Take back" in page
    assert re.search(r"leaves in 1[0-5] seconds", page)
    assert in_the_box(page) == ""


def test_a_double_click_is_one_reply(as_agent, open_ticket):
    ticket = open_ticket()
    locations = {respond(as_agent, ticket, "We are on it.").location for _ in range(2)}
    assert len(locations) == 1
    assert len(drafts_of(ticket)) == 1


def test_taken_back_it_stands_in_the_box_with_its_files(as_agent, agent, open_ticket):
    ticket = open_ticket()
    file = Upload("list.txt", b"one two three")
    draft = drafts.send_reply(agent, ticket.id, "See.", Event.STAFF_REPLY, files=[file])
    assert "list.txt" in page_of(as_agent, ticket)
    answer = post(as_agent, ticket, "take-back", id=str(draft))
    assert answer.location.endswith("#composer")
    page = page_of(as_agent, ticket)
    assert "On its way" not in page
    assert in_the_box(page) == "See."
    [file_id] = re.findall(r'name="file" value="([^"]+)"', page)
    post(as_agent, ticket, "remove-file", file=file_id, text="See. More.", kind="reply")
    page = page_of(as_agent, ticket)
    assert "list.txt" not in page
    assert in_the_box(page) == "See. More."
    assert publishing.publish_due(now=later(minutes=1)) == 0
    assert said(ticket) == []


@pytest.mark.parametrize("where", ["", "changes/"])
def test_taken_back_it_is_sent_by_the_same_button_again(as_agent, agent, open_ticket, where):
    ticket = open_ticket()
    draft = drafts.send_reply(agent, ticket.id, "See.", Event.STAFF_REPLY_AND_CLOSE)
    post(as_agent, ticket, "take-back", id=str(draft))
    page = as_agent.get(f"/admin/ticket/{ticket.number}/{where}").get_data(as_text=True)
    assert re.search(r'name="verb" value="reply_and_close" data-send>', page)
    assert not re.search(r'name="verb" value="reply" data-send>', page)


def test_what_left_meanwhile_cannot_be_taken_back_and_the_page_says_so(
    as_agent, agent, open_ticket
):
    ticket = open_ticket()
    draft = drafts.send_reply(agent, ticket.id, "See.", Event.STAFF_REPLY)
    publishing.publish_due(now=later(minutes=1))
    post(as_agent, ticket, "take-back", id=str(draft))
    assert "no draft any more" in page_of(as_agent, ticket)
    assert [row.content for row in said(ticket)] == ["See."]


def test_colleagues_see_it_and_cannot_take_it_back(as_agent, ben, client_of, open_ticket):
    ticket = open_ticket()
    draft = drafts.send_reply(ben, ticket.id, "I have it.", Event.STAFF_REPLY_AND_WAIT)
    page = page_of(as_agent, ticket)
    assert "reply by Ben Second" in page
    assert "Then the ticket waits for the customer." in page
    assert "Take back" not in page
    for verb in ("take-back", "discard", "send-again"):
        assert post(as_agent, ticket, verb, id=str(draft)).status_code == 403
    assert [row.state for row in drafts_of(ticket)] == ["waiting"]


def test_its_author_hears_that_the_customer_wrote_meanwhile(as_agent, agent, customer, open_ticket):
    ticket = open_ticket()
    drafts.send_reply(agent, ticket.id, "See.", Event.STAFF_REPLY)
    words = "The customer has written since you sent this."
    assert words not in page_of(as_agent, ticket)
    comments.comment_as_customer(customer, ticket.id, "Solved!")
    assert words in page_of(as_agent, ticket)


@pytest.fixture
def held(agent, ben, open_ticket):
    """A ticket that Ben closed before Ana's reply to it left."""
    ticket = open_ticket()
    draft = drafts.send_reply(agent, ticket.id, "See.", Event.STAFF_REPLY)
    tickets.close_ticket(ben, ticket.id)
    assert publishing.publish_due(now=later(minutes=1)) == 1
    return ticket, draft


def test_a_held_reply_says_why_and_is_sent_otherwise(as_agent, held):
    ticket, draft = held
    page = page_of(as_agent, ticket)
    assert "Not sent" in page
    assert "confirm that your reply should reopen it" in page
    for words in ("Send and reopen", "Send, leave it closed", "Take back", "Throw away"):
        assert words in page
    post(as_agent, ticket, "send-again", id=str(draft))
    assert [row.state for row in drafts_of(ticket)] == ["held"]
    post(as_agent, ticket, "send-again", id=str(draft), verb="reply_and_reopen")
    assert [row.state for row in drafts_of(ticket)] == ["waiting"]
    assert publishing.publish_due(now=later(minutes=2)) == 1
    assert [row.content for row in said(ticket)] == ["See."]
    assert look(ticket.id).status is Status.IN_PROGRESS


def test_a_held_reply_says_why_in_the_language_of_its_reader(as_agent, as_admin, held, owner):
    ticket, _draft = held
    german = {"Accept-Language": "de"}
    why = "bestätigen Sie, dass Ihre Antwort es wieder öffnen soll"
    assert why in as_agent.get(f"/admin/ticket/{ticket.number}/", headers=german).text
    told = as_agent.get(f"/admin/ticket/{ticket.number}/?tab=activity", headers=german).text
    assert re.search(rf"konnte eine Antwort nicht veröffentlichen.*?{why}", told, re.DOTALL)
    assert "confirm that your reply" not in told
    owner.execute(
        """UPDATE drafts SET refusal = '{"message":"""
        """ "It could not be published in %(attempts)s attempts: %(error)s","""
        """ "details": {"attempts": 5, "error": "OSError"}}'"""
    )
    said = "In 5 Versuchen konnte sie nicht veröffentlicht werden: OSError"
    for browser, path in ((as_agent, f"ticket/{ticket.number}/"), (as_admin, "job/")):
        assert said in browser.get(f"/admin/{path}", headers=german).text


def test_a_held_reply_is_thrown_away(as_agent, held):
    ticket, draft = held
    post(as_agent, ticket, "discard", id=str(draft))
    assert drafts_of(ticket) == []
    assert "Not sent" not in page_of(as_agent, ticket)


# ----------------------------------------------------------------------- what one is writing


def save(browser, ticket, text, kind="reply"):
    return post(browser, ticket, "draft", text=text, kind=kind).get_json()["kept"]


def test_what_is_typed_is_kept_and_stands_in_the_box_again(as_agent, open_ticket):
    ticket = open_ticket()
    assert save(as_agent, ticket, "Half a sentence, 50 % <b>")
    page = page_of(as_agent, ticket)
    assert in_the_box(page) == "Half a sentence, 50 % &lt;b&gt;"
    assert ">Draft saved<" in page
    assert re.search(r'value="reply" checked', page)
    save(as_agent, ticket, "For us only", "note")
    assert re.search(r'value="note" checked', page_of(as_agent, ticket))
    assert not save(as_agent, ticket, " ")
    assert drafts_of(ticket) == []


def test_a_draft_is_nobody_elses_to_read(as_agent, as_admin, open_ticket):
    ticket = open_ticket()
    save(as_agent, ticket, "Half a sentence")
    assert "Half a sentence" not in page_of(as_admin, ticket)


@pytest.mark.parametrize("kind", ["reply", "note"])
def test_an_autosave_that_comes_late_keeps_nothing(as_agent, open_ticket, kind):
    ticket = open_ticket()
    save(as_agent, ticket, "The whole te", kind)
    respond(as_agent, ticket, "The whole text", "note" if kind == "note" else "reply")
    assert not save(as_agent, ticket, "The whole tex", kind)
    assert [row.state for row in drafts_of(ticket)] == ["waiting"] * (kind == "reply")
    assert in_the_box(page_of(as_agent, ticket)) == ""


def test_an_autosave_that_is_refused_says_so_to_its_script(as_agent, open_ticket, browser):
    ticket = open_ticket()
    address = f"/admin/ticket/{ticket.number}/draft/"
    headers = {"Accept": "application/json"}
    answer = as_agent.post(address, data={"text": "x" * 100_001}, headers=headers)
    assert (answer.status_code, "error" in answer.get_json()) == (422, True)
    answer = browser.post(address, data={"text": "Hello"}, headers=headers)
    assert answer.status_code == 401
    assert drafts_of(ticket) == []


def test_a_refused_reply_keeps_its_text_and_its_draft(as_agent, agent, open_ticket):
    ticket = open_ticket()
    save(as_agent, ticket, "One more")
    tickets.close_ticket(agent, ticket.id)
    answer = respond(as_agent, ticket, "One more thing", "reply_and_wait")
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    assert in_the_box(page) == "One more thing"
    # What is in the box is not what is kept, and the script keeps it at once.
    assert "data-draft-kept" not in page
    with_draft = drafts_of(ticket)
    assert [(row.state, row.kind) for row in with_draft] == [
        (DraftState.WRITING.value, DraftKind.REPLY.value)
    ]


def test_a_customer_finds_none_of_it(as_customer, as_agent, open_ticket):
    ticket = open_ticket()
    for verb in ("draft", "take-back", "send-again", "discard", "remove-file"):
        assert post(as_customer, ticket, verb, text="Hello").status_code == 403
    respond(as_agent, ticket, "On its way to you")
    answer = as_customer.get(f"/portal/{ticket.number}/")
    assert answer.status_code == 200
    assert "On its way to you" not in answer.text


# ------------------------------------------------------------------------------ held, for admins


def test_an_admin_finds_a_held_reply_among_the_jobs_and_has_it_sent(
    as_admin, agent, customer, held, owner
):
    ticket, draft = held
    assert "page of jobs" in page_of(as_admin, ticket)
    page = as_admin.get("/admin/job/").get_data(as_text=True)
    for words in ("Held reply", "Ana Agent", "confirm that your reply should reopen it"):
        assert words in page
    tickets.reopen_ticket(customer, ticket.id)
    as_admin.post("/admin/job/retry/", data={"kind": "reply", "id": str(draft)})
    assert publishing.publish_due(now=later(minutes=2)) == 1
    [row] = said(ticket)
    assert (row.content, row.author_id) == ("See.", agent.profile_id)
    assert "Held reply" not in as_admin.get("/admin/job/").get_data(as_text=True)


def test_an_admin_throws_a_held_reply_away_and_an_agent_may_not(as_admin, as_agent, held):
    ticket, draft = held
    assert as_agent.post("/admin/job/discard/", data={"id": str(draft)}).status_code == 403
    assert len(drafts_of(ticket)) == 1
    as_admin.post("/admin/job/discard/", data={"id": str(draft)})
    assert drafts_of(ticket) == []


# ------------------------------------------------------------------------- read marks, colleagues


def is_unread(browser):
    return "unread-dot" in browser.get("/admin/ticket/").get_data(as_text=True)


def test_an_open_page_marks_what_it_shows_as_read_and_the_menu_takes_it_back(as_agent, open_ticket):
    ticket = open_ticket()
    assert is_unread(as_agent)
    page = page_of(as_agent, ticket)
    shown = re.search(r'data-read-to="(\d+)"', page)[1]
    assert is_unread(as_agent)
    assert post(as_agent, ticket, "seen", activity=shown).status_code == 204
    assert not is_unread(as_agent)
    assert "Mark as unread" in page
    answer = post(as_agent, ticket, "unread")
    assert answer.location.startswith("/admin/ticket/?")
    assert is_unread(as_agent)
    # The page stays open and says so; that alone reads nothing.
    post(as_agent, ticket, "seen")
    assert is_unread(as_agent)


def test_what_came_since_the_last_visit_stands_below_a_line(
    as_agent, agent, customer, open_ticket, owner
):
    ticket = open_ticket()
    comments.comment_as_customer(customer, ticket.id, "OLD WORDS")
    assert 'id="talk-new"' not in page_of(as_agent, ticket)
    reads.mark_read(agent, ticket.id, look(ticket.id).activity_no)
    assert 'id="talk-new"' not in page_of(as_agent, ticket)
    drafts.leave_note(agent, ticket.id, "MY OWN")
    comments.comment_as_customer(customer, ticket.id, "NEW WORDS")
    page = page_of(as_agent, ticket)
    places = [page.index(words) for words in ("OLD WORDS", "MY OWN", 'id="talk-new"', "NEW WORDS")]
    assert places == sorted(places)
    # Read by now, but the open page keeps its line where it is.
    changes = re.search(r'data-changes-url="([^"]+)"', page)[1].replace("&amp;", "&")
    post(as_agent, ticket, "seen", activity=look(ticket.id).activity_no)
    assert 'id="talk-new"' in as_agent.get(changes).get_data(as_text=True)
    assert 'id="talk-new"' not in page_of(as_agent, ticket)


def test_what_is_new_is_never_folded_away(as_agent, agent, customer, make, open_ticket):
    ticket = open_ticket()
    reads.mark_read(agent, ticket.id, look(ticket.id).activity_no)
    for number in range(20):
        comments.add_note(make.admin(), ticket.id, f"Note number {number}.")
    page = page_of(as_agent, ticket)
    assert "Note number 0." in page
    assert "earlier comments" not in page


def test_a_last_visit_that_is_no_moment_is_refused(as_agent, open_ticket):
    address = f"/admin/ticket/{open_ticket().number}/changes/"
    for wrong in ("yesterday", "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:59"):
        assert as_agent.get(address, query_string={"since": wrong}).status_code == 400


def test_colleagues_are_named_who_write_or_look(as_agent, ben, make, open_ticket):
    ticket, cleo = open_ticket(), make.agent("Cleo Third")
    for one in (ben, cleo):
        reads.look_at(one, ticket.id)
    drafts.save_draft(ben, ticket.id, DraftKind.NOTE, "Hm")
    page = page_of(as_agent, ticket)
    assert "Ben Second is writing…" in page
    assert "Cleo Third is looking at this" in page
    assert "Ben Second is looking" not in page
    reads.look_away(cleo, ticket.id)
    assert "Cleo Third is looking" not in page_of(as_agent, ticket)
