"""Macros in the reply box: what one of them fills in and changes on this ticket."""

from typing import Any

from flask import jsonify, render_template, url_for
from flask_admin import expose

from emberone.domain.macros import fill as filled
from emberone.queries import agents, macros
from emberone.web.admin.base import PanelView, found
from emberone.web.admin.macro_form import way_of
from emberone.web.admin.params import fields
from emberone.web.admin.ticket.composing import NOTE, VERBS, Composing
from emberone.web.admin.ticket.numbered import id_of
from emberone.web.admin.ticket.page import show_page
from emberone.web.admin.ticket.reply_changes import chips_of, sent_changes
from emberone.web.errors import wants_json
from emberone.web.session import current_actor


@expose("/<int:number>/fill/", methods=("POST",))
def fill(view: PanelView, number: int) -> Any:
    """Fill a macro in, or take one of its changes off.

    A script gets the text and the chips; without one the page comes back with them in it.
    """
    values, actor, ticket_id = fields(), current_actor(), id_of(view.session, number)
    changes, text, verb = sent_changes(values), "", ""
    macro_id = None if values.has("drop") else values.identifier("macro")
    if macro_id:
        macro = found(macros.macro_details(view.session, actor, macro_id))
        filling = found(macros.filling_of(view.session, actor, ticket_id))
        text, verb = filled(macro.content, filling), way_of(macro.event)
        changes = changes.then(macro.changes)
    if wants_json():
        teams = {str(team.id): team.label for team in agents.team_choices(view.session)}
        chips = render_template(
            "panel/_ticket_changes.html",
            chips=chips_of(changes, teams),
            fill_url=url_for("ticket.fill", number=number),
        )
        return jsonify(text=text, verb=verb, changes=chips)
    whole = "\n\n".join(part for part in (values.raw("text").rstrip(), text) if part.strip())
    kind = values.one_of("kind", ("reply", NOTE)) or "reply"
    verb = verb or values.one_of("wish", VERBS) or "reply"
    return show_page(view, number, composing=Composing(whole, kind, verb, changes))
