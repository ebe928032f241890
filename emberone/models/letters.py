"""Letters: the outbox of mail, and the addresses that no longer take any."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at, pk
from emberone.domain.enums import MailState


class Letter(Base):
    """One letter to one person; its key makes a second one of the same impossible."""

    __tablename__ = "mail_outbox"

    id: Mapped[pk]
    #: What it is about, e.g. `feedback:<request>`; the Message-ID is a pure function of it.
    key: Mapped[str]
    #: The folder below `templates/mail/` that words it.
    letter: Mapped[str]
    #: What the wording needs, fixed when the letter was written.
    params: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    to_profile_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("profiles.id", ondelete="SET NULL")
    )
    to_email: Mapped[str]
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id", ondelete="SET NULL"))
    state: Mapped[MailState] = mapped_column(
        Enum(
            MailState,
            native_enum=False,
            create_constraint=True,
            name="state",
            values_callable=lambda states: [state.value for state in states],
        ),
        server_default=text("'queued'"),
    )
    send_after: Mapped[datetime] = mapped_column(server_default=text("context_now()"))
    #: While `sending`: who may deliver it until when; afterwards another may.
    leased_until: Mapped[datetime | None]
    lease_id: Mapped[UUID | None]
    #: Since when it may leave by itself; None: it is yet to be seen whether its reader is
    #: getting so many that it becomes a line of a digest.
    admitted_at: Mapped[datetime | None] = mapped_column(server_default=text("context_now()"))
    #: The letter that tells of it instead.
    digest_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("mail_outbox.id", ondelete="RESTRICT")
    )
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    created_at: Mapped[created_at]

    __table_args__ = (
        Index("uq_mail_outbox_key", "key", unique=True),
        # How many somebody was sent in the last minute, and whom a person was sent what.
        Index("ix_mail_outbox_to_profile_id_admitted_at", "to_profile_id", "admitted_at"),
        Index(
            "ix_mail_outbox_digest_id", "digest_id", postgresql_where=text("digest_id IS NOT NULL")
        ),
        Index(
            "ix_mail_outbox_unadmitted",
            "send_after",
            postgresql_where=text("state = 'queued' AND admitted_at IS NULL"),
        ),
        Index("ix_mail_outbox_ticket_id", "ticket_id"),
        Index("ix_mail_outbox_created_at", "created_at", "id"),
        Index("ix_mail_outbox_due", "send_after", postgresql_where=text("state = 'queued'")),
        Index("ix_mail_outbox_leased", "leased_until", postgresql_where=text("state = 'sending'")),
        Index("ix_mail_outbox_dead", "created_at", postgresql_where=text("state = 'dead'")),
        CheckConstraint(
            "(state = 'sending') = (leased_until IS NOT NULL AND lease_id IS NOT NULL)",
            name="lease",
        ),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_at"),
        CheckConstraint("(state = 'collapsed') = (digest_id IS NOT NULL)", name="digest"),
        CheckConstraint("attempts >= 0", name="attempts"),
    )


class SuppressedAddress(Base):
    """An address that is never mailed: it bounced hard, or its owner unsubscribed."""

    __tablename__ = "suppressed_addresses"

    #: In lower case.
    email: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    created_at: Mapped[created_at]

    __table_args__ = (CheckConstraint("email = lower(email)", name="email"),)
