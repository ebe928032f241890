"""The languages that the product speaks: English, and every catalogue found on disk.

A catalogue is `translations/<language>/LC_MESSAGES/messages.mo`; `make translations`
compiles only those that leave nothing out, so whatever is found there is complete.
"""

import gettext
from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

from babel import Locale, negotiate_locale

#: The language that the texts are written in; it needs no catalogue.
ENGLISH: Final = "en"
DOMAIN: Final = "messages"


def folder() -> Path:
    """Where the catalogues lie, in a checkout and in an installed wheel alike."""
    return Path(__file__).parent / "translations"


def available() -> tuple[str, ...]:
    """Every language that can be chosen, English first."""
    return (ENGLISH, *_catalogues(folder()))


def choices() -> list[tuple[str, str]]:
    """Code and own name of every language that can be chosen."""
    return [(code, own_name(code)) for code in available()]


def own_name(language: str) -> str:
    """What a language calls itself, e.g. `Deutsch`."""
    name = Locale.parse(language).get_display_name() or language
    return name[:1].upper() + name[1:]


def best(wanted: Iterable[str]) -> str | None:
    """The first of these that the product speaks, also as a relative of it; None for none."""
    return negotiate_locale([code.replace("-", "_") for code in wanted], [*available()], sep="_")


def catalogue(language: str | None) -> GNUTranslations | None:
    """The translated texts of a language; None for English and for what nobody has translated."""
    return _catalogues(folder()).get(language or ENGLISH)


@cache
def _catalogues(place: Path) -> dict[str, GNUTranslations]:
    found = {}
    for path in sorted(place.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")):
        with path.open("rb") as file:
            found[path.parts[-3]] = gettext.GNUTranslations(file)
    return found
