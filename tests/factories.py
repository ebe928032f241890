"""People, teams and tickets for tests, made through the product's own write door."""

import itertools
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text, update

from emberone.db import transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Role
from emberone.models import Agent, Profile, Team, TeamMember, Ticket

_numbers = itertools.count(1)


class Make:
    """Each method makes one thing and returns the actor or the id."""

    def person(self, role: Role, name: str | None = None, email: str | None = None) -> Actor:
        """A profile of that role, as the actor it can be."""
        n = next(_numbers)
        with transaction(SYSTEM) as session:
            profile = Profile(
                email=email or f"{role.value.lower()}{n}@example.org",
                full_name=name or f"{role.value.title()} {n}",
                role=role,
            )
            session.add(profile)
            session.flush()
            return Actor(profile.id, role)

    def customer(self, name: str | None = None, email: str | None = None) -> Actor:
        """A customer."""
        return self.person(Role.CUSTOMER, name, email)

    def admin(self, name: str | None = None, email: str | None = None) -> Actor:
        """An admin."""
        return self.person(Role.ADMIN, name, email)

    def agent(
        self,
        name: str | None = None,
        *,
        team: UUID | None = None,
        email: str | None = None,
        **work: Any,
    ) -> Actor:
        """An agent; `work` are columns of `agents`, e.g. `capacity=3, skills=["vpn"]`."""
        actor = self.person(Role.AGENT, name, email)
        with transaction(SYSTEM) as session:
            if work:
                session.execute(
                    update(Agent).where(Agent.profile_id == actor.profile_id).values(**work)
                )
            if team:
                session.add(TeamMember(team_id=team, profile_id=actor.profile_id))
        return actor

    def team(self, name: str | None = None) -> UUID:
        """A team without members."""
        with transaction(SYSTEM) as session:
            team = Team(name=name or f"Team {next(_numbers)}")
            session.add(team)
            session.flush()
            return team.id

    def ticket(
        self, customer: Actor | None = None, *, now: datetime | None = None, **columns: Any
    ) -> UUID:
        """A ticket as a bare row: no clocks, no letters. Services make whole ones."""
        customer = customer or self.customer()
        with transaction(SYSTEM, now=now) as session:
            ticket = Ticket(
                customer_id=customer.profile_id,
                **{
                    "title": f"Ticket {next(_numbers)}",
                    "description": "It does not work.",
                    **columns,
                },
            )
            session.add(ticket)
            session.flush()
            return ticket.id

    def skill(self, name: str) -> str:
        """A tag that is a skill."""
        with transaction(SYSTEM) as session:
            session.execute(
                text(
                    "INSERT INTO tags (name, is_skill) VALUES (:name, true)"
                    " ON CONFLICT (name) DO UPDATE SET is_skill = true"
                ),
                {"name": name},
            )
        return name
