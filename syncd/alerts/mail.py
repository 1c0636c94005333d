"""SMTP: one connection and one transaction for each mail, and an honest answer about what became of it.

Between the final dot and the server's 250 nobody can know whether a mail was taken over
(https://www.rfc-editor.org/rfc/rfc1047); such a try is UNKNOWN, and the mail is to be sent once more, byte for byte, as
receivers drop what has a Message-ID that they know. What the server says before is a definite yes or no. RFC 5321
(https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2) asks for ten minutes of patience; the default is shorter, as
the service manager takes a daemon that waits so long for one that hangs.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Protocol

from syncd.alerts.letter import Letterhead, write_letter
from syncd.alerts.message import Notification, Reader
from syncd.alerts.plain import one_line
from syncd.alerts.ports import Fate, Outcome, Parcel
from syncd.alerts.render import Renderer
from syncd.config.secret import Secret, SecretError

LEAST: Final = 5.0  # seconds for what comes before the content, however few are left
GREYLISTED: Final = 120.0  # seconds until another try makes sense, when the server does not say
_SETUP_CODES: Final = frozenset({502, 503, 530, 534, 535, 538})  # a 5xx that says nothing about this mail
_WAIT: Final = re.compile(r"\b(\d{1,4})\s*(s|sec|second|m|min|minute)s?\b", re.IGNORECASE)


class MailProblem(Exception):
    """The mail server cannot be used as configured, or not now. The sentence holds no secret."""

    def __init__(self, sentence: str, code: int | None = None, *, mend: bool = True) -> None:
        super().__init__(sentence)
        self.code = code
        self.mend = mend  # True: somebody must change something; False: it may be gone in a minute


class Stage(StrEnum):
    """How far a transaction came."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"
    CONTENT = "content"  # the final dot was sent


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes out. Times in seconds."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    domain: str  # by which we greet the server
    username: str = ""
    password: Secret | None = None
    ca_file: Path | None = None  # certificates to trust instead of the system's
    timeout: float = 30.0  # of silence in any step before the content
    final_timeout: float = 90.0  # for the answer to the content


class Mailer(Protocol):
    """Hands one mail to one recipient."""

    def send(self, message: bytes, sender: str, recipient: str, *, seconds: float) -> Outcome:
        """Once. `seconds`, a few at least, bound what comes before the content; the answer to the content is waited for
        longer, as giving up there makes the mail go out twice. Raises nothing that a server or a network can cause."""
        ...


def judge(stage: Stage, code: int, said: str) -> Outcome | None:
    """What a server's answer means for the mail; None when the transaction goes on."""
    if stage is Stage.CONTENT and 200 <= code < 300:
        return Outcome(Fate.SENT, said, code)
    if (200 <= code < 300 and stage is not Stage.DATA) or (code == 354 and stage is Stage.DATA):
        return None
    about_the_mail = stage is not Stage.SENDER and code not in _SETUP_CODES
    if 500 <= code < 600 and about_the_mail:
        return Outcome(Fate.DEAD, said, code)
    return Outcome(Fate.RETRY, said, code, _after(stage, code, said))


def _after(stage: Stage, code: int, said: str) -> float | None:
    """Greylisting means minutes; a server that names them is believed."""
    if not 400 <= code < 500 or code == 421:
        return None
    named = _WAIT.search(said)
    if named:
        return float(named[1]) * (60 if named[2].lower().startswith("m") else 1)
    return GREYLISTED if stage is Stage.RECIPIENT else None


