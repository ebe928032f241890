"""The panel: where staff answer tickets and admins look after everything else."""

from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Flask
from flask_admin import Admin
from flask_babel import lazy_gettext as _l

from emberone import models
from emberone.web.admin.agents import AgentView, own_availability
from emberone.web.admin.comments import CommentView
from emberone.web.admin.history import HistoryView
from emberone.web.admin.home import HomeView
from emberone.web.admin.jobs import JobView

# from emberone.web.admin.letters import LetterView
from emberone.web.admin.profiles import ProfileView
from emberone.web.admin.teams import TagView, TeamView
from emberone.web.admin.ticket_new import TicketView
from emberone.web.theme import TablerTheme, csp_nonce

_WORK: Final[Any] = _l("Work")
_PEOPLE: Final[Any] = _l("People and teams")
_PRODUCT: Final[Any] = _l("Product")


def init_panel(app: Flask) -> None:
    """Add the panel at /admin/; every view is checked against `access.ENDPOINTS`."""
    # The panel's pages lie with the product's other templates, beside the package.
    folder = Path(__file__).parents[3] / "templates"
    app.register_blueprint(Blueprint("panel", __name__, template_folder=str(folder)))
    app.add_template_global(own_availability)
    admin = Admin(
        app,
        name="EmberOne",
        theme=TablerTheme(),
        index_view=HomeView(name=_l("Queue")),
        csp_nonce_generator=csp_nonce,
    )
    admin.add_views(
        TicketView(models.Ticket, _l("Tickets"), _WORK),
        CommentView(models.Comment, _l("Comments"), _WORK),
        HistoryView(models.HistoryEntry, _l("History"), _WORK, endpoint="history", url="history"),
        ProfileView(models.Profile, _l("People"), _PEOPLE),
        AgentView(models.Agent, _l("Agents"), _PEOPLE),
        TeamView(models.Team, _l("Teams"), _PEOPLE),
        TagView(models.Tag, _l("Tags"), _PEOPLE),
        #        LetterView(models.Letter, _l("Mail"), _PRODUCT),
        JobView(models.SweepRun, _l("Jobs"), _PRODUCT, endpoint="job", url="job"),
    )
