"""Two servers over sockets with people on both sides, the daemon as a process, and the judge: what was said and done is
compared with what both servers hold in the end, never with what syncd believes."""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from syncd.store import IntentState, StoreError
from tests.cli.house import MIRROR, House, Process, until

RATE = 30.0
"""Sandbox seconds in a real one: the waits of minutes that a write in doubt takes pass in seconds."""

ROUTE = (
    f"  - {{name: nova, project: NOVA, mapping: default, mirror: {MIRROR}, comments: {{to_bug: all}},\n"
    "     create: {act_tag: to_engineering, caps: {hour: 1000, day: 10000, requester: 1000}}}\n"
)
STATUSES = (("In Progress", None), ("Done", "Fixed"), ("In Progress", None), ("Done", "Done"), ("To Do", None))
PAIRS = 5


class World(House):
    """A house whose people act by a seed, and who remember what they said."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, ("cloud", "data_center")[seed % 2])
        self.seed = seed
        self.random = random.Random(seed)
        self.sandbox.clock.rate = RATE
        self.configure(routes=ROUTE)
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace("fast: 1s, complete: 2s", "fast: 10s, complete: 30s"), encoding="utf-8")
        self.said_on_bugs: dict[str, str] = {}  # text -> key
        self.said_on_tickets: dict[str, int] = {}  # text -> ticket
        self.asked: list[int] = []
        self.pairs: list[tuple[int, str]] = []
        self.did: Counter[str] = Counter()
        self._pause = threading.Event()

    # ---- the daemon ----

    def begin(self) -> None:
        """Pairs that are linked, and a first run that was accepted."""
        self.pairs = [self.pair() for _ in range(PAIRS)]
        self.fine("once", "--accept", "--clock", self.sandbox.control_url)
        assert len(self.links()) == PAIRS

    def run_daemon(self) -> Process:
        """`syncd run` on the sandbox's clock; nobody waits for it."""
        return self.start("run", "--clock", self.sandbox.control_url)

    def wait(self, least: float, most: float) -> None:
        """Some real seconds."""
        self._pause.wait(self.random.uniform(least, most))

    # ---- people ----

    def act(self, times: int = 1) -> None:
        """Somebody does something."""
        for _ in range(times):
            what = self.random.choice(
                (
                    self._developer_says,
                    self._developer_says,
                    self._agent_says,
                    self._agent_says,
                    self._moves,
                    self._moves,
                )
                + (self._asks,) * (len(self.asked) < 12)
            )
            what()
            self.did[what.__name__.strip("_")] += 1

    def _developer_says(self) -> None:
        _, key = self.random.choice(self.pairs)
        text = f"finding number {len(self.said_on_bugs)}."
        self.said_on_bugs[text] = key
        self.sandbox.jira.comment(self.developer, key, text)

    def _agent_says(self) -> None:
        ticket, _ = self.random.choice(self.pairs)
        text = f"observation number {len(self.said_on_tickets)}."
        self.said_on_tickets[text] = ticket
        self.sandbox.zendesk.agent_replies(ticket=ticket, actor=self.agent, body=text, public=False)

    def _moves(self) -> None:
        _, key = self.random.choice(self.pairs)
        self.moves(key, *self.random.choice(STATUSES))

    def _asks(self) -> None:
        ticket = self.ticket()
        self.sandbox.zendesk.add_tags(ticket=ticket, actor=self.agent, tags=["to_engineering"])
        self.asked.append(ticket)

    # ---- the end ----

    def heal(self, seconds: float = 120.0) -> None:
        """Nothing goes wrong any more: the daemon runs until nothing is owed, and is stopped."""
        self.sandbox.ctx.faults.clear()
        daemon = self.run_daemon()
        try:
            calm = [0, 0]

            def at_rest() -> bool:
                assert daemon._process.poll() is None, f"{self.named}: it ended: {daemon.err}{daemon.out[-2000:]}"
                beat = self.heartbeat()
                if beat is None or beat.cycle == calm[0]:
                    return False
                calm[0] = beat.cycle
                calm[1] = calm[1] + 1 if not self._owes() else 0
                return calm[1] >= 8 and not self.wrong()

            try:
                until(at_rest, "rest", seconds)
            except AssertionError:
                assert [*self.wrong(), self._owes()] == [], self.named
                raise
            before = len(self.writes())
            daemon.wait_for_cycle(4)
            assert len(self.writes()) == before, f"{self.named}: a write when all was at rest"
            assert daemon.stop() == 0
        finally:
            daemon.kill()
        with self.store() as store:
            assert store.check() == [], self.named

    def _owes(self) -> dict[str, int]:
        try:
            with self.store() as store, store.reading() as tx:
                counts = tx.intent_counts()
        except StoreError:
            return {"unreadable": 1}
        return {s.value: counts[s] for s in (IntentState.NEW, IntentState.SENT, IntentState.PARKED) if s in counts}

    @property
    def named(self) -> str:
        """How to play it again."""
        return f"seed {self.seed}"

    # ---- the judge ----

    def wrong(self) -> list[str]:
        """Sentences about what is lost, twice, or does not agree; by the servers' state alone."""
        return [*self._words(), *self._bugs(), *self._statuses()]

    def _words(self) -> list[str]:
        found = []
        tickets_of: dict[str, list[int]] = {}
        for ticket, key in self.pairs:
            tickets_of.setdefault(key, []).append(ticket)
        for text, key in self.said_on_bugs.items():
            for ticket in tickets_of[key]:
                times = sum(text in str(note["body"]) for note in self._notes(ticket))
                if times != 1:
                    found.append(f"{text!r} of {key} is {times} times on ticket #{ticket}")
        for text, ticket in self.said_on_tickets.items():
            key = next(k for t, k in self.pairs if t == ticket)
            issue = self.sandbox.jira.issue_state(key)
            ours = [c for c in issue["comments"] if c["author"] == self.seeded.jira_bot]
            times = sum(text in str(comment["body"]) for comment in ours)
            if times != 1:
                found.append(f"{text!r} of ticket #{ticket} is {times} times on {key}")
        for ticket, _ in self.pairs:
            found += [f"a note on #{ticket} is public" for note in self._notes(ticket) if note["public"]]
        return found

    def _bugs(self) -> list[str]:
        found = []
        issues: Any = self.sandbox.jira.state()["issues"]
        listed = issues.values() if isinstance(issues, dict) else issues
        made = Counter(
            issue["properties"]["syncd.origin"]["ticket"] for issue in listed if "syncd.origin" in issue["properties"]
        )
        for ticket in self.asked:
            if made[ticket] != 1:
                found.append(f"ticket #{ticket} asked for a bug and has {made[ticket]}")
            if "to_engineering" in self.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]:
                found.append(f"ticket #{ticket} still asks for a bug")
        return found

    def _statuses(self) -> list[str]:
        found = []
        for ticket, key in self.pairs:
            bug, has = self.sandbox.jira.issue_state(key)["status"], self.status(ticket)
            wanted = "open" if bug == "Done" else "hold"
            if has != wanted:
                found.append(f"{key} is {bug} and ticket #{ticket} is {has}")
        return found

    def _notes(self, ticket: int) -> list[dict[str, Any]]:
        comments = self.sandbox.zendesk.ticket_state(ticket=ticket)["comments"]
        return [comment for comment in comments if comment["author_id"] == self.seeded.bot]
