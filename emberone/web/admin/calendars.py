"""Business calendars: which hours count, where, and for what."""

from functools import partial
from typing import Any, Final
from uuid import UUID
from zoneinfo import available_timezones

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.db import now_of
from emberone.domain.calendar import BusinessCalendar
from emberone.domain.errors import EmberOneError, StaleWrite
from emberone.queries import calendars
from emberone.queries.calendars import CalendarRow, VersionRow
from emberone.queries.replanning import progress_of
from emberone.services import calendars as service
from emberone.web.admin.base import (
    PanelView,
    attempt,
    carry_out,
    done,
    found,
    is_post,
    refused,
)
from emberone.web.admin.calendar_form import (
    DAY_NAMES,
    CalendarForm,
    DateRow,
    Understood,
)
from emberone.web.admin.calendar_preview import (
    Preview,
    exceptions_ahead,
    preview_of,
)
from emberone.web.admin.calendar_words import calendar_words
from emberone.web.admin.params import Values, arguments, asked_row, fields, row_id
from emberone.web.admin.sla_words import differences
from emberone.web.errors import refusal_text
from emberone.web.session import current_actor
from emberone.web.theme.formats import day_with_weekday
from emberone.web.zone import reader_zone

#: So many versions a calendar's page shows, each with what it changed.
_VERSIONS_SHOWN: Final = 10

#: What a new calendar starts with.
_WORKDAY: Final = "09:00–17:00"
_WORKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday")


