"""The mail log and the catalogue of letters, as staff use them."""

import re

import pytest

from emberone.db import transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.lifecycle import Event
from emberone.mail.kinds import all_kinds
from emberone.mail.site import current_site
from emberone.mail.tokens import feedback_token
from emberone.services import comments, digests, feedback, letters, tickets
from tests.conftest import settings_for
from tests.web.admin.conftest import rows


def page(browser, address):
    answer = browser.get(f"/admin/{address}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


@pytest.fixture
def asked(agent, open_ticket, set_setting):
    """A ticket that was answered, closed and asked about; returns the ticket."""
    set_setting(feedback_delay_s=0)
    ticket = open_ticket("No VPN")
    comments.reply(agent, ticket.id, "Try **again**.", Event.STAFF_REPLY_AND_CLOSE)
    feedback.sweep_feedback()
    return ticket


def letter_id(kind):
    return rows("SELECT id FROM mail_outbox WHERE letter = :kind", kind=kind)[0].id


def feedback_secret(web):
    request = rows("SELECT id FROM feedback_requests")[0].id
    with web.app_context():
        return feedback_token(current_site().secret_key, request)


def test_the_log_tells_each_letters_fate_and_counts_the_states(as_agent, asked, owner):
    owner.execute(
        "UPDATE mail_outbox SET attempts = 2, send_after = now() + interval '5 minutes'"
        " WHERE letter = 'staff_replied'"
    )
    owner.execute(
        "UPDATE mail_outbox SET state = 'dead', last_error = '451 busy', attempts = 8"
        " WHERE letter = 'feedback_request'"
    )
    text = page(as_agent, "letter/")
    assert f"Re: [#{asked.number}] No VPN" in text
    assert "attempt 3 of 8" in text
    assert "451 busy. It was tried 8 times" in text
    dead = page(as_agent, "letter/?state=dead")
    assert "451 busy" in dead
    assert "attempt 3 of 8" not in dead
    assert re.search(r'Given up<span class="view-tabs__count">1<', dead)
    assert "Send all again" not in dead


def test_letters_in_a_digest_lead_to_it_and_it_leads_to_them(
    as_agent, agent, open_ticket, set_setting
):
    set_setting(digest_above=1)
    opened = {title: open_ticket(title).id for title in ("No VPN", "No mail")}
    with transaction(SYSTEM) as session:
        for title, ticket in opened.items():
            letters.write(
                session,
                key=title,
                letter="assigned",
                to_profile_id=agent.profile_id,
                ticket_id=ticket,
                params={},
            )
    digests.admit_due()
    digest = letter_id("digest")
    log = page(as_agent, "letter/?state=collapsed")
    assert log.count(f"/admin/letter/details/?id={digest}") == 2
    assert "a digest tells of it" in log
    one = page(as_agent, f"letter/details/?id={letter_id('assigned')}")
    assert f"/admin/letter/details/?id={digest}" in one
    of_many = page(as_agent, f"letter/details/?id={digest}")
    assert "2 tickets are yours now" in of_many
    assert f"/admin/letter/?digest={digest}" in of_many
    inside = page(as_agent, f"letter/preview/?id={digest}")
    assert "No VPN" in inside
    assert "No mail" in inside
    listed = page(as_agent, f"letter/?digest={digest}")
    assert listed.count("a digest tells of it") == 2


def test_letters_of_one_person_are_reached_from_their_page(as_agent, asked, customer, agent):
    link = f"/admin/letter/?person={customer.profile_id}"
    assert link in page(as_agent, f"profile/details/?id={customer.profile_id}")
    assert "No VPN" in page(as_agent, link.removeprefix("/admin/"))
    assert "No letters here" in page(as_agent, f"letter/?person={agent.profile_id}")


def test_agents_see_no_letter_of_the_sign_in(as_agent, as_admin, agent):
    with transaction(SYSTEM) as session:
        letters.write(
            session,
            key="reset:1",
            letter="known",
            to_profile_id=agent.profile_id,
            ticket_id=None,
            params={},
        )
    secret = letter_id("known")
    assert str(secret) in page(as_admin, "letter/")
    assert str(secret) not in page(as_agent, "letter/")
    for address in ("details", "preview"):
        assert as_agent.get(f"/admin/letter/{address}/?id={secret}").status_code == 404
        assert as_admin.get(f"/admin/letter/{address}/?id={secret}").status_code == 200


def test_a_kept_letters_links_are_real_for_an_admin_only(web, as_admin, as_agent, asked, owner):
    letter, secret = letter_id("feedback_request"), feedback_secret(web)
    addresses = [f"letter/details/?id={letter}", f"letter/preview/?id={letter}"]
    for browser in (as_admin, as_agent):
        assert all(secret not in page(browser, address) for address in addresses)
    owner.execute("UPDATE mail_outbox SET state = 'kept'")
    assert all(secret in page(as_admin, address) for address in addresses)
    assert all(secret not in page(as_agent, address) for address in addresses)
    frame = as_admin.get(f"/admin/{addresses[1]}").headers["Content-Security-Policy"]
    assert frame.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src")
    assert as_admin.get(f"/f/{secret}?rating=5").status_code == 200


def test_with_a_mail_server_nobody_sees_a_kept_letters_secret(
    web, postgres, as_admin, asked, owner
):
    letter, secret = letter_id("feedback_request"), feedback_secret(web)
    owner.execute("UPDATE mail_outbox SET state = 'kept'")
    before = web.extensions["emberone.settings"]
    web.extensions["emberone.settings"] = settings_for(
        postgres, EMBERONE_SMTP_URL="smtp://127.0.0.1:1"
    )
    try:
        text = page(as_admin, f"letter/details/?id={letter}")
        assert secret not in page(as_admin, f"letter/preview/?id={letter}")
    finally:
        web.extensions["emberone.settings"] = before
    assert secret not in text
    assert "/f/…?rating=5" in text
    assert "Send now" in text


def test_an_admin_sends_all_dead_letters_again(as_admin, as_agent, asked, owner):
    owner.execute("UPDATE mail_outbox SET state = 'dead', attempts = 8, last_error = 'x'")
    assert "Send all again" in page(as_admin, "letter/?state=dead")
    form = {"state": "dead"}
    assert as_agent.post("/admin/letter/retry-all/", data=form).status_code == 403
    answer = as_admin.post("/admin/letter/retry-all/", data=form, follow_redirects=True)
    assert "3 letters will be sent again." in answer.get_data(as_text=True)
    assert rows("SELECT DISTINCT state, attempts, last_error FROM mail_outbox") == [
        ("queued", 0, None)
    ]
    refused = as_admin.post(
        "/admin/letter/retry-all/", data={"state": "sent"}, follow_redirects=True
    )
    assert "Only letters that were given up, or not sent" in refused.get_data(as_text=True)


def test_letters_to_an_address_that_takes_none_stay_dead(as_admin, asked, owner):
    owner.execute("UPDATE mail_outbox SET state = 'dead'")
    owner.execute(
        "INSERT INTO suppressed_addresses (email, reason) VALUES ('carl@example.org', '550 gone')"
    )
    as_admin.post("/admin/letter/retry-all/", data={"state": "dead"})
    assert rows("SELECT DISTINCT state FROM mail_outbox") == [("dead",)]


def test_an_admin_lets_an_address_be_mailed_again(as_admin, as_agent, owner):
    owner.execute(
        "INSERT INTO suppressed_addresses (email, reason) VALUES ('ana@example.org', '550 gone')"
    )
    assert "550 gone" in page(as_admin, "letter/suppressed/")
    form = {"email": "ana@example.org"}
    assert as_agent.get("/admin/letter/suppressed/").status_code == 403
    assert as_agent.post("/admin/letter/forgive/", data=form).status_code == 403
    assert as_admin.post("/admin/letter/forgive/", data=form).status_code == 303
    assert rows("SELECT * FROM suppressed_addresses") == []
    assert as_admin.post("/admin/letter/forgive/", data=form).status_code == 404


def test_the_catalogue_shows_every_kind_for_a_real_ticket(as_agent, asked, agent, admin):
    tickets.reopen_ticket(agent, asked.id)
    listed = page(as_agent, "letter/kinds/")
    before = rows("SELECT count(*) FROM mail_outbox")
    for kind in all_kinds():
        assert f"/admin/letter/kinds/{kind.letter}/" in listed
        page(as_agent, f"letter/kinds/{kind.letter}/")
    for letter in ("ticket_received", "staff_replied", "assigned"):
        text = page(as_agent, f"letter/kinds/{letter}/")
        assert f"[#{asked.number}] No VPN" in text
        frame = page(as_agent, f"letter/kinds/{letter}/preview/?ticket={asked.number}")
        assert "No VPN" in frame
    assert "<strong>again</strong>" in page(as_agent, "letter/kinds/staff_replied/preview/")
    assert "/f/…" in page(as_agent, "letter/kinds/feedback_request/") or "No ticket yet" in page(
        as_agent, "letter/kinds/feedback_request/"
    )
    assert rows("SELECT count(*) FROM mail_outbox") == before


def test_the_catalogue_speaks_the_readers_language(as_agent, asked):
    german = {"Accept-Language": "de"}
    for path in ("", "preview/"):
        shown = as_agent.get(f"/admin/letter/kinds/staff_replied/{path}", headers=german).text
        assert "Guten Tag" in shown
        assert "Hello Carl" not in shown


def test_a_letter_that_does_not_fit_a_ticket_says_so(as_agent, open_ticket):
    ticket = open_ticket()
    text = page(as_agent, f"letter/kinds/low_rating/?ticket={ticket.number}")
    assert f"This letter is not written about #{ticket.number}" in text
    assert "No ticket yet" in page(as_agent, "letter/kinds/low_rating/")
    assert as_agent.get("/admin/letter/kinds/no_such/").status_code == 404
    assert as_agent.get("/admin/letter/kinds/low_rating/preview/").status_code == 404


def test_a_feedback_letter_is_shown_for_a_closed_ticket_without_its_secret(web, as_admin, asked):
    text = page(as_admin, f"letter/kinds/feedback_request/?ticket={asked.number}")
    assert "/f/…?rating=5" in text
    assert feedback_secret(web) not in text


def test_the_links_of_letters_lead_to_pages_that_there_are(web):
    site = current_site_of(web)
    router = web.url_map.bind("localhost")
    for address in (
        site.portal_url(1024),
        site.choices_url,
        site.ticket_url("019b5a00-0000-7000-8000-000000000001").partition("?")[0],
        site.feedback_url("019b5a00-0000-7000-8000-000000000001"),
        site.confirm_url("claim"),
        site.reset_url("claim"),
    ):
        router.match(address.removeprefix(site.base_url))


def current_site_of(web):
    with web.app_context():
        return current_site()
