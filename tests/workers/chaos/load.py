"""What people do meanwhile: through services, and over HTTP as customers and agents."""

import re
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from flask import Flask
from sqlalchemy import text

from emberone.db import db, end_reading, reading
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Priority, Role
from emberone.domain.errors import EmberOneError
from emberone.domain.lifecycle import Event
from emberone.services import accounts, comments, drafts, tickets
from tests.factories import Make
from tests.journeys.browser import Browser
from tests.workers.chaos.stage import Stage

PASSWORD = "correct horse battery staple"
#: Tickets of this team stay with whoever gets them: nothing closes, so the spread is exact.
FAIR, BUSY = "Fair", "Busy"
SKILL = "vpn"

#: Five seconds are enough to see a step at 75, 100 and 150 % within a short run.
SHORT_TARGETS = """
WITH version AS (
    INSERT INTO sla_policy_versions (policy_id, version)
    SELECT id, 2 FROM sla_policies WHERE is_default RETURNING id
), target AS (
    INSERT INTO sla_targets (policy_version_id, priority, metric, target_s)
    SELECT version.id, priority, metric, 5 FROM version, sla_targets
)
INSERT INTO sla_plan_steps (policy_version_id, priority, metric, step_no, percent, actions)
SELECT version.id, priority, metric, step_no, percent, actions FROM version, sla_plan_steps
"""


#: Notes down whenever the product itself, and not a person, puts an agent over capacity.
#: (A customer who answers a ticket that waited for them may: assignment rule 5.)
WATCH_CAPACITY = """
CREATE TABLE overruns (agent_id uuid, open_count integer, capacity integer);
CREATE FUNCTION note_overrun() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO overruns VALUES (NEW.profile_id, NEW.open_count, NEW.capacity);
    RETURN NULL;
END
$$;
CREATE TRIGGER overruns AFTER UPDATE ON agents FOR EACH ROW
WHEN (NEW.open_count > NEW.capacity AND NEW.open_count > OLD.open_count
    AND current_profile() IS NULL)
EXECUTE FUNCTION note_overrun();
"""


@dataclass(slots=True)
class People:
    """Who is there."""

    customers: list[Actor]
    fair: list[Actor]
    busy: list[Actor]
    teams: dict[str, UUID]


def people(stage: Stage) -> People:
    """Two teams, a few customers, short promises. Call it inside the core's context."""
    make = Make()
    make.admin("Boss", "boss@example.org")
    make.skill(SKILL)
    teams = {name: make.team(name) for name in (FAIR, BUSY)}
    fair = [make.agent(team=teams[FAIR], capacity=5000) for _ in range(4)]
    busy = [
        # They are full soon, and get room when something is closed.
        make.agent(team=teams[BUSY], capacity=12, skills=[SKILL]),
        make.agent(team=teams[BUSY], capacity=8),
        make.agent(team=teams[BUSY], capacity=4),
        make.agent(team=teams[BUSY], capacity=5000, availability="AWAY", skills=[SKILL]),
    ]
    customers = [make.customer() for _ in range(20)]
    accounts.create_account(SYSTEM, "carla@example.org", "Carla", Role.CUSTOMER, PASSWORD)
    with stage.sql() as connection:
        connection.execute(SHORT_TARGETS)
        connection.execute(WATCH_CAPACITY)
        connection.execute(
            "UPDATE settings SET feedback_delay_s = 1, feedback_throttle_days = 0, reply_delay_s = 1"
        )
    return People(customers, fair, busy, teams)


@dataclass(slots=True)
class Done:
    """What was said to have worked: it must be there at the end."""

    opened: set[UUID] = field(default_factory=set)
    #: The titles of tickets that a page said were taken.
    asked: set[str] = field(default_factory=set)
    #: The words of each reply that was accepted.
    replied: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    #: What a fault cut short, or a rule refused because somebody was faster.
    interrupted: Counter[str] = field(default_factory=Counter)
    #: The seconds until each page was there.
    pages: list[float] = field(default_factory=list)


