"""The tables: columns, relationships and what needs only themselves."""

from emberone.models.agents import Absence, Agent, Team, TeamMember
from emberone.models.attachments import Attachment, AttachmentContent
from emberone.models.calendars import Calendar, CalendarVersion
from emberone.models.comments import Comment
from emberone.models.drafts import Draft
from emberone.models.feedback import FeedbackRequest
from emberone.models.history import HistoryEntry
from emberone.models.imports import ImportedRow
from emberone.models.letters import Letter, SuppressedAddress
from emberone.models.macros import Macro
from emberone.models.profiles import Profile, User
from emberone.models.pulse import QueuePulse
from emberone.models.reads import TicketRead, TicketViewer
from emberone.models.settings import Setting, SettingChange
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
from emberone.models.waits import HoursAwaited, Wait

__all__ = [
    "Absence",
    "Agent",
    "Attachment",
    "AttachmentContent",
    "Calendar",
    "CalendarVersion",
    "Comment",
    "Draft",
    "FeedbackRequest",
    "HistoryEntry",
    "HoursAwaited",
    "ImportedRow",
    "Letter",
    "Macro",
    "Profile",
    "QueuePulse",
    "SLAClock",
    "SLAPlanStep",
    "SLAPolicy",
    "SLAPolicyVersion",
    "SLAStep",
    "SLATarget",
    "Setting",
    "SettingChange",
    "SuppressedAddress",
    "SweepRun",
    "Tag",
    "Team",
    "TeamMember",
    "Ticket",
    "TicketRead",
    "TicketViewer",
    "User",
    "Wait",
]
