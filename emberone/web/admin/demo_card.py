"""The card that leads through the demo, above the queue: every line ticks itself off when it is so."""

from dataclasses import dataclass
from typing import Final

from flask import Response, current_app, g, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from emberone.db import db
from emberone.demo_accounts import DEMO_CUSTOMER, DEMO_LOGINS, DEMO_RATED, DEMO_WATCHED
from emberone.domain.actor import Actor
from emberone.mail.site import current_settings
from emberone.queries.demo import DemoProgress, demo_progress
from emberone.web.session import actor_or_none

_A_YEAR: Final = 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to try or to watch."""

    text: str
    is_done: bool
    #: Where to try or to see it.
    url: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class DemoCard:
    """What the card says at this moment."""

    to_try: list[Line]
    to_watch: list[Line]

    @property
    def done(self) -> int:
        """How many lines are ticked off."""
        return sum(line.is_done for line in (*self.to_try, *self.to_watch))

    @property
    def is_over(self) -> bool:
        """Whether every line is."""
        return self.done == len(self.to_try) + len(self.to_watch)


def demo_card() -> DemoCard | None:
    """The card for whoever is signed in with an account of the demo, until they dismiss it.

    None anywhere else: with other people, and where anyone but this machine could come in.
    """
    if "demo_card" not in g:
        g.demo_card = _card()
    card: DemoCard | None = g.demo_card
    return card


def dismissed_by(actor: Actor, response: Response) -> None:
    """Remember in this person's browser that they have seen it."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(
        _cookie(actor), "1", max_age=_A_YEAR, secure=secure, httponly=True, samesite="Lax"
    )


def _cookie(actor: Actor) -> str:
    return f"demo_seen_{actor.profile_id}"


def _card() -> DemoCard | None:
    actor = actor_or_none()
    if actor is None or actor.profile_id is None or not actor.is_staff:
        return None
    if not current_settings().is_private or _cookie(actor) in request.cookies:
        return None
    if current_user.email.lower() not in DEMO_LOGINS:
        return None
    progress = demo_progress(
        db.session(),
        actor.profile_id,
        watched=DEMO_WATCHED,
        rated=DEMO_RATED,
        customer=DEMO_CUSTOMER,
    )
    return None if progress is None else DemoCard(_to_try(progress), _to_watch(progress))


def _ticket(number: int) -> dict[str, str]:
    url = url_for("ticket.page", number=number)
    return {"url": url, "label": _("Ticket #%(number)s", number=number)}


def _to_try(progress: DemoProgress) -> list[Line]:
    number = progress.to_answer or progress.rated
    return [
        Line(
            _("Answer a customer. The reply can be taken back for a few seconds, then it is sent."),
            progress.has_answered,
            **_ticket(number),
        ),
        Line(
            _("Leave a note there that only colleagues see."),
            progress.has_noted,
            **_ticket(number),
        ),
        Line(
            _(
                "Sign in as the customer in a private window and ask something:"
                " it comes to an agent by itself."
            ),
            progress.has_asked_as_customer,
        ),
    ]


def _to_watch(progress: DemoProgress) -> list[Line]:
    is_over = progress.was_in_time
    in_time = _("answered in time, so this one never comes")
    return [
        Line(
            _("No answer within a minute of the start: the agent is warned.")
            if not is_over or progress.was_warned
            else _("A warning of its time limit: %(why)s.", why=in_time),
            progress.was_warned or is_over,
            **_ticket(progress.watched),
        ),
        Line(
            _("None within two: the priority is raised, agent and admins get a letter.")
            if not is_over or progress.has_escalated
            else _("An escalation: %(why)s.", why=in_time),
            progress.has_escalated or is_over,
            **_ticket(progress.watched),
        ),
        Line(
            _("A minute after its closing the customer is asked to rate it."),
            progress.was_asked_to_rate,
            **_ticket(progress.rated),
        ),
    ]
