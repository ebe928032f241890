"""A customer's ticket, from asking to rating, and what comes back where something is refused."""

import re
from datetime import timedelta
from io import BytesIO

import pytest

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import CommentType, Priority, Status
from emberone.domain.lifecycle import Event
from emberone.models import Comment, Ticket
from emberone.services.comments import comment_as_customer, edit_comment, reply
from emberone.services.tickets import TicketChanges, change_ticket, close_ticket, rate_ticket
from tests.web.portal.conftest import look, plain, text_of


def address(ticket, *rest):
    return "/".join(["/portal", str(ticket.number), *rest, ""])


def comments(owner, ticket):
    return owner.execute(
        "SELECT content, author_id, type FROM comments WHERE ticket_id = %s ORDER BY id",
        [ticket.id],
    ).fetchall()


def actions(owner, ticket):
    statement = "SELECT action FROM history WHERE ticket_id = %s AND NOT is_internal ORDER BY id"
    return [row[0] for row in owner.execute(statement, [ticket.id])]


def closed_long_ago(owner, ticket, days=8):
    owner.execute(
        "UPDATE tickets SET closed_at = now() - %s WHERE id = %s", [timedelta(days=days), ticket.id]
    )


def test_asking_opens_a_ticket_and_leads_to_it(client, customer, owner):
    form = {"title": " Printer  on fire ", "description": "It **burns**.", "priority": "HIGH"}
    answer = client.post("/portal/new/", data=form)
    assert answer.status_code == 303
    page = text_of(client.get(answer.location))
    assert "Printer on fire" in page
    assert "<strong>burns</strong>" in page
    assert "Received" in page
    with reading(SYSTEM) as session:
        (ticket,) = session.query(Ticket).all()
    assert (ticket.customer_id, ticket.priority) == (customer.profile_id, Priority.HIGH)
    assert actions(owner, ticket) == ["created"]


def test_a_double_click_opens_one_ticket(client, owner):
    form = {"title": "Printer", "description": "It burns.", "priority": "MEDIUM"}
    answers = [client.post("/portal/new/", data=form) for _ in range(2)]
    assert answers[0].location == answers[1].location
    assert owner.execute("SELECT count(*) FROM tickets").fetchone() == (1,)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"title": " "}, "The title is empty."),
        ({"title": "x" * 501}, "longer than 500"),
        ({"description": "x" * 100_001}, "longer than 100,000"),
        ({"priority": "CRITICAL"}, "so high a priority"),
    ],
)
def test_a_refused_request_comes_back_as_it_was_typed(client, owner, form, words):
    typed = {"title": "Printer", "description": "It <burns> & smokes.", "priority": "LOW", **form}
    page = text_of(client.post("/portal/new/", data=typed), 422)
    assert words in page
    assert typed["title"] in page
    assert typed["description"].replace("&", "&amp;").replace("<", "&lt;")[:6] in page
    assert f'value="{typed["priority"]}" selected' in page or typed["priority"] == "CRITICAL"
    assert owner.execute("SELECT count(*) FROM tickets").fetchone() == (0,)


def test_only_priorities_up_to_the_setting_are_offered(client, set_setting):
    assert 'value="CRITICAL"' not in text_of(client.get("/portal/new/"))
    set_setting(customer_max_priority="LOW")
    assert re.findall(r'<option value="(\w+)"', text_of(client.get("/portal/new/"))) == ["LOW"]


def test_the_conversation_tells_what_was_said_and_done_in_order(client, ask, customer, agent):
    ticket = ask()
    comment_as_customer(customer, ticket.id, "First.")
    reply(agent, ticket.id, "Second.", Event.STAFF_REPLY_AND_CLOSE)
    comment_as_customer(customer, ticket.id, "Third.")
    with transaction(SYSTEM) as session:
        said = Comment(ticket_id=ticket.id, content="Fourth.", type=CommentType.SYSTEM)
        session.add(said)
    page = text_of(client.get(address(ticket)))
    parts = ["It burns.", "First.", "Second.", "Ana Agent marked this ticket as resolved."]
    parts += ["Third.", "You reopened this ticket.", "Fourth."]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)
    assert "ana@example.org" not in page


def test_what_staff_wrote_down_says_so(client, customer, agent, make):
    with transaction(agent) as session:
        ticket = Ticket(customer_id=customer.profile_id, title="By phone", description="Burns.")
        session.add(ticket)
    assert "Ana Agent wrote this down for you." in text_of(client.get(address(look(ticket.id))))


