"""The settings' page: every setting in words, both versions of a stale form, and their history."""

import html
import re

import pytest

from emberone.models import Setting
from emberone.services.settings import change_settings
from emberone.web.admin.setting_fields import FIELDS, span_text
from tests.browsing import expect
from tests.web.admin.conftest import rows

URL = "/admin/setting/"


def page_of(browser, path=URL, status=200):
    answer = browser.get(path)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def form_of(page):
    """What the browser would send if nothing was touched."""
    form = dict(re.findall(r'<input type="hidden" name="((?:was_)?\w+)" value="([^"]*)"', page))
    form |= dict(
        re.findall(r'<input class="form-control[^>]* name="(\w+)"[^>]* value="([^"]*)"', page)
    )
    for name in re.findall(r'<input class="form-check-input"[^>]* name="(\w+)"[^>]* checked', page):
        form[name] = "1"
    for name, options in re.findall(
        r'<select[^>]* name="(\w+)".*?>(.*?)</select>', page, re.DOTALL
    ):
        # A browser sends the first where none is selected.
        chosen = re.search(r'value="(\w+)" selected', options) or re.search(
            r'value="(\w+)"', options
        )
        form[name] = chosen[1]
    form.pop("csrf_token", None)
    return form


def save(browser, form, **changes):
    return browser.post(URL, data={**form, **changes})


def value(name):
    return rows(f"SELECT {name} FROM settings")[0][0]


def test_every_column_is_on_the_page_with_a_sentence(as_admin, web):
    page = page_of(as_admin)
    columns = {column.name for column in Setting.__table__.columns} - {"id", "version"}
    assert set(FIELDS) == columns
    for name, field in FIELDS.items():
        assert f'id="{name}"' in page
        assert f'id="{name}-hint"' in page
        with web.test_request_context():
            assert html.escape(str(field.label)) in page
    assert "From 0 to 365 days." in page
    assert "From 0 minutes to 30 days." in page


def test_the_untouched_form_changes_nothing(as_admin):
    form = form_of(page_of(as_admin))
    # A box without a tick sends nothing.
    assert set(FIELDS) - set(form) == {"weighs_priority"}
    assert save(as_admin, form).status_code == 303
    assert "Everything stayed as it was." in page_of(as_admin)
    assert value("version") == 1
    assert rows("SELECT count(*) FROM settings")[0][0] == 1


@pytest.mark.parametrize(
    ("changes", "column", "after", "words"),
    [
        ({"reopen_days": "14"}, "reopen_days", 14, "14 days"),
        ({"feedback_delay_s": "2", "feedback_delay_s_unit": "d"}, "feedback_delay_s", 172800, "2 days"),
        ({"feedback_delay_s": "90", "feedback_delay_s_unit": "s"}, "feedback_delay_s", 90, "90 seconds"),
        ({"reply_delay_s": "0"}, "reply_delay_s", 0, "0 seconds"),
        ({"attachment_limit_mb": "25"}, "attachment_limit_mb", 25, "25 MB"),
        ({"pace_tickets": "5"}, "pace_tickets", 5, "5 tickets"),
        ({"weighs_priority": "1"}, "weighs_priority", True, "yes"),
        ({"customer_max_priority": "CRITICAL"}, "customer_max_priority", "CRITICAL", "Critical"),
        ({"assignment_strategy": "ROUND_ROBIN"}, "assignment_strategy", "ROUND_ROBIN", "In turn"),
    ],
)  # fmt: skip
def test_what_is_chosen_holds_and_its_history_is_shown(
    as_admin, admin, changes, column, after, words
):
    answer = save(as_admin, form_of(page_of(as_admin)), **changes)
    assert answer.status_code == 303
    assert value(column) == after
    page = page_of(as_admin)
    assert "1 setting was changed." in page
    for shown in (page.split("What was changed", 1)[1], page_of(as_admin, f"{URL}history/")):
        assert words in shown
        assert "Ada Admin" in shown
    assert form_of(page) == form_of(page_of(as_admin))
    assert changes.items() <= form_of(page).items()


