"""Agents at work: who takes tickets, how many, and of which kind."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.db import db, now_of
from emberone.domain.enums import Availability, Role
from emberone.domain.errors import EmberOneError, Invalid, StaleWrite
from emberone.queries import agents
from emberone.queries.calendars import calendar_choices
from emberone.services import agents as service
from emberone.web.admin.agent_absences import AbsencePages, back_to
from emberone.web.admin.base import attempt, carry_out, done, found, is_post
from emberone.web.admin.params import NotUnderstood, Values, asked_row, fields, row_id
from emberone.web.session import actor_or_none, current_actor


class AgentView(AbsencePages):
    """The agents, their room and their load."""

    address = "agent"

    @expose("/")
    def index_view(self) -> str:
        """List the agents, by name."""
        return self.render(
            "panel/agent_list.html",
            rows=agents.list_agents(self.session),
            now=now_of(self.session),
        )

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Change capacity, skills, teams and hours; a stale form comes back with both versions."""
        agent = self._agent(asked_row())
        if not is_post():
            return self._form(agent, _typed(agent))
        values = fields()
        outcome = attempt(self._change, agent.id, values)
        if isinstance(outcome, EmberOneError):
            typed = {
                "capacity": values.raw("capacity"),
                "skills": values.raw("skills"),
                "teams": values.identifiers("teams"),
                "calendar": values.identifier("calendar"),
            }
            return self._form(self._agent(agent.id), typed, outcome), outcome.status
        message = _("%(name)s was saved.", name=agent.full_name)
        return done(message, url_for("agent.index_view"))

    def _change(self, agent_id: UUID, values: Values) -> None:
        capacity = values.raw("capacity").strip()
        if not capacity.isascii() or not capacity.isdigit() or len(capacity) > 9:
            raise Invalid("A capacity is a whole number.", field="capacity")
        service.change_agent(
            current_actor(),
            agent_id,
            capacity=int(capacity),
            skills=values.raw("skills").split(","),
            team_ids=values.identifiers("teams"),
            calendar_id=values.identifier("calendar"),
            version=values.version(),
        )

    @expose("/availability/", methods=("POST",))
    def availability(self) -> Response:
        """Take new tickets or not: oneself, or anyone by an admin."""
        wanted = fields().choice("availability", Availability)
        if wanted is None:
            raise NotUnderstood
        agent = self._agent(row_id(request.form))
        message = (
            _("%(name)s takes new tickets.", name=agent.full_name)
            if wanted is Availability.AVAILABLE
            else _("%(name)s is away: no new tickets.", name=agent.full_name)
        )
        actor = current_actor()
        page = back_to(request.form.get("back", ""))
        return carry_out(message, page, service.set_availability, actor, agent.id, wanted)

    def _agent(self, profile_id: UUID) -> agents.AgentRow:
        return found(agents.agent_details(self.session, profile_id))

    def _form(
        self, agent: agents.AgentRow, typed: dict[str, Any], refusal: EmberOneError | None = None
    ) -> str:
        return self.render(
            "panel/agent_form.html",
            agent=agent,
            typed=typed,
            teams=agents.team_choices(self.session),
            skills=agents.skill_names(self.session),
            calendars=calendar_choices(self.session),
            refusal=refusal,
            is_stale=isinstance(refusal, StaleWrite),
        )


def _typed(agent: agents.AgentRow) -> dict[str, Any]:
    return {
        "capacity": str(agent.capacity),
        "skills": ", ".join(agent.skills),
        "teams": agent.team_ids,
        "calendar": agent.calendar_id,
    }


def own_availability() -> agents.OwnState | None:
    """Whether the person who is signed in takes tickets now; None for whoever is no agent."""
    actor = actor_or_none()
    if actor is None or actor.role is not Role.AGENT or actor.profile_id is None:
        return None
    return agents.own_state(db.session(), actor.profile_id)
