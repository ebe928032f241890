"""People: customers, agents and admins."""

from typing import Any, Final
from uuid import UUID

from flask import request, url_for
from flask_admin import expose
from flask_babel import gettext as _
from werkzeug import Response

from emberone import policy
from emberone.db import now_of
from emberone.domain.enums import LETTERS_OF, HandOver, Role, Status
from emberone.domain.errors import EmberOneError, StaleWrite
from emberone.mail.kinds import kind_of
from emberone.queries import agents, letters, profiles, tickets
from emberone.queries.paging import Paging
from emberone.queries.sign_ins import SignInState, sign_in_states
from emberone.services import accounts
from emberone.services import profiles as service
from emberone.web.admin import choices
from emberone.web.admin.agent_absences import chosen, handing_over
from emberone.web.admin.base import PanelView, attempt, carry_out, done, found, is_post, refused
from emberone.web.admin.lists import Chip, Column, Listing
from emberone.web.admin.params import arguments, asked_row, fields, row_id
from emberone.web.session import current_actor

_FILTERS = ("search", "role")

#: So many tickets of a person stand on their page; the list has them all.
_TICKETS_SHOWN = 10

#: What counts as an agent's load.
_UNDER_WAY: Final = (Status.OPEN, Status.IN_PROGRESS)


