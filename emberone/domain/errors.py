"""The errors a person can cause: the class is the rule that was broken.

The docstring's first line is the message people read unless one is given. A message
leaves places open, `%(most)s`, for what the details say: a catalogue knows it as it stands.
Every edge translates the tree once: HTTP to a status, the command line to one
line and exit status 2.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

_PLACE: Final = re.compile(r"%\((\w+)\)s")


class Word(str):
    """A word of ours in the place of a message; translated with it, as names of files are not."""

    __slots__ = ()


class EmberOneError(Exception):
    """Something went wrong."""

    #: What an HTTP edge answers with.
    status = 400

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self._template = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.details = details
        #: In English, as the log and the command line say it.
        self.message = self.worded(str, "{:,}".format)
        super().__init__(self.message)

    def worded(self, translated: Callable[[str], str], number: Callable[[int], str]) -> str:
        """The message in a reader's language."""

        def value(place: re.Match[str]) -> str:
            # A per cent sign in somebody's own words is no place.
            detail = self.details.get(place[1], place[0])
            if isinstance(detail, int):
                return number(detail)
            return translated(detail) if isinstance(detail, Word) else str(detail)

        return _PLACE.sub(value, translated(self._template))

    def kept(self) -> dict[str, Any]:
        """As JSON, to be worded later by :meth:`of_kept`, in whichever language is read then."""
        details = {
            name: {"word": str(value)} if isinstance(value, Word) else value
            for name, value in self.details.items()
            if name in _PLACE.findall(self._template) and isinstance(value, str | int)
        }
        return {"message": self._template, "details": details}

    @classmethod
    def of_kept(cls, kept: Mapping[str, Any]) -> Self:
        """What was kept."""
        details: dict[str, Any] = {}
        for name, value in kept["details"].items():
            text = value["word"] if isinstance(value, dict) else None
            details[name] = value if text is None else Word(text)
        return cls(kept["message"], **details)


class ConfigurationError(EmberOneError):
    """The environment is not what EmberOne needs."""


class Invalid(EmberOneError):
    """That value is not valid."""

    status = 422


class NotAllowed(EmberOneError):
    """Your account does not have the right to do that; ask an administrator if it should."""

    status = 403


class NotFound(EmberOneError):
    """There is no such thing, or it is not yours."""

    status = 404


class Conflict(EmberOneError):
    """That does not fit what is there already."""

    status = 409


class IllegalTransition(Conflict):
    """The ticket's status does not allow that."""


class CalendarExhausted(Conflict):
    """The business calendar is not open for so much time, however far one looks."""


class StaleWrite(Conflict):
    """Someone changed this meanwhile; look at how it is now."""


class StillReferenced(Conflict):
    """Something else still refers to this, so it cannot be deleted."""


class Gone(EmberOneError):
    """This link is no longer valid."""

    status = 410


class TemporarilyUnavailable(EmberOneError):
    """The database cannot be reached right now; please try again."""

    status = 503
