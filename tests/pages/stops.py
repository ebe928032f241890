"""Every page and state to look at: where it is, who sees it, and how one gets there.

A GET endpoint of `emberone/web/access.py` is the endpoint of a stop here, or has its
reason in :data:`NO_PAGES`; `tests/web/test_pages.py` holds it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from emberone.mail.kinds import all_kinds

#: What is done on a page once it is open; it gets the page and the facts of `scene.py`.
Act = Callable[[Any, dict[str, Any]], None]

NOBODY, CUSTOMER, NEWCOMER, AGENT, ADMIN = "nobody", "customer", "newcomer", "agent", "admin"


@dataclass(frozen=True)
class Stop:
    """One page in one state."""

    #: Its pictures are called `NAME-1400-dark.webp` and so on.
    name: str
    endpoint: str
    #: Its address; names in braces are facts of `scene.py`.
    path: str
    who: str
    act: Act | None = None
    #: What the address itself answers.
    status: int = 200
    #: A mail program's page: no heading and no name of its own is asked of it.
    is_letter: bool = False


#: GET endpoints that nobody looks at, and what they are instead.
NO_PAGES: Final = {
    "start.index": "redirects to the first page of whoever asks",
    "admin.index": "redirects to the view that has work in it",
    "admin.demo": "the card above the queue, drawn again",
    "ticket.details_view": "redirects to the ticket's page",
    "ticket.walk": "redirects to the next ticket",
    "ticket.list_changes": "parts of the queue, drawn again",
    "ticket.changes": "parts of the ticket's page, drawn again",
    "portal.changes": "parts of the ticket's page, drawn again",
    "sla.progress": "a line of the page of a policy or a calendar, drawn again",
    "ticket.ajax_lookup": "JSON for a field that searches",
    "ticket.export": "a download",
    "attachment.download": "a download",
    "attachment.image": "an image of the conversation",
    "theme.asset": "style sheets, scripts and images",
    "health.alive": "plain text for a supervisor",
    "health.ready": "JSON for a supervisor",
    "metrics.metrics": "plain text for Prometheus",
}


def send(button: str, **values: str) -> Act:
    """Fills in fields of the page's form and presses a button, whatever the browser thinks of it."""

    def act(page: Any, facts: dict[str, Any]) -> None:
        page.evaluate(
            "document.querySelectorAll('form').forEach(form => { form.noValidate = true })"
        )
        form = page.locator("main form", has=page.get_by_role("button", name=button)).first
        for name, value in values.items():
            form.locator(f"[name={name}]").first.fill(value.format(**facts))
        with page.expect_navigation():
            form.get_by_role("button", name=button).first.click()

    return act


def press(selector: str) -> Act:
    """Presses something that opens or changes on the page itself."""
    return lambda page, facts: page.locator(selector).locator("visible=true").first.click()


def _ask_for_keys(page: Any, facts: dict[str, Any]) -> None:
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()


def _ask_first(page: Any, facts: dict[str, Any]) -> None:
    page.get_by_role("button", name="Sign out everywhere").click()
    page.locator("dialog[open]").wait_for()


def _open_snooze(page: Any, facts: dict[str, Any]) -> None:
    page.locator("summary", has_text="Snooze").locator("visible=true").first.click()


def _save_stale(page: Any, facts: dict[str, Any]) -> None:
    """Saves a form of the ticket's page that is older than what somebody else saved."""
    page.evaluate(
        """() => {
            const form = document.querySelector('.side-form');
            form.querySelector('[name=version]').value = '1';
            form.querySelector('[name=seen]').value = '';
            form.querySelector('[name=title]').value = 'The boiler of the office machine is cold';
        }"""
    )
    with page.expect_navigation():
        page.evaluate("document.querySelector('.side-form').submit()")


def _edit_stale(page: Any, facts: dict[str, Any]) -> None:
    page.evaluate("document.querySelector('main [name=seen]').value = 'older'")
    send("Save", title="The cup has a crack")(page, facts)


def _save_old(page: Any, facts: dict[str, Any]) -> None:
    """Saves a form of promises that is older than what somebody else promised."""
    page.evaluate("document.querySelector('#sla-form [name=version]').value = '1'")
    send("Save", **{"target-RESOLUTION-HIGH": "24", "steps-0-amount": "15"})(page, facts)


def _work(page: Any, facts: dict[str, Any]) -> None:
    """Lets background work run once, so that none of it stands still."""
    facts["work"]()
    page.reload()


