def test_every_page_opens(as_admin, make, customer, agent):
    from tests.web.admin.conftest import look

    ticket = look(make.ticket(customer))
    for path in (
        "ticket/",
        f"ticket/{ticket.number}/",
        "ticket/new/",
        "comment/",
        "history/",
        "profile/",
        "agent/",
        "team/",
        "team/new/",
        "tag/",
        "job/",
        "profile/new/",
        f"agent/edit/?id={agent.profile_id}",
        f"profile/edit/?id={agent.profile_id}",
        f"profile/details/?id={ticket.customer_id}",
    ):
        page = as_admin.get("/admin/" + path)
        print(path, page.status_code)
        assert page.status_code == 200, page.get_data(as_text=True)[:2000]