def test_a_box_that_is_not_ticked_is_a_no(as_admin):
    form = form_of(page_of(as_admin))
    del form["allows_registration"]
    assert save(as_admin, form).status_code == 303
    assert value("allows_registration") is False
    assert "allows_registration" not in form_of(page_of(as_admin))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("reopen_days", "366", "From 0 to 365 days."),
        ("reopen_days", "-1", "Enter a whole number. From 0 to 365 days."),
        ("reopen_days", "a week", "Enter a whole number."),
        ("reopen_days", "", "Enter a whole number."),
        ("reopen_days", "٧", "Enter a whole number."),
        ("feedback_delay_s", "31", "From 0 minutes to 30 days."),
        ("attachment_limit_mb", "26", "From 1 to 25 MB."),
        ("customer_max_priority", "URGENT", "Choose one of these."),
    ],
)
def test_what_no_setting_takes_is_marked_where_it_was_typed(as_admin, name, text, message):
    form = form_of(page_of(as_admin))
    answer = save(
        as_admin, form, **{name: text, "feedback_delay_s_unit": "d", "reply_delay_s": "9"}
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert message in page.split(f'id="{name}-error"')[1].split("</div>")[0]
    assert form_of(page)["reply_delay_s"] == "9"
    assert value("version") == 1


def test_a_stale_form_shows_both_and_keeps_what_others_changed_elsewhere(as_admin, admin):
    form = form_of(page_of(as_admin))
    change_settings(admin, {"reopen_days": 30, "feedback_expiry_days": 60}, version=1)
    answer = save(as_admin, form, reopen_days="1", reply_delay_s="9")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    notice = page.split("Somebody else changed this meanwhile.")[1].split("<form")[0]
    assert "30 days" in notice
    assert "60 days" in notice
    assert value("reopen_days") == 30
    again = form_of(page)
    assert (again["reopen_days"], again["reply_delay_s"]) == ("1", "9")
    assert again["feedback_expiry_days"] == "60"
    assert save(as_admin, again).status_code == 303
    assert rows("SELECT reopen_days, reply_delay_s, feedback_expiry_days FROM settings")[0] == (
        1,
        9,
        60,
    )


def test_a_form_without_its_version_is_not_ours(as_admin):
    form = form_of(page_of(as_admin))
    del form["version"]
    assert save(as_admin, form, reopen_days="1").status_code == 400
    assert value("reopen_days") == 7


def test_nobody_else_sees_or_changes_them(as_admin, as_agent, as_customer):
    form = form_of(page_of(as_admin))
    for browser in (as_agent, as_customer):
        page_of(browser, status=403)
        page_of(browser, f"{URL}history/", status=403)
        assert save(browser, form, reopen_days="1").status_code == 403
    assert URL not in page_of(as_agent, "/admin/ticket/")
    assert URL in page_of(as_admin, "/admin/ticket/")
    assert value("reopen_days") == 7


def test_a_change_behind_the_pages_back_is_shown_too(as_admin, set_setting):
    set_setting(reopen_days=30)
    page = page_of(as_admin)
    assert "nobody who signed in" in page
    assert form_of(page)["version"] == "2"


def test_the_history_goes_on_over_pages_and_costs_the_same(as_admin, admin, queries):
    for version in range(1, 28):
        change_settings(admin, {"reopen_days": version % 2}, version=version)
    page = page_of(as_admin)
    assert page.count('data-label="Before"') == 10
    assert "All changes" in page
    queries()
    page = page_of(as_admin, f"{URL}history/")
    assert len(queries()) <= 6
    assert page.count('data-label="Before"') == 25
    following = re.search(r'href="([^"]+)" rel="next"', page)[1]
    assert page_of(as_admin, html.unescape(following)).count('data-label="Before"') == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 minutes"), (1, "1 second"), (90, "90 seconds"), (120, "2 minutes"),
     (3600, "1 hour"), (86400, "1 day"), (90000, "25 hours")],
)  # fmt: skip
def test_a_span_is_said_in_the_largest_unit_that_needs_no_fraction(web, seconds, words):
    with web.test_request_context():
        assert span_text(seconds) == words


def test_whoever_is_refused_goes_on_in_the_first_field_that_is_wrong(visit, admin):
    page = visit(admin, URL)
    page.fill("#attachment_limit_mb", "9999")
    page.locator("main form .btn-primary").last.click()
    expect(page.locator(".is-invalid")).to_be_focused()
    bar = page.locator(".panel-bar").bounding_box()
    assert page.locator(".is-invalid").bounding_box()["y"] > bar["y"] + bar["height"]