_PUBLIC = [
    Stop("sign-in", "security.login", "/login", NOBODY),
    Stop(
        "sign-in-refused",
        "security.login",
        "/login",
        NOBODY,
        send("Sign in", email="somebody@example.org", password="not the password"),
    ),
    Stop("register", "security.register", "/register", NOBODY),
    Stop(
        "register-refused",
        "security.register",
        "/register",
        NOBODY,
        send("Create the account", full_name="", email="not an address", password="short"),
    ),
    Stop("register-sent", "account.letter_sent", "/register/sent", NOBODY),
    Stop("confirm-again", "security.send_confirmation", "/confirm", NOBODY),
    Stop(
        "confirm-again-sent",
        "security.send_confirmation",
        "/confirm",
        NOBODY,
        send("Send me a link", email="nobody-known@example.org"),
    ),
    Stop("confirm", "security.confirm_email", "{confirm}", NOBODY),
    Stop("confirm-void", "security.confirm_email", "/confirm/no-such-token", NOBODY, status=410),
    Stop("reset", "security.forgot_password", "/reset", NOBODY),
    Stop(
        "reset-sent",
        "security.forgot_password",
        "/reset",
        NOBODY,
        send("Send me a link", email="nobody-known@example.org"),
    ),
    Stop("reset-choose", "security.reset_password", "{reset}", NOBODY),
    Stop(
        "reset-refused",
        "security.reset_password",
        "{reset}",
        NOBODY,
        send("Save the password", password="short", password_confirm="other"),
    ),
    Stop("reset-void", "security.reset_password", "/reset/no-such-token", NOBODY, status=410),
    Stop("feedback", "feedback.page", "{feedback}", NOBODY),
    Stop("feedback-star", "feedback.page", "{feedback}?rating=4", NOBODY),
    Stop("feedback-refused", "feedback.page", "{feedback}", NOBODY, send("Send my answer")),
    Stop("feedback-answered", "feedback.page", "{feedback_answered}", NOBODY),
    Stop("feedback-expired", "feedback.page", "{feedback_expired}", NOBODY, status=410),
    Stop("feedback-unknown", "feedback.page", "/f/no-such-token", NOBODY, status=404),
    Stop("feedback-stop", "feedback.unsubscribe_page", "{feedback}/unsubscribe", NOBODY),
    Stop(
        "feedback-stopped",
        "feedback.unsubscribe_page",
        "{feedback_answered}/unsubscribe",
        NOBODY,
        send("No more of these letters"),
    ),
    Stop("error-404", "", "/no-such-page", NOBODY, status=404),
]

_ACCOUNT = [
    Stop("account-customer", "account.page", "/account/", CUSTOMER),
    Stop("account-staff", "account.page", "/account/", AGENT),
    Stop("account-asked", "account.page", "/account/", AGENT, _ask_first),
    Stop("account-password", "security.change_password", "/account/password", CUSTOMER),
    Stop(
        "account-password-refused",
        "security.change_password",
        "/account/password",
        AGENT,
        send("Change the password", password="wrong", new_password="a", new_password_confirm="b"),
    ),
]

_PORTAL = [
    Stop("portal-list", "portal.tickets", "/portal/", CUSTOMER),
    Stop("portal-list-nothing", "portal.tickets", "/portal/?search=zzzz", CUSTOMER),
    Stop("portal-list-empty", "portal.tickets", "/portal/", NEWCOMER),
    Stop("portal-new", "portal.ticket_new", "/portal/new/", CUSTOMER),
    Stop(
        "portal-new-refused",
        "portal.ticket_new",
        "/portal/new/",
        CUSTOMER,
        send("Send", title="", description="It does not heat."),
    ),
    Stop("portal-ticket", "portal.ticket", "/portal/{own}/", CUSTOMER),
    Stop("portal-ticket-waiting", "portal.ticket", "/portal/{own_waiting}/", CUSTOMER),
    Stop("portal-ticket-closed", "portal.ticket", "/portal/{own_closed}/", CUSTOMER),
    Stop(
        "portal-ticket-refused",
        "portal.ticket",
        "/portal/{own}/",
        CUSTOMER,
        send("Send", text="   "),
    ),
    Stop("portal-edit", "portal.edit", "/portal/{own}/edit/", CUSTOMER),
    Stop("portal-edit-conflict", "portal.edit", "/portal/{own}/edit/", CUSTOMER, _edit_stale),
    Stop(
        "portal-comment-edit",
        "portal.comment_edit",
        "/portal/{own}/comments/{own_comment}/edit/",
        CUSTOMER,
    ),
    Stop("portal-404", "portal.ticket", "/portal/999999/", CUSTOMER, status=404),
]

