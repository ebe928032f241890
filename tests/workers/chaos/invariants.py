"""What must be so in the end, whatever was done to the product."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import psycopg
from flask import Flask
from sqlalchemy import select

from emberone.db import now_of, reading
from emberone.domain.actor import SYSTEM
from emberone.mail.messages import message_id
from emberone.mail.site import current_site
from emberone.models import SLAClock
from emberone.queries.sla import stories
from emberone.services.assignment import reconcile_counts
from tests.workers.chaos.faults import FORGETFUL, Trouble
from tests.workers.chaos.load import FAIR, SKILL, Load
from tests.workers.chaos.stage import Stage

#: So many letters a mail worker may have in its hands when it dies.
THREADS: Final = 8
#: What somebody may wait for the broker, in seconds.
PATIENCE: Final = 1.0


class Finding(NamedTuple):
    """One invariant: its figures, and whether it holds."""

    name: str
    figures: str
    holds: bool


class Facts(NamedTuple):
    """Everything that invariants look at."""

    stage: Stage
    core: Flask
    load: Load
    trouble: Trouble
    sql: psycopg.Connection[Any]

    def one(self, statement: str, **values: Any) -> Any:
        """The first row."""
        return self.sql.execute(statement.encode(), values).fetchone()


#: Tickets that wait though somebody could take them.
COULD_BE_TAKEN: Final = """
SELECT count(*) FROM tickets WHERE assigned_agent_id IS NULL AND status IN ('OPEN', 'IN_PROGRESS')
AND EXISTS (
    SELECT FROM agents WHERE availability = 'AVAILABLE' AND open_count < capacity
    AND (team_id IS NULL OR EXISTS (SELECT FROM team_members AS member
        WHERE member.team_id = tickets.team_id AND member.profile_id = agents.profile_id))
    AND ARRAY(SELECT name FROM tags WHERE is_skill AND name = ANY (tickets.tags)) <@ skills)
