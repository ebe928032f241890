"""The pages of macros: whose are shown to whom, the form with its preview, and two who edit one."""

import re

import pytest

from emberone.db import reading
from emberone.domain.enums import Priority
from emberone.domain.lifecycle import Event
from emberone.domain.macros import PLACEHOLDERS, ReplyChanges
from emberone.queries.macros import macro_details
from emberone.services import macros
from emberone.services.macros import MacroValues
from tests.browsing import PHONE, check_page, expect

LIST = "/admin/macro/"


@pytest.fixture
def shared(admin, make):
    """Everybody's: it writes, closes, and changes all that a macro can."""
    changes = ReplyChanges(Priority.LOW, make.team("Orders"), ("refund",))
    text = "Hello {{customer.first_name}}, **done**. {{agent.name}}"
    values = MacroValues("Refund", text, Event.STAFF_REPLY_AND_CLOSE, changes, is_shared=True)
    return macros.make_macro(admin, values)


@pytest.fixture
def own(agent):
    """The agent's own."""
    return macros.make_macro(agent, MacroValues("Apology", "We are sorry."))


@pytest.fixture
def kept(owner):
    """What a statement returns with everybody's own among it, which the product does not see."""
    return lambda statement: owner.execute(statement).fetchall()


def page_of(browser, path="", status=200):
    answer = browser.get(f"{LIST}{path}")
    assert answer.status_code == status, answer.text
    return answer.text


def form_of(**changes):
    return {"name": "Refund", "content": "Your money.", "whose": "mine", **changes}


def test_everybodys_and_ones_own_are_listed_and_found(as_agent, as_admin, shared, own):
    page = page_of(as_agent)
    assert "Refund" in page
    assert "Apology" in page
    assert "Reply and close" in page
    assert "Orders" in page
    assert "Apology" not in page_of(as_admin)
    assert "Apology" not in page_of(as_agent, "?whose=everybody")
    assert "Refund" not in page_of(as_agent, "?whose=mine")
    assert "Refund" not in page_of(as_agent, "?search=sorry")
    assert "No macro has these words" in page_of(as_agent, "?search=zebra")
    assert page_of(as_agent, "?whose=nobody", 400)


def test_the_list_costs_the_same_with_many(as_agent, agent, own, queries):
    queries()
    page_of(as_agent)
    few = len(queries())
    for number in range(20):
        macros.make_macro(agent, MacroValues(f"Macro {number}", "x"))
    queries()
    page_of(as_agent)
    assert len(queries()) == few


def test_an_agent_makes_and_changes_one_of_their_own(as_agent, agent, make, kept):
    team = make.team("Service")
    sent = form_of(way="reply_and_wait", priority="HIGH", team=str(team), tags="vpn, Slow net")
    assert as_agent.post(f"{LIST}new/", data=sent).location == LIST
    ((macro, owner),) = kept("SELECT id, owner_id FROM macros")
    assert owner == agent.profile_id
    with reading(agent) as session:
        row = macro_details(session, agent, macro)
    assert row.event is Event.STAFF_REPLY_AND_WAIT
    assert row.changes == ReplyChanges(Priority.HIGH, team, ("slow net", "vpn"))
    page = page_of(as_agent, f"edit/?id={macro}")
    assert 'value="slow net, vpn"' in page
    assert re.search(r'<option value="reply_and_wait" selected', page)
    answer = as_agent.post(f"{LIST}edit/?id={macro}", data=form_of(name="New name", version=1))
    assert answer.status_code == 303
    assert kept("SELECT name, event FROM macros") == [("New name", None)]


def test_an_agent_reads_everybodys_and_is_offered_no_change_of_it(as_agent, as_admin, shared, kept):
    page = page_of(as_agent, f"details/?id={shared}")
    assert "{{customer.first_name}}" in page
    assert f"edit/?id={shared}" not in page
    assert f"edit/?id={shared}" in page_of(as_admin, f"details/?id={shared}")
    page_of(as_agent, f"edit/?id={shared}", 403)
    page_of(as_agent, f"delete/?id={shared}", 403)
    for path, form in ((f"edit/?id={shared}", form_of(version=1)), ("delete/", {"id": shared})):
        assert as_agent.post(f"{LIST}{path}", data=form).status_code == 403
    assert 'value="everybody"' not in page_of(as_agent, "new/")
    sent = form_of(name="Mine for all", whose="everybody")
    assert as_agent.post(f"{LIST}new/", data=sent).status_code == 403
    assert kept("SELECT name FROM macros") == [("Refund",)]


def test_anothers_own_is_not_there(as_agent, as_admin, own):
    for path in ("details", "edit", "delete"):
        page_of(as_admin, f"{path}/?id={own}", 404)
        page_of(as_agent, f"{path}/?id={own}")
    assert as_admin.post(f"{LIST}delete/", data={"id": own}).status_code == 404


