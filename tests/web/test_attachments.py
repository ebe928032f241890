"""Files over HTTP: taking them, and giving them out so that no browser runs what is in them."""

import io
from urllib.parse import unquote
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from emberone.db import reading, transaction
from emberone.domain.actor import SYSTEM
from emberone.domain.attachments import Upload, address, image_address
from emberone.domain.enums import DraftKind
from emberone.domain.lifecycle import Event
from emberone.models import Attachment, Draft, Ticket
from emberone.queries.attachments import attachment, attachments_of, attachments_of_drafts
from emberone.services import attachments, comments, tickets

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
MB = 2**20


def _files():
    with reading(SYSTEM) as session:
        rows = session.scalars(select(Attachment).order_by(Attachment.id)).all()
        return {row.name: row for row in rows}


class Scene:
    """A customer's ticket with a file in each place: request, answer, note, draft."""

    def __init__(self, make):
        self.customer, self.agent = make.customer("Ana"), make.agent("Ben")
        self.ticket_id = tickets.open_ticket(
            self.customer,
            self.customer.profile_id,
            "Broken",
            "",
            files=[Upload("shot.png", PNG), Upload("request.txt", b"request")],
        )
        comments.reply(
            self.agent,
            self.ticket_id,
            "Try this.",
            Event.STAFF_REPLY,
            files=[Upload("answer.txt", b"answer")],
        )
        comments.add_note(self.agent, self.ticket_id, "Hm.", files=[Upload("note.png", PNG)])
        with transaction(self.agent) as session:
            draft = Draft(
                ticket_id=self.ticket_id,
                author_id=self.agent.profile_id,
                kind=DraftKind.REPLY,
                content="Soon.",
            )
            session.add(draft)
            session.flush()
            attachments.attach(
                session, [Upload("draft.png", PNG)], ticket_id=self.ticket_id, draft_id=draft.id
            )
        self.draft_id = draft.id
        self.files = _files()

    def download(self, name):
        return address(self.files[name].id, name)

    def image(self, name):
        return image_address(self.files[name].id)


@pytest.fixture
def scene(web, make):
    return Scene(make)


def test_a_download_is_kept_and_never_shown(scene, client_of):
    answer = client_of(scene.customer).get(scene.download("request.txt"))
    assert (answer.status_code, answer.data) == (200, b"request")
    headers = answer.headers
    assert headers["Content-Disposition"] == "attachment; filename=request.txt"
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Content-Length"] == "7"
    assert "ETag" not in headers


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", b"<!doctype html><script>alert(1)</script>"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("a.xml", b'<?xml version="1.0"?><x/>'),
        ("a.bin", bytes(range(256))),
    ],
)
def test_what_a_browser_might_run_leaves_as_mere_bytes(make, web, client_of, name, content):
    customer = make.customer()
    tickets.open_ticket(customer, customer.profile_id, "Broken", "", files=[Upload(name, content)])
    [file] = _files().values()
    client = client_of(customer)
    answer = client.get(address(file.id, name))
    assert answer.data == content
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert client.get(image_address(file.id)).status_code == 404


@pytest.mark.parametrize(
    "name", ["счёт №5.pdf", 'a"b\\c.pdf', "100%;x=1.pdf", "日本語.pdf", "file.pdf\u200d"]
)
def test_any_name_arrives_whole(make, web, client_of, name):
    customer = make.customer()
    tickets.open_ticket(
        customer, customer.profile_id, "Broken", "", files=[Upload(name, b"%PDF-1.7")]
    )
    [file] = _files().values()
    answer = client_of(customer).get(address(file.id, file.name))
    assert answer.status_code == 200
    given = answer.headers["Content-Disposition"]
    assert given.isascii()
    assert "\n" not in given
    if "filename*" in given:
        assert unquote(given.partition("filename*=UTF-8''")[2].partition(";")[0]) == file.name
    else:
        assert given == f"attachment; filename={file.name}"


def test_an_image_is_shown_and_asked_for_anew_every_time(scene, client_of):
    client = client_of(scene.customer)
    answer = client.get(scene.image("shot.png"))
    assert (answer.status_code, answer.data) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"] == "inline; filename=shot.png"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    tag = {"If-None-Match": answer.headers["ETag"]}
    again = client.get(scene.image("shot.png"), headers=tag)
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(scene.image("request.txt")).status_code == 404


