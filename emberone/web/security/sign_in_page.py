"""What stands beside the sign-in's form: the ways in, and the demo's accounts where it is one."""

from typing import Any

from flask_babel import lazy_gettext as _l

from emberone.config import Settings
from emberone.demo_accounts import (
    DEMO_ADMIN,
    DEMO_AGENT,
    DEMO_CUSTOMER,
    DEMO_LOGINS,
    DEMO_PASSWORD,
)
from emberone.queries.profiles import known_addresses
from emberone.services.registration import allows_registration
from emberone.web.security.datastore import as_product

_ROLES = {DEMO_ADMIN: _l("Admin"), DEMO_AGENT: _l("Agent"), DEMO_CUSTOMER: _l("Customer")}


def sign_in_page(settings: Settings) -> dict[str, Any]:
    """Whether one may register, and who can be tried out; for the sign-in's template."""
    with as_product() as session:
        # A password known to everyone is shown where only this machine can read it.
        there = known_addresses(session, DEMO_LOGINS) if settings.is_private else set()
        return {
            "allows_registration": allows_registration(session),
            "demo_password": DEMO_PASSWORD,
            "demo_logins": [(login, _ROLES[login]) for login in DEMO_LOGINS if login in there],
        }
