"""How many tickets each view has, shared by everyone whose list is open.

Counting costs more than all else that an open list asks for. Each process counts again at
most every PATIENCE seconds for those who only watch, and not at all while nothing moves;
who opens the list always gets the number as it is (docs/decisions, "An open list").
"""

from dataclasses import dataclass
from time import monotonic
from typing import Final

from flask import current_app
from sqlalchemy.orm import Session

from emberone.domain.actor import Actor
from emberone.queries import views
from emberone.queries.views import Standing, View

#: In seconds; with the page's own pace (queue_live.js) a count is never older than five.
PATIENCE: Final = 2.0

_NAME: Final = "emberone.queue_counts"


@dataclass(frozen=True, slots=True)
class _Kept:
    standing: Standing
    at: float


def counted_now(session: Session, actor: Actor) -> Standing:
    """The counts as they are, kept for the others."""
    standing = views.standing(session, actor)
    current_app.extensions[_NAME] = _Kept(standing, monotonic())
    return standing


def kept_for(pulse: str) -> Standing | None:
    """What was counted at this pulse, or a moment ago at another; None where it is time again."""
    kept: _Kept | None = current_app.extensions.get(_NAME)
    if kept is None:
        return None
    is_good = kept.standing.pulse == pulse or monotonic() - kept.at < PATIENCE
    return kept.standing if is_good else None


def as_seen_by(session: Session, actor: Actor, kept: Standing) -> Standing:
    """What somebody counted, with the actor's own tickets in place of theirs."""
    mine = views.mine_count(session, actor)
    return kept._replace(counts={**kept.counts, View.MINE: mine})


def tag_of(pulse: str, counted_at: str) -> str:
    """The tag of a list: it is another once anything moves, and once more when that is counted."""
    return f"{pulse}.{counted_at}"
