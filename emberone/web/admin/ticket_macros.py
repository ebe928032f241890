"""Macros in the reply box: what one of them fills in and changes on this ticket."""

from typing import Any

from flask import jsonify, render_template, url_for
from flask_admin import expose

from emberone.domain.macros import fill
from emberone.queries import agents, macros
from emberone.web.admin.base import found
from emberone.web.admin.macro_form import way_of
from emberone.web.admin.params import fields
from emberone.web.admin.reply_changes import chips_of, sent_changes
from emberone.web.admin.ticket_due import TicketDue
from emberone.web.admin.ticket_show import NOTE, VERBS, Composing
from emberone.web.errors import wants_json
from emberone.web.session import current_actor


class TicketMacros(TicketDue):
    """What a macro does to the reply box; nothing is kept or sent by it."""

    @expose("/<int:number>/fill/", methods=("POST",))
    def fill(self, number: int) -> Any:
        """Fill a macro in, or take one of its changes off.

        A script gets the text and the chips; without one the page comes back with them in it.
        """
        values, actor, ticket_id = fields(), current_actor(), self._id(number)
        changes, text, verb = sent_changes(values), "", ""
        macro_id = None if values.has("drop") else values.identifier("macro")
        if macro_id:
            macro = found(macros.macro_details(self.session, actor, macro_id))
            filling = found(macros.filling_of(self.session, actor, ticket_id))
            text, verb = fill(macro.content, filling), way_of(macro.event)
            changes = changes.then(macro.changes)
        if wants_json():
            teams = {str(team.id): team.label for team in agents.team_choices(self.session)}
            chips = render_template(
                "panel/_ticket_changes.html",
                chips=chips_of(changes, teams),
                fill_url=url_for("ticket.fill", number=number),
            )
            return jsonify(text=text, verb=verb, changes=chips)
        whole = "\n\n".join(part for part in (values.raw("text").rstrip(), text) if part.strip())
        kind = values.one_of("kind", ("reply", NOTE)) or "reply"
        verb = verb or values.one_of("wish", VERBS) or "reply"
        return self._page(number, composing=Composing(whole, kind, verb, changes))
