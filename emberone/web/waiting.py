"""Why a quiet ticket was closed, in the words of panel and portal alike."""

from collections.abc import Mapping
from typing import Any

from flask_babel import ngettext

from emberone.domain.feedback import SkipReason


def inactivity_words(facts: Mapping[str, Any]) -> str | None:
    """What the product said when it closed a ticket; None where it said something else."""
    days = facts.get("days")
    if facts.get("kind") != SkipReason.INACTIVITY.value or not isinstance(days, int):
        return None
    return ngettext(
        "Closed because there was no answer for %(num)s working day.",
        "Closed because there was no answer for %(num)s working days.",
        days,
    )
