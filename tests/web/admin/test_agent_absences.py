"""Going away, being absent and working hours, on the agents' pages and at the top of every page."""

import re
from datetime import timedelta

import pytest

from emberone.domain.enums import Availability, HandOver
from emberone.services import absences, agents, calendars
from tests.web.admin.conftest import rows
from tests.web.admin.test_people_pages import main_of


def today(days: int = 0):
    """A day of the database, which keeps the time."""
    return rows("SELECT now()")[0][0].date() + timedelta(days=days)


def agent_of(ticket):
    return rows("SELECT assigned_agent_id FROM tickets WHERE id = :id", id=ticket)[0][0]


@pytest.fixture
def ben(make):
    return make.agent("Ben Colleague")


@pytest.fixture
def held(make, agent):
    """A new ticket of Ana's, and one that waits for its customer."""
    return [
        make.ticket(assigned_agent_id=agent.profile_id, status=status)
        for status in ("OPEN", "WAITING")
    ]


class TestSettingAway:
    def test_the_form_says_how_many_tickets_each_choice_moves(self, as_agent, agent, ben, held):
        page = main_of(as_agent, f"agent/away/?id={agent.profile_id}")
        for words in (
            "Keep them (2)",
            "Give back what nobody has begun (1)",
            "Give all back (2)",
            "Give all to one colleague (2)",
        ):
            assert words in page
        # Nobody gives their tickets to themselves.
        options = re.search(r'<select[^>]* name="to_agent".*?</select>', page)[0]
        assert "Ben Colleague" in options
        assert "Ana Agent" not in options

    @pytest.mark.parametrize("choice", list(HandOver))
    def test_one_press_does_both(self, as_agent, agent, ben, held, choice):
        answer = as_agent.post(
            f"/admin/agent/away/?id={agent.profile_id}",
            data={
                "hand_over": choice.value,
                "to_agent": str(ben.profile_id),
                "back": "/admin/ticket/",
            },
        )
        assert answer.status_code == 303
        assert answer.location == "/admin/ticket/"
        availability = "SELECT availability FROM agents WHERE profile_id = :id"
        assert rows(availability, id=agent.profile_id) == [(Availability.AWAY,)]
        mine = agent.profile_id
        assert [agent_of(ticket) for ticket in held] == {
            HandOver.KEEP: [mine, mine],
            HandOver.RELEASE_OPEN: [None, mine],
            HandOver.RELEASE_ALL: [None, None],
            HandOver.GIVE: [ben.profile_id, ben.profile_id],
        }[choice]
        moved = {HandOver.RELEASE_OPEN: "1 ticket was", HandOver.RELEASE_ALL: "2 tickets were"}
        if choice in moved:
            assert f"{moved[choice]} handed over." in as_agent.get("/admin/ticket/").text

    def test_without_a_colleague_the_form_comes_back(self, as_agent, agent, ben, held):
        answer = as_agent.post(
            f"/admin/agent/away/?id={agent.profile_id}", data={"hand_over": "GIVE"}
        )
        assert answer.status_code == 422
        assert "Choose the agent who is to have the tickets." in answer.text
        assert re.search(r'value="GIVE" checked', answer.text)
        assert agent_of(held[0]) == agent.profile_id

    @pytest.mark.parametrize("page", ["away", "absences"])
    def test_nobody_opens_a_colleagues(self, as_agent, as_admin, ben, page):
        url = f"/admin/agent/{page}/?id={ben.profile_id}"
        assert as_agent.get(url).status_code == 403
        assert as_admin.get(url).status_code == 200

    @pytest.mark.parametrize("back", ["//evil.example/", "/admin/\t", "x" * 5000, "/portal/"])
    def test_the_form_goes_back_to_pages_of_the_panel_only(self, as_agent, agent, back):
        url = "/admin/agent/away/"
        answer = as_agent.get(url, query_string={"id": str(agent.profile_id), "back": back})
        assert answer.status_code == 200
        assert 'name="back" value="/admin/agent/"' in answer.text
        far = "/admin/ticket/?search=" + "x" * 3000
        answer = as_agent.get(url, query_string={"id": str(agent.profile_id), "back": far})
        assert f'name="back" value="{far}"' in answer.text

    def test_a_page_elsewhere_is_not_gone_back_to(self, as_agent, agent):
        answer = as_agent.post(
            f"/admin/agent/away/?id={agent.profile_id}",
            data={"hand_over": "KEEP", "back": "//evil.example/admin/"},
        )
        assert answer.location == "/admin/agent/"


