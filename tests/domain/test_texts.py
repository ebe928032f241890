"""What people may write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberone.domain import texts
from emberone.domain.errors import Invalid
from tests.domain.refusals import refused


@pytest.mark.parametrize(
    ("check", "given_text", "kept"),
    [
        (texts.title, "  two \n words ", "two words"),
        (texts.description, "", ""),
        (texts.description, "a\r\nb\rc\n", "a\nb\nc"),
        (texts.comment, "\n hello\n", " hello"),
        (texts.comment, "\nX marks the spot\nX\n", "X marks the spot\nX"),
        (texts.draft, "", ""),
        (texts.draft, "a\r\nb\rc\n", "a\nb\nc"),
        (texts.macro, "", ""),
        (texts.macro, "\r\na\r\n", "a"),
        (texts.person_name, " Ana  Ivanova ", "Ana Ivanova"),
        (texts.address, " a@b.org ", "a@b.org"),
    ],
)
def test_good_texts_are_tidied(check, given_text, kept):
    assert check(given_text) == kept


@pytest.mark.parametrize(
    ("check", "text", "says"),
    [
        (texts.title, " \n ", "empty"),
        (texts.title, "x" * 501, "longer than 500"),
        (texts.description, "x" * 100_001, "longer than 100,000"),
        (texts.comment, "  ", "empty"),
        (texts.comment, "a\x00b", "cannot be stored"),
        (texts.comment, "a\ud800b", "cannot be stored"),
        (texts.person_name, "x" * 201, "longer than 200"),
        (texts.address, "nobody", "not an e-mail address"),
        (texts.address, "a@b@c", "not an e-mail address"),
        (texts.address, "a b@c", "not an e-mail address"),
        (texts.address, "<a@b.org>", "not an e-mail address"),
        (texts.address, "a,c@b.org", "not an e-mail address"),
        (texts.address, "a@b\u200b.org", "not an e-mail address"),
        (texts.address, "a@\u202eb.org", "not an e-mail address"),
        (texts.address, "a\x01@b.org", "not an e-mail address"),
    ],
)
def test_bad_texts_say_what_is_wrong(check, text, says):
    with pytest.raises(Invalid, match=says):
        check(text)


@pytest.mark.parametrize(
    ("check", "what", "longest"),
    [
        (texts.title, "title", 500),
        (texts.description, "description", 100_000),
        (texts.comment, "comment", 100_000),
        (texts.draft, "draft", 100_000),
        (texts.macro, "text", 100_000),
        (texts.person_name, "name", 200),
    ],
)
def test_a_text_of_exactly_the_limit_is_taken_and_one_character_more_refused_by_name(
    check, what, longest
):
    assert check("x" * longest) == "x" * longest
    assert refused(check, "x" * (longest + 1)) == (
        f"The {what} is longer than {longest:,} characters.",
        {"field": what, "what": what, "most": longest},
    )


@pytest.mark.parametrize(
    ("check", "what"),
    [
        (texts.title, "title"),
        (texts.comment, "comment"),
        (texts.person_name, "name"),
        (texts.address, "e-mail address"),
    ],
)
def test_what_must_say_something_is_refused_by_name_where_it_is_empty(check, what):
    assert refused(check, " ") == (f"The {what} is empty.", {"field": what, "what": what})


@pytest.mark.parametrize("code", [0, 0xD800, 0xDABC, 0xDFFF])
def test_what_postgresql_cannot_store_is_refused_by_name(code):
    assert refused(texts.draft, f"a{chr(code)}") == (
        "The draft contains a character that cannot be stored.",
        {"field": "draft", "what": "draft"},
    )


@pytest.mark.parametrize("sign", ["\x01", "\ud7ff", "\ue000", "🙂"])
def test_the_neighbours_of_what_cannot_be_stored_are_taken(sign):
    assert texts.draft(f"a{sign}") == f"a{sign}"


def test_an_address_has_at_most_320_characters():
    longest = "a" * 314 + "@b.org"
    assert texts.address(longest) == longest
    assert refused(texts.address, f"a{longest}") == (
        "The e-mail address is longer than 320 characters.",
        {"field": "e-mail address", "what": "e-mail address", "most": 320},
    )
    assert refused(texts.address, "nobody") == (
        "That is not an e-mail address.",
        {"field": "email"},
    )


def test_tags_are_refused_with_the_words_for_what_is_wrong():
    assert refused(texts.tags, ["a,b"]) == ("A tag has no comma.", {"field": "tags"})
    assert refused(texts.tags, ["x" * 51]) == (
        "The tag is longer than 50 characters.",
        {"field": "tag", "what": "tag", "most": 50},
    )
    twenty = [f"t{n:02}" for n in range(20)]
    assert texts.tags(twenty) == twenty
    assert texts.tags(["x" * 50]) == ["x" * 50]
    assert refused(texts.tags, [*twenty, "one more"]) == (
        "A ticket has at most 20 tags.",
        {"field": "tags", "most": 20},
    )


def test_tags_are_folded_sorted_and_unique():
    assert texts.tags([" VIP", "vip", "data  base", ""]) == ["data base", "vip"]


@pytest.mark.parametrize("words", [["a,b"], ["x" * 51], [f"t{n}" for n in range(21)], ["a\x00"]])
def test_impossible_tags_are_refused(words):
    with pytest.raises(Invalid):
        texts.tags(words)


@given(st.lists(st.text(max_size=60), max_size=25))
def test_tags_are_always_what_the_database_takes_or_refused(words):
    try:
        clean = texts.tags(words)
    except Invalid:
        return
    assert texts.tags(clean) == clean
    assert all(word == word.lower().strip() and word for word in clean)
