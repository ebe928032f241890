"""Mentions: which names a text names, and which it only seems to."""

from uuid import UUID

import pytest

from emberone.domain.mentions import finder
from emberone.markdown import mentioned_in, to_html

ANA, BEN, BENNO, MAX, MAXI, SEAN = (UUID(int=n) for n in range(1, 7))
PEOPLE = [
    (ANA, "Ana Costa"),
    (BEN, "Ben  Okafor"),
    (BENNO, "Benno"),
    (MAX, "Max Meier"),
    (MAXI, "Max Müller"),
    (SEAN, "Séan O'Brien"),
]


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
    assert mentioned_in(text, finder(PEOPLE)) == named


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # The whole name where it stands there, not only the first.
        ("@Ana Costa, @ana", [(0, 10, ANA), (12, 16, ANA)]),
        ("  @BEN \t okafor!", [(2, 15, BEN)]),
        ("@Max Meier", [(0, 10, MAX)]),
    ],
)
def test_a_mention_is_the_sign_and_the_longest_name_behind_it(text, found):
    mentions = [(m.start, m.end, *m.profile_ids) for m in finder(PEOPLE)(text)]
    assert mentions == found


@pytest.mark.parametrize(
    ("name", "text", "is_named"),
    [
        ("Raman, Priya", "@Raman", True),
        ("Bo Li", "@Bo", True),
        ("J Smith", "@J", False),
        ("J Smith", "@J Smith", True),
        ("MAX Meier", "@Max", True),
        ("Anna-XX Li", "@Anna-XX", True),
        (",Comma Li", "@Comma", False),
        ("A.B (Co)", "@A.B (Co)", True),
        ("A.B", "@AxB", False),
        ("  ", "@", False),
        # A long s is an s in any case but has no one lower case.
        ("Hans", "@Han\u017f", False),
    ],
)
def test_what_counts_as_somebody_s_name(name, text, is_named):
    assert mentioned_in(text, finder([(ANA, name)])) == ({ANA} if is_named else set())


def test_two_of_one_name_are_both_meant():
    find = finder([(ANA, "Ana Costa"), (BEN, "Ana Costa")])
    assert mentioned_in("@Ana Costa", find) == {ANA, BEN}


def test_without_people_nobody_is_named():
    assert mentioned_in("@Ana", finder([])) == set()


def test_on_a_page_each_name_leads_to_its_person_and_all_else_stays():
    html = to_html(
        "Hi @Ana & *@Ben Okafor*: `@Ana` <b>",
        (finder(PEOPLE), lambda who: f"/people/{who.int}"),
    )
    rel = ' rel="noopener noreferrer nofollow ugc"'
    assert str(html) == (
        f'<p>Hi <a href="/people/1"{rel}>@Ana</a> &amp; <em><a href="/people/2"{rel}>@Ben Okafor'
        "</a></em>: <code>@Ana</code> &lt;b&gt;</p>\n"
    )
    assert str(to_html("@Ana")) == "<p>@Ana</p>\n"
