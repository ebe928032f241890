"""Tables with a column of every kind that a form can hold."""

from datetime import UTC, date, datetime, time, timedelta

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, ForeignKey, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from tests.web.theme_sample.data import PEOPLE

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    """The sample's own tables, apart from the product's."""


db = SQLAlchemy(model_class=Base)


watchers = Table(
    "watchers",
    Base.metadata,
    Column("order_id", ForeignKey("order.id"), primary_key=True),
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
)


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    plan: Mapped[str | None]
    is_vip: Mapped[bool] = mapped_column(default=False)
    joined_at: Mapped[datetime | None]
    birthday: Mapped[date | None]
    calls_at: Mapped[time | None]
    about: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[list["Note"]] = relationship(
        back_populates="customer", cascade="all, delete-orphan"
    )

    def __str__(self) -> str:
        return self.name


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    text: Mapped[str]
    is_pinned: Mapped[bool] = mapped_column(default=False)
    customer: Mapped[Customer] = relationship(back_populates="notes")


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship()
    watchers: Mapped[list[Customer]] = relationship(secondary=watchers)


def fill(app: Flask) -> None:
    """Make the tables in memory and fill them."""
    db.init_app(app)
    with app.app_context():
        db.create_all()
        for number, name in enumerate(PEOPLE * 3):
            db.session.add(_customer(number, name))
        db.session.flush()
        db.session.add(Order(title="Coffee grinder", customer_id=1))
        db.session.commit()


def _customer(number: int, name: str) -> Customer:
    return Customer(
        name=name,
        email=f"{name.lower().replace(' ', '.')}{number}@example.com",
        plan=("Free", "Team", "Scale")[number % 3],
        is_vip=number % 4 == 0,
        joined_at=START + timedelta(days=number, minutes=7 * number),
        birthday=date(1990, 1 + number % 12, 3),
        calls_at=time(9 + number % 8, 15),
        about="Prefers a call to a letter. <b>Not bold.</b>" if number % 2 else None,
        notes=[Note(text="Asked for an invoice by post.")] if number < 3 else [],
    )
