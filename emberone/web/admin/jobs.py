"""Background work: whether every sweep moves, and what was given up."""

from typing import Final

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.domain.errors import NotFound
from emberone.jobs import Job
from emberone.queries.health import sweep_progress
from emberone.queries.jobs import dead_rows
from emberone.queries.replanning import replanning
from emberone.services.delivery import retry_letter
from emberone.services.drafts import discard_draft
from emberone.services.feedback import retry_request
from emberone.services.publishing import retry_reply
from emberone.services.sla import retry_step
from emberone.services.waits import retry_wait
from emberone.web.admin.base import PanelView, carry_out
from emberone.web.admin.params import row_id
from emberone.web.admin.why import held_because
from emberone.web.session import current_actor

#: Kind of a dead row → the service that gives it another chance.
_RETRY: Final = {
    "step": retry_step,
    "wait": retry_wait,
    "feedback": retry_request,
    "letter": retry_letter,
    "reply": retry_reply,
}


class JobView(PanelView):
    """The sweeps' progress, and what waits for a second chance."""

    address = "job"

    @expose("/")
    def index_view(self) -> str:
        """Show every sweep and every dead row."""
        return self.render(
            "panel/job_list.html",
            names={
                Job.PUBLISH: _("Publish replies"),
                Job.ASSIGN: _("Assign tickets"),
                Job.SLA: _("Watch time limits"),
                Job.REPLAN: _("Plan time limits again"),
                Job.WAITS: _("Remind and close"),
                Job.FEEDBACK: _("Ask for ratings"),
                Job.MAIL: _("Send letters"),
            },
            sweeps=sweep_progress(self.session),
            replanning=replanning(self.session),
            dead=dead_rows(self.session),
            because=held_because,
            kinds={
                "step": _("Time limit"),
                "wait": _("Quiet ticket"),
                "feedback": _("Request to rate"),
                "letter": _("Letter"),
                "reply": _("Held reply"),
            },
        )

    @expose("/retry/", methods=("POST",))
    def retry(self) -> Response:
        """Give something that was given up another chance."""
        service = _RETRY.get(request.form.get("kind", ""))
        if service is None:
            raise NotFound
        message, url = _("It will be tried again."), url_for("job.index_view")
        return carry_out(message, url, service, current_actor(), row_id(request.form))

    @expose("/discard/", methods=("POST",))
    def discard(self) -> Response:
        """Throw a held reply away, whose author may be gone."""
        message, url = _("The reply was thrown away."), url_for("job.index_view")
        return carry_out(message, url, discard_draft, current_actor(), row_id(request.form))
