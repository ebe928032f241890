"""People and agents: how they come in, what reaches them, what they have to do."""

import re

import pytest

from emberone.domain.enums import LETTERS_OF, Role
from emberone.services import profiles, tickets
from emberone.services.agents import change_agent
from tests.web.admin.conftest import rows


def main_of(browser, path):
    answer = browser.get(f"/admin/{path}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.get_data(as_text=True).split("<main")[1])


def person_page(browser, actor):
    return main_of(browser, f"profile/details/?id={actor.profile_id}")


def test_the_list_says_how_everybody_comes_in(
    as_admin, as_agent, make, account, change_user, owner, queries
):
    waiting, gone, outside = make.customer("Wim"), make.agent("Gus"), make.customer("Olga")
    make.customer("Nora")
    for person in (waiting, gone):
        account(person)
    change_user(waiting, confirmed_at=None)
    change_user(gone, active=False)
    owner.execute("UPDATE profiles SET user_id = 'auth0|1' WHERE id = %s", (outside.profile_id,))
    queries()
    page = main_of(as_admin, "profile/")
    assert len(queries()) <= 7
    for name, words in (
        ("Wim", "has not confirmed the address yet"),
        ("Gus", "Deactivated"),
        ("Olga", "at another provider"),
        ("Nora", "none yet"),
        ("Ada Admin", "signs in here"),
    ):
        assert words in page.split(f">{name}</a>")[1].split("</tr>")[0], name
    page = main_of(as_agent, "profile/")
    assert "has one" in page.split(">Wim</a>")[1].split("</tr>")[0]
    assert "confirmed" not in page
    assert 'class="avatar' in page


def test_a_search_that_finds_nobody_leads_back_to_everyone(as_agent):
    page = main_of(as_agent, "profile/?search=zzz")
    assert "Nobody matches what you asked for." in page
    assert "Show everyone" in page


def test_an_address_that_takes_no_letters_is_told_to_admins(as_admin, as_agent, customer, owner):
    assert "Reach nobody" not in person_page(as_admin, customer)
    owner.execute(
        "INSERT INTO suppressed_addresses (email, reason) VALUES ('carl@example.org', '550 no such user')"
    )
    page = person_page(as_admin, customer)
    assert "Reach nobody" in page
    assert "550 no such user" in page
    assert "550 no such user" not in person_page(as_agent, customer)


def test_letters_that_a_person_does_without_are_named(as_agent, customer):
    assert "all but" not in person_page(as_agent, customer)
    profiles.choose(customer, language=None, declined_letters=["feedback_request"])
    assert "all but: Request to rate" in person_page(as_agent, customer)


def test_an_admin_chooses_what_somebody_is_mailed(as_admin, as_agent, agent):
    url = f"/admin/profile/letters/?id={agent.profile_id}"
    page = as_admin.get(url).text
    assert page.count('name="letters"') == page.count('" checked') == len(LETTERS_OF[Role.AGENT])
    version = re.search(r'name="version" value="(\d+)"', page)[1]
    chosen = {"version": version, "letters": ["assigned", "digest", "mention"]}
    assert as_agent.post(url, data=chosen).status_code == 403
    assert as_admin.post(url, data=chosen).status_code == 303
    declined = "SELECT declined_letters FROM profiles WHERE id = :id"
    assert rows(declined, id=agent.profile_id) == [(["sla_breach", "sla_warning"],)]
    assert "all but: SLA breach, SLA warning" in person_page(as_admin, agent)
    # Who had an older form before them overwrites nothing.
    answer = as_admin.post(url, data={"version": version, "letters": []})
    assert answer.status_code == 409
    assert rows(declined, id=agent.profile_id) == [(["sla_breach", "sla_warning"],)]


def test_an_agents_page_shows_their_work_and_what_they_have_to_do(
    as_admin, as_agent, admin, agent, open_ticket, make
):
    billing = make.team("Billing")
    change_agent(admin, agent.profile_id, capacity=4, skills=["vpn"], team_ids=[billing], version=1)
    mine, closed = open_ticket("Printer on fire"), open_ticket("Long ago")
    for ticket in (mine, closed):
        tickets.assign_ticket(admin, ticket.id, agent.profile_id)
    tickets.close_ticket(agent, closed.id)
    page = person_page(as_admin, agent)
    for words in ("1 of 4", "Billing", "vpn", "Available", "Printer on fire"):
        assert words in page
    assert "Long ago" not in page
    assert "Change capacity, teams and skills" in page
    assert "Change capacity, teams and skills" not in person_page(as_agent, agent)


def test_the_load_is_a_number_first_and_a_bar_for_the_eye(as_agent, admin, make):
    full, none = make.agent("Full"), make.agent("None", capacity=0)
    change_agent(admin, full.profile_id, capacity=1, skills=[], team_ids=[], version=1)
    make.ticket(assigned_agent_id=full.profile_id)
    page = main_of(as_agent, "agent/")
    row = page.split(">Full</a>")[1].split("</tr>")[0]
    assert "1 of 1" in row
    assert '<meter class="load__bar" aria-hidden="true" min="0" max="1"' in row
    assert "full" in row
    row = page.split(">None</a>")[1].split("</tr>")[0]
    assert "takes none" in row
    assert "<meter" not in row
    assert rows("SELECT capacity FROM agents WHERE profile_id = :id", id=none.profile_id) == [(0,)]


def test_whoever_is_deactivated_is_neither_full_nor_switched(as_admin, make, account, change_user):
    gone = make.agent("Gus", capacity=0)
    account(gone)
    change_user(gone, active=False)
    row = main_of(as_admin, "agent/").split(">Gus</a>")[1].split("</tr>")[0]
    assert "Deactivated" in row
    assert "takes none" not in row
    assert 'name="availability"' not in row


@pytest.mark.parametrize("page", ["ticket", "new", "lookup"])
def test_whoever_is_deactivated_is_no_choice_for_a_ticket(
    as_agent, make, account, change_user, open_ticket, page
):
    ticket = open_ticket()
    gone = make.agent("Gus Gone")
    account(gone)
    addresses = {
        "ticket": f"/admin/ticket/{ticket.number}/",
        "new": "/admin/ticket/new/",
        "lookup": "/admin/ticket/ajax/lookup/?name=agent&query=gus",
    }
    assert "Gus Gone" in as_agent.get(addresses[page]).get_data(as_text=True)
    change_user(gone, active=False)
    answer = as_agent.get(addresses[page])
    assert answer.status_code == 200
    assert "Gus Gone" not in answer.get_data(as_text=True)


def test_the_form_says_what_becomes_of_tickets_and_of_the_last_admin(as_admin, as_agent, admin):
    page = main_of(as_admin, f"profile/edit/?id={admin.profile_id}")
    assert "The last admin who can sign in stays an admin" in page
    assert 'aria-describedby="role-hint"' in page
    assert "last admin" not in main_of(as_agent, "profile/new/")
    assert Role.ADMIN.value in page
