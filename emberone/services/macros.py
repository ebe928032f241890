"""Macros: making, changing and deleting answers given often; and what goes with a reply."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from emberone.db import as_system, service, transaction
from emberone.domain import macros, texts
from emberone.domain.actor import Actor
from emberone.domain.errors import Invalid, NotFound, StaleWrite
from emberone.domain.lifecycle import REPLIES, Event
from emberone.domain.macros import NO_CHANGES, ReplyChanges
from emberone.models import Macro, Team, Ticket
from emberone.policy import MACRO_MANAGE, require
from emberone.services import teams
from emberone.services.tickets import UNSET, TicketChanges, apply_changes

MAX_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class MacroValues:
    """What a macro says and does."""

    name: str
    content: str = ""
    #: How the reply is sent: one of `lifecycle.REPLIES`; None: as the agent chooses.
    event: Event | None = None
    changes: ReplyChanges = NO_CHANGES
    #: Whether it is everybody's, or one's own.
    is_shared: bool = False


@service
def make_macro(actor: Actor, values: MacroValues) -> UUID:
    """Make a macro, for everybody or for oneself."""
    with transaction(actor) as session:
        macro = Macro()
        _take(session, actor, macro, values)
        session.add(macro)
        session.flush()
        return macro.id


@service
def change_macro(actor: Actor, macro_id: UUID, values: MacroValues, *, version: int) -> None:
    """Change a macro; StaleWrite where someone changed it meanwhile."""
    with transaction(actor) as session:
        macro = _locked_macro(session, actor, macro_id)
        if macro.version != version:
            raise StaleWrite(version=macro.version)
        _take(session, actor, macro, values)


@service
def delete_macro(actor: Actor, macro_id: UUID) -> None:
    """Delete a macro; what was written with it stays."""
    with transaction(actor) as session:
        session.delete(_locked_macro(session, actor, macro_id))


def change_with_reply(
    session: Session, actor: Actor, ticket: Ticket, changes: ReplyChanges
) -> None:
    """Step: change the locked ticket as its reply wants it; what is gone meanwhile is left out.

    A team may have been deleted and the ticket may have been given other tags since the
    reply was sent: neither is worth holding back the answer.
    """
    if not changes:
        return
    team_id = changes.team_id if _is_kept(session, changes.team_id) else None
    tags = _with_tags(ticket.tags, changes.tags)
    wanted = TicketChanges(
        priority=changes.priority or UNSET,
        team_id=team_id or UNSET,
        tags=tags if tags != ticket.tags else UNSET,
    )
    apply_changes(session, actor, ticket, wanted)


def _is_kept(session: Session, team_id: UUID | None) -> bool:
    """Whether the team is there, and stays until the transaction is over."""
    if team_id is None:
        return False
    with as_system(session):
        lock = {"read": True, "key_share": True}
        return session.get(Team, team_id, with_for_update=lock, populate_existing=True) is not None


def _with_tags(present: list[str], more: tuple[str, ...]) -> list[str]:
    room = texts.MAX_TAGS - len(present)
    added = [tag for tag in more if tag not in present][:room]
    return sorted([*present, *added]) if added else present


def _take(session: Session, actor: Actor, macro: Macro, values: MacroValues) -> None:
    name, content = _name(values.name), texts.macro(values.content)
    changes = values.changes
    if values.event is not None and values.event not in REPLIES:
        raise ValueError(f"{values.event} is not a reply.")
    macros.check_places(content)
    if not content.strip() and values.event is None and not changes:
        raise Invalid("A macro writes or changes something; this one does neither.")
    teams.require_team(session, changes.team_id)
    macro.name, macro.content, macro.event = name, content, values.event
    macro.owner_id = None if values.is_shared else actor.profile_id
    macro.priority, macro.team_id = changes.priority, changes.team_id
    macro.add_tags = texts.tags(changes.tags)
    require(actor, MACRO_MANAGE, macro)


def _name(name: str) -> str:
    name = texts.person_name(name)
    if len(name) > MAX_NAME:
        raise Invalid(
            "A macro's name has at most %(most)s characters.", field="name", most=MAX_NAME
        )
    return name


def _locked_macro(session: Session, actor: Actor, macro_id: UUID) -> Macro:
    """The macro under a lock; another's own is not there for anybody else."""
    require(actor, MACRO_MANAGE)
    seen = session.get(Macro, macro_id)
    if seen is None:
        raise NotFound
    require(actor, MACRO_MANAGE, seen)
    return session.get_one(Macro, macro_id, with_for_update=True, populate_existing=True)
