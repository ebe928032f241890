"""The wording of the sign-in's letters, and what their links are made of."""

import re

import pytest
from itsdangerous import BadSignature, URLSafeTimedSerializer

from emberone.mail.rendering import render, render_subject, required_params
from emberone.mail.site import Site
from emberone.mail.tokens import CONFIRM_SALT, RESET_SALT, claim_of, signed

KEY = "a secret key of some length"
SITE = Site("https://help.example", "no-reply@help.example", KEY)
PARAMS = {
    "name": "Ana Costa",
    "confirm_claim": "who.when",
    "reset_claim": "who.when",
    "until": "2026-03-16T10:00:00+00:00",
    "changed_at": "2026-03-16T10:00:00+00:00",
}
LETTERS = ("confirm", "known", "password_changed", "reset")


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_greets_says_what_it_is_about_and_holds_nothing_unsaid(letter):
    words = render(letter, {name: PARAMS[name] for name in required_params(letter)}, SITE)
    assert words.text.startswith("Hello Ana Costa,\n\n")
    assert words.subject == render_subject(letter, PARAMS)
    assert words.unsubscribe_url is None
    for part in (words.text, words.html):
        assert "https://help.example/" in part
        assert "{" not in re.sub(r"<style>.*</style>", "", part, flags=re.DOTALL)
    assert '<html lang="en">' in words.html


@pytest.mark.parametrize("letter", ["confirm", "reset"])
def test_a_link_says_until_when_it_works_and_is_the_same_at_every_wording(letter):
    first, second = (render(letter, PARAMS, SITE) for _ in range(2))
    assert first == second
    assert "16 March 2026, 10:00 UTC" in first.text
    assert f"https://help.example/{letter}/who.when." in first.text


@pytest.mark.parametrize("letter", ["confirm", "reset"])
def test_who_only_looks_at_a_letter_does_not_see_its_link(letter):
    words = render(letter, PARAMS, SITE.for_preview())
    assert "who.when" not in words.text + words.html
    assert f"https://help.example/{letter}/…" in words.text


@pytest.mark.parametrize("letter", LETTERS)
def test_what_people_wrote_cannot_become_part_of_the_page(letter):
    nasty = '<img src=x onerror="alert(1)">'
    assert "<img" not in render(letter, {**PARAMS, "name": nasty}, SITE).html


@pytest.mark.parametrize("salt", [RESET_SALT, CONFIRM_SALT])
def test_a_claim_is_signed_as_flask_security_signs(salt):
    serializer = URLSafeTimedSerializer([KEY], salt=salt)
    token = serializer.dumps(["who", "what"])
    claim = claim_of(token)
    assert signed(KEY, salt, claim) == token
    assert serializer.loads(signed(KEY, salt, claim)) == ["who", "what"]
    other = CONFIRM_SALT if salt == RESET_SALT else RESET_SALT
    for wrong in (signed(KEY, other, claim), signed("another key", salt, claim), claim):
        with pytest.raises(BadSignature):
            serializer.loads(wrong)
