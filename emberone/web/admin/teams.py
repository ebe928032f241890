"""Teams and tags: how tickets are sorted among agents."""

from types import EllipsisType
from typing import Any, Final
from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone.domain.errors import EmberOneError, Invalid, StaleWrite
from emberone.queries import agents
from emberone.queries.sla_policies import list_policies, team_policies
from emberone.services import agents as agent_service
from emberone.services import teams as service
from emberone.services.settings import current
from emberone.web.admin.base import PanelView, attempt, carry_out, done, found, is_post
from emberone.web.admin.lists import Chip, Column, Listing
from emberone.web.admin.params import NotUnderstood, arguments, asked_row, fields, row_id
from emberone.web.admin.setting_fields import FIELDS
from emberone.web.session import current_actor

#: Settings that a team may have of its own.
_PATIENCE: Final = ("quiet_reminder_days", "quiet_close_days")


class TeamView(PanelView):
    """The teams and who is in them."""

    address = "team"

    @expose("/")
    def index_view(self) -> str:
        """List the teams, by name."""
        return self.render(
            "panel/team_list.html",
            rows=agents.list_teams(self.session),
            policies={team.id: team for team in team_policies(self.session)},
        )

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Make a team."""
        if not is_post():
            return self._form(None, {"name": "", "policy": ""})
        typed = {name: fields().raw(name) for name in ("name", "policy")}
        outcome = attempt(
            service.create_team,
            current_actor(),
            typed["name"],
            policy_id=fields().identifier("policy"),
        )
        if isinstance(outcome, EmberOneError):
            return self._form(None, typed, outcome), outcome.status
        return done(_("The team was made."), url_for("team.index_view"))

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Change a team; a stale form comes back with both versions."""
        team = self._team(asked_row())
        if not is_post():
            return self._form(team, _present(team))
        values = fields()
        typed = {name: values.raw(name) for name in _present(team)}
        chosen = values.identifier("policy") if values.has("policy") else ...
        outcome = attempt(_change, team.id, typed, chosen, version=values.version())
        if isinstance(outcome, EmberOneError):
            return self._form(self._team(team.id), typed, outcome), outcome.status
        return done(_("The team was saved."), url_for("team.index_view"))

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Response:
        """Delete a team; its tickets go on without one."""
        team = self._team(row_id(request.form))
        message = _("The team %(name)s was deleted.", name=team.name)
        url = url_for("team.index_view")
        return carry_out(message, url, service.delete_team, current_actor(), team.id)

    def _team(self, team_id: UUID) -> agents.TeamRow:
        return found(agents.team_details(self.session, team_id))

    def _form(
        self,
        team: agents.TeamRow | None,
        typed: dict[str, str],
        refusal: EmberOneError | None = None,
    ) -> str:
        is_stale = team is not None and isinstance(refusal, StaleWrite)
        return self.render(
            "panel/team_form.html",
            team=team,
            typed=typed,
            refusal=refusal,
            theirs=self._worded(team) if team and is_stale else None,
            policies=self._policies(),
            patience=[
                (name, FIELDS[name], FIELDS[name].text(getattr(current(self.session), name)))
                for name in _PATIENCE
            ],
        )

    def _policies(self) -> list[tuple[UUID, str]]:
        return [(row.id, row.name) for row in list_policies(self.session)]

    def _worded(self, team: agents.TeamRow) -> list[tuple[Any, str]]:
        """The team as it stands, in words."""
        policy = dict(self._policies()).get(team.sla_policy_id) if team.sla_policy_id else None
        return [
            (_("Name"), team.name),
            (_("What is promised"), policy or _("as by default")),
            *(
                (FIELDS[name].label, FIELDS[name].text(count))
                for name in _PATIENCE
                if (count := getattr(team, name)) is not None
            ),
        ]


def _present(team: agents.TeamRow) -> dict[str, str]:
    """The team as its form shows it."""
    days = {name: getattr(team, name) for name in _PATIENCE}
    return {"name": team.name, "policy": str(team.sla_policy_id or "")} | {
        name: "" if count is None else str(count) for name, count in days.items()
    }


def _change(
    team_id: UUID, typed: dict[str, str], policy_id: UUID | EllipsisType | None, *, version: int
) -> None:
    reminder_days, close_days = (_days(name, typed[name]) for name in _PATIENCE)
    service.change_team(
        current_actor(),
        team_id,
        typed["name"],
        reminder_days=reminder_days,
        close_days=close_days,
        policy_id=policy_id,
        version=version,
    )


def _days(name: str, typed: str) -> int | None:
    if not typed.strip():
        return None
    try:
        return int(FIELDS[name].read({name: typed.strip()}))
    except ValueError as error:
        raise Invalid(str(error), field=name) from None


class TagView(PanelView):
    """The words that sort tickets, and which of them are skills."""

    address = "tag"

    @expose("/")
    def index_view(self) -> str:
        """List the tags, by name."""
        values = arguments()
        listing = Listing("tag.index_view", {"name": agents.TAGS}, values, ("search",))
        words = values.text("search")
        if words:
            listing.chips.append(Chip(("search",), _("Search"), words))
        page = agents.list_tags(self.session, words, listing.paging)
        columns = [Column(_("Tag"), "name"), Column(_("Skill")), Column(_("Actions"))]
        return self.render(
            "panel/tag_list.html",
            listing=listing,
            headings=listing.headings(columns),
            rows=page.rows,
            pages=listing.pages(page),
        )

    @expose("/skill/", methods=("POST",))
    def skill(self) -> Response:
        """Say whether a tag is a skill that the ticket's agent must have."""
        values = fields()
        name, wanted = values.text("name", 50), values.one_of("is_skill", ("0", "1"))
        if name is None or wanted is None:
            raise NotUnderstood
        message = (
            _("“%(name)s” is a skill now.", name=name)
            if wanted == "1"
            else _("“%(name)s” is no skill any more.", name=name)
        )
        url = url_for("tag.index_view")
        mark = agent_service.mark_skill
        return carry_out(message, url, mark, current_actor(), name, wanted == "1")
