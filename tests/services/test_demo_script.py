"""The demo's script: what is wrong in a file is one line that says where."""

import pytest

from emberone.services.demo import script
from emberone.services.demo.script import ScriptError, Table


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("5s", 5), ("38m", 2280), ("2d 3h", 183_600), ("1h 30m", 5400), ("18m 55s", 1135)],
)
def test_a_time_is_read_as_it_is_said(words, seconds):
    assert Table("here", {"ago": words}).span("ago").total_seconds() == seconds


BEGIN = {"customer": "carla", "ago": "1h", "title": "Cup", "text": "Broken."}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ago": "soon"}, "no time"),
        ({"ago": ""}, "no time"),
        ({"customer": "nobody"}, "there is no 'nobody'"),
        ({"priority": "URGENT"}, "there is no Priority 'URGENT'"),
        ({"agnet": "ana"}, "what is 'agnet'"),
        ({"text": 3}, "is no str"),
        ({"files": ["none.png"]}, "there is no file 'none.png'"),
        ({"turn": [{"after": "2h", "note": "Later."}]}, "lies in the future"),
        ({"turn": [{"after": "2m", "note": "A", "reply": "B"}]}, "not 2"),
        ({"turn": [{"after": "2m"}]}, "not 0"),
        (
            {"turn": [{"after": "9m", "note": "B"}, {"after": "2m", "note": "A"}]},
            "not in order",
        ),
    ],
)
def test_a_slip_of_the_pen_is_named_with_its_place(change, why):
    with pytest.raises(ScriptError, match=why) as told:
        script.read_story(Table("orders.toml, ticket 7", {**BEGIN, **change}))
    assert str(told.value).startswith("orders.toml, ticket 7 (“Cup”)")


def test_what_is_missing_is_named_too():
    with pytest.raises(ScriptError, match="ticket 7: 'title' is missing"):
        script.read_story(Table("orders.toml, ticket 7", {"ago": "1h"}))


def test_every_conversation_has_a_title_of_its_own():
    titles = [story.title for story in script.stories()]
    assert len(set(titles)) == len(titles)
