"""Macros: who makes, changes and deletes which, and what is refused when one is saved."""

from dataclasses import replace
from uuid import uuid4

import pytest

from emberone.db import reading
from emberone.domain.enums import Priority
from emberone.domain.errors import Conflict, Invalid, NotAllowed, NotFound, StaleWrite
from emberone.domain.lifecycle import Event
from emberone.domain.macros import ReplyChanges
from emberone.queries.macros import (
    BY_NAME,
    MacroFilters,
    Whose,
    filling_of,
    list_macros,
    macro_choices,
    macro_details,
    recent_filling,
)
from emberone.queries.paging import Paging
from emberone.services import macros, tickets
from emberone.services.macros import MacroValues

REFUND = MacroValues("Refund", "Hello {{customer.first_name}}, your money is on its way.")
FOR_ALL = replace(REFUND, is_shared=True)


@pytest.fixture
def ana(make):
    return make.agent("Ana Costa")


@pytest.fixture
def ben(make):
    return make.agent("Ben Okafor")


@pytest.fixture
def ada(make):
    return make.admin("Ada")


def names(actor, whose=None, words=None):
    with reading(actor) as session:
        filters = MacroFilters(whose, words)
        page = list_macros(session, actor, filters, Paging(BY_NAME, descending=False))
        return [row.name for row in page.rows]


def details(actor, macro):
    with reading(actor) as session:
        return macro_details(session, actor, macro)


def test_an_agent_keeps_macros_that_nobody_else_sees(ana, ben, ada):
    mine = macros.make_macro(ana, REFUND)
    assert details(ana, mine).owner_id == ana.profile_id
    for other in (ben, ada):
        assert details(other, mine) is None
        with pytest.raises(NotFound):
            macros.change_macro(other, mine, REFUND, version=1)
        with pytest.raises(NotFound):
            macros.delete_macro(other, mine)
    macros.delete_macro(ana, mine)
    assert names(ana) == []


def test_everybodys_are_an_admins_to_change_and_all_staffs_to_use(ana, ada):
    shared = macros.make_macro(ada, FOR_ALL)
    assert details(ana, shared).is_shared
    with pytest.raises(NotAllowed):
        macros.make_macro(ana, replace(FOR_ALL, name="Other"))
    with pytest.raises(NotAllowed):
        macros.change_macro(ana, shared, FOR_ALL, version=1)
    with pytest.raises(NotAllowed):
        macros.delete_macro(ana, shared)
    macros.change_macro(ada, shared, replace(FOR_ALL, name="Money back"), version=1)
    assert names(ana) == ["Money back"]
    macros.delete_macro(ada, shared)
    assert names(ana) == []


def test_an_agent_makes_none_of_their_own_everybodys(ana):
    mine = macros.make_macro(ana, REFUND)
    with pytest.raises(NotAllowed):
        macros.change_macro(ana, mine, FOR_ALL, version=1)
    assert not details(ana, mine).is_shared


def test_customers_have_no_macros(make):
    customer = make.customer()
    with pytest.raises(NotAllowed):
        macros.make_macro(customer, REFUND)
    with pytest.raises(NotAllowed):
        macros.delete_macro(customer, uuid4())


def test_all_that_a_macro_does_is_kept(make, ana):
    team = make.team("Orders")
    values = MacroValues(
        "  Close   it ",
        "Bye.\r\n",
        Event.STAFF_REPLY_AND_CLOSE,
        ReplyChanges(Priority.LOW, team, ("Refund", "refund", "paid")),
    )
    row = details(ana, macros.make_macro(ana, values))
    assert (row.name, row.content, row.event) == ("Close it", "Bye.", values.event)
    assert (row.team_name, row.changes) == (
        "Orders",
        ReplyChanges(Priority.LOW, team, ("paid", "refund")),
    )


def test_a_stale_change_is_refused(ada):
    shared = macros.make_macro(ada, FOR_ALL)
    macros.change_macro(ada, shared, replace(FOR_ALL, content="Theirs"), version=1)
    with pytest.raises(StaleWrite):
        macros.change_macro(ada, shared, replace(FOR_ALL, content="Mine"), version=1)
    assert details(ada, shared).content == "Theirs"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (replace(REFUND, content="{{customer.frist_name}}"), "Nothing stands for"),
        (replace(REFUND, name=" "), "name is empty"),
        (replace(REFUND, name="x" * 101), "at most 100"),
        (replace(REFUND, content="x" * 100_001), "longer than 100,000"),
        (MacroValues("Nothing", " \n"), "writes or changes something"),
        (replace(REFUND, changes=ReplyChanges(team_id=uuid4())), "no such team"),
        (replace(REFUND, changes=ReplyChanges(tags=("x" * 51,))), "tag is longer"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_words(ana, wrong, says):
    with pytest.raises(Invalid, match=says):
        macros.make_macro(ana, wrong)
    assert names(ana) == []


def test_only_replies_name_how_to_send(ana):
    with pytest.raises(ValueError, match="not a reply"):
        macros.make_macro(ana, replace(REFUND, event=Event.CLOSE))


def test_of_one_name_there_is_one_of_everybodys_and_one_of_each_persons(ana, ben, ada):
    for actor, values in ((ada, FOR_ALL), (ana, REFUND), (ben, REFUND)):
        macros.make_macro(actor, values)
        with pytest.raises(Conflict, match="of this name already"):
            macros.make_macro(actor, replace(values, name="REFUND"))
    assert names(ana) == ["Refund", "Refund"]


def test_a_macro_outlives_its_team(make, owner, ada):
    team = make.team()
    shared = macros.make_macro(ada, replace(FOR_ALL, changes=ReplyChanges(team_id=team)))
    owner.execute("DELETE FROM teams")
    assert not details(ada, shared).changes


def test_they_are_found_by_whose_they_are_and_by_words(ana, ben, ada):
    macros.make_macro(ada, FOR_ALL)
    macros.make_macro(ana, MacroValues("Apology", "We are 100% sorry."))
    macros.make_macro(ben, MacroValues("Secret", "Ben's"))
    assert names(ana) == ["Apology", "Refund"]
    assert names(ana, Whose.MINE) == ["Apology"]
    assert names(ana, Whose.EVERYBODYS) == ["Refund"]
    assert names(ana, words="MONEY") == ["Refund"]
    assert names(ana, words="apol") == ["Apology"]
    assert names(ana, words="100%") == ["Apology"]
    assert names(ana, words="10_%") == []
    with reading(ana) as session:
        assert [row.name for row in macro_choices(session, ana)] == ["Apology", "Refund"]


def test_the_places_speak_of_the_ticket_its_customer_and_who_writes(make, ana):
    customer = make.customer("Carl Cole")
    first = tickets.open_ticket(customer, customer.profile_id, "Printer", "It broke.")
    make.ticket(title="Later")
    with reading(ana) as session:
        here = filling_of(session, ana, first)
        assert (here.customer_name, here.ticket_title, here.agent_name) == (
            "Carl Cole",
            "Printer",
            "Ana Costa",
        )
        assert recent_filling(session, ana).ticket_title == "Later"
        assert filling_of(session, ana, uuid4()) is None