class CalendarView(PanelView):
    """The calendars: what is open when, and what counts by it."""

    address = "calendar"

    @expose("/")
    def index_view(self) -> str:
        """List the calendars, by name."""
        now = now_of(self.session)
        rows = calendars.list_calendars(self.session)
        return self.render(
            "panel/calendar_list.html",
            rows=[(row, preview_of(row.zone, row.definition, now)) for row in rows],
            last={one.id: one.last_opening for one in calendars.running_out(self.session, now)},
            today=now.date(),
            day_name=partial(day_with_weekday, with_year=True),
        )

    @expose("/details/")
    def details_view(self) -> str:
        """Show a calendar, in its newest version or an older one."""
        row, values = self._calendar(asked_row()), arguments()
        versions = calendars.versions_of(self.session, row.id)
        number = values.count("version") or row.version
        shown = found(next((one for one in versions if one.version == number), None))
        recent = [one for one in versions if one.version <= number][: _VERSIONS_SHOWN + 1]
        said = calendars.definitions_of(self.session, [one.id for one in recent])
        hours, now = said[shown.id], now_of(self.session)
        calendar = BusinessCalendar.read(hours.zone, hours.definition)
        ahead, behind = exceptions_ahead(calendar, now.astimezone(calendar.zone).date())
        return self.render(
            "panel/calendar_page.html",
            row=row,
            shown=shown,
            is_old=shown.version != row.version,
            hours=hours,
            preview=preview_of(hours.zone, hours.definition, now, []),
            ahead=ahead,
            behind=behind,
            day_name=partial(day_with_weekday, with_year=True),
            windows_of={
                entry["date"]: ["–".join(window) for window in entry["windows"]]
                for entry in hours.definition["exceptions"]
            },
            users=calendars.users_of(self.session, row.id),
            was_used=self.session.scalar(calendars.was_used(row.id)),
            replanning=progress_of(self.session, "calendar", row.id),
            changes=_changes(recent, said),
            newer=[one for one in versions if one.version > number],
            has_older=len(versions) > versions.index(shown) + _VERSIONS_SHOWN,
            now=now,
        )

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Make a calendar."""
        if not is_post():
            zone = str(reader_zone())
            week = dict.fromkeys(_WORKDAYS, _WORKDAY)
            return self._form(None, CalendarForm(zone=zone, week=week))
        return self._saved(None, CalendarForm.sent(fields()), fields())

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Let other hours count; a stale form comes back with both versions."""
        row = self._calendar(asked_row())
        if not is_post():
            return self._form(row, CalendarForm.of(row.name, row.zone, row.definition))
        return self._saved(row, CalendarForm.sent(fields()), fields())

    @expose("/put-aside/", methods=("POST",))
    def put_aside(self) -> Response:
        """Offer a calendar no more."""
        row = self._calendar(row_id(request.form))
        message = _("“%(name)s” was put aside.", name=row.name)
        url = url_for("calendar.details_view", id=row.id)
        return carry_out(message, url, service.put_aside, current_actor(), row.id)

    @expose("/take-up/", methods=("POST",))
    def take_up(self) -> Response:
        """Offer a calendar again."""
        row = self._calendar(row_id(request.form))
        message = _("“%(name)s” can be chosen again.", name=row.name)
        url = url_for("calendar.details_view", id=row.id)
        return carry_out(message, url, service.take_up, current_actor(), row.id)

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Response:
        """Delete a calendar that nothing has ever counted by."""
        row = self._calendar(row_id(request.form))
        outcome = attempt(service.delete_calendar, current_actor(), row.id)
        if isinstance(outcome, EmberOneError):
            return refused(outcome, url_for("calendar.details_view", id=row.id))
        message = _("The calendar “%(name)s” was deleted.", name=row.name)
        return done(message, url_for("calendar.index_view"))

    @expose("/preview/", methods=("POST",))
    def preview(self) -> str:
        """Answer the form as one types: how its hours would be."""
        form = CalendarForm.sent(fields())
        return self.render("panel/_calendar_preview.html", preview=self._preview(form))

    def _calendar(self, calendar_id: UUID) -> CalendarRow:
        return found(calendars.find_calendar(self.session, calendar_id))

    def _saved(self, row: CalendarRow | None, form: CalendarForm, values: Values) -> Any:
        """What a form that was sent leads to: itself with a row more, less or refused, or its page."""
        version = values.version() if row else None
        if values.has("add"):
            return self._form(row, form.with_date(), version=version)
        if values.has("remove"):
            return self._form(row, form.without_date(values.raw("remove")), version=version)
        if values.has("preview"):
            return self._form(row, form, version=version)
        understood = form.read()
        if understood.wrong:
            return self._form(row, form, wrong=understood.wrong, version=version), 422
        outcome = self._carried_out(row, form, understood, values)
        if isinstance(outcome, EmberOneError):
            return self._refused(row, form, understood, outcome, version)
        if row is None:
            return done(_("The calendar was made."), url_for("calendar.details_view", id=outcome))
        message = (
            _("The calendar was saved.")
            if outcome == row.version
            else _("The calendar was saved. Clocks that run are planned again by it.")
        )
        return done(message, url_for("calendar.details_view", id=row.id))

    def _carried_out(
        self, row: CalendarRow | None, form: CalendarForm, understood: Understood, values: Values
    ) -> Any:
        actor, zone, definition = current_actor(), understood.zone, understood.definition
        if row is None:
            return attempt(service.create_calendar, actor, form.name, zone, definition)
        # Who did not touch the name does not take back what somebody else made of it.
        is_renamed = form.name.strip() != values.raw("was_name").strip()
        return attempt(
            service.add_version,
            actor,
            row.id,
            zone,
            definition,
            version=values.version(),
            name=form.name if is_renamed else None,
        )

    def _refused(
        self,
        row: CalendarRow | None,
        form: CalendarForm,
        understood: Understood,
        refusal: EmberOneError,
        version: int | None,
    ) -> Any:
        if row is None or not isinstance(refusal, StaleWrite):
            name = str(refusal.details.get("field", ""))
            wrong = {"week" if name == "definition" else name: refusal}
            return self._form(row, form, wrong=wrong, version=version), refusal.status
        row = self._calendar(row.id)
        typed = calendar_words(understood.zone, understood.definition)
        theirs = differences(calendar_words(row.zone, row.definition), typed)
        return self._form(row, form, theirs=theirs), refusal.status

    def _form(
        self,
        row: CalendarRow | None,
        form: CalendarForm,
        *,
        wrong: dict[str, Any] | None = None,
        theirs: list[tuple[str, str, str]] | None = None,
        version: int | None = None,
    ) -> str:
        """The form; `version` is what it was made from, where that is to be kept."""
        words = {
            name: refusal_text(said) if isinstance(said, EmberOneError) else said
            for name, said in (wrong or {}).items()
        }
        return self.render(
            "panel/calendar_form.html",
            row=row,
            form=form,
            version=version or (row.version if row else None),
            was_name=fields().raw("was_name") or (row.name if row else ""),
            wrong=words,
            theirs=theirs,
            zones=[(zone, zone.replace("_", " ")) for zone in _zones(form.zone)],
            new_date=DateRow(0),
            day_names=DAY_NAMES,
            preview=self._preview(form),
        )

    def _preview(self, form: CalendarForm) -> Preview:
        understood = form.read()
        wrong = list(dict.fromkeys(understood.wrong.values()))
        return preview_of(understood.zone, understood.definition, now_of(self.session), wrong)


def _changes(
    recent: list[VersionRow], said: dict[UUID, calendars.Hours]
) -> list[tuple[VersionRow, list[tuple[str, str, str]]]]:
    """Each version with what it says otherwise than the one before."""
    worded = [calendar_words(said[row.id].zone, said[row.id].definition) for row in recent]
    pairs = zip(recent, worded, [*worded[1:], None], strict=True)
    return [
        (row, [] if before is None else differences(before, after)) for row, after, before in pairs
    ][:_VERSIONS_SHOWN]


def _zones(chosen: str) -> list[str]:
    """The zones that are named after a place, and the one that is chosen."""
    known = available_timezones()
    others = ("Etc/", "SystemV/", "posix/", "right/")
    found = {name for name in known if "/" in name and not name.startswith(others)}
    return sorted(found | ({"UTC", chosen} & known))
