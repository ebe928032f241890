"""The choices that forms and filters offer, in words."""

from collections.abc import Iterable

from flask_babel import gettext as _

from emberone.domain.enums import Priority, Role, Status
from emberone.queries.agents import WorkingChoice
from emberone.queries.sign_ins import SignInState
from emberone.web.theme.badges import badge_of

Pairs = list[tuple[str, str]]


def statuses() -> Pairs:
    """Every status, worded."""
    return [(status.value, str(badge_of(status).label)) for status in Status]


def priorities() -> Pairs:
    """Every priority, the most urgent first."""
    return [(priority.value, str(badge_of(priority).label)) for priority in reversed(Priority)]


def working_agents(people: Iterable[WorkingChoice]) -> Pairs:
    """Agents to give a ticket to; who takes no new ones is chosen knowingly."""
    return [
        (str(person.id), f"{person.label} ({_('away')})" if person.is_away else person.label)
        for person in people
    ]


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