_TICKETS = [
    Stop("queue", "ticket.index_view", "/admin/ticket/?view=all", AGENT),
    Stop("queue-mine", "ticket.index_view", "/admin/ticket/?view=mine", AGENT),
    Stop("queue-unassigned", "ticket.index_view", "/admin/ticket/?view=unassigned", ADMIN),
    Stop("queue-search", "ticket.index_view", "/admin/ticket/?search=machine", AGENT),
    Stop("queue-nothing", "ticket.index_view", "/admin/ticket/?search=zzzz", AGENT),
    Stop("ticket", "ticket.page", "/admin/ticket/{ticket}/", AGENT),
    Stop("ticket-files", "ticket.page", "/admin/ticket/{with_files}/", AGENT),
    Stop("ticket-unassigned", "ticket.page", "/admin/ticket/{unassigned}/", AGENT),
    Stop("ticket-breached", "ticket.page", "/admin/ticket/{breached}/", ADMIN),
    Stop("ticket-limits", "ticket.page", "/admin/ticket/{breached}/?tab=limits", AGENT),
    Stop("ticket-closed", "ticket.page", "/admin/ticket/{closed}/", ADMIN),
    Stop("ticket-reply-waiting", "ticket.page", "/admin/ticket/{replying}/", AGENT),
    Stop(
        "ticket-note", "ticket.page", "/admin/ticket/{ticket}/", AGENT, press("label[data-key=n]")
    ),
    Stop(
        "ticket-macros",
        "ticket.page",
        "/admin/ticket/{ticket}/",
        AGENT,
        press("[data-macros-open]"),
    ),
    Stop("ticket-snooze", "ticket.page", "/admin/ticket/{ticket}/", AGENT, _open_snooze),
    Stop("ticket-keys", "ticket.page", "/admin/ticket/{ticket}/", AGENT, _ask_for_keys),
    Stop("ticket-conflict", "ticket.page", "/admin/ticket/{ticket}/", ADMIN, _save_stale),
    Stop("ticket-404", "ticket.page", "/admin/ticket/999999/", AGENT, status=404),
    Stop("ticket-new", "ticket.create_view", "/admin/ticket/new/", AGENT),
    Stop(
        "ticket-new-refused",
        "ticket.create_view",
        "/admin/ticket/new/",
        AGENT,
        send("Open the ticket", title="", description=""),
    ),
    Stop("ticket-delete", "ticket.delete_view", "/admin/ticket/{closed}/delete/", ADMIN),
    Stop("comments", "comment.index_view", "/admin/comment/", AGENT),
    Stop("comments-nothing", "comment.index_view", "/admin/comment/?search=zzzz", AGENT),
    Stop("comment", "comment.details_view", "/admin/comment/details/?id={comment}", ADMIN),
    Stop("comment-edit", "comment.edit_view", "/admin/comment/edit/?id={comment}", ADMIN),
    Stop("comment-delete", "comment.delete_view", "/admin/comment/delete/?id={comment}", ADMIN),
    Stop("history", "history.index_view", "/admin/history/", ADMIN),
    Stop("history-entry", "history.details_view", "/admin/history/details/?id={entry}", ADMIN),
]

_RATINGS = [
    Stop("ratings", "rating.index_view", "/admin/rating/", ADMIN),
    Stop("ratings-own", "rating.index_view", "/admin/rating/?days=365", AGENT),
    Stop(
        "ratings-nothing",
        "rating.index_view",
        "/admin/rating/?from=2001-01-01&to=2001-01-31",
        ADMIN,
    ),
]

_MACROS = [
    Stop("macros", "macro.index_view", "/admin/macro/", ADMIN),
    Stop("macros-nothing", "macro.index_view", "/admin/macro/?search=zzzz", AGENT),
    Stop("macro", "macro.details_view", "/admin/macro/details/?id={macro}", ADMIN),
    Stop("macro-new", "macro.create_view", "/admin/macro/new/", AGENT),
    Stop(
        "macro-new-refused", "macro.create_view", "/admin/macro/new/", AGENT, send("Save", name="")
    ),
    Stop("macro-edit", "macro.edit_view", "/admin/macro/edit/?id={macro}", ADMIN),
    Stop("macro-delete", "macro.delete_view", "/admin/macro/delete/?id={macro}", ADMIN),
]