class TestAbsences:
    def plan(self, browser, agent, first, last, **more):
        return browser.post(
            f"/admin/agent/absences/?id={agent.profile_id}",
            data={"first": str(first), "last": str(last), "hand_over": "KEEP", **more},
        )

    def test_days_begin_and_end_where_whoever_enters_them_lives(self, as_agent, agent):
        as_agent.set_cookie("zone", "Asia/Tokyo")
        assert self.plan(as_agent, agent, today(3), today(4)).status_code == 303
        found = rows(
            "SELECT starts_at AT TIME ZONE 'Asia/Tokyo', ends_at AT TIME ZONE 'Asia/Tokyo'"
            " FROM absences"
        )
        assert [(str(a), str(b)) for a, b in found] == [
            (f"{today(3)} 00:00:00", f"{today(5)} 00:00:00")
        ]
        page = main_of(as_agent, f"agent/absences/?id={agent.profile_id}")
        # The last day is the last on which they are away.
        assert f"{today(4).day} {today(4):%B %Y}" in page
        assert "kept" in page

    def test_one_that_begins_today_begins_now(self, as_agent, agent, ben, held):
        answer = self.plan(
            as_agent,
            agent,
            today(),
            today(9),
            hand_over="GIVE",
            to_agent=str(ben.profile_id),
        )
        assert answer.status_code == 303
        assert [agent_of(ticket) for ticket in held] == [ben.profile_id] * 2
        page = as_agent.get(answer.location).text
        assert "all to Ben Colleague" in page
        assert "Back now" in page
        # At the top of every page it says so, in the place of the switch.
        bar = page.split("<main")[0]
        assert "You get no new tickets until" in bar
        assert 'name="availability"' not in bar

    @pytest.mark.parametrize(
        ("first", "last", "words"),
        [
            ("", "", "Enter the first and the last day."),
            ("soon", "2030-02-30", "Enter the first and the last day."),
            ("9999-01-01", "9999-01-02", "Enter the first and the last day."),
            ("2030-01-02", "2030-01-01", "An absence ends after it begins."),
            ("2020-01-01", "2020-01-02", "This absence is over already."),
        ],
    )
    def test_days_that_make_no_sense_come_back_as_they_were_typed(
        self, as_agent, agent, first, last, words
    ):
        answer = self.plan(as_agent, agent, first, last)
        assert answer.status_code == 422
        assert words in answer.text
        assert f'name="first" type="date" value="{first}"' in answer.text
        assert rows("SELECT count(*) FROM absences") == [(0,)]

    def test_two_at_once_are_refused(self, as_agent, agent):
        assert self.plan(as_agent, agent, today(3), today(5)).status_code == 303
        answer = self.plan(as_agent, agent, today(5), today(6))
        assert answer.status_code == 409
        assert "There is an absence in that time already." in answer.text

    def test_it_says_who_entered_it_without_a_query_for_each(
        self, as_agent, as_admin, agent, queries
    ):
        self.plan(as_agent, agent, today(3), today(4))
        path = f"agent/absences/?id={agent.profile_id}"
        queries()
        assert "by Ana Agent" in main_of(as_agent, path)
        few = len(queries())
        for day in (10, 20, 30):
            self.plan(as_admin, agent, today(day), today(day + 1))
        queries()
        assert main_of(as_agent, path).count("by Ada Admin") == 3
        assert len(queries()) == few

    def test_one_is_taken_back(self, as_agent, as_admin, agent, make, client_of):
        self.plan(as_agent, agent, today(3), today(5))
        (absence,) = rows("SELECT id FROM absences")[0]
        other = client_of(make.agent("Eve"))
        taken_back = {"id": str(absence)}
        assert other.post("/admin/agent/absences/cancel/", data=taken_back).status_code == 403
        assert as_admin.post("/admin/agent/absences/cancel/", data=taken_back).status_code == 303
        assert rows("SELECT count(*) FROM absences") == [(0,)]
        assert as_admin.post("/admin/agent/absences/cancel/", data=taken_back).status_code == 404


