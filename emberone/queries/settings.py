"""What became of the settings: who changed which, when, from what to what."""

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from emberone.models import Profile, SettingChange
from emberone.queries.paging import Key, Order, Page, Paging, fetch_page, parse_id, parse_moment

#: The only order, newest first.
CREATED: Final = Order(
    "created", (Key(SettingChange.created_at, parse_moment), Key(SettingChange.id, parse_id))
)


class ChangeRow(NamedTuple):
    """One change of one setting."""

    id: UUID
    actor_id: UUID | None
    actor_name: str | None
    #: The column of `settings`; one that was dropped since keeps its name here.
    setting: str
    old_value: Any
    new_value: Any
    source: str
    created_at: datetime


def list_changes(session: Session, paging: Paging) -> Page[ChangeRow]:
    """One page of the settings' history; only admins may read it."""
    statement = select(
        SettingChange.id,
        SettingChange.actor_id,
        Profile.full_name,
        SettingChange.setting,
        SettingChange.old_value,
        SettingChange.new_value,
        SettingChange.source,
        SettingChange.created_at,
    ).outerjoin(Profile, Profile.id == SettingChange.actor_id)
    return fetch_page(session, statement, ChangeRow, paging)
