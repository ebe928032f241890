"""Every door that Flask-Admin leaves open (`panel.md`, first table) is closed here."""

import uuid

import pytest
from flask_admin.model import BaseModelView

from emberone.domain.enums import Role, Status
from emberone.domain.errors import NotAllowed, NotFound
from emberone.models import Ticket
from emberone.policy import may_ever
from emberone.web.access import ENDPOINTS
from emberone.web.admin.base import Guarded, PanelView
from tests.web.admin.conftest import look, rows

VIEWS = (
    "ticket",
    "comment",
    "history",
    "rating",
    "profile",
    "agent",
    "team",
    "tag",
    "letter",
    "job",
    "setting",
)


@pytest.fixture
def panel(web):
    return web.extensions["admin"][0]


# ------------------------------------------------------------------ the walk over all views


def test_every_view_is_derived_from_the_guarded_base(panel):
    for view in panel._views:
        assert isinstance(view, Guarded), view
        assert isinstance(view, PanelView) or view is panel.index_view


def test_every_panel_route_belongs_to_a_guarded_view_and_to_the_table(web, panel):
    views = {view.endpoint: view for view in panel._views}
    for rule in web.url_map.iter_rules():
        if rule.rule.startswith("/admin"):
            blueprint, function = rule.endpoint.split(".")
            assert rule.endpoint in ENDPOINTS, rule
            assert hasattr(views[blueprint], function), rule


def test_every_page_that_a_view_exposes_is_in_the_table(panel):
    for view in panel._views:
        exposed = {f"{view.endpoint}.{function}" for _, function, _ in type(view)._urls}
        assert exposed <= set(ENDPOINTS), exposed - set(ENDPOINTS)


def test_a_page_that_is_not_in_the_table_is_not_registered(web):
    from flask_admin import expose

    class Leaky(PanelView):
        @expose("/")
        def index_view(self):
            return "open"

    blueprint = Leaky(Ticket, "Leaky", endpoint="leaky").create_blueprint(
        web.extensions["admin"][0]
    )
    assert blueprint.deferred_functions == []


def test_flask_admins_own_reading_and_writing_is_closed(panel):
    names = (
        "get_query", "get_count_query", "get_list", "get_one", "create_model", "update_model",
        "delete_model", "action_view", "ajax_update", "action_delete", "handle_action",
    )  # fmt: skip
    for view in panel._views[1:]:
        for name in names:
            with pytest.raises(NotFound):
                getattr(view, name)(uuid.uuid4())


def test_no_view_has_a_form_filter_or_column_made_at_start(panel):
    for view in panel._views:
        if isinstance(view, PanelView):
            assert view._list_columns == []
            assert not view._filters
            assert list(view._create_form_class()) == []
            assert list(view._edit_form_class()) == []
            assert not view._search_supported


def test_a_flag_of_flask_admin_opens_nothing(as_agent, panel, make, monkeypatch):
    for flag in ("can_create", "can_edit", "can_delete", "can_export", "can_view_details"):
        monkeypatch.setattr(PanelView, flag, True)
    monkeypatch.setattr(PanelView, "column_editable_list", ["status"])
    ticket = make.ticket()
    assert as_agent.get(f"/admin/ticket/edit/?id={ticket}").status_code == 404
    assert as_agent.post("/admin/ticket/delete/", data={"id": str(ticket)}).status_code == 404
    assert look(ticket).status is Status.OPEN


# --------------------------------------------- edit, details, delete; rows outside the scope


def test_a_customer_gets_403_or_404_and_no_redirect(as_customer):
    assert as_customer.get("/admin/").status_code == 403
    for view in VIEWS:
        assert as_customer.get(f"/admin/{view}/").status_code == 403
        for page in ("new/", "edit/?id=1", "details/?id=1", "export/csv/", "1001/"):
            assert as_customer.get(f"/admin/{view}/{page}").status_code in {403, 404}


def test_a_customer_is_refused_even_for_their_own_ticket(as_customer, customer, make):
    ticket = look(make.ticket(customer))
    for path in (f"{ticket.number}/", f"details/?id={ticket.id}"):
        assert as_customer.get(f"/admin/ticket/{path}").status_code == 403
    for verb in ("respond", "close", "change", "delete", "take"):
        answer = as_customer.post(f"/admin/ticket/{ticket.number}/{verb}/", data={"text": "x"})
        assert answer.status_code == 403
    assert look(ticket.id).status is Status.OPEN
    assert rows("SELECT 1 FROM comments") == []


