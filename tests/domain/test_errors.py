"""What people read when something is refused, in their own language."""

import json

import pytest

from emberone.domain import texts
from emberone.domain.errors import Invalid, NotFound, Word

GERMAN = {
    "The %(what)s is longer than %(most)s characters.": "%(what)s: mehr als %(most)s Zeichen.",
    "title": "Titel",
    "“%(name)s” is empty.": "„%(name)s“ ist leer.",
    "There is no such thing, or it is not yours.": "Das gibt es nicht.",
}


def in_german(error):
    return error.worded(lambda text: GERMAN.get(text, text), lambda number: f"{number}")


def test_a_message_says_its_details_in_english_by_itself():
    with pytest.raises(Invalid, match=r"^The description is longer than 100,000 characters\.$"):
        texts.description("x" * 100_001)


def test_a_message_is_translated_before_its_places_are_filled():
    with pytest.raises(Invalid) as refused:
        texts.title("x" * 501)
    assert in_german(refused.value) == "Titel: mehr als 500 Zeichen."
    assert in_german(NotFound()) == "Das gibt es nicht."


def test_only_our_own_words_are_translated():
    assert in_german(Invalid("“%(name)s” is empty.", name="title")) == "„title“ ist leer."
    assert in_german(Invalid("“%(name)s” is empty.", name=Word("title"))) == "„Titel“ ist leer."


@pytest.mark.parametrize("words", ["100 %", "%(most)s", "%s %d %(", "%%"])
def test_a_per_cent_sign_in_somebodys_words_is_no_place(words):
    assert Invalid(words).message == words
    assert in_german(Invalid("“%(name)s” is empty.", name=words)) == f"„{words}“ ist leer."


def test_a_refusal_that_was_kept_speaks_the_language_of_whoever_reads_it_later():
    with pytest.raises(Invalid) as refused:
        texts.title("x" * 501)
    kept = json.loads(json.dumps(refused.value.kept()))
    again = Invalid.of_kept(kept)
    assert again.message == refused.value.message
    assert in_german(again) == "Titel: mehr als 500 Zeichen."


def test_of_a_refusal_nothing_is_kept_that_it_does_not_say():
    assert Invalid("“%(name)s” is empty.", name="x", content="secret").kept() == {
        "message": "“%(name)s” is empty.",
        "details": {"name": "x"},
    }
