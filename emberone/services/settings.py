"""The product's settings, as services read and admins change them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.db import service, transaction
from emberone.domain.actor import Actor
from emberone.domain.errors import StaleWrite
from emberone.domain.settings import check
from emberone.models import Setting
from emberone.policy import SETTINGS_MANAGE, require


def current(session: Session) -> Setting:
    """The settings in force; every role may read them."""
    return session.scalars(select(Setting)).one()


def reopen_window(session: Session) -> timedelta:
    """For how long a closed ticket may come back."""
    return timedelta(days=current(session).reopen_days)


@service
def change_settings(actor: Actor, values: dict[str, Any], *, version: int) -> set[str]:
    """Change some of the settings; returns the names of those that are different now.

    Who changed what is written by a trigger. Raises Invalid for a value that a setting
    does not take, StaleWrite where someone else changed any of them meanwhile.
    """
    for name, value in values.items():
        check(name, value)
    with transaction(actor) as session:
        require(actor, SETTINGS_MANAGE)
        setting = session.scalars(select(Setting).with_for_update()).one()
        if setting.version != version:
            raise StaleWrite(version=setting.version)
        changed = {name for name, value in values.items() if getattr(setting, name) != value}
        for name in changed:
            setattr(setting, name, values[name])
        return changed
