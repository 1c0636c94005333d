"""Where the demo runs: a pretend Zendesk and Jira on loopback ports, a folder with the shipped config.yaml, syncd."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

import syncd
from syncd.config.load import packaged_mappings
from syncd.sandbox.seed import Seeded, seed
from syncd.sandbox.server import Sandbox

LOG: Final = "syncd.log"
CHECKER: Final = Path(__file__).with_name("checker.py")

_TERM_SECONDS: Final = 15.0
_COMMAND_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.02


CLOCKS_AND_MAIL: Final = """
# What the demo adds: clocks, a rule, and mail for the support leads.
sla:
  calendars:
    always: {{zone: Europe/Berlin, week: always}}
  metrics: {{first_reply: {{}}}}
  holders:
    - {{party: L2, when: {{all: [{{field: group, value: L2}}]}}}}
    - {{party: L1}}
  policies:
    - name: premium support
      when: {{all: [{{field: organization, value: Cobalt Studio}}, {{field: priority, value: urgent}}]}}
      targets:
        first_reply: {{calendar: always, goals: {{any: 10m}}, warn: {{yellow: 50%}}}}
escalation:
  rules:
    - name: nobody answers
      when: {{all: [{{field: clock.first_reply, value: breached}}]}}
      then: [{{ready_note: escalation_form}}]
mail: {{host: 127.0.0.1, port: {port}, tls: none, sender: syncd@helpdesk.example}}
receivers:
  - {{name: leads, to: [support-leads@helpdesk.example], zone: Europe/Berlin}}