@pytest.mark.parametrize(
    ("status", "word", "next_step"),
    [
        (Status.OPEN, "Received", "We have your request"),
        (Status.IN_PROGRESS, "Being worked on", "Somebody is on it"),
        (Status.WAITING, "Waiting for your answer", "Please answer below"),
        (Status.CLOSED, "Resolved", "write below until"),
    ],
)
def test_the_page_says_how_far_it_is_and_what_comes_next(
    client, customer, make, status, word, next_step
):
    page = text_of(client.get(address(look(make.ticket(customer, status=status)))))
    assert word in page
    assert next_step in page


def test_a_comment_is_said_once_however_often_it_is_sent(client, ask, customer, owner):
    ticket = ask()
    for _ in range(2):
        answer = client.post(address(ticket, "comment"), data={"text": "Any *news*?"})
        assert answer.location == address(ticket) + "#newest"
    assert comments(owner, ticket) == [("Any *news*?", customer.profile_id, "USER")]
    assert "Any <em>news</em>?" in text_of(client.get(address(ticket)))


def test_script_in_a_comment_is_text(client, ask):
    ticket = ask("<script>alert(1)</script>", "<img src=x onerror=alert(1)> [x](javascript:1)")
    client.post(address(ticket, "comment"), data={"text": "<script>alert(2)</script>"})
    page = text_of(client.get(address(ticket)))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page


@pytest.mark.parametrize(
    ("text", "words"), [("  ", "The comment is empty."), ("x" * 100_001, "longer than 100,000")]
)
def test_a_refused_comment_comes_back_as_it_was_typed(client, ask, owner, text, words):
    ticket = ask()
    page = text_of(client.post(address(ticket, "comment"), data={"text": text}), 422)
    assert words in page
    assert text in page
    assert comments(owner, ticket) == []


def test_answering_takes_the_ticket_out_of_waiting(client, ask, agent):
    ticket = ask()
    reply(agent, ticket.id, "Which printer?", Event.STAFF_REPLY_AND_WAIT)
    client.post(address(ticket, "comment"), data={"text": "The red one."})
    assert look(ticket.id).status is Status.IN_PROGRESS


def test_a_comment_on_a_closed_ticket_reopens_it_and_says_so_beforehand(client, ask, customer):
    ticket = ask()
    close_ticket(customer, ticket.id)
    assert "What you write here reopens this ticket." in text_of(client.get(address(ticket)))
    client.post(address(ticket, "comment"), data={"text": "It is back."})
    assert look(ticket.id).status is Status.OPEN


def test_long_after_it_opens_a_new_one_and_says_so_beforehand(client, ask, customer, owner):
    ticket = ask()
    close_ticket(customer, ticket.id)
    closed_long_ago(owner, ticket)
    page = text_of(client.get(address(ticket)))
    assert "What you write here opens a new ticket that refers to this one." in page
    assert address(ticket, "reopen") not in page
    answer = client.post(address(ticket, "comment"), data={"text": "It is back."})
    assert look(ticket.id).status is Status.CLOSED
    new = text_of(client.get(answer.location))
    assert f"Ticket #{ticket.number} stays closed. It goes on here." in new
    assert f'href="{address(ticket)}">#{ticket.number}</a>' in new
    assert f'href="{answer.location}">' in text_of(client.get(address(ticket)))


def test_the_customer_closes_and_reopens(client, ask, owner):
    ticket = ask()
    assert client.post(address(ticket, "close")).status_code == 303
    assert look(ticket.id).status is Status.CLOSED
    assert "You closed this ticket." in text_of(client.get(address(ticket)))
    assert client.post(address(ticket, "reopen")).status_code == 303
    assert look(ticket.id).status is Status.OPEN
    assert actions(owner, ticket) == ["created", "status_changed", "status_changed"]


def test_what_was_written_when_it_is_solved_is_said_and_nobody_is_asked_to_answer(
    client, ask, agent, customer, owner
):
    ticket = ask()
    reply(agent, ticket.id, "Is there paper?", Event.STAFF_REPLY_AND_WAIT)
    for _ in range(2):  # A double click says it once.
        answer = client.post(address(ticket, "close"), data={"text": "My own fault: no paper."})
        assert answer.status_code == 303
    assert look(ticket.id).status is Status.CLOSED
    assert ("My own fault: no paper.", customer.profile_id, "USER") in comments(owner, ticket)
    assert actions(owner, ticket).count("status_changed") == 2  # Waiting, and then closed.
    asked = "SELECT count(*) FROM sla_clocks WHERE ticket_id = %s AND metric = 'NEXT_RESPONSE'"
    assert owner.execute(asked, [ticket.id]).fetchone() == (0,)
    client.post(address(ticket, "reopen"), data={"text": "Now it burns."})
    assert look(ticket.id).status is Status.OPEN
    assert comments(owner, ticket)[-1][0] == "Now it burns."


