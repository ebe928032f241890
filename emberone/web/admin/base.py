"""The one base of every panel view: Flask-Admin's menu and addresses, none of its writing.

Flask-Admin's model views read and write rows by themselves, past permissions,
services and history. Here every such way is closed: only what `access.ENDPOINTS`
names is reachable, rows come from `queries/`, changes go to `services/`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NoReturn, ParamSpec, TypeVar

from flask import flash, redirect, request
from flask_admin import BaseView
from flask_admin.base import Admin
from flask_admin.form import BaseForm
from flask_admin.model import BaseModelView
from sqlalchemy.orm import Session
from werkzeug import Response

from emberone import policy
from emberone.db import db
from emberone.domain.errors import Conflict, EmberOneError, Invalid, NotAllowed, NotFound
from emberone.web.access import ENDPOINTS
from emberone.web.errors import refusal_text
from emberone.web.session import actor_or_none, current_actor

P = ParamSpec("P")
R = TypeVar("R")


class Guarded(BaseView):  # type: ignore[misc]
    """Registers and runs only what the table of endpoints names, for those it names."""

    def create_blueprint(self, admin: Admin) -> Any:
        """Register the routes that the table knows, and no others."""
        self._urls = [url for url in type(self)._urls if self._endpoint_of(url[1]) in ENDPOINTS]
        return super().create_blueprint(admin)

    def _endpoint_of(self, function: str) -> str:
        return f"{self.endpoint}.{function}"

    def is_accessible(self) -> bool:
        """Whether the view's first page is for this person: for the menu."""
        actor = actor_or_none()
        permission = ENDPOINTS.get(self._endpoint_of(self._default_view))
        return actor is not None and permission is not None and policy.may_ever(actor, permission)

    def _handle_view(self, name: str, **kwargs: Any) -> None:
        permission = ENDPOINTS.get(self._endpoint_of(name))
        if permission is None:
            raise NotFound
        if not policy.may_ever(current_actor(), permission):
            raise NotAllowed

    def inaccessible_callback(self, name: str, **kwargs: Any) -> NoReturn:
        """Refuse with 403; Flask-Admin would send people to the list."""
        raise NotAllowed

    def _run_view(self, fn: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        # Flask-Admin calls again with `cls=` after a TypeError and so hides ours.
        return fn(self, *args, **kwargs)

    @property
    def session(self) -> Session:
        """The request's reading."""
        return db.session()

    def render(self, template: str, **kwargs: Any) -> str:
        """Draw a page, with `actor` and `can(permission, subject)` for its templates."""
        actor = current_actor()

        def can(permission: str, subject: Any = None, **facts: Any) -> bool:
            return policy.may(actor, permission, subject, **facts)

        return str(super().render(template, actor=actor, can=can, policy=policy, **kwargs))


def _closed(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Nothing is read or written this way: rows come from queries, changes go to services."""
    raise NotFound


class PanelView(Guarded, BaseModelView):  # type: ignore[misc]
    """A view over one table, every door of Flask-Admin's own closed.

    A subclass exposes its pages under Flask-Admin's names (`index_view`,
    `details_view`, `create_view`, …) and names each in `access.ENDPOINTS`.
    """

    #: The view's part of the address, and the first part of its endpoints' names.
    address: str
    #: Exposed functions that are its pages as methods are, where those are too many for one file.
    views: ClassVar[tuple[Callable[..., Any], ...]] = ()

    def __init_subclass__(cls) -> None:
        for view in cls.views:
            setattr(cls, view.__name__, view)

    can_create = can_edit = can_delete = can_export = can_view_details = False
    can_set_page_size = False
    column_display_actions = False

    # Each of these would read or write by itself; without @expose none is a route.
    index_view = create_view = edit_view = details_view = delete_view = _closed
    action_view = export = ajax_lookup = ajax_update = _closed
    get_query = get_count_query = get_list = get_one = _closed
    create_model = update_model = delete_model = _closed
    action_delete = handle_action = _closed

    def scaffold_list_columns(self) -> list[str]:
        """No columns are guessed from the model."""
        return []

    def scaffold_sortable_columns(self) -> dict[str, str]:
        """No column is sorted by Flask-Admin."""
        return {}

    def scaffold_form(self) -> type[BaseForm]:
        """No form is made from the model."""
        return BaseForm

    def scaffold_list_form(self, *args: Any, **kwargs: Any) -> type[BaseForm]:
        """Nothing is edited inside a list."""
        return BaseForm

    def scaffold_filters(self, name: Any) -> None:
        """No filters are made from the model."""

    def get_pk_value(self, model: Any) -> str:
        """A row's id as text."""
        return str(model.id)

    def is_action_allowed(self, name: str) -> bool:
        """There are no actions but those of the pages."""
        return False


def attempt(act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | EmberOneError:
    """What the service returned, or why it refused where the page can say so beside the form.

    The one place where the panel catches: missing rights and rows, and a
    database that is away, go on to the error pages.
    """
    try:
        return act(*args, **kwargs)
    except (Invalid, Conflict) as refusal:
        return refusal


@dataclass(frozen=True, slots=True)
class Undo:
    """The button beside a message that takes back what was done."""

    label: str
    #: Where it is sent, with which fields.
    url: str
    fields: tuple[tuple[str, str], ...] = ()


def done(message: str, address: str, *, undo: Undo | None = None) -> Response:
    """Go on after a change, and say that it was made; with a way back where there is one."""
    flash({"text": message, "undo": asdict(undo)} if undo else message, "success")
    return redirect(address, 303)  # type: ignore[return-value]


def refused(refusal: EmberOneError, address: str) -> Response:
    """Go back to where the person came from, and say why nothing was changed."""
    flash(refusal_text(refusal), "danger")
    return redirect(address, 303)  # type: ignore[return-value]


def carry_out(
    message: str, address: str, act: Callable[P, Any], *args: P.args, **kwargs: P.kwargs
) -> Response:
    """Let a service act for a button that has no form to show again; its refusal is a message."""
    outcome = attempt(act, *args, **kwargs)
    if isinstance(outcome, EmberOneError):
        return refused(outcome, address)
    return done(message, address)


def found(row: R | None) -> R:
    """The row, or the 404 that does not tell whether it never was or is not yours."""
    if row is None:
        raise NotFound
    return row


def is_post() -> bool:
    """Whether a form was sent."""
    return request.method == "POST"
