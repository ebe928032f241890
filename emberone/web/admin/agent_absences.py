"""Going away and being absent: what an agent, or an admin for them, says beforehand."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response

from emberone import policy
from emberone.domain.enums import HandOver
from emberone.domain.errors import EmberOneError, Invalid
from emberone.queries import absences, agents
from emberone.services import absences as service
from emberone.services.handing_over import go_away
from emberone.web.admin import choices
from emberone.web.admin.base import PanelView, attempt, carry_out, done, found, is_post
from emberone.web.admin.params import Values, arguments, asked_row, fields, row_id
from emberone.web.session import current_actor
from emberone.web.zone import reader_zone

_ONE_DAY: Final = timedelta(days=1)


class HandingOver(NamedTuple):
    """What can be done with an agent's tickets, and what was chosen."""

    choice: HandOver
    to_agent_id: UUID | None
    colleagues: list[tuple[str, str]]
    #: Where to look for more of them, in a house of many.
    lookup_url: str | None
    at_hand: absences.AtHand


class AbsencePages(PanelView):
    """The pages of an agent's being away; part of the view of agents."""

    @expose("/away/", methods=("GET", "POST"))
    def away_view(self) -> Any:
        """Take no new tickets, and hand over those at hand in the same moment."""
        agent, actor = self._own(asked_row()), current_actor()
        if not is_post():
            return self._away_form(agent, handing_over(self, agent.id, HandOver.KEEP, None))
        choice, to_agent_id = chosen(fields())
        outcome = attempt(go_away, actor, agent.id, choice, to_agent_id=to_agent_id)
        if isinstance(outcome, EmberOneError):
            typed = handing_over(self, agent.id, choice, to_agent_id)
            return self._away_form(agent, typed, outcome), outcome.status
        message = _("%(name)s is away: no new tickets.", name=agent.full_name)
        if outcome:
            message += " " + ngettext(
                "%(num)s ticket was handed over.", "%(num)s tickets were handed over.", outcome
            )
        return done(message, back_to(request.form.get("back", "")))

    @expose("/absences/", methods=("GET", "POST"))
    def absences_view(self) -> Any:
        """Show when an agent will be away, and enter another time."""
        agent, actor = self._own(asked_row()), current_actor()
        if not is_post():
            form = handing_over(self, agent.id, HandOver.KEEP, None)
            return self._absences_form(agent, form, {"first": "", "last": ""})
        values = fields()
        typed = {name: values.raw(name) for name in ("first", "last")}
        choice, to_agent_id = chosen(values)
        outcome = attempt(_plan, actor, agent.id, typed, choice, to_agent_id)
        if isinstance(outcome, EmberOneError):
            form = handing_over(self, agent.id, choice, to_agent_id)
            return self._absences_form(agent, form, typed, outcome), outcome.status
        return done(_("The absence was entered."), url_for("agent.absences_view", id=agent.id))

    @expose("/absences/cancel/", methods=("POST",))
    def cancel_absence(self) -> Response:
        """Take an absence back."""
        absence = found(absences.absence_details(self.session, row_id(request.form)))
        url = url_for("agent.absences_view", id=absence.agent_id)
        message = _("The absence was taken back.")
        return carry_out(message, url, service.cancel_absence, current_actor(), absence.id)

    def _own(self, agent_id: UUID) -> agents.AgentRow:
        """The agent, for themselves and for admins."""
        agent = found(agents.agent_details(self.session, agent_id))
        policy.require(current_actor(), policy.AGENT_SET_AVAILABILITY, agent)
        return agent

    def _away_form(
        self, agent: agents.AgentRow, form: HandingOver, refusal: EmberOneError | None = None
    ) -> str:
        back = request.form.get("back", arguments().raw("back"))
        return self.render(
            "panel/agent_away.html",
            agent=agent,
            form=form,
            refusal=refusal,
            back=back_to(back),
        )

    def _absences_form(
        self,
        agent: agents.AgentRow,
        form: HandingOver,
        typed: dict[str, str],
        refusal: EmberOneError | None = None,
    ) -> str:
        return self.render(
            "panel/agent_absences.html",
            agent=agent,
            form=form,
            typed=typed,
            refusal=refusal,
            rows=absences.absences_of(self.session, agent.id),
            last_day=last_day,
        )


def handing_over(
    view: PanelView, agent_id: UUID, choice: HandOver, to_agent_id: UUID | None
) -> HandingOver:
    """What the form offers for an agent's tickets."""
    people = agents.working_choices(view.session)
    return HandingOver(
        choice,
        to_agent_id,
        choices.working_agents(
            [person for person in people[: agents.CHOICES_LIMIT] if person.id != agent_id]
        ),
        url_for("ticket.ajax_lookup", name="agent") if len(people) > agents.CHOICES_LIMIT else None,
        absences.at_hand(view.session, agent_id),
    )


def chosen(values: Values, otherwise: HandOver = HandOver.KEEP) -> tuple[HandOver, UUID | None]:
    """What was chosen for the tickets; whom to give them counts where that was chosen."""
    choice = values.choice("hand_over", HandOver) or otherwise
    return choice, values.identifier("to_agent") if choice is HandOver.GIVE else None


def back_to(page: str) -> str:
    """The page that somebody came from: a path of the panel, or the list of agents."""
    is_ours = page.startswith("/admin/") and page.isprintable() and "\\" not in page
    return page if is_ours else url_for("agent.index_view")


def last_day(ends_at: datetime) -> datetime:
    """A moment of the last day of what ends at the beginning of the next one."""
    return ends_at - timedelta(seconds=1)


def _plan(
    actor: Any,
    agent_id: UUID,
    typed: dict[str, str],
    choice: HandOver,
    to_agent_id: UUID | None,
) -> UUID:
    """Days where the reader lives, the last one included, as moments."""
    first, last = _day(typed["first"], "first"), _day(typed["last"], "last")
    zone = reader_zone()
    return service.plan_absence(
        actor,
        agent_id,
        datetime.combine(first, time(), zone),
        datetime.combine(last + _ONE_DAY, time(), zone),
        choice=choice,
        to_agent_id=to_agent_id,
    )


def _day(typed: str, field: str) -> date:
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        raise Invalid("Enter the first and the last day.", field=field) from None
    if not 1900 <= day.year <= 2999:
        raise Invalid("Enter the first and the last day.", field=field)
    return day