def test_what_was_just_said_is_not_said_twice_and_the_ticket_is_closed_all_the_same(
    client, ask, owner
):
    ticket = ask()
    for verb in ("comment", "close"):
        assert client.post(address(ticket, verb), data={"text": "It works."}).status_code == 303
    assert look(ticket.id).status is Status.CLOSED
    assert [row[0] for row in comments(owner, ticket)] == ["It works."]


def test_words_that_are_refused_close_nothing_and_come_back(client, ask, owner):
    ticket = ask()
    page = text_of(client.post(address(ticket, "close"), data={"text": "x" * 100_001}), 422)
    assert "x" * 100_001 in page
    assert look(ticket.id).status is Status.OPEN
    assert comments(owner, ticket) == []


@pytest.mark.parametrize(("days", "verb"), [(None, "close"), (8, "reopen")])
def test_what_the_status_does_not_allow_is_said_on_the_page(
    client, ask, customer, owner, days, verb
):
    ticket = ask()
    close_ticket(customer, ticket.id)
    if days:
        closed_long_ago(owner, ticket, days)
    page = text_of(client.post(address(ticket, verb)), 409)
    assert "That did not work." in page
    assert look(ticket.id).status is Status.CLOSED


@pytest.mark.rule("feedback 8")
def test_a_closed_ticket_is_rated_and_rated_again(client, ask, customer):
    ticket = ask()
    assert "How did we do?" not in text_of(client.get(address(ticket)))
    close_ticket(customer, ticket.id)
    for rating, words in ((2, "Slow."), (5, "Fine after all.")):
        answer = client.post(address(ticket, "rate"), data={"rating": rating, "text": words})
        assert answer.status_code == 303
        page = text_of(client.get(address(ticket)))
        assert f"You gave {rating} stars of 5." in page
        assert words in page
    assert look(ticket.id).feedback_rating == 5


@pytest.mark.parametrize("rating", ["", "0", "6", "five"])
def test_words_without_stars_come_back(client, ask, customer, rating):
    ticket = ask()
    close_ticket(customer, ticket.id)
    form = {"rating": rating, "text": "You were kind."}
    page = text_of(client.post(address(ticket, "rate"), data=form), 422)
    assert "Choose from one to five stars." in page
    assert "You were kind." in page
    assert look(ticket.id).feedback_rating is None


def test_the_request_is_edited_while_it_is_open(client, ask, owner):
    ticket = ask()
    form = _form_of(text_of(client.get(address(ticket, "edit"))))
    form |= {"title": "Printer in flames", "description": "Both.", "priority": "HIGH"}
    assert client.post(address(ticket, "edit"), data=form).status_code == 303
    after = look(ticket.id)
    assert (after.title, after.description) == ("Printer in flames", "Both.")
    assert (after.priority, after.public_priority) == (Priority.HIGH, Priority.HIGH)
    assert set(actions(owner, ticket)) == {
        "created",
        "title_changed",
        "description_changed",
        "priority_changed",
    }
    assert "You changed the subject to “Printer in flames”." in text_of(client.get(address(ticket)))


def test_editing_the_text_leaves_the_priority_of_staff(client, ask, agent):
    ticket = ask()
    change_ticket(agent, ticket.id, TicketChanges(priority=Priority.CRITICAL), version=None)
    form = _form_of(text_of(client.get(address(ticket, "edit"))))
    assert form["priority"] == "MEDIUM"
    client.post(address(ticket, "edit"), data=form | {"title": "Fire"})
    after = look(ticket.id)
    assert (after.title, after.priority) == ("Fire", Priority.CRITICAL)


def test_a_priority_that_staff_gave_already_is_what_the_customer_sees_once_they_ask_for_it(
    client, ask, agent
):
    ticket = ask()
    change_ticket(agent, ticket.id, TicketChanges(priority=Priority.HIGH), version=None)
    form = _form_of(text_of(client.get(address(ticket, "edit"))))
    assert client.post(address(ticket, "edit"), data=form | {"priority": "HIGH"}).status_code == 303
    assert "Priority: High" in text_of(client.get(address(ticket)))


def test_the_priority_is_the_customers_only_until_somebody_works_on_it(client, ask, agent):
    ticket = ask()
    reply(agent, ticket.id, "On it.", Event.STAFF_REPLY)
    form = _form_of(text_of(client.get(address(ticket, "edit"))))
    assert "priority" not in form
    client.post(address(ticket, "edit"), data=form | {"priority": "HIGH"})
    assert look(ticket.id).priority is Priority.MEDIUM


