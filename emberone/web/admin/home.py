"""The panel's first page: the queue."""

from flask import make_response, redirect, url_for
from flask_admin import expose
from werkzeug import Response

from emberone.db import db
from emberone.domain.enums import Role
from emberone.queries.views import View, view_counts
from emberone.web.admin.base import Guarded, found
from emberone.web.admin.demo_card import demo_card, dismissed_by
from emberone.web.session import current_actor
from emberone.web.theme import ThemedIndexView


class HomeView(Guarded, ThemedIndexView):
    """Sends staff to what has to be done."""

    def is_visible(self) -> bool:
        """The brand leads here; the menu need not."""
        return False

    @expose("/")
    def index(self) -> Response:
        """Go to an agent's own tickets; for an admin, to what nobody has or what is nearly late."""
        actor = current_actor()
        if actor.role is Role.AGENT:
            return _view(View.MINE)
        counts = view_counts(db.session(), actor)
        pressing = [view for view in (View.UNASSIGNED, View.BREACHING) if counts[view]]
        return _view(pressing[0] if pressing else View.ALL)

    @expose("/demo/")
    def demo(self) -> Response:
        """The demo's card alone, for a page that looks again."""
        page = self.render("panel/demo_card.html", card=found(demo_card()))
        response = make_response(page)
        response.headers["Cache-Control"] = "no-store"
        return response

    @expose("/demo/dismiss/", methods=("POST",))
    def dismiss_demo(self) -> Response:
        """Show the card no more to this person."""
        found(demo_card())
        response = redirect(url_for("admin.index"), 303)
        dismissed_by(current_actor(), response)  # type: ignore[arg-type]
        return response  # type: ignore[return-value]


def _view(view: View) -> Response:
    return redirect(url_for("ticket.index_view", view=view.value))  # type: ignore[return-value]
