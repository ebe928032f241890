"""Macros: answers given often; everybody's, and one's own."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _

from emberone import policy
from emberone.domain.errors import EmberOneError, NotAllowed, StaleWrite
from emberone.queries import agents, macros
from emberone.queries.macros import MacroFilters, MacroRow, Whose
from emberone.services import macros as service
from emberone.web.admin import choices
from emberone.web.admin.base import PanelView, attempt, carry_out, done, found, is_post
from emberone.web.admin.lists import Chip, Column, Listing
from emberone.web.admin.macro_form import (
    EVERYBODYS,
    WAYS,
    MacroForm,
    differing,
    effects,
    in_words,
    preview_of,
)
from emberone.web.admin.params import arguments, asked_row, fields, row_id
from emberone.web.session import current_actor


class MacroView(PanelView):
    """Everybody's macros and one's own."""

    address = "macro"

    @expose("/")
    def index_view(self) -> str:
        """List them, by name."""
        values = arguments()
        listing = Listing("macro.index_view", {"name": macros.BY_NAME}, values, ("search", "whose"))
        words, whose = values.text("search"), values.choice("whose", Whose)
        if words:
            listing.chips.append(Chip(("search",), _("Search"), words))
        filters = MacroFilters(whose, words)
        page = macros.list_macros(self.session, current_actor(), filters, listing.paging)
        columns = [
            Column(_("Macro"), "name"),
            Column(_("What sending does")),
            Column(_("Whose")),
            Column(_("Changed")),
        ]
        return self.render(
            "panel/macro_list.html",
            listing=listing,
            headings=listing.headings(columns),
            rows=page.rows,
            effects=effects,
            words=in_words,
            tabs=self._tabs(listing, whose),
            pages=listing.pages(page),
        )

    def _tabs(self, listing: Listing, whose: Whose | None) -> list[dict[str, Any]]:
        named = [(None, _("All")), (Whose.EVERYBODYS, _("Everybody's")), (Whose.MINE, _("Mine"))]
        return [
            {
                "label": label,
                "url": listing.url(whose=each.value if each else None),
                "active": each is whose,
            }
            for each, label in named
        ]

    @expose("/details/")
    def details_view(self) -> str:
        """Show a macro as it reads on a ticket."""
        macro = self._macro(asked_row())
        return self.render(
            "panel/macro_page.html",
            macro=macro,
            effects=effects(macro),
            preview=preview_of(self.session, current_actor(), macro.content),
        )

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Make a macro."""
        if not is_post():
            return self._form(None, MacroForm())
        form = MacroForm.sent(fields())
        if fields().has("preview"):
            return self._form(None, form)
        outcome = attempt(service.make_macro, current_actor(), form.values())
        if isinstance(outcome, EmberOneError):
            return self._form(None, form, outcome), outcome.status
        return done(_("The macro was made."), url_for("macro.index_view"))

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Change a macro; a stale form comes back with both versions."""
        actor, macro = current_actor(), self._manageable(asked_row())
        if not is_post():
            return self._form(macro, MacroForm.of(macro))
        values = fields()
        form, version = MacroForm.sent(values), values.version()
        if values.has("preview"):
            return self._form(macro, form, version=version)
        outcome = attempt(service.change_macro, actor, macro.id, form.values(), version=version)
        if isinstance(outcome, StaleWrite):
            return self._form(self._macro(macro.id), form, outcome), outcome.status
        if isinstance(outcome, EmberOneError):
            return self._form(macro, form, outcome, version=version), outcome.status
        return done(_("The macro was saved."), url_for("macro.index_view"))

    @expose("/delete/", methods=("GET", "POST"))
    def delete_view(self) -> Any:
        """Ask, then delete a macro."""
        if not is_post():
            return self.render("panel/macro_delete.html", macro=self._manageable(asked_row()))
        macro = self._macro(row_id(request.form))
        message = _("The macro “%(name)s” was deleted.", name=macro.name)
        url = url_for("macro.index_view")
        return carry_out(message, url, service.delete_macro, current_actor(), macro.id)

    @expose("/preview/", methods=("POST",))
    def preview(self) -> str:
        """Answer the form as one types: what the text says on a ticket."""
        shown = preview_of(self.session, current_actor(), fields().raw("content"))
        return self.render("panel/_macro_preview.html", preview=shown)

    def _macro(self, macro_id: UUID) -> MacroRow:
        return found(macros.macro_details(self.session, current_actor(), macro_id))

    def _manageable(self, macro_id: UUID) -> MacroRow:
        macro = self._macro(macro_id)
        if not policy.may(current_actor(), policy.MACRO_MANAGE, macro):
            raise NotAllowed
        return macro

    def _form(
        self,
        macro: MacroRow | None,
        form: MacroForm,
        refusal: EmberOneError | None = None,
        *,
        version: int | None = None,
    ) -> str:
        """The form; `version` is what it was made from, where that is to be kept."""
        actor = current_actor()
        teams = [(str(team.id), team.label) for team in agents.team_choices(self.session)]
        theirs = None
        if macro and isinstance(refusal, StaleWrite):
            theirs = differing(MacroForm.of(macro), form, dict(teams))
        return self.render(
            "panel/macro_form.html",
            macro=macro,
            form=form,
            version=version or (macro.version if macro else None),
            refusal=refusal,
            theirs=theirs,
            may_share=policy.may(actor, policy.MACRO_MANAGE, EVERYBODYS),
            ways=[(way, str(label)) for way, (event, label) in WAYS.items()],
            priorities=choices.priorities(),
            teams=teams,
            preview=preview_of(self.session, actor, form.content),
        )
