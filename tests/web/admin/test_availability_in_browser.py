"""An agent says that they are away, from whatever page they are on, on a phone too."""

import pytest
from playwright.sync_api import expect

from tests.web.admin.conftest import rows


@pytest.mark.parametrize("width", [400, 1400])
def test_an_agent_is_away_with_one_press_and_stays_on_the_page(visit, make, width):
    agent = make.agent("Ana Agent", email="ana@example.org")
    page = visit(agent, "/admin/team/", viewport={"width": width, "height": 800})
    switch = page.get_by_role("button", name="Available", exact=True)
    expect(switch).to_be_visible()
    expect(switch).to_be_in_viewport()
    switch.click()
    expect(page.get_by_role("button", name="Away", exact=True)).to_be_visible()
    assert page.url.endswith("/admin/team/")
    assert rows("SELECT availability FROM agents") == [("AWAY",)]
    page.get_by_role("button", name="Away", exact=True).click()
    expect(page.get_by_role("button", name="Available", exact=True)).to_be_visible()
    assert rows("SELECT availability FROM agents") == [("AVAILABLE",)]
