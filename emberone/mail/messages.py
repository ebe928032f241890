"""Letters as messages of the Internet: headers, and the names that repeats never change."""

from datetime import datetime
from email.errors import HeaderParseError, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage

from emberone.mail.rendering import PRODUCT, Rendered
from emberone.mail.site import Site
from emberone.mail.threads import THREADED, Thread, message_id


def compose(
    rendered: Rendered,
    *,
    key: str,
    to_name: str,
    to_email: str,
    written_at: datetime,
    site: Site,
    thread: Thread | None = None,
) -> EmailMessage:
    """The message to hand to a mail server; raises ValueError for an address that is none."""
    message = EmailMessage(policy=THREADED)
    message["Message-ID"] = message_id(key, site)
    message["Date"] = written_at
    message["From"] = _address(PRODUCT, site.sender)
    message["To"] = _address(to_name, to_email)
    message["Subject"] = rendered.subject
    if thread is not None:
        message["In-Reply-To"] = thread.in_reply_to
        message["References"] = thread.references
    # RFC 3834: no out-of-office answers to a machine; and in Exchange's own words.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    if rendered.unsubscribe_url is not None:
        # RFC 8058: the mail program itself may end these letters, with one POST.
        message["List-Unsubscribe"] = f"<{rendered.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message


def _address(name: str, email: str) -> Address:
    shown = "".join(character if character.isprintable() else " " for character in name)
    try:
        return Address(shown, addr_spec=email)
    except NonASCIILocalPartDefect:
        # Allowed since RFC 6531, where the server can; the parser knows the older rule only.
        local, _, domain = email.rpartition("@")
        return Address(shown, local, domain)
    except (HeaderParseError, IndexError) as error:
        raise ValueError("not an address") from error
