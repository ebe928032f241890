"""What `emberone doctor --production` asks besides: nothing of a demo, nothing half secured."""

from collections.abc import Iterator
from typing import NamedTuple

import psycopg
from sqlalchemy.engine import make_url

from emberone.config import Settings
from emberone.demo_accounts import DEMO_LOGINS
from emberone.embedded import CLUSTER_NAME

#: Shorter keys can be guessed by whoever has seen one signed cookie.
_SECRET_LENGTH = 32


class Rule(NamedTuple):
    """One thing that must hold where real customers write."""

    holds: bool
    subject: str
    #: What it says when it holds, and when it does not.
    well: str
    ill: str


def of_environment(settings: Settings) -> Iterator[Rule]:
    """What the environment alone tells."""
    yield Rule(
        settings.is_https,
        "https",
        f"people come to {settings.base_url}",
        f"EMBERONE_BASE_URL is {settings.base_url}: passwords would travel in the clear",
    )
    yield Rule(
        settings.smtp_url is not None,
        "mail leaves",
        "a mail server is set",
        "EMBERONE_SMTP_URL is not set: customers would never hear of an answer",
    )
    yield Rule(
        len(settings.secret_key) >= _SECRET_LENGTH,
        "secret key",
        "is long enough",
        f"EMBERONE_SECRET_KEY has fewer than {_SECRET_LENGTH} characters",
    )
    yield Rule(
        settings.trusted_proxies > 0,
        "proxy",
        f"the client is named by {settings.trusted_proxies} proxy or proxies of yours",
        "EMBERONE_TRUSTED_PROXIES is 0: TLS ends at a proxy, and everyone would share its address",
    )
    same_login = make_url(settings.database_url).username == make_url(settings.owner_url).username
    yield Rule(
        not same_login,
        "two logins",
        "the product and its migrations use different ones",
        "the product connects as the owner of the tables: set EMBERONE_OWNER_URL apart",
    )


def of_database(owner: "psycopg.Connection[tuple[object, ...]]") -> Iterator[Rule]:
    """What the database tells its owner, by tables that are at this version."""
    cluster = _value(owner, "SELECT current_setting('cluster_name')")
    yield Rule(
        cluster != CLUSTER_NAME,
        "own server",
        "the database is a server of yours",
        "the database is the embedded one, which nobody backs up or watches",
    )
    demo = _value(
        owner, "SELECT count(*) FROM profiles WHERE lower(email) = ANY (%s)", list(DEMO_LOGINS)
    )
    yield Rule(
        demo == 0,
        "no demo",
        "nobody signs in with a password that everyone knows",
        f"{demo} accounts of the demo are there: begin with an empty database",
    )
    admins = _value(
        owner,
        "SELECT count(*) FROM profiles WHERE role = 'ADMIN' AND may_sign_in(user_id)",
    )
    yield Rule(
        bool(admins),
        "an admin",
        f"{admins} can sign in",
        "nobody can sign in as an admin: run 'emberone create-admin'",
    )
    fsync = _value(owner, "SELECT current_setting('fsync')")
    yield Rule(
        fsync == "on",
        "fsync",
        "what is committed is on disk",
        "fsync is off: a power cut would lose or tear what was committed",
    )


def _value(
    connection: "psycopg.Connection[tuple[object, ...]]", query: str, *values: object
) -> object:
    row = connection.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return row[0]
