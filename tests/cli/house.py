"""A pretend Zendesk and Jira on loopback, a folder with a configuration, and syncd as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from click.testing import CliRunner

from syncd.cli import main
from syncd.core.model import Link, LinkState
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.seed import CLIENT_SECRET, JIRA_EMAIL, JIRA_TOKEN, READER_CLIENT_SECRET, WRITER_API_TOKEN, seed
from syncd.sandbox.server import Sandbox
from syncd.store import Heartbeat, Store, StoreMissing

ROOT = Path(__file__).resolve().parents[2]
Deployment = Literal["cloud", "data_center"]
T = TypeVar("T")

CONFIG = """
zendesk:
  base_url: {zendesk}
  auth: {zendesk_auth}
jira:
  base_url: {jira}
  auth: {jira_auth}
store: {{url: "sqlite:///{store}"}}
poll: {{fast: 1s, complete: 2s, census: 1m, versions: 1m}}
routes:
{routes}
log: {{format: json, level: info}}
"""
OAUTH = "{oauth: {client_id: syncd, client_secret_env: ZENDESK_CLIENT_SECRET}}"
MIRROR = "{bug: Engineering bug, status: Engineering status, sync_state: Sync state}"
NOVA = f"  - {{name: nova, project: NOVA, mapping: default, mirror: {MIRROR}}}\n"
OPS = f"  - {{name: ops, project: OPS, mapping: simple, mirror: {MIRROR}}}\n"
SECRETS = {
    "ZENDESK_CLIENT_SECRET": CLIENT_SECRET,
    "ZENDESK_READER_SECRET": READER_CLIENT_SECRET,
    "ZENDESK_TOKEN": WRITER_API_TOKEN,
    "JIRA_TOKEN": JIRA_TOKEN,
}


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer for machines."""
        return json.loads(self.out)


