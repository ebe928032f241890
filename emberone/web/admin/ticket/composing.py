"""What stands in the reply box of a ticket, and what its buttons mean."""

from dataclasses import dataclass
from typing import Final

from emberone.domain.enums import DraftKind
from emberone.domain.lifecycle import Event
from emberone.domain.macros import NO_CHANGES, ReplyChanges
from emberone.queries import drafts

#: What a button of the reply box means.
VERBS: Final = {
    "reply": Event.STAFF_REPLY,
    "reply_and_reopen": Event.STAFF_REPLY_REOPENING,
    "reply_and_wait": Event.STAFF_REPLY_AND_WAIT,
    "reply_and_close": Event.STAFF_REPLY_AND_CLOSE,
}
NOTE: Final = "note"
#: The cookie in which a browser keeps that one goes on to the next ticket after sending.
ONWARD: Final = "onward"


@dataclass(frozen=True, slots=True)
class Composing:
    """What stands in the reply box."""

    text: str = ""
    #: reply or note.
    kind: str = "reply"
    #: Which button comes first: one of VERBS.
    verb: str = "reply"
    #: What sending it changes beside the status.
    changes: ReplyChanges = NO_CHANGES

    @classmethod
    def of(cls, draft: drafts.DraftCard | None) -> "Composing":
        """What the person was writing, on whichever machine."""
        if draft is None:
            return cls()
        kind = NOTE if draft.kind is DraftKind.NOTE else "reply"
        # One that was taken back remembers how it was sent.
        verb = next((verb for verb, event in VERBS.items() if event is draft.event), "reply")
        return cls(draft.content, kind, verb, draft.changes)

    @property
    def is_note(self) -> bool:
        """Whether only staff will see it."""
        return self.kind == NOTE
