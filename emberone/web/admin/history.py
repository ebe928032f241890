"""All history: read, never written."""

from uuid import UUID

from flask_admin import expose
from flask_babel import gettext as _

from emberone.queries import history, profiles, tickets
from emberone.web.admin import wording
from emberone.web.admin.base import PanelView, found
from emberone.web.admin.lists import Chip, Column, Listing
from emberone.web.admin.params import NotUnderstood, Values, arguments, asked_row
from emberone.web.session import current_actor

_FILTERS = ("action", "actor", "ticket", "from", "to")


class HistoryView(PanelView):
    """What happened to all tickets, the deleted ones too."""

    address = "history"

    @expose("/")
    def index_view(self) -> str:
        """List the entries, newest first."""
        values = arguments()
        listing = Listing("history.index_view", {"created": history.CREATED}, values, _FILTERS)
        filters = self._wanted(values, listing)
        page = history.list_history(self.session, filters, listing.paging)
        names = history.names_of(self.session, page.rows)
        return self.render(
            "panel/history_list.html",
            listing=listing,
            headings=listing.headings(
                [
                    Column(_("When"), "created"),
                    Column(_("Who")),
                    Column(_("What")),
                    Column(_("Ticket")),
                    Column(_("Through")),
                ]
            ),
            rows=[(entry, wording.line(entry, names)) for entry in page.rows],
            pages=listing.pages(page),
            actions=[(action, wording.action_name(action)) for action in wording.WORDS],
        )

    def _wanted(self, values: Values, listing: Listing) -> history.HistoryFilters:
        action, actor = values.text("action", 64), values.identifier("actor")
        shown = listing.filters()
        if action:
            listing.chips.append(Chip(("action",), _("What"), wording.action_name(action)))
        if actor:
            person = profiles.profile_details(self.session, actor)
            name = person.full_name if person else _("unknown")
            listing.chips.append(Chip(("actor",), _("Who"), name))
        if "ticket" in shown:
            listing.chips.append(Chip(("ticket",), _("Ticket"), shown["ticket"]))
        if "from" in shown or "to" in shown:
            days = f"{shown.get('from', '…')} – {shown.get('to', '…')}"
            listing.chips.append(Chip(("from", "to"), _("When"), days))
        return history.HistoryFilters(
            action=action,
            actor_id=actor,
            ticket_id=self._ticket(values),
            created_from=values.day_begins("from"),
            created_before=values.day_ends("to"),
        )

    def _ticket(self, values: Values) -> UUID | None:
        """The ticket by its number, deleted or not, or by its id."""
        text = values.text("ticket", 40)
        if text is None:
            return None
        if len(text) == 36:
            return values.identifier("ticket")
        number = text.removeprefix("#")
        if not number.isascii() or not number.isdigit() or len(number) > 18:
            raise NotUnderstood(_("“%(name)s” has no such value.", name="ticket"))
        found_here = tickets.id_of(self.session, current_actor(), int(number))
        return found_here or history.deleted_ticket(self.session, int(number)) or UUID(int=0)

    @expose("/details/")
    def details_view(self) -> str:
        """Show one entry with everything that was recorded."""
        entry = found(history.history_entry(self.session, asked_row()))
        names = history.names_of(self.session, [entry])
        return self.render("panel/history_page.html", entry=entry, line=wording.line(entry, names))