def test_signed_out_nobody_gets_a_file_not_even_one_that_the_browser_has(scene, browser):
    for path in (scene.download("request.txt"), scene.image("shot.png")):
        answer = browser.get(path, headers={"If-None-Match": f'"{scene.files["shot.png"].digest}"'})
        assert answer.status_code == 302
        assert answer.location.startswith("/login")


def test_a_customer_gets_the_files_of_what_they_see_and_no_other(scene, make, client_of):
    mine, other = client_of(scene.customer), client_of(make.customer())
    for name in ("request.txt", "shot.png", "answer.txt"):
        assert mine.get(scene.download(name)).status_code == 200
        assert other.get(scene.download(name)).status_code == 404
    nowhere = mine.get(address(UUID(int=0), "request.txt"))
    for name in ("note.png", "draft.png"):
        for path in (scene.download(name), scene.image(name)):
            refused = mine.get(path)
            assert refused.status_code == nowhere.status_code == 404
            assert "ETag" not in refused.headers
            assert scene.files[name].digest not in refused.text
    assert other.get(scene.image("shot.png")).status_code == 404


def test_staff_get_every_file(scene, make, client_of):
    for person in (scene.agent, make.agent(), make.admin()):
        client = client_of(person)
        for name in scene.files:
            assert client.get(scene.download(name)).status_code == 200
        assert client.get(scene.image("note.png")).status_code == 200


def test_the_lists_show_each_person_what_they_may_download(scene, make):
    def names(actor):
        with reading(actor) as session:
            found = attachments_of(session, actor, scene.ticket_id)
            return sorted(link.name for links in found.values() for link in links)

    assert names(scene.customer) == ["answer.txt", "request.txt", "shot.png"]
    # Drafts' files are not among the conversation's.
    assert names(scene.agent) == ["answer.txt", "note.png", "request.txt", "shot.png"]
    assert names(make.customer()) == []
    with reading(scene.agent) as session:
        (of_draft,) = attachments_of_drafts(session, scene.ticket_id).values()
        assert [link.name for link in of_draft] == ["draft.png"]
        of_request = attachments_of(session, scene.agent, scene.ticket_id)[None]
        assert {link.name for link in of_request} == {"shot.png", "request.txt"}
    with reading(scene.customer) as session:
        # By row policy alone.
        assert attachments_of_drafts(session, scene.ticket_id) == {}
        hidden = scene.files["note.png"].id
        assert attachment(session, scene.customer, hidden) is None
        assert attachment(session, scene.agent, hidden) is None


def test_a_large_file_leaves_whole_in_pieces(make, web, client_of):
    customer = make.customer()
    content = bytes(range(256)) * (4096 * 3) + b"end"
    tickets.open_ticket(
        customer, customer.profile_id, "Broken", "", files=[Upload("large.bin", content)]
    )
    [file] = _files().values()
    answer = client_of(customer).get(address(file.id, "large.bin"))
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.data == content


