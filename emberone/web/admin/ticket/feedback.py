"""What became of asking a ticket's customer for a rating, in a person's words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from emberone.domain.enums import FeedbackState, MailState
from emberone.domain.feedback import LinkState, link_state
from emberone.mail.fates import why
from emberone.models import FeedbackRequest
from emberone.queries.feedback import Asked
from emberone.web.admin.why import skip_reason
from emberone.web.theme.formats import time_short


@dataclass(frozen=True, slots=True)
class Asking:
    """The request of one closing, as the ticket's page draws it."""

    #: Which of the ticket's closings it was.
    cycle: int
    text: str
    credited_name: str | None
    #: Whether an admin could try it again.
    is_given_up: bool


def askings(asked: Iterable[Asked], now: datetime) -> list[Asking]:
    """The requests of a ticket in words, in the order they come."""
    return [
        Asking(
            cycle=one.request.cycle,
            text=_state(one, now),
            credited_name=one.credited_name,
            is_given_up=_is_given_up(one.request),
        )
        for one in asked
    ]


def _is_given_up(request: FeedbackRequest) -> bool:
    # A request that was cancelled or answered after it was given up is settled.
    return request.state is FeedbackState.PENDING and request.dead_at is not None


def _state(asked: Asked, now: datetime) -> str:
    request = asked.request
    match request.state:
        case FeedbackState.SKIPPED:
            return _("Skipped: %(reason)s", reason=skip_reason(request.state_reason))
        case FeedbackState.CANCELLED:
            return _("Cancelled: %(reason)s", reason=skip_reason(request.state_reason))
        case FeedbackState.ANSWERED:
            return _(
                "Answered %(rating)s of 5 on %(time)s",
                rating=request.rating,
                time=_time(request.answered_at, now),
            )
        case FeedbackState.SENT:
            return _not_left(asked, now) or _sent(asked, now)
        case FeedbackState.PENDING:
            if _is_given_up(request):
                return _("Given up on %(time)s", time=_time(request.dead_at, now))
            return _("Due at %(time)s", time=_time(request.send_after, now))


def _not_left(asked: Asked, now: datetime) -> str | None:
    """What keeps the letter from the customer; None where it has left."""
    written = _time(asked.request.sent_at, now)
    match asked.letter_state:
        case MailState.QUEUED | MailState.SENDING:
            return _("Written on %(time)s; the letter has not left yet", time=written)
        case MailState.KEPT:
            return _(
                "Written on %(time)s and not sent: no mail server is set, so the customer was not asked",
                time=written,
            )
        case MailState.DEAD:
            return _(
                "Written on %(time)s and given up: the letter could not be delivered", time=written
            )
        case MailState.SUPPRESSED:
            return _("Not sent: %(reason)s", reason=why(asked.letter_error) or _("unknown"))
    return None


def _sent(asked: Asked, now: datetime) -> str:
    request = asked.request
    time = _time(asked.letter_sent_at or request.sent_at, now)
    match link_state(request.expires_at, request.voided_at, now=now):
        case LinkState.VOID:
            return _("Sent on %(time)s; void since the ticket was reopened", time=time)
        case LinkState.EXPIRED:
            return _("Sent on %(time)s; expired without an answer", time=time)
        case LinkState.OPEN:
            return _("Sent on %(time)s; not answered yet", time=time)


def _time(moment: datetime | None, now: datetime) -> str:
    return time_short(moment, now=now) if moment else _("unknown")
