"""The wording of letters."""

import re
from gettext import NullTranslations
from uuid import UUID

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from emberone.domain import assignment
from emberone.mail.rendering import (
    PARTS,
    render,
    render_subject,
    required_params,
    templates_folder,
)
from emberone.mail.site import Site
from emberone.mail.tokens import feedback_token

SITE = Site("https://help.example", "no-reply@help.example", "a secret key of some length")
REQUEST = UUID("019b5a00-0000-7000-8000-000000000001")
TICKET = "019b5a00-0000-7000-8000-000000000002"
PARAMS = {
    "name": "Ana Costa",
    "ticket_id": TICKET,
    "number": 1024,
    "title": "No VPN",
    "priority": "HIGH",
    "request_id": str(REQUEST),
    "expires_at": "2026-03-16T10:00:00+00:00",
    "metric": "FIRST_RESPONSE",
    "due_at": "2026-03-02T11:05:00+02:00",
    "rating": 1,
    "text": "Too slow.",
    "agent": "Ben Okoro",
    "out": {"away": 2, "full": 1},
    "is_last_this_hour": False,
    "author": "Ben Okoro",
    "by_staff": True,
    "description": "It stopped this morning.",
    "content": "Please **restart** it.",
    "files": [{"name": "how to.pdf", "size": 34567, "url": "/attachments/1/how%20to.pdf"}],
    "status": "CLOSED",
    "reopen_days": 7,
    "closes_at": "2026-03-16T10:00:00+00:00",
    "confirm_claim": "claim",
    "reset_claim": "claim",
    "until": "2026-03-16T10:00:00+00:00",
    "changed_at": "2026-03-16T10:00:00+00:00",
}
#: Letters about no ticket, to whoever signs in.
SIGN_IN = {"confirm", "known", "password_changed", "reset"}
TO_CUSTOMERS = {"ticket_received", "staff_replied", "reminder", "feedback_request"}
#: Letters about no ticket; see test_sign_in_letters.py.
OF_THE_SIGN_IN = {"confirm", "known", "password_changed", "reset"}
#: About several tickets; see test_digest.py.
OF_MANY = {"digest"}
LETTERS = sorted(
    {folder.name for folder in templates_folder().iterdir() if folder.is_dir()}
    - OF_THE_SIGN_IN
    - OF_MANY
)


def worded(letter, site=SITE, **changes):
    return render(letter, PARAMS | changes, site)


@pytest.mark.parametrize("letter", LETTERS)
def test_every_letter_has_its_three_parts_and_says_what_it_is_about(letter):
    assert {part.name for part in (templates_folder() / letter).iterdir()} >= set(PARTS)
    rendered = render(letter, {name: PARAMS[name] for name in required_params(letter)}, SITE)
    for part in (rendered.subject, rendered.text, rendered.html):
        assert "1024" in part
        assert "No VPN" in part
        assert "{" not in re.sub(r"<style>.*</style>", "", part, flags=re.DOTALL)
    assert rendered.text.startswith("Hello Ana Costa,\n\n")
    assert "\n\n\n\n" not in rendered.text


@pytest.mark.parametrize("letter", LETTERS)
def test_what_people_wrote_cannot_become_part_of_the_page(letter):
    nasty = '<img src=x onerror="alert(1)">'
    rendered = worded(letter, name=nasty, title=nasty, text=nasty, agent=nasty)
    assert "<img" not in rendered.html
    assert nasty in rendered.text


@pytest.mark.parametrize("letter", LETTERS)
def test_a_subject_is_one_line_whatever_the_title_holds(letter):
    rendered = worded(letter, title="a\r\nBcc: everyone@example.org\x00\x1b[31m\u2028b")
    assert rendered.subject == " ".join(rendered.subject.split())
    assert all(character.isprintable() for character in rendered.subject)
    assert rendered.subject == render_subject(
        letter, PARAMS | {"title": "a\r\nBcc: everyone@example.org\x00\x1b[31m\u2028b"}
    )


@pytest.mark.parametrize("letter", LETTERS)
def test_a_percent_sign_is_a_percent_sign(letter):
    assert "100 % of %(it)s" in worded(letter, title="100 % of %(it)s").text


@pytest.mark.parametrize("letter", LETTERS)
def test_each_missing_parameter_is_an_error(letter):
    for name in required_params(letter) - {"ticket_id", "request_id"}:
        with pytest.raises(UndefinedError):
            render(letter, {key: value for key, value in PARAMS.items() if key != name}, SITE)


@pytest.mark.parametrize("letter", LETTERS)
def test_the_same_letter_is_worded_the_same_again(letter):
    assert worded(letter) == worded(letter)


@pytest.mark.parametrize("letter", LETTERS)
def test_the_page_of_a_letter_loads_nothing_from_elsewhere(letter):
    html = worded(letter).html
    assert "color-scheme" in html
    assert not re.search(r"<(img|script|link|iframe)\b|@import|url\(", html)
    assert set(re.findall(r'href="(https?://[^/"]+)', html)) == {"https://help.example"}


def test_a_letter_that_does_not_exist_is_an_error():
    with pytest.raises(TemplateNotFound):
        worded("no_such_letter")
    with pytest.raises(LookupError):
        required_params("no_such_letter")


@pytest.mark.rule("feedback 5")
def test_the_feedback_letter_has_five_links_in_both_parts_and_an_end():
    rendered = worded("feedback_request")
    address = f"https://help.example/f/{feedback_token(SITE.secret_key, REQUEST)}"
    for part in (rendered.text, rendered.html):
        for rating in range(1, 6):
            assert f"{address}?rating={rating}" in part
        assert f"{address}/unsubscribe" in part
        assert "16 March 2026, 10:00 UTC" in part
        assert TICKET not in part
        assert str(REQUEST) not in part
    assert rendered.unsubscribe_url == f"{address}/unsubscribe"


