"""The hostile corpus through the edges that are no forms: the importer, the mail, the spreadsheet."""

import csv
import io
import re
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from emberone.db import reading
from emberone.domain.actor import SYSTEM
from emberone.domain.attachments import Upload
from emberone.domain.enums import MailState, Role
from emberone.domain.errors import Invalid
from emberone.domain.lifecycle import Event
from emberone.models import Letter, Profile
from emberone.services import comments, delivery, tickets
from emberone.services.profiles import create_profile
from tests.cli.test_import import Program
from tests.conftest import settings_for
from tests.hostile import ADDRESSES, FILE_NAMES, FORMULA, SLOW, TEXTS, judged
from tests.smtp_sink import Sink
from tests.web.test_errors import LEAKS

#: What a letter of ours has, and nothing that somebody typed can add to it.
HEADERS = {
    "message-id", "date", "from", "to", "subject", "in-reply-to", "references", "auto-submitted",
    "x-auto-response-suppress", "list-unsubscribe", "list-unsubscribe-post", "content-type",
    "mime-version", "content-transfer-encoding",
}  # fmt: skip

#: What ends a header, a line of a log or the patience of a terminal.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def storable(text: str) -> str:
    return text.replace("\0", "").strip()[:300] or "x"


@pytest.fixture
def sink(postgres, database):
    """A mail server that the product delivers to."""
    before = database.extensions["emberone.settings"]
    with Sink() as sink:
        database.extensions["emberone.settings"] = settings_for(
            postgres, EMBERONE_SMTP_URL=sink.url, EMBERONE_BASE_URL="https://help.example"
        )
        yield sink
    database.extensions["emberone.settings"] = before


def test_letters_carry_what_was_typed_as_text_and_to_nobody_else(make, sink, set_setting):
    set_setting(reply_delay_s=0)
    agent, emails = make.agent("Ben"), set()
    for number, typed in enumerate(TEXTS.values()):
        customer = make.customer(storable(typed)[:200], email=f"c{number}@example.org")
        emails.add(f"c{number}@example.org")
        title = " ".join(storable(typed).split()) or "x"
        names = FILE_NAMES[number % len(FILE_NAMES) :][:2]
        files = [Upload(name, b"x") for name in names if "exe" not in name]
        ticket_id = tickets.open_ticket(
            customer, customer.profile_id, title, typed.replace("\0", "")[:9_000], files=files
        )
        comments.reply(
            agent,
            ticket_id,
            typed.replace("\0", "")[:9_000].strip() or "x",
            Event.STAFF_REPLY,
            files=files,
        )
    while delivery.deliver_due(limit=50):
        pass
    with reading(SYSTEM) as session:
        states = set(session.scalars(select(Letter.state)))
    assert states == {MailState.SENT}
    assert set(sink.recipients) == emails
    assert len(sink.messages) >= 2 * len(TEXTS)
    for message in sink.messages:
        check_letter(message)


def check_letter(message: EmailMessage) -> None:
    assert {name.lower() for name in message} <= HEADERS, list(message)
    for name in HEADERS & {name.lower() for name in message}:
        assert len(message.get_all(name)) == 1, name
        assert not CONTROL.search(str(message[name])), (name, message[name])
    assert len(message["to"].addresses) == 1
    for part in message.walk():
        assert part.get_content_type() in {"multipart/alternative", "text/plain", "text/html"}
        assert part.get_filename() is None
    page = message.get_body(("html",)).get_content()
    assert judged(page, is_letter=True).complaints == []
    # Nothing tells anybody that, when and where the letter was opened.
    assert not re.search(r"(?i)<(img|video|audio|iframe|object|link|script|form|input)\b", page)
    assert not re.search(r"(?i)url\(|@import", re.sub(r"(?s)<body.*", "", page))


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_becomes_two_or_a_header(make, sink, address):
    admin = make.admin()
    try:
        create_profile(admin, address, "Ana", Role.CUSTOMER)
    except Invalid:
        return
    with reading(SYSTEM) as session:
        person = session.scalars(select(Profile).where(Profile.role == Role.CUSTOMER)).one()
        assert not CONTROL.search(person.email)
        customer = person.id
    tickets.open_ticket(admin, customer, "Broken", "Text")
    delivery.deliver_due(limit=50)
    assert len(sink.recipients) == len(sink.messages) <= 1
    for message in sink.messages:
        check_letter(message)
        to = str(message["to"]).encode("utf-8", "surrogateescape").decode()
        assert sink.recipients[0] in to


def test_what_an_importer_takes_in_is_text_on_every_page_and_in_the_spreadsheet(
    postgres, web, make, client_of, tmp_path, owner
):
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["title", "body", "priority", "email", "name"])
    texts = [*TEXTS.values(), *(text[:3000] for text in SLOW.values())]
    for number, text in enumerate(texts):
        rows.writerow([text[:400], text, "high", f"c{number}@example.org", text[:150]])
        rows.writerow(["Plain", text, text[:50], ADDRESSES[number % len(ADDRESSES)], text[:150]])
    path = tmp_path / "hostile.csv"
    path.write_bytes(table.getvalue().encode("utf-8", "surrogatepass"))
    status, out, err = Program(postgres)("csv", path)
    assert status == 0, err
    assert not CONTROL.search(out + err.replace("\n", "")), err
    assert not LEAKS.search(err)
    staff = client_of(make.admin())
    numbers = [row[0] for row in owner.execute("SELECT number FROM tickets ORDER BY number")]
    assert len(numbers) >= len(TEXTS) // 2
    for address in ["", "?view=all", *(f"{number}/" for number in numbers[:60])]:
        answer = staff.get(f"/admin/ticket/{address}", follow_redirects=True)
        assert answer.status_code == 200, address
        assert judged(answer.text).complaints == [], address
    export = staff.get("/admin/ticket/export/csv/").text
    cells = [cell for row in csv.reader(io.StringIO(export)) for cell in row]
    assert f"'{FORMULA}" in cells
    assert not any(re.match(r"[\s\"'\ufeff]*[=+\-@]", cell) and cell[0] != "'" for cell in cells)
