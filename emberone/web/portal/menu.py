"""Where a customer can go: the portal's menu, as plain data for its layout."""

from flask import current_app, request, url_for
from flask_babel import gettext as _

from emberone.web.theme.navigation import NavItem


def portal_menu() -> list[NavItem]:
    """The links at the top of every page of the portal."""
    return [
        _item(_("My tickets"), "portal.tickets", "inbox"),
        _item(_("New ticket"), "portal.ticket_new", "plus"),
    ]


def portal_account_links() -> list[NavItem]:
    """The links of the person's own menu, above "Sign out"."""
    pages = {"account.page": (_("Account"), "user-circle")}
    return [
        _item(name, endpoint, icon)
        for endpoint, (name, icon) in pages.items()
        if endpoint in current_app.view_functions
    ]


def _item(name: str, endpoint: str, icon: str) -> NavItem:
    return NavItem(name, url_for(endpoint), icon, is_active=request.endpoint == endpoint)
