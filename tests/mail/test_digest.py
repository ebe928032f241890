"""The wording of digests: one letter that tells of many."""

import re

import pytest

from emberone.mail.kinds import Audience, audience_of, kind_of
from emberone.mail.rendering import render, render_subject
from emberone.queries.letter_samples import FITS
from tests.mail.test_rendering import PARAMS, SITE, TICKET

#: Every kind that a digest may tell of.
KINDS = sorted(letter for letter in FITS if audience_of(letter) is Audience.STAFF)


def params(*kinds, count=None, **changes):
    lines = [{**PARAMS, **changes, "letter": kind} for kind in kinds]
    counts = {kind: kinds.count(kind) for kind in kinds}
    return {
        "name": "Ana Costa",
        "digest_id": TICKET,
        "lines": lines,
        "kinds": counts,
        "count": count or len(lines),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_letter_has_its_heading_its_ticket_and_its_link(kind):
    rendered = render("digest", params(kind, kind), SITE)
    for part in (rendered.text, rendered.html):
        assert part.count("#1024: No VPN") == 2
        assert f"https://help.example/admin/ticket/details/?id={TICKET}" in part
        assert "https://help.example/account/" in part
        # Not the name that only the code knows.
        assert kind.replace("_", " ").capitalize() not in part or kind_of(kind).name in part
        assert "{" not in re.sub(r"<style>.*</style>", "", part, flags=re.DOTALL)
    assert rendered.text.startswith("Hello Ana Costa,\n\n")
    assert "\n\n\n\n" not in rendered.text
    assert rendered.unsubscribe_url is None


def test_lines_of_one_kind_stand_together_and_the_most_urgent_come_first():
    told = params("assigned", "sla_breach", "unassignable", "sla_breach")
    for number, line in enumerate(told["lines"]):
        line["number"] = number
    text = render("digest", told, SITE).text
    places = [text.index(f"#{number}: ") for number in (1, 3, 2, 0)]
    assert places == sorted(places)
    assert text.count("Overdue") == 1


def test_the_subject_says_how_many_and_of_what_where_all_are_the_same():
    assert render_subject("digest", params("assigned")) == "1 ticket is yours now"
    assert render_subject("digest", params("assigned", "assigned")) == "2 tickets are yours now"
    assert render_subject("digest", params("sla_breach", count=70)) == "70 time limits have run out"
    assert render_subject("digest", params("sla_breach", "assigned")) == "2 letters in one"


def test_what_is_beyond_the_lines_is_counted_and_linked():
    whole = render("digest", params("assigned"), SITE)
    cut = render("digest", params("assigned", count=60), SITE)
    for part, full in ((cut.text, whole.text), (cut.html, whole.html)):
        assert "And 59 more." in part
        assert f"https://help.example/admin/letter/?digest={TICKET}" in part
        assert "more." not in full


@pytest.mark.parametrize("kind", KINDS)
def test_what_people_wrote_cannot_become_part_of_the_page(kind):
    nasty = '<img src=x onerror="alert(1)"> 100 % of %(it)s'
    rendered = render("digest", params(kind, title=nasty), SITE)
    assert "<img" not in rendered.html
    assert nasty in rendered.text
    assert set(re.findall(r'href="(https?://[^/"]+)', rendered.html)) == {"https://help.example"}
