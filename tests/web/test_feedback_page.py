"""The page behind a feedback letter's links: scanners, people, and bad input."""

import re
import threading

import pytest
from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import FeedbackState, MailState
from emberone.models import Letter, Profile
from emberone.services import tickets


@pytest.fixture
def client(web):
    """A mail program's browser: it keeps no cookie and knows no CSRF token."""
    client = web.test_client(use_cookies=False)
    client.sends_token = False
    return client


def star_chosen(page):
    found = re.findall(r'name="rating" value="(\d)" required checked', page)
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.rule("feedback 5")
def test_the_letter_has_five_links_without_ids_or_addresses(invited):
    assert [link[-1] for link in invited.links] == ["5", "4", "3", "2", "1"]
    assert re.fullmatch(r"/f/[A-Za-z0-9_-]{22}", invited.path)


@pytest.mark.rule("feedback 6")
def test_scanners_that_open_every_link_record_nothing(invited, client):
    before = invited.everything()
    for link in [*invited.links, invited.path, f"{invited.path}/unsubscribe"]:
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
    assert invited.everything() == before


@pytest.mark.rule("feedback 6")
def test_scanners_that_open_all_links_at_once_record_nothing(invited, web):
    before, seen = invited.everything(), []
    start = threading.Barrier(5)

    def scan(link):
        start.wait()
        seen.append(web.test_client(use_cookies=False).get(link).status_code)

    threads = [threading.Thread(target=scan, args=(link,)) for link in invited.links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 5
    assert invited.everything() == before


@pytest.mark.rule("feedback 6")
def test_the_page_shows_the_links_star_chosen(invited, client):
    for link in invited.links:
        assert star_chosen(client.get(link).text) == link[-1]
    assert star_chosen(client.get(invited.path).text) is None


@pytest.mark.parametrize("rating", ["0", "6", "-1", "x", "", "5.0", "٣", "55", "%00", "<script>"])
def test_a_link_with_an_odd_rating_shows_the_page_without_a_star(invited, client, rating):
    answer = client.get(f"{invited.path}?rating={rating}")
    assert answer.status_code == (400 if rating == "%00" else 200)
    assert star_chosen(answer.text) is None
    assert "<script>" not in answer.text.replace("<script src=", "")


@pytest.mark.rule("feedback 5")
def test_the_address_stays_secret(invited, client):
    for path in (invited.path, f"{invited.path}/unsubscribe", "/f/no-such-token"):
        headers = client.get(path).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in headers


@pytest.mark.rule("feedback 6")
def test_the_page_works_without_javascript_and_escapes_the_title(invited, client):
    page = client.get(invited.path).text
    assert "My &lt;b&gt;secret&lt;/b&gt; printer" in page
    assert f'<form method="post" action="{invited.path}">' in page
    assert str(invited.ticket_id) not in page
    assert "example.org" not in page


@pytest.mark.rule("feedback 7")
def test_a_post_records_the_answer_and_the_page_says_so(invited, client):
    sent = client.post(invited.path, data={"rating": "4", "text": "Fine.", "seen": "0"})
    assert (sent.status_code, sent.headers["Location"]) == (303, invited.path)
    page = client.get(sent.headers["Location"]).text
    assert "Thank you" in page
    assert star_chosen(page) == "4"
    assert "Fine.</textarea>" in page
    assert (invited.request.state, invited.request.rating) == (FeedbackState.ANSWERED, 4)
    assert (invited.ticket.feedback_rating, invited.ticket.feedback_text) == (4, "Fine.")
    (entry,) = invited.changes()
    assert entry.actor_id == invited.customer.profile_id


def test_a_low_rating_reaches_the_admins_outbox(invited, client, make):
    make.admin()
    client.post(invited.path, data={"rating": "1", "seen": "0"})
    with reading(SYSTEM) as session:
        letter = session.scalars(select(Letter).where(Letter.letter == "low_rating")).one()
    assert letter.state is MailState.QUEUED


def test_an_answer_can_be_changed_from_the_page_that_shows_it(invited, client):
    client.post(invited.path, data={"rating": "2", "seen": "0"})
    seen = re.search(r'name="seen" value="(\d+)"', client.get(invited.path).text)[1]
    assert client.post(invited.path, data={"rating": "5", "seen": seen}).status_code == 303
    assert (invited.request.rating, invited.request.answer_no) == (5, 2)
    assert len(invited.changes()) == 2


def test_another_link_of_an_answered_letter_shows_its_star_and_the_answer(invited, client):
    client.post(invited.path, data={"rating": "5", "seen": "0"})
    page = client.get(f"{invited.path}?rating=1").text
    assert star_chosen(page) == "1"
    assert "5 of 5 stars" in page
    assert invited.request.rating == 5


@pytest.mark.rule("feedback 7")
def test_who_is_later_sees_what_was_recorded_and_loses_no_word(invited, client):
    client.post(invited.path, data={"rating": "5", "text": "theirs", "seen": "0"})
    late = client.post(invited.path, data={"rating": "1", "text": "mine", "seen": "0"})
    assert late.status_code == 409
    assert "5 of 5 stars" in late.text
    assert "theirs" in late.text
    assert star_chosen(late.text) == "1"
    assert "mine</textarea>" in late.text
    assert invited.request.rating == 5
    seen = re.search(r'name="seen" value="(\d+)"', late.text)[1]
    client.post(invited.path, data={"rating": "1", "text": "mine", "seen": seen})
    assert invited.request.rating == 1


@pytest.mark.rule("feedback 7")
def test_of_two_sent_at_once_one_wins_and_the_other_is_shown_it(invited, web):
    start, answers = threading.Barrier(2), {}

    def send(rating):
        client = web.test_client(use_cookies=False)
        client.sends_token = False
        start.wait()
        answers[rating] = client.post(invited.path, data={"rating": rating, "seen": "0"})

    threads = [threading.Thread(target=send, args=(rating,)) for rating in ("3", "5")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers.values()) == [303, 409]
    loser = next(answer for answer in answers.values() if answer.status_code == 409)
    assert f"{invited.request.rating} of 5 stars" in loser.text
    assert len(invited.changes()) == 1


def test_a_button_pressed_twice_is_one_answer(invited, client):
    for _ in range(2):
        assert client.post(invited.path, data={"rating": "4", "seen": "0"}).status_code == 303
    assert invited.request.answer_no == 1


@pytest.mark.rule("feedback 4")
def test_a_reopened_tickets_link_says_so_and_records_nothing(invited, client):
    tickets.reopen_ticket(invited.customer, invited.ticket_id)
    for answer in (client.get(invited.links[0]), client.post(invited.path, data={"rating": "5"})):
        assert answer.status_code in (410, 422)
    answer = client.post(invited.path, data={"rating": "5", "seen": "0"})
    assert answer.status_code == 410
    assert "reopened" in answer.text
    assert "secret" not in answer.text
    assert invited.request.state is FeedbackState.SENT


@pytest.mark.rule("feedback 7")
def test_an_expired_link_says_so_and_records_nothing(invited, client, owner):
    owner.execute("UPDATE feedback_requests SET expires_at = now()")
    for answer in (
        client.get(invited.links[0]),
        client.post(invited.path, data={"rating": "5", "seen": "0"}),
    ):
        assert answer.status_code == 410
        assert "expired" in answer.text
        assert "secret" not in answer.text
    assert invited.request.state is FeedbackState.SENT


@pytest.mark.parametrize(
    "token",
    ["x", "a" * 22, "A" * 5000, "%ff%fe", "..%2f..", "ü", "00000000-0000-7000-8000-000000000000"],
)
def test_an_unknown_token_is_a_404_that_tells_nothing(invited, client, token):
    assert client.get(f"/f/{token}").status_code == 404
    assert client.post(f"/f/{token}", data={"rating": "5", "seen": "0"}).status_code == 404
    assert client.get(f"/f/{token}/unsubscribe").status_code == 404
    assert client.post(f"/f/{token}/unsubscribe").status_code == 404


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"rating": "", "seen": "0"},
        {"rating": "0", "seen": "0"},
        {"rating": "6", "seen": "0"},
        {"rating": "five", "seen": "0"},
        {"rating": "4\0", "seen": "0"},
        {"rating": "9" * 400, "seen": "0"},
        {"rating": "4", "seen": "-1"},
        {"rating": "4", "seen": "9" * 400},
        {"rating": "4"},
    ],
)
def test_a_malformed_answer_is_refused_with_the_form_and_the_text_in_it(invited, client, form):
    answer = client.post(invited.path, data={"text": "My words.", **form})
    assert answer.status_code == 422
    assert "My words.</textarea>" in answer.text
    assert "Nothing was recorded" in answer.text
    assert invited.request.state is FeedbackState.SENT
    assert invited.changes() == []