class Smtp:
    """The Mailer over SMTP. Safe for several threads: nothing is kept between two mails."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def send(self, message: bytes, sender: str, recipient: str, *, seconds: float) -> Outcome:
        """As Mailer has it."""
        try:
            with self._session(max(seconds, LEAST)) as (client, guard):
                return self._transaction(client, guard, message, sender, recipient)
        except MailProblem as problem:
            return Outcome(Fate.RETRY, str(problem), problem.code)

    def probe(self, seconds: float = 30.0) -> str:
        """Connects, starts TLS and signs in, and sends no mail; returns how, for people. Raises MailProblem."""
        with self._session(seconds) as (client, _):
            with _told(self, client):
                code, said = client.noop()
            if code != 250:
                raise MailProblem(f"{self.name} answered {code} {self.clean(said)}", code, mend=False)
        how = {"starttls": "STARTTLS", "tls": "TLS", "none": "no encryption"}[self._server.tls]
        signed = f"signed in as {self._server.username}" if self._server.username else "no sign-in"
        return f"mail server {self.name}: {how}, {signed}"

    @property
    def name(self) -> str:
        """host:port, for sentences."""
        return f"{self._server.host}:{self._server.port}"

    # ---- the connection ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _session(self, seconds: float) -> Iterator[tuple[smtplib.SMTP, _Guard]]:
        """A client that may send; raises MailProblem. Whatever a server does, it ends after `seconds`, unless the guard
        is told to wait longer."""
        deadline = time.monotonic() + seconds
        with _told(self, None):
            client = self._connect(min(self._server.timeout, seconds))
        guard = _Guard(client)
        guard.allow(max(deadline - time.monotonic(), 0.0))
        try:
            with _told(self, client):
                self._greet(client)
            yield client, guard
        finally:
            guard.end()
            _leave(client)

    def _connect(self, timeout: float) -> smtplib.SMTP:
        server = self._server
        if server.tls == "tls":
            return smtplib.SMTP_SSL(
                server.host, server.port, local_hostname=server.domain, timeout=timeout, context=self._context()
            )
        return smtplib.SMTP(server.host, server.port, local_hostname=server.domain, timeout=timeout)

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=str(self._server.ca_file) if self._server.ca_file else None)
        except OSError:
            raise MailProblem(f"{self._server.ca_file} holds no certificates that can be read.") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _greet(self, client: smtplib.SMTP) -> None:
        server = self._server
        client.ehlo_or_helo_if_needed()
        if server.tls == "starttls":
            if not client.has_extn("starttls"):
                raise MailProblem(f"{self.name} offers no STARTTLS: nothing was sent. Check mail.tls and mail.port.")
            code, said = client.starttls(context=self._context())
            if code != 220:
                raise MailProblem(f"{self.name} refused STARTTLS: {code} {self.clean(said)}", code, mend=False)
            client.ehlo()
        if server.username and server.password is not None:
            client.login(server.username, server.password.reveal())

    def clean(self, said: bytes | str) -> str:
        """What the server said, on one line, without our secret in it."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        if self._server.password is not None:
            with contextlib.suppress(SecretError):
                text = text.replace(self._server.password.reveal(), "…")
        return one_line(text, 200)

    # ---- the transaction -----------------------------------------------------------------------------------------

    def _transaction(self, client: smtplib.SMTP, guard: _Guard, message: bytes, sender: str, recipient: str) -> Outcome:
        steps: tuple[tuple[Stage, Callable[[], tuple[int, bytes]]], ...] = (
            (Stage.SENDER, lambda: client.mail(sender)),
            (Stage.RECIPIENT, lambda: client.rcpt(recipient)),
            (Stage.DATA, lambda: client.docmd("DATA")),
        )
        try:
            for stage, answer in steps:
                code, said = answer()
                outcome = judge(stage, code, self.clean(said))
                if outcome is not None:
                    return outcome
            guard.allow(self._server.final_timeout)
            if client.sock is not None:
                client.sock.settimeout(self._server.final_timeout)
            client.send(_on_the_wire(message))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # The final dot cannot have left: it is at the end of what failed.
            return Outcome(Fate.RETRY, f"{self.name}: {_reason(error)}")
        try:
            code, said = client.getreply()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Outcome(Fate.UNKNOWN, f"{self.name} took the mail and did not answer: {_reason(error)}")
        return judge(Stage.CONTENT, code, self.clean(said)) or Outcome(Fate.UNKNOWN, self.clean(said), code)


