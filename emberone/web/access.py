"""Which endpoint asks for which permission: the one table, checked before every view.

An endpoint that is not in :data:`ENDPOINTS` is refused to everyone, and a test
fails. The row acted on is judged later, by the service or the query.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from flask import Flask, Response, redirect, request, url_for

from emberone import policy
from emberone.domain.errors import NotAllowed
from emberone.web.errors import wants_json
from emberone.web.session import SignInNeeded, read_as_the_person

#: Anyone may ask; the view opens its own reading if it needs one.
PUBLIC: Final = "public"
#: Anyone who is signed in.
SIGNED_IN: Final = "signed in"

_EVERYONE = {
    "start.index": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,
    "security.register": PUBLIC,
    "security.send_confirmation": PUBLIC,
    "security.forgot_password": PUBLIC,
    # The token in the address is the permission.
    "security.confirm_email": PUBLIC,
    "security.reset_password": PUBLIC,
    "account.letter_sent": PUBLIC,
    "security.change_password": SIGNED_IN,
    "account.page": SIGNED_IN,
    "account.sign_out_everywhere": SIGNED_IN,
    "theme.asset": PUBLIC,
    "health.alive": PUBLIC,
    "health.ready": PUBLIC,
    # It asks for its own token.
    "metrics.metrics": PUBLIC,
    # The token in the address is the permission.
    "feedback.page": PUBLIC,
    "feedback.submit": PUBLIC,
    "feedback.unsubscribe_page": PUBLIC,
    "feedback.unsubscribe_now": PUBLIC,
}

_SIGNED_IN = {
    # Whether the file's ticket or comment may be seen decides.
    "attachment.download": SIGNED_IN,
    "attachment.image": SIGNED_IN,
}

_PORTAL = {
    "portal.tickets": policy.PORTAL_ENTER,
    "portal.ticket_new": policy.PORTAL_ENTER,
    "portal.ticket": policy.PORTAL_ENTER,
    "portal.changes": policy.PORTAL_ENTER,
    "portal.comment": policy.PORTAL_ENTER,
    "portal.comment_edit": policy.PORTAL_ENTER,
    "portal.close": policy.PORTAL_ENTER,
    "portal.reopen": policy.PORTAL_ENTER,
    "portal.edit": policy.PORTAL_ENTER,
    "portal.rate": policy.PORTAL_ENTER,
}

_PANEL = {
    "admin.index": policy.PANEL_ENTER,
    "admin.demo": policy.PANEL_ENTER,
    "admin.dismiss_demo": policy.PANEL_ENTER,
    "ticket.index_view": policy.PANEL_ENTER,
    "ticket.page": policy.PANEL_ENTER,
    "ticket.details_view": policy.PANEL_ENTER,
    "ticket.create_view": policy.PANEL_ENTER,
    "ticket.changes": policy.PANEL_ENTER,
    "ticket.seen": policy.TICKET_NOTE,
    "ticket.unread": policy.TICKET_NOTE,
    "ticket.fill": policy.MACRO_VIEW,
    "ticket.respond": policy.DRAFT_WRITE,
    "ticket.draft": policy.DRAFT_WRITE,
    "ticket.take_back": policy.DRAFT_WRITE,
    "ticket.send_again": policy.DRAFT_WRITE,
    "ticket.discard": policy.DRAFT_DISCARD,
    "ticket.remove_file": policy.DRAFT_WRITE,
    "ticket.close": policy.PANEL_ENTER,
    "ticket.reopen": policy.PANEL_ENTER,
    "ticket.dismiss": policy.TICKET_DISMISS,
    "ticket.take": policy.TICKET_ASSIGN,
    "ticket.snooze": policy.TICKET_SNOOZE,
    "ticket.wake": policy.TICKET_SNOOZE,
    "ticket.promise": policy.TICKET_ROUTE,
    "ticket.unpromise": policy.TICKET_ROUTE,
    "ticket.change": policy.TICKET_ROUTE,
    "ticket.delete_view": policy.TICKET_DELETE,
    "ticket.walk": policy.PANEL_ENTER,
    "ticket.list_changes": policy.PANEL_ENTER,
    "ticket.bulk": policy.TICKET_NOTE,
    "ticket.export": policy.TICKET_EXPORT,
    "ticket.ajax_lookup": policy.PANEL_ENTER,
    "comment.index_view": policy.TICKET_NOTE,
    "comment.details_view": policy.TICKET_NOTE,
    "comment.edit_view": policy.PANEL_ENTER,
    "comment.delete_view": policy.COMMENT_DELETE,
    "history.index_view": policy.HISTORY_VIEW,
    "history.details_view": policy.HISTORY_VIEW,
    "rating.index_view": policy.RATING_REPORT,
    "profile.index_view": policy.PANEL_ENTER,
    "profile.details_view": policy.PANEL_ENTER,
    "profile.create_view": policy.PROFILE_CREATE,
    "profile.edit_view": policy.PROFILE_MANAGE,
    "profile.letters": policy.PROFILE_MANAGE,
    "profile.activate": policy.PROFILE_MANAGE,
    "profile.deactivate": policy.PROFILE_MANAGE,
    "profile.delete_view": policy.PROFILE_MANAGE,
    "profile.password": policy.PROFILE_MANAGE,
    "agent.index_view": policy.TEAM_VIEW,
    "agent.edit_view": policy.AGENT_MANAGE,
    "agent.availability": policy.AGENT_SET_AVAILABILITY,
    "agent.away_view": policy.AGENT_SET_AVAILABILITY,
    "agent.absences_view": policy.AGENT_SET_AVAILABILITY,
    "agent.cancel_absence": policy.AGENT_SET_AVAILABILITY,
    "team.index_view": policy.TEAM_VIEW,
    "team.create_view": policy.TEAM_MANAGE,
    "team.edit_view": policy.TEAM_MANAGE,
    "team.delete_view": policy.TEAM_MANAGE,
    "tag.index_view": policy.TEAM_VIEW,
    "tag.skill": policy.AGENT_MANAGE,
    "macro.index_view": policy.MACRO_VIEW,
    "macro.details_view": policy.MACRO_VIEW,
    "macro.create_view": policy.MACRO_MANAGE,
    "macro.edit_view": policy.MACRO_MANAGE,
    "macro.delete_view": policy.MACRO_MANAGE,
    "macro.preview": policy.MACRO_VIEW,
    "letter.index_view": policy.MAIL_VIEW,
    "letter.details_view": policy.MAIL_VIEW,
    "letter.preview": policy.MAIL_VIEW,
    "letter.retry": policy.MAIL_RETRY,
    "letter.retry_all": policy.MAIL_RETRY,
    "letter.suppressed": policy.MAIL_RETRY,
    "letter.forgive": policy.MAIL_RETRY,
    "letter.kinds": policy.MAIL_VIEW,
    "letter.kind": policy.MAIL_VIEW,
    "letter.kind_preview": policy.MAIL_VIEW,
    "job.index_view": policy.JOBS_VIEW,
    "job.retry": policy.JOBS_RETRY,
    "job.discard": policy.JOBS_RETRY,
    "sla.index_view": policy.SLA_VIEW,
    "sla.details_view": policy.SLA_VIEW,
    "sla.kept": policy.SLA_VIEW,
    "sla.progress": policy.SLA_VIEW,
    "sla.create_view": policy.SLA_MANAGE,
    "sla.edit_view": policy.SLA_MANAGE,
    "sla.preview": policy.SLA_MANAGE,
    "sla.make_default": policy.SLA_MANAGE,
    "sla.team": policy.SLA_MANAGE,
    "calendar.index_view": policy.SLA_VIEW,
    "calendar.details_view": policy.SLA_VIEW,
    "calendar.create_view": policy.SLA_MANAGE,
    "calendar.edit_view": policy.SLA_MANAGE,
    "calendar.preview": policy.SLA_MANAGE,
    "calendar.put_aside": policy.SLA_MANAGE,
    "calendar.take_up": policy.SLA_MANAGE,
    "calendar.delete_view": policy.SLA_MANAGE,
    "setting.index_view": policy.SETTINGS_MANAGE,
    "setting.history": policy.SETTINGS_MANAGE,
}

#: endpoint → PUBLIC, SIGNED_IN or a permission of `policy.py`.
ENDPOINTS: Final[Mapping[str, str]] = {**_EVERYONE, **_SIGNED_IN, **_PORTAL, **_PANEL}


def init_access(app: Flask) -> None:
    """Check every request against the table before anything else looks at it."""
    app.before_request(_check)


def _check() -> Response | None:
    # None: no such address or method; the routing's own 404 or 405 follows.
    if request.endpoint is None:
        return None
    permission = ENDPOINTS.get(request.endpoint)
    if permission == PUBLIC:
        return None
    actor = read_as_the_person()
    if permission is None:
        raise NotAllowed
    if actor is None:
        return _ask_to_sign_in()
    if permission != SIGNED_IN and not policy.may_ever(actor, permission):
        raise NotAllowed
    return None


def _ask_to_sign_in() -> Response:
    if request.method not in {"GET", "HEAD"} or wants_json():
        raise SignInNeeded
    # Our own path and never the host that the client named.
    wanted = request.full_path.removesuffix("?")
    address = url_for("security.login")
    return redirect(f"{address}?{urlencode({'next': wanted})}")  # type: ignore[return-value]
