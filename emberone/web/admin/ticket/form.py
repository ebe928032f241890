"""The properties of a ticket, as a form carries them."""

import hashlib
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from uuid import UUID

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from emberone.domain.enums import Priority, Role
from emberone.domain.errors import Invalid
from emberone.queries import agents, profiles
from emberone.queries.tickets import TicketDetails
from emberone.services.tickets import UNSET, TicketChanges
from emberone.web.admin import choices
from emberone.web.admin.params import Values


@dataclass(frozen=True, slots=True)
class TicketForm:
    """What a person may change about a ticket, as it was typed."""

    title: str = ""
    description: str = ""
    priority: Priority = Priority.MEDIUM
    agent_id: UUID | None = None
    team_id: UUID | None = None
    tags: str = ""

    @classmethod
    def sent(cls, values: Values) -> Self:
        """The form as it was sent."""
        return cls(
            title=values.raw("title"),
            description=values.raw("description"),
            priority=values.choice("priority", Priority) or Priority.MEDIUM,
            agent_id=values.identifier("agent"),
            team_id=values.identifier("team"),
            tags=values.raw("tags"),
        )

    @classmethod
    def of(cls, ticket: TicketDetails) -> Self:
        """The form as the ticket fills it."""
        return cls(
            title=ticket.title,
            description=ticket.description,
            priority=ticket.priority,
            agent_id=ticket.assigned_agent_id,
            team_id=ticket.team_id,
            tags=", ".join(ticket.tags),
        )

    @property
    def words(self) -> list[str]:
        """The tags, one by one."""
        return self.tags.split(",")

    @property
    def prints(self) -> str:
        """A short print of each field, so that a form knows which of them were touched."""
        return ".".join(_print(getattr(self, field.name)) for field in fields(self))

    def rebased(self, present: Self, seen: str) -> Self:
        """The form on top of what is there now: fields that were not touched give way.

        `seen` are the prints of what the person had before them.
        """
        theirs = {
            field.name: getattr(present, field.name)
            for field, before in zip(fields(self), seen.split("."), strict=False)
            if _print(getattr(self, field.name)) == before
        }
        return replace(self, **theirs)

    def changes(self, ticket: TicketDetails) -> TicketChanges:
        """What differs from the ticket; a browser ends lines its own way and that is no change."""
        present = TicketForm.of(ticket)
        wrote = self.description.replace("\r\n", "\n")
        return TicketChanges(
            title=UNSET if self.title == present.title else self.title,
            description=UNSET if wrote == present.description else wrote,
            priority=UNSET if self.priority is present.priority else self.priority,
            agent_id=UNSET if self.agent_id == present.agent_id else self.agent_id,
            team_id=UNSET if self.team_id == present.team_id else self.team_id,
            tags=UNSET if self.tags == present.tags else self.words,
        )

    def check_agent(self, session: Session, ticket: TicketDetails | None) -> Invalid | None:
        """Refuse as agent whom the lookup does not offer, unless it stays who it is."""
        if self.agent_id is None or (ticket and self.agent_id == ticket.assigned_agent_id):
            return None
        if profiles.person(session, self.agent_id, (Role.AGENT,)):
            return None
        return Invalid("Tickets are assigned to active agents.", field="agent")


def form_choices(
    session: Session, agent_id: UUID | None = None, agent_name: str | None = None
) -> dict[str, Any]:
    """What the selects of a ticket's form offer."""
    people = agents.working_choices(session)
    pairs = choices.working_agents(people[: agents.CHOICES_LIMIT])
    if agent_id is not None and str(agent_id) not in dict(pairs):
        # An agent who is one no longer, or comes late in the alphabet.
        pairs.insert(0, (str(agent_id), agent_name or _("unknown")))
    has_more = len(people) > agents.CHOICES_LIMIT
    return {
        "priorities": choices.priorities(),
        "agents": pairs,
        "agent_lookup": url_for("ticket.ajax_lookup", name="agent") if has_more else None,
        "teams": [(str(team.id), team.label) for team in agents.team_choices(session)],
    }


def _print(value: object) -> str:
    # A browser ends lines its own way; that touches nothing.
    text = str(value).replace("\r\n", "\n")
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
