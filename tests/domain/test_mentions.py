"""Mentions: which names a text names, and which it only seems to."""

from uuid import UUID

import pytest

from emberone.domain.mentions import finder
from emberone.markdown import mentioned_in, to_html

ANA, BEN, BENNO, MAX, MAXI, SEAN = (UUID(int=n) for n in range(1, 7))
FIND = finder(
    [
        (ANA, "Ana Costa"),
        (BEN, "Ben  Okafor"),
        (BENNO, "Benno"),
        (MAX, "Max Meier"),
        (MAXI, "Max Müller"),
        (SEAN, "Séan O'Brien"),
    ]
)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@Ana Costa, can you?", {ANA}),
        ("(@ben okafor)", {BEN}),
        ("@Ben\nOkafor", {BEN}),
        ("@Ana and @Benno!", {ANA, BENNO}),
        ("- @Séan O'Brien\n- **@Ana**", {SEAN, ANA}),
        # Two are called Max: only their whole names tell them apart.
        ("@Max", set()),
        ("@Max Müller", {MAXI}),
        ("@Anatol, @Ben Okaforsson, @Nobody", {BEN}),
        ("ana@Ana.example, https://x.example/@Ana, me.@Ana", set()),
        ("`@Ana` and [@Ben](https://x.example)", set()),
        ("    @Ana in a block of code", set()),
        ("Ana Costa, Ben", set()),
        ("@", set()),
    ],
)
def test_a_name_behind_the_sign_is_found(text, named):
    assert mentioned_in(text, FIND) == named


def test_two_of_one_name_are_both_meant():
    find = finder([(ANA, "Ana Costa"), (BEN, "Ana Costa")])
    assert mentioned_in("@Ana Costa", find) == {ANA, BEN}


def test_without_people_nobody_is_named():
    assert mentioned_in("@Ana", finder([])) == set()


def test_on_a_page_each_name_leads_to_its_person_and_all_else_stays():
    html = to_html("Hi @Ana & *@Ben Okafor*: `@Ana` <b>", (FIND, lambda who: f"/people/{who.int}"))
    rel = ' rel="noopener noreferrer nofollow ugc"'
    assert str(html) == (
        f'<p>Hi <a href="/people/1"{rel}>@Ana</a> &amp; <em><a href="/people/2"{rel}>@Ben Okafor'
        "</a></em>: <code>@Ana</code> &lt;b&gt;</p>\n"
    )
    assert str(to_html("@Ana")) == "<p>@Ana</p>\n"
