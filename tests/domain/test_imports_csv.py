"""What a table of requests means: which column is what, and what a row makes of a ticket."""

import pytest

from emberone.domain.enums import Priority, Role, Status
from emberone.domain.errors import Invalid
from emberone.domain.imports import csv
from emberone.domain.imports.rows import SOMEONE, BadRow, DayOrder, Row, row_key
from tests.domain.refusals import refused


def request(**values: str) -> csv.Request:
    columns = csv.choose_columns(list(values), {})
    return csv.read_request(Row(2, values), columns)


def test_columns_are_known_by_their_headings():
    assert csv.choose_columns(["", "Subject", "E-Mail", "Body", "Colour"], {}) == {
        "title": "Subject",
        "description": "Body",
        "customer": "E-Mail",
    }
    assert csv.choose_columns(["Created At", "Customer e-mail", "STATE", "summary"], {}) == {
        "title": "summary",
        "status": "STATE",
        "customer": "Customer e-mail",
        "created_at": "Created At",
    }


@pytest.mark.parametrize(
    "heading", ["_title_", " TITLE ", "(Title)", "Short – description", "text"]
)
def test_a_title_or_a_description_is_enough(heading):
    assert list(csv.choose_columns([heading], {}).values()) == [heading]


def test_a_heading_that_begins_with_another_letter_is_another():
    with pytest.raises(Invalid):
        csv.choose_columns(["XtitleX"], {})


def test_a_refusal_lists_the_columns_and_at_most_twenty_of_them():
    columns = [f"c{n}" for n in range(1, 23)]
    twenty = ", ".join(f"'{column}'" for column in columns[:20])
    said = (
        "The file has no column for a title or a description;"
        " say which with --map title=COLUMN. It has "
    )
    assert refused(csv.choose_columns, [*columns[:2], " "], {})[0] == f"{said}'c1', 'c2'."
    assert refused(csv.choose_columns, columns[:20], {})[0] == f"{said}{twenty}."
    assert refused(csv.choose_columns, columns[:21], {})[0] == f"{said}{twenty} and 1 more."
    assert refused(csv.choose_columns, columns, {})[0] == f"{said}{twenty} and 2 more."


def test_a_map_wins_over_a_heading():
    assert csv.choose_columns(["title", "Betreff", "urgency"], {"title": "betreff"}) == {
        "title": "Betreff"
    }
    assert (
        csv.choose_columns(["title", "urgency"], {"priority": "urgency"})["priority"] == "urgency"
    )


@pytest.mark.parametrize(
    ("header", "chosen", "reason"),
    [
        (["a", "b"], {}, "no column for a title"),
        ([""], {}, "no column for a title"),
        (["title"], {"colour": "title"}, "no field 'colour'"),
        (["title"], {"status": "zustand"}, "no column 'zustand'"),
        (["title", "title"], {}, "'title' occurs twice"),
        (["Title", "title"], {}, "occurs twice"),
    ],
)
def test_columns_that_cannot_be_found_are_refused(header, chosen, reason):
    with pytest.raises(Invalid, match=reason):
        csv.choose_columns(header, chosen)


def test_an_ignored_column_may_occur_twice():
    assert csv.choose_columns(["title", "Label", "Label"], {}) == {"title": "title"}


def test_a_request_without_more_is_open_and_of_medium_priority():
    made = request(title="Printer", body=" It is\r\nbroken. ")
    assert (made.title, made.description) == ("Printer", "It is\nbroken.")
    assert (made.status, made.priority) == (Status.OPEN, Priority.MEDIUM)
    assert made.customer == SOMEONE
    assert made.created_at is None


def test_a_request_knows_its_row():
    values = {"title": "a"}
    made = csv.read_request(Row(7, values, occurrence=3), {"title": "title"})
    assert (made.line, made.key) == (7, row_key("csv", ["title", "a"], 3))
    assert (made.team, made.tags) == (None, ())


def test_a_column_without_a_heading_is_neither_title_nor_description():
    """Exports of data frames begin with one, the number of the row."""
    made = csv.read_request(Row(2, {"": "41", "body": "It is broken."}), {"description": "body"})
    assert (made.title, made.description) == ("It is broken.", "It is broken.")
    made = csv.read_request(Row(2, {"": "41", "title": "Printer"}), {"title": "title"})
    assert (made.title, made.description) == ("Printer", "")


def test_a_row_without_a_column_says_nothing_in_it():
    made = csv.read_request(Row(2, {"title": "a"}), {"title": "title", "description": "body"})
    assert made.description == ""


def test_a_lone_question_mark_is_a_text_like_others():
    assert request(title="?", body="?").title == "?"


def test_dates_are_read_in_the_order_that_was_said():
    row, columns = Row(2, {"title": "a", "date": "03/04/2016"}), {"title": "title"}
    columns["created_at"] = "date"
    for order, month in ((DayOrder.DAY_FIRST, 4), (DayOrder.MONTH_FIRST, 3)):
        assert csv.read_request(row, columns, order=order).created_at.month == month
    with pytest.raises(BadRow, match="--dates"):
        csv.read_request(row, columns)


