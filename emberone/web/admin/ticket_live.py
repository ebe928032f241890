"""How an open list hears of what others do."""

from flask import Response, make_response, request
from flask_admin import expose

from emberone.db import now_of
from emberone.queries import views
from emberone.web.admin import queue_counts
from emberone.web.admin.params import arguments
from emberone.web.admin.tickets import TicketList
from emberone.web.session import current_actor


class TicketLive(TicketList):
    """The queue, asked again and again by the pages that show it."""

    @expose("/changes/")
    def list_changes(self) -> Response:
        """Answer an open list: nothing has moved (304, one statement), or its parts drawn again."""
        actor = current_actor()
        # Before the rows: what is committed in between is news to the page.
        pulse = views.pulse(self.session)
        kept = queue_counts.kept_for(pulse)
        tag = queue_counts.tag_of(pulse, kept.pulse if kept else pulse)
        if request.if_none_match.contains_weak(tag):
            response = make_response("", 304)
        else:
            if kept is None:
                standing = queue_counts.counted_now(self.session, actor)
                # Counted after the pulse was taken: the next question finds out.
                tag = queue_counts.tag_of(pulse, standing.pulse)
            else:
                standing = queue_counts.as_seen_by(self.session, actor, kept)
            scene = self._queue(arguments(), actor, now_of(self.session), standing)
            response = make_response(self.render("panel/ticket_list_changes.html", **scene))
        response.set_etag(tag, weak=True)
        response.headers["Cache-Control"] = "private, no-cache"
        return response
