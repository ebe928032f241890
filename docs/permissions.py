# noqa: INP001 - a script beside what it writes
"""Writes `docs/permissions.md` from the table in `emberone/policy.py`: `python docs/permissions.py`."""

from itertools import groupby
from pathlib import Path

from emberone.domain.enums import Role
from emberone.policy import TABLE

_HEAD = """\
# Who may do what

Generated from `emberone/policy.py` by `python docs/permissions.py`; a test fails when it is not current.

A cell says for which rows a role may do it; an empty one is a no. Whatever is not in this table is refused, and PostgreSQL refuses it a second time (`migrations/sql/0003_permissions.sql`). Which status allows an act is in `emberone/domain/lifecycle.py`; which permission an address asks for is in `emberone/web/access.py`. To a customer, someone else's ticket and one that does not exist are the same "not found".
"""
_ROLES = (Role.CUSTOMER, Role.AGENT, Role.ADMIN)


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for subject, permissions in groupby(TABLE, key=lambda name: name.partition(":")[0]):
        parts.append(f"\n## {subject.capitalize()}\n\n")
        parts.append("| permission | " + " | ".join(_ROLES) + " |\n|---|---|---|---|\n")
        for name in permissions:
            rules = TABLE[name]
            cells = [rules[role].text if role in rules else "" for role in _ROLES]
            parts.append(f"| `{name}` | " + " | ".join(cells) + " |\n")
    return "".join(parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
