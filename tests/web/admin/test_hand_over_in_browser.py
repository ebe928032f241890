"""An agent goes away and gives their tickets to a colleague, with three presses."""

from playwright.sync_api import expect

from tests.web.admin.conftest import rows


def test_choosing_a_colleague_is_choosing_to_give(visit, make):
    agent = make.agent("Ana Agent", email="ana@example.org")
    ben = make.agent("Ben Colleague")
    ticket = make.ticket(assigned_agent_id=agent.profile_id)
    page = visit(agent, "/admin/ticket/", viewport={"width": 1000, "height": 800})
    page.get_by_label("More about your availability").click()
    page.get_by_role("link", name="Go away and hand over…").click()
    expect(page.get_by_label("Keep them (1)")).to_be_checked()
    page.locator("select[name=to_agent]").select_option("Ben Colleague", force=True)
    expect(page.get_by_label("Give all to one colleague (1)")).to_be_checked()
    page.get_by_role("button", name="Set away").click()
    expect(page.get_by_text("1 ticket was handed over.")).to_be_visible()
    # Back where it was begun.
    assert page.url.split("?")[0].endswith("/admin/ticket/")
    found = rows("SELECT assigned_agent_id FROM tickets WHERE id = :id", id=ticket)
    assert found == [(ben.profile_id,)]
    expect(page.get_by_role("button", name="Away", exact=True)).to_be_visible()