def test_get_one_respects_who_may_see(web, make, customer):
    """The row comes from a query in the person's own scope."""
    from emberone.db import reading
    from emberone.queries import tickets

    theirs = look(make.ticket(make.customer()))
    with reading(customer) as session:
        assert tickets.number_of(session, customer, theirs.id) is None
        assert tickets.id_of(session, customer, theirs.number) is None


def test_an_agent_cannot_delete(as_agent, make, customer):
    ticket = look(make.ticket(customer))
    assert as_agent.post(f"/admin/ticket/{ticket.number}/delete/").status_code == 403
    person = {"id": str(customer.profile_id)}
    assert as_agent.post("/admin/profile/delete/", data=person).status_code == 403
    assert look(ticket.id)


# ---------------------------------------------------------------------------- /ajax/update/


def test_inline_edit_is_gone(as_admin, make):
    ticket = make.ticket()
    form = {"list_form_pk": str(ticket), "status": "CLOSED"}
    for view in VIEWS:
        assert as_admin.post(f"/admin/{view}/ajax/update/", data=form).status_code == 404
    assert look(ticket).status is Status.OPEN


# ---------------------------------------------------------------------------- /ajax/lookup/


def test_a_lookup_is_capped_whatever_limit_is_asked_for(as_agent, make):
    for _ in range(25):
        make.customer()
    address = "/admin/ticket/ajax/lookup/?name=customer&query=&limit=100000&offset=0"
    assert len(as_agent.get(address).json) == 20


def test_percent_is_no_wildcard_in_a_lookup(as_agent, make):
    make.customer("Percy 100% Sure")
    make.customer("Under_score")
    address = "/admin/ticket/ajax/lookup/?name=customer&query="
    assert len(as_agent.get(address + "%25").json) == 1
    assert len(as_agent.get(address + "_").json) == 1
    assert as_agent.get(address + "%25%25").json == []


def test_a_lookup_offers_only_whom_its_name_says(as_agent, make, agent, admin, customer):
    found = as_agent.get("/admin/ticket/ajax/lookup/?name=agent&query=a").json
    assert [row[0] for row in found] == [str(agent.profile_id)]
    found = as_agent.get("/admin/ticket/ajax/lookup/?name=customer&query=").json
    assert [row[0] for row in found] == [str(customer.profile_id)]


def test_an_unknown_lookup_is_a_clear_400(as_agent):
    for query in ("name=password", "", "name=", "name=customer&query=" + "x" * 101):
        assert as_agent.get(f"/admin/ticket/ajax/lookup/?{query}").status_code == 400


def test_a_customer_cannot_look_people_up(as_customer):
    assert as_customer.get("/admin/ticket/ajax/lookup/?name=customer").status_code == 403


# ------------------------------------------------------------------ a foreign key on POST


@pytest.mark.parametrize("who", ["admin", "customer", "nobody"])
def test_only_an_agent_is_accepted_as_agent(as_agent, admin, customer, make, who):
    ticket = look(make.ticket(customer))
    wanted = {
        "admin": admin.profile_id, "customer": customer.profile_id, "nobody": uuid.uuid4()
    }[who]  # fmt: skip
    form = {
        "version": ticket.version, "title": ticket.title, "description": ticket.description,
        "priority": "MEDIUM", "agent": str(wanted), "team": "", "tags": "",
    }  # fmt: skip
    answer = as_agent.post(f"/admin/ticket/{ticket.number}/change/", data=form)
    assert answer.status_code == 422
    assert "Tickets are assigned to active agents." in answer.get_data(as_text=True)
    assert look(ticket.id).assigned_agent_id is None


def test_only_a_customer_is_accepted_as_customer(as_agent, admin):
    form = {"customer": str(admin.profile_id), "title": "x", "description": "y"}
    assert as_agent.post("/admin/ticket/new/", data=form).status_code == 422
    assert rows("SELECT 1 FROM tickets") == []


# --------------------------------------------------------------------------- custom actions


def test_actions_are_gone(as_admin, make):
    ticket = make.ticket()
    form = {"action": "delete", "rowid": str(ticket)}
    for view in VIEWS:
        assert as_admin.post(f"/admin/{view}/action/", data=form).status_code == 404
    assert look(ticket)


# ------------------------------------------------------------------------------------- CSRF


def test_every_post_of_the_panel_needs_a_token(web, as_admin):
    as_admin.sends_token = False
    for rule in web.url_map.iter_rules():
        if rule.rule.startswith("/admin") and "POST" in rule.methods:
            address = rule.rule.replace("<int:number>", "1001")
            answer = as_admin.post(address, data={})
            assert answer.status_code == 400, rule
            assert "open for too long" in answer.get_data(as_text=True), rule


# ----------------------------------------------------------------------------------- denial


