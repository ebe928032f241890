"""The other views, and what each role may do in them."""

import uuid

import pytest

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Availability, CommentType, Role
from emberone.models import Comment
from emberone.queries.calendars import list_calendars
from emberone.services import calendars, comments, tickets
from emberone.services.agents import change_agent
from emberone.services.comments import edit_comment
from emberone.services.replanning import sweep_replanning
from tests.web.admin.conftest import look, rows

FOR_ALL_STAFF = (
    "ticket/", "ticket/new/", "comment/", "history/", "profile/", "profile/new/", "agent/",
    "team/", "tag/", "letter/", "macro/", "macro/new/",
)  # fmt: skip
FOR_ADMINS = ("team/new/", "job/", "setting/", "setting/history/")


def text_of(browser, path, status=200):
    answer = browser.get(f"/admin/{path}")
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def test_each_role_sees_its_views_and_its_menu(as_agent, as_admin, as_customer):
    for path in FOR_ALL_STAFF:
        text_of(as_agent, path)
        text_of(as_admin, path)
        text_of(as_customer, path, 403)
    for path in FOR_ADMINS:
        text_of(as_agent, path, 403)
        text_of(as_admin, path)
        text_of(as_customer, path, 403)
    assert 'href="/admin/job/"' in text_of(as_admin, "ticket/")
    assert 'href="/admin/job/"' not in text_of(as_agent, "ticket/")


def test_nobody_signed_in_is_asked_to(browser):
    answer = browser.get("/admin/ticket/?status=OPEN")
    assert answer.status_code == 302
    assert answer.location.startswith("/login?next=%2Fadmin%2Fticket%2F")


def test_every_page_has_one_heading_a_language_and_labelled_fields(as_admin, open_ticket):
    import re

    ticket = open_ticket()
    for path in (*FOR_ALL_STAFF, *FOR_ADMINS, f"ticket/{ticket.number}/"):
        page = text_of(as_admin, path)
        assert page.count("<h1") == 1, path
        assert '<html lang="en"' in page
        names = set(re.findall(r' for="([^"]+)"', page))
        for field in re.findall(r"<(?:input|select|textarea)[^>]*>", page):
            if re.search(r'type="(hidden|radio|checkbox|submit)"', field):
                continue
            label = re.search(r' id="([^"]+)"', field)
            assert "aria-label" in field or (label and label[1] in names), (path, field)


# ------------------------------------------------------------------------------- comments


@pytest.fixture
def note(agent, open_ticket):
    """An internal note of the agent."""
    ticket = open_ticket()
    return comments.add_note(agent, ticket.id, "Zebra note")


def content(comment):
    return rows("SELECT content FROM comments WHERE id = :id", id=comment)[0][0]


def edit(browser, comment, text, version=1):
    form = {"content": text, "version": version}
    return browser.post(f"/admin/comment/edit/?id={comment}", data=form)


def test_the_list_of_comments_shows_words_and_no_signs(as_agent, agent, open_ticket):
    ticket = open_ticket()
    comments.add_note(agent, ticket.id, "**Outage**, see `status`")
    with transaction(SYSTEM) as session:
        facts = {
            "kind": "sla_breach",
            "metric": "RESOLUTION",
            "dueAt": "2026-11-28T12:00:00+00:00",
            "raisedFrom": "HIGH",
            "raisedTo": "CRITICAL",
        }
        session.add(
            Comment(
                ticket_id=ticket.id,
                content="Late. Priority raised from HIGH to CRITICAL.",
                type=CommentType.SYSTEM,
                is_internal=True,
                details={"systemData": facts},
            )
        )
    page = text_of(as_agent, "comment/")
    assert "Outage, see status" in page
    assert "Priority raised from High to Critical." in page
    assert "**" not in page


def test_comments_are_listed_searched_and_filtered(as_agent, note, agent, customer, open_ticket):
    ticket = open_ticket("Other")
    comments.comment_as_customer(customer, ticket.id, "Horse question")
    assert "Zebra note" in text_of(as_agent, "comment/")
    for query, shows in (
        ("search=zebra", "Zebra"), ("type=USER", "Horse"), ("type=INTERNAL", "Zebra"),
        (f"author={agent.profile_id}", "Zebra"), (f"ticket={ticket.number}", "Horse"),
    ):  # fmt: skip
        page = text_of(as_agent, f"comment/?{query}")
        assert ("Zebra note" in page, "Horse question" in page) == (
            shows == "Zebra",
            shows == "Horse",
        ), query
    assert "No comments here" in text_of(as_agent, "comment/?ticket=99")


