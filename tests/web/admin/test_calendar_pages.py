"""The pages of calendars: their pictures, the form with its preview, and their versions."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric, Priority
from emberone.domain.promises import Promises
from emberone.models import Ticket
from emberone.queries import calendars as stored
from emberone.services import agents, calendars, sla_policies
from emberone.web.admin.calendar_form import CalendarForm
from emberone.web.admin.calendar_preview import preview_of
from tests.browsing import DESKTOP, PHONE, check_page, expect
from tests.services.test_calendars_that_run_out import Fair
from tests.web.forms import forms_of, marked

LIST = "/admin/calendar/"
SHIFTS = {
    "week": {
        "monday": [["09:00", "12:30"], ["13:30", "17:00"]],
        "friday": [["22:00", "06:00"]],
        "sunday": [["00:00", "24:00"]],
    },
    "exceptions": [
        {"date": "2020-12-25", "name": "Christmas Day", "windows": []},
        {"date": "2199-12-24", "name": "Christmas Eve", "windows": [["09:00", "12:00"]]},
    ],
}


@pytest.fixture
def shifts(admin):
    """A calendar with lunch, a night, a whole day, and dates behind and ahead."""
    return calendars.create_calendar(admin, "Shifts", "Europe/London", SHIFTS)


def page_of(browser, path="", status=200):
    answer = browser.get(f"{LIST}{path}")
    assert answer.status_code == status, answer.text
    return answer.text


def form_on(web, browser, path):
    """The form of a page, as a browser without a script would send it."""
    found = forms_of(web, f"{LIST}{path}", page_of(browser, path))
    return next(form for form in found if "name" in form.names)


def row_of(calendar_id):
    with reading(SYSTEM) as session:
        return stored.find_calendar(session, calendar_id)


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_everyone_on_the_staff_reads_calendars_and_only_admins_are_offered_to_change_them(
    as_agent, as_admin, as_customer, shifts
):
    page = page_of(as_agent)
    assert "Shifts" in page
    assert "Business hours" in page
    assert "Standard" in page
    assert "New calendar" not in page
    assert "New calendar" in page_of(as_admin)
    page = page_of(as_agent, f"details/?id={shifts}")
    assert "Mon 09:00–12:30, 13:30–17:00 Tue closed" in text_of(page)
    assert "Christmas Eve" in page
    assert "1 that is over" in page
    assert "edit/" not in page
    for path in ("new/", f"edit/?id={shifts}"):
        page_of(as_agent, path, 403)
    for path in (f"edit/?id={shifts}", "new/", "preview/"):
        assert as_agent.post(f"{LIST}{path}", data={}).status_code == 403
    page_of(as_customer, "", 403)


def test_a_page_says_what_counts_by_it(as_agent, admin, agent, shifts):
    assert "Nothing yet." in page_of(as_agent, f"details/?id={shifts}")
    agents.change_agent(
        admin, agent.profile_id, capacity=3, skills=[], team_ids=[], calendar_id=shifts, version=1
    )
    assert "Ana Agent working hours" in text_of(page_of(as_agent, f"details/?id={shifts}"))
    with reading(SYSTEM) as session:
        (office,) = [row for row in stored.list_calendars(session) if row.name != "Shifts"]
    assert "Standard what is promised" in text_of(page_of(as_agent, f"details/?id={office.id}"))


def test_pages_cost_the_same_with_many(as_admin, admin, shifts, queries):
    few = {}
    for path in ("", f"details/?id={shifts}"):
        queries()
        page_of(as_admin, path)
        few[path] = len(queries())
    for number in range(12):
        calendars.create_calendar(admin, f"Calendar {number}", "UTC", SHIFTS)
        zone = "Europe/Paris" if number % 2 else "Europe/Rome"
        calendars.add_version(admin, shifts, zone, SHIFTS, version=number + 1)
    for path, count in few.items():
        queries()
        page_of(as_admin, path)
        assert len(queries()) == count, path


@pytest.mark.rule("sla 11")
def test_a_form_that_is_sent_as_it_was_says_what_was_there(web, as_admin, shifts):
    form = form_on(web, as_admin, f"edit/?id={shifts}")
    assert form.values["day-friday"] == ["22:00–06:00"]
    assert form.values["dates-0-hours"] == [""]
    assert form.send(as_admin).status_code == 303
    assert row_of(shifts).version == 1
    assert row_of(shifts).definition == SHIFTS
    assert form.send(as_admin, name="Nights").status_code == 303
    assert row_of(shifts)[1:3] == ("Nights", 1)


@pytest.mark.parametrize(
    ("line", "windows"),
    [
        ("9-17", [["09:00", "17:00"]]),
        ("9.30 – 12, 13:00—17:15", [["09:30", "12:00"], ["13:00", "17:15"]]),
        ("22:00-06:00; 8-9", [["22:00", "06:00"], ["08:00", "09:00"]]),
        ("00:00-24:00", [["00:00", "24:00"]]),
        ("09:00:30-10:00:00", [["09:00:30", "10:00"]]),
        ("-", []),
        ("  ", []),
    ],
)
def test_hours_may_be_written_in_many_ways(line, windows):
    understood = CalendarForm(zone="UTC", week={"monday": line.strip()}).read()
    assert understood.wrong == {}
    assert understood.definition["week"].get("monday", []) == windows


@pytest.mark.rule("sla 15")
def test_an_admin_makes_one_and_a_change_is_a_version_that_says_what_it_changed(
    web, as_admin, as_agent
):
    form = form_on(web, as_admin, "new/")
    form.values["zone"] = ["Pacific/Chatham"]
    answer = form.send(
        as_admin,
        **{
            "name": "Chatham",
            "day-monday": "9-12, 13-17",
            "day-sunday": "22-6",
            "dates-0-date": "2199-12-24",
            "dates-0-name": "Christmas Eve",
            "dates-0-hours": "9-12",
            "dates-7-date": "",
        },
    )
    assert answer.status_code == 303
    assert "The calendar was made." in as_admin.get(answer.location).text
    calendar = re.search(r"id=([\w-]+)", answer.location)[1]
    assert row_of(calendar).definition["exceptions"] == SHIFTS["exceptions"][1:]
    form = form_on(web, as_admin, f"edit/?id={calendar}")
    changed = {"day-monday": "10-12, 13-17", "dates-0-hours": "", "zone": "Europe/Madrid"}
    answer = form.send(as_admin, **changed)
    assert "planned again" in as_admin.get(answer.location).text
    page = page_of(as_agent, f"details/?id={calendar}")
    table = re.search(r"What version 2 changed.*?</table>", page, re.DOTALL)[0]
    assert re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", table)[3:] == [
        "Time zone", "Pacific/Chatham", "Europe/Madrid",
        "Monday", "09:00–12:00, 13:00–17:00", "10:00–12:00, 13:00–17:00",
        "Tue 24 Dec 2199", "Christmas Eve: 09:00–12:00", "Christmas Eve: closed",
    ]  # fmt: skip
    old = page_of(as_agent, f"details/?id={calendar}&version=1")
    assert "not in force any more" in old
    assert "Pacific/Chatham" in old
    page_of(as_agent, f"details/?id={calendar}&version=3", 404)


def test_one_row_closes_several_days_and_comes_back_as_one(web, as_admin, shifts):
    form = form_on(web, as_admin, f"edit/?id={shifts}")
    days = {"dates-9-date": "2199-12-25", "dates-9-until": "2199-12-27", "dates-9-name": "Closed"}
    assert form.send(as_admin, **days).status_code == 303
    stored_days = row_of(shifts).definition["exceptions"]
    assert [(day["date"], day["windows"]) for day in stored_days if day["name"] == "Closed"] == [
        ("2199-12-25", []), ("2199-12-26", []), ("2199-12-27", []),
    ]  # fmt: skip
    form = form_on(web, as_admin, f"edit/?id={shifts}")
    assert form.values["dates-2-date"] == ["2199-12-25"]
    assert form.values["dates-2-until"] == ["2199-12-27"]
    assert "dates-3-date" not in form.values
    assert form.send(as_admin).status_code == 303
    assert row_of(shifts).definition["exceptions"] == stored_days


def test_the_preview_draws_dates_that_differ_however_far_away(as_admin):
    definition = {**SHIFTS, "exceptions": [
        {"date": f"2027-{month:02}-01", "name": "Stocktaking", "windows": []}
        for month in range(1, 13)
    ] + [{"date": f"2028-{month:02}-01", "name": "", "windows": []} for month in range(1, 5)]}  # fmt: skip
    with as_admin.application.test_request_context():
        preview = preview_of("UTC", definition, datetime(2026, 12, 25, 12, tzinfo=UTC))
        assert [day.exception for day in preview.days if day.exception] == ["Stocktaking"]
        assert len(preview.later) == 14
        assert preview.further == 1
        assert preview.later[0].name == "Mon 1 Feb 2027"
        assert preview.later[0].hours == []


def test_a_row_more_or_less_without_a_script_keeps_what_was_typed(web, as_admin, shifts):
    form = form_on(web, as_admin, f"edit/?id={shifts}")
    page = form.send(as_admin, add="1", **{"day-monday": "whenever"}).text
    assert 'name="dates-2-date"' in page
    assert 'value="whenever"' in page
    page = form.send(as_admin, remove="0").text
    assert 'name="dates-0-date"' not in page
    assert 'name="dates-1-date"' in page
    assert row_of(shifts).version == 1


CLOSED = {f"day-{day}": "" for day in ("monday", "friday", "sunday")}


@pytest.mark.rule("sla 13")
@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"name": " "}, "name", "empty"),
        ({"name": "business hours"}, "name", "of this name already"),
        ({"zone": "Mars/Olympus"}, "zone", "time zone"),
        ({"day-monday": "9 to 5"}, "day-monday", "“9 to 5” is no span of hours"),
        ({"day-monday": "9-12, 25-26"}, "day-monday", "is no time"),
        ({"day-monday": "9-9"}, "day-monday", "is empty"),
        ({"dates-0-date": ""}, "dates-0", "is no date"),
        ({"dates-0-date": "2199-12-24"}, "dates-1", "twice"),
        ({"dates-1-until": "2199-12-23"}, "dates-1", "before the first"),
        ({"dates-1-until": "tomorrow"}, "dates-1", "Choose the first and the last day."),
        ({"dates-0-until": "2099-12-25"}, "dates-0", "At most 366 days in one row."),
        ({"dates-0-date": "2199-12-23", "dates-0-until": "2199-12-24"}, "dates-1", "twice"),
        ({"dates-1-hours": "x"}, "dates-1", "no span of hours"),
        ({**CLOSED, "dates-1-hours": ""}, "week", "Nothing is open in the next 366 days"),
    ],
)
def test_what_cannot_be_is_marked_where_it_stands(web, as_admin, shifts, typed, field, said):
    form = form_on(web, as_admin, f"edit/?id={shifts}")
    answer = form.send(as_admin, **typed)
    assert answer.status_code in {409, 422}
    assert said in marked(answer.text, field)
    assert row_of(shifts)[1:3] == ("Shifts", 1)


def test_a_stale_form_shows_both_and_is_saved_at_the_second_try(web, as_admin, admin, shifts):
    form = form_on(web, as_admin, f"edit/?id={shifts}")
    theirs = {**SHIFTS, "exceptions": []}
    calendars.add_version(admin, shifts, "Europe/London", theirs, version=1, name="Theirs")
    answer = form.send(as_admin, **{"day-monday": "8-9"})
    assert answer.status_code == 409
    assert "Somebody else saved a version meanwhile." in answer.text
    shown = text_of(re.search(r"Where the two differ.*?</table>", answer.text, re.DOTALL)[0])
    assert "Monday 09:00–12:30, 13:30–17:00 08:00–09:00" in shown
    assert "Fri 25 Dec 2020 – Christmas Day: closed" in shown
    assert row_of(shifts).version == 2
    again = next(f for f in forms_of(web, "/", answer.text) if "name" in f.names)
    assert again.send(as_admin).status_code == 303
    assert row_of(shifts)[1:3] == ("Theirs", 3)
    assert row_of(shifts).definition["exceptions"] == SHIFTS["exceptions"]


@pytest.mark.rule("sla 12")
def test_days_are_shown_as_they_will_be_when_clocks_change(web):
    with web.test_request_context():
        # A night shift over the change of 28 March 2027, when 01:00 to 02:00 is skipped.
        definition = {"week": {"saturday": [["22:00", "06:00"]]}, "exceptions": []}
        preview = preview_of("Europe/London", definition, datetime(2027, 3, 27, 12, tzinfo=UTC))
        saturday, sunday = preview.days[:2]
        assert (saturday.hours, saturday.length, saturday.change) == (["22:00–24:00"], "2 h", None)
        assert (sunday.hours, sunday.length) == (["00:00–06:00"], "5 h")
        assert sunday.change == "clocks go forward by 1 h"
        # Five of 23 hours.
        assert sunday.parts == [("0.00%", "21.74%")]
        assert not preview.is_open
        assert preview.week[6].rest == [("0.00%", "25.00%")]
        assert preview.week_length == "8 h"
        autumn = preview_of("Europe/London", definition, datetime(2027, 5, 1, 12, tzinfo=UTC))
        assert autumn.next_change == "Sun 31 Oct 2027: clocks go back by 1 h"
        assert preview_of("UTC", definition, datetime(2027, 5, 1, tzinfo=UTC)).next_change is None


def test_a_calendar_that_opens_no_more_says_so_on_its_page(as_agent, admin, owner):
    soon = datetime.now(UTC).date().isoformat()
    once = {"exceptions": [{"date": soon, "name": "", "windows": [["00:00", "24:00"]]}]}
    calendar = calendars.create_calendar(admin, "Once", "Pacific/Pago_Pago", once)
    assert "Nothing is open" not in page_of(as_agent, f"details/?id={calendar}")
    owner.execute(
        "UPDATE calendar_versions SET definition = replace(definition::text, %s, '2020-01-01')::jsonb"
        " WHERE calendar_id = %s",
        (soon, calendar),
    )
    assert "Nothing is open" in page_of(as_agent, f"details/?id={calendar}")


def test_the_preview_follows_what_is_typed_and_saves_nothing(web, as_admin, shifts):
    form = form_on(web, as_admin, f"edit/?id={shifts}")
    form.action = f"{LIST}preview/"
    page = form.send(as_admin, **{"day-tuesday": "7-7:30"}).text
    assert "07:00–07:30" in page
    assert "<html" not in page
    page = form.send(as_admin, **CLOSED, **{"dates-1-hours": ""}).text
    assert "Nothing is open in the next 366 days" in page
    assert row_of(shifts).version == 1
    form = form_on(web, as_admin, f"edit/?id={shifts}")
    shown = form.send(as_admin, preview="1", **{"day-tuesday": "7-7:30"})
    assert shown.status_code == 200
    assert "07:00–07:30" in shown.text


def test_what_is_typed_is_drawn_at_once_and_the_zone_is_searched(visit, admin, shifts):
    page = visit(admin, f"{LIST}edit/?id={shifts}")
    preview = page.locator("#preview")
    page.fill("#day-tuesday", "7-7:30")
    expect(preview).to_contain_text("07:00–07:30")
    page.get_by_role("button", name="Add a date").click()
    expect(page.locator(".date-row").last.locator("[name$=-date]")).to_be_focused()
    page.locator(".ts-control").click()
    page.keyboard.type("kathmandu")
    expect(page.locator(".ts-dropdown .option")).to_have_text(["Asia/Kathmandu"])
    page.keyboard.press("Enter")
    page.locator("form.sla-form .btn-primary").click()
    expect(page.locator("main")).to_contain_text("Asia/Kathmandu")


@pytest.mark.parametrize("key", ["Enter", "Tab"])
def test_a_fast_typists_zone_is_the_one_that_is_taken(visit, admin, shifts, key):
    """Without a moment between the click, the word and the key that takes it."""
    page = visit(admin, f"{LIST}edit/?id={shifts}")
    processor = page.context.new_cdp_session(page)
    processor.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.locator(".ts-control").click()
    page.keyboard.type("kathmandu")
    page.keyboard.press(key)
    expect(page.locator("#zone")).to_have_value("Asia/Kathmandu")


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")])
def test_nothing_is_in_the_way_of_anyone(visit, admin, shifts, viewport, scheme):
    page = visit(admin, LIST, viewport=viewport, color_scheme=scheme)
    check_page(page)
    for path in (f"details/?id={shifts}", f"edit/?id={shifts}"):
        page.goto(f"{LIST}{path}")
        if path.startswith("edit"):
            expect(page.locator(".ts-wrapper")).to_be_visible()
        check_page(page)


@pytest.mark.rule("sla 13")
def test_the_list_warns_before_a_calendar_in_use_opens_for_the_last_time(as_admin, admin):
    soon = datetime.now(UTC).date() + timedelta(days=9)
    dated = {
        "week": {},
        "exceptions": [{"date": str(soon), "name": "Fair", "windows": [["00:00", "24:00"]]}],
    }
    fair = calendars.create_calendar(admin, "Fair", "UTC", dated)
    assert "for the last time" not in page_of(as_admin)
    promises = Promises(
        targets={(Metric.RESOLUTION, Priority.LOW): 3600}, calendars={Priority.LOW: fair}, alerts=()
    )
    sla_policies.create_policy(admin, "Fair", promises)
    assert page_of(as_admin).count("It opens for the last time on") == 1


def test_a_calendar_is_put_aside_taken_up_and_deleted_from_its_page(as_admin, shifts):
    def press(path, label):
        page = page_of(as_admin, f"details/?id={shifts}")
        assert label in page
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
        answer = as_admin.post(f"{LIST}{path}/", data={"id": shifts, "csrf_token": token})
        assert answer.status_code == 303

    press("put-aside", "Put aside")
    assert "put aside" in text_of(page_of(as_admin))
    assert "By Ada Admin" in text_of(page_of(as_admin, f"details/?id={shifts}"))
    press("take-up", "Take up again")
    assert row_of(shifts).archived_at is None
    press("delete", "Delete")
    assert row_of(shifts) is None


@pytest.mark.rule("sla 13")
def test_a_ticket_whose_calendar_has_run_out_says_so(as_admin, make):
    fair = Fair(make)
    ticket_id = fair.opened(None)
    with reading(SYSTEM) as session:
        number = session.get_one(Ticket, ticket_id).number
    page = text_of(as_admin.get(f"/admin/ticket/{number}/?tab=limits").text)
    assert "never due" in page
    assert "never: its calendar does not open for so long" in page
    assert "2199" not in page