def test_denial_is_403_and_no_redirect(as_agent, web):
    for rule in web.url_map.iter_rules():
        if not rule.rule.startswith("/admin"):
            continue
        if not may_ever_agent(rule.endpoint):
            address = rule.rule.replace("<int:number>", "1001").replace("<export_type>", "csv")
            method = "POST" if "POST" in rule.methods and "GET" not in rule.methods else "GET"
            assert as_agent.open(address, method=method).status_code in {400, 403}, rule
            if method == "GET":
                assert as_agent.get(address).status_code == 403, rule


def may_ever_agent(endpoint):
    from emberone.domain.actor import Actor

    return may_ever(Actor(uuid.uuid4(), Role.AGENT), ENDPOINTS[endpoint])


def test_the_base_refuses_by_itself_too(web, as_agent, panel, agent):
    """Not only the check before every request: the view would refuse as well."""
    from flask_login import login_user

    from emberone.db import open_reading
    from emberone.domain.actor import SYSTEM
    from emberone.models import User

    view = next(view for view in panel._views if view.endpoint == "job")
    with web.test_request_context("/admin/job/"):
        from sqlalchemy import select
        from sqlalchemy.orm import joinedload

        from emberone.db import db

        open_reading(SYSTEM)
        user = db.session.scalars(
            select(User).where(User.email == "ana@example.org").options(joinedload(User.profile))
        ).one()
        login_user(user)
        with pytest.raises(NotAllowed):
            view._handle_view("index_view")
        with pytest.raises(NotFound):
            view._handle_view("create_view")


# --------------------------------------------------------------------------------- bad input

BAD = [
    "page=-1",
    "page=999999999999999999999",
    "cursor=nonsense",
    "cursor=a",
    "cursor=aW10",
    "cursor=bWyJ4IiwieSJd",
    "cursor=" + "a" * 5000,
    "sort=password",
    "sort=99",
    "desc=2",
    "size=100000",
    "size=-1",
    "search=a%00b",
    "search=" + "word " * 2000,
    "status=SOLVED",
    "status=open",
    "priority=0",
    "agent=not-a-uuid",
    "agent=1,2",
    "team=%ff%fe",
    "team='; DROP TABLE tickets; --",
    "tag=" + "t" * 51,
    "customer=00000000-0000-0000-0000-00000000000g",
    "from=yesterday",
    "from=0000-00-00",
    "to=9999-12-31",
    "from=1-1-1&to=2-2-2",
    "type=LOUD",
    "author=me",
    "ticket=12345678901234567890123",
    "ticket=-1",
    "action=%F0%9F%92%A3",
    "actor=x",
    "role=KING",
    "state=lost",
    "letter=love",
    "flt0_0=x",
]


@pytest.mark.parametrize("view", VIEWS)
def test_bad_arguments_are_never_a_500(as_admin, view):
    for query in BAD:
        answer = as_admin.get(f"/admin/{view}/?{query}")
        assert answer.status_code in {200, 400}, (query, answer.status_code)
        if answer.status_code == 400:
            page = answer.get_data(as_text=True)
            assert "<h1" in page
            assert "Traceback" not in page


def test_a_bad_argument_of_the_queue_is_refused_and_not_ignored(as_agent):
    for query in (
        "cursor=nonsense",
        "sort=password",
        "size=100000",
        "status=SOLVED",
        "agent=1,2",
        "search=a%00b",
        "from=yesterday",
    ):
        assert as_agent.get(f"/admin/ticket/?{query}").status_code == 400, query


def test_a_row_that_is_no_row_is_404(as_admin):
    some = uuid.uuid4()
    wanted = ("1", "1,2", "", "zzz", "null", "' OR 1=1", f"{some}", f"{some},{some}", f"{{{some}}}")
    for page in (
        "ticket/details", "comment/details", "comment/edit", "history/details",
        "profile/details", "profile/edit", "agent/edit", "team/edit", "letter/details",
        "letter/preview",
    ):  # fmt: skip
        for row in wanted:
            assert as_admin.get(f"/admin/{page}/?id={row}").status_code == 404, (page, row)
        assert as_admin.get(f"/admin/{page}/").status_code == 404
        assert as_admin.get(f"/admin/{page}/?id=%00").status_code == 400
    for page in (
        "comment/delete",
        "profile/delete",
        "team/delete",
        "letter/retry",
        "job/retry",
    ):
        for row in wanted:
            answer = as_admin.post(f"/admin/{page}/", data={"id": row, "kind": "step"})
            assert answer.status_code in {303, 404}, (page, row)
            assert answer.status_code == 404 or row == f"{some}"


