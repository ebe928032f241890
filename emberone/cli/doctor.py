"""`emberone doctor`: what is wrong with this installation, one line for each thing looked at."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import click
import psycopg
from sqlalchemy.engine import make_url

from emberone.cli.migrate import newest
from emberone.config import Settings

if TYPE_CHECKING:
    from emberone.cli.doctor_production import Rule

_PATIENCE = 5


class Verdict(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One line of the report."""

    verdict: Verdict
    subject: str
    words: str


@click.command("doctor")
@click.option(
    "--production",
    "is_production",
    is_flag=True,
    help="Also fail on what real customers must not meet: demo, embedded database, http, no mail.",
)
def command(is_production: bool) -> None:
    """Check the installation and say what is wrong.

    Exit status 0: it works (warnings included). 1: something fails. 2: the
    environment is wrong.
    """
    settings = Settings.from_env()
    verdicts = set()
    findings = _findings(settings)
    for verdict, subject, words in chain(findings, _production(settings) if is_production else ()):
        verdicts.add(verdict)
        click.echo(f"{verdict:<5} {subject:<16} {words}")
    sys.exit(1 if Verdict.FAIL in verdicts else 0)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding(Verdict.OK, "environment", "every variable is valid")
    yield from _database(settings)
    yield _broker(settings)
    yield _mail(settings)


def _production(settings: Settings) -> Iterator[Finding]:
    from emberone.cli import doctor_production as rules

    yield from map(_judged, rules.of_environment(settings))
    try:
        with _as_owner(settings) as connection:
            if _schema(connection).verdict is Verdict.OK:
                yield from map(_judged, rules.of_database(connection))
    except psycopg.OperationalError:
        # Told already: the database cannot be reached.
        return


def _judged(rule: "Rule") -> Finding:
    if rule.holds:
        return Finding(Verdict.OK, rule.subject, rule.well)
    return Finding(Verdict.FAIL, rule.subject, rule.ill)


def _database(settings: Settings) -> Iterator[Finding]:
    url = make_url(settings.database_url).set(drivername="postgresql")
    try:
        with psycopg.connect(
            url.render_as_string(hide_password=False), connect_timeout=_PATIENCE, autocommit=True
        ) as connection:
            yield Finding(Verdict.OK, "database", f"PostgreSQL {_version(connection)} answers")
            yield _login(connection)
        with _as_owner(settings) as connection:
            schema = _schema(connection)
    except psycopg.OperationalError as error:
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        yield Finding(Verdict.FAIL, "database", f"cannot be reached: {reason}")
        return
    yield schema
    if schema.verdict is Verdict.OK:
        yield from _work(settings)


def _as_owner(settings: Settings) -> "psycopg.Connection[tuple[object, ...]]":
    url = make_url(settings.owner_url).set(drivername="postgresql")
    return psycopg.connect(
        url.render_as_string(hide_password=False), connect_timeout=_PATIENCE, autocommit=True
    )


def _version(connection: "psycopg.Connection[tuple[object, ...]]") -> str:
    number = connection.info.server_version
    return f"{number // 10000}.{number % 10000}"


def _login(connection: "psycopg.Connection[tuple[object, ...]]") -> Finding:
    """The product's login should have no rights of its own: a forgotten context shows nothing."""
    row = connection.execute(
        "SELECT current_user, rolsuper, rolbypassrls, pg_has_role(current_user, owner, 'USAGE')"
        " FROM pg_roles, coalesce((SELECT relowner FROM pg_class"
        " WHERE oid = to_regclass('public.tickets')), 0) AS owner"
        " WHERE rolname = current_user"
    ).fetchone()
    assert row is not None
    name, is_super, bypasses, owns = row
    if is_super or bypasses:
        kind = "is a superuser" if is_super else "bypasses row security"
        return Finding(Verdict.WARN, "database login", f"{name} {kind}: use emberone_app")
    if owns:
        return Finding(Verdict.WARN, "database login", f"{name} owns the tables: use emberone_app")
    return Finding(Verdict.OK, "database login", f"{name} has no rights of its own")


def _schema(connection: "psycopg.Connection[tuple[object, ...]]") -> Finding:
    found = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
    if found is None or found[0] is None:
        return Finding(Verdict.FAIL, "schema", "has no tables: run 'emberone migrate'")
    try:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return Finding(
            Verdict.FAIL, "schema", "cannot be read: set EMBERONE_OWNER_URL for migrate and doctor"
        )
    here = {str(row[0]) for row in rows}
    if here == newest():
        return Finding(Verdict.OK, "schema", f"is at {', '.join(sorted(here))}")
    return Finding(
        Verdict.FAIL,
        "schema",
        f"is at {', '.join(sorted(here)) or 'nothing'}, not {', '.join(sorted(newest()))}:"
        " run 'emberone migrate'",
    )


def _work(settings: Settings) -> Iterator[Finding]:
    """Every sweep's last success, what was given up, and the counters."""
    from emberone.core import create_core
    from emberone.db import db, now_of, reading
    from emberone.domain.actor import SYSTEM
    from emberone.queries.calendars import running_out
    from emberone.queries.health import STANDS_STILL_S, sweep_progress
    from emberone.queries.jobs import dead_counts
    from emberone.services.assignment import reconcile_counts

    with create_core(settings).app_context():
        with reading(SYSTEM) as session:
            progress, dead = sweep_progress(session), dead_counts(session)
            ending = running_out(session, now_of(session))
        drift = reconcile_counts()
        db.engine.dispose()
    for sweep in progress:
        subject = f"sweep {sweep.job}"
        if sweep.age_s is None:
            yield Finding(Verdict.WARN, subject, "has never run: start worker and beat")
        elif sweep.is_failing:
            yield Finding(Verdict.FAIL, subject, f"fails: {sweep.last_error}")
        elif sweep.age_s > STANDS_STILL_S:
            yield Finding(
                Verdict.FAIL, subject, f"last ran {sweep.age_s:.0f} s ago: start worker and beat"
            )
        else:
            words = f"ran {sweep.age_s:.0f} s ago, {sweep.lag_s or 0:.1f} s behind"
            yield Finding(Verdict.OK, subject, words)
    for kind, count in dead.items():
        if count:
            words = f"{count} given up: see Jobs in the panel"
            yield Finding(Verdict.WARN, f"dead {kind}", words)
    for calendar in ending:
        words = f"opens for the last time on {calendar.last_opening}: add opening hours"
        yield Finding(Verdict.WARN, f"calendar {calendar.name}", words)
    if drift:
        yield Finding(Verdict.FAIL, "open counts", f"{drift} agents' counters are wrong")
    else:
        yield Finding(Verdict.OK, "open counts", "agree with the tickets")


def _broker(settings: Settings) -> Finding:
    from emberone.queries.health import broker_problem

    problem = broker_problem(settings.redis_url, seconds=_PATIENCE)
    if problem is None:
        return Finding(Verdict.OK, "broker", "answers")
    return Finding(Verdict.FAIL, "broker", f"cannot be reached ({problem})")


def _mail(settings: Settings) -> Finding:
    if settings.smtp_url is None:
        return Finding(
            Verdict.WARN, "mail", "EMBERONE_SMTP_URL is not set: mail is kept, nothing leaves"
        )
    return Finding(Verdict.OK, "mail", f"leaves through {make_url(settings.smtp_url).host}")
