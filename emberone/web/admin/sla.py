"""What is promised: SLA policies, their plans, the teams that bring them, and their versions."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.db import now_of
from emberone.domain.errors import EmberOneError, StaleWrite
from emberone.domain.promises import Promises
from emberone.queries import calendars, profiles, sla_policies
from emberone.queries.calendars import VersionRow
from emberone.queries.paging import COUNT_LIMIT
from emberone.queries.replanning import progress_of
from emberone.queries.sla_policies import PolicyRow
from emberone.services import sla_policies as service
from emberone.web.admin import sla_words as words
from emberone.web.admin.attainment import AttainmentPages
from emberone.web.admin.base import attempt, carry_out, done, found, is_post
from emberone.web.admin.lists import worded_count
from emberone.web.admin.params import Values, arguments, asked_row, fields, row_id
from emberone.web.admin.sla_form import (
    MOST_STEPS,
    PolicyForm,
    StepRow,
    Understood,
    field_of,
    target_field,
    whens,
)
from emberone.web.admin.sla_preview import Preview, preview_of, refusal_of
from emberone.web.errors import refusal_text
from emberone.web.session import current_actor

#: So many versions a policy's page shows, each with what it changed.
_VERSIONS_SHOWN: Final = 10

#: Times before and after are no tickets'; calendars are reckoned with from 1970 to 2199.
_YEARS: Final = range(2000, 2101)


class SLAView(AttainmentPages):
    """The policies: what each promises, to whom, and since when."""

    address = "sla"

    @expose("/")
    def index_view(self) -> str:
        """List the policies, the default one first."""
        rows = sla_policies.list_policies(self.session)
        promises = sla_policies.promises_of_all(self.session, [row.version_id for row in rows])
        return self.render(
            "panel/sla_list.html",
            rows=[(row, promises[row.version_id]) for row in rows],
            **self._words(promises.values()),
        )

    @expose("/details/")
    def details_view(self) -> str:
        """Show a policy, in its newest version or an older one."""
        policy, values = self._policy(asked_row()), arguments()
        versions = sla_policies.policy_versions(self.session, policy.id)
        number = values.count("version") or policy.version
        shown = found(next((row for row in versions if row.version == number), None))
        recent = [row for row in versions if row.version <= number][: _VERSIONS_SHOWN + 1]
        said = sla_policies.promises_of_all(self.session, [row.id for row in recent])
        promises, now = said[shown.id], now_of(self.session)
        page_words = self._words(said.values())
        return self.render(
            "panel/sla_page.html",
            policy_row=policy,
            shown=shown,
            is_old=shown.version != policy.version,
            promises=promises,
            changes=self._changes(recent, said, page_words),
            newer=[row for row in versions if row.version > number],
            has_older=len(versions) > versions.index(shown) + _VERSIONS_SHOWN,
            teams=sla_policies.team_policies(self.session),
            clocks=sla_policies.policy_clocks(self.session, policy, now),
            replanning=progress_of(self.session, "policy", policy.id),
            most=worded_count(COUNT_LIMIT),
            too_many=COUNT_LIMIT,
            preview=self._preview(promises, now),
            now=now,
            **page_words,
        )

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Make a policy."""
        if not is_post():
            return self._form(None, self._blank())
        return self._saved(None, PolicyForm.sent(fields()), fields())

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Promise something else; a stale form comes back with both versions."""
        policy = self._policy(asked_row())
        if not is_post():
            return self._form(policy, self._present(policy))
        return self._saved(policy, PolicyForm.sent(fields()), fields())

    @expose("/preview/", methods=("POST",))
    def preview(self) -> str:
        """Answer the form as one types: what its promises would come to."""
        form = PolicyForm.sent(fields())
        return self.render("panel/_sla_preview.html", preview=self._form_preview(form, fields()))

    @expose("/default/", methods=("POST",))
    def make_default(self) -> Response:
        """Let every ticket whose team has no policy begin under this one."""
        policy = self._policy(row_id(request.form))
        message = _("“%(name)s” is the default now.", name=policy.name)
        url = url_for("sla.details_view", id=policy.id)
        return carry_out(message, url, service.make_default, current_actor(), policy.id)

    @expose("/team/", methods=("POST",))
    def team(self) -> Response:
        """Let a team's tickets begin under this policy, or under the default one again."""
        policy, values = self._policy(row_id(request.form)), fields()
        team_id = found(values.identifier("team"))
        is_taken = values.has("leave")
        message = (
            _("The team's new tickets begin under the default policy.")
            if is_taken
            else _("The team's new tickets begin under “%(name)s”.", name=policy.name)
        )
        url = url_for("sla.details_view", id=policy.id)
        chosen = None if is_taken else policy.id
        give = service.give_team_policy
        return carry_out(message, url, give, current_actor(), team_id, chosen)

    @expose("/progress/")
    def progress(self) -> str:
        """Say how many clocks follow the newest version of a policy or a calendar already."""
        kind = found(arguments().one_of("kind", ("policy", "calendar")))
        shown = progress_of(self.session, kind, asked_row())
        return self.render("panel/_replanning.html", replanning=shown)

    def _policy(self, policy_id: UUID) -> PolicyRow:
        return found(sla_policies.find_policy(self.session, policy_id))

    def _blank(self) -> PolicyForm:
        """A new form: what the default policy promises, or that of another, under no name yet."""
        wanted = arguments().identifier("like")
        rows = sla_policies.list_policies(self.session)
        like = [row for row in rows if (row.id == wanted if wanted else row.is_default)]
        if not like:
            return PolicyForm()
        return PolicyForm.of("", sla_policies.promises_of(self.session, like[0].version_id))

    def _present(self, policy: PolicyRow) -> PolicyForm:
        promises = sla_policies.promises_of(self.session, policy.version_id)
        return PolicyForm.of(policy.name, promises)

    def _saved(self, policy: PolicyRow | None, form: PolicyForm, values: Values) -> Any:
        """What a form that was sent leads to: itself with a row more, less or refused, or its page."""
        version = values.version() if policy else None
        if values.has("add"):
            return self._form(policy, form.with_step(), version=version)
        if values.has("remove"):
            number = values.raw("remove")
            return self._form(policy, form.without_step(number), version=version)
        if values.has("preview"):
            return self._form(policy, form, version=version)
        understood = form.read(self._calendar_names())
        if understood.wrong:
            return self._form(policy, form, wrong=understood.wrong, version=version), 422
        if policy is None:
            outcome = attempt(
                service.create_policy, current_actor(), form.name, understood.promises
            )
            message = _("The policy was made.")
        else:
            # Who did not touch the name does not take back what somebody else made of it.
            is_renamed = form.name.strip() != values.raw("was_name").strip()
            outcome = attempt(
                service.add_version,
                current_actor(),
                policy.id,
                understood.promises,
                version=version,
                name=form.name if is_renamed else None,
            )
            message = (
                _("The policy was saved.")
                if outcome == policy.version
                else _("The policy was saved. Clocks that run are planned again by it.")
            )
        if isinstance(outcome, EmberOneError):
            return self._refused(policy, form, understood, outcome, version)
        row = policy.id if policy else outcome
        return done(message, url_for("sla.details_view", id=row))

    def _refused(
        self,
        policy: PolicyRow | None,
        form: PolicyForm,
        understood: Understood,
        refusal: EmberOneError,
        version: int | None,
    ) -> Any:
        if policy is None or not isinstance(refusal, StaleWrite):
            name = field_of(refusal.details, understood)
            wrong = {name: refusal_text(refusal)}
            return self._form(policy, form, wrong=wrong, version=version), refusal.status
        policy = self._policy(policy.id)
        present = sla_policies.promises_of(self.session, policy.version_id)
        theirs = self._otherwise(present, understood.promises)
        return self._form(policy, form, theirs=theirs), refusal.status

    def _otherwise(self, present: Promises, typed: Promises) -> list[tuple[str, str, str]]:
        said = self._words([present, typed])
        worded = partial(
            words.version_words, calendars=said["calendar_names"], people=said["people"]
        )
        return words.differences(worded(present), worded(typed))

    def _form(
        self,
        policy: PolicyRow | None,
        form: PolicyForm,
        *,
        wrong: dict[str, str] | None = None,
        theirs: list[tuple[str, str, str]] | None = None,
        version: int | None = None,
    ) -> str:
        """The form; `version` is what it was made from, where that is to be kept."""
        staff = profiles.staff(self.session)
        has_more = len(staff) > profiles.STAFF_LIMIT
        known = {str(person.id) for person in staff}
        chosen = [person for row in form.steps if (person := row.person) and person not in known]
        return self.render(
            "panel/sla_form.html",
            policy_row=policy,
            form=form,
            version=version or (policy.version if policy else None),
            wrong=wrong or {},
            theirs=theirs,
            units=words.short_units(),
            whens=whens(form.steps),
            most_steps=MOST_STEPS,
            calendars=[(str(key), name) for key, name in self._calendar_names().items()],
            staff=[(str(person.id), person.label) for person in staff] + self._named(chosen),
            lookup=url_for("ticket.ajax_lookup", name="staff") if has_more else None,
            new_step=StepRow(0),
            was_name=fields().raw("was_name") or (policy.name if policy else ""),
            preview=self._form_preview(form, fields()),
            at=fields().raw("at"),
            target_field=target_field,
            **self._words(()),
        )

    def _named(self, ids: Iterable[str]) -> list[tuple[str, str]]:
        """People who were chosen and are not among the first."""
        people = []
        for text in ids:
            try:
                people.append(UUID(text))
            except ValueError:
                continue
        return [(str(k), name) for k, name in profiles.names_of(self.session, people).items()]

    def _form_preview(self, form: PolicyForm, values: Values) -> Preview:
        understood = form.read(self._calendar_names())
        # Beside the fields each is said where it stands; here once is enough.
        wrong = list(dict.fromkeys(understood.wrong.values()))
        refusal = refusal_of(understood.promises) if not wrong else None
        if refusal is not None:
            wrong.append(refusal_text(refusal))
        return self._preview(understood.promises, _moment(values) or now_of(self.session), wrong)

    def _preview(self, promises: Promises, at: datetime, wrong: Iterable[str] = ()) -> Preview:
        rows = calendars.list_calendars(self.session)
        newest = {row.id: row.version_id for row in rows}
        versions = {p: newest[key] for p, key in promises.calendars.items() if key in newest}
        measures = calendars.calendars_of(self.session, list(versions.values()))
        said = self._words([promises])
        return preview_of(
            promises,
            {priority: measures[version] for priority, version in versions.items()},
            at,
            calendar_names=said["calendar_names"],
            people=said["people"],
            wrong=wrong,
        )

    def _calendar_names(self) -> dict[UUID, str]:
        return dict(calendars.calendar_choices(self.session))

    def _words(self, said: Iterable[Promises]) -> dict[str, Any]:
        """What templates need to put promises into words."""
        people = {alert.person_id for one in said for alert in one.alerts if alert.person_id}
        return {
            "words": words,
            "calendar_names": calendars.calendar_names(self.session),
            "people": profiles.names_of(self.session, people),
        }

    def _changes(
        self, recent: list[VersionRow], said: dict[UUID, Promises], page_words: dict[str, Any]
    ) -> list[tuple[VersionRow, list[tuple[str, str, str]]]]:
        """Each version with what it says otherwise than the one before; the first says it all."""
        names, people = page_words["calendar_names"], page_words["people"]
        worded = [words.version_words(said[row.id], names, people) for row in recent]
        befores = [*worded[1:], {}]
        pairs = zip(recent, worded, befores, strict=True)
        return [
            (row, words.differences(before, after) if before else [])
            for row, after, before in pairs
        ][:_VERSIONS_SHOWN]


def _moment(values: Values) -> datetime | None:
    """The time that was typed for the preview; nothing where it is none."""
    return values.local_time("at", _YEARS)