def test_a_number_without_a_ticket_is_404(as_agent):
    for number in ("0", "999", "9223372036854775807", "9" * 30, "-1", "1.5"):
        assert as_agent.get(f"/admin/ticket/{number}/").status_code == 404


def test_bad_forms_are_never_a_500(as_admin, make, customer):
    ticket = look(make.ticket(customer))
    for form in (
        {},
        {"verb": "explode"},
        {"kind": "shout", "text": "x"},
        {"version": "x"},
        {"version": "-1"},
        {"version": "99999999999999999999"},
        {"version": "1", "priority": "NOW"},
        {"version": "1", "agent": "1,2"},
        {"version": "1", "title": "t", "tags": ",".join(f"t{i}" for i in range(30))},
        {"version": "1", "title": "", "description": "x" * 100_001},
        {"text": "x" * 100_001},
        {"text": "\0"},
        {"text": "   "},
    ):
        for verb in ("respond", "change", "take"):
            answer = as_admin.post(f"/admin/ticket/{ticket.number}/{verb}/", data=form)
            assert answer.status_code in {303, 400, 409, 422}, (verb, form, answer.status_code)
    assert rows("SELECT 1 FROM comments") == []
    assert look(ticket.id).title == ticket.title


def test_one_megabyte_is_refused_and_more_is_not_even_read(as_admin, make, customer):
    ticket = look(make.ticket(customer))
    address = f"/admin/ticket/{ticket.number}/respond/"
    assert as_admin.post(address, data={"text": "x" * 1_000_000}).status_code == 422
    assert as_admin.post(address, data={"text": "x" * 3_000_000}).status_code == 413


# ------------------------------------------------------------------------------------- save


def test_a_refused_save_shows_no_sql(as_admin, make):
    make.customer(email="taken@example.org")
    form = {"email": "TAKEN@example.org", "full_name": "Tom", "role": "CUSTOMER"}
    answer = as_admin.post("/admin/profile/new/", data=form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Someone with this e-mail address exists already." in page
    assert "INSERT" not in page
    assert "psycopg" not in page
    assert 'value="Tom"' in page


# --------------------------------------------------------------------- mapped relationships


def test_a_post_detaches_no_child_rows(as_admin, make, customer, agent):
    ticket = look(make.ticket(customer))
    as_admin.post(f"/admin/ticket/{ticket.number}/respond/", data={"verb": "note", "text": "n"})
    before = rows("SELECT count(*) FROM history")[0][0]
    ticket = look(ticket.id)
    form = {
        "version": ticket.version, "title": "New", "description": ticket.description,
        "priority": "MEDIUM", "agent": "", "team": "", "tags": "",
    }  # fmt: skip
    assert as_admin.post(f"/admin/ticket/{ticket.number}/change/", data=form).status_code == 303
    assert rows("SELECT count(*) FROM comments WHERE ticket_id IS NOT NULL")[0][0] == 1
    assert rows("SELECT count(*) FROM history")[0][0] == before + 1


# ------------------------------------------------------------ columns by role; our TypeErrors


def test_what_a_page_offers_depends_on_who_asks_and_not_on_the_start(as_agent, as_admin):
    for page, mine, theirs in (
        ("ticket/", "/admin/ticket/export/csv/", False),
        ("team/", "/admin/team/new/", False),
        ("ticket/", "/admin/job/", False),
    ):
        assert mine in as_admin.get(f"/admin/{page}").get_data(as_text=True)
        assert (mine in as_agent.get(f"/admin/{page}").get_data(as_text=True)) is theirs


def test_a_type_error_of_ours_is_not_called_again(panel):
    calls = []

    def broken(self, **kwargs):
        calls.append(kwargs)
        raise TypeError("ours")

    for view in panel._views:
        calls.clear()
        with pytest.raises(TypeError, match="ours"):
            view._run_view(broken)
        assert calls == [{}]


def test_no_stock_page_or_file_is_reachable(web, as_admin):
    for path in ("static/bootstrap/bootstrap4/css/bootstrap.min.css", "static/admin/js/form.js"):
        assert as_admin.get(f"/admin/{path}").status_code == 404
    page = as_admin.get("/admin/ticket/").get_data(as_text=True)
    assert "bootstrap4" not in page
    assert "jquery" not in page.lower()
    assert ' style="' not in page
    assert "onclick" not in page


def test_the_stock_views_are_what_these_tests_guard_against():
    """If Flask-Admin grows another route, it has to be looked at."""
    routes = {function for _, function, _ in BaseModelView._urls}
    assert routes == {
        "index_view", "create_view", "edit_view", "details_view", "delete_view",
        "action_view", "export", "ajax_lookup", "ajax_update",
    }  # fmt: skip