"""


def _assigned_once(facts: Facts) -> Finding:
    waiting = facts.one(COULD_BE_TAKEN)[0]
    tickets, assigned, most = facts.one(
        "SELECT count(*), count(assigned_agent_id),"
        " coalesce(max((SELECT count(*) FROM history WHERE ticket_id = tickets.id"
        " AND action = 'assignment_changed')), 0) FROM tickets"
    )
    entries = facts.one("SELECT count(*) FROM history WHERE action = 'assignment_changed'")[0]
    return Finding(
        "assigned exactly once",
        f"{assigned} of {tickets} tickets in {entries} decisions, {waiting} left though"
        f" somebody could, at most {most} for one ticket",
        waiting == 0 and entries == assigned and most <= 1 and assigned > 0,
    )


def _eligible(facts: Facts) -> Finding:
    outside, unskilled, away = facts.one(
        "SELECT count(*) FILTER (WHERE team_id IS NOT NULL AND NOT EXISTS (SELECT FROM"
        " team_members AS member WHERE member.team_id = tickets.team_id"
        " AND member.profile_id = assigned_agent_id)),"
        " count(*) FILTER (WHERE %(skill)s = ANY (tags) AND NOT %(skill)s = ANY (skills)),"
        " count(*) FILTER (WHERE availability = 'AWAY')"
        " FROM tickets JOIN agents ON profile_id = assigned_agent_id",
        skill=SKILL,
    )
    return Finding(
        "to an eligible agent",
        f"{outside} outside the team, {unskilled} without the skill, {away} away",
        (outside, unskilled, away) == (0, 0, 0),
    )


def _capacity(facts: Facts) -> Finding:
    overruns = facts.one("SELECT count(*) FROM overruns")[0]
    full = facts.one("SELECT count(*) FROM agents WHERE open_count >= capacity")[0]
    return Finding(
        "no capacity overrun", f"{overruns} by assignment; {full} full in the end", overruns == 0
    )


def _spread(facts: Facts) -> Finding:
    least, most = facts.one(
        "SELECT min(open_count), max(open_count) FROM agents JOIN team_members USING (profile_id)"
        " JOIN teams ON teams.id = team_id WHERE teams.name = %(fair)s",
        fair=FAIR,
    )
    return Finding("spread ≤ 1 (rule 14)", f"{least} to {most} each", most - least <= 1)


def _steps(facts: Facts) -> Finding:
    steps, fired, skipped, cancelled, pending, dead = facts.one(
        "SELECT count(*), count(fired_at), count(skipped_reason), count(cancelled_at),"
        " count(*) FILTER (WHERE fire_at <= now() AND fired_at IS NULL AND cancelled_at IS NULL"
        " AND skipped_reason IS NULL), count(dead_at) FROM sla_steps"
    )
    entries, distinct = facts.one(
        "SELECT count(*), count(DISTINCT metadata #>> '{additionalContext,step}') FROM history"
        " WHERE action IN ('sla_warned', 'escalated')"
    )
    # What was due when it was missed; a clock that goes on afterwards has another time.
    misdated = facts.one(
        "SELECT count(*) FROM (SELECT clock.id FROM sla_clocks AS clock"
        " LEFT JOIN history AS entry ON entry.action = 'sla_breached'"
        " AND entry.metadata #>> '{additionalContext,clock}' = clock.id::text"
        " GROUP BY clock.id HAVING count(entry.id) <> (breached_at IS NOT NULL)::int"
        " OR bool_or((entry.metadata #>> '{additionalContext,dueAt}')::timestamptz"
        " <> breached_at)) AS odd"
    )[0]
    return Finding(
        "every due step fired once",
        f"{fired} fired, {entries} entries of {distinct} steps, {skipped} skipped,"
        f" {cancelled} cancelled, {pending} left, {dead} dead, {misdated} misdated, of {steps}",
        fired == entries == distinct > 0 and pending == dead == misdated == 0,
    )


def _history(facts: Facts) -> Finding:
    broken = len(facts.stage.broken_chains())
    entries, created, of_tickets = facts.one(
        "SELECT count(*), count(*) FILTER (WHERE action = 'created'),"
        " count(DISTINCT ticket_id) FILTER (WHERE action = 'created') FROM history"
    )
    tickets = facts.one("SELECT count(*) FROM tickets")[0]
    return Finding(
        "history whole, nothing double",
        f"{entries} entries, {created} created for {tickets} tickets, {broken} gaps",
        broken == 0 and created == of_tickets == tickets,
    )


def _stories(facts: Facts) -> Finding:
    with facts.core.app_context(), reading(SYSTEM) as session:
        at = now_of(session)
        stored = {
            (clock.ticket_id, clock.metric, clock.cycle): clock.timing
            for clock in session.scalars(select(SLAClock))
        }
        told = {
            (ticket_id, story.metric, story.cycle): story.timing
            for ticket_id in {key[0] for key in stored}
            for story in stories(session, ticket_id, at)
        }
    others = {key for key in stored.keys() | told.keys() if stored.get(key) != told.get(key)}
    return Finding(
        "history tells every clock (rule 25)",
        f"{len(stored)} clocks, {len(others)} told otherwise",
        not others and bool(stored),
    )


def _counts(facts: Facts) -> Finding:
    with facts.core.app_context():
        drift = reconcile_counts()
    total = facts.one("SELECT sum(open_count) FROM agents")[0]
    return Finding("open_count is the count", f"{total} open, {drift} agents off", drift == 0)


def _promised(facts: Facts) -> Finding:
    """What was said to have worked is there once, durable through every crash."""
    done = facts.load.done
    opened = facts.one("SELECT count(*) FROM tickets WHERE id = ANY (%(i)s)", i=[*done.opened])[0]
    asked = facts.one("SELECT count(*) FROM tickets WHERE title = ANY (%(t)s)", t=[*done.asked])[0]
    said = facts.one("SELECT count(*) FROM comments WHERE content = ANY (%(t)s)", t=[*done.said])[0]
    replied, held = facts.one(
        "SELECT (SELECT count(*) FROM comments WHERE content = ANY (%(t)s)),"
        " (SELECT count(*) FROM drafts WHERE content = ANY (%(t)s) AND state = 'held')",
        t=[*done.replied],
    )
    pairs = [
        (opened, len(done.opened)),
        (asked, len(done.asked)),
        (said, len(done.said)),
        (replied + held, len(done.replied)),
    ]
    words = ", ".join(f"{found} of {promised}" for found, promised in pairs)
    return Finding(
        "what was promised is there",
        f"{words} ({held} replies held)",
        all(found == promised for found, promised in pairs),
    )


def _wanted(facts: Facts) -> Finding:
    """Every letter that should have been written was, once."""
    pairs = {
        "received": facts.one(
            "SELECT (SELECT count(*) FROM tickets),"
            " (SELECT count(*) FROM mail_outbox WHERE letter = 'ticket_received')"
        ),
        "assigned": facts.one(
            "SELECT (SELECT count(*) FROM history WHERE action = 'assignment_changed'),"
            " (SELECT count(*) FROM mail_outbox WHERE letter = 'assigned')"
        ),
        "answers": facts.one(
            "SELECT (SELECT count(*) FROM comments JOIN profiles ON profiles.id = author_id"
            " WHERE type = 'USER' AND role <> 'CUSTOMER'),"
            " (SELECT count(*) FROM mail_outbox WHERE letter = 'staff_replied')"
        ),
        "steps": facts.one(
            "SELECT (SELECT count(*) FROM sla_steps WHERE fired_at IS NOT NULL"
            " AND 'NOTIFY_ADMINS' = ANY (actions)),"
            " (SELECT count(*) FROM mail_outbox JOIN profiles ON profiles.id = to_profile_id"
            " WHERE letter IN ('sla_warning', 'sla_breach') AND role = 'ADMIN')"
        ),
        "ratings": facts.one(
            "SELECT (SELECT count(*) FROM feedback_requests WHERE state = 'SENT'),"
            " (SELECT count(*) FROM mail_outbox WHERE letter = 'feedback_request')"
        ),
    }
    return Finding(
        "every wanted letter written once",
        ", ".join(f"{name} {written} of {due}" for name, (due, written) in pairs.items()),
        all(due == written for due, written in pairs.values()),
    )


def _mail(facts: Facts) -> Finding:
    states: dict[str, list[str]] = {}
    for state, key in facts.sql.execute("SELECT state, key FROM mail_outbox"):
        states.setdefault(state, []).append(key)
    with facts.core.app_context():
        site = current_site()
        ids = {state: {message_id(key, site) for key in keys} for state, keys in states.items()}
    taken = Counter(str(message["Message-ID"]) for message in facts.stage.post.taken)
    lost = ids.get("sent", set()) - taken.keys()
    strange = taken.keys() - set().union(*ids.values())
    other = facts.one(
        "SELECT count(*) FROM mail_outbox WHERE state = 'dead' AND last_error !~ '^55[04]'"
    )[0]
    untold = facts.one(
        "SELECT count(*) FROM mail_outbox AS line LEFT JOIN mail_outbox AS digest"
        " ON digest.id = line.digest_id WHERE line.state = 'collapsed'"
        " AND coalesce(digest.state, '') NOT IN ('sent', 'dead')"
    )[0]
    left = sum(len(ids.get(state, ())) for state in ("queued", "sending", "kept"))
    counts = ", ".join(f"{len(keys)} {state}" for state, keys in sorted(ids.items()))
    return Finding(
        "every wanted letter delivered",
        f"{counts}; {len(lost)} sent but never seen, {len(strange)} seen but unknown,"
        f" {other} dead without a 55x, {untold} lines untold, {left} left",
        not lost and not strange and other == untold == left == 0 and bool(taken),
    )


def _repeats(facts: Facts) -> Finding:
    taken: dict[str, list[tuple[str, ...]]] = {}
    for message in facts.stage.post.taken:
        parts = [str(message[name]) for name in ("Subject", "To", "Date", "References")]
        bodies = [part.get_content() for part in message.iter_parts()]
        taken.setdefault(str(message["Message-ID"]), []).append((*parts, *bodies))
    repeated = [copies for copies in taken.values() if len(copies) > 1]
    repeats = sum(len(copies) - 1 for copies in repeated)
    changed = sum(len(set(copies)) > 1 for copies in repeated)
    causes = sum(facts.trouble.counts[name] for name in FORGETFUL)
    most = max((len(copies) - 1 for copies in repeated), default=0)
    cut_off = facts.stage.post.cut_off
    times = causes + facts.trouble.counts["SMTP dies after DATA"]
    return Finding(
        "repeats only after crashes, unchanged",
        f"{repeats} repeats of {len(repeated)} of {len(taken)} letters, at most {most} of one,"
        f" {changed} changed; {cut_off} letters cut off, {causes} crashes of {THREADS} threads",
        changed == 0 and most <= times and repeats <= cut_off + causes * THREADS,
    )


def _web(facts: Facts) -> Finding:
    """How long people waited for a broker that did not answer.

    By what the web itself measured: a whole page takes as long as the machine is busy.
    """
    said = (facts.stage.folder / "web.log").read_text(errors="replace")
    lost = [int(ms) / 1000 for ms in re.findall(r"nudge\.lost .*\bms=(\d+)", said)]
    # 503 is what a page says while the database is away; 500 would be a fault of ours.
    failed = said.count(" status=500 ")
    slowest = max(facts.load.done.pages, default=0.0)
    return Finding(
        "web not held up by the broker",
        f"{len(lost)} nudges lost, at most {max(lost, default=0.0):.2f} s for one;"
        f" slowest of {len(facts.load.done.pages)} pages {slowest:.2f} s, {failed} failed",
        bool(lost) and max(lost) <= PATIENCE and failed == 0,
    )


INVARIANTS: Final[tuple[Callable[[Facts], Finding], ...]] = (
    _assigned_once,
    _eligible,
    _capacity,
    _spread,
    _steps,
    _history,
    _stories,
    _counts,
    _promised,
    _wanted,
    _mail,
    _repeats,
    _web,
)
