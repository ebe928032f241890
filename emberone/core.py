"""The product without an edge: configuration and the database, no routes."""

from pathlib import Path

from flask import Flask

import emberone.models  # noqa: F401 - registers every table
from emberone.config import Settings
from emberone.db import db


def create_core(settings: Settings, name: str = "emberone") -> Flask:
    """An application that knows the database; edges add what they need to it."""
    app = Flask(name, static_folder=None, template_folder=str(templates_folder()))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        # PostgreSQL may restart at any time: a connection is tried before use.
        SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": True, "pool_size": 10, "max_overflow": 10},
    )
    app.extensions["emberone.settings"] = settings
    db.init_app(app)
    return app


def migrations_folder() -> Path:
    """Where the migrations lie, in a checkout and in an installed wheel alike."""
    return Path(__file__).parent.parent / "migrations"


def templates_folder() -> Path:
    """Where the pages and letters lie, in a checkout and in an installed wheel alike."""
    return Path(__file__).parent.parent / "templates"
