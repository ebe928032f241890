"""The choices that forms and filters offer, in words."""

from flask_babel import gettext as _

from emberone.domain.enums import Priority, Role, Status
from emberone.queries.sign_ins import SignInState
from emberone.web.theme.badges import badge_of

Pairs = list[tuple[str, str]]


def statuses() -> Pairs:
    """Every status, worded."""
    return [(status.value, str(badge_of(status).label)) for status in Status]


def priorities() -> Pairs:
    """Every priority, the most urgent first."""
    return [(priority.value, str(badge_of(priority).label)) for priority in reversed(Priority)]


def roles() -> Pairs:
    """Every role, worded."""
    return [(role.value, str(badge_of(role).label)) for role in Role]


def sign_in_states() -> dict[SignInState, str]:
    """How people come in, worded."""
    return {
        SignInState.NONE: _("none yet"),
        SignInState.SOME: _("has one"),
        SignInState.ELSEWHERE: _("at another provider"),
        SignInState.UNCONFIRMED: _("has not confirmed the address yet"),
        SignInState.ACTIVE: _("signs in here"),
        SignInState.DEACTIVATED: _("deactivated"),
    }
