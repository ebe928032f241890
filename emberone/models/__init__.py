"""The tables: columns, relationships and what needs only themselves."""

from emberone.models.agents import Agent, Team, TeamMember
from emberone.models.comments import Comment
from emberone.models.feedback import FeedbackRequest
from emberone.models.history import HistoryEntry
from emberone.models.imports import ImportedRow
from emberone.models.letters import Letter, SuppressedAddress
from emberone.models.profiles import Profile, User
from emberone.models.settings import Setting
from emberone.models.sla import (
    SLAClock,
    SLAPlanStep,
    SLAPolicy,
    SLAPolicyVersion,
    SLAStep,
    SLATarget,
)
from emberone.models.sweeps import SweepRun
from emberone.models.tags import Tag
from emberone.models.tickets import Ticket

__all__ = [
    "Agent",
    "Comment",
    "FeedbackRequest",
    "HistoryEntry",
    "ImportedRow",
    "Letter",
    "Profile",
    "SLAClock",
    "SLAPlanStep",
    "SLAPolicy",
    "SLAPolicyVersion",
    "SLAStep",
    "SLATarget",
    "Setting",
    "SuppressedAddress",
    "SweepRun",
    "Tag",
    "Team",
    "TeamMember",
    "Ticket",
    "User",
]