def test_it_is_deleted_after_asking(as_agent, own, kept):
    assert "Delete “Apology”?" in page_of(as_agent, f"delete/?id={own}")
    assert as_agent.post(f"{LIST}delete/", data={"id": own}).status_code == 303
    assert "was deleted" in page_of(as_agent)
    assert kept("SELECT 1 FROM macros") == []


def test_a_refused_form_keeps_what_was_typed_and_says_what_can_be_used(as_agent, kept):
    sent = form_of(content="Hello {{customer.nmae}}", tags="a, b", priority="LOW")
    answer = as_agent.post(f"{LIST}new/", data=sent)
    assert answer.status_code == 422
    assert "Nothing stands for {{customer.nmae}}" in answer.text
    assert "Hello {{customer.nmae}}</textarea>" in answer.text
    assert 'value="a, b"' in answer.text
    assert kept("SELECT 1 FROM macros") == []


def test_a_name_twice_is_refused_beside_the_form(as_agent, own):
    answer = as_agent.post(f"{LIST}new/", data=form_of(name="apology"))
    assert answer.status_code == 409
    assert "There is a macro of this name already." in answer.text


def test_a_stale_form_shows_both_and_is_saved_at_the_second_try(as_admin, admin, shared, kept):
    theirs = MacroValues("Refund", "Their text", None, ReplyChanges(Priority.HIGH), is_shared=True)
    macros.change_macro(admin, shared, theirs, version=1)
    mine = form_of(content="My text", whose="everybody", version=1)
    answer = as_admin.post(f"{LIST}edit/?id={shared}", data=mine)
    assert answer.status_code == 409
    assert "Their text" in answer.text
    assert "My text</textarea>" in answer.text
    assert "<dt>Priority</dt>" in re.sub(r"<dt[^>]*>", "<dt>", answer.text)
    assert kept("SELECT content FROM macros") == [("Their text",)]
    version = re.search(r'name="version" value="(\d+)"', answer.text)[1]
    answer = as_admin.post(f"{LIST}edit/?id={shared}", data={**mine, "version": version})
    assert answer.status_code == 303
    assert kept("SELECT content FROM macros") == [("My text",)]


def test_a_look_at_the_preview_does_not_hide_that_somebody_else_saved(as_admin, admin, shared):
    theirs = MacroValues("Refund", "Their text", is_shared=True)
    macros.change_macro(admin, shared, theirs, version=1)
    mine = form_of(content="My text", whose="everybody", version=1)
    shown = as_admin.post(f"{LIST}edit/?id={shared}", data={**mine, "preview": "1"})
    assert shown.status_code == 200
    assert re.search(r'name="version" value="1"', shown.text)


def test_the_preview_is_of_a_real_ticket_without_a_script_too(as_agent, make, open_ticket, kept):
    ticket = open_ticket("Printer **on** fire")
    sent = form_of(content="Dear {{customer.name}}: {{ticket.title}}", preview="1")
    page = as_agent.post(f"{LIST}new/", data=sent).text
    assert "<p>Dear Carl Customer: Printer **on** fire</p>" in page
    assert f"#{ticket.number}" in page
    assert "<b>Carl Customer</b>" in page
    assert kept("SELECT 1 FROM macros") == []
    for name in PLACEHOLDERS:
        assert f'data-place="{{{{{name}}}}}"' in page
    part = as_agent.post(f"{LIST}preview/", data={"content": "{{wrong}} x"})
    assert "Nothing stands for {{wrong}}" in part.text
    assert "<html" not in part.text


def test_without_any_ticket_the_form_says_so(as_agent):
    assert "There is no ticket yet" in page_of(as_agent, "new/")


def test_places_are_put_in_and_the_preview_follows_as_one_types(visit, agent, open_ticket):
    open_ticket()
    page = visit(agent, f"{LIST}new/")
    page.fill("#content", "Hello ")
    page.click('[data-place="{{customer.first_name}}"]')
    expect(page.locator("#content")).to_have_value("Hello {{customer.first_name}}")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.type(", **thanks**")
    expect(page.locator("[data-preview] strong")).to_have_text("thanks")
    expect(page.locator("[data-preview]")).to_contain_text("Hello Carl, thanks")
    expect(page.locator("[name=preview]")).to_be_hidden()


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1400, "height": 900}])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anyone(visit, admin, shared, open_ticket, viewport, scheme):
    open_ticket()
    page = visit(admin, LIST, viewport=viewport, color_scheme=scheme)
    check_page(page)
    for path in ("new/", f"edit/?id={shared}", f"details/?id={shared}", f"delete/?id={shared}"):
        page.goto(f"{LIST}{path}")
        if path.startswith(("new", "edit")):
            expect(page.locator(".ts-wrapper").first).to_be_visible()
        check_page(page)
