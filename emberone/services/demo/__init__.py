"""The demo: a small helpdesk with a past, made by the services that real people use."""

from sqlalchemy import exists, select

from emberone.db import now_of, reading
from emberone.domain.actor import SYSTEM
from emberone.domain.errors import Conflict
from emberone.models import Profile
from emberone.services import delivery
from emberone.services.demo import macros, script, stage
from emberone.services.demo.replay import Replay
from emberone.services.demo.stage import Accounts


def is_empty() -> bool:
    """Whether nobody is known yet."""
    with reading(SYSTEM) as session:
        return not session.scalar(select(exists().where(Profile.id.is_not(None))))


def load_demo(*, admin: str, agent: str, customer: str, password: str) -> int:
    """Make the demo's people and tickets, three of them with sign-ins; returns how many tickets.

    Everything is dated relative to now. The past's letters are kept, for none of them
    was ever sent. Raises Conflict where anyone is known already, and ScriptError where
    the script is not as it should be.
    """
    if not is_empty():
        raise Conflict("There are people in this database already: the demo is for an empty one.")
    stories, cast = script.stories(), script.cast()
    with reading(SYSTEM) as session:
        now = now_of(session)
    built = stage.build(Accounts(admin, agent, customer, password), cast, now)
    macros.make_macros(built)
    replay = Replay(built, stories)
    replay.past()
    while delivery.keep_due(limit=1000):
        pass
    stage.hand_over_to_the_present(built)
    replay.present()
    return len(stories)
