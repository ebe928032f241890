"""Small marks inside a line: icons, badges, avatars.

Functions instead of template macros, and remembered, because a list draws
hundreds of them.
"""

from enum import Enum
from functools import lru_cache

from flask import request
from flask_babel import get_locale
from markupsafe import Markup

from emberone.web.theme.assets import icon_url
from emberone.web.theme.badges import badge_of
from emberone.web.theme.formats import avatar_tint, initials

_ICON = Markup('<svg class="{}"{}><use href="{}"></use></svg>')
_HIDDEN = Markup(' aria-hidden="true"')
_NAMED = Markup(' role="img" aria-label="{}"')
_BADGE = Markup('<span class="{}"{}>{}{}{}</span>')
_TITLE = Markup(' title="{}"')
_UNSEEN = Markup('<span class="visually-hidden">{}: </span>')
_AVATAR = Markup('<span class="avatar avatar-{} avatar--tint-{}" aria-hidden="true">{}</span>')


def _place() -> tuple[str, str]:
    """Return what every remembered mark depends on: the language and where the site is mounted."""
    return str(get_locale()), request.script_root


@lru_cache(maxsize=1024)
def _icon(name: str, label: str | None, css: str, _root: str) -> Markup:
    """Draw an icon."""
    return _ICON.format(
        f"icon {css}".strip(), _NAMED.format(label) if label else _HIDDEN, icon_url(name)
    )


@lru_cache(maxsize=4096)
def _badge(kind: str, text: str | None, icon_name: str | None, _place: tuple[str, str]) -> Markup:
    """Draw a badge."""
    look = badge_of(kind)
    word = look.label if text is None else text
    return _BADGE.format(f"tone tone--{look.modifier}", "", icon(icon_name or look.icon), "", word)


@lru_cache(maxsize=4096)
def _sla_badge(state: str, text: str | None, title: str | None, _place: tuple[str, str]) -> Markup:
    """Draw the badge of a clock."""
    look = badge_of(state)
    return _BADGE.format(
        f"tone tone--{look.modifier} sla-badge sla-badge--{state.lower()}",
        _TITLE.format(title) if title else "",
        icon(look.icon),
        _UNSEEN.format(look.label) if text else "",
        text or look.label,
    )


def icon(name: str, label: str | None = None, **attributes: str) -> Markup:
    """Return an icon of the sprite; with a label it says that, without it is decoration."""
    css = attributes.get("class", "")
    return _icon(name, str(label) if label else None, css, request.script_root)


def badge(kind: str | Enum, text: str | None = None, icon_name: str | None = None) -> Markup:
    """Return a status, a priority or another kind as colour, icon and word."""
    return _badge(_value(kind), None if text is None else str(text), icon_name, _place())


def sla_badge(state: str | Enum, text: str | None = None, title: str | None = None) -> Markup:
    """Return where a clock stands; `text` is the time left, the state then only read aloud."""
    words = str(text) if text else None
    return _sla_badge(_value(state), words, str(title) if title else None, _place())


def _value(kind: str | Enum) -> str:
    """Return the word behind a choice."""
    return str(kind.value if isinstance(kind, Enum) else kind)


@lru_cache(maxsize=4096)
def avatar(name: str, size: str = "sm") -> Markup:
    """Return a person's initials in a circle of their own tint; `size` is xs or sm."""
    return _AVATAR.format(size, avatar_tint(name), initials(name))
