"""What the queue weighs on the wire, and that nothing comes from anywhere else."""

from urllib.parse import urlsplit

import pytest

from tests.browsing import expect

#: In bytes: a first visit, and a second one.
COLD, WARM = 250_000, 30_000


@pytest.fixture
def desk(owner, customer, agent):
    """A page full of tickets, each with a customer, an agent, tags and a long subject."""
    owner.execute(
        "INSERT INTO tickets (title, description, customer_id, assigned_agent_id, tags)"
        " SELECT 'The delivery of order ' || n || ' has not arrived although it should have',"
        " '', %s, %s, '{refund,vip}' FROM generate_series(1, 60) n",
        [customer.profile_id, agent.profile_id],
    )
    owner.execute("INSERT INTO teams (name) SELECT 'Team ' || n FROM generate_series(1, 10) n")


def test_the_queue_is_light_and_asks_nobody_else(visit, agent, desk):
    page = visit(agent, "/admin/history/")
    home = urlsplit(page.url).netloc
    sizes, asked = [], []
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.clearBrowserCache")
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/admin/ticket/?view=all", wait_until="networkidle")
    expect(page.locator("[data-rows] tr")).to_have_count(25)
    assert 0 < sum(sizes) <= COLD
    sizes.clear()
    page.reload(wait_until="networkidle")
    expect(page.locator("[data-rows] tr")).to_have_count(25)
    assert 0 < sum(sizes) <= WARM
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {home}
