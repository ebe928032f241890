"""Letters: the mail log, and one letter as its reader sees it. MAIL_VIEW opens them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from jinja2 import TemplateError
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.domain.enums import MailState, Role
from emberone.languages import catalogue
from emberone.mail.fates import Faring, Fate, fate
from emberone.mail.kinds import DIGEST
from emberone.mail.rendering import Rendered, render, render_subject
from emberone.mail.site import Site
from emberone.models import Letter, Profile, SuppressedAddress, Ticket
from emberone.queries.paging import (
    Key,
    Order,
    Page,
    Paging,
    count_up_to,
    fetch_page,
    parse_id,
    parse_moment,
)

#: So many lines of a digest are in the letter; it links to the rest.
DIGEST_LINES: Final = 50

#: The list's only order, newest first.
CREATED: Final = Order("created", (Key(Letter.created_at, parse_moment), Key(Letter.id, parse_id)))


class LetterRow(NamedTuple):
    """One letter with the names it needs to be understood."""

    id: UUID
    letter: str
    params: dict[str, Any]
    to_email: str
    to_profile_id: UUID | None
    #: None once the profile is deleted.
    to_name: str | None
    #: In which its reader is spoken to; None: nobody has chosen one.
    language: str | None
    ticket_id: UUID | None
    ticket_number: int | None
    #: The letter that tells of it instead.
    digest_id: UUID | None
    state: MailState
    send_after: datetime
    attempts: int
    last_error: str | None
    sent_at: datetime | None
    created_at: datetime

    @property
    def is_retryable(self) -> bool:
        """Whether an admin may queue it again."""
        return self.state in {MailState.DEAD, MailState.KEPT}

    def fate(self, now: datetime) -> Fate:
        """What became of it so far and what comes, in words; needs the request's language."""
        return fate(Faring(self.state, self.send_after, self.attempts, self.last_error), now)


@dataclass(frozen=True, slots=True)
class LetterFilters:
    """Which letters to show; what is empty does not filter."""

    state: MailState | None = None
    letter: str | None = None
    ticket_id: UUID | None = None
    person_id: UUID | None = None
    #: The digest that tells of them.
    digest_id: UUID | None = None


def _letters() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Letter.id,
            Letter.letter,
            Letter.params,
            Letter.to_email,
            Letter.to_profile_id,
            Profile.full_name,
            Profile.language,
            Letter.ticket_id,
            Ticket.number,
            Letter.digest_id,
            Letter.state,
            Letter.send_after,
            Letter.attempts,
            Letter.last_error,
            Letter.sent_at,
            Letter.created_at,
        )
        .outerjoin(Profile, Profile.id == Letter.to_profile_id)
        .outerjoin(Ticket, Ticket.id == Letter.ticket_id)
    )


def list_letters(session: Session, filters: LetterFilters, paging: Paging) -> Page[LetterRow]:
    """One page of the mail log."""
    statement = _narrowed(_letters(), filters)
    return fetch_page(session, statement, LetterRow, paging)


def counts_by_state(session: Session, filters: LetterFilters) -> dict[MailState, int]:
    """How many letters each state has under the other filters, each counted to the limit only."""
    return {
        state: count_up_to(
            session, _narrowed(select(Letter.id), dataclasses.replace(filters, state=state))
        )
        for state in MailState
    }


def suppressed_addresses(session: Session, *, limit: int = 1000) -> list[SuppressedAddress]:
    """The addresses that are never mailed, the latest first; for admins."""
    return list(
        session.scalars(
            select(SuppressedAddress).order_by(SuppressedAddress.created_at.desc()).limit(limit)
        )
    )


def suppression_of(session: Session, email: str) -> SuppressedAddress | None:
    """Why and since when this address is never mailed, or None; for admins."""
    return session.get(SuppressedAddress, email.lower())


