"""The names of background work, and the nudge that only buys latency.

A job is a sweep over what is due in PostgreSQL; beat re-issues every one of
them, so a lost nudge costs seconds and nothing else.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from emberone.db import on_commit


class Job(StrEnum):
    """One sweep."""

    PUBLISH = "publish"
    ASSIGN = "assign"
    SLA = "sla"
    REPLAN = "replan"
    WAITS = "waits"
    FEEDBACK = "feedback"
    MAIL = "mail"


#: So many letters leave at once from one process: each waits on the network.
MAIL_THREADS: Final = 8


def _nobody(job: Job) -> None:
    """Without a broker (command line, tests) beat does it alone."""


_sender: Callable[[Job], None] = _nobody


def send_nudges_with(sender: Callable[[Job], None]) -> None:
    """Let an edge say how a nudge reaches the broker; called once at its start."""
    global _sender
    _sender = sender


def nudge(session: Session, job: Job) -> None:
    """Ask for a sweep right after the commit of this transaction, once."""
    on_commit(session, job, lambda: _sender(job))
