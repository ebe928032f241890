"""The demo's macros, read from `macros.toml` and made by the people who would have made them."""

from typing import Final

from emberone.domain.enums import Priority
from emberone.domain.lifecycle import Event
from emberone.domain.macros import ReplyChanges
from emberone.services.demo.script import FOLDER, Table, cast, parsed
from emberone.services.demo.stage import Stage
from emberone.services.macros import MacroValues, make_macro

_WAYS: Final = {
    "reply": Event.STAFF_REPLY,
    "reply_and_wait": Event.STAFF_REPLY_AND_WAIT,
    "reply_and_close": Event.STAFF_REPLY_AND_CLOSE,
}


def make_macros(stage: Stage) -> int:
    """Make them, everybody's by an admin; returns how many there are."""
    name = "macros.toml"
    table = Table(name, parsed(FOLDER / name))
    rows = table.rows("macro")
    table.end()
    for row in rows:
        _make(stage, row)
    return len(rows)


def _make(stage: Stage, row: Table) -> None:
    by, way, team = row.maybe("by"), row.maybe("way"), row.maybe("team")
    priority = row.maybe("priority")
    known = cast()
    values = MacroValues(
        name=row.take("name", str),
        content=row.take("text", str).strip("\n"),
        event=_WAYS[row.one_of(way, _WAYS)] if way else None,
        changes=ReplyChanges(
            row.read(Priority, priority) if priority else None,
            stage.teams[row.one_of(team, known.teams)] if team else None,
            row.words("tags"),
        ),
        is_shared=by is None,
    )
    row.end()
    make_macro(stage.staff[row.one_of(by, known.staff)] if by else stage.admin, values)
