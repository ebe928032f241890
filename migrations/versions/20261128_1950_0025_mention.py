"""Mentions: a letter more that a person may choose not to get.

Catalogue only; `profiles` is read once for the check, a second for a million people.
"""

from alembic import op

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None

_LETTERS = (
    "'ticket_received', 'staff_replied', 'feedback_request', 'assigned', {more}"
    "'sla_warning', 'sla_breach', 'low_rating', 'unassignable', 'digest'"
)


def upgrade() -> None:
    """Let the letter be declined."""
    _check_declined(_LETTERS.format(more="'mention', "))


def downgrade() -> None:
    """Forget who declined it."""
    op.execute(
        "UPDATE profiles SET declined_letters = array_remove(declined_letters, 'mention')"
        " WHERE 'mention' = ANY (declined_letters)"
    )
    _check_declined(_LETTERS.format(more=""))


def _check_declined(letters: str) -> None:
    op.drop_constraint(op.f("ck_profiles_declined_letters"), "profiles")
    op.create_check_constraint(
        op.f("ck_profiles_declined_letters"),
        "profiles",
        f"array_position(declined_letters, NULL) IS NULL AND declined_letters <@ ARRAY[{letters}]",
    )