def test_what_staff_changed_meanwhile_is_shown_and_nothing_typed_is_lost(client, ask, agent):
    ticket = ask()
    form = _form_of(text_of(client.get(address(ticket, "edit"))))
    change_ticket(agent, ticket.id, TicketChanges(title="By staff"), version=None)
    page = text_of(client.post(address(ticket, "edit"), data=form | {"title": "By me"}), 409)
    assert "By staff" in page
    assert look(ticket.id).title == "By staff"
    again = _form_of(page)
    assert again["title"] == "By me"
    assert client.post(address(ticket, "edit"), data=again).status_code == 303
    assert look(ticket.id).title == "By me"


def test_a_comment_meanwhile_does_not_stand_in_the_way_of_an_edit(client, ask, agent):
    ticket = ask()
    form = _form_of(text_of(client.get(address(ticket, "edit"))))
    reply(agent, ticket.id, "On it.", Event.STAFF_REPLY)
    answer = client.post(address(ticket, "edit"), data=form | {"title": "By me"})
    assert answer.status_code == 303


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_closed_request_is_not_edited(client, ask, customer, method):
    ticket = ask()
    close_ticket(customer, ticket.id)
    assert getattr(client, method)(address(ticket, "edit")).status_code == 403
    assert "Edit" not in re.sub(r"<header.*?</header>", "", text_of(client.get(address(ticket))))


def test_ones_own_comment_is_edited_while_it_is_fresh(client, ask, owner):
    ticket = ask()
    client.post(address(ticket, "comment"), data={"text": "Frist."})
    edit = re.search(rf'href="({address(ticket, "comments")}[^"]*)"', _page(client, ticket))[1]
    form = _form_of(text_of(client.get(edit)))
    assert client.post(edit, data=form | {"text": "First."}).status_code == 303
    assert [row[0] for row in comments(owner, ticket)] == ["First."]
    assert "edited" in _page(client, ticket)


def test_too_late_the_text_can_still_be_sent_as_a_new_comment(client, ask, customer, owner):
    ticket = ask()
    comment_as_customer(customer, ticket.id, "Frist.")
    (comment_id,) = owner.execute("SELECT id FROM comments").fetchone()
    edit = address(ticket, "comments", str(comment_id), "edit")
    form = _form_of(text_of(client.get(edit)))
    owner.execute("UPDATE comments SET created_at = created_at - interval '15 minutes'")
    page = text_of(client.post(edit, data=form | {"text": "First."}), 403)
    assert "It is too late to change this." in page
    assert _form_of(page)["text"] == "First."
    assert f'action="{address(ticket, "comment")}"' in page
    assert edit not in _page(client, ticket)


def test_an_edit_that_met_another_shows_both(client, ask, customer, owner):
    ticket = ask()
    comment_as_customer(customer, ticket.id, "One.")
    (comment_id,) = owner.execute("SELECT id FROM comments").fetchone()
    edit = address(ticket, "comments", str(comment_id), "edit")
    form = _form_of(text_of(client.get(edit)))
    edit_comment(customer, comment_id, "Two.", version=1)
    page = text_of(client.post(edit, data=form | {"text": "Three."}), 409)
    assert "Two." in page
    again = _form_of(page)
    assert again["text"] == "Three."
    assert client.post(edit, data=again).status_code == 303
    assert comments(owner, ticket)[0][0] == "Three."


def test_no_other_comment_has_an_edit_page(client, ask, agent, customer, owner, make):
    ticket = ask()
    reply(agent, ticket.id, "By staff.", Event.STAFF_REPLY)
    with transaction(agent) as session:
        note = Comment(
            ticket_id=ticket.id,
            author_id=agent.profile_id,
            content="Secret.",
            type=CommentType.INTERNAL,
            is_internal=True,
        )
        session.add(note)
    other = ask("Another")
    comment_as_customer(customer, other.id, "Mine, elsewhere.")
    ids = [row[0] for row in owner.execute("SELECT id FROM comments")]
    ids.append("00000000-0000-0000-0000-000000000000")
    pages = set()
    for comment_id in ids:
        answer = client.get(address(ticket, "comments", str(comment_id), "edit"))
        pages.add(plain(text_of(answer, 404)))
    assert len(ids) == 4
    assert len(pages) == 1


@pytest.mark.parametrize("rest", [[], ["changes"], ["edit"]])
def test_anothers_ticket_and_one_that_never_was_are_the_same_404(client, make, rest):
    theirs = look(make.ticket(title="Somebody else's"))
    numbers = [theirs.number, theirs.number + 5000, 0, 2**63, 10**30]
    pages = {
        plain(text_of(client.get("/".join(["/portal", str(number), *rest, ""])), 404))
        for number in numbers
    }
    assert len(pages) == 1


