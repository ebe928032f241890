"""Placeholders: which there are, and that nothing which is put there is read again."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberone.domain.enums import Priority
from emberone.domain.macros import (
    NO_CHANGES,
    PLACEHOLDERS,
    Filling,
    ReplyChanges,
    check_places,
    fill,
    shown,
)
from emberone.markdown import to_html
from tests.domain.refusals import refused

FILLING = Filling("Carla Maria Costa", 1024, "Printer on fire", "Ben Okafor")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {{customer.first_name}},", "Hello Carla,"),
        ("{{ customer.name }}", "Carla Maria Costa"),
        ("#{{ticket.number}}: {{ticket.title}}", "#1024: Printer on fire"),
        ("{{agent.first_name}} ({{agent.name}})", "Ben (Ben Okafor)"),
        ("{{nobody}} {customer.name} {{", "{{nobody}} {customer.name} {{"),
        ("No place at all.\n\n- a\n- b", "No place at all.\n\n- a\n- b"),
    ],
)
def test_places_are_filled(text, filled):
    assert fill(text, FILLING) == filled


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_every_place_can_be_used(name):
    text = f"{{{{{name}}}}}"
    check_places(text)
    assert fill(text, FILLING) != text


def test_a_place_that_nobody_can_fill_is_refused_with_those_that_can():
    wrong = "{{customer.nmae}}, {{}}"
    known = (
        "{{customer.name}}, {{customer.first_name}}, {{ticket.number}}, {{ticket.title}},"
        " {{agent.name}}, {{agent.first_name}}"
    )
    content = "{{customer.name}} {{customer.nmae}} {{}} {{customer.nmae}}"
    assert refused(check_places, content) == (
        f"Nothing stands for {wrong}. These can be used: {known}.",
        {"field": "content", "wrong": wrong, "known": known},
    )


def test_what_is_put_there_is_not_read_again():
    sly = Filling("{{agent.name}} {{ticket.title}}", 1, "{{customer.name}}", "Ben")
    html = to_html(fill("{{customer.name}} / {{ticket.title}}", sly))
    assert html == "<p>{{agent.name}} {{ticket.title}} / {{customer.name}}</p>\n"
    assert "Ben" not in fill("{{customer.first_name}}", sly)


@pytest.mark.parametrize(
    "name",
    [
        "**Bold** _it_ `code`",
        "[Pay here](https://evil.example/pay)",
        "https://evil.example/pay",
        "evil.com and www.evil.org",
        "mallory@evil.com",
        "<https://evil.example>",
        "# Heading",
        "- item",
        "+ item",
        "> quoted",
        "1. one",
        "22) two",
        "~~struck~~",
        "===",
        "&lt;b&gt; &#64;",
        "a | b",
        "back\\slash",
        "snake_case and my_module.py",
        "O'Brien-Smith, J. R. (née Åström)",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "Hello {},\n\nbye", "- {}", "**{}**", "| {} | x |\n|-|-|"])
def test_markdown_in_a_name_stays_what_was_written(name, frame):
    """It is drawn exactly as plain letters in its place are."""
    filled = fill(frame.format("{{customer.name}}"), Filling(name, 1, "", ""))
    shown = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = str(to_html(frame.format("Xylophone")))
    assert str(to_html(filled)) == plain.replace("Xylophone", shown)


def test_an_ordinary_name_is_left_alone():
    name = "Ann-Marie O'Brien, J. R. 3rd (née Åström)"
    assert fill("{{customer.name}}", Filling(name, 1, "", "")) == name


@given(st.text(alphabet="ab1 .*_[]()<>#-+=|`~&;:/@\\{}!\n", max_size=30))
def test_no_name_becomes_anything_but_text(name):
    html = to_html(fill("x {{customer.name}}", Filling(name, 1, "", "")))
    assert html.startswith("<p>x")
    assert html.count("<") == 2


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Priya Raman, Hotel Seeblick", "Priya"),
        ("Dr. Leila Haddad", "Leila"),
        ("Prof. Dr. Haddad", "Prof. Dr. Haddad"),
        ("J. R. Smith", "J. R. Smith"),
        ("Raman, Priya", "Raman"),
        ("Carla", "Carla"),
        ("MAX Raman", "MAX"),
        ("Dr. MAX, Raman", "MAX"),
    ],
)
def test_a_first_name_is_what_one_would_say(name, first):
    assert fill("{{customer.first_name}}", Filling(name, 1, "", "")) == first


@pytest.mark.parametrize("name", ["", "   "])
def test_somebody_without_a_name_leaves_nothing_there(name):
    assert fill("Hello {{customer.first_name}}!", Filling(name, 1, "", "")) == "Hello !"


def test_of_two_choices_the_later_holds_and_tags_add_up():
    team = uuid4()
    first = ReplyChanges(Priority.LOW, team, ("a", "b"))
    assert first.then(ReplyChanges(Priority.HIGH, None, ("b", "c"))) == ReplyChanges(
        Priority.HIGH, team, ("a", "b", "c")
    )
    assert first.then(NO_CHANGES) == first
    assert first
    assert not NO_CHANGES


@pytest.mark.parametrize(
    ("beginning", "seen"),
    [
        ("Hello {{ customer.first_name }}, well", "Hello [customer.first_name], well"),
        ("{{nobody}} {left} {{", "{{nobody}} {left} …"),
        ("cut off in {{customer.na", "cut off in …"),
        ("cut off at {{customer.name}", "cut off at …"),
    ],
)
def test_a_beginning_shows_what_its_places_stand_for(beginning, seen):
    assert shown(beginning, lambda name: f"[{name}]") == seen
