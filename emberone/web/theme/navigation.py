"""Who is signed in and where they can go, as plain data for the templates."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, url_for
from flask_admin.menu import BaseMenu
from flask_login import current_user

from emberone.web.theme.assets import icon_names


@dataclass(frozen=True)
class NavItem:
    """One line of the side bar; a heading has children and no address of its own."""

    name: str
    url: str | None = None
    icon: str | None = None
    is_active: bool = False
    children: list["NavItem"] = field(default_factory=list)
    #: After `g` it goes there.
    key: str | None = None


@dataclass(frozen=True)
class Account:
    """The person who is signed in, as the top bar shows them."""

    name: str
    email: str
    role: str


def _icon(item: BaseMenu) -> str | None:
    """Return the item's icon if the sprite holds it."""
    value = item.get_icon_value()
    return value if value in icon_names() else None


def _key(item: BaseMenu) -> str | None:
    """Return the key that its view has for going there."""
    return getattr(getattr(item, "_view", None), "menu_key", None)


def _items(menu: Iterable[BaseMenu], view: Any) -> list[NavItem]:
    """Turn Flask-Admin's menu into plain data, without what this person may not see."""
    items = []
    for item in menu:
        if not (item.is_accessible() and item.is_visible()):
            continue
        children = _items(item.get_children(), view) if item.is_category() else []
        if item.is_category() and not children:
            continue
        url = item.get_url()
        if url is None and not children:
            continue
        items.append(
            NavItem(str(item.name), url, _icon(item), item.is_active(view), children, _key(item))
        )
    return items


def navigation(view: Any = None) -> list[NavItem]:
    """Return the panel's menu for the present person, the page of `view` marked."""
    admins = current_app.extensions.get("admin", [])
    return _items(admins[0].menu(), view) if admins else []


def navigation_links(view: Any = None) -> list[NavItem]:
    """Return the links that the person's own menu shows above "Sign out"."""
    admins = current_app.extensions.get("admin", [])
    return _items(admins[0].menu_links(), view) if admins else []


def home_url() -> str:
    """Return the address of the panel's first page, or of the site's where there is no panel."""
    admins = current_app.extensions.get("admin", [])
    endpoint = f"{admins[0].endpoint}.index" if admins else ""
    return url_for(endpoint) if endpoint in current_app.view_functions else "/"


def account() -> Account | None:
    """Return who is signed in, or None."""
    if not hasattr(current_app, "login_manager") or not current_user.is_authenticated:
        return None
    profile = getattr(current_user, "profile", None) or current_user
    email = getattr(profile, "email", None) or getattr(current_user, "email", "") or ""
    name = getattr(profile, "full_name", None) or email
    role = getattr(profile, "role", "") or ""
    return Account(name, email, str(getattr(role, "value", role)))


def sign_out_url() -> str | None:
    """Return the address that ends the session, if the application has one."""
    if "security.logout" not in current_app.view_functions:
        return None
    return url_for("security.logout")


def search_url() -> str | None:
    """Return the address that the top bar's search box asks, if one was named."""
    endpoint = current_app.extensions["theme"].search_endpoint
    if endpoint is None or endpoint not in current_app.view_functions:
        return None
    return url_for(endpoint)