def test_news_are_asked_for_by_one_number(client, ask, agent, statements):
    ticket = ask()
    tag = client.get(address(ticket, "changes")).headers["ETag"]
    statements()
    quiet = client.get(address(ticket, "changes"), headers={"If-None-Match": tag})
    assert (quiet.status_code, quiet.data) == (304, b"")
    assert len(statements()) <= 4
    reply(agent, ticket.id, "Use water.", Event.STAFF_REPLY_AND_WAIT)
    news = client.get(address(ticket, "changes"), headers={"If-None-Match": tag})
    assert "Use water." in text_of(news)
    assert "Waiting for your answer" in news.text
    assert "<form" not in news.text
    assert news.headers["ETag"] != tag


def test_the_page_asks_no_more_questions_for_a_longer_talk(
    client, ask, agent, customer, statements
):
    ticket = ask()
    counts = []
    for turn in range(2):
        for number in range(8):
            comment_as_customer(customer, ticket.id, f"{turn} {number}")
            reply(agent, ticket.id, f"{turn} {number}", Event.STAFF_REPLY)
        statements()
        text_of(client.get(address(ticket)))
        counts.append(len(statements()))
    assert counts[0] == counts[1] <= 10


def test_a_long_talk_shows_its_end_and_the_rest_on_demand(client, ask, make, customer):
    ticket = ask()
    with transaction(SYSTEM) as session:
        session.add_all(
            Comment(ticket_id=ticket.id, author_id=customer.profile_id, content=f"Word {number}.")
            for number in range(103)
        )
    page = _page(client, ticket)
    assert page.count("Word ") == 100
    assert "?all=1" in page
    whole = text_of(client.get(address(ticket) + "?all=1"))
    assert whole.count("Word ") == 103
    assert "?all=1" not in whole


def test_a_rating_given_by_letter_is_the_one_that_is_shown(client, ask, customer):
    ticket = ask()
    close_ticket(customer, ticket.id)
    rate_ticket(customer, ticket.id, 1, "Bad.")
    assert "You gave 1 star of 5." in _page(client, ticket)


def test_files_come_with_a_request_and_with_a_comment(client, owner):
    form = {
        "title": "Printer",
        "description": "It burns.",
        "files": [(BytesIO(b"Line one."), "log.txt"), (BytesIO(b"Line two."), "other.txt")],
    }
    address_of_page = client.post("/portal/new/", data=form).location
    said = {"text": "One more.", "files": (BytesIO(b"Line three."), "more.txt")}
    assert client.post(address_of_page + "comment/", data=said).status_code == 303
    page = text_of(client.get(address_of_page))
    names = ["log.txt", "other.txt", "One more.", "more.txt"]
    places = [page.index(name) for name in names]
    assert places == sorted(places)
    links = re.findall(r'href="(/attachments/[^"]*)"', page)
    contents = [client.get(link).data for link in links]
    assert contents == [b"Line one.", b"Line two.", b"Line three."]


def test_a_file_that_is_refused_takes_no_words_with_it(client, ask, owner):
    ticket = ask()
    said = {"text": "Please run this.", "files": (BytesIO(b"MZ..."), "virus.exe")}
    page = text_of(client.post(address(ticket, "comment"), data=said), 422)
    assert "Please run this." in page
    assert "Please choose your files again" in page
    assert comments(owner, ticket) == []


def _page(client, ticket):
    return text_of(client.get(address(ticket)))


def _form_of(page):
    """The fields of the page's own form, as they stand."""
    form = re.search(r'<form class="card portal-form".*?</form>', page, re.DOTALL)[0]
    found = dict(re.findall(r'<input[^>]*? name="(\w+)"[^>]*? value="([^"]*)"', form))
    found |= {
        name: text.lstrip("\n")
        for name, text in re.findall(
            r'<textarea[^>]* name="(\w+)"[^>]*>(.*?)</textarea>', form, re.S
        )
    }
    chosen = re.search(r'<select[^>]* name="priority".*?value="(\w+)" selected', form, re.DOTALL)
    if chosen:
        found["priority"] = chosen[1]
    found.pop("csrf_token")
    return found


def test_a_form_without_files_does_not_speak_of_files(client, ask):
    nothing = {"text": " ", "files": (BytesIO(b""), "")}
    page = text_of(client.post(address(ask(), "comment"), data=nothing), 422)
    assert "Please choose your files again" not in page
