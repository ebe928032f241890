"""Background work: whether every sweep moves, and what was given up."""

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.queries.health import sweep_progress
from emberone.queries.sla import dead_steps
from emberone.services.sla import retry_step
from emberone.web.admin.base import PanelView, carry_out
from emberone.web.admin.limits import METRIC_NAMES
from emberone.web.admin.params import row_id
from emberone.web.session import current_actor


class JobView(PanelView):
    """The sweeps' progress, and the steps that wait for a second chance."""

    address = "job"

    @expose("/")
    def index_view(self) -> str:
        """Show every sweep and every dead row."""
        return self.render(
            "panel/job_list.html",
            sweeps=sweep_progress(self.session),
            steps=dead_steps(self.session),
            metric_names=METRIC_NAMES,
        )

    @expose("/retry_step/", methods=("POST",))
    def retry_step(self) -> Response:
        """Give a step that was given up another chance."""
        step_id = row_id(request.form)
        message, url = _("The step will be tried again."), url_for("job.index_view")
        return carry_out(message, url, retry_step, current_actor(), step_id)
