"""What an address or a form carries, read strictly: anything else is a clear 400."""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import TypeVar
from uuid import UUID

from flask import request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from emberone.domain.errors import EmberOneError, NotFound
from emberone.queries.paging import BIGINT_MAX, parse_count, parse_id, parse_moment
from emberone.web.zone import reader_zone

E = TypeVar("E", bound=Enum)

#: Longer searches are refused: nobody types them.
MAX_SEARCH = 500


class NotUnderstood(EmberOneError):
    """Something in this address is not as we wrote it."""

    status = 400


class Values:
    """The arguments of an address, or the fields of a form."""

    def __init__(self, values: MultiDict[str, str]) -> None:
        self._values = values

    def text(self, name: str, longest: int = MAX_SEARCH) -> str | None:
        """A trimmed text, None where it is empty or missing."""
        text = self._values.get(name, "").strip()
        if len(text) > longest:
            raise NotUnderstood(
                _("“%(name)s” is longer than %(count)s characters.", name=name, count=longest)
            )
        if any("\ud800" <= character <= "\udfff" or character == "\0" for character in text):
            raise self._refused(name)
        return text or None

    def raw(self, name: str) -> str:
        """A text as it was typed, for a service to judge."""
        return self._values.get(name, "")

    def has(self, name: str) -> bool:
        """Whether the field was sent at all: a box that was ticked, a button that was pressed."""
        return name in self._values

    def one_of(self, name: str, choices: Collection[str]) -> str | None:
        """One of these words, None where it is missing."""
        text = self.text(name)
        if text is not None and text not in choices:
            raise self._refused(name)
        return text

    def choice(self, name: str, kind: type[E]) -> E | None:
        """One value of an enumeration, None where it is missing."""
        text = self.text(name)
        if text is None:
            return None
        for member in kind:
            if member.value == text:
                return member
        raise self._refused(name)

    def identifier(self, name: str) -> UUID | None:
        """One id, None where it is missing; two with a comma are none."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse_id(text)
        except ValueError:
            raise self._refused(name) from None

    def identifiers(self, name: str, most: int = 1000) -> list[UUID]:
        """The ids of the boxes that were ticked."""
        texts = self._values.getlist(name)
        if len(texts) > most:
            raise self._refused(name)
        try:
            return [parse_id(text) for text in texts]
        except ValueError:
            raise self._refused(name) from None

    def words(self, name: str, most: int) -> list[str]:
        """Every text under this name, trimmed, as far as there is one."""
        texts = [text.strip() for text in self._values.getlist(name)]
        if len(texts) > most or any(len(text) > MAX_SEARCH for text in texts):
            raise self._refused(name)
        return [text for text in texts if text]

    def parts(self, name: str, most: int) -> list[int]:
        """The numbers of the parts whose fields are called `name-NUMBER-…`, in the form's order."""
        pattern = re.compile(rf"{re.escape(name)}-([0-9]{{1,6}})-", re.ASCII)
        matches = (pattern.match(field) for field in self._values)
        numbers = list(dict.fromkeys(int(match[1]) for match in matches if match))
        if len(numbers) > most:
            raise self._refused(name)
        return numbers

    def count(self, name: str) -> int | None:
        """A whole number from 0 on, None where it is missing."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse_count(text)
        except ValueError:
            raise self._refused(name) from None

    def moment(self, name: str) -> datetime | None:
        """A time with its zone, None where it is missing."""
        text = self.text(name, 40)
        if text is None:
            return None
        try:
            return parse_moment(text)
        except ValueError:
            raise self._refused(name) from None

    def version(self) -> int:
        """The version that a form was made from; a form without one is not ours."""
        number = self.count("version")
        if number is None or number > 2**31 - 1:
            raise self._refused("version")
        return number

    def day_begins(self, name: str) -> datetime | None:
        """The first instant of a day where the reader lives, None where it is missing."""
        day = self._day(name)
        return None if day is None else datetime.combine(day, time(), reader_zone())

    def day_ends(self, name: str) -> datetime | None:
        """The first instant after such a day, None where it is missing."""
        day = self._day(name)
        if day is None:
            return None
        return datetime.combine(day + timedelta(days=1), time(), reader_zone())

    def local_time(self, name: str, years: Collection[int]) -> datetime | None:
        """A time of the reader's own zone, None where it is missing or not of these years.

        For what is only looked at: a time that is half typed is none yet.
        """
        try:
            moment = datetime.fromisoformat(self.raw(name).strip()[:16])
        except ValueError:
            return None
        if moment.tzinfo is not None or moment.year not in years:
            return None
        return moment.replace(tzinfo=reader_zone())

    def _day(self, name: str) -> date | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise self._refused(name) from None
        if not 1900 <= day.year <= 2999:
            raise self._refused(name)
        return day

    def _refused(self, name: str) -> NotUnderstood:
        return NotUnderstood(_("“%(name)s” has no such value.", name=name))


def arguments() -> Values:
    """The arguments of the request's address."""
    return Values(request.args)


def fields() -> Values:
    """The fields of the form that was sent."""
    return Values(request.form)


def row_id(values: Mapping[str, str]) -> UUID:
    """The one row that `id` names; whatever is no id is a row that does not exist."""
    try:
        return parse_id(values.get("id", ""))
    except ValueError:
        raise NotFound from None


def asked_row() -> UUID:
    """The row that the address names."""
    return row_id(request.args)


def row_number(number: int) -> int:
    """A ticket's number from a path; one that no bigint holds does not exist."""
    if not 0 < number <= BIGINT_MAX:
        raise NotFound
    return number