@pytest.mark.parametrize("text", ["In progress", "in_progress", " IN-PROGRESS ", "in  progress"])
def test_a_status_may_be_spelt_in_several_ways(text):
    assert request(title="a", status=text).status is Status.IN_PROGRESS


@pytest.mark.parametrize("text", ["inXprogress", "in XX progress", "progress"])
def test_a_status_that_only_resembles_one_is_refused(text):
    with pytest.raises(BadRow):
        request(title="a", status=text)


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "…"),
        ("x" * 40 + " " + "y" * 39, "x" * 40 + " " + "y" * 39),
        ("x" * 40 + " " + "y" * 40, "x" * 40 + "…"),
        ("x" * 79 + " " + "y" * 40, "x" * 79 + "…"),
        ("x" * 39 + " " + "y" * 39 + " z", "x" * 39 + " " + "y" * 39 + "…"),
    ],
)
def test_the_first_words_have_at_most_80_characters(body, title):
    assert request(title="", body=body).title == title


def test_a_title_of_500_characters_is_one():
    made = request(title="x" * 500, body="More.")
    assert (made.title, made.description) == ("x" * 500, "More.")
    made = request(title="x" * 501, body="More.")
    assert made.title == "x" * 499 + "…"
    assert made.description == "x" * 501 + "\n\nMore."


def test_a_team_has_at_most_100_characters():
    def team(name):
        return csv.read_request(
            Row(2, {"title": "a", "queue": name}), {"title": "title", "team": "queue"}
        ).team

    assert team("t" * 100) == "t" * 100
    assert refused(team, "t" * 101) == ("the team's name has more than 100 characters", {})


def test_an_empty_title_becomes_the_first_words_of_the_body():
    assert request(title=" ", body="Short one").title == "Short one"
    title = request(title="", body="many words " * 50).title
    assert title.startswith("many words many")
    assert title.endswith("words…")
    assert len(title) <= 81
    assert len(request(title="", body="x" * 1000).title) == 81


def test_a_row_without_any_text_is_refused():
    assert refused(request, title=" ", body="\n") == (
        "title and description are both empty",
        {},
    )


def test_a_title_that_is_too_long_stays_whole_in_the_description():
    made = request(title="word " * 200, body="More.")
    assert len(made.title) == 500
    assert made.description == ("word " * 200).strip() + "\n\nMore."


def test_a_body_that_is_too_long_is_refused():
    with pytest.raises(Invalid, match="longer than 100,000"):
        request(title="a", body="x" * 100_001)


@pytest.mark.parametrize(
    ("text", "email", "name"),
    [
        ("Jane@Example.org", "Jane@Example.org", "Jane@Example.org"),
        ("Jane Doe <jane@example.org>", "jane@example.org", "Jane Doe"),
        ('"Doe, Jane" <jane@example.org>', "jane@example.org", "Doe, Jane"),
        ("<jane@example.org>", "jane@example.org", "jane@example.org"),
        ("Jane Doe", "jane-doe@import.invalid", "Jane Doe"),
        ("", "requests@import.invalid", "Imported requests"),
    ],
)
def test_a_customer_is_an_address_or_a_name(text, email, name):
    made = request(title="a", customer=text).customer
    assert (made.email, made.full_name, made.role) == (email, name, Role.CUSTOMER)


def test_a_customers_name_may_have_a_column_of_its_own():
    made = request(title="a", email="jane@example.org", customer_name="Jane").customer
    assert (made.email, made.full_name) == ("jane@example.org", "Jane")
    assert request(title="a", customer_name="Jane").customer.email == "jane@import.invalid"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("priority", "7", "priority '7' is unknown"),
        ("status", "maybe", "status 'maybe' is unknown"),
        ("created_at", "soon", "time 'soon' cannot be read"),
        ("customer", "a@b@c", "not an e-mail"),
        ("title", "a\x00b", "cannot be stored"),
    ],
)
def test_a_value_that_means_nothing_is_refused(column, value, reason):
    with pytest.raises(Invalid, match=reason):
        request(**{"title": "a", column: value})


def test_teams_and_tags_come_from_the_columns_that_are_mapped_to_them():
    row = Row(2, {"title": "a", "queue": "Second line", "labels": "VPN; Windows 11,vpn"})
    columns = csv.choose_columns(list(row.values), {"team": "queue", "tags": "labels"})
    made = csv.read_request(row, columns)
    assert (made.team, made.tags) == ("Second line", ("vpn", "windows 11"))


def test_a_row_is_known_by_all_it_says_whatever_its_line_ends():
    one = csv.content({"title": "a", "body": "b\r\nc", "id": "7"})
    assert one == csv.content({"id": "7", "body": "b\nc ", "title": "a", "empty": " "})
    assert one != csv.content({"title": "a", "body": "b\r\nc", "id": "8"})
