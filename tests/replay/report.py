"""What came of a replay, as the same lines each time."""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from emberone.models import SLAClock
from emberone.queries.attainment import attainment
from tests.replay.log import Replay


def report(session: Session, replay: Replay) -> str:
    """How promises were kept, in a table, and what was lived through."""
    lives = replay.lives.values()
    since, until = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
    lines = [
        f"{replay.events} events of {len(lives)} incidents, {sum(life.pauses for life in lives)}"
        f" pauses, {session.scalar(select(func.count()).select_from(SLAClock))} clocks,"
        f" {replay.steps_fired} steps and breaches told"
        f" ({sum(life.is_past_reopening for life in lives)} came back too late to be followed)",
        "",
        f"{'metric':<16}{'priority':<10}{'met':>6}{'late':>6}{'open':>6}{'kept':>8}{'median':>10}",
    ]
    for row in attainment(session, since, until):
        share = "–" if row.share is None else f"{row.share:.1%}"
        median = "–" if row.median_s is None else f"{row.median_s / 3600:.2f} h"
        lines.append(
            f"{row.metric:<16}{row.priority:<10}{row.met:>6}{row.breached:>6}{row.undecided:>6}"
            f"{share:>8}{median:>10}"
        )
    return "\n".join(lines)
