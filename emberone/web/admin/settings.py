"""Settings: what an admin may choose, and everything that was ever chosen."""

from typing import Any, Final

from flask import url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext

from emberone.db import now_of
from emberone.domain.errors import EmberOneError, StaleWrite
from emberone.queries import settings
from emberone.queries.paging import Paging
from emberone.services import settings as service
from emberone.web.admin.base import PanelView, attempt, done, is_post
from emberone.web.admin.lists import Column, Listing
from emberone.web.admin.params import Values, arguments, fields
from emberone.web.admin.setting_fields import FIELDS, GROUPS, unit_word, units
from emberone.web.session import current_actor

#: So many changes stand below the form; their own page has them all.
_CHANGES_SHOWN: Final = 10

#: Before a field's name: the text that the form was made with.
_WAS: Final = "was_"


class SettingView(PanelView):
    """The product's settings and their history."""

    address = "setting"

    @expose("/", methods=("GET", "POST"))
    def index_view(self) -> Any:
        """Show every setting, and change them; a stale form comes back with both versions."""
        if not is_post():
            return self._form(self._typed())
        form = fields()
        typed = {name: text for field in FIELDS.values() for name, text in field.sent(form).items()}
        values, wrong = _read(typed)
        if wrong:
            return self._again(form, typed, wrong=wrong), 422
        outcome = attempt(service.change_settings, current_actor(), values, version=form.version())
        if isinstance(outcome, EmberOneError):
            return self._refused(form, typed, outcome), outcome.status
        url = url_for("setting.index_view")
        if not outcome:
            return done(_("Everything stayed as it was."), url)
        words = ngettext(
            "%(num)s setting was changed.", "%(num)s settings were changed.", len(outcome)
        )
        return done(words, url)

    @expose("/history/")
    def history(self) -> str:
        """List every change, newest first."""
        listing = Listing("setting.history", {"created": settings.CREATED}, arguments(), ())
        page = settings.list_changes(self.session, listing.paging)
        columns = [
            Column(_("When"), "created"),
            Column(_("Who")),
            Column(_("Setting")),
            Column(_("Before")),
            Column(_("After")),
        ]
        return self.render(
            "panel/setting_history.html",
            listing=listing,
            headings=listing.headings(columns),
            rows=[_worded(row) for row in page.rows],
            pages=listing.pages(page),
            now=now_of(self.session),
        )

    def _typed(self) -> dict[str, str]:
        """The settings in force as the form shows them."""
        setting = service.current(self.session)
        return {
            key: text
            for name, field in FIELDS.items()
            for key, text in field.typed(getattr(setting, name)).items()
        }

    def _refused(self, form: Values, typed: dict[str, str], refusal: EmberOneError) -> str:
        """The form again: what was typed, and what others changed where nothing was typed."""
        if not isinstance(refusal, StaleWrite):
            return self._again(form, typed, refusal=refusal)
        present, setting = self._typed(), service.current(self.session)
        theirs = []
        for name, field in FIELDS.items():
            mine = field.sent(form)
            if all(form.raw(_WAS + key) == text for key, text in mine.items()):
                typed.update({key: present[key] for key in mine})
            if any(form.raw(_WAS + key) != present[key] for key in mine):
                theirs.append((field.label, field.text(getattr(setting, name))))
        return self._form(typed, theirs=theirs)

    def _again(self, form: Values, typed: dict[str, str], **more: Any) -> str:
        """The form with what was typed, and still as old as it was."""
        was = {key: form.raw(_WAS + key) for key in typed}
        return self._form(typed, was=was, version=form.version(), **more)

    def _form(self, typed: dict[str, str], **more: Any) -> str:
        page: dict[str, Any] = {
            "was": self._typed(),
            "version": service.current(self.session).version,
        }
        changes = settings.list_changes(
            self.session, Paging(settings.CREATED, descending=True, size=_CHANGES_SHOWN)
        )
        return self.render(
            "panel/setting_form.html",
            groups=GROUPS,
            typed=typed,
            units=units(),
            unit_word=unit_word,
            changes=[_worded(row) for row in changes.rows],
            has_more=changes.following is not None,
            now=now_of(self.session),
            **{**page, **more},
        )


def _read(typed: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that were typed, and what is wrong with those that are none."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, field in FIELDS.items():
        try:
            values[name] = field.read(typed)
        except ValueError as error:
            wrong[name] = str(error)
    return values, wrong


def _worded(row: settings.ChangeRow) -> dict[str, Any]:
    """One change in words; of a setting that this version does not know, as it was written."""
    field = FIELDS.get(row.setting)
    return {
        "at": row.created_at,
        "actor_id": row.actor_id,
        "actor": row.actor_name or _no_name(row),
        "setting": field.label if field else row.setting,
        "old": field.text(row.old_value) if field else row.old_value,
        "new": field.text(row.new_value) if field else row.new_value,
    }


def _no_name(row: settings.ChangeRow) -> str:
    """Who it was where nobody is named: a person who is gone, or whoever is at the database."""
    return _("nobody who signed in") if row.source == "system" else _("somebody who is gone")