@contextlib.contextmanager
def _told(mailer: Smtp, client: smtplib.SMTP | None) -> Iterator[None]:
    """What goes wrong before a transaction, as a MailProblem. The causes are left out: some hold what was sent."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        said = mailer.clean(error.smtp_error)
        sentence = f"{mailer.name} does not accept the user name and password: {error.smtp_code} {said}"
        raise MailProblem(sentence, error.smtp_code, mend=error.smtp_code != 454) from None
    except smtplib.SMTPResponseException as error:
        said = mailer.clean(error.smtp_error)
        raise MailProblem(f"{mailer.name}: {error.smtp_code} {said}", error.smtp_code, mend=False) from None
    except smtplib.SMTPNotSupportedError:
        raise MailProblem(f"{mailer.name} offers no way to sign in: nothing was sent.") from None
    except SecretError as error:
        raise MailProblem(str(error)) from None
    except ssl.SSLCertVerificationError as error:
        sentence = f"the certificate of {mailer.name} cannot be trusted ({one_line(error.verify_message, 120)})"
        raise MailProblem(f"{sentence}: nothing was sent.") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        where = mailer.name if client is None else f"{mailer.name} broke off"
        raise MailProblem(f"{where}: {_reason(error)}", mend=False) from None


def _reason(error: Exception) -> str:
    """The kind of failure, without anything that was sent."""
    match error:
        case ConnectionRefusedError():
            return "the connection was refused"
        case TimeoutError():
            return "no answer in time"
        case smtplib.SMTPServerDisconnected() if "timed out" in str(error):
            return "no answer in time"
        case socket.gaierror():
            return "the name of the server is not known"
        case smtplib.SMTPServerDisconnected() | ConnectionError():
            return "the connection was lost"
        case ssl.SSLError():
            return f"no TLS connection ({one_line(error.reason or 'unknown', 60)})"
        case OSError():
            return one_line(error.strerror or type(error).__name__, 120)
        case _:
            return type(error).__name__


def _on_the_wire(message: bytes) -> bytes:
    """CRLF line ends, dots doubled at the beginning of lines, and the final dot. RFC 5321 4.5.2"""
    lines = re.sub(rb"\r\n|\n|\r", b"\r\n", message)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


class _Guard:
    """Ends the connection when the time is up, whatever the server does: a timeout of the socket begins anew with every
    byte."""

    def __init__(self, client: smtplib.SMTP) -> None:
        self._client = client
        self._timer: threading.Timer | None = None

    def allow(self, seconds: float) -> None:
        """So many from now on."""
        self.end()
        self._timer = threading.Timer(seconds, self._cut_off)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """No need any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _cut_off(self) -> None:
        """Wakes the thread that waits; past SSLSocket, whose own way would let go of the session meanwhile."""
        if self._client.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._client.sock, socket.SHUT_RDWR)


def _leave(client: smtplib.SMTP) -> None:
    """QUIT when that can be said quickly; what comes of it changes nothing any more."""
    with contextlib.suppress(smtplib.SMTPException, OSError, ValueError):
        if client.sock is not None:
            client.sock.settimeout(2.0)
            client.quit()
    client.close()


class MailChannel:
    """The channel `mail` of the pipeline."""

    name = "mail"

    def __init__(self, head: Letterhead, renderer: Renderer, mailer: Mailer) -> None:
        self._head = head
        self._renderer = renderer
        self._mailer = mailer

    def compose(self, notification: Notification, reader: Reader, message_id: str) -> bytes:
        """The mail as bytes."""
        rendered = self._renderer.render(notification, reader)
        return write_letter(notification, rendered, reader, self._head, message_id)

    def deliver(self, parcel: Parcel, *, seconds: float) -> Outcome:
        """Hands it to the mail server."""
        return self._mailer.send(parcel.content, self._head.sender, parcel.address, seconds=seconds)