class TestTheList:
    def test_it_says_who_gets_no_tickets_and_until_when(
        self, as_admin, admin, agent, ben, make, queries
    ):
        now = rows("SELECT now()")[0][0]
        absences.plan_absence(
            admin, agent.profile_id, now - timedelta(days=1), now + timedelta(days=1)
        )
        absences.plan_absence(
            admin, ben.profile_id, now + timedelta(days=2), now + timedelta(days=3)
        )
        # Open for the day that was a week ago, and on that day of each week.
        closed = (now - timedelta(days=3)).strftime("%A").lower()
        hours = calendars.create_calendar(
            admin, "One day", "UTC", {"week": {closed: [["00:00", "24:00"]]}}
        )
        off = make.agent("Olga Off")
        agents.change_agent(
            admin, off.profile_id, capacity=5, skills=[], team_ids=[], calendar_id=hours, version=1
        )
        queries()
        page = main_of(as_admin, "agent/")
        few = len(queries())
        rows_of = {
            name: page.split(f">{name}</a>")[1].split("</tr>")[0]
            for name in ("Ana Agent", "Ben Colleague", "Olga Off")
        }
        assert "Absent" in rows_of["Ana Agent"]
        assert "until" in rows_of["Ana Agent"]
        assert "Available" in rows_of["Ben Colleague"]
        assert "absent from" in rows_of["Ben Colleague"]
        assert "Off hours" in rows_of["Olga Off"]
        assert "One day" in rows_of["Olga Off"]
        for n in range(5):
            make.agent(f"Agent {n}")
        main_of(as_admin, "agent/")
        assert len(queries()) <= few

    def test_the_load_is_what_is_compared_to_the_capacity(self, as_admin, agent, make, set_setting):
        make.ticket(assigned_agent_id=agent.profile_id, priority="CRITICAL")
        assert "1 of 20" in main_of(as_admin, "agent/")
        set_setting(weighs_priority=True)
        page = main_of(as_admin, "agent/")
        assert "3 of 20" in page
        assert "1 ticket" in page

    def test_an_admin_chooses_hours(self, as_admin, admin, agent):
        (hours,) = rows("SELECT id FROM calendars")[0]
        url = f"/admin/agent/edit/?id={agent.profile_id}"
        form = {"capacity": "20", "skills": "", "calendar": str(hours), "version": "1"}
        assert as_admin.post(url, data=form).status_code == 303
        assert rows("SELECT calendar_id FROM agents") == [(hours,)]
        assert f'value="{hours}" selected' in as_admin.get(url).text
        form |= {"calendar": "", "version": "2"}
        assert as_admin.post(url, data=form).status_code == 303
        assert rows("SELECT calendar_id FROM agents") == [(None,)]


class TestGivingATicket:
    def test_who_takes_no_new_ones_is_chosen_knowingly(
        self, as_agent, admin, agent, ben, make, open_ticket
    ):
        make.agent("Olga", availability=Availability.AWAY)
        now = rows("SELECT now()")[0][0]
        absences.plan_absence(
            admin, ben.profile_id, now - timedelta(days=1), now + timedelta(days=1)
        )
        page = main_of(as_agent, f"ticket/{open_ticket().number}/")
        options = re.search(r'<select[^>]* name="agent".*?</select>', page)[0]
        for words in (">Ana Agent<", ">Ben Colleague (away)<", ">Olga (away)<"):
            assert words in options
        found = as_agent.get("/admin/ticket/ajax/lookup/?name=agent&query=olga").json
        assert [label.split(" (")[0] for _id, label in found] == ["Olga"]
        assert found[0][1].endswith(" (away)")


class TestDeactivating:
    def test_an_agents_tickets_go_where_it_is_chosen(self, as_admin, agent, ben, held, account):
        account(agent)
        page = main_of(as_admin, f"profile/deactivate/?id={agent.profile_id}")
        # What becomes of them where nothing else is chosen.
        assert 'value="RELEASE_ALL" checked' in page
        form = {"id": str(agent.profile_id), "hand_over": "GIVE"}
        answer = as_admin.post("/admin/profile/deactivate/", data=form)
        assert answer.status_code == 422
        form["to_agent"] = str(ben.profile_id)
        assert as_admin.post("/admin/profile/deactivate/", data=form).status_code == 303
        assert [agent_of(ticket) for ticket in held] == [ben.profile_id] * 2
        assert "Deactivated" in main_of(as_admin, f"profile/details/?id={agent.profile_id}")