def test_ones_own_comment_is_edited_and_what_it_said_is_kept(as_agent, note):
    assert edit(as_agent, note, "Better").status_code == 303
    assert content(note) == "Better"
    page = text_of(as_agent, f"comment/details/?id={note}")
    assert "Better" in page
    assert "Zebra note" in page


def test_an_agent_edits_no_comment_of_others_and_an_admin_does(as_agent, as_admin, make, note):
    ben = make.agent("Ben")
    ticket = rows("SELECT ticket_id FROM comments")[0][0]
    theirs = comments.add_note(ben, ticket, "Ben's")
    assert as_agent.get(f"/admin/comment/edit/?id={theirs}").status_code == 403
    assert edit(as_agent, theirs, "Mine").status_code == 403
    assert content(theirs) == "Ben's"
    assert edit(as_admin, theirs, "Admin's").status_code == 303
    assert content(theirs) == "Admin's"


def test_a_stale_edit_of_a_comment_shows_both_texts(as_agent, agent, note):
    edit_comment(agent, note, "Meanwhile", version=1)
    answer = edit(as_agent, note, "Mine")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Meanwhile" in page
    assert "Mine</textarea>" in page
    assert content(note) == "Meanwhile"
    assert edit(as_agent, note, "Mine", version=2).status_code == 303


def test_only_admins_delete_comments(as_agent, as_admin, note):
    form = {"id": str(note)}
    assert as_agent.post("/admin/comment/delete/", data=form).status_code == 403
    assert content(note)
    assert as_admin.post("/admin/comment/delete/", data=form).status_code == 303
    assert rows("SELECT 1 FROM comments") == []
    assert rows("SELECT 1 FROM history WHERE action = 'comment_deleted'")


# -------------------------------------------------------------------------------- history


def test_history_is_filtered_by_action_actor_ticket_and_day(as_agent, agent, open_ticket):
    ticket, other = open_ticket("Printer on fire"), open_ticket("Other")
    tickets.close_ticket(agent, ticket.id)
    for query, present, absent in (
        ("action=status_changed", "changed the status", "opened the ticket"),
        (f"actor={agent.profile_id}", "changed the status", "opened the ticket"),
        (f"ticket={other.number}", f"#{other.number}", f"#{ticket.number}"),
        (f"ticket=%23{ticket.number}", f"#{ticket.number}", f"#{other.number}"),
        ("to=2020-01-01", "Nothing happened here", "changed the status"),
    ):
        page = text_of(as_agent, f"history/?{query}").split("<main")[1]
        assert present in page, query
        assert absent not in page.split("list-frame")[-1], query


def test_an_entry_shows_all_that_was_recorded_and_nothing_to_change(as_admin, open_ticket):
    open_ticket("Printer on fire")
    [entry] = rows("SELECT id FROM history WHERE action = 'created'")
    page = text_of(as_admin, f"history/details/?id={entry.id}")
    assert "Printer on fire" in page
    assert "customer_portal" in page
    assert "<form" not in page.split("<main")[1]
    for verb in ("new", "edit", "delete"):
        assert as_admin.post(f"/admin/history/{verb}/").status_code == 404


# ------------------------------------------------------------------------------- profiles


def save(browser, person, version=1, **form):
    form = {"email": "p@example.org", "full_name": "Pat", "role": "CUSTOMER", **form}
    address = f"/admin/profile/edit/?id={person}"
    return browser.post(address, data={**form, "version": version})


def profile(person):
    return rows("SELECT * FROM profiles WHERE id = :id", id=person)[0]


def test_people_are_searched_by_any_part_of_name_or_address(as_agent, make):
    make.customer("Olivia O'Hara", "olivia@example.net")
    make.customer("Percy 100%", "percy@example.net")
    for query, shows in (("o%27har", True), ("LIVIA%40", True), ("%25", False), ("_", False)):
        page = text_of(as_agent, f"profile/?search={query}").split("<main")[1]
        assert ("olivia@example.net" in page) is shows, query
    assert "olivia@example.net" not in text_of(as_agent, "profile/?role=ADMIN")


def test_agents_make_customers_and_nobody_else_known(as_agent, as_admin):
    form = {"email": "new@example.org", "full_name": "New"}
    for role in ("AGENT", "ADMIN"):
        answer = as_agent.post("/admin/profile/new/", data={**form, "role": role})
        assert answer.status_code == 403
    assert rows("SELECT 1 FROM profiles WHERE email = 'new@example.org'") == []
    answer = as_agent.post("/admin/profile/new/", data={**form, "role": "CUSTOMER"})
    assert answer.status_code == 303
    form["email"] = "boss@example.org"
    answer = as_admin.post("/admin/profile/new/", data={**form, "role": "ADMIN"})
    assert answer.status_code == 303