class ProfileView(PanelView):
    """Everyone the product knows."""

    address = "profile"

    @expose("/")
    def index_view(self) -> str:
        """List the people, by name."""
        values, actor = arguments(), current_actor()
        listing = Listing("profile.index_view", profiles.ORDERS, values, _FILTERS)
        words, role = values.text("search"), values.choice("role", Role)
        if words:
            listing.chips.append(Chip(("search",), _("Search"), words))
        if role:
            listing.chips.append(Chip(("role",), _("Role"), dict(choices.roles())[role.value]))
        filters = profiles.ProfileFilters(role=role, text=words)
        page = profiles.list_profiles(self.session, filters, listing.paging)
        return self.render(
            "panel/profile_list.html",
            listing=listing,
            headings=listing.headings(
                [
                    Column(_("Name"), "name"),
                    Column(_("E-mail address")),
                    Column(_("Role")),
                    Column(_("Sign-in")),
                    Column(_("Known since"), "created"),
                ]
            ),
            rows=page.rows,
            pages=listing.pages(page),
            roles=choices.roles(),
            signs_in=sign_in_states(self.session, actor, page.rows),
            sign_in_words=choices.sign_in_states(),
        )

    @expose("/details/")
    def details_view(self) -> str:
        """Show one person: how they come in, what reaches them, and their latest tickets."""
        actor, person = current_actor(), self._person(asked_row())
        state = sign_in_states(self.session, actor, [person])[person.id]
        recent = tickets.list_tickets(
            self.session,
            actor,
            _tickets_of(person),
            Paging(tickets.ORDERS["created"], descending=True, size=_TICKETS_SHOWN),
        )
        sees_mail = policy.may(actor, policy.MAIL_RETRY)
        return self.render(
            "panel/profile_page.html",
            person=person,
            state=state,
            sign_in_words=choices.sign_in_states(),
            is_deactivated=state is SignInState.DEACTIVATED,
            suppression=letters.suppression_of(self.session, person.email) if sees_mail else None,
            declined=[str(kind_of(letter).name) for letter in person.declined_letters],
            agent=agents.agent_details(self.session, person.id),
            now=now_of(self.session),
            recent=recent.rows,
            has_more=recent.following is not None,
        )

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> Any:
        """Make a person known: anyone by an admin, a customer by an agent."""
        actor = current_actor()
        if not is_post():
            return self._form(None, {"role": Role.CUSTOMER.value})
        values = fields()
        role = values.choice("role", Role) or Role.CUSTOMER
        email, name = values.raw("email"), values.raw("full_name")
        outcome = attempt(service.create_profile, actor, email, name, role)
        if isinstance(outcome, EmberOneError):
            typed = {"email": email, "full_name": name, "role": role.value}
            return self._form(None, typed, outcome), outcome.status
        return done(_("%(name)s is known now.", name=name.strip()), self._url(outcome))

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Any:
        """Change a person; a stale form comes back with both versions."""
        person = self._person(asked_row())
        if not is_post():
            return self._form(person, _typed(person))
        values = fields()
        role = values.choice("role", Role) or person.role
        email, name, version = values.raw("email"), values.raw("full_name"), values.version()
        outcome = attempt(
            service.change_profile,
            current_actor(),
            person.id,
            email=email,
            full_name=name,
            role=role,
            version=version,
        )
        if isinstance(outcome, EmberOneError):
            typed = {"email": email, "full_name": name, "role": role.value}
            return self._form(self._person(person.id), typed, outcome), outcome.status
        return done(_("%(name)s was saved.", name=name.strip()), self._url(person.id))

    @expose("/letters/", methods=("GET", "POST"))
    def letters(self) -> Any:
        """Choose which letters a person does without."""
        person = self._person(asked_row())
        offered = LETTERS_OF[person.role]
        declined, refusal = set(person.declined_letters), None
        if is_post():
            declined = set(offered) - set(request.form.getlist("letters"))
            refusal = attempt(
                service.choose_letters,
                current_actor(),
                person.id,
                declined_letters=declined,
                version=fields().version(),
            )
            if not isinstance(refusal, EmberOneError):
                return done(_("%(name)s was saved.", name=person.full_name), self._url(person.id))
            person = self._person(person.id)
        page = self.render(
            "panel/profile_letters.html",
            person=person,
            letters=[kind_of(letter) for letter in offered],
            declined=declined,
            refusal=refusal,
        )
        return page, refusal.status if refusal else 200

    @expose("/activate/", methods=("POST",))
    def activate(self) -> Response:
        """Let a person sign in again."""
        person = self._person(row_id(request.form))
        message = _("%(name)s may sign in again.", name=person.full_name)
        url = self._url(person.id)
        return carry_out(message, url, service.set_active, current_actor(), person.id, True)

    @expose("/deactivate/", methods=("GET", "POST"))
    def deactivate(self) -> Any:
        """Let a person sign in no longer, and sign them out; of an agent, hand over the tickets."""
        actor = current_actor()
        if not is_post():
            return self._leave_form(self._person(asked_row()), HandOver.RELEASE_ALL, None)
        person, values = self._person(row_id(request.form)), fields()
        choice, to_agent_id = chosen(values, otherwise=HandOver.RELEASE_ALL)
        outcome = attempt(
            service.set_active, actor, person.id, False, choice=choice, to_agent_id=to_agent_id
        )
        if not isinstance(outcome, EmberOneError):
            message = _("%(name)s can no longer sign in.", name=person.full_name)
            return done(message, self._url(person.id))
        if not values.has("hand_over"):
            return refused(outcome, self._url(person.id))
        return self._leave_form(person, choice, to_agent_id, outcome), outcome.status

    @expose("/password/", methods=("GET", "POST"))
    def password(self) -> Any:
        """Give a person a password, and with it a sign-in where they had none."""
        person = self._person(asked_row())
        refusal = None
        if is_post():
            password = fields().raw("password")
            refusal = attempt(accounts.set_password, current_actor(), person.id, password)
            if not isinstance(refusal, EmberOneError):
                message = _("%(name)s signs in with the new password.", name=person.full_name)
                return done(message, self._url(person.id))
        page = self.render("panel/profile_password.html", person=person, refusal=refusal)
        return page, refusal.status if refusal else 200

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> Response:
        """Delete a customer who has no tickets."""
        person = self._person(row_id(request.form))
        outcome = attempt(service.delete_profile, current_actor(), person.id)
        if isinstance(outcome, EmberOneError):
            return refused(outcome, self._url(person.id))
        message = _("%(name)s was deleted.", name=person.full_name)
        return done(message, url_for("profile.index_view"))

    def _leave_form(
        self,
        person: profiles.ProfileRow,
        choice: HandOver,
        to_agent_id: UUID | None,
        refusal: EmberOneError | None = None,
    ) -> str:
        return self.render(
            "panel/profile_deactivate.html",
            person=person,
            form=handing_over(self, person.id, choice, to_agent_id),
            refusal=refusal,
        )

    def _person(self, profile_id: UUID) -> profiles.ProfileRow:
        return found(profiles.profile_details(self.session, profile_id))

    def _url(self, profile_id: UUID) -> str:
        return url_for("profile.details_view", id=profile_id)

    def _form(
        self,
        person: profiles.ProfileRow | None,
        typed: dict[str, str],
        refusal: EmberOneError | None = None,
    ) -> str:
        actor = current_actor()
        allowed = [
            (value, label)
            for value, label in choices.roles()
            if policy.may(actor, policy.PROFILE_CREATE, role=Role(value))
        ]
        return self.render(
            "panel/profile_form.html",
            person=person,
            typed=typed,
            roles=allowed,
            refusal=refusal,
            is_stale=isinstance(refusal, StaleWrite),
        )


def _tickets_of(person: profiles.ProfileRow) -> tickets.TicketFilters:
    """What a person's page lists: what staff have to do, what a customer asked."""
    if person.role.is_staff:
        return tickets.TicketFilters(agent=person.id, statuses=_UNDER_WAY)
    return tickets.TicketFilters(customer_id=person.id)


def _typed(person: profiles.ProfileRow) -> dict[str, str]:
    return {"email": person.email, "full_name": person.full_name, "role": person.role.value}