class Load:
    """Threads that work until they are asked to stop."""

    def __init__(self, stage: Stage, core: Flask, people: People, seed: int) -> None:
        self.stage, self.core, self.people, self.seed = stage, core, people, seed
        self.done = Done()
        self.crashes: list[BaseException] = []
        self._stopping = threading.Event()
        works = [self._serve, self._serve, self._browse]
        self._threads = [
            threading.Thread(target=self._run, args=(work, n)) for n, work in enumerate(works)
        ]

    def start(self) -> None:
        """Let people begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them finish what they are doing."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)

    def _run(self, work, number: int) -> None:
        try:
            work(Random(self.seed * 100 + number), number)
        except BaseException as crash:
            self.crashes.append(crash)

    # ---- through services

    def _serve(self, random: Random, number: int) -> None:
        acts = [self._open] * 6 + [self._reply] * 3 + [self._close] * 2 + [self._say] * 2
        count = 0
        with self.core.app_context():
            while not self._stopping.wait(random.uniform(0.05, 0.25)):
                count += 1
                act = random.choice(acts)
                try:
                    act(random, f"{number}-{count}")
                except EmberOneError as error:
                    # Whatever dies, a service says so in our own words: any other error ends
                    # the thread, and with it the run.
                    self.done.interrupted[type(error).__name__] += 1
                finally:
                    end_reading()
            db.session.remove()

    def _open(self, random: Random, words: str) -> None:
        customer = random.choice(self.people.customers)
        team = random.choice([FAIR, BUSY])
        tags = [SKILL] if team == BUSY and random.random() < 0.3 else []
        ticket = tickets.open_ticket(
            SYSTEM,
            customer.profile_id,
            f"Printer {words}",
            "It burns.",
            priority=random.choice(list(Priority)),
            team_id=self.people.teams[team],
            tags=tags,
        )
        self.done.opened.add(ticket)

    def _reply(self, random: Random, words: str) -> None:
        ticket, agent = self._mine(random)
        if ticket is not None:
            event = random.choice([Event.STAFF_REPLY, Event.STAFF_REPLY_AND_WAIT])
            drafts.send_reply(agent, ticket, f"Reply {words}", event)
            self.done.replied.add(f"Reply {words}")

    def _close(self, random: Random, words: str) -> None:
        ticket, agent = self._mine(random)
        if ticket is not None:
            drafts.send_reply(agent, ticket, f"Reply {words}", Event.STAFF_REPLY_AND_CLOSE)
            self.done.replied.add(f"Reply {words}")

    def _say(self, random: Random, words: str) -> None:
        found = self._one(
            "SELECT id, customer_id FROM tickets WHERE status <> 'CLOSED'"
            " ORDER BY hashtext(id::text || :words) LIMIT 1",
            words,
        )
        if found is not None:
            customer = Actor(found.customer_id, Role.CUSTOMER)
            comments.comment_as_customer(customer, found.id, f"More {words}")
            self.done.said.add(f"More {words}")

    def _mine(self, random: Random) -> tuple[UUID | None, Actor]:
        """A ticket of the busy team with the agent who has it."""
        found = self._one(
            "SELECT id, assigned_agent_id FROM tickets WHERE status <> 'CLOSED'"
            " AND team_id = (SELECT id FROM teams WHERE name = 'Busy')"
            " AND assigned_agent_id IS NOT NULL ORDER BY hashtext(id::text || :words) LIMIT 1",
            str(random.random()),
        )
        if found is None:
            return None, SYSTEM
        return found.id, Actor(found.assigned_agent_id, Role.AGENT)

    def _one(self, statement: str, words: str):
        with reading(SYSTEM) as session:
            return session.execute(text(statement), {"words": words}).first()

    # ---- over HTTP

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.done.pages.append(time.monotonic() - began)

    def _browse(self, random: Random, number: int) -> None:
        carla, count = Browser(f"http://127.0.0.1:{self.stage.port}"), 0
        is_in = False
        while not self._stopping.wait(random.uniform(0.1, 0.4)):
            count += 1
            try:
                if not is_in:
                    carla.get("/login").submit(
                        "Sign in", email="carla@example.org", password=PASSWORD
                    )
                    is_in = carla.status == 200 and "/login" not in carla.url
                    continue
                with self._timed():
                    carla.get("/portal/new/")
                if carla.status != 200:
                    raise ConnectionError(carla.status)
                words = {"title": f"Coffee {number}-{count}", "description": "There is none."}
                with self._timed():
                    carla.submit("Send", **words)
                if carla.status == 200 and re.search(r"/portal/\d+/", carla.url):
                    self.done.asked.add(f"Coffee {number}-{count}")
            except (OSError, urllib.error.URLError, AssertionError, ConnectionError) as error:
                self.done.interrupted[f"HTTP {type(error).__name__}"] += 1
                is_in = is_in and not isinstance(error, AssertionError)
