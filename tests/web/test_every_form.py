"""Every form that takes anything, found in the pages themselves: nothing typed into one breaks it.

A form that is new is typed into without a word here; a route that takes forms and has none
in any page fails.
"""

import random
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from emberone.db import now_of, reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.attachments import Upload
from emberone.domain.enums import DraftKind, Metric, Priority, Role, StepAction
from emberone.domain.lifecycle import Event
from emberone.domain.promises import PlannedAlert, Promises
from emberone.models import Comment, Team, Ticket
from emberone.services import comments, drafts, tickets
from emberone.services.absences import plan_absence
from emberone.services.attachments import attach
from emberone.services.calendars import create_calendar, put_aside
from emberone.services.due_times import promise_due
from emberone.services.macros import MacroValues, make_macro
from emberone.services.profiles import set_active
from emberone.services.sla_policies import create_policy
from emberone.services.snoozing import snooze_ticket
from tests.everything import EVERYTHING
from tests.hostile import TEXTS, judged
from tests.web.forms import Form, again, every_form
from tests.web.invited import Invited
from tests.web.test_access import rules
from tests.web.test_errors import LEAKS
from tests.web.test_register import letters, link_in

#: They end the session, or take away what others are about: tried last, in this order.
LAST = ("delete", "deactivate", "password", "sign_out", "logout")

#: So many texts in each field. All of them in all fields take minutes, which one of the two
#: runs of `.ci/run` has; each seed is another part.
EACH, SEED = len(TEXTS) if EVERYTHING else 1, 20261128


#: What no page here has a form for, since its scripts send it, and with which fields.
BY_SCRIPT = {
    "ticket.draft": ("text", "kind", "verb"),
    "ticket.seen": ("activity", "away"),
    "macro.preview": ("content",),
    "calendar.preview": (
        "zone",
        "day-monday",
        "dates-0-date",
        "dates-0-until",
        "dates-0-name",
        "dates-0-hours",
    ),
    "sla.preview": (
        "at",
        "calendar-HIGH",
        "target-RESOLUTION-HIGH",
        "unit-RESOLUTION-HIGH",
        "steps-0-amount",
        "steps-0-when",
        "steps-0-metric",
        "steps-0-priority",
        "steps-0-action",
        "steps-0-person",
    ),
    # A button with nothing to type, in the panel of an installation that has the demo in it.
    "admin.dismiss_demo": (),
}