"""


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


class Place:
    """The sandbox, the folder and the processes. Use it as a context: everything is gone afterwards, whatever happens.

    `sandbox` runs in threads of this process, and its clock with the real time until it is told otherwise.
    """

    def __init__(self) -> None:
        self.sandbox = Sandbox("cloud")
        self._stack = ExitStack()
        self._daemon: subprocess.Popen[bytes] | None = None
        self._pause = threading.Event()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(_terminated_as_exit())
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="syncd-demo-")))
            stack.enter_context(self.sandbox)
            self.sandbox.mailbox.start()
            self.seeded: Seeded = seed(self.sandbox, cases=False)
            self.environment = {
                "ZENDESK_URL": self.seeded.zendesk_url,
                "ZENDESK_CLIENT_SECRET": self.seeded.client_secret,
                "JIRA_URL": self.seeded.jira_url,
                "JIRA_EMAIL": self.seeded.jira_email,
                "JIRA_TOKEN": self.seeded.jira_token,
            }
            self.config = self.folder / "config.yaml"
            more = CLOCKS_AND_MAIL.format(port=self.sandbox.mailbox.port)
            self.config.write_text(_shipped_config().read_text(encoding="utf-8") + more, encoding="utf-8")
            shutil.copytree(packaged_mappings(), self.folder / "mappings")
            stack.callback(self.stop_daemon)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    # syncd

    def command(self, *arguments: str) -> list[str]:
        """The installed command with this configuration."""
        return [str(_entry_point()), "--config", str(self.config), *arguments]

    def syncd(self, *arguments: str, meanwhile: Callable[[], None] = lambda: None) -> tuple[int, str]:
        """Runs a verb as an operator does; its exit code and everything it said. `meanwhile` is called until it ends.

        Raises `DemoFailed` when it does not end.
        """
        with tempfile.TemporaryFile() as said:
            command = subprocess.Popen(  # noqa: S603 - our own command, no shell
                self.command(*arguments),
                cwd=self.folder,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            try:
                if not self.wait(lambda: _ended(command, meanwhile), _COMMAND_SECONDS):
                    raise DemoFailed(f"syncd {arguments[0]} did not end within {_COMMAND_SECONDS:.0f} s")
            finally:
                if command.poll() is None:
                    command.kill()
                command.wait()
            said.seek(0)
            return command.returncode, said.read().decode("utf-8", "replace")

    def start_daemon(self) -> None:
        """Starts `syncd run` on the sandbox's clock."""
        with (self.folder / LOG).open("ab") as log, _END.put_off():
            self._daemon = subprocess.Popen(  # noqa: S603 - as above
                self.command("run", "--clock", self.seeded.control_url),
                cwd=self.folder,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def daemon_ended(self) -> int | None:
        """The daemon's exit code, None while it runs."""
        return self._daemon.poll() if self._daemon is not None else None

    def stop_daemon(self) -> int | None:
        """Asks the daemon to end, and makes it end when it does not; its exit code, None when there was none."""
        daemon, self._daemon = self._daemon, None
        if daemon is None:
            return None
        if daemon.poll() is None:
            daemon.terminate()
        try:
            return daemon.wait(_TERM_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            raise DemoFailed(f"the daemon did not end within {_TERM_SECONDS:.0f} s of SIGTERM") from None

    def log_tail(self, lines: int = 30) -> list[str]:
        """The newest lines of the daemon's log."""
        log = self.folder / LOG
        return log.read_text("utf-8", "replace").splitlines()[-lines:] if log.exists() else []

    def _environ(self) -> dict[str, str]:
        # A proxy of the machine is not for loopback; what a command prints goes through us and is not coloured.
        ours = {"NO_PROXY": "*", "no_proxy": "*", "NO_COLOR": "1", "COLUMNS": "120", "PYTHONUNBUFFERED": "1"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SYNCD_")}
        return {**inherited, **self.environment, **ours}

    # Waiting

    def wait(self, until: Callable[[], bool], seconds: float, *, every: float = _LOOK_SECONDS) -> bool:
        """Looks again and again until it is so; False when it is not within this many real seconds.

        Raises `DemoFailed` when the daemon ends meanwhile.
        """
        limit = time.monotonic() + seconds
        while not until():
            code = self.daemon_ended()
            if code is not None:
                raise DemoFailed(f"the daemon ended with exit code {code}")
            if time.monotonic() > limit:
                return False
            self._pause.wait(every)
        return True

    # The checker

    def verdict(self, scenes: Iterable[str]) -> tuple[bool, list[str]]:
        """Whether the checker agrees with what the sandbox has now that these scenes were played, and its lines."""
        state, journal = self.folder / "state.json", self.folder / "journal.json"
        seen = {**self.sandbox.state(), "mails": self.sandbox.mailbox.mails()}
        state.write_text(json.dumps(seen, default=str), encoding="utf-8")
        entries = self.sandbox.ctx.journal.entries()
        journal.write_text(json.dumps({"entries": entries}, default=str), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - our own script, no shell
            [sys.executable, "-I", str(CHECKER), str(state), str(journal), *scenes],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        return done.returncode == 0, done.stdout.decode("utf-8", "replace").splitlines()


def _ended(command: subprocess.Popen[bytes], meanwhile: Callable[[], None]) -> bool:
    meanwhile()
    return command.poll() is not None


def _entry_point() -> Path:
    """The command that was installed with this Python."""
    command = Path(sys.executable).with_name("syncd")
    found = str(command) if command.exists() else shutil.which("syncd")
    if found is None:
        raise DemoFailed("the command syncd is not installed beside this Python: run make venv")
    return Path(found)


def _shipped_config() -> Path:
    package = Path(syncd.__file__).parent
    for candidate in (package / "_config.yaml", package.parent / "config.yaml"):
        if candidate.is_file():
            return candidate
    raise DemoFailed("config.yaml, which comes with syncd, is not there: run the demo from syncd's own folder")


class _End:
    """The demo's end by a signal, which must not come between a process and the place where it is remembered."""

    def __init__(self) -> None:
        self._waits = self._asked = False

    def come(self) -> None:
        """Ends the demo, now or when it may."""
        self._asked = True
        if not self._waits:
            raise SystemExit(128 + signal.SIGTERM)

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """No end within."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
        if self._asked:
            raise SystemExit(128 + signal.SIGTERM)


_END: Final = _End()


@contextmanager
def _terminated_as_exit() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, so that nothing is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        _END.come()

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
