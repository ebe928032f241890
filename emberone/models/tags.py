"""Tags: the words that sort tickets, some of which are skills."""

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from emberone.db import Base, created_at


class Tag(Base):
    """A word on tickets; one marked as a skill must be among the agent's."""

    __tablename__ = "tags"

    name: Mapped[str] = mapped_column(primary_key=True)
    is_skill: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[created_at]

    __table_args__ = (CheckConstraint("are_tags(ARRAY[name])", name="name"),)
