"""The mail log: every letter, how far it has come, and what its reader sees."""

from typing import Final
from uuid import UUID

from flask import Response, make_response, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response as AnyResponse

from emberone.domain.enums import MailState
from emberone.mail.rendering import Rendered, templates_folder
from emberone.mail.site import current_settings, current_site
from emberone.queries import letters, tickets
from emberone.services.delivery import retry_letter
from emberone.web.admin.base import PanelView, carry_out, found
from emberone.web.admin.lists import Chip, Column, Listing
from emberone.web.admin.params import Values, arguments, asked_row, row_id
from emberone.web.admin.wording import action_name
from emberone.web.session import current_actor

_FILTERS = ("state", "letter", "ticket")

#: What the filter offers: a letter is a folder.
_KINDS: Final = tuple(
    sorted(folder.name for folder in templates_folder().iterdir() if folder.is_dir())
)

#: A letter's page runs nothing, loads nothing and stands only in our own frame.
_SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


class LetterView(PanelView):
    """What was written, to whom, and whether it left."""

    address = "letter"

    @expose("/")
    def index_view(self) -> str:
        """List the letters, newest first."""
        values = arguments()
        listing = Listing("letter.index_view", {"created": letters.CREATED}, values, _FILTERS)
        filters = self._wanted(values, listing)
        page = letters.list_letters(self.session, filters, listing.paging)
        columns = [
            Column(_("Letter")),
            Column(_("To")),
            Column(_("Ticket")),
            Column(_("State")),
            Column(_("Attempts")),
            Column(_("Written"), "created"),
        ]
        return self.render(
            "panel/letter_list.html",
            listing=listing,
            headings=listing.headings(columns),
            rows=[(row, letters.subject(row)) for row in page.rows],
            pages=listing.pages(page),
            states=_states(),
            kinds=[(name, action_name(name)) for name in _KINDS],
        )

    def _wanted(self, values: Values, listing: Listing) -> letters.LetterFilters:
        state, kind = values.choice("state", MailState), values.one_of("letter", _KINDS)
        number = values.count("ticket")
        if state:
            listing.chips.append(Chip(("state",), _("State"), dict(_states())[state.value]))
        if kind:
            listing.chips.append(Chip(("letter",), _("Letter"), action_name(kind)))
        ticket_id = None
        if number is not None:
            listing.chips.append(Chip(("ticket",), _("Ticket"), f"#{number}"))
            found_id = tickets.id_of(self.session, current_actor(), number)
            ticket_id = found_id or UUID(int=0)
        return letters.LetterFilters(state=state, letter=kind, ticket_id=ticket_id)

    @expose("/details/")
    def details_view(self) -> str:
        """Show one letter, its fate and its words."""
        row = self._letter(asked_row())
        return self.render(
            "panel/letter_page.html",
            row=row,
            words=_worded(row),
            state=dict(_states())[row.state.value],
        )

    @expose("/preview/")
    def preview(self) -> Response:
        """Show the letter as a mail program would, where it can do nothing."""
        words = found(_worded(self._letter(asked_row())))
        response = make_response(words.html)
        response.headers["Content-Security-Policy"] = _SANDBOX
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        response.headers["Cache-Control"] = "no-store"
        return response

    @expose("/retry/", methods=("POST",))
    def retry(self) -> AnyResponse:
        """Queue a letter again that is dead, or was kept because no mail server was set."""
        letter_id = row_id(request.form)
        url = url_for("letter.details_view", id=letter_id)
        message = _("The letter will be sent again.")
        return carry_out(message, url, retry_letter, current_actor(), letter_id)

    def _letter(self, letter_id: UUID) -> letters.LetterRow:
        return found(letters.letter_details(self.session, letter_id))


def _worded(row: letters.LetterRow) -> Rendered | None:
    has_mail_server = current_settings().smtp_url is not None
    with_links = letters.shows_links(row, current_actor(), has_mail_server=has_mail_server)
    return letters.preview(row, current_site(), with_links=with_links)


def _states() -> list[tuple[str, str]]:
    return [
        (MailState.QUEUED.value, _("Queued")),
        (MailState.SENDING.value, _("Being sent")),
        (MailState.SENT.value, _("Sent")),
        (MailState.DEAD.value, _("Given up")),
        (MailState.KEPT.value, _("Kept: no mail server")),
        (MailState.SUPPRESSED.value, _("Suppressed: address takes none")),
    ]
