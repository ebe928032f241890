"""One ticket: its conversation, what one can do with it, and what happened to it."""

from typing import Any, Final
from uuid import UUID

from flask import redirect, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.db import now_of
from emberone.domain.enums import Status
from emberone.domain.errors import EmberOneError, IllegalTransition, StaleWrite
from emberone.domain.lifecycle import Event
from emberone.queries import agents, comments, feedback, history, sla, tickets
from emberone.services import comments as speaking
from emberone.services import tickets as service
from emberone.web.admin import choices, wording
from emberone.web.admin.base import attempt, carry_out, done, found, refused
from emberone.web.admin.feedback import askings
from emberone.web.admin.limits import clock_marks
from emberone.web.admin.params import asked_row, fields, row_number
from emberone.web.admin.ticket_form import TicketForm
from emberone.web.admin.tickets import TicketList
from emberone.web.session import current_actor

#: What a button of the reply box means.
VERBS: Final = {
    "reply": Event.STAFF_REPLY,
    "reply_and_reopen": Event.STAFF_REPLY_REOPENING,
    "reply_and_wait": Event.STAFF_REPLY_AND_WAIT,
    "reply_and_close": Event.STAFF_REPLY_AND_CLOSE,
}
_NOTE: Final = "note"


class TicketPages(TicketList):
    """The queue and the page of each ticket in it; `TicketView` adds the form for a new one."""

    @expose("/<int:number>/")
    def page(self, number: int) -> str:
        """Show one ticket."""
        return self._page(number)

    @expose("/details/")
    def details_view(self) -> Response:
        """Go to the ticket that `id` names, as other pages and letters know it."""
        number = found(tickets.number_of(self.session, current_actor(), asked_row()))
        return redirect(url_for("ticket.page", number=number))  # type: ignore[return-value]

    @expose("/<int:number>/respond/", methods=("POST",))
    def respond(self, number: int) -> Any:
        """Answer the customer, or leave a note for colleagues."""
        values, actor, ticket_id = fields(), current_actor(), self._id(number)
        verb = values.one_of("verb", (*VERBS, _NOTE)) or "reply"
        text = values.raw("text")
        # Whatever of the two says "note" wins: a note must never reach the customer.
        if verb == _NOTE or values.one_of("kind", ("reply", _NOTE)) == _NOTE:
            outcome = attempt(speaking.add_note, actor, ticket_id, text)
            message, draft_kind = _("The note was added."), _NOTE
        else:
            outcome = attempt(speaking.reply, actor, ticket_id, text, VERBS[verb])
            message, draft_kind = _("Your reply was sent."), "reply"
        if isinstance(outcome, EmberOneError):
            return self._page(number, refusal=outcome, draft=text, draft_kind=draft_kind)
        return done(message, f"{self._url(number)}#comment-{outcome}")

    @expose("/<int:number>/close/", methods=("POST",))
    def close(self, number: int) -> Response:
        """Close the ticket without a reply."""
        ticket_id = self._id(number)
        return carry_out(
            _("The ticket was closed."),
            self._url(number),
            service.close_ticket,
            current_actor(),
            ticket_id,
        )

    @expose("/<int:number>/reopen/", methods=("POST",))
    def reopen(self, number: int) -> Response:
        """Bring the ticket back without a reply."""
        ticket_id = self._id(number)
        return carry_out(
            _("The ticket was reopened."),
            self._url(number),
            service.reopen_ticket,
            current_actor(),
            ticket_id,
        )

    @expose("/<int:number>/take/", methods=("POST",))
    def take(self, number: int) -> Response:
        """Assign the ticket to oneself, unless someone changed it meanwhile."""
        actor, ticket_id = current_actor(), self._id(number)
        return carry_out(
            _("The ticket is yours."),
            self._url(number),
            service.assign_ticket,
            actor,
            ticket_id,
            actor.profile_id,
            version=fields().version(),
        )

    @expose("/<int:number>/change/", methods=("POST",))
    def change(self, number: int) -> Any:
        """Change the ticket's properties; a stale form comes back with both versions."""
        actor, values = current_actor(), fields()
        ticket = self._ticket(number)
        form = TicketForm.sent(values)
        refusal = form.check_agent(self.session, ticket)
        if refusal is None:
            version = values.version()
            changes = form.changes(ticket)
            outcome = attempt(service.change_ticket, actor, ticket.id, changes, version=version)
            if not isinstance(outcome, EmberOneError):
                return done(_("The ticket was saved."), self._url(number))
            refusal = outcome
        if isinstance(refusal, StaleWrite):
            return self._conflict(number, form, values.raw("seen")), refusal.status
        return self._page(number, refusal=refusal, form=form)

    @expose("/<int:number>/delete/", methods=("POST",))
    def delete_view(self, number: int) -> Response:
        """Delete the ticket with its comments; its history stays."""
        outcome = attempt(service.delete_ticket, current_actor(), self._id(number))
        if isinstance(outcome, EmberOneError):
            return refused(outcome, self._url(number))
        message = _("Ticket #%(number)s was deleted.", number=number)
        return done(message, url_for("ticket.index_view"))

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
        draft: str = "",
        draft_kind: str = "reply",
        form: TicketForm | None = None,
    ) -> Any:
        actor, now = current_actor(), now_of(self.session)
        ticket = self._ticket(number)
        entries = history.timeline(self.session, ticket.id)
        names = history.names_of(self.session, entries)
        said = comments.conversation(self.session, actor, ticket.id)
        others = tickets.other_tickets(self.session, actor, ticket.customer_id, ticket.id)
        html = self.render(
            "panel/ticket_page.html",
            ticket=ticket,
            conversation=said[-comments.CONVERSATION_LIMIT :],
            has_earlier=len(said) > comments.CONVERSATION_LIMIT,
            lines=[wording.line(entry, names) for entry in entries],
            clocks=clock_marks(sla.clocks_of(self.session, ticket.id, now), now),
            askings=askings(feedback.requests_of(self.session, ticket.id), now),
            now=now,
            others=others,
            continued_by=[other for other in others if other.follows_id == ticket.id],
            continues=self._continued(ticket),
            form=form or TicketForm.of(ticket),
            # A form that was refused keeps what it was made from, or it would hide a conflict.
            version=fields().version() if form else ticket.version,
            seen=fields().raw("seen") if form else TicketForm.of(ticket).prints,
            form_choices=self.form_choices(ticket.assigned_agent_id, ticket.agent_name),
            refusal=refusal,
            asks_to_reopen=self._asks_to_reopen(ticket, refusal, draft),
            draft=draft,
            draft_kind=draft_kind,
            is_closed=ticket.status is Status.CLOSED,
        )
        return (html, refusal.status) if refusal else html

    def _asks_to_reopen(
        self, ticket: tickets.TicketDetails, refusal: EmberOneError | None, draft: str
    ) -> bool:
        """Whether a reply was refused only because it would reopen the ticket."""
        return (
            ticket.status is Status.CLOSED
            and isinstance(refusal, IllegalTransition)
            and bool(draft.strip())
            and request.form.get("verb", "reply") == "reply"
        )

    def _continued(self, ticket: tickets.TicketDetails) -> int | None:
        if ticket.follows_id is None:
            return None
        return tickets.number_of(self.session, current_actor(), ticket.follows_id)

    def _conflict(self, number: int, form: TicketForm, seen: str) -> str:
        ticket = self._ticket(number)
        present = TicketForm.of(ticket)
        form_choices = self.form_choices(ticket.assigned_agent_id, ticket.agent_name)
        return self.render(
            "panel/ticket_conflict.html",
            ticket=ticket,
            form=form.rebased(present, seen),
            present=present,
            form_choices=form_choices,
        )

    def form_choices(
        self, agent_id: UUID | None = None, agent_name: str | None = None
    ) -> dict[str, Any]:
        """What the selects of a ticket's form offer."""
        people = agents.agent_choices(self.session)
        pairs = [(str(person.id), person.label) for person in people[: agents.CHOICES_LIMIT]]
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
