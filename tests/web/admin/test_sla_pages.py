"""The pages of what is promised: the list, a policy with its versions, and the form with its preview."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric, Priority, StepAction
from emberone.domain.promises import PlannedAlert, Promises
from emberone.queries import sla_policies as stored
from emberone.queries.calendars import list_calendars
from emberone.services import calendars, sla_policies
from emberone.services.replanning import sweep_replanning
from emberone.web.admin.sla_form import PolicyForm
from tests.browsing import DESKTOP, PHONE, check_page, expect
from tests.web.forms import forms_of, marked

LIST = "/admin/sla/"
OFFICE = {"week": {"monday": [["09:00", "17:00"]]}}
TELL, NOTE = (StepAction.NOTIFY_ASSIGNEE,), (StepAction.COMMENT,)
FIRST, NEXT, RESOLUTION = Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE, Metric.RESOLUTION
LOW, HIGH, CRITICAL = Priority.LOW, Priority.HIGH, Priority.CRITICAL

GOLD = Promises(
    targets={(FIRST, HIGH): 3600, (FIRST, LOW): 90, (RESOLUTION, HIGH): 8 * 3600},
    alerts=(
        PlannedAlert(Decimal("33.5"), TELL, only=frozenset({(FIRST, HIGH), (RESOLUTION, HIGH)})),
        PlannedAlert(Decimal(100), (StepAction.RAISE_PRIORITY, StepAction.COMMENT)),
        PlannedAlert(None, NOTE, 5400, only=frozenset({(FIRST, LOW), (RESOLUTION, HIGH)})),
    ),
    closing_is_response=True,
)


@pytest.fixture
def gold(admin):
    """A policy that promises a little, with steps of some of it."""
    return sla_policies.create_policy(admin, "Gold", GOLD)


def page_of(browser, path="", status=200):
    answer = browser.get(f"{LIST}{path}")
    assert answer.status_code == status, answer.text
    return answer.text


def form_on(web, browser, path):
    """The form of a page, as a browser without a script would send it."""
    found = forms_of(web, f"{LIST}{path}", page_of(browser, path))
    return next(form for form in found if "name" in form.names)


def row_of(policy_id):
    with reading(SYSTEM) as session:
        return stored.find_policy(session, policy_id)


def promised(policy_id):
    with reading(SYSTEM) as session:
        return stored.promises_of(session, stored.find_policy(session, policy_id).version_id)


def test_everyone_on_the_staff_reads_what_is_promised_and_only_admins_are_offered_to_change_it(
    as_agent, as_admin, as_customer, gold, make
):
    page = page_of(as_agent)
    assert "Standard" in page
    assert "Gold" in page
    assert "15 min" in page
    assert "Business hours" in page
    assert "New policy" not in page
    assert "New policy" in page_of(as_admin)
    make.team("Mobile")
    page = page_of(as_agent, f"details/?id={gold}")
    assert "At 33.5" in page or "at 33.5" in page
    for offer in ("edit/", "/admin/sla/default/", "/admin/sla/team/", "new/"):
        assert offer not in page
        assert offer in page_of(as_admin, f"details/?id={gold}")
    for path in ("new/", f"edit/?id={gold}"):
        page_of(as_agent, path, 403)
    for path in (f"edit/?id={gold}", "new/", "preview/", "default/", "team/"):
        assert as_agent.post(f"{LIST}{path}", data={"id": gold}).status_code == 403
    page_of(as_customer, "", 403)


def test_the_list_costs_the_same_with_many(as_admin, admin, gold, queries):
    queries()
    page_of(as_admin)
    few = len(queries())
    for number in range(12):
        sla_policies.create_policy(admin, f"Policy {number}", GOLD)
    queries()
    page_of(as_admin)
    assert len(queries()) == few


def test_a_page_costs_the_same_with_many_versions(as_admin, admin, gold, queries):
    queries()
    page_of(as_admin, f"details/?id={gold}")
    few = len(queries())
    for number in range(2, 14):
        other = {**GOLD.targets, (FIRST, HIGH): 3600 + number}
        sla_policies.add_version(admin, gold, replace(GOLD, targets=other))
    queries()
    page_of(as_admin, f"details/?id={gold}")
    assert len(queries()) == few


@pytest.mark.rule("sla 20")
def test_a_form_that_is_sent_as_it_was_says_what_was_there(web, as_admin, admin, make):
    hours = calendars.create_calendar(admin, "Office", "UTC", OFFICE)
    boss = PlannedAlert(
        Decimal(40), (StepAction.NOTIFY_PERSON,), person_id=make.agent("Bo Boss").profile_id
    )
    whole = replace(GOLD, alerts=(boss, *GOLD.alerts), calendars={HIGH: hours})
    policy = sla_policies.create_policy(admin, "Whole", whole)
    form = form_on(web, as_admin, f"edit/?id={policy}")
    assert form.send(as_admin).status_code == 303
    assert row_of(policy).version == 1
    assert form.send(as_admin, name="Whole and better").status_code == 303
    assert row_of(policy)[1:4] == ("Whole and better", False, 1)
    again = form.send(
        as_admin, **{"target-FIRST_RESPONSE-HIGH": "61", "unit-FIRST_RESPONSE-HIGH": "min"}
    )
    assert again.status_code == 303
    found = promised(policy)
    assert found.says_the_same_as(replace(whole, targets={**whole.targets, (FIRST, HIGH): 61 * 60}))


@pytest.mark.parametrize("calendared", [False, True])
def test_any_promises_can_be_put_into_rows_and_read_again(calendared, make):
    admin = make.admin()
    calendar = calendars.create_calendar(admin, "Office", "UTC", OFFICE)
    cells = sorted(GOLD.targets)
    # Every set of targets that a step can be of.
    for number in range(1, 2 ** len(cells)):
        only = frozenset(cell for place, cell in enumerate(cells) if number >> place & 1)
        promises = Promises(
            GOLD.targets,
            (PlannedAlert(None, NOTE, -60 * number, only=only),),
            calendars={HIGH: calendar} if calendared else {},
        )
        understood = PolicyForm.of("x", promises).read([calendar])
        assert understood.wrong == {}
        assert understood.promises.says_the_same_as(promises), only


def test_an_admin_makes_one_from_what_the_default_promises(web, as_admin):
    form = form_on(web, as_admin, "new/")
    assert form.values["target-FIRST_RESPONSE-CRITICAL"] == ["15"]
    assert form.values["unit-FIRST_RESPONSE-CRITICAL"] == ["min"]
    assert form.values["target-RESOLUTION-LOW"] == ["72"]
    assert form.values["calendar-CRITICAL"] == [""]
    assert form.values["calendar-LOW"] != [""]
    none = {f"target-{m.value}-{p.value}": "" for m in (NEXT, RESOLUTION) for p in Priority}
    answer = form.send(as_admin, name="Lean", **none)
    assert answer.status_code == 303
    page = as_admin.get(answer.location).text
    assert "The policy was made." in page
    found = promised(re.search(r"id=([\w-]+)", answer.location)[1])
    assert set(found.targets) == {(FIRST, priority) for priority in Priority}
    assert [alert.percent for alert in found.alerts] == [75, 100, 150]


def test_the_default_and_a_teams_policy_are_chosen_on_its_page(as_admin, gold, make, owner):
    team = make.team("Mobile")
    assert as_admin.post(f"{LIST}default/", data={"id": gold}).status_code == 303
    assert row_of(gold).is_default
    for sent, name in (({}, "Gold"), ({"leave": "1"}, None)):
        answer = as_admin.post(f"{LIST}team/", data={"id": gold, "team": team, **sent})
        assert answer.status_code == 303
        with reading(SYSTEM) as session:
            assert [t.policy_name for t in stored.team_policies(session)] == [name]
        assert (name or "as by default") in as_admin.get("/admin/team/").text
    assert as_admin.post(f"{LIST}team/", data={"id": gold}).status_code == 404


def test_a_row_more_or_less_without_a_script_keeps_what_was_typed(web, as_admin, gold):
    form = form_on(web, as_admin, f"edit/?id={gold}")
    typed = {"name": "Half typed", "target-FIRST_RESPONSE-HIGH": "many"}
    page = form.send(as_admin, add="1", **typed).text
    assert 'name="steps-4-amount"' in page
    assert 'value="Half typed"' in page
    assert 'value="many"' in page
    page = form.send(as_admin, remove="1", **typed).text
    assert 'name="steps-1-amount"' not in page
    assert 'name="steps-2-amount"' in page
    assert row_of(gold).version == 1


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"name": "  "}, "name", "empty"),
        ({"name": "standard"}, "name", "of this name already"),
        ({"target-RESOLUTION-HIGH": "1.5"}, "target-RESOLUTION-HIGH", "whole number"),
        ({"target-RESOLUTION-HIGH": "0"}, "target-RESOLUTION-HIGH", "From 1 second"),
        ({"target-RESOLUTION-HIGH": "999999"}, "target-RESOLUTION-HIGH", "365 days"),
        ({"calendar-LOW": "x"}, "calendar-LOW", "no such calendar"),
        ({"steps-0-amount": ""}, "steps-0", "such as 75"),
        ({"steps-0-amount": "1001"}, "steps-0", "1,000 per cent"),
        ({"steps-0-when": "h-before", "steps-0-amount": "2"}, "steps-0", "has begun"),
        ({"steps-0-amount": "100"}, "steps-1", "at the same time"),
        ({"steps-2-action": []}, "steps-2", "what is done"),
        ({"steps-2-metric": []}, "steps-2", "which times"),
        ({"steps-2-action": ["NOTIFY_PERSON"]}, "steps-2", "whom to tell"),
    ],
)
def test_what_cannot_be_promised_is_marked_where_it_stands(web, as_admin, gold, typed, field, said):
    form = form_on(web, as_admin, f"edit/?id={gold}")
    answer = form.send(as_admin, **typed)
    assert answer.status_code in {409, 422}
    assert said in marked(answer.text, field)
    assert row_of(gold)[1:4] == ("Gold", False, 1)


def test_more_rows_than_a_plan_has_come_back_as_they_were_typed(web, as_admin, gold):
    form = form_on(web, as_admin, f"edit/?id={gold}")
    rows = {f"steps-{number}-amount": str(number + 1) for number in range(10, 40)}
    answer = form.send(as_admin, **rows)
    assert answer.status_code == 422
    assert "at most 20 steps" in marked(answer.text, "steps")
    assert 'name="steps-39-amount"' in answer.text


@pytest.mark.rule("sla 18")
def test_nothing_at_all_is_no_policy_but_a_priority_may_be_promised_nothing(web, as_admin, gold):
    form = form_on(web, as_admin, f"edit/?id={gold}")
    none = {name: "" for name in form.names if name.startswith("target-")}
    answer = form.send(as_admin, **none)
    assert "promises something" in marked(answer.text, "targets")
    assert form.send(as_admin, **{**none, "target-RESOLUTION-HIGH": "8"}).status_code == 303
    assert promised(gold).targets == {(RESOLUTION, HIGH): 8 * 3600}


def test_a_stale_form_shows_both_and_is_saved_at_the_second_try(web, as_admin, admin, gold):
    form = form_on(web, as_admin, f"edit/?id={gold}")
    theirs = replace(GOLD, targets={**GOLD.targets, (FIRST, HIGH): 7200}, alerts=GOLD.alerts[:1])
    sla_policies.add_version(admin, gold, theirs, name="Golden")
    mine = {"target-FIRST_RESPONSE-HIGH": "30", "unit-FIRST_RESPONSE-HIGH": "min"}
    answer = form.send(as_admin, **mine)
    assert answer.status_code == 409
    assert "Somebody else saved a version meanwhile." in answer.text
    assert ">2 hours<" in answer.text
    assert ">30 minutes<" in answer.text
    assert "when it is due: Raise the priority one level, Write a note" in answer.text
    assert promised(gold).targets == theirs.targets
    again = next(f for f in forms_of(web, "/", answer.text) if "name" in f.names)
    assert again.values["steps-3-amount"] == ["90"]
    assert again.send(as_admin).status_code == 303
    assert promised(gold).targets[FIRST, HIGH] == 1800
    # A name that was left alone does not take back theirs.
    assert row_of(gold).name == "Golden"


@pytest.mark.rule("sla 15")
def test_a_change_is_a_version_that_says_who_changed_what_and_the_old_one_stays(
    web, as_admin, as_agent, gold
):
    form = form_on(web, as_admin, f"edit/?id={gold}")
    form.send(as_admin, **{"target-FIRST_RESPONSE-HIGH": "2", "closing_is_response": []})
    page = page_of(as_agent, f"details/?id={gold}")
    assert "Version 2" in page
    assert "Ada Admin" in page
    changed = re.search(r"What version 2 changed.*?</table>", page, re.DOTALL)[0]
    assert re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", changed)[3:] == [
        "First response, High", "1 hour", "2 hours",
        "Closing counts as a response", "yes", "no",
    ]  # fmt: skip
    old = page_of(as_agent, f"details/?id={gold}&version=1")
    assert "not in force any more" in old
    assert "What version 2 changed" not in old
    assert '<span title="1 hour">1 h</span>' in old
    page_of(as_agent, f"details/?id={gold}&version=3", 404)


@pytest.mark.rule("sla 15")
def test_pages_show_how_many_clocks_follow_a_new_version_until_all_do(as_agent, admin, open_ticket):
    open_ticket()
    with reading(SYSTEM) as session:
        (policy,) = stored.list_policies(session)
        before = stored.promises_of(session, policy.version_id)
        (calendar,) = list_calendars(session)
    progress = f"progress/?kind=policy&id={policy.id}"
    assert page_of(as_agent, progress).strip() == ""
    sla_policies.add_version(admin, policy.id, replace(before, closing_is_response=True))
    calendars.add_version(admin, calendar.id, "Europe/London", calendar.definition, version=1)
    for part in (
        page_of(as_agent, progress),
        page_of(as_agent, f"details/?id={policy.id}"),
        page_of(as_agent, f"progress/?kind=calendar&id={calendar.id}"),
        as_agent.get(f"/admin/calendar/details/?id={calendar.id}").text,
    ):
        assert "0 of 2 clocks follow version 2." in part
        assert 'hx-trigger="every 3s"' in part
    assert sweep_replanning() == 1
    assert page_of(as_agent, progress).strip() == ""
    assert "hx-trigger" not in page_of(as_agent, f"details/?id={policy.id}")
    page_of(as_agent, f"progress/?id={policy.id}", 404)


def test_the_preview_follows_what_is_typed_and_saves_nothing(web, as_admin, gold):
    form = form_on(web, as_admin, f"edit/?id={gold}")
    form.action = f"{LIST}preview/"
    # A Saturday evening; the second is a Monday morning of business hours.
    typed = {"at": "2026-11-28T18:40", "target-FIRST_RESPONSE-HIGH": "4"}
    page = form.send(as_admin, **typed).text
    assert "Sat 28 Nov, 22:40" in page
    assert "<html" not in page
    office = re.search(r'value="([0-9a-f-]{36})"[^>]*>Business hours', page_of(as_admin, "new/"))[1]
    page = form.send(as_admin, **typed, **{"calendar-HIGH": office}).text
    assert "Mon 30 Nov, 13:00" in page
    assert 'class="lane"' in page
    twice = {"target-RESOLUTION-HIGH": "x", "target-RESOLUTION-LOW": "y"}
    assert form.send(as_admin, **typed, **twice).text.count("Enter a whole number") == 1
    page = form.send(as_admin, **typed, **{"steps-0-amount": "x"}).text
    assert "such as 75" in page
    assert "Sat 28 Nov, 22:40" in page
    assert row_of(gold).version == 1
    shown = form_on(web, as_admin, f"edit/?id={gold}").send(as_admin, preview="1", **typed)
    assert shown.status_code == 200
    assert "Sat 28 Nov, 22:40" in shown.text


def test_a_policy_that_no_calendar_can_keep_is_told_and_not_drawn(web, as_admin, admin, gold):
    rare = {"week": {"monday": [["09:00", "09:01"]]}}
    calendar = calendars.create_calendar(admin, "Rare", "UTC", rare)
    form = form_on(web, as_admin, f"edit/?id={gold}")
    form.action = f"{LIST}preview/"
    year = {"target-RESOLUTION-HIGH": "8000", "calendar-HIGH": str(calendar)}
    page = form.send(as_admin, **year).text
    assert "not open for so much time" in page
    refused = form_on(web, as_admin, f"edit/?id={gold}").send(as_admin, **year)
    assert refused.status_code == 422
    assert "never open for so long" in marked(refused.text, "calendar-HIGH")


def test_what_is_typed_is_drawn_at_once_and_rows_come_and_go(visit, admin, gold):
    page = visit(admin, f"{LIST}edit/?id={gold}")
    preview = page.locator("#preview")
    expect(preview.locator(".outlook__target").first).to_have_text("1 h")
    page.fill("#target-FIRST_RESPONSE-HIGH", "3")
    expect(preview.locator(".outlook__target").first).to_have_text("3 h")
    page.fill("#at", "2026-12-24T16:00")
    expect(preview).to_contain_text("Thu 24 Dec, 19:00")
    rows = page.locator(".plan-row")
    before = rows.count()
    page.get_by_role("button", name="Add a step").click()
    expect(rows).to_have_count(before + 1)
    expect(rows.last.locator("[name$=-amount]")).to_be_focused()
    expect(rows.last.locator(".plan-row__person")).to_be_hidden()
    rows.last.get_by_label("Tell somebody else").check()
    expect(rows.last.locator(".ts-control")).to_be_visible()
    rows.last.get_by_role("button", name="Remove this step").click()
    expect(rows).to_have_count(before)
    expect(preview.locator(".notice")).to_have_count(0)


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")])
def test_nothing_is_in_the_way_of_anyone(visit, admin, gold, make, viewport, scheme):
    make.team("Mobile")
    page = visit(admin, LIST, viewport=viewport, color_scheme=scheme)
    check_page(page)
    for path in (f"details/?id={gold}", "new/"):
        page.goto(f"{LIST}{path}")
        check_page(page)
