"""Letters as messages of the Internet."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP, default

import pytest

from emberone.config import Settings
from emberone.mail.messages import compose, message_id
from emberone.mail.rendering import Rendered
from emberone.mail.site import Site
from emberone.mail.threads import thread_of

SITE = Site("https://help.example:8443/desk", "no-reply@help.example", "a secret key")
WRITTEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def message(**changes):
    values = {"subject": "Hello", "text": "Text.\n", "html": "<p>Page.</p>", "unsubscribe": None}
    values |= {"key": "k", "to_name": "Ana Costa", "to_email": "ana@example.org"} | changes
    composed = compose(
        Rendered(values["subject"], values["text"], values["html"], values["unsubscribe"]),
        key=values["key"],
        to_name=values["to_name"],
        to_email=values["to_email"],
        written_at=WRITTEN,
        site=SITE,
    )
    return message_from_bytes(composed.as_bytes(policy=SMTP), policy=SMTP)


@pytest.mark.parametrize("host", ["help.example", "a" * 60 + "." + "b" * 60 + ".example"])
def test_letters_of_a_thread_name_its_root_and_the_letter_before(host):
    site = Site(f"https://{host}", "no-reply@help.example", "a secret key")
    params = {"ticket_id": "7", "follows": "received:7"}
    composed = compose(
        Rendered("s", "t", "h", None),
        key="replied:1",
        to_name="Ana",
        to_email="ana@example.org",
        written_at=WRITTEN,
        site=site,
        thread=thread_of("staff_replied", params, site),
    )
    found = message_from_bytes(composed.as_bytes(policy=SMTP), policy=default)
    root, previous = str(found["References"]).split()
    assert root == thread_of("ticket_received", {"ticket_id": "7"}, site).root
    assert root != thread_of("assigned", {"ticket_id": "7"}, site).root
    assert root != thread_of("staff_replied", {"ticket_id": "8"}, site).root
    assert previous == message_id("received:7", site) == str(found["In-Reply-To"])
    assert thread_of("confirm", {}, site) is None


def text_of(found, kind="plain"):
    """A part's text; on the way every line ends in CR LF."""
    return found.get_body([kind]).get_content().replace("\r\n", "\n")


def site_of(base_url, smtp_url=None):
    return Site.from_settings(
        Settings.from_env(
            {
                "EMBERONE_DATABASE_URL": "postgresql://localhost/x",
                "EMBERONE_SECRET_KEY": "0123456789abcdef",
                "EMBERONE_BASE_URL": base_url,
                **({"EMBERONE_SMTP_URL": smtp_url} if smtp_url else {}),
            }
        )
    )


@pytest.mark.rule("feedback 9")
def test_the_message_id_is_a_function_of_the_key_and_the_site():
    assert message_id("a", SITE) == message_id("a", SITE)
    assert message_id("a", SITE) != message_id("b", SITE)
    assert message_id("a", SITE).endswith("@help.example>")
    assert message()["Message-ID"] == message_id("k", SITE)


@pytest.mark.parametrize(
    ("base_url", "domain"),
    [
        ("http://127.0.0.1:5000", "[127.0.0.1]"),
        ("http://[::1]:5000", "[IPv6:::1]"),
        ("https://Help.Example/desk", "help.example"),
    ],
)
def test_the_domain_of_a_site_is_what_may_stand_behind_an_at(base_url, domain):
    assert site_of(base_url).domain == domain
    assert site_of(base_url).sender == f"no-reply@{domain}"


@pytest.mark.parametrize(
    ("smtp_url", "sender"),
    [
        ("smtps://desk%40firm.example:pw@smtp.firm.example", "desk@firm.example"),
        ("smtp://apikey:pw@smtp.firm.example", "no-reply@help.example"),
        ("smtp://smtp.firm.example", "no-reply@help.example"),
    ],
)
def test_letters_come_from_the_login_where_it_is_an_address(smtp_url, sender):
    assert site_of("https://help.example", smtp_url).sender == sender


@pytest.mark.rule("feedback 9")
def test_a_message_has_both_parts_and_asks_for_no_automatic_answer():
    found = message()
    assert found.get_content_type() == "multipart/alternative"
    assert text_of(found) == "Text.\n"
    assert "Page." in text_of(found, "html")
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Date"].datetime == WRITTEN
    assert found["From"] == "EmberOne <no-reply@help.example>"
    assert found["To"] == "Ana Costa <ana@example.org>"
    assert found["List-Unsubscribe"] is None


@pytest.mark.rule("feedback 9")
def test_an_optional_letter_can_be_ended_with_one_click():
    found = message(unsubscribe="https://help.example/f/t/unsubscribe")
    assert found["List-Unsubscribe"] == "<https://help.example/f/t/unsubscribe>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    "name", ["Zoë ☃ <x@y>", 'a"b\\c', "a\r\nBcc: b@example.org", "", "x" * 200, "(a, b); c"]
)
def test_a_name_is_a_name_and_never_a_header_or_an_address(name):
    found = message(to_name=name)
    assert [address.addr_spec for address in found["To"].addresses] == ["ana@example.org"]
    assert found["Bcc"] is None


@pytest.mark.parametrize("words", ["ä ☃ 漢字", "x" * 5000, "a\n.\nb", "From me", "\t \n"])
def test_any_text_arrives_as_it_was(words):
    assert text_of(message(text=words + "\n")) == words + "\n"


@pytest.mark.parametrize("email", ["a b@example.org", "a@b@c", "<a@b>", "a\r\n@b", "@"])
def test_an_address_that_is_none_is_a_value_error(email):
    with pytest.raises(ValueError):
        message(to_email=email)