def test_only_admins_change_people(as_agent, as_admin, customer):
    person = customer.profile_id
    assert save(as_agent, person).status_code == 403
    assert as_agent.get(f"/admin/profile/edit/?id={person}").status_code == 403
    assert save(as_admin, person, full_name="Carla").status_code == 303
    assert profile(person).full_name == "Carla"
    stale = save(as_admin, person, full_name="Mine")
    page = stale.get_data(as_text=True)
    assert stale.status_code == 409
    assert "Carla" in page
    assert 'value="Mine"' in page


def test_the_last_admin_is_not_demoted_or_deactivated(as_admin, admin):
    answer = save(as_admin, admin.profile_id, version=2, role="AGENT", email="ada@example.org")
    assert answer.status_code == 409
    assert "last active admin" in answer.get_data(as_text=True)
    form = {"id": str(admin.profile_id)}
    page = as_admin.post("/admin/profile/deactivate/", data=form, follow_redirects=True)
    assert "last active admin" in page.get_data(as_text=True)
    assert profile(admin.profile_id).role == Role.ADMIN.value
    assert rows("SELECT active FROM users") == [(True,)]


def test_deactivating_signs_out_and_activating_lets_in_again(as_admin, as_agent, agent):
    form = {"id": str(agent.profile_id)}
    assert as_admin.post("/admin/profile/deactivate/", data=form).status_code == 303
    assert as_agent.get("/admin/ticket/").status_code == 302
    assert "Deactivated" in text_of(as_admin, f"profile/details/?id={agent.profile_id}")
    assert "Deactivated" in text_of(as_admin, "profile/?search=ana")
    assert as_admin.post("/admin/profile/activate/", data=form).status_code == 303
    assert rows("SELECT bool_and(active) FROM users") == [(True,)]


def test_a_customer_with_tickets_stays_and_one_without_goes(as_admin, make, customer, open_ticket):
    open_ticket()
    form = {"id": str(customer.profile_id)}
    page = as_admin.post("/admin/profile/delete/", data=form, follow_redirects=True)
    assert "This customer has tickets" in page.get_data(as_text=True)
    assert profile(customer.profile_id)
    other = make.customer()
    form = {"id": str(other.profile_id)}
    assert as_admin.post("/admin/profile/delete/", data=form).status_code == 303
    assert rows("SELECT 1 FROM profiles WHERE id = :id", id=other.profile_id) == []


# ------------------------------------------------------------------- agents, teams and tags


def availability(agent):
    query = "SELECT availability FROM agents WHERE profile_id = :id"
    return rows(query, id=agent.profile_id)[0][0]


def test_an_agent_switches_their_own_availability_from_any_page(as_agent, agent):
    page = text_of(as_agent, "history/")
    assert 'name="availability" value="AWAY"' in page
    form = {"id": str(agent.profile_id), "availability": "AWAY", "back": "/admin/history/?"}
    answer = as_agent.post("/admin/agent/availability/", data=form)
    assert answer.location == "/admin/history/"
    assert availability(agent) == Availability.AWAY
    assert 'name="availability" value="AVAILABLE"' in text_of(as_agent, "history/")


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example", "/\\evil", "", "/x"])
def test_the_switch_leads_nowhere_else(as_agent, agent, back):
    form = {"id": str(agent.profile_id), "availability": "AWAY", "back": back}
    assert as_agent.post("/admin/agent/availability/", data=form).location == "/admin/agent/"


def test_only_admins_switch_others(as_agent, as_admin, make):
    ben = make.agent("Ben")
    form = {"id": str(ben.profile_id), "availability": "AWAY"}
    assert as_agent.post("/admin/agent/availability/", data=form).status_code == 403
    assert availability(ben) == Availability.AVAILABLE
    assert as_admin.post("/admin/agent/availability/", data=form).status_code == 303
    assert availability(ben) == Availability.AWAY
    form["availability"] = "ASLEEP"
    assert as_admin.post("/admin/agent/availability/", data=form).status_code == 400


