"""Runs the migrations as the owner of the tables, one transaction each.

A migration waits five seconds at most for a lock, so that it never queues the
product behind itself; it fails instead and can be run again.
"""

from alembic import context
from flask import current_app
from sqlalchemy import create_engine, pool, text

from emberone.db import Base

settings = current_app.extensions["emberone.settings"]


def include_object(
    thing: object, name: str | None, kind: str, reflected: bool, other: object
) -> bool:
    """Leave alone what the models do not own."""
    return not (kind == "table" and reflected and other is None and name == "alembic_version")


engine = create_engine(settings.owner_url, poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text("SET statement_timeout = '30min'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=include_object,
        transaction_per_migration=True,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()
