"""Sweep runs: the measured progress of background work."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base


class SweepRun(Base):
    """The last run of one sweep."""

    __tablename__ = "sweep_runs"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_started_at: Mapped[datetime | None]
    last_ok_at: Mapped[datetime | None]
    #: Seconds that the oldest due row had been waiting when the last run began.
    lag_s: Mapped[float] = mapped_column(server_default=text("0"))
    #: Rows done by the last run that did anything.
    done: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None]
    last_error_at: Mapped[datetime | None]