def test_admins_change_capacity_skills_and_teams(as_admin, as_agent, agent, admin, make):
    team = make.team("Billing")
    address = f"/admin/agent/edit/?id={agent.profile_id}"
    form = {"capacity": "3", "skills": "VPN, sql", "teams": [str(team)], "version": 1}
    assert as_agent.post(address, data=form).status_code == 403
    assert as_admin.post(address, data=form).status_code == 303
    page = text_of(as_admin, "agent/")
    for words in ("0 of 3", "Billing", "vpn", "sql"):
        assert words in page
    for wrong in ({"capacity": "many"}, {"capacity": "-1"}, {"teams": [str(uuid.uuid4())]}):
        refused = as_admin.post(address, data={**form, "version": 2, **wrong})
        assert refused.status_code == 422, wrong
        assert 'value="VPN, sql"' in refused.get_data(as_text=True)
    change_agent(admin, agent.profile_id, capacity=9, skills=[], team_ids=[], version=2)
    stale = as_admin.post(address, data={**form, "version": 2})
    assert stale.status_code == 409
    assert "Somebody else changed this meanwhile." in stale.get_data(as_text=True)


def test_teams_are_made_renamed_and_deleted_by_admins(as_admin, as_agent, make, customer):
    assert as_agent.post("/admin/team/new/", data={"name": "X"}).status_code == 403
    assert as_admin.post("/admin/team/new/", data={"name": "Billing"}).status_code == 303
    again = as_admin.post("/admin/team/new/", data={"name": "billing"})
    assert again.status_code == 409
    assert "There is a team of this name already." in again.get_data(as_text=True)
    [team] = rows("SELECT id, version FROM teams")
    address, form = f"/admin/team/edit/?id={team.id}", {"name": "Money", "version": 1}
    assert as_agent.post(address, data=form).status_code == 403
    assert as_admin.post(address, data=form).status_code == 303
    assert as_admin.post(address, data={**form, "name": "Stale"}).status_code == 409
    assert "Money" in text_of(as_agent, "team/")
    ticket = make.ticket(customer, team_id=team.id)
    form = {"id": str(team.id)}
    assert as_agent.post("/admin/team/delete/", data=form).status_code == 403
    assert as_admin.post("/admin/team/delete/", data=form).status_code == 303
    assert look(ticket).team_id is None


def test_a_tag_is_made_a_skill_by_admins(as_admin, as_agent, make):
    make.ticket(tags=["vpn"])
    form = {"name": "vpn", "is_skill": "1"}
    assert "vpn" in text_of(as_agent, "tag/?search=VP")
    assert as_agent.post("/admin/tag/skill/", data=form).status_code == 403
    assert as_admin.post("/admin/tag/skill/", data=form).status_code == 303
    assert rows("SELECT is_skill FROM tags") == [(True,)]
    assert (
        as_admin.post("/admin/tag/skill/", data={"name": "none", "is_skill": "1"}).status_code
        == 404
    )
    assert as_admin.post("/admin/tag/skill/", data={"name": "vpn"}).status_code == 400


# --------------------------------------------------------------------------- mail and jobs


@pytest.fixture
def letter(admin, agent, open_ticket):
    """The letter that tells the agent of a ticket."""
    ticket = open_ticket("Printer <b>on fire</b>")
    tickets.assign_ticket(admin, ticket.id, agent.profile_id)
    [row] = rows("SELECT id FROM mail_outbox WHERE letter = 'assigned'")
    return row.id


def test_a_letter_is_listed_and_shown_in_a_frame_that_can_do_nothing(as_admin, letter):
    page = text_of(as_admin, "letter/?state=queued&letter=assigned")
    assert f"/admin/letter/details/?id={letter}" in page
    assert "ana@example.org" in (page := text_of(as_admin, f"letter/details/?id={letter}"))
    assert "<iframe" in page
    assert " sandbox " in page
    answer = as_admin.get(f"/admin/letter/preview/?id={letter}")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "<b>on fire</b>" not in answer.get_data(as_text=True)


def test_a_dead_letter_is_sent_again_by_an_admin_only(as_admin, as_agent, letter, owner):
    form = {"id": str(letter)}
    page = as_admin.post("/admin/letter/retry/", data=form, follow_redirects=True)
    assert "Only a letter that was given up, or not sent" in page.get_data(as_text=True)
    owner.execute("UPDATE mail_outbox SET state = 'dead', last_error = 'no such host'")
    assert as_agent.post("/admin/letter/retry/", data=form).status_code == 403
    assert "no such host" in text_of(as_admin, f"letter/details/?id={letter}")
    assert as_admin.post("/admin/letter/retry/", data=form).status_code == 303
    assert rows("SELECT state FROM mail_outbox WHERE id = :id", id=letter) == [("queued",)]