class Scene:
    """One of everything that a page has a form about."""

    def __init__(self, make, client_of, owner, web, set_setting, settings) -> None:
        self.web = web
        invited = Invited(make, set_setting)
        self.persons = {
            Role.ADMIN: make.admin("Ada", email="ada@example.org"),
            Role.AGENT: invited.agent,
            Role.CUSTOMER: invited.customer,
        }
        other = make.customer(email="other@example.org")
        tickets.open_ticket(invited.customer, invited.customer.profile_id, "Open", "Text")
        self.open = self._newest()
        comments.comment_as_customer(invited.customer, self.open[0], "Well?")
        comments.reply(invited.agent, self.open[0], "Soon.", Event.STAFF_REPLY)
        with transaction(SYSTEM) as session:
            session.add(Team(name="Second line"))
        make.skill("vpn")
        owner.execute("UPDATE tickets SET tags = '{vpn}'")
        owner.execute(
            "UPDATE mail_outbox SET state = 'dead', last_error = 'no such host'"
            " WHERE letter <> 'feedback_request'"
        )
        owner.execute(
            "INSERT INTO suppressed_addresses (email, reason) VALUES ('a@b.example', 'x')"
        )
        self._write(owner, set_setting)
        self.clients = {role: client_of(person) for role, person in self.persons.items()}
        client_of(other)
        tickets.open_ticket(other, other.profile_id, "Nobody's", "Text")
        thanked = tickets.open_ticket(other, other.profile_id, "Solved", "Text")
        comments.reply(invited.agent, thanked, "Done.", Event.STAFF_REPLY_AND_CLOSE)
        comments.comment_as_customer(other, thanked, "Thank you!")
        set_active(self.persons[Role.ADMIN], self._left(make, client_of), False)
        self.clients[None] = nobody = web.test_client()
        nobody.get("/reset")
        nobody.post("/reset", data={"email": "other@example.org"})
        new = {"full_name": "New", "email": "new@example.org", "password": "a long good one"}
        nobody.post("/register", data=new)
        kinds = {"reset", "confirm"}
        self.links = [link_in(one, settings) for one in letters() if one.letter in kinds]
        self.invited_path = invited.path

    def _write(self, owner: Any, set_setting: Any) -> None:
        """Replies on their way and held, a text with a file in the making, a ticket put aside, an absence."""
        agent, admin = self.persons[Role.AGENT], self.persons[Role.ADMIN]
        make_macro(admin, MacroValues("Hello", "Hello {{customer.name}}", is_shared=True))
        late = {(Metric.RESOLUTION, Priority.LOW): 3600}
        create_policy(
            admin, "Another", Promises(late, (PlannedAlert(Decimal(75), (StepAction.COMMENT,)),))
        )
        for name in ("Fair", "Season"):
            calendar_id = create_calendar(
                admin, name, "UTC", {"week": {"monday": [["09:00", "17:00"]]}}
            )
        put_aside(admin, calendar_id)
        set_setting(reply_delay_s=60)
        for person in (agent, admin):
            drafts.send_reply(person, self.open[0], "It was held.", Event.STAFF_REPLY)
        owner.execute("UPDATE drafts SET state = 'held', publish_after = NULL, last_error = 'x'")
        for person in (agent, admin):
            drafts.send_reply(person, self.open[0], "On its way.", Event.STAFF_REPLY)
            draft_id = drafts.save_draft(person, self.open[0], DraftKind.REPLY, "In the making")
            with transaction(person) as session:
                attach(session, [Upload("a.txt", b"a")], ticket_id=self.open[0], draft_id=draft_id)
                until = now_of(session) + timedelta(days=1)
        snooze_ticket(agent, self.open[0], until)
        promise_due(agent, self.open[0], Metric.RESOLUTION, until)
        plan_absence(agent, agent.profile_id, until, until + timedelta(days=1))

    def _left(self, make: Any, client_of: Any) -> Any:
        """An agent who is about to leave."""
        left = make.agent("Left", email="left@example.org")
        client_of(left)
        return left.profile_id

    def _newest(self) -> Any:
        with reading(SYSTEM) as session:
            row = session.execute(select(Ticket.id, Ticket.number).order_by(Ticket.number.desc()))
            return tuple(row.first())

    def addresses(self, role: Role | None) -> Iterator[str]:
        """Every page there is, about every row there is one of."""
        ids = self._ids()
        adapter = self.web.url_map.bind("localhost")
        for rule in rules(self.web):
            if "GET" not in rule.methods or rule.endpoint in {"health.ready", "metrics.metrics"}:
                continue
            if rule.endpoint in {"ticket.export", "theme.asset"} or "token" in rule.arguments:
                continue
            numbers = self.numbers if "number" in rule.arguments else [0]
            for number in numbers:
                values: dict[str, Any] = {"number": number}
                values = {
                    name: values.get(name, self._value(rule, name, ids)) for name in rule.arguments
                }
                address = adapter.build(rule.endpoint, values)
                for row in ids.get(rule.endpoint.partition(".")[0], [None]):
                    yield f"{address}?id={row}" if row else address
        if role is Role.ADMIN:
            yield "/admin/letter/?state=dead"
            yield f"/admin/ticket/{self.open[1]}/?tab=limits"
        if role is None:
            yield from [*self.links, self.invited_path, f"{self.invited_path}/unsubscribe"]

    @property
    def numbers(self) -> list[int]:
        with reading(SYSTEM) as session:
            return list(session.scalars(select(Ticket.number).order_by(Ticket.number)))

    def _value(self, rule: Any, name: str, ids: Any) -> Any:
        if name == "comment_id":
            with reading(SYSTEM) as session:
                who = self.persons[Role.CUSTOMER].profile_id
                return session.scalar(select(Comment.id).where(Comment.author_id == who))
        return {"letter": "reset"}.get(name, "00000000-0000-0000-0000-000000000000")

    def _ids(self) -> dict[str, list[Any]]:
        tables = {
            "comment": "comments", "profile": "profiles", "team": "teams", "letter": "mail_outbox",
            "macro": "macros", "sla": "sla_policies", "calendar": "calendars",
        }  # fmt: skip
        with reading(SYSTEM) as session:
            found = {
                kind: list(session.scalars(text(f"SELECT id FROM {table} ORDER BY id LIMIT 9")))
                for kind, table in tables.items()
            }
        return {**found, "agent": [self.persons[Role.AGENT].profile_id]}

    def forms(self, role: Role | None) -> dict[str, Form]:
        found = every_form(self.web, self.clients[role], self.addresses(role))
        return dict(sorted(found.items(), key=lambda item: _last(item[0])))


