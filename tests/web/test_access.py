"""Route × role × own and foreign row, over every route that the application has."""

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from werkzeug.routing import Rule

from emberone import policy
from emberone.db import transaction
from emberone.domain.actor import SYSTEM, Actor
from emberone.domain.enums import Role
from emberone.models import Comment, Profile, Ticket
from emberone.services.macros import MacroValues, make_macro
from emberone.web.access import ENDPOINTS, PUBLIC, SIGNED_IN

ROLES = [None, Role.CUSTOMER, Role.AGENT, Role.ADMIN]

#: The roles each folder of addresses is for, written down a second time.
FOLDERS = {
    "/admin/": {Role.AGENT, Role.ADMIN},
    "/portal/": {Role.CUSTOMER},
}

#: What anyone may ask for, written down a second time.
OPEN_TO_EVERYONE = {
    "start.index",
    "security.login",
    "security.logout",
    "security.register",
    "security.send_confirmation",
    "security.forgot_password",
    "security.confirm_email",
    "security.reset_password",
    "account.letter_sent",
    "theme.asset",
    "health.alive",
    "health.ready",
    "metrics.metrics",
    "feedback.page",
    "feedback.submit",
    "feedback.unsubscribe_page",
    "feedback.unsubscribe_now",
}

#: What agents may not even ask for, written down a second time.
ADMINS_ONLY = {
    "agent.edit_view",
    "calendar.create_view",
    "calendar.delete_view",
    "calendar.edit_view",
    "calendar.preview",
    "calendar.put_aside",
    "calendar.take_up",
    "comment.delete_view",
    "job.discard",
    "job.index_view",
    "job.retry",
    "letter.forgive",
    "letter.retry",
    "letter.retry_all",
    "letter.suppressed",
    "profile.activate",
    "profile.deactivate",
    "profile.delete_view",
    "profile.edit_view",
    "profile.letters",
    "profile.password",
    "setting.history",
    "setting.index_view",
    "sla.create_view",
    "sla.edit_view",
    "sla.make_default",
    "sla.preview",
    "sla.team",
    "tag.skill",
    "team.create_view",
    "team.delete_view",
    "team.edit_view",
    "ticket.delete_view",
    "ticket.export",
}

#: Signing out ends the walk; readiness is about the installation.
NOT_WALKED = {"security.logout", "account.sign_out_everywhere", "health.ready"}


def rules(app) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=str)


def may_enter(role: Role | None, endpoint: str) -> bool:
    permission = ENDPOINTS[endpoint]
    if permission == PUBLIC:
        return True
    if role is None:
        return False
    return permission == SIGNED_IN or role in policy.TABLE[permission]


def walked(app) -> Iterator[tuple[str, str, Rule]]:
    """Method, address and rule of every route; what an address names does not exist."""
    adapter = app.url_map.bind("localhost")
    for rule in rules(app):
        if rule.endpoint in NOT_WALKED:
            continue
        values = {name: _value(rule, name) for name in rule.arguments}
        address = adapter.build(rule.endpoint, values)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield method, address, rule


def _value(rule: Rule, name: str) -> object:
    converter = type(rule._converters[name]).__name__
    return {"UUIDConverter": UUID(int=0), "IntegerConverter": 1}.get(converter, "nothing")


def test_the_table_names_every_endpoint_and_no_other(web):
    assert set(ENDPOINTS) == {rule.endpoint for rule in rules(web)}


def test_the_table_asks_for_permissions_that_exist():
    assert set(ENDPOINTS.values()) - {PUBLIC, SIGNED_IN} <= set(policy.TABLE)


def test_only_what_is_written_down_here_is_open_to_everyone(web):
    assert {name for name, permission in ENDPOINTS.items() if permission == PUBLIC} <= (
        OPEN_TO_EVERYONE
    )


def test_what_is_for_admins_only_is_what_is_written_down_here():
    for_admins = {name for name in ENDPOINTS if may_enter(Role.ADMIN, name)}
    assert {name for name in for_admins if not may_enter(Role.AGENT, name)} == ADMINS_ONLY


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_closed_to_the_roles_it_is_not_for(web, folder):
    leaks = [
        (str(rule), role)
        for rule in rules(web)
        if str(rule).startswith(folder)
        for role in ROLES
        if role not in FOLDERS[folder] and may_enter(role, rule.endpoint)
    ]
    assert leaks == []


