"""A customer's own tickets: finding one, and asking something new."""

from flask import Response, request

from emberone.db import now_of
from emberone.domain.enums import Priority, Status
from emberone.domain.errors import EmberOneError
from emberone.domain.texts import MAX_TITLE
from emberone.queries import portal
from emberone.queries.attachments import limit_mb
from emberone.queries.portal import OwnFilters, Which
from emberone.services.settings import current
from emberone.services.tickets import open_ticket
from emberone.web.admin.params import arguments, fields
from emberone.web.attachments import uploaded_files, were_files_chosen
from emberone.web.portal.frame import attempt, blueprint, page, session, to_ticket
from emberone.web.portal.wording import PRIORITY_WORDS, STATUS_WORDS
from emberone.web.session import current_actor


@blueprint.get("/")
def tickets() -> Response:
    """List the customer's own tickets, the last one with news first."""
    asked = arguments()
    filters = OwnFilters(asked.choice("show", Which) or Which.ALL, asked.text("search"))
    found = portal.own_tickets(session(), current_actor(), filters, asked.text("cursor", 4000))
    return page(
        "portal/ticket_list.html",
        found=found,
        filters=filters,
        # Everything else in the addresses of the list, once.
        kept={
            "show": filters.which.value if filters.which is not Which.ALL else None,
            "search": filters.words,
        },
        status_words=STATUS_WORDS,
        waiting=Status.WAITING,
        now=now_of(session()),
    )


@blueprint.route("/new/", methods=("GET", "POST"))
def ticket_new() -> Response:
    """Ask something new; a refused form comes back with everything that was typed."""
    if request.method == "GET":
        return _form()
    actor, typed = current_actor(), fields()
    priority = typed.choice("priority", Priority) or Priority.MEDIUM
    outcome = attempt(
        open_ticket,
        actor,
        actor.profile_id,  # type: ignore[arg-type]
        typed.raw("title"),
        typed.raw("description"),
        priority=priority,
        files=uploaded_files(),
    )
    if isinstance(outcome, EmberOneError):
        return _form(outcome, typed.raw("title"), typed.raw("description"), priority)
    return to_ticket(portal.number_of(session(), actor, outcome))


def priorities_up_to(limit: Priority) -> list[tuple[str, str]]:
    """What a customer may choose from, in their words."""
    return [
        (priority.value, str(words))
        for priority, words in PRIORITY_WORDS.items()
        if priority.rank <= limit.rank
    ]


def _form(
    refusal: EmberOneError | None = None,
    title: str = "",
    description: str = "",
    priority: Priority = Priority.MEDIUM,
) -> Response:
    return page(
        "portal/ticket_new.html",
        refusal=refusal,
        lost_files=refusal is not None and were_files_chosen(),
        title=title,
        description=description,
        priority=priority,
        priorities=priorities_up_to(current(session()).customer_max_priority),
        max_title=MAX_TITLE,
        file_limit_mb=limit_mb(session()),
    )
