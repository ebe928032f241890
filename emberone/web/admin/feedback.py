"""What became of asking a ticket's customer for a rating, in a person's words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from emberone.domain.enums import FeedbackState
from emberone.domain.feedback import LinkState, link_state
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
            text=_state(one.request, now),
            credited_name=one.credited_name,
            is_given_up=_is_given_up(one.request),
        )
        for one in asked
    ]


def _is_given_up(request: FeedbackRequest) -> bool:
    # A request that was cancelled or answered after it was given up is settled.
    return request.state is FeedbackState.PENDING and request.dead_at is not None


def _state(request: FeedbackRequest, now: datetime) -> str:
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
            return _sent(request, now)
        case FeedbackState.PENDING:
            if _is_given_up(request):
                return _("Given up on %(time)s", time=_time(request.dead_at, now))
            return _("Due at %(time)s", time=_time(request.send_after, now))


def _sent(request: FeedbackRequest, now: datetime) -> str:
    time = _time(request.sent_at, now)
    match link_state(request.expires_at, request.voided_at, now=now):
        case LinkState.VOID:
            return _("Sent on %(time)s; void since the ticket was reopened", time=time)
        case LinkState.EXPIRED:
            return _("Sent on %(time)s; expired without an answer", time=time)
        case LinkState.OPEN:
            return _("Sent on %(time)s; not answered yet", time=time)


def _time(moment: datetime | None, now: datetime) -> str:
    return time_short(moment, now=now) if moment else _("unknown")
