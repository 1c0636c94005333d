"""The mail server of a history: production's SMTP client over a connection that is none, and what may happen to it.

Every transaction is a line of the journal. What the server took over is kept as it came: who reads mail judges by that.
"""

from __future__ import annotations

import email
import io
import smtplib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from email.policy import default
from typing import Any

from syncd.alerts.mail import MailServer, Smtp
from syncd.sandbox.clock import SandboxClock

DEAD_ADDRESS = "gone@acme.example"
"""Nobody reads there."""

MAIL_FAULTS = (
    "mail_refused_once",
    "mail_greylisted",
    "mail_lost_250",
    "mail_torn_before",
    "mail_421",
    "mail_content_later",
)
"""What may happen to one transaction."""
MAIL_CRASHES = ("crash_before_mail", "crash_after_mail")
MAIL_EVENTS = ("mail_down",)
MAIL_KINDS = (*MAIL_FAULTS, *MAIL_CRASHES, *MAIL_EVENTS)
MORE_MAIL_FAULTS = ("mail_vanishes",)
"""Further ones, apart so that the draws of all other kinds stay as they were."""

LATENCY = 0.05
"""Seconds that one transaction takes."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that the server took over, or was offered. `facts` and `reason`: what its headers say."""

    at: float
    recipient: str
    message_id: str
    reason: str
    facts: tuple[str, ...]
    text: str  # subject and both bodies
    raw: bytes = field(repr=False)


@dataclass(slots=True)
class PostOffice:
    """Everybody's mailbox, and the server before it. `strikes` says whether a kind of fault happens now; `boundary` is
    told of each transaction's beginning and end."""

    clock: SandboxClock
    strikes: Callable[[str], bool]
    boundary: Callable[[str], None]
    note: Callable[[str], None]
    dead: Collection[str] = ()
    is_down: bool = False
    refused: int = 0  # connections
    mails: list[Mail] = field(default_factory=list)
    offered: list[Mail] = field(default_factory=list)  # content that came, whatever became of it
    fates: list[tuple[str, str]] = field(default_factory=list)  # Message-ID and what became of it

    def mailer(self) -> Smtp:
        """What the daemon sends by."""
        return _Wired(self)

    def keep(self, recipient: str, raw: bytes, fate: str) -> None:
        """The content of a mail arrived; `fate`: taken, lost (taken, and nobody is told), gone (as lost to whoever sent
        it, and not taken) or later."""
        read = email.message_from_bytes(raw, policy=default)
        parts = [part.get_content() for kind in ("plain", "html") if (part := read.get_body((kind,))) is not None]
        listed = str(read.get("X-Syncd-Fact", ""))
        mail = Mail(
            at=self.clock.now(),
            recipient=recipient,
            message_id=str(read["Message-ID"]),
            reason=str(read["X-Syncd-Reason"]),
            facts=tuple(fact.strip() for fact in listed.split(",") if fact.strip()),
            text="\n".join([str(read["Subject"]), *map(str, parts)]),
            raw=raw,
        )
        self.offered.append(mail)
        self.fates.append((mail.message_id, "lost" if fate == "gone" else fate))
        if fate not in ("later", "gone"):
            self.mails.append(mail)
        self.note(f"mail to {recipient} {mail.message_id} {mail.reason} {' '.join(mail.facts)}: {fate}")


class _Wired(Smtp):
    """Production's client, but for the socket."""

    def __init__(self, office: PostOffice) -> None:
        super().__init__(MailServer("mail.acme.example", 25, "none", "acme.example"))
        self._office = office

    def _connect(self, timeout: float) -> smtplib.SMTP:
        office = self._office
        office.clock.advance(LATENCY)
        office.boundary("before_mail")
        if office.is_down:
            office.refused += 1
            office.note("mail: the connection is refused")
            raise ConnectionRefusedError
        return _Client(office, timeout)


class _Client(smtplib.SMTP):
    def __init__(self, office: PostOffice, timeout: float) -> None:
        self._office = office
        super().__init__("mail.acme.example", 25, local_hostname="acme.example", timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float | None) -> Any:
        """As smtplib does it, to nowhere."""
        del host, port, timeout
        return _Connection(self._office)


class _Connection:
    """A socket, as far as smtplib uses one, with the server's side of the talk."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office
        self._said = io.BytesIO(b"220 mail.acme.example\r\n")
        self._recipient = ""
        self._content: bytearray | None = None

    def makefile(self, _mode: str) -> _Connection:
        """What is read from."""
        return self

    def readline(self, _limit: int = -1) -> bytes:
        """The server's next line; nothing when the connection is over."""
        return self._said.readline()

    def sendall(self, data: bytes) -> None:
        """What the client says."""
        if self._content is None:
            for line in data.splitlines():
                self._said = io.BytesIO(self._answer(line.decode("ascii")))
            return
        self._content += data
        if self._content.endswith(b"\r\n.\r\n"):
            whole, self._content = bytes(self._content[:-3]), None
            self._said = io.BytesIO(self._take(whole))

    def settimeout(self, _seconds: float) -> None:
        """Nothing takes any time here."""

    def shutdown(self, _how: int) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""

    # ---- the server ----

    def _answer(self, line: str) -> bytes:
        verb = line.partition(":")[0].partition(" ")[0].upper()
        if verb == "RCPT":
            self._recipient = line.partition("<")[2].partition(">")[0]
            return self._known(self._recipient)
        if verb == "DATA":
            if self._office.strikes("mail_torn_before"):
                self._office.note("mail: torn before the content")
                return b""
            self._content = bytearray()
            return b"354 go on\r\n"
        return b"221 bye\r\n" if verb == "QUIT" else b"250 mail.acme.example\r\n"

    def _known(self, recipient: str) -> bytes:
        office = self._office
        answers = (
            ("mail_refused_once", b"550 5.7.1 not from you\r\n"),
            ("mail_greylisted", b"451 4.7.1 greylisted, try again in 60 seconds\r\n"),
            ("mail_421", b"421 4.3.2 closing\r\n"),
        )
        if recipient in office.dead:
            office.note(f"mail: {recipient} is dead")
            return b"550 5.1.1 no such user here\r\n"
        for kind, answer in answers:
            if office.strikes(kind):
                office.note(f"mail: {kind} {recipient}")
                return answer
        return b"250 2.1.5 ok\r\n"

    def _take(self, content: bytes) -> bytes:
        office, raw = self._office, content.replace(b"\r\n..", b"\r\n.")
        if office.strikes("mail_content_later"):
            office.keep(self._recipient, raw, "later")
            return b"452 4.3.1 no space just now\r\n"
        if office.strikes("mail_vanishes"):
            office.keep(self._recipient, raw, "gone")
            return b""
        is_lost = office.strikes("mail_lost_250")
        office.keep(self._recipient, raw, "lost" if is_lost else "taken")
        try:
            office.boundary("after_mail")
        except BaseException:  # the process is gone, and nobody there knows that the mail was taken
            office.fates[-1] = (office.fates[-1][0], "died")
            raise
        return b"" if is_lost else b"250 2.0.0 kept\r\n"
