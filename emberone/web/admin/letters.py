"""The mail log: every letter, how far it has come, what comes next, and what its reader sees."""

from typing import Any, Final
from uuid import UUID

from flask import Response, request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug import Response as AnyResponse

from emberone.db import now_of
from emberone.domain.enums import MailState
from emberone.domain.errors import EmberOneError
from emberone.mail.fates import STATE_NAMES
from emberone.mail.kinds import all_kinds, kind_of
from emberone.mail.site import current_settings, current_site
from emberone.queries import letters, profiles, tickets
from emberone.services.delivery import retry_letter
from emberone.services.outbox import forgive_address, retry_letters
from emberone.web.admin.base import PanelView, attempt, carry_out, done, found, refused
from emberone.web.admin.letter_kinds import KindPages, framed
from emberone.web.admin.lists import Chip, Column, Listing, worded_count
from emberone.web.admin.params import Values, arguments, asked_row, fields, row_id
from emberone.web.session import current_actor

_FILTERS: Final = ("state", "letter", "ticket", "person", "digest")

#: Nobody's id: a filter by what does not exist finds nothing.
_NOTHING: Final = UUID(int=0)


class LetterView(KindPages, PanelView):
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
            Column(_("What became of it")),
            Column(_("Written"), "created"),
        ]
        return self.render(
            "panel/letter_list.html",
            listing=listing,
            headings=listing.headings(columns),
            rows=[(row, letters.subject(row)) for row in page.rows],
            pages=listing.pages(page),
            now=now_of(self.session),
            kinds=[(kind.letter, str(kind.name)) for kind in all_kinds()],
            kind_of=kind_of,
            tabs=self._tabs(filters, listing),
            again=self._sendable_again(filters.state),
        )

    def _tabs(self, filters: letters.LetterFilters, listing: Listing) -> list[dict[str, Any]]:
        counts = letters.counts_by_state(self.session, filters)
        tabs = [
            {
                "label": str(name),
                "url": listing.url(state=state.value),
                "count": worded_count(counts[state]),
                "active": filters.state is state,
            }
            for state, name in STATE_NAMES.items()
        ]
        every = {"label": _("All"), "url": listing.url(state=None), "active": filters.state is None}
        return [every, *tabs]

    def _sendable_again(self, state: MailState | None) -> MailState | None:
        """The state whose letters can be sent again all at once from this list."""
        if state is MailState.DEAD or (state is MailState.KEPT and _has_mail_server()):
            return state
        return None

    def _wanted(self, values: Values, listing: Listing) -> letters.LetterFilters:
        state = values.choice("state", MailState)
        kind = values.one_of("letter", [kind.letter for kind in all_kinds()])
        number, person_id = values.count("ticket"), values.identifier("person")
        digest_id = values.identifier("digest")
        if state:
            listing.chips.append(Chip(("state",), _("State"), str(STATE_NAMES[state])))
        if kind:
            listing.chips.append(Chip(("letter",), _("Letter"), str(kind_of(kind).name)))
        ticket_id = None
        if number is not None:
            listing.chips.append(Chip(("ticket",), _("Ticket"), f"#{number}"))
            ticket_id = tickets.id_of(self.session, current_actor(), number) or _NOTHING
        if person_id is not None:
            person = profiles.profile_details(self.session, person_id)
            name = person.full_name if person else _("nobody we know")
            listing.chips.append(Chip(("person",), _("To"), name))
        if digest_id is not None:
            listing.chips.append(Chip(("digest",), _("Told of in"), _("one digest")))
        return letters.LetterFilters(
            state=state,
            letter=kind,
            ticket_id=ticket_id,
            person_id=person_id,
            digest_id=digest_id,
        )

    @expose("/details/")
    def details_view(self) -> str:
        """Show one letter, its fate and its words."""
        row = self._letter(asked_row())
        return self.render(
            "panel/letter_page.html",
            row=row,
            words=letters.preview(row, current_site(), with_secrets=self._opens_links(row)),
            fate=row.fate(now_of(self.session)),
            kind=kind_of(row.letter),
            opens_links=self._opens_links(row),
            has_mail_server=_has_mail_server(),
        )

    @expose("/preview/")
    def preview(self) -> Response:
        """Show the letter as a mail program would, where it can do nothing of its own."""
        row = self._letter(asked_row())
        opens_links = self._opens_links(row)
        words = found(letters.preview(row, current_site(), with_secrets=opens_links))
        return framed(words, opens_links=opens_links)

    @expose("/retry/", methods=("POST",))
    def retry(self) -> AnyResponse:
        """Queue a letter again that is dead, or was kept because no mail server was set."""
        letter_id = row_id(request.form)
        url = url_for("letter.details_view", id=letter_id)
        message = _("The letter will be sent again.")
        return carry_out(message, url, retry_letter, current_actor(), letter_id)

    @expose("/retry-all/", methods=("POST",))
    def retry_all(self) -> AnyResponse:
        """Queue all letters again that are dead, or all that were kept."""
        state = fields().choice("state", MailState) or MailState.DEAD
        url = url_for("letter.index_view")
        outcome = attempt(retry_letters, current_actor(), state)
        if isinstance(outcome, EmberOneError):
            return refused(outcome, url)
        words = ngettext(
            "One letter will be sent again.", "%(num)s letters will be sent again.", outcome
        )
        return done(words, url)

    @expose("/suppressed/")
    def suppressed(self) -> str:
        """List the addresses that are never mailed, and why."""
        return self.render(
            "panel/letter_suppressed.html", rows=letters.suppressed_addresses(self.session)
        )

    @expose("/forgive/", methods=("POST",))
    def forgive(self) -> AnyResponse:
        """Let an address be mailed again."""
        email = found(fields().text("email"))
        message = _("%(email)s gets letters again.", email=email)
        url = url_for("letter.suppressed")
        return carry_out(message, url, forgive_address, current_actor(), email)

    def _letter(self, letter_id: UUID) -> letters.LetterRow:
        return found(letters.letter_details(self.session, letter_id))

    def _opens_links(self, row: letters.LetterRow) -> bool:
        return letters.may_open_links(row, current_actor(), has_mail_server=_has_mail_server())


def _has_mail_server() -> bool:
    return current_settings().smtp_url is not None
