"""A throw-away application that shows every page of the theme, for tests and for developing it.

Run `python -m tests.web.theme_sample` and open the address it prints.
"""

from typing import Any, ClassVar

from flask import Flask, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, BaseView, expose
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_login import LoginManager, UserMixin
from flask_wtf import CSRFProtect, FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, SelectField
from wtforms.validators import InputRequired

from emberone.web.theme import (
    TablerTheme,
    ThemedIndexView,
    csp_nonce,
    error_page,
    init_theme,
    register_error_pages,
)
from emberone.web.theme.columns import COLUMN_FORMATTERS
from emberone.web.theme.widgets import TablerModelConverter
from tests.web.theme_sample import data
from tests.web.theme_sample.models import Customer, Note, Order, db, fill


class SignInForm(FlaskForm):  # type: ignore[misc]
    """The fields of Flask-Security's own sign-in form."""

    email = EmailField("Email Address", [InputRequired()])
    password = PasswordField("Password", [InputRequired()])
    remember = BooleanField("Remember Me")


class Staff(UserMixin):  # type: ignore[misc]
    """Whoever is signed in: always Ana."""

    id = "ana"
    email = "ana@example.com"
    full_name = "Ana Costa"
    role = "AGENT"


class CustomerView(ModelView):  # type: ignore[misc]
    """Every feature of a stock Flask-Admin list and form at once."""

    model_form_converter = TablerModelConverter
    column_type_formatters = column_type_formatters_detail = COLUMN_FORMATTERS
    can_view_details = can_export = can_set_page_size = True
    export_types = ("csv", "json")
    column_list = ("name", "email", "is_vip", "joined_at", "about")
    column_searchable_list = ("name", "email")
    column_filters = ("name", "is_vip", "joined_at")
    column_editable_list = ("name",)
    inline_models = (Note,)
    form_columns = ("name", "email", "plan", "is_vip", "joined_at", "birthday", "calls_at", "about")
    form_overrides: ClassVar = {"plan": SelectField}
    form_args: ClassVar = {
        "name": {"description": "As it stands on letters."},
        "plan": {"choices": ["Free", "Team", "Scale"]},
    }

    @action("merge", "Merge", "Merge the selected customers?")
    def merge(self, ids: list[str]) -> None:
        flash(f"{len(ids)} customers were merged.", "success")

    @action("mark", "Mark as important")
    def mark(self, ids: list[str]) -> None:
        flash(f"{len(ids)} customers were marked.", "success")


class OrderView(ModelView):  # type: ignore[misc]
    """A list with references that are looked up as one types."""

    form_ajax_refs: ClassVar = {
        "customer": {"fields": ("name", "email"), "placeholder": "Name or address"},
        "watchers": {"fields": ("name",)},
    }


class QueueView(BaseView):  # type: ignore[misc]
    """The tickets, as an agent's list and one of them."""

    @expose("/")
    def index(self) -> str:
        return self.render("sample/queue.html", **data.queue(request.args.get("empty")))

    @expose("/1042", methods=("GET", "POST"))
    def ticket(self) -> str:
        return self.render("sample/ticket.html", **data.ticket())


def _add_pages(app: Flask) -> None:
    """Add the pages beside the panel: sign-in, feedback, errors."""

    @app.get("/error/<int:status>")
    def error(status: int) -> ResponseReturnValue:
        return error_page(status, detail=request.args.get("detail")), status

    @app.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> str:
        form = SignInForm()
        if form.validate_on_submit():
            form.form_errors.append("The address or the password is wrong.")
        rules: Any = type("Rules", (), {"recoverable": True, "registerable": True})
        return render_template(
            "security/login_user.html",
            login_user_form=form,
            security=rules,
            url_for_security=lambda name: f"/{name}",
        )

    @app.get("/feedback")
    def feedback() -> str:
        flash("Thank you. Your answer was saved.", "success")
        return render_template("sample/feedback.html")


def create_sample(**config: Any) -> Flask:
    """Make the application, its data in a database in memory."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="only-a-sample", SQLALCHEMY_DATABASE_URI="sqlite://", **config)
    Babel(app)
    CSRFProtect(app)
    login = LoginManager(app)
    login.request_loader(lambda _request: Staff())
    app.add_url_rule("/logout", "security.logout", lambda: "", methods=["POST"])
    init_theme(app, search_endpoint="queue.index")
    register_error_pages(app)
    fill(app)
    panel = Admin(
        app,
        name="EmberOne",
        theme=TablerTheme(),
        index_view=ThemedIndexView(name="Home", menu_icon_value="home"),
        csp_nonce_generator=csp_nonce,
    )
    panel.add_view(QueueView("Tickets", endpoint="queue", menu_icon_value="ticket"))
    panel.add_view(
        CustomerView(Customer, db, name="Customers", menu_icon_value="users", category="People")
    )
    panel.add_view(OrderView(Order, db, name="Orders", menu_icon_value="file-text"))
    _add_pages(app)
    return app