def test_an_endpoint_that_nobody_listed_is_refused_even_to_an_admin(web, make, client_of):
    admin = client_of(make.admin())
    forgotten = "start.index"
    rest = {name: value for name, value in ENDPOINTS.items() if name != forgotten}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emberone.web.access.ENDPOINTS", rest)
        assert admin.get("/").status_code == 403


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "anonymous")
def test_every_route_lets_in_the_roles_of_the_table_and_no_other(
    web, make, browser, client_of, role
):
    client = browser if role is None else client_of(make.person(role))
    wrong = []
    for method, address, rule in walked(web):
        answer = client.open(
            address, method=method, headers={"X-CSRFToken": client.token()}, buffered=True
        )
        if may_enter(role, rule.endpoint):
            is_right = answer.status_code not in {401, 403} and answer.status_code < 500
        elif role is None and method == "GET":
            is_right = answer.status_code == 302 and answer.location.startswith("/login?next=")
        else:
            is_right = answer.status_code == (401 if role is None else 403)
        if not is_right:
            wrong.append((method, address, answer.status_code))
    assert wrong == []


class Rows:
    """One of everything: a person's own, or another's of the same role."""

    def __init__(self, make, person: Actor) -> None:
        is_customer = person.is_customer
        customer = person if is_customer else make.customer()
        ticket_id = make.ticket(
            customer, assigned_agent_id=person.profile_id if person.role is Role.AGENT else None
        )
        with transaction(SYSTEM) as session:
            comment = Comment(ticket_id=ticket_id, author_id=person.profile_id, content="Hello.")
            session.add(comment)
            session.flush()
            self.number = session.get_one(Ticket, ticket_id).number
        #: By the first part of an endpoint's name.
        self.ids = {
            "ticket": ticket_id,
            "comment": comment.id,
            "profile": person.profile_id,
            "agent": person.profile_id,
        }
        if not is_customer:
            self.ids["macro"] = make_macro(person, MacroValues("Own", "Hello."))

    def ask(self, client, method, rule: Rule, **form):
        """Ask the route for this row, by every way in which a route names one."""
        values = {name: self._value(rule, name) for name in rule.arguments}
        address = client.application.url_map.bind("localhost").build(rule.endpoint, values)
        row = {"id": self.ids.get(rule.endpoint.partition(".")[0], uuid4())}
        return client.open(
            address,
            method=method,
            query_string=row,
            data={**row, **form} if method == "POST" else None,
            headers={"X-CSRFToken": client.token()},
            buffered=True,
        )

    def _value(self, rule: Rule, name: str) -> object:
        named = {"number": self.number, "comment_id": self.ids["comment"]}
        return named.get(name) or _value(rule, name)


def everything(owner) -> list:
    return [
        owner.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        for table in (
            "tickets",
            "comments",
            "profiles",
            "agents",
            "teams",
            "users",
            "macros",
            "history",
        )
    ]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "anonymous")
def test_a_refused_request_changes_nothing_on_ones_own_row_or_anothers(
    web, make, browser, client_of, owner, role
):
    person = make.person(role or Role.CUSTOMER)
    rows = [Rows(make, person), Rows(make, make.person(role or Role.CUSTOMER))]
    client = client_of(person) if role else browser
    before = everything(owner)
    for method, address, rule in walked(web):
        if may_enter(role, rule.endpoint):
            continue
        wanted = 403 if role else 302 if method == "GET" else 401
        answers = [row.ask(client, method, rule) for row in rows]
        assert [answer.status_code for answer in answers] == [wanted, wanted], (method, address)
        # Without what is new in every page: the nonce, and the token's time.
        pages = {re.sub(r'(nonce|value)="[^"]*"', "", answer.text) for answer in answers}
        assert role is None or len(pages) == 1, f"{address} tells one row from another"
    assert everything(owner) == before