class TestForm:
    """Files sent with the panel's form for a new ticket."""

    @pytest.fixture
    def agent(self, make, client_of):
        return client_of(make.agent())

    def send(self, client, *files, **more):
        data = {
            "email": "ana@example.org",
            "title": "Broken",
            "description": "See below.",
            "files": [FileStorage(io.BytesIO(content), name) for name, content in files],
            **more,
        }
        boundary, body = encode_multipart(MultiDict(data))
        return client.post(
            "/admin/ticket/new/",
            data=body,
            content_type=f"multipart/form-data; boundary={boundary}",
        )

    def test_the_files_come_with_the_ticket(self, agent):
        answer = self.send(agent, ("../a/shot.png", PNG), ("b.txt", b"b"))
        assert answer.status_code == 303
        assert {name: file.media_type for name, file in _files().items()} == {
            "shot.png": "image/png",
            "b.txt": "text/plain",
        }

    def test_a_field_in_which_nothing_was_chosen_is_no_file(self, agent):
        assert self.send(agent, ("", b"")).status_code == 303
        assert _files() == {}

    @pytest.mark.parametrize(
        ("file", "why"),
        [
            (("big.bin", bytes(MB + 1)), "“big.bin” is larger than 1 MB."),
            (("setup.exe", b"MZ"), "“setup.exe” is a program or a script"),
            (("empty.txt", b""), "“empty.txt” is empty."),
            (("%s%(x)s.exe", b"x"), "“%s%(x)s.exe” is a program"),
        ],
    )
    def test_a_refused_file_is_named_and_what_was_typed_is_still_there(
        self, agent, set_setting, file, why
    ):
        set_setting(attachment_limit_mb=1)
        answer = self.send(agent, file)
        assert answer.status_code == 422
        assert why in answer.text
        assert "See below." in answer.text
        with reading(SYSTEM) as session:
            assert session.scalars(select(Ticket)).all() == []

    def test_more_than_a_message_may_carry_is_a_page_that_says_the_limit(self, agent):
        answer = self.send(agent, ("huge.bin", bytes(54 * MB)))
        assert answer.status_code == 413
        assert "larger than 53 MB" in answer.text

    def test_other_forms_are_as_small_as_before(self, agent, make, client_of):
        admin = client_of(make.admin())
        answer = admin.post("/admin/team/new/", data={"name": "x" * (2 * MB)})
        assert answer.status_code == 413
        assert "larger than 2 MB" in answer.text

    def test_who_is_not_signed_in_sends_nothing_large(self, web, browser):
        browser.sends_token = False
        answer = self.send(browser, ("big.bin", bytes(3 * MB)))
        assert answer.status_code == 401

    def test_texts_beside_files_are_as_small_as_before(self, agent):
        answer = self.send(agent, ("b.txt", b"b"), description="x" * (3 * MB))
        assert answer.status_code == 413
        assert "larger than 2 MB" in answer.text

    def test_the_form_says_what_it_takes(self, agent, set_setting):
        set_setting(attachment_limit_mb=7)
        page = agent.get("/admin/ticket/new/").text
        assert 'enctype="multipart/form-data"' in page
        assert "up to 7 MB each" in page


class TestTicketPage:
    """Files in the conversation as staff see it."""

    def respond(self, client, number, *files, **more):
        boundary, body = encode_multipart(
            MultiDict(
                {
                    "text": "Look at this.",
                    "files": [FileStorage(io.BytesIO(content), name) for name, content in files],
                    **more,
                }
            )
        )
        return client.post(
            f"/admin/ticket/{number}/respond/",
            data=body,
            content_type=f"multipart/form-data; boundary={boundary}",
        )

    def number(self, scene):
        with reading(SYSTEM) as session:
            return session.get_one(Ticket, scene.ticket_id).number

    def test_each_comment_shows_its_files_and_images_as_pictures(self, scene, client_of):
        page = client_of(scene.agent).get(f"/admin/ticket/{self.number(scene)}/").text
        for name in ("request.txt", "answer.txt", "shot.png", "note.png"):
            assert f'href="{scene.download(name)}"' in page
        for name in ("shot.png", "note.png"):
            assert f'<img class="attachments__image" src="{scene.image(name)}"' in page
        request, answer = page.index(scene.download("request.txt")), page.index("Try this.")
        assert request < answer < page.index(scene.download("answer.txt"))
        # A draft's file is in its author's reply box, and in no conversation.
        conversation, box = page.split('id="composer"')
        assert scene.download("draft.png") not in conversation
        assert scene.download("draft.png") in box

    @pytest.mark.parametrize("kind", ["reply", "note"])
    def test_a_reply_and_a_note_are_sent_with_files(self, scene, client_of, kind):
        answer = self.respond(
            client_of(scene.agent), self.number(scene), ("new.txt", b"new"), kind=kind
        )
        assert answer.status_code == 303
        file = _files()["new.txt"]
        with reading(scene.customer) as session:
            link = attachment(session, scene.customer, file.id)
        # A reply may wait until it can no longer be taken back.
        assert link is None or kind == "reply"

    def test_a_refused_file_leaves_the_text_in_the_reply_box(self, scene, client_of):
        answer = self.respond(
            client_of(scene.agent), self.number(scene), ("setup.exe", b"MZ"), kind="reply"
        )
        assert answer.status_code == 422
        assert "“setup.exe” is a program" in answer.text
        assert "Look at this." in answer.text
        assert set(_files()) == set(scene.files)
