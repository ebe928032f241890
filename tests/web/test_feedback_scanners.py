"""Mail scanners and people at the links of a letter, over real HTTP and all at once."""

from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from threading import Barrier, Thread
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.serving import make_server

from emberone.domain.enums import FeedbackState

#: What browsers, mail programs and scanners send when they look ahead.
LOOKING_AHEAD = (
    {"Purpose": "prefetch"},
    {"X-Purpose": "preview"},
    {"X-Moz": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"User-Agent": "Mozilla/5.0 (compatible; MSIE 9.0; BingPreview/1.0b)"},
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def ask(web: Any) -> Iterator[Ask]:
    """Sends one request to a real server and returns status and page."""
    server = make_server("127.0.0.1", 0, web, threaded=True)
    server.daemon_threads = False
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def send(method: str, path: str, body: str = "", headers: Any = None) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        connection.request(method, path, body or None, headers or {})
        answer = connection.getresponse()
        page = answer.read().decode()
        connection.close()
        return answer.status, page

    yield send
    server.shutdown()
    thread.join()
    server.server_close()


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call returns, all of them begun in the same moment."""
    start, results = Barrier(len(calls)), [None] * len(calls)

    def work(place: int) -> None:
        start.wait()
        results[place] = calls[place]()

    threads = [Thread(target=work, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.rule("feedback 6")
def test_a_scanner_that_opens_everything_in_every_way_at_once_records_nothing(invited, ask):
    before = invited.everything()
    opened = at_once(
        [
            lambda link=link, method=method, headers=headers: ask(method, link, "", headers)
            for link in [*invited.links, f"{invited.path}/unsubscribe"]
            for method, headers in (("HEAD", {}), ("GET", {}))
        ]
        + [
            lambda link=link, headers=headers: ask("GET", link, "", headers)
            for link, headers in zip(invited.links, LOOKING_AHEAD, strict=True)
        ]
    )
    assert {status for status, _page in opened} == {200}
    assert invited.everything() == before
    assert invited.request.state is FeedbackState.SENT


@pytest.mark.rule("feedback 7")
def test_of_two_people_who_send_at_once_one_is_recorded_and_the_other_told(invited, ask):
    forms = [urlencode({"rating": rating, "seen": "0"}) for rating in (3, 5)]
    sent = at_once([lambda form=form: ask("POST", invited.path, form, FORM) for form in forms])
    assert sorted(status for status, _page in sent) == [303, 409]
    told = next(page for status, page in sent if status == 409)
    request = invited.request
    assert (request.state, request.answer_no) == (FeedbackState.ANSWERED, 1)
    assert f"{request.rating} of 5 stars" in told
    assert invited.ticket.feedback_rating == request.rating
    [change] = invited.changes()
    assert change.details["additionalContext"]["newRating"] == request.rating


@pytest.mark.rule("feedback 7")
def test_of_two_changes_at_once_one_is_recorded_with_its_own_entry(invited, ask):
    ask("POST", invited.path, urlencode({"rating": 4, "seen": "0"}), FORM)
    forms = [urlencode({"rating": rating, "seen": "1"}) for rating in (1, 2)]
    sent = at_once([lambda form=form: ask("POST", invited.path, form, FORM) for form in forms])
    assert sorted(status for status, _page in sent) == [303, 409]
    changes = [entry.details["additionalContext"] for entry in invited.changes()]
    assert sorted((c.get("oldRating") or 0, c["newRating"]) for c in changes) == [
        (0, 4),
        (4, invited.request.rating),
    ]
    assert invited.request.answer_no == 2
