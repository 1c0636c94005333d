"""Mails as bytes. Nothing in them depends on when or where they are made: same in, same out, so that a mail can be sent
again exactly as it was.

Headers of automatic mail: https://www.rfc-editor.org/rfc/rfc3834 (Auto-Submitted), https://www.rfc-editor.org/rfc/rfc2919
(List-Id); X-Auto-Response-Suppress is what Exchange looks at, Precedence what old vacation programs do.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address, BaseHeader, Group, HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any, Final, cast

from syncd.alerts.message import Notification, Reader, Reason, Rendered
from syncd.alerts.plain import one_line

_LONGEST_LOCAL: Final = 60  # characters before the @ of a Message-ID; a line of a header has 78
_ATOM: Final = re.compile(r"[^A-Za-z0-9._-]+")
_UNTHREADED: Final = frozenset({Reason.MORNING, Reason.HEARTBEAT, Reason.DIGEST})


def _policy() -> EmailPolicy[Any]:
    registry = HeaderRegistry()
    for name in ("references", "in-reply-to"):
        # Else a long one would be encoded, which nobody decodes.
        registry.map_to_type(name, cast("type[BaseHeader]", MessageIDHeader))
    return SMTP.clone(header_factory=registry)


_POLICY: Final[EmailPolicy[Any]] = _policy()


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all our mails share."""

    sender: str  # the address alone; also the envelope's, where bounces go
    domain: str  # the right side of Message-IDs
    name: str = "syncd"  # beside the sender's address
    reply_to: str = ""
    list_id: str = ""  # such as sla.syncd.acme.example; "" = sla.syncd. and the domain


def message_id(parts: tuple[str | int, ...], address: str, domain: str) -> str:
    """`<12345.first_reply.1.2.9f86d081@domain>`: the same for the same parts and recipient, different for any other.

    A reminder needs another sequence number among its parts: Exchange drops what has an id that it knows."""
    plain = ".".join(_ATOM.sub("_", str(part)).strip(".") or "_" for part in parts)
    exact = "\x1f".join([*(str(part) for part in parts), address.strip().lower()])
    mark = hashlib.blake2b(exact.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    shown = re.sub(r"\.{2,}", ".", plain)[: _LONGEST_LOCAL - len(mark) - 1].strip(".") or "_"
    return f"<{shown}.{mark}@{domain}>"


def thread_root(notification: Notification, domain: str) -> str:
    """The id of a mail that was never sent, which all mails of one thread answer: one thread per ticket and cycle, else
    per group; "" for what stands alone."""
    if notification.reason in _UNTHREADED:
        return ""
    about = {(alert.ticket, alert.cycle) for alert in notification.alerts if notification.reason is not Reason.SEEING}
    if len(about) == 1:
        ticket, cycle = about.pop()
        return f"<thread.{ticket}.{cycle}@{domain}>"
    if not notification.group:
        return ""
    mark = hashlib.blake2b(notification.group.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
    return f"<thread.{mark}@{domain}>"


def write_letter(
    notification: Notification, rendered: Rendered, reader: Reader, head: Letterhead, identity: str
) -> bytes:
    """The mail with CRLF line ends and only ASCII in it, ready for SMTP. `identity` is its Message-ID."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(one_line(head.name, 80), addr_spec=head.sender)
    mail["To"] = _recipient(reader)
    mail["Subject"] = one_line(rendered.subject, 200)
    mail["Date"] = format_datetime(datetime.fromtimestamp(max(notification.at, 0), tz=UTC))
    mail["Message-ID"] = one_line(identity, 250)
    root = thread_root(notification, head.domain)
    if root and root != identity:
        mail["In-Reply-To"] = root
        mail["References"] = root
    if head.reply_to:
        mail["Reply-To"] = Address(addr_spec=head.reply_to)
    mail["List-Id"] = f"<{head.list_id or f'sla.syncd.{head.domain}'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Precedence"] = "bulk"
    for name, value in rendered.headers:
        mail[name] = one_line(value, 900)
    _body(mail, rendered, identity)
    return mail.as_bytes()


def _recipient(reader: Reader) -> Address | Group:
    """The reader as a header shows them. An address that a header cannot hold is left out: the envelope has it."""
    try:
        if reader.address.isascii():
            return Address(one_line(reader.name, 80), addr_spec=reader.address)
    except (HeaderParseError, ValueError, IndexError):
        pass
    return Group("undisclosed-recipients")


def _body(mail: EmailMessage, rendered: Rendered, identity: str) -> None:
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = "multipart/alternative"
    for subtype, text in (("plain", rendered.text), ("html", rendered.html)):
        part = EmailMessage(policy=_POLICY)
        part.set_content(text, subtype=subtype, charset="utf-8", cte=_encoding(text))
        mail.attach(part)
    # `=_` comes up in no encoding that is used here, so no content can hold the boundary.
    mark = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    mail.set_boundary(f"=_syncd_{mark}")


def _encoding(text: str) -> str:
    strange = sum(1 for char in text if char > "~")
    return "base64" if strange * 6 > len(text) else "quoted-printable"
