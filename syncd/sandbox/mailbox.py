"""A mail server that keeps what it is given, and fails on request. Real SMTP on loopback (aiosmtpd).

Faults, as switches that `set_switches` takes:

    lost_250      so many next mails are kept, and the connection ends before the answer
    drop_before   so many next transactions end with the connection before the content, and nothing is kept
    greylist      so many first tries of each recipient are answered 451
    dead          recipients that are answered 550
    reject        the answer to every mail's content, such as "554 5.6.0 no"; "" = none
    refuse_login  every sign-in is answered 535
    slow          real seconds before the answer to a mail's content
    down          nobody listens
"""

from __future__ import annotations

import asyncio
import email
import ssl
import threading
from concurrent.futures import Future
from email.message import EmailMessage
from email.policy import default
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from syncd.sandbox.clock import SandboxClock

NONE: Final[dict[str, Any]] = {
    "lost_250": 0,
    "drop_before": 0,
    "greylist": 0,
    "dead": [],
    "reject": "",
    "refuse_login": False,
    "slow": 0.0,
    "down": False,
}
"""No faults. The types are those of the values."""


class Mailbox:
    """Keeps mails of everybody. `tls`: offers STARTTLS with it, or with `implicit` speaks TLS from the first byte.
    `user` and `password`: nobody may send without signing in so. Methods may be called from any thread."""

    def __init__(
        self,
        clock: SandboxClock,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        user: str = "",
        password: str = "",
    ) -> None:
        self._clock = clock
        self._tls = tls
        self._implicit = implicit
        self._login = (user, password)
        self._lock = threading.Lock()
        self._mails: list[dict[str, Any]] = []
        self._tries: dict[str, int] = {}
        self._switches = dict(NONE)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self.host = "127.0.0.1"
        self.port = 0

    # ---- running -------------------------------------------------------------------------------------------------

    def start(self, port: int = 0) -> None:
        """Listens on loopback; port 0 takes a free one, which `port` then holds."""
        if self._thread is not None:
            raise RuntimeError("the mailbox is already running")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = port
        try:
            self._wait(self._listen())
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops listening; the mails stay."""
        if self._loop is None or self._thread is None:
            return
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()
        self._loop, self._thread = None, None

    @property
    def is_running(self) -> bool:
        """Between start and stop, also while it is `down`."""
        return self._thread is not None

    def _wait(self, work: Any) -> None:
        if self._loop is not None:
            done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
            done.result(timeout=10)

    async def _listen(self) -> None:
        if self._server is None:
            loop = asyncio.get_running_loop()
            wrapped = self._tls if self._implicit else None
            self._server = await loop.create_server(self._session, self.host, self.port, ssl=wrapped)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end(self) -> None:
        await self._close()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _session(self) -> SMTP:
        return SMTP(
            _Handler(self),
            hostname="mail.sandbox.example",
            ident="sandbox",
            tls_context=None if self._implicit else self._tls,
            auth_require_tls=self._tls is not None and not self._implicit,
            authenticator=self._authenticate,
            loop=self._loop,
        )

    def _authenticate(
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd passes it, as the next three
        session: Session,  # noqa: ARG002
        envelope: Envelope,  # noqa: ARG002
        mechanism: str,  # noqa: ARG002
        auth_data: Any,
    ) -> AuthResult:
        given = auth_data if isinstance(auth_data, LoginPassword) else LoginPassword(b"", b"")
        right = (given.login.decode(), given.password.decode()) == self._login and bool(self._login[0])
        return AuthResult(success=right and not self.switches()["refuse_login"], handled=False, auth_data=given)

    # ---- what tests and people ask for ---------------------------------------------------------------------------

    def mails(self, since: int = 0) -> list[dict[str, Any]]:
        """Mails with a number above `since`, oldest first: n, at (sandbox time), sender, recipient, message_id,
        subject, headers, text, html, raw (as it came), tls, user."""
        with self._lock:
            return [dict(mail) for mail in self._mails if mail["n"] > since]

    def clear(self) -> None:
        """Forgets all mails and who was greylisted."""
        with self._lock:
            self._mails.clear()
            self._tries.clear()

    def switches(self) -> dict[str, Any]:
        """How the faults stand; counting ones go down as they strike."""
        with self._lock:
            return dict(self._switches)

    def set_switches(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Changes some faults and returns all. Raises ValueError for one that is not known, TypeError for a
        value of another type."""
        for name, value in changes.items():
            if name not in NONE:
                raise ValueError(f"the mailbox knows no fault {name!r}; there are {', '.join(NONE)}")
            wanted = (int, float) if isinstance(NONE[name], float) else type(NONE[name])
            if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(NONE[name], bool)):
                raise TypeError(f"{name} is a {type(NONE[name]).__name__}")
        with self._lock:
            self._switches.update(changes)
        if "down" in changes and self.is_running:
            self._wait(self._close() if changes["down"] else self._listen())
        return self.switches()

    # ---- what the handler asks for -------------------------------------------------------------------------------

    def strikes(self, fault: str) -> bool:
        """Whether a counting fault strikes now; it is used up by one."""
        with self._lock:
            if self._switches[fault] <= 0:
                return False
            self._switches[fault] -= 1
            return True

    def knows(self, session: Session) -> bool:
        """Whether the session may send: nobody needs to sign in here, or it did."""
        return not self._login[0] or bool(session.authenticated)

    def first_tries(self, recipient: str) -> bool:
        """Whether this try is still one of the greylisted ones."""
        with self._lock:
            self._tries[recipient] = self._tries.get(recipient, 0) + 1
            return bool(self._tries[recipient] <= self._switches["greylist"])

    def keep(self, session: Session, envelope: Envelope) -> None:
        """Stores the mail for each of its recipients."""
        raw = envelope.original_content or b""
        mail = email.message_from_bytes(raw, policy=default)
        signed_in: Any = session.auth_data  # aiosmtpd declares it as always None
        user = signed_in.login.decode() if isinstance(signed_in, LoginPassword) else ""
        for recipient in envelope.rcpt_tos:
            with self._lock:
                number = self._mails[-1]["n"] + 1 if self._mails else 1
                self._mails.append(
                    {
                        "n": number,
                        "at": self._clock.now(),
                        "sender": envelope.mail_from,
                        "recipient": recipient,
                        "message_id": str(mail.get("Message-ID", "")),
                        "subject": str(mail.get("Subject", "")),
                        "headers": [[name, str(value)] for name, value in mail.items()],
                        "text": _part(mail, "plain"),
                        "html": _part(mail, "html"),
                        "raw": raw.decode("utf-8", "replace"),
                        "tls": session.ssl is not None or self._implicit,
                        "user": user,
                    }
                )


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


class _Handler:
    """One session's hooks; the names are aiosmtpd's."""

    def __init__(self, box: Mailbox) -> None:
        self._box = box

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Whether the recipient is known here."""
        if not self._box.knows(session):
            return "530 5.7.0 sign in first"
        if address.lower() in [each.lower() for each in self._box.switches()["dead"]]:
            return "550 5.1.1 no such user here"
        if self._box.first_tries(address.lower()):
            return "451 4.7.1 greylisted, try again in 60 seconds"
        if self._box.strikes("drop_before"):
            _hang_up(server)
            return "421 4.3.2 closing"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Takes the mail over, or says why not."""
        switches = self._box.switches()
        if switches["slow"]:
            await asyncio.sleep(switches["slow"])
        if switches["reject"]:
            return str(switches["reject"])
        self._box.keep(session, envelope)
        if self._box.strikes("lost_250"):
            _hang_up(server)
        return "250 2.0.0 kept"


def _hang_up(server: SMTP) -> None:
    """Ends the connection; what is said afterwards reaches nobody."""
    if server.transport is not None:
        server.transport.close()