def test_a_preview_shows_the_letter_without_the_readers_secret():
    rendered = worded("feedback_request", SITE.for_preview())
    assert "No VPN" in rendered.html
    assert feedback_token(SITE.secret_key, REQUEST) not in rendered.html + rendered.text


@pytest.mark.parametrize("letter", sorted(set(LETTERS) - TO_CUSTOMERS - SIGN_IN))
def test_letters_to_staff_lead_to_the_ticket_and_cannot_be_unsubscribed(letter):
    rendered = (
        worded(letter)
        if letter == "feedback_request"
        else render(letter, {name: PARAMS[name] for name in required_params(letter)}, SITE)
    )
    assert f"https://help.example/admin/ticket/details/?id={TICKET}" in rendered.text
    assert rendered.unsubscribe_url is None


def test_an_sla_letter_says_what_is_due_and_when():
    text = worded("sla_warning").text
    assert "first answer" in text
    assert "2 March 2026, 09:05 UTC" in text
    assert "Priority: high" in text
    assert worded("sla_breach").subject == "Overdue: [#1024] No VPN"


def test_a_low_rating_without_words_or_agent_is_worded_too():
    text = worded("low_rating", text=None, agent=None).text
    assert "The customer says" not in text
    assert "nobody" in text


def test_every_text_of_a_letter_can_be_translated():
    class Shouting(NullTranslations):
        def gettext(self, message):
            return (
                message.upper()
                .replace("%(NAME)S", "%(name)s")
                .replace("%(METRIC)S", "%(metric)s")
                .replace("%(NUMBER)S", "%(number)s")
                .replace("%(TITLE)S", "%(title)s")
                .replace("%(SUBJECT)S", "%(subject)s")
            )

    loud = render("sla_warning", PARAMS, SITE, translations=Shouting())
    assert "HELLO Ana Costa," in loud.text
    assert "FIRST ANSWER" in loud.html
    assert "DUE" in loud.subject


def test_a_reply_carries_its_markdown_in_both_parts():
    content = "Hello **Ana**,\n\n- one\n- two\n\n```\nsudo vpn\n```\n[status](/status)"
    rendered = worded("staff_replied", content=content)
    assert "<strong>Ana</strong>" in rendered.html
    assert re.search(r"<ul style=.*?<li>one</li>", rendered.html, re.DOTALL)
    assert 'href="https://help.example/status"' in rendered.html
    assert content in rendered.text
    for part in (rendered.text, rendered.html):
        assert "how to.pdf" in part
        assert "https://help.example/attachments/1/how%20to.pdf" in part
        assert "https://help.example/portal/1024/" in part
        assert "within 7 days" in part
        assert "https://help.example/account/" in part


@pytest.mark.parametrize(
    ("status", "said", "unsaid"),
    [
        ("CLOSED", "closed the ticket", "need your answer"),
        ("WAITING", "need your answer", "closed the ticket"),
        ("IN_PROGRESS", "Please answer on", "closed the ticket"),
    ],
)
def test_a_reply_says_whose_turn_it_is(status, said, unsaid):
    text = worded("staff_replied", status=status).text
    assert said in text
    assert unsaid not in text


NASTY = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> ![p](https://evil.example/p.png)"
    " [x](javascript:alert(1)) <style>*{display:none}</style> </td></table>"
)


@pytest.mark.parametrize("letter", ["ticket_received", "staff_replied"])
def test_hostile_markdown_does_nothing_in_a_letter(letter):
    html = worded(letter, content=NASTY, description=NASTY).html
    plain = worded(letter, content="x", description="x").html
    for tag in ("<script", "<img", "<style", "</table", "</td", 'javascript:alert(1)"'):
        assert html.count(tag) == plain.count(tag), tag


@pytest.mark.parametrize(
    "text",
    ["word " * 20_000, "x" * 100_000, '<&>"' * 25_000, "a@b.example " * 8_000, "- x\n" * 25_000],
)
def test_a_long_text_is_cut_before_mail_programs_cut_it(text):
    rendered = worded("staff_replied", content=text)
    assert len(rendered.html.encode()) < 100_000
    assert len(rendered.text.encode()) < 100_000
    assert "The rest is on the ticket's page" in rendered.html
    assert "The rest is on the ticket's page" in rendered.text
    assert "https://help.example/portal/1024/" in rendered.text


def test_lines_of_the_text_are_short_and_addresses_whole():
    address = "https://help.example/" + "x" * 100
    words = f"{'word ' * 60}{address}\n\n    {'code ' * 30}\n\n> {'quoted ' * 30}"
    lines = worded("staff_replied", content=words).text.splitlines()
    assert address in lines
    assert "    " + ("code " * 30).rstrip() in [line.rstrip() for line in lines]
    quoted = [line for line in lines if "quoted" in line]
    assert len(quoted) > 2
    assert all(line.startswith("> ") for line in quoted)
    long = [line for line in lines if len(line) > 78]
    assert all("code" in line or address in line for line in long)


def test_every_reason_why_nobody_can_take_a_ticket_has_words():
    reasons = {
        value
        for name, value in vars(assignment).items()
        if name.isupper() and isinstance(value, str)
    }
    assert {"absent", "off_hours", "paced"} < reasons
    letter = render("unassignable", {**PARAMS, "out": dict.fromkeys(reasons, 3)}, SITE)
    lines = re.findall(r"^ +(.+): 3$", letter.text, re.MULTILINE)
    assert len(set(lines)) == len(reasons)
    assert not reasons & set(lines)
