"""The queue's pulse: what moves whenever a ticket does."""

from sqlalchemy import BigInteger, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base


class QueuePulse(Base):
    """One of the slots in which a transaction that changed tickets leaves its number."""

    __tablename__ = "queue_pulse"

    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    moved_by: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = {"postgresql_with": {"fillfactor": "20"}}  # noqa: RUF012
