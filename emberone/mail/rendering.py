"""Wording letters: a folder of three templates and the parameters of one letter.

A letter is a folder `templates/mail/<letter>/` with `subject.txt`, `body.txt`
and `body.html`. Beside its parameters it may name what :data:`_DERIVED` lists.
Nothing is optional: a name that is in neither is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from babel.dates import format_skeleton
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    meta,
    nodes,
    select_autoescape,
)

from emberone.languages import ENGLISH
from emberone.mail.bodies import excerpt
from emberone.mail.site import Site

PARTS = ("subject.txt", "body.txt", "body.html")
#: Whom letters come from, and what they sign with.
PRODUCT = "EmberOne"
#: What a template may name without a parameter of that name, and what that is made of.
_DERIVED: Mapping[str, tuple[str, ...]] = {
    "base_url": (),
    "product": (),
    # The letter's own, for its page.
    "subject": (),
    # The same for every letter of a thread, which some programs go by.
    "thread_subject": ("ticket_id", "number", "title"),
    "ticket_url": ("ticket_id",),
    "portal_url": ("number",),
    "choices_url": (),
    "feedback_url": ("request_id",),
    "unsubscribe_url": ("request_id",),
    "confirm_url": ("confirm_claim",),
    "reset_url": ("reset_claim",),
    "language": (),
    # The page with all that a digest tells of.
    "digest_url": ("digest_id",),
}


_MOST_URGENT = ("sla_breach", "sla_warning", "unassignable", "low_rating", "mention")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter in words."""

    #: One line.
    subject: str
    text: str
    html: str
    #: Where one request ends all letters of this kind; None where they are not optional.
    unsubscribe_url: str | None


def templates_folder() -> Path:
    """Where the letters lie, in a checkout and in an installed wheel alike."""
    return Path(__file__).parent.parent.parent / "templates" / "mail"


def render(
    letter: str,
    params: Mapping[str, Any],
    site: Site,
    *,
    translations: NullTranslations | None = None,
) -> Rendered:
    """Word a letter; the same letter, parameters and site give the same words.

    Raises jinja2.TemplateError where the letter or one of its parameters is missing.
    """
    environment = _environment(translations)
    context = _subject_context(params)
    context["subject"] = _subject(environment, letter, context)
    unsubscribe_url = None
    context |= {"base_url": site.base_url, "choices_url": site.choices_url}
    if "ticket_id" in params:
        context["ticket_url"] = site.ticket_url(params["ticket_id"])
    if "number" in params:
        context["portal_url"] = site.portal_url(params["number"])
    if "request_id" in params:
        context["feedback_url"] = site.feedback_url(params["request_id"])
        unsubscribe_url = context["unsubscribe_url"] = f"{context['feedback_url']}/unsubscribe"
    if "confirm_claim" in params:
        context["confirm_url"] = site.confirm_url(params["confirm_claim"])
    if "reset_claim" in params:
        context["reset_url"] = site.reset_url(params["reset_claim"])
    if "digest_id" in params:
        context["digest_url"] = site.digest_url(params["digest_id"])
        context["lines"] = [
            {
                **line,
                "url": site.ticket_url(line["ticket_id"]),
                "group": _group_of(line["letter"]),
            }
            for line in params["lines"]
        ]
    context["language"] = _language_of(translations)
    text, html = (
        environment.get_template(f"{letter}/{part}").render(context) for part in PARTS[1:]
    )
    return Rendered(context["subject"], text.strip() + "\n", html, unsubscribe_url)


def render_subject(
    letter: str, params: Mapping[str, Any], *, translations: NullTranslations | None = None
) -> str:
    """The subject alone; it names no address, so it needs no site."""
    return _subject(_environment(translations), letter, _subject_context(params))


def _group_of(letter: str) -> str:
    """By which a digest's lines stand together: the most urgent kinds first."""
    rank = _MOST_URGENT.index(letter) if letter in _MOST_URGENT else len(_MOST_URGENT)
    return f"{rank} {letter}"


def _language_of(translations: NullTranslations | None) -> str:
    """The language of these texts as HTML names it."""
    headers = translations.info() if translations is not None else {}
    return headers.get("language", ENGLISH).replace("_", "-")


def _subject(environment: Environment, letter: str, context: Mapping[str, Any]) -> str:
    return _one_line(environment.get_template(f"{letter}/{PARTS[0]}").render(context))


def _subject_context(params: Mapping[str, Any]) -> dict[str, Any]:
    context = {"product": PRODUCT, **params}
    if params.keys() >= {"ticket_id", "number", "title"}:
        # A thread keeps the title that it began with.
        topic = params.get("topic") or params["title"]
        again = "Re: " if params.get("follows") else ""
        context["thread_subject"] = f"{again}[#{params['number']}] {topic}"
    return context


@cache
def required_params(letter: str) -> frozenset[str]:
    """The parameters that the letter's templates name; raises LookupError for no such letter."""
    environment = _environment(None)
    names: set[str] = set()
    try:
        for part in PARTS:
            names |= _names_in(environment, f"{letter}/{part}")
    except TemplateNotFound as error:
        raise LookupError(f"There is no letter {letter!r}.") from error
    free = names - environment.globals.keys()
    return frozenset(part for name in free for part in _DERIVED.get(name, (name,)))


@cache
def _environment(translations: NullTranslations | None) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        translations or NullTranslations(), newstyle=True
    )
    moment = partial(_moment, language=_language_of(translations))
    environment.filters |= {"moment": moment, "excerpt": excerpt, "file_size": _file_size}
    return environment


def _names_in(environment: Environment, name: str) -> set[str]:
    """The free names of a template and of those it extends and imports."""
    assert environment.loader is not None
    source, _, _ = environment.loader.get_source(environment, name)
    tree = environment.parse(source)
    imported = {node.target for node in tree.find_all(nodes.Import)}
    names = set(meta.find_undeclared_variables(tree)) - imported
    for other in meta.find_referenced_templates(tree):
        if other is not None:
            names |= _names_in(environment, other)
    return names


def _moment(iso: str, language: str = ENGLISH) -> str:
    """A time as people read it; letters travel, so it says that it is UTC."""
    moment = datetime.fromisoformat(str(iso)).astimezone(UTC)
    if language == ENGLISH:
        return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
    locale = language.replace("-", "_")
    day, clock = (format_skeleton(part, moment, UTC, locale=locale) for part in ("yMMMd", "Hm"))
    return f"{day}, {clock} UTC"


def _file_size(count: int) -> str:
    """So many bytes as people say it."""
    if count < 1024 * 1024:
        return f"{max(1, round(count / 1024))} kB"
    return f"{count / 1024 / 1024:.1f} MB"


def _one_line(text: str) -> str:
    """A header's worth of it: no line break and no control character can get in."""
    printable = (character if character.isprintable() else " " for character in text)
    return " ".join("".join(printable).split())