def _last(endpoint: str) -> int:
    return max((place + 1 for place, word in enumerate(LAST) if word in endpoint), default=0)


@pytest.fixture
def scene(make, client_of, owner, web, set_setting, settings):
    return Scene(make, client_of, owner, web, set_setting, settings)


def typings(form: Form) -> Iterator[tuple[str, str]]:
    """Field by field, texts that it may not have thought of; the seed says which of them."""
    choice = random.Random(f"{SEED} {form.endpoint}")
    # Of rows and tables whose fields differ by a number or a word of ours alone, one.
    shapes: dict[str, list[str]] = {}
    for name in sorted(form.names - {"csrf_token"} - form.files):
        shapes.setdefault(re.sub(r"-[0-9A-Z_]+", "-*", name), []).append(name)
    for names in shapes.values():
        name = choice.choice(names)
        for kind in choice.sample(sorted(TEXTS), min(EACH, len(TEXTS))):
            yield name, kind


def assert_harmless(answer: Any, about: Any) -> None:
    assert answer.status_code < 500, (about, answer.status_code, answer.text[-3000:])
    assert judged(answer.text).complaints == [], about
    if answer.status_code >= 400:
        assert not LEAKS.search(answer.text), about
    for name, value in answer.headers:
        assert "evil" not in name.lower(), about
        assert "\n" not in value, about
        if name == "Location":
            assert value.startswith("/"), (about, value)
            assert not value.startswith("//"), (about, value)


def test_nothing_typed_into_any_field_of_any_form_breaks_it(scene, web):
    forms = {role: scene.forms(role) for role in (None, Role.CUSTOMER, Role.AGENT, Role.ADMIN)}
    taking = {rule.endpoint for rule in rules(web) if "POST" in rule.methods}
    assert taking - {endpoint for found in forms.values() for endpoint in found} == set(BY_SCRIPT)
    number = scene.open[1]
    for endpoint, names in BY_SCRIPT.items():
        values = {"number": number} if endpoint.startswith("ticket.") else {}
        address = web.url_map.bind("localhost").build(endpoint, values)
        form = Form(address, address, "post", endpoint, names=set(names), typed=set(names))
        forms[Role.ADMIN] = {endpoint: form, **forms[Role.ADMIN]}
    for role, found in forms.items():
        for endpoint, form in found.items():
            # Panel forms that an admin has too are judged once.
            if role is not Role.AGENT or endpoint not in forms[Role.ADMIN]:
                type_into(web, scene.clients[role], form)


def type_into(web: Any, client: Any, form: Form) -> None:
    for name, kind in typings(form):
        web.extensions["emberone.limiter"].reset()
        answer = form.send(client, **{name: TEXTS[kind]})
        assert_harmless(answer, (form.endpoint, name, kind))
        if answer.status_code in {302, 303, 409}:
            form = again(web, client, form)
