"""A desk, a tracker and the engine between them, in one process on a frozen clock: what the stories are played on.

Everything is production code but the network: requests go to the sandbox's applications in this process.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from syncd.alerts.mail import Mailer
from syncd.app.build import App
from syncd.config.load import load_config
from syncd.core.model import Link, LinkState
from syncd.cycle import CycleReport
from syncd.cycle.sla_settings import SlaSettings
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.inprocess import WsgiAdapter
from syncd.sandbox.seed import CLIENT_SECRET, JIRA_EMAIL, JIRA_TOKEN, seed
from syncd.sandbox.server import JIRA_TEST_URL, ZENDESK_TEST_URL, Sandbox
from syncd.store import Store

Deployment = Literal["cloud", "data_center"]
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC).timestamp()  # a Monday

CONFIG = """
zendesk:
  base_url: http://127.0.0.1:1
  auth: {{oauth: {{client_id: syncd, client_secret_env: ZENDESK_SECRET}}}}
jira:
  base_url: http://127.0.0.1:2
  site_url: https://jira.example
  auth: {jira_auth}
store: {{url: "sqlite:///{store}"}}
routes:
{routes}
{more}
"""

MIRROR = (
    "{bug: Engineering bug, status: Engineering status, assignee: Engineering assignee, "
    "fix_version: Engineering fix version, due_date: Engineering due date, sync_state: Sync state}"
)
NOVA = f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}}}\n"
OPS = f"  - {{name: operations, project: OPS, mapping: simple, mirror: {MIRROR}}}\n"


class LabClock:
    """The sandbox's frozen clock as the engine's."""

    rate = 1.0

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """The sandbox's present."""
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def monotonic(self) -> float:
        """Seconds of sandbox time."""
        return self._clock.now() - START


