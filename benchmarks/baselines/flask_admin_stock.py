"""Stock Flask-Admin on the product's tables, as its documentation shows it.

Plain ModelViews with the default Bootstrap theme; searchable columns, filters, page by
page, no sign-in, no rules. Where the documentation offers a way around a known cost (AJAX
for foreign keys) it is taken. EMBERONE_BENCH_DSN names the database.
"""

import os

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.theme import Bootstrap4Theme
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import relationship

PAGE_SIZE = 25


class TicketView(ModelView):
    """The list of tickets, the page of one, the form for a new one."""

    page_size = PAGE_SIZE
    can_view_details = True
    named_filter_urls = True
    column_list = (
        "number",
        "title",
        "customer.full_name",
        "status",
        "priority",
        "agent.full_name",
        "last_activity_at",
    )
    column_default_sort = ("last_activity_at", True)
    column_searchable_list = ("title", "description")
    column_filters = ("status", "priority", "assigned_agent_id", "created_at")
    column_details_exclude_list = ("search",)
    form_columns = ("title", "description", "status", "priority", "customer", "agent")
    # A select of every customer takes seconds; this is the documented way around it.
    form_ajax_refs = {  # noqa: RUF012 - as Flask-Admin declares it
        "customer": {"fields": ("full_name", "email"), "page_size": 10},
        "agent": {"fields": ("full_name", "email"), "page_size": 10},
    }


def create_app() -> Flask:
    """The application, its models read from the database."""
    app = Flask("stock")
    app.config.update(
        SECRET_KEY="only-for-benchmarks", SQLALCHEMY_DATABASE_URI=os.environ["EMBERONE_BENCH_DSN"]
    )
    # Flask-Admin asks it for its words wherever it is installed.
    Babel(app)
    db = SQLAlchemy(app)
    with app.app_context():
        db.reflect()
        tables = db.metadata.tables

        class Profile(db.Model):
            __table__ = tables["profiles"]

            def __str__(self) -> str:
                return str(self.full_name)

        class Ticket(db.Model):
            __table__ = tables["tickets"]
            customer = relationship(Profile, foreign_keys=[tables["tickets"].c.customer_id])
            agent = relationship(Profile, foreign_keys=[tables["tickets"].c.assigned_agent_id])

        admin = Admin(app, name="Stock", theme=Bootstrap4Theme())
        admin.add_view(TicketView(Ticket, db.session, endpoint="ticket"))
        # No connection of this process goes into gunicorn's forks.
        db.engine.dispose()
    return app
