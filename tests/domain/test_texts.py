"""What people may write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberone.domain import texts
from emberone.domain.errors import Invalid


@pytest.mark.parametrize(
    ("check", "given_text", "kept"),
    [
        (texts.title, "  two \n words ", "two words"),
        (texts.description, "", ""),
        (texts.description, "a\r\nb\rc\n", "a\nb\nc"),
        (texts.comment, "\n hello\n", " hello"),
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