def until(ready: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """Looks again and again until there is an answer; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        found = ready()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        pause.wait(0.05)


class House:
    """One installation. Every command gets the configuration of `config` and the secrets in its environment."""

    def __init__(self, folder: Path, deployment: Deployment = "cloud", *, cases: bool = False) -> None:
        self.folder = folder
        self.deployment = deployment
        self.sandbox = Sandbox(deployment, clock=SandboxClock())
        self.sandbox.start()
        self.seeded = seed(self.sandbox, cases=cases)
        self.config = folder / "config.yaml"
        self.environ = dict(SECRETS)
        self.agent = self.seeded.agents["Priya Nair"]
        self.customer = self.seeded.customers["Ines Duarte"]
        self.developer = self.seeded.developers["Hana Sato"]
        self.configure()

    def close(self) -> None:
        """Stops serving."""
        self.sandbox.stop()

    def configure(self, *, routes: str = NOVA + OPS, zendesk_auth: str = OAUTH, more: str = "", **changes: str) -> None:
        """Writes config.yaml; `changes` are its addresses: zendesk, jira, store."""
        cloud = f"{{api_token: {{email: {JIRA_EMAIL}, token_env: JIRA_TOKEN}}}}"
        values = {
            "zendesk": self.sandbox.zendesk_url,
            "jira": self.sandbox.jira_url,
            "store": str(self.folder / "syncd.db"),
            **changes,
        }
        text = CONFIG.format(
            zendesk_auth=zendesk_auth,
            jira_auth=cloud if self.deployment == "cloud" else "{pat: {token_env: JIRA_TOKEN}}",
            routes=routes,
            **values,
        )
        self.config.write_text(text + more, encoding="utf-8")

    # ---- commands ----

    def syncd(self, *args: str | int | Path, config: bool = True) -> Said:
        """A command in this process."""
        words = [str(arg) for arg in args]
        if config:
            words += ["--config", str(self.config)]
        result = CliRunner().invoke(main, words, env={"COLUMNS": "200", **self.environ})
        return Said(result.exit_code, result.stdout, result.stderr)

    def fine(self, *args: str | int | Path) -> Said:
        """A command that must end with 0."""
        said = self.syncd(*args)
        assert said.code == 0, said
        return said

    def well(self, *args: str) -> Said:
        """What `status --health` says when it says that all is well: on a slow machine a cycle outlasts its polls."""
        return until(lambda: said if (said := self.syncd("status", "--health", *args)).code == 0 else None, "health")

    @contextmanager
    def daemon(self, *args: str, environ: dict[str, str] | None = None) -> Iterator[Process]:
        """`syncd run` in a process of its own, up and through its first cycle; killed at the end if need be."""
        process = self.start("run", *args, environ=environ)
        try:
            process.wait_for_cycle()
            yield process
        finally:
            process.kill()

    def start(self, *args: str, environ: dict[str, str] | None = None) -> Process:
        """Any command in a process of its own."""
        return Process(self, [*args, "--config", str(self.config)], environ or {})

    # ---- people ----

    def ticket(self, status: str = "open") -> int:
        """A customer writes, an agent answers and leaves the ticket in `status`."""
        zendesk = self.sandbox.zendesk
        ticket: int = zendesk.create_ticket(actor=self.customer, subject="It does not work", body="Help!")
        zendesk.agent_replies(ticket=ticket, actor=self.agent, body="We look into it.", status=status)
        return ticket

    def bug(self, status: str = "To Do", project: str = "NOVA") -> str:
        """A developer's bug in `status`."""
        key: str = self.sandbox.jira.create_issue(self.developer, project, "A bug")
        if status != "To Do":
            self.sandbox.jira.force_status(self.developer, key, status, None)
        return key

    def pair(self, status: str = "open") -> tuple[int, str]:
        """A ticket whose field names a bug."""
        ticket, key = self.ticket(status), self.bug()
        self.sandbox.zendesk.set_field(ticket=ticket, actor=self.agent, field="Engineering bug", value=key)
        return ticket, key

    def moves(self, key: str, status: str, resolution: str | None = None) -> None:
        """The developer puts the bug into a status."""
        self.sandbox.jira.force_status(self.developer, key, status, resolution)

    # ---- what is there now ----

    @property
    def store_file(self) -> Path:
        """Where the store is."""
        return self.folder / "syncd.db"

    def status(self, ticket: int) -> str:
        """The ticket's status as Zendesk has it."""
        return str(self.sandbox.zendesk.ticket_state(ticket=ticket)["status"])

    def store(self) -> Store:
        """The store, to look into."""
        return Store.open(f"sqlite:///{self.store_file}", create=False, check=False)

    def heartbeat(self) -> Heartbeat | None:
        """The last cycle that ended."""
        if not self.store_file.exists():
            return None
        try:
            with self.store() as store, store.reading() as tx:
                return tx.last_heartbeat()
        except StoreMissing:
            return None  # the file is there, its tables are being made

    def links(self) -> list[Link]:
        """The links that live."""
        with self.store() as store, store.reading() as tx:
            return [link for link in tx.all_links(limit=None) if link.state is not LinkState.RETIRED]

    def writes(self) -> list[dict[str, Any]]:
        """The journal's writes by syncd; tokens and searches are none."""
        return [
            entry
            for entry in self.sandbox.ctx.journal.entries(0)
            if entry["method"] in ("POST", "PUT", "DELETE")
            and not any(part in entry["path"] for part in ("/oauth/", "/search", "/bulkfetch", "/workflows"))
        ]


class Process:
    """A syncd in a process of its own, with what it wrote."""

    def __init__(self, house: House, words: list[str], environ: dict[str, str]) -> None:
        self._house = house
        self.log = house.folder / f"out-{len(list(house.folder.glob('out-*')))}"
        self._errors = self.log.with_name(self.log.name.replace("out-", "err-"))
        base = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        self._cycle_before = beat.cycle if (beat := house.heartbeat()) else 0
        with self.log.open("w") as out, self._errors.open("w") as err:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "syncd", *words],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                cwd=house.folder,
                env={**base, "PYTHONPATH": str(ROOT), **house.environ, **environ},
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def out(self) -> str:
        """What it wrote to standard output so far."""
        return self.log.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it wrote to standard error so far."""
        return self._errors.read_text(encoding="utf-8")

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """The lines of the log, or those with this message."""
        found = [json.loads(line) for line in self.out.splitlines() if line.endswith("}")]
        return [line for line in found if not message or line["message"] == message]

    def wait_for_cycle(self, more: int = 1) -> Heartbeat:
        """Until so many cycles ended since the process began, or since the last such wait."""

        def ended() -> Heartbeat | None:
            assert self._process.poll() is None, f"it ended with {self._process.returncode}: {self.err}{self.out}"
            beat = self._house.heartbeat()
            return beat if beat is not None and beat.cycle >= self._cycle_before + more else None

        beat = until(ended, "a cycle")
        self._cycle_before = beat.cycle
        return beat

    def wait_for_line(self, message: str) -> dict[str, Any]:
        """Until the log has a line with this message; the last such line."""
        return until(lambda: self.lines(message), f"the log line {message}")[-1]

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM, and its exit code."""
        self.send(signal.SIGTERM)
        return self._process.wait(timeout=seconds)

    def wait(self, seconds: float = 30.0) -> int:
        """Its exit code, when it ends by itself."""
        return self._process.wait(timeout=seconds)

    def kill(self) -> None:
        """Ends it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(timeout=10)
