"""History in words: whatever can be recorded has some."""

import pytest

from emberone.domain import assignment
from emberone.domain.enums import StepAction
from emberone.domain.sla_story import Change
from emberone.services import tickets
from emberone.services.sla import sweep_sla
from emberone.web.admin.why import CLOCK_CHANGES, OUT_REASONS, STEP_ACTIONS
from emberone.web.admin.wording import ACTION_NAMES, WORDS


def test_every_action_has_words_and_a_name():
    assert set(ACTION_NAMES) == set(WORDS)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (STEP_ACTIONS, set(StepAction)),
        (CLOCK_CHANGES, set(Change)),
        (
            OUT_REASONS,
            {
                assignment.NOT_IN_TEAM,
                assignment.INACTIVE,
                assignment.ABSENT,
                assignment.AWAY,
                assignment.OFF_HOURS,
                assignment.SKILL,
                assignment.FULL,
                assignment.PACED,
                assignment.OWN_TICKET,
                assignment.HANDED_OFF,
            },
        ),
    ],
)
def test_whatever_is_recorded_with_it_has_words(words, values):
    assert set(words) == values


def test_an_escalation_is_told_without_a_machines_words(as_agent, agent, open_ticket, owner):
    ticket = open_ticket()
    tickets.assign_ticket(agent, ticket.id, agent.profile_id)
    owner.execute("UPDATE sla_steps SET fire_at = now() - interval '1 minute'")
    owner.execute("UPDATE sla_clocks SET due_at = now() - interval '1 minute'")
    assert sweep_sla()
    page = as_agent.get(f"/admin/ticket/{ticket.number}/?tab=activity").get_data(as_text=True)
    assert "escalated the ticket" in page
    assert "raised the priority" in page
    assert "because of a time limit" in page
    assert "SLA step" not in page
    assert "the letter “SLA breach” to Ana Agent" in page
