"""Letters as messages of the Internet: headers, and the name that repeats never change."""

import hashlib
from datetime import datetime
from email.errors import HeaderParseError, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from emberone.mail.rendering import Rendered
from emberone.mail.site import Site


def message_id(key: str, site: Site) -> str:
    """The Message-ID of the letter of this key: a letter sent twice is recognised as one."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{site.domain}>"


def compose(
    rendered: Rendered, *, key: str, to_name: str, to_email: str, written_at: datetime, site: Site
) -> EmailMessage:
    """The message to hand to a mail server; raises ValueError for an address that is none."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = message_id(key, site)
    message["Date"] = written_at
    message["From"] = _address("EmberOne", site.sender)
    message["To"] = _address(to_name, to_email)
    message["Subject"] = rendered.subject
    # RFC 3834: no out-of-office answers to a machine.
    message["Auto-Submitted"] = "auto-generated"
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