def _narrowed(
    statement: Select[*tuple[Any, ...]], filters: LetterFilters
) -> Select[*tuple[Any, ...]]:
    if filters.state is not None:
        statement = statement.where(Letter.state == filters.state)
    if filters.letter is not None:
        statement = statement.where(Letter.letter == filters.letter)
    if filters.ticket_id is not None:
        statement = statement.where(Letter.ticket_id == filters.ticket_id)
    if filters.person_id is not None:
        statement = statement.where(Letter.to_profile_id == filters.person_id)
    if filters.digest_id is not None:
        statement = statement.where(Letter.digest_id == filters.digest_id)
    return statement


class LetterLine(NamedTuple):
    """One letter about a ticket, as the ticket's timeline tells of it."""

    id: UUID
    #: The folder below `templates/mail/`.
    letter: str
    to_profile_id: UUID | None
    #: None once the profile is deleted.
    to_name: str | None
    state: MailState
    send_after: datetime
    attempts: int
    last_error: str | None
    sent_at: datetime | None
    created_at: datetime

    def fate(self, now: datetime) -> Fate:
        """What became of it so far and what comes, in words; needs the request's language."""
        return fate(Faring(self.state, self.send_after, self.attempts, self.last_error), now)


def letters_of(session: Session, ticket_id: UUID) -> list[LetterLine]:
    """Every letter about a ticket, the oldest first."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            Letter.id,
            Letter.letter,
            Letter.to_profile_id,
            Profile.full_name,
            Letter.state,
            Letter.send_after,
            Letter.attempts,
            Letter.last_error,
            Letter.sent_at,
            Letter.created_at,
        )
        .outerjoin(Profile, Profile.id == Letter.to_profile_id)
        .where(Letter.ticket_id == ticket_id)
        .order_by(Letter.created_at, Letter.id)
    )
    return [LetterLine(*row) for row in session.execute(statement)]


def letter_details(session: Session, letter_id: UUID) -> LetterRow | None:
    """One letter, or None."""
    found = session.execute(_letters().where(Letter.id == letter_id)).one_or_none()
    if found is None:
        return None
    row = LetterRow(*found)
    if row.letter == DIGEST:
        return row._replace(params=row.params | digest_params(session, row.id))
    return row


def digest_params(session: Session, digest_id: UUID) -> dict[str, Any]:
    """What a digest's wording needs of its lines, the oldest first; erased ones are not among them."""
    lines = session.execute(
        select(Letter.letter, Letter.params)
        .where(Letter.digest_id == digest_id, Letter.params.has_key("ticket_id"))
        .order_by(Letter.created_at, Letter.id)
        .limit(DIGEST_LINES)
    )
    return {
        "digest_id": str(digest_id),
        "lines": [{"letter": letter, **params} for letter, params in lines],
    }


def may_open_links(row: LetterRow, actor: Actor, *, has_mail_server: bool) -> bool:
    """Whether somebody looking at the letter may use the secrets in its links.

    Only an admin, and only where the letter was kept because no mail server is set:
    the panel is then the only mailbox there is. Otherwise who may look at a letter
    may not act for its reader.
    """
    return row.state is MailState.KEPT and not has_mail_server and actor.role is Role.ADMIN


def preview(row: LetterRow, site: Site, *, with_secrets: bool = False) -> Rendered | None:
    """The letter as its reader sees it; without the secrets in its links unless asked for.

    None where it cannot be worded: its texts were erased, or its wording is gone.
    """
    shown = site if with_secrets else site.for_preview()
    return worded(row.letter, row.params, shown, language=row.language)


def worded(
    letter: str, params: Mapping[str, Any], site: Site, *, language: str | None = None
) -> Rendered | None:
    """A letter in words, in a language or else in English; None where it cannot be worded."""
    try:
        return render(letter, params, site, translations=catalogue(language))
    except (TemplateError, ValueError, TypeError):
        return None


def subject(row: LetterRow) -> str | None:
    """The letter's subject; None where it cannot be worded."""
    try:
        return render_subject(row.letter, row.params, translations=catalogue(row.language))
    except (TemplateError, ValueError, TypeError):
        return None
