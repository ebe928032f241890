"""What the queue's fields offer while one types: people and tags."""

from typing import Final

from flask import Response, jsonify
from flask_admin import expose
from flask_babel import gettext as _

from emberone.domain.enums import Role
from emberone.queries import agents, profiles
from emberone.queries.mentions import find_colleagues
from emberone.web.admin import choices
from emberone.web.admin.base import PanelView
from emberone.web.admin.params import NotUnderstood, arguments

#: People that a lookup may offer, by its name.
_LOOKUPS: Final = {
    "customer": (Role.CUSTOMER,),
    "agent": (Role.AGENT,),
    "staff": (Role.AGENT, Role.ADMIN),
}


@expose("/ajax/lookup/")
def ajax_lookup(view: PanelView) -> Response:
    """Answer a few typed letters with the first people, or tags, that contain them."""
    values = arguments()
    name = values.one_of("name", (*_LOOKUPS, "colleague", "tag"))
    words = values.text("query", 100) or ""
    if name == "colleague":
        found = find_colleagues(view.session, words, profiles.LOOKUP_LIMIT)
        return jsonify([[each, each] for each in found])
    if name == "tag":
        found = agents.find_tags(view.session, words, profiles.LOOKUP_LIMIT)
        return jsonify([[word, word] for word in found])
    if name is None:
        raise NotUnderstood(_("“name” is missing."))
    if name == "agent":
        working = agents.find_working(view.session, words, profiles.LOOKUP_LIMIT)
        return jsonify([list(pair) for pair in choices.working_agents(working)])
    people = profiles.find_people(view.session, words, _LOOKUPS[name])
    return jsonify([[str(person.id), person.label] for person in people])
