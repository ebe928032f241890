"""The panel's first page: the queue."""

from flask import redirect, url_for
from flask_admin import expose
from werkzeug import Response

from emberone.web.admin.base import Guarded
from emberone.web.admin.tickets import ACTIVE
from emberone.web.theme import ThemedIndexView


class HomeView(Guarded, ThemedIndexView):
    """Sends staff to what has to be done."""

    def is_visible(self) -> bool:
        """The brand leads here; the menu need not."""
        return False

    @expose("/")
    def index(self) -> Response:
        """Go to the tickets that someone has to work on."""
        return redirect(url_for("ticket.index_view", status=ACTIVE))  # type: ignore[return-value]
