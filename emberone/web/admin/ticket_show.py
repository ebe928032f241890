"""How the page of a ticket is put together, whole or only what is new on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flask import request, url_for
from flask_babel import gettext as _

from emberone.db import now_of
from emberone.domain.enums import DraftKind, Status
from emberone.domain.errors import EmberOneError, IllegalTransition
from emberone.domain.lifecycle import Event
from emberone.domain.macros import NO_CHANGES, Filling, ReplyChanges
from emberone.markdown import to_html
from emberone.queries import (
    agents,
    attachments,
    comments,
    drafts,
    feedback,
    history,
    macros,
    reads,
    sla,
    tickets,
    timeline,
)
from emberone.web.admin import choices
from emberone.web.admin.base import found
from emberone.web.admin.explanations import explanations
from emberone.web.admin.feedback import askings
from emberone.web.admin.limits import clock_marks
from emberone.web.admin.macro_form import beginning_on, effects
from emberone.web.admin.moments import lines
from emberone.web.admin.note_mentions import marks_for
from emberone.web.admin.params import arguments, fields, row_number
from emberone.web.admin.reply_changes import chips_of
from emberone.web.admin.snooze_menu import snooze_of
from emberone.web.admin.ticket_form import TicketForm
from emberone.web.admin.ticket_scene import colleagues, due_times, outgoing, talk_of
from emberone.web.admin.tickets import TicketList
from emberone.web.session import current_actor, current_profile

#: What a button of the reply box means.
VERBS: Final = {
    "reply": Event.STAFF_REPLY,
    "reply_and_reopen": Event.STAFF_REPLY_REOPENING,
    "reply_and_wait": Event.STAFF_REPLY_AND_WAIT,
    "reply_and_close": Event.STAFF_REPLY_AND_CLOSE,
}
NOTE: Final = "note"
#: The cookie in which a browser keeps that one goes on to the next ticket after sending.
ONWARD: Final = "onward"


@dataclass(frozen=True, slots=True)
class Composing:
    """What stands in the reply box."""

    text: str = ""
    #: reply or note.
    kind: str = "reply"
    #: Which button comes first: one of VERBS.
    verb: str = "reply"
    #: What sending it changes beside the status.
    changes: ReplyChanges = NO_CHANGES

    @classmethod
    def of(cls, draft: drafts.DraftCard | None) -> "Composing":
        """What the person was writing, on whichever machine."""
        if draft is None:
            return cls()
        kind = NOTE if draft.kind is DraftKind.NOTE else "reply"
        # One that was taken back remembers how it was sent.
        verb = next((verb for verb, event in VERBS.items() if event is draft.event), "reply")
        return cls(draft.content, kind, verb, draft.changes)

    @property
    def is_note(self) -> bool:
        """Whether only staff will see it."""
        return self.kind == NOTE


class TicketShow(TicketList):
    """The queue, and what draws the page of one ticket; verbs come with the classes below."""

    def _url(self, number: int) -> str:
        return url_for("ticket.page", number=number)

    def _id(self, number: int) -> UUID:
        return found(tickets.id_of(self.session, current_actor(), row_number(number)))

    def _ticket(self, number: int) -> tickets.TicketDetails:
        return found(tickets.ticket_details(self.session, current_actor(), row_number(number)))

    def _page(
        self,
        number: int,
        *,
        refusal: EmberOneError | None = None,
        composing: Composing | None = None,
        form: TicketForm | None = None,
    ) -> Any:
        actor = current_actor()
        # Before all else: what happens while the page is made is news to it.
        pulse = found(timeline.pulse(self.session, actor, row_number(number)))
        ticket = self._ticket(number)
        scene = self._scene(ticket, form)
        draft = scene["draft"]
        composing = composing or scene["composing"]
        html = self.render(
            "panel/ticket_page.html",
            **{**scene, "composing": composing},
            **self._activity(ticket),
            tag=pulse.tag,
            refusal=refusal,
            kept_files=scene["draft_files"].get(draft.id, []) if draft else [],
            file_limit=attachments.limit_mb(self.session),
            asks_to_reopen=self._asks_to_reopen(ticket, refusal, composing),
            macros=macros.macro_choices(self.session, actor),
            effects=effects,
            macro_words=beginning_on(self._filling(ticket)),
            chips=chips_of(composing.changes, dict(scene["form_choices"]["teams"])),
            fill_url=url_for("ticket.fill", number=number),
            goes_onward=request.cookies.get(ONWARD) == "1",
        )
        return (html, refusal.status) if refusal else html

    def _filling(self, ticket: tickets.TicketDetails) -> Filling:
        """What stands in a macro's places here: as `queries.macros.filling_of`, of what is known."""
        person = current_profile()
        name = person.full_name if person else ""
        return Filling(ticket.customer_name, ticket.number, ticket.title, name)

    def _scene(self, ticket: tickets.TicketDetails, form: TicketForm | None = None) -> Any:
        """What both the page and its updates show."""
        session, actor, now = self.session, current_actor(), now_of(self.session)
        clocks = sla.clocks_of(session, ticket.id, now)
        others = tickets.other_tickets(session, actor, ticket.customer_id, ticket.id)
        is_closed = ticket.status is Status.CLOSED
        replies = drafts.replies_on_their_way(session, ticket.id)
        draft = drafts.draft_of(session, actor, ticket.id)
        has_drafts = bool(replies) or draft is not None
        draft_files = attachments.attachments_of_drafts(session, ticket.id) if has_drafts else {}
        since = self._since(ticket.id)
        cards = comments.conversation(session, actor, ticket.id)
        return {
            "ticket": ticket,
            "now": now,
            "snooze": snooze_of(ticket, now),
            "is_closed": is_closed,
            "outgoing": outgoing(actor, replies, draft_files, now=now, is_closed=is_closed),
            "draft": draft,
            "draft_files": draft_files,
            "composing": Composing.of(draft),
            "since": since,
            "colleagues": colleagues(
                drafts.writing_now(session, actor, ticket.id, now),
                reads.looking_now(session, actor, ticket.id, now),
            ),
            "request_html": to_html(ticket.description) if ticket.description.strip() else None,
            "talk": talk_of(
                ticket,
                cards,
                reader=actor.profile_id,
                since=since,
                marks=marks_for(session, cards),
                shows_all=arguments().one_of("all", ("1",)) is not None,
            ),
            "files": attachments.attachments_of(session, actor, ticket.id),
            "clocks": clock_marks(clocks, now),
            "due": due_times(clocks),
            "askings": askings(feedback.requests_of(session, ticket.id), now),
            "others": others,
            "continued_by": [other for other in others if other.follows_id == ticket.id],
            "continues": self._continued(ticket),
            **self._properties(ticket, form),
        }

    def _since(self, ticket_id: UUID) -> datetime | None:
        """The reader's last visit; an open page goes on with the one that it was opened after."""
        values = arguments()
        if values.has("since"):
            return values.moment("since")
        return reads.last_visit(self.session, current_actor(), ticket_id)

    def _properties(self, ticket: tickets.TicketDetails, form: TicketForm | None) -> Any:
        return {
            "form": form or TicketForm.of(ticket),
            # A form that was refused keeps what it was made from, or it would hide a conflict.
            "version": fields().version() if form else ticket.version,
            "seen": fields().raw("seen") if form else TicketForm.of(ticket).prints,
            "form_choices": self.form_choices(ticket.assigned_agent_id, ticket.agent_name),
        }

    def _activity(self, ticket: tickets.TicketDetails) -> Any:
        """The timeline, or why the time limits stand as they do, where its tab is open."""
        values = arguments()
        tab = values.one_of("tab", ("activity", "limits"))
        if tab is None:
            return {"tab": "talk"}
        if tab == "limits":
            now = now_of(self.session)
            return {"tab": tab, "explanations": explanations(self.session, ticket.id, now)}
        view = values.choice("show", timeline.View) or timeline.View.ALL
        cursor = values.text("cursor", 1000)
        page = timeline.timeline(self.session, current_actor(), ticket.id, view, cursor)
        names = history.names_of(self.session, [row.entry for row in page.rows if row.entry])
        address = self._url(ticket.number)
        return {
            "tab": "activity",
            "view": view,
            "lines": lines(page.rows, names, now_of(self.session), address),
            "newer_url": self._activity_url(ticket, view, page.previous),
            "older_url": self._activity_url(ticket, view, page.following),
        }

    def _activity_url(
        self, ticket: tickets.TicketDetails, view: timeline.View, cursor: str | None
    ) -> str | None:
        if cursor is None:
            return None
        query = {"tab": "activity", "show": view.value, "cursor": cursor}
        return url_for("ticket.page", number=ticket.number, **query)

    def _asks_to_reopen(
        self, ticket: tickets.TicketDetails, refusal: EmberOneError | None, composing: Composing
    ) -> bool:
        """Whether a reply was refused only because it would reopen the ticket."""
        return (
            ticket.status is Status.CLOSED
            and isinstance(refusal, IllegalTransition)
            and bool(composing.text.strip())
            and request.form.get("verb", "reply") == "reply"
        )

    def _continued(self, ticket: tickets.TicketDetails) -> int | None:
        if ticket.follows_id is None:
            return None
        return tickets.number_of(self.session, current_actor(), ticket.follows_id)

    def form_choices(
        self, agent_id: UUID | None = None, agent_name: str | None = None
    ) -> dict[str, Any]:
        """What the selects of a ticket's form offer."""
        people = agents.working_choices(self.session)
        pairs = choices.working_agents(people[: agents.CHOICES_LIMIT])
        if agent_id is not None and str(agent_id) not in dict(pairs):
            # An agent who is one no longer, or comes late in the alphabet.
            pairs.insert(0, (str(agent_id), agent_name or _("unknown")))
        has_more = len(people) > agents.CHOICES_LIMIT
        return {
            "priorities": choices.priorities(),
            "agents": pairs,
            "agent_lookup": url_for("ticket.ajax_lookup", name="agent") if has_more else None,
            "teams": [(str(team.id), team.label) for team in agents.team_choices(self.session)],
        }