@functools.cache
def empty_store() -> bytes:
    """A store with all tables and no row, made once per process: its migrations take as long as many a scenario."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        with Store.open(f"sqlite:///{file}") as store:
            store.checkpoint()
        return file.read_bytes()


class Crash(BaseException):
    """The process dies here: nothing catches it, nothing is cleaned up."""


class Lab:
    """Plays people and runs cycles. `cycle()` moves the clock by a fast poll and makes one step."""

    def __init__(
        self,
        folder: Path,
        deployment: Deployment = "cloud",
        *,
        routes: str = NOVA + OPS,
        more: str = "",
        mapping: str | None = None,
        accept: bool = True,
        sla: SlaSettings | None = None,
        mailer: Mailer | None = None,
    ) -> None:
        self.sla = sla
        self.mailer = mailer
        self.folder = folder
        self.deployment = deployment
        self.sandbox = Sandbox(deployment, clock=SandboxClock(START, frozen=True))
        self.seeded = seed(self.sandbox, cases=False)
        self.clock = LabClock(self.sandbox.clock)
        folder.mkdir(parents=True, exist_ok=True)
        if mapping is not None:
            (folder / "mappings").mkdir(exist_ok=True)
            (folder / "mappings" / "default.yaml").write_text(mapping, encoding="utf-8")
        cloud = f"{{api_token: {{email: {JIRA_EMAIL}, token_env: JIRA_TOKEN}}}}"
        text = CONFIG.format(
            jira_auth=cloud if deployment == "cloud" else "{pat: {token_env: JIRA_TOKEN}}",
            store=folder / "syncd.db",
            routes=routes,
            more=more,
        )
        (folder / "config.yaml").write_text(text, encoding="utf-8")
        self.agent = self.seeded.agents["Priya Nair"]
        self.customer = self.seeded.customers["Ines Duarte"]
        self.developer = self.seeded.developers["Hana Sato"]
        self.reports: list[CycleReport] = []
        self.environ = {"ZENDESK_SECRET": CLIENT_SECRET, "JIRA_TOKEN": JIRA_TOKEN}
        self.prepare()
        self.app = self._start()
        self._accept_first = accept

    def prepare(self) -> None:
        """What has to be there before the daemon starts; for labs that need more than the seed."""

    # ---- the daemon ----

    def _start(self) -> App:
        loaded = load_config(self.folder / "config.yaml", self.environ)
        file = self.folder / "syncd.db"
        if not file.exists():
            file.write_bytes(empty_store())
        store = Store.open(f"sqlite:///{file}")
        apps = {
            "http://127.0.0.1:1": self.sandbox.apps()[ZENDESK_TEST_URL],
            "http://127.0.0.1:2": self.sandbox.apps()[JIRA_TEST_URL],
        }
        app = App(
            loaded,
            store,
            self.clock,
            zendesk_adapter=WsgiAdapter(apps),
            jira_adapter=WsgiAdapter(apps),
            sleep=self.sandbox.clock.advance,
            mailer=self.mailer,
        )
        app.refresh_routes()
        if self.sla is not None:
            app.clocks.settings = self.sla
        return app

    def restart(self) -> None:
        """The process ends, however it ended, and starts anew on the same store."""
        self.app.store.close()
        self.app = self._start()

    def put_back(self, backup: Path) -> None:
        """An operator stops the daemon, puts an old backup in the store's place, and starts it again."""
        self.app.store.close()
        for file in self.folder.glob("syncd.db*"):
            file.unlink()
        shutil.copyfile(backup, self.folder / "syncd.db")
        self.app = self._start()

    def cycle(self, times: int = 1, *, seconds: float = 15, complete: bool = False) -> CycleReport:
        """Moves the clock on and makes a step, `times` times; the last report."""
        for _ in range(times):
            self.sandbox.advance(seconds)
            self.reports.append(self.app.engine.step(complete=complete))
        return self.reports[-1]

    def settle(self, limit: int = 40) -> CycleReport:
        """Cycles until one neither plans nor writes anything and nothing waits; fails after `limit`."""
        for _ in range(limit):
            report = self.cycle()
            with self.app.store.reading() as tx:
                doubtful = tx.unsettled()
            owed = report.planned or report.done or report.in_doubt or report.later or sum(report.waiting.values())
            if not owed and not doubtful:
                return report
        raise AssertionError(f"not quiet after {limit} cycles: {self.reports[-1]}")

    def accept(self) -> str:
        """`syncd once --accept` while the daemon runs."""
        return self.app.engine.requests.handle("accept", {}, self.app.engine.routes, self.app.engine.settings)

    def link(self, ticket: int, key: str) -> str:
        """`syncd links add`, and the first run is accepted."""
        answer = self.app.engine.requests.handle(
            "links add", {"ticket": ticket, "issue": key}, self.app.engine.routes, self.app.engine.settings
        )
        assert answer.startswith("ok"), answer
        if self._accept_first:
            self.cycle()
            self.accept()
        return answer

    def request(self, verb: str, **args: Any) -> str:
        """Any other verb that a person types."""
        return self.app.engine.requests.handle(verb, args, self.app.engine.routes, self.app.engine.settings)

    # ---- people ----

    def ticket(self, status: str = "open", priority: str | None = "normal", **changes: Any) -> int:
        """A customer writes, an agent answers and leaves the ticket in `status` (new: nobody answered)."""
        ticket: int = self.sandbox.zendesk.create_ticket(
            actor=self.customer, subject="It does not work", body="Help!", priority=priority, **changes
        )
        self.sandbox.advance(1)
        if status != "new":
            self.sandbox.zendesk.agent_replies(ticket=ticket, actor=self.agent, body="We look into it.", status=status)
        self.sandbox.advance(1)
        return ticket

    def bug(self, status: str = "To Do", resolution: str | None = None, project: str = "NOVA", **fields: Any) -> str:
        """A developer's bug in `status`."""
        key: str = self.sandbox.jira.create_issue(self.developer, project, "A bug", **fields)
        if status != "To Do":
            self.sandbox.jira.force_status(self.developer, key, status, resolution)
        self.sandbox.advance(1)
        return key

    def moves(self, key: str, status: str, resolution: str | None = None) -> None:
        """The developer puts the bug into a status, whatever the workflow says."""
        self.sandbox.jira.force_status(self.developer, key, status, resolution)

    def agent_sets(self, ticket: int, status: str) -> None:
        """The agent sets the ticket's status."""
        self.sandbox.zendesk.set_status(ticket=ticket, actor=self.agent, status=status)

    # ---- what is there now ----

    def status(self, ticket: int) -> str:
        """The ticket's status as Zendesk has it."""
        return str(self.sandbox.zendesk.ticket_state(ticket=ticket)["status"])

    def shown(self, ticket: int, title: str) -> Any:
        """What a ticket field shows."""
        return self.sandbox.zendesk.ticket_state(ticket=ticket)["fields"].get(title)

    def comments(self, ticket: int) -> list[dict[str, Any]]:
        """All comments of the ticket."""
        found: list[dict[str, Any]] = self.sandbox.zendesk.ticket_state(ticket=ticket)["comments"]
        return found

    def notes(self, ticket: int) -> list[str]:
        """What syncd wrote on the ticket; fails when any of it is public."""
        ours = [c for c in self.comments(ticket) if c["author_id"] == self.seeded.bot]
        assert all(c["public"] is False for c in ours), "a note of syncd is public"
        return [str(c["body"]) for c in ours]

    def issue(self, key: str) -> dict[str, Any]:
        """The issue as Jira has it."""
        found: dict[str, Any] = self.sandbox.jira.issue_state(key)
        return found

    def bug_comments(self, key: str) -> list[str]:
        """What syncd wrote on the bug."""
        return [str(c["body"]) for c in self.issue(key)["comments"] if c["author"] == self.seeded.jira_bot]

    def links(self, *, retired: bool = False) -> list[Link]:
        """All links (without the retired ones)."""
        with self.app.store.reading() as tx:
            found = tx.all_links(limit=None)
        return [link for link in found if retired or link.state is not LinkState.RETIRED]

    def conflicts(self) -> list[str]:
        """The codes of the open conflicts."""
        return [link.conflict.code for link in self.links() if link.conflict is not None]

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """The journal's writes by syncd, tokens apart."""
        return [
            entry
            for entry in self.sandbox.ctx.journal.entries(since)
            if entry["method"] in ("POST", "PUT", "DELETE")
            and not any(part in entry["path"] for part in ("/oauth/", "/search", "/bulkfetch", "/workflows"))
        ]

    def during(self, work: Callable[[], object]) -> list[dict[str, Any]]:
        """What was called while `work` ran."""
        before = len(self.sandbox.ctx.journal.entries(0))
        work()
        return self.sandbox.ctx.journal.entries(0)[before:]
