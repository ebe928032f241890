"""All comments: listing, reading, editing and deleting them."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _

from emberone import policy
from emberone.domain.enums import CommentType
from emberone.domain.errors import EmberOneError, NotAllowed, StaleWrite
from emberone.queries import comments, profiles, tickets
from emberone.services import comments as service
from emberone.web.admin.base import PanelView, attempt, carry_out, done, found, is_post
from emberone.web.admin.lists import Chip, Column, Listing
from emberone.web.admin.moments import excerpt_of
from emberone.web.admin.note_mentions import marks_for
from emberone.web.admin.params import Values, arguments, asked_row, fields, row_id
from emberone.web.admin.ticket.conversation import drawn
from emberone.web.session import current_actor

_FILTERS = ("search", "type", "author", "ticket")


class CommentView(PanelView):
    """What was said, on all tickets."""

    address = "comment"

    @expose("/")
    def index_view(self) -> str:
        """List the comments, newest first."""
        values, actor = arguments(), current_actor()
        listing = Listing("comment.index_view", {"created": comments.CREATED}, values, _FILTERS)
        filters = self._wanted(values, listing)
        page = comments.list_comments(self.session, actor, filters, listing.paging)
        return self.render(
            "panel/comment_list.html",
            listing=listing,
            headings=listing.headings(
                [
                    Column(_("Comment")),
                    Column(_("Ticket")),
                    Column(_("Kind")),
                    Column(_("Author")),
                    Column(_("Written"), "created"),
                ]
            ),
            rows=page.rows,
            excerpt=excerpt_of,
            pages=listing.pages(page),
            types=_types(),
        )

    def _wanted(self, values: Values, listing: Listing) -> comments.CommentFilters:
        number, author = values.count("ticket"), values.identifier("author")
        kind, words = values.choice("type", CommentType), values.text("search")
        if words:
            listing.chips.append(Chip(("search",), _("Search"), words))
        if kind:
            listing.chips.append(Chip(("type",), _("Kind"), dict(_types())[kind.value]))
        if author:
            person = profiles.profile_details(self.session, author)
            name = person.full_name if person else _("unknown")
            listing.chips.append(Chip(("author",), _("Author"), name))
        if number is not None:
            listing.chips.append(Chip(("ticket",), _("Ticket"), f"#{number}"))
        return comments.CommentFilters(
            type=kind, author_id=author, ticket_id=self._ticket(number), words=words
        )

    def _ticket(self, number: int | None) -> UUID | None:
        if number is None:
            return None
        # A number that no ticket has leaves an empty list.
        return tickets.id_of(self.session, current_actor(), number) or UUID(int=0)

    @expose("/details/")
    def details_view(self) -> str:
        """Show one comment and what it said before."""
        return self._page(asked_row())

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Say it otherwise; a stale form comes back with both versions."""
        actor, card = current_actor(), self._card(asked_row())
        if not policy.may(actor, policy.COMMENT_EDIT, card):
            raise NotAllowed
        if not is_post():
            return self._form(card, card.content)
        values = fields()
        text, version = values.raw("content"), values.version()
        outcome = attempt(service.edit_comment, actor, card.id, text, version=version)
        if isinstance(outcome, EmberOneError):
            return self._form(self._card(card.id), text, outcome), outcome.status
        return done(_("The comment was changed."), self._ticket_url(card))

    @expose("/delete/", methods=("GET", "POST"))
    def delete_view(self) -> Any:
        """Ask, then take a comment out of the conversation."""
        if not is_post():
            card = self._card(asked_row())
            return self.render(
                "panel/comment_delete.html",
                card=card,
                said=drawn(card, marks_for(self.session, [card])),
                ticket_url=self._ticket_url(card),
            )
        card = self._card(row_id(request.form))
        return carry_out(
            _("The comment was deleted."),
            self._ticket_url(card),
            service.delete_comment,
            current_actor(),
            card.id,
        )

    def _card(self, comment_id: UUID) -> comments.CommentCard:
        return found(comments.comment_card(self.session, current_actor(), comment_id))

    def _ticket_url(self, card: comments.CommentCard) -> str:
        return url_for("ticket.details_view", id=card.ticket_id)

    def _page(self, comment_id: UUID) -> str:
        card = self._card(comment_id)
        return self.render(
            "panel/comment_page.html",
            card=card,
            said=drawn(card, marks_for(self.session, [card])),
            ticket_url=self._ticket_url(card),
        )

    def _form(
        self, card: comments.CommentCard, text: str, refusal: EmberOneError | None = None
    ) -> str:
        return self.render(
            "panel/comment_form.html",
            card=card,
            text=text,
            refusal=refusal,
            is_stale=isinstance(refusal, StaleWrite),
            ticket_url=self._ticket_url(card),
        )


def _types() -> list[tuple[str, str]]:
    return [
        (CommentType.USER.value, _("Public")),
        (CommentType.INTERNAL.value, _("Internal note")),
        (CommentType.SYSTEM.value, _("By the system")),
    ]
