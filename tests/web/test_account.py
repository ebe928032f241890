"""One's own account: what one chooses, and signing out everywhere."""

import pytest

from emberone import languages
from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import LETTERS_OF, OPTIONAL_LETTERS, Role
from emberone.models import Profile


def profile_of(actor) -> Profile:
    with reading(SYSTEM) as session:
        return session.get_one(Profile, actor.profile_id)


@pytest.mark.parametrize("role", list(Role))
def test_everyone_chooses_the_letters_of_their_role(make, client_of, role):
    actor = make.person(role)
    client, (first, *others) = client_of(actor), LETTERS_OF[role]
    page = client.get("/account/")
    assert page.status_code == 200
    assert page.text.count('name="letters"') == len(LETTERS_OF[role])
    answer = client.post("/account/", data={"full_name": "Ana", "letters": others})
    assert (answer.status_code, answer.location) == (303, "/account/")
    assert profile_of(actor).declined_letters == [first]
    assert "Your choices were saved" in client.get("/account/").text


def test_what_a_role_is_offered_can_be_declined():
    assert {name for names in LETTERS_OF.values() for name in names} == set(OPTIONAL_LETTERS)


def test_customers_and_admins_rename_themselves_agents_do_not(make, client_of):
    for role, renames in ((Role.CUSTOMER, True), (Role.ADMIN, True), (Role.AGENT, False)):
        actor = make.person(role, "Old Name")
        client = client_of(actor)
        assert ('name="full_name"' in client.get("/account/").text) is renames
        client.post("/account/", data={"full_name": " New  Name "})
        assert profile_of(actor).full_name == ("New Name" if renames else "Old Name")


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b"])
def test_a_name_that_will_not_do_saves_nothing(make, client_of, name):
    actor = make.customer("Old Name")
    answer = client_of(actor).post("/account/", data={"full_name": name})
    assert answer.status_code in {400, 422}
    assert (profile_of(actor).full_name, profile_of(actor).declined_letters) == ("Old Name", [])


def test_with_one_language_none_is_asked_for_and_none_forgotten(
    make, client_of, owner, monkeypatch, tmp_path
):
    monkeypatch.setattr(languages, "folder", lambda: tmp_path)
    actor = make.customer("Ana")
    owner.execute("UPDATE profiles SET language = 'de' WHERE id = %s", [actor.profile_id])
    client = client_of(actor)
    assert 'name="language"' not in client.get("/account/").text
    client.post("/account/", data={"full_name": "Ana", "language": "xx"})
    assert profile_of(actor).language in {"de", None}


def test_signing_out_everywhere_ends_every_session_and_remembered_device(
    web, make, account, client_of
):
    actor = make.customer()
    here, there, remembered = client_of(actor), client_of(actor), web.test_client()
    remembered.sign_in(account(actor), remember="y")
    remembered.delete_cookie("emberone_session")
    answer = here.post("/account/sign-out-everywhere")
    assert (answer.status_code, answer.location) == (303, "/login")
    for client in (here, there, remembered):
        assert client.get("/account/").status_code == 302
    assert "signed out everywhere" in here.get("/login").text
    assert here.sign_in(account(actor)).status_code == 302


def test_the_account_page_needs_a_sign_in(browser):
    assert browser.get("/account/").location.startswith("/login?next=")
    assert browser.get("/account/password").location.startswith("/login?next=")
    assert browser.post("/account/sign-out-everywhere").status_code == 401
