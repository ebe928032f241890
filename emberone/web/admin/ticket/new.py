"""Opening a ticket for a customer who wrote, called or came by."""

from typing import Any
from uuid import UUID

from flask import url_for
from flask_admin import expose
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from emberone.domain.enums import Role
from emberone.domain.errors import EmberOneError, Invalid
from emberone.queries import attachments, profiles, tickets
from emberone.services.profiles import NewCustomer
from emberone.services.tickets import open_ticket
from emberone.web.admin.base import PanelView, attempt, done, found, is_post
from emberone.web.admin.params import Values, arguments, fields
from emberone.web.admin.ticket.form import TicketForm, form_choices
from emberone.web.attachments import uploaded_files
from emberone.web.session import current_actor


@expose("/new/", methods=("GET", "POST"))
def create_view(view: PanelView) -> Any:
    """Show the form, or open the ticket it describes."""
    if not is_post():
        return _form(view, TicketForm(), arguments())
    values = fields()
    form = TicketForm.sent(values)
    refusal: EmberOneError | None = form.check_agent(view.session, None)
    if refusal is None:
        outcome = attempt(_open, view.session, values, form)
        if not isinstance(outcome, EmberOneError):
            return done(
                _("Ticket #%(number)s was opened.", number=outcome),
                url_for("ticket.page", number=outcome),
            )
        refusal = outcome
    return _form(view, form, values, refusal), refusal.status


def _open(session: Session, values: Values, form: TicketForm) -> int:
    ticket_id = open_ticket(
        current_actor(),
        _customer(values),
        form.title,
        form.description,
        priority=form.priority,
        team_id=form.team_id,
        tags=form.words,
        agent_id=form.agent_id,
        files=uploaded_files(),
    )
    return found(tickets.number_of(session, current_actor(), ticket_id))


def _customer(values: Values) -> UUID | NewCustomer:
    """The customer who was chosen, or whose address was typed."""
    chosen = values.identifier("customer")
    if chosen is not None:
        return chosen
    if not values.raw("email").strip():
        raise Invalid("Choose a customer, or type an e-mail address.", field="customer")
    return NewCustomer(values.raw("email"), values.raw("name"))


def _form(
    view: PanelView, form: TicketForm, values: Values, refusal: EmberOneError | None = None
) -> str:
    people = profiles.find_people(view.session, "", (Role.CUSTOMER,))
    chosen = values.identifier("customer")
    if chosen is not None and chosen not in {person.id for person in people}:
        known = profiles.person(view.session, chosen, (Role.CUSTOMER,))
        people = [known, *people] if known else people
    return view.render(
        "panel/ticket_new.html",
        form=form,
        form_choices=form_choices(view.session),
        customers=[(str(person.id), person.label) for person in people],
        customer_id=chosen,
        email=values.raw("email"),
        name=values.raw("name"),
        file_limit=attachments.limit_mb(view.session),
        refusal=refusal,
    )