def test_a_dead_step_is_shown_and_tried_again_by_an_admin_only(
    as_admin, as_agent, open_ticket, owner
):
    ticket = open_ticket()
    owner.execute("UPDATE sla_steps SET dead_at = now(), attempts = 5, last_error = 'boom'")
    page = text_of(as_admin, "job/")
    assert f"#{ticket.number}" in page
    assert "boom" in page
    step = rows("SELECT id FROM sla_steps ORDER BY id")[0].id
    form = {"kind": "step", "id": str(step)}
    assert as_agent.post("/admin/job/retry/", data=form).status_code == 403
    assert as_admin.post("/admin/job/retry/", data=form).status_code == 303
    assert rows("SELECT dead_at FROM sla_steps WHERE id = :id", id=step) == [(None,)]
    assert as_admin.post("/admin/job/retry/", data=form | {"kind": "x"}).status_code == 404


def test_a_dead_request_to_rate_and_a_dead_letter_are_tried_again_too(
    as_admin, open_ticket, letter, owner, customer
):
    tickets.close_ticket(customer, open_ticket().id)
    owner.execute("UPDATE feedback_requests SET dead_at = now(), last_error = 'no idea'")
    owner.execute("UPDATE mail_outbox SET state = 'dead', last_error = 'no such host'")
    page = text_of(as_admin, "job/")
    assert "no idea" in page
    assert "no such host" in page
    request = rows("SELECT id FROM feedback_requests")[0].id
    for kind, row in (("feedback", request), ("letter", letter)):
        form = {"kind": kind, "id": str(row)}
        assert as_admin.post("/admin/job/retry/", data=form).status_code == 303
    assert rows("SELECT dead_at FROM feedback_requests") == [(None,)]
    assert rows("SELECT state FROM mail_outbox WHERE id = :id", id=letter) == [("queued",)]


def test_an_admin_gives_a_new_agent_a_sign_in_and_another_password_later(
    as_admin, make, web, browser
):
    ben = make.agent("Ben", email="ben@example.org").profile_id
    assert "Give a sign-in" in text_of(as_admin, f"profile/details/?id={ben}")
    path = f"/admin/profile/password/?id={ben}"
    assert as_admin.post(path, data={"password": "short"}).status_code == 422
    for password in ("first password", "second password"):
        assert as_admin.post(path, data={"password": password}).status_code == 303
    assert browser.sign_in("ben@example.org", "first password").status_code == 200
    assert browser.sign_in("ben@example.org", "second password").status_code == 302
    text_of(browser, "ticket/")


def test_agents_give_nobody_a_password(as_agent, make):
    other = make.agent().profile_id
    assert as_agent.get(f"/admin/profile/password/?id={other}").status_code == 403
    answer = as_agent.post(f"/admin/profile/password/?id={other}", data={"password": "x" * 12})
    assert answer.status_code == 403


def test_history_of_a_deleted_ticket_is_found_by_its_number(as_admin, admin, open_ticket):
    ticket = open_ticket()
    tickets.delete_ticket(admin, ticket.id)
    page = text_of(as_admin, f"history/?ticket={ticket.number}")
    assert "deleted the ticket" in page
    assert "Nothing happened here" in text_of(as_admin, "history/?ticket=99999")


def test_a_tag_that_is_a_skill_is_marked(as_agent, make):
    make.skill("vpn")
    assert "Skill" in text_of(as_agent, "tag/")


def test_a_new_ticket_that_is_refused_leaves_no_new_customer(as_agent, make):
    form = {
        "email": "new@example.org",
        "title": "t",
        "description": "d",
        "priority": "LOW",
        "team": str(uuid.uuid4()),
    }
    answer = as_agent.post("/admin/ticket/new/", data=form)
    assert answer.status_code == 422
    assert "no such team" in answer.get_data(as_text=True)
    assert rows("SELECT 1 FROM profiles WHERE email = 'new@example.org'") == []


@pytest.mark.rule("sla 15")
def test_the_page_of_jobs_says_how_far_a_changed_calendar_has_come(as_admin, open_ticket, make):
    open_ticket()
    assert "planned again" not in text_of(as_admin, "job/")
    with reading(SYSTEM) as session:
        [hours] = list_calendars(session)
    mornings = {"week": {"monday": [["09:00", "12:00"]]}}
    calendars.add_version(make.admin(), hours.id, "UTC", mornings, version=1)
    page = text_of(as_admin, "job/")
    assert "Calendar Business hours, version 2" in page
    assert "0 of 2" in page
    assert '<progress value="0" max="2"' in page
    assert sweep_replanning() == 1
    assert "planned again" not in text_of(as_admin, "job/")
