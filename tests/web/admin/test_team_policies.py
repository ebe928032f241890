"""What is promised to a team's customers, chosen on the team's own form."""

import pytest
from sqlalchemy import text

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.enums import Metric, Priority
from emberone.domain.errors import Invalid, NotAllowed
from emberone.domain.promises import Promises
from emberone.services import sla_policies, teams

pytestmark = pytest.mark.rule("sla 0")


@pytest.fixture
def gold(admin):
    promises = Promises(targets={(Metric.RESOLUTION, Priority.LOW): 3600}, alerts=())
    return sla_policies.create_policy(admin, "Gold", promises)


@pytest.fixture
def team(make):
    return make.team("Billing")


def policy_of(name="Billing"):
    with reading(SYSTEM) as session:
        chosen = text("SELECT sla_policy_id FROM teams WHERE name = :name")
        return session.scalar(chosen, {"name": name})


def save(browser, team, **typed):
    form = {"name": "Billing", "quiet_reminder_days": "", "quiet_close_days": "", "version": 1}
    return browser.post(f"/admin/team/edit/?id={team}", data={**form, **typed})


def test_it_is_chosen_on_the_form_and_taken_back(as_admin, team, gold):
    assert save(as_admin, team, policy=str(gold)).status_code == 303
    assert policy_of() == gold
    page = as_admin.get(f"/admin/team/edit/?id={team}").get_data(as_text=True)
    assert f'<option value="{gold}" selected>Gold</option>' in page
    assert save(as_admin, team, policy="", version=2).status_code == 303
    assert policy_of() is None


def test_a_new_team_begins_with_it(as_admin, gold):
    typed = {"name": "Sales", "policy": str(gold)}
    assert as_admin.post("/admin/team/new/", data=typed).status_code == 303
    assert policy_of("Sales") == gold


def test_a_form_that_says_nothing_of_it_changes_nothing(as_admin, team, gold):
    save(as_admin, team, policy=str(gold))
    assert save(as_admin, team, version=2).status_code == 303
    assert policy_of() == gold


def test_whoever_was_too_late_sees_what_somebody_else_chose(as_admin, team, gold):
    save(as_admin, team, policy=str(gold))
    answer = save(as_admin, team, policy="", name="Bills")
    assert answer.status_code == 409
    assert "Gold" in answer.get_data(as_text=True).split("<form")[-2]
    assert policy_of() == gold


def test_one_that_is_none_and_somebody_who_may_not_are_refused(admin, make, team, gold):
    with pytest.raises(Invalid, match="no such policy"):
        teams.change_team(admin, team, "Billing", policy_id=team, version=1)
    with pytest.raises(NotAllowed):
        teams.change_team(make.agent(), team, "Billing", policy_id=gold, version=1)
    assert policy_of() is None