def test_a_text_too_long_is_refused_and_given_back_whole(invited, client):
    words = "ä" * 500_000
    answer = client.post(invited.path, data={"rating": "4", "text": words, "seen": "0"})
    assert answer.status_code == 422
    assert words in answer.text
    assert star_chosen(answer.text) == "4"
    assert invited.request.state is FeedbackState.SENT


def test_a_text_with_a_nul_is_refused_and_given_back_without_it(invited, client):
    answer = client.post(invited.path, data={"rating": "4", "text": "a\0b", "seen": "0"})
    assert answer.status_code == 422
    assert "ab</textarea>" in answer.text
    assert invited.request.state is FeedbackState.SENT


def test_the_text_is_escaped_in_the_form(invited, client):
    nasty = "</textarea><script>alert(1)</script>"
    client.post(invited.path, data={"rating": "4", "text": nasty, "seen": "0"})
    assert nasty not in client.get(invited.path).text


@pytest.mark.rule("feedback 9")
def test_a_mail_program_unsubscribes_with_one_post(invited, client):
    answer = client.post(f"{invited.path}/unsubscribe", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    with reading(SYSTEM) as session:
        customer, agent = (
            session.get(Profile, who.profile_id) for who in (invited.customer, invited.agent)
        )
        assert customer.declined_letters == ["feedback_request"]
        assert agent.declined_letters == []


def test_whoever_is_signed_in_changes_nothing_about_the_page(invited, client_of):
    browser = client_of(invited.agent)
    page = browser.get(invited.path)
    assert page.status_code == 200
    assert "Agent" not in page.text
    browser.post(invited.path, data={"rating": "3", "seen": "0"})
    (entry,) = invited.changes()
    assert entry.actor_id == invited.customer.profile_id


def test_other_methods_are_refused(invited, client):
    for method in ("put", "delete", "patch"):
        assert getattr(client, method)(invited.path).status_code == 405
    assert invited.request.state is FeedbackState.SENT
