"""How the pages word times and names."""

from datetime import date, datetime, time, timedelta
from typing import Any

from babel.dates import format_skeleton, format_timedelta
from flask_babel import format_date, format_datetime, format_decimal, get_locale, to_user_timezone

#: How many tints an avatar without a picture can have (`avatar--tint-0` and so on).
AVATAR_TINTS = 8

#: What a time looks like in a list and, in full, in its tooltip.
DAY = "d MMM y"
SHORT = "d MMM, HH:mm"
WITH_YEAR = "d MMM y, HH:mm"
DAY_IN_FULL = "d MMMM y"
DAY_OF_WEEK = "EEE d MMM, HH:mm"
DAY_FIELDS = "MMMd"
DAY_AND_YEAR_FIELDS = "yMMMd"
FULL = "%Y-%m-%d %H:%M:%S %Z"


def time_iso(moment: datetime) -> str:
    """Return a time as machines read it."""
    return moment.isoformat(timespec="seconds")


def time_full(moment: datetime) -> str:
    """Return a time to the second with its zone, in the reader's zone, the same in every language."""
    return to_user_timezone(moment).strftime(FULL)


def time_short(moment: datetime, *, now: datetime | None = None) -> str:
    """Return a time for a list: without the year when that is the year of `now`."""
    local = to_user_timezone(moment)
    same_year = now is not None and to_user_timezone(now).year == local.year
    locale = get_locale()
    if locale is None or locale.language == "en":
        return format_datetime(moment, SHORT if same_year else WITH_YEAR)
    # In the order and with the clock that the language is used to.
    day = DAY_FIELDS if same_year else DAY_AND_YEAR_FIELDS
    return ", ".join(format_skeleton(part, local, locale=locale) for part in (day, "Hm"))


def day_in_full(moment: datetime) -> str:
    """Return a day within a sentence: `5 December 2026`."""
    locale = get_locale()
    is_english = locale is None or locale.language == "en"
    return str(format_date(moment, DAY_IN_FULL if is_english else "long"))


def time_with_day(moment: datetime) -> str:
    """Return a time that is to come, with its day of the week: `Mon 30 Nov, 09:00`."""
    locale = get_locale()
    if locale is None or locale.language == "en":
        return format_datetime(moment, DAY_OF_WEEK)
    local = to_user_timezone(moment)
    return ", ".join(format_skeleton(part, local, locale=locale) for part in ("MMMEd", "Hm"))


def day_with_weekday(day: date, *, with_year: bool = False) -> str:
    """Return a date with its day of the week, of no zone: `Mon 30 Nov`."""
    noon = datetime.combine(day, time(12))
    locale = get_locale()
    if locale is None or locale.language == "en":
        return format_datetime(noon, "EEE d MMM y" if with_year else "EEE d MMM", rebase=False)
    return str(format_skeleton("yMMMEd" if with_year else "MMMEd", noon, locale=locale))


def time_hour(moment: datetime) -> str:
    """Return the time of day where the day is plain: `09:00`."""
    locale = get_locale()
    if locale is None or locale.language == "en":
        return format_datetime(moment, "HH:mm")
    return str(format_skeleton("Hm", to_user_timezone(moment), locale=locale))


def time_brief(moment: datetime, *, now: datetime) -> str:
    """Return a time in a narrow column: the hour where it is of today, else the day."""
    local, today = to_user_timezone(moment), to_user_timezone(now)
    if local.date() == today.date():
        part = "Hm"
    else:
        part = DAY_FIELDS if local.year == today.year else DAY_AND_YEAR_FIELDS
    locale = get_locale()
    if locale is None or locale.language == "en":
        return format_datetime(moment, {"Hm": "HH:mm", DAY_FIELDS: "d MMM"}.get(part, DAY))
    return str(format_skeleton(part, local, locale=locale))


def time_ago(moment: datetime, *, now: datetime) -> str:
    """Return how long ago, or in how long, a time is seen from `now`."""
    distance: timedelta = moment - now
    locale = get_locale()
    return format_timedelta(
        distance,
        granularity="minute",
        add_direction=True,
        # In other languages the shortest form is one letter that nobody reads.
        format="narrow" if locale is None or locale.language == "en" else "short",
        locale=locale or "en",
    )


def file_size(size: int) -> str:
    """Return a number of bytes as people say it; KB and MB are powers of 1024, as the limits."""
    for unit, name in ((2**20, "MB"), (2**10, "KB")):
        if size >= unit:
            return f"{format_decimal(round(size / unit, 1))} {name}"
    return f"{size} B"


def record_name(record: Any) -> str:
    """Return what a record calls itself, or nothing if it only has Python's own words."""
    name = str(record)
    return "" if name.startswith("<") else name


def initials(name: str) -> str:
    """Return the one or two letters that stand for a person, not for the house after a comma."""
    name = name.split(",")[0].strip() or name
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    letters = words[0][0] if len(words) == 1 else words[0][0] + words[-1][0]
    return letters.upper()


def avatar_tint(name: str) -> int:
    """Return a number that is always the same for one name."""
    return sum(name.encode()) % AVATAR_TINTS


def page_language() -> str:
    """Return the language of the page as HTML names it."""
    return str(get_locale() or "en").replace("_", "-")