#: Endpoint, method, form → role → the answers for one's own row and for another's.
ROW_BY_ROW = {
    ("ticket.page", "GET"): {Role.AGENT: (200, 200), Role.ADMIN: (200, 200)},
    ("comment.edit_view", "GET"): {Role.AGENT: (200, 403), Role.ADMIN: (200, 200)},
    # One's own is nobody else's to see, an admin's neither.
    ("macro.details_view", "GET"): {Role.AGENT: (200, 404), Role.ADMIN: (200, 404)},
    ("macro.edit_view", "GET"): {Role.AGENT: (200, 404), Role.ADMIN: (200, 404)},
    ("macro.delete_view", "POST"): {Role.AGENT: (303, 404), Role.ADMIN: (303, 404)},
    ("profile.details_view", "GET"): {Role.AGENT: (200, 200), Role.ADMIN: (200, 200)},
    ("agent.availability", "POST"): {Role.AGENT: (303, 403)},
    ("portal.ticket", "GET"): {Role.CUSTOMER: (200, 404)},
    ("portal.changes", "GET"): {Role.CUSTOMER: (200, 404)},
    ("portal.comment", "POST"): {Role.CUSTOMER: (303, 404)},
    ("portal.comment_edit", "GET"): {Role.CUSTOMER: (200, 404)},
    ("portal.comment_edit", "POST"): {Role.CUSTOMER: (303, 404)},
    ("portal.close", "POST"): {Role.CUSTOMER: (303, 404)},
    ("portal.reopen", "POST"): {Role.CUSTOMER: (303, 404)},
    # The ticket is open: nothing to rate yet.
    ("portal.rate", "POST"): {Role.CUSTOMER: (403, 404)},
    ("portal.edit", "GET"): {Role.CUSTOMER: (200, 404)},
    # Sent without what a form of ours carries: both versions are shown.
    ("portal.edit", "POST"): {Role.CUSTOMER: (409, 404)},
}


#: What the forms of these routes carry, as far as they must.
FORM = {"availability": "AWAY", "text": "Hi.", "version": 1, "rating": 5}


@pytest.mark.parametrize(
    ("endpoint", "method", "role"),
    [(*route, role) for route, roles in ROW_BY_ROW.items() for role in roles],
)
def test_whose_row_it_is_counts(web, make, client_of, endpoint, method, role):
    person = make.person(role)
    client = client_of(person)
    (rule,) = [rule for rule in rules(web) if rule.endpoint == endpoint]
    answers = tuple(
        rows.ask(client, method, rule, **FORM).status_code
        for rows in (Rows(make, person), Rows(make, make.person(role)))
    )
    assert answers == ROW_BY_ROW[endpoint, method][role]


def test_a_route_of_the_portal_that_names_a_row_is_among_those_tried_row_by_row(web):
    """To a customer, another's ticket and one that does not exist are the same 404."""
    naming = {
        (rule.endpoint, method)
        for rule in rules(web)
        if rule.endpoint.startswith("portal.") and rule.arguments
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert naming <= set(ROW_BY_ROW)
    assert all(ROW_BY_ROW[route][Role.CUSTOMER][1] == 404 for route in naming)


def test_the_portal_lists_ones_own_tickets_and_no_other(web, make, client_of):
    mine, theirs = make.customer(), make.customer()
    make.ticket(mine, title="My own printer")
    make.ticket(theirs, title="Somebody else's printer")
    page = client_of(mine).get("/portal/").get_data(as_text=True)
    assert "My own printer" in page
    assert "Somebody else" not in page


def test_a_role_that_is_taken_away_is_gone_at_the_next_request(web, make, client_of):
    agent = make.agent()
    client = client_of(agent)
    assert client.get("/").location == "/admin/"
    _become(agent, Role.CUSTOMER)
    assert client.get("/").location == "/portal/"
    assert client.get("/portal/").status_code == 200


def test_whoever_has_no_profile_any_more_is_nobody(web, make, client_of, owner):
    customer = make.customer()
    client = client_of(customer)
    owner.execute("DELETE FROM profiles WHERE id = %s", [customer.profile_id])
    assert client.get("/portal/").location.startswith("/login")


def test_an_anonymous_script_gets_a_status_and_no_redirect(web, browser):
    answer = browser.get("/portal/", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "SignInNeeded"
    browser.sends_token = False
    assert browser.post("/portal/").status_code == 405


def _become(actor: Actor, role: Role) -> None:
    with transaction(SYSTEM) as session:
        session.get_one(Profile, actor.profile_id).role = role
