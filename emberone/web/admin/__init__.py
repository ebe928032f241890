"""The panel: where staff answer tickets and admins look after everything else."""

from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Flask
from flask_admin import Admin
from flask_admin.menu import MenuLink
from flask_babel import lazy_gettext as _l

from emberone import models
from emberone.web.admin.agents import AgentView, own_availability
from emberone.web.admin.calendars import CalendarView
from emberone.web.admin.comments import CommentView
from emberone.web.admin.demo_card import demo_card
from emberone.web.admin.history import HistoryView
from emberone.web.admin.home import HomeView
from emberone.web.admin.jobs import JobView
from emberone.web.admin.letters import LetterView
from emberone.web.admin.macros import MacroView
from emberone.web.admin.profiles import ProfileView
from emberone.web.admin.ratings import RatingView
from emberone.web.admin.settings import SettingView
from emberone.web.admin.sla import SLAView
from emberone.web.admin.teams import TagView, TeamView
from emberone.web.admin.ticket import TicketView
from emberone.web.admin.ticket.place import keep_place, ticket_walk
from emberone.web.theme import TablerTheme, csp_nonce

_WORK: Final[Any] = _l("Work")
_PEOPLE: Final[Any] = _l("People and teams")
_PRODUCT: Final[Any] = _l("Product")


#: view, model, name, group of the side bar, icon.
_VIEWS: Final = (
    (TicketView, models.Ticket, _l("Tickets"), _WORK, "ticket"),
    (MacroView, models.Macro, _l("Macros"), _WORK, "bolt"),
    (CommentView, models.Comment, _l("Comments"), _WORK, "messages"),
    (HistoryView, models.HistoryEntry, _l("History"), _WORK, "history"),
    (RatingView, models.FeedbackRequest, _l("Ratings"), _WORK, "star"),
    (ProfileView, models.Profile, _l("People"), _PEOPLE, "users"),
    (AgentView, models.Agent, _l("Agents"), _PEOPLE, "user-check"),
    (TeamView, models.Team, _l("Teams"), _PEOPLE, "users-group"),
    (TagView, models.Tag, _l("Tags"), _PEOPLE, "tags"),
    (LetterView, models.Letter, _l("Mail"), _PRODUCT, "mail"),
    (JobView, models.SweepRun, _l("Jobs"), _PRODUCT, "rotate-clockwise"),
    (SLAView, models.SLAPolicy, _l("SLA"), _PRODUCT, "clock"),
    (CalendarView, models.Calendar, _l("Calendars"), _PRODUCT, "calendar"),
    (SettingView, models.Setting, _l("Settings"), _PRODUCT, "settings"),
)

#: `g` and then this goes to the view of that address.
_KEYS: Final = {
    "ticket": "q",
    "macro": "o",
    "comment": "c",
    "history": "h",
    "rating": "r",
    "profile": "p",
    "agent": "a",
    "team": "t",
    "tag": "l",
    "letter": "m",
    "job": "j",
    "sla": "i",
    "calendar": "k",
    "setting": "s",
}


def init_panel(app: Flask) -> None:
    """Add the panel at /admin/; every view is checked against `access.ENDPOINTS`."""
    # The panel's pages lie with the product's other templates, beside the package.
    folder = Path(__file__).parents[3] / "templates"
    app.register_blueprint(Blueprint("panel", __name__, template_folder=str(folder)))
    app.add_template_global(own_availability)
    app.add_template_global(ticket_walk)
    app.add_template_global(demo_card)
    app.url_defaults(keep_place)
    admin = Admin(
        app,
        name="EmberOne",
        theme=TablerTheme(),
        index_view=HomeView(name=_l("Queue")),
        csp_nonce_generator=csp_nonce,
    )
    for view, model, name, group, icon in _VIEWS:
        added = view(model, name, group, view.address, menu_icon_value=icon)
        added.menu_key = _KEYS.get(view.address)
        admin.add_view(added)
    admin.add_link(
        MenuLink(_l("Account"), endpoint="account.page", icon_type="ti", icon_value="user-circle")
    )