_PEOPLE = [
    Stop("people", "profile.index_view", "/admin/profile/", ADMIN),
    Stop("people-nothing", "profile.index_view", "/admin/profile/?search=zzzz", AGENT),
    Stop("person", "profile.details_view", "/admin/profile/details/?id={person}", ADMIN),
    Stop("person-new", "profile.create_view", "/admin/profile/new/", ADMIN),
    Stop("person-new-refused", "profile.create_view", "/admin/profile/new/", ADMIN, send("Save")),
    Stop("person-edit", "profile.edit_view", "/admin/profile/edit/?id={person}", ADMIN),
    Stop("person-leaves", "profile.deactivate", "/admin/profile/deactivate/?id={agent}", ADMIN),
    Stop("person-letters", "profile.letters", "/admin/profile/letters/?id={person}", ADMIN),
    Stop("person-password", "profile.password", "/admin/profile/password/?id={person}", ADMIN),
    Stop("agents", "agent.index_view", "/admin/agent/", ADMIN),
    Stop("agent-away", "agent.away_view", "/admin/agent/away/?id={agent}", ADMIN),
    Stop("agent-absences", "agent.absences_view", "/admin/agent/absences/?id={agent}", ADMIN),
    Stop("agent-edit", "agent.edit_view", "/admin/agent/edit/?id={agent}", ADMIN),
    Stop("teams", "team.index_view", "/admin/team/", ADMIN),
    Stop("team-new", "team.create_view", "/admin/team/new/", ADMIN),
    Stop("team-new-refused", "team.create_view", "/admin/team/new/", ADMIN, send("Save", name=" ")),
    Stop("team-edit", "team.edit_view", "/admin/team/edit/?id={team}", ADMIN),
    Stop("tags", "tag.index_view", "/admin/tag/", ADMIN),
]

_WORK = [
    Stop("mail", "letter.index_view", "/admin/letter/", ADMIN),
    Stop("mail-undeliverable", "letter.index_view", "/admin/letter/?state=dead", ADMIN),
    Stop("mail-none", "letter.index_view", "/admin/letter/?state=sending", ADMIN),
    Stop("mail-letter", "letter.details_view", "/admin/letter/details/?id={letter}", ADMIN),
    Stop("mail-letter-dead", "letter.details_view", "/admin/letter/details/?id={dead}", ADMIN),
    Stop("mail-suppressed", "letter.suppressed", "/admin/letter/suppressed/", ADMIN),
    Stop("mail-kinds", "letter.kinds", "/admin/letter/kinds/", ADMIN),
    Stop("settings", "setting.index_view", "/admin/setting/", ADMIN),
    Stop("settings-history", "setting.history", "/admin/setting/history/", ADMIN),
    Stop("jobs", "job.index_view", "/admin/job/", ADMIN, _work),
    Stop("error-403", "job.index_view", "/admin/job/", CUSTOMER, status=403),
    Stop(
        "letter-sent", "letter.preview", "/admin/letter/preview/?id={letter}", ADMIN, is_letter=True
    ),
]

_SLA = [
    Stop("sla", "sla.index_view", "/admin/sla/", AGENT),
    Stop("sla-kept", "sla.kept", "/admin/sla/kept/?days=365", AGENT),
    Stop("sla-kept-nothing", "sla.kept", "/admin/sla/kept/?days=7", ADMIN),
    Stop("sla-policy", "sla.details_view", "/admin/sla/details/?id={policy}", ADMIN),
    Stop("sla-policy-old", "sla.details_view", "/admin/sla/details/?id={policy}&version=1", AGENT),
    Stop("sla-new", "sla.create_view", "/admin/sla/new/", ADMIN),
    Stop(
        "sla-new-refused",
        "sla.create_view",
        "/admin/sla/new/",
        ADMIN,
        send("Save", **{"name": "Shop promise", "target-RESOLUTION-HIGH": "soon"}),
    ),
    Stop("sla-edit", "sla.edit_view", "/admin/sla/edit/?id={policy}", ADMIN),
    Stop("sla-edit-stale", "sla.edit_view", "/admin/sla/edit/?id={policy}", ADMIN, _save_old),
    Stop("calendars", "calendar.index_view", "/admin/calendar/", AGENT),
    Stop("calendar", "calendar.details_view", "/admin/calendar/details/?id={calendar}", ADMIN),
    Stop("calendar-new", "calendar.create_view", "/admin/calendar/new/", ADMIN),
    Stop(
        "calendar-new-refused",
        "calendar.create_view",
        "/admin/calendar/new/",
        ADMIN,
        send("Save", **{"name": "Nights", "day-monday": "22 to 6"}),
    ),
    Stop("calendar-edit", "calendar.edit_view", "/admin/calendar/edit/?id={calendar}", ADMIN),
]

_KINDS = [
    *(
        # One that is about tickets and one that is not.
        Stop(f"mail-kind-{letter}", "letter.kind", f"/admin/letter/kinds/{letter}/", ADMIN)
        for letter in ("staff_replied", "confirm")
    ),
    *(
        Stop(
            f"letter-{kind.letter}",
            "letter.kind_preview",
            f"/admin/letter/kinds/{kind.letter}/preview/",
            ADMIN,
            is_letter=True,
        )
        for kind in all_kinds()
    ),
]

STOPS: Final = (
    *_PUBLIC,
    *_ACCOUNT,
    *_PORTAL,
    *_TICKETS,
    *_RATINGS,
    *_MACROS,
    *_PEOPLE,
    *_WORK,
    *_SLA,
    *_KINDS,
)
