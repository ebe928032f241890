"""Which values a setting takes, and what an admin reads about the others."""

import pytest

from emberone.domain.settings import CHOICES, LIMITS, SWITCHES, check
from tests.domain.refusals import refused


@pytest.mark.parametrize(("name", "least", "most"), [(n, *limits) for n, limits in LIMITS.items()])
def test_a_number_is_taken_from_the_least_to_the_most(name, least, most):
    for taken in (least, least + 1, most - 1, most):
        check(name, taken)
    for wrong in (least - 1, most + 1):
        assert refused(check, name, wrong) == (
            f"{name} is a whole number from {least:,} to {most:,}.",
            {"field": name, "least": least, "most": most},
        )


@pytest.mark.parametrize("value", [True, 5.0, "5", None])
def test_a_number_is_a_whole_number_and_nothing_that_only_equals_one(value):
    assert "whole number" in refused(check, "digest_above", value)[0]


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_one_of_its_own(name):
    for choice in CHOICES[name]:
        check(name, choice)
        check(name, str(choice))
    for wrong in ("URGENT", "", None, 1):
        assert refused(check, name, wrong) == (f"{name} has no such choice.", {"field": name})


@pytest.mark.parametrize("name", sorted(SWITCHES))
def test_a_switch_is_yes_or_no(name):
    check(name, True)
    check(name, False)
    for wrong in (1, 0, "yes", None):
        assert refused(check, name, wrong) == (f"{name} is yes or no.", {"field": name})


def test_there_is_no_other_setting():
    assert refused(check, "colour", True) == ("There is no setting colour.", {"field": "colour"})
