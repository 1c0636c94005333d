"""Timelines of tickets under the rules that come with a profile, played over both trackers on a frozen clock.

One line, one thing: what people do, or what must have come of it by then. A letter names a ticket; times are UTC.

at 09:00 A opened, urgent
at 09:02 expect mail to engineer, supervisor about A: urgent
"""

from __future__ import annotations

import email
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path
from typing import Any

from syncd.alerts.ports import Fate, Outcome
from syncd.config.load import packaged_mappings
from syncd.config.sla_profile import profile_text
from tests.scenarios.lab import NOVA, Lab

PEOPLE = ("lead", "management", "supervisor", "engineer", "architect", "product")
MAIL = "mail: {host: 127.0.0.1, port: 25, tls: none, sender: syncd@acme.example}\nreceivers:\n"
_LINE = re.compile(r"at (?P<day>\d{4}-\d\d-\d\d )?(?P<time>\d\d:\d\d) (?P<what>.+)")
_TOLD = re.compile(r"rule (?P<rule>.+): It does not work")


@dataclass(frozen=True, slots=True)
class Told:
    """A mail of a rule."""

    to: str
    ticket: str
    rule: str


class Post:
    """A mail server that takes everything."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []  # receiver, subject

    def send(self, message: bytes, sender: str, recipient: str, *, seconds: float) -> Outcome:
        assert sender
        assert seconds > 0
        mail = email.message_from_bytes(message, policy=default)
        self.mails.append((recipient.partition("@")[0], str(mail["Subject"])))
        return Outcome(Fate.SENT)


class RuleLab(Lab):
    """A lab with everything that the ready configurations name."""

    def prepare(self) -> None:
        desk = self.sandbox.zendesk
        for group in ("Backend", "Frontend", "Test", "L3"):
            desk.add_group(name=group)
        desk.add_organization(name="Key accounts")
        desk.add_ticket_field(title="Category", type="text")


class Player:
    """Plays one timeline; what a line may say is the list of patterns in `_verbs`."""

    def __init__(self, folder: Path, profile: str) -> None:
        rules = (packaged_mappings() / "escalation" / f"{profile}.yaml").read_text(encoding="utf-8")
        people = "".join(f"  - {{name: {name}, to: [{name}@acme.example]}}\n" for name in PEOPLE)
        more = "\n".join((MAIL + people, profile_text(profile, packaged_mappings()), rules))
        self.post = Post()
        self.lab = RuleLab(folder, routes=NOVA, more=more, mailer=self.post)
        problems = self.lab.app.escalation.errors
        assert not problems, problems
        self._tickets: dict[str, int] = {}
        self._bugs: dict[str, str] = {}
        self._read = 0
        self._unseen: list[Told] = []
        self._verbs: list[tuple[str, Callable[..., None]]] = [
            (r"(\w) opened, (\w+)(?:, kind (.+))?", self._opened),
            (r"an agent takes (\w)", self._takes),
            (r"(\w) is given to an agent", self._given),
            (r"(\w) goes to (\w+)", self._goes),
            (r"an agent replies on (\w)", lambda t: self._says(t, public=True)),
            (r"an agent notes on (\w)", lambda t: self._says(t, public=False)),
            (r"(\w) is solved", lambda t: self.lab.sandbox.zendesk.solve(ticket=t, actor=self.lab.agent)),
            (r"the customer writes on (\w)", self._writes),
            (r"the customer rates (\w) (good|bad)", lambda t, s: self.lab.sandbox.zendesk.rate(ticket=t, score=s)),
            (r"(\w) is tagged (\w+)", self._tagged),
            (r"(\w) is linked to (\w+)", self._linked),
            (r"the daemon restarts", self.lab.restart),
            (r"expect mail to (.+) about (\w): (.+)", self._expect_mail),
            (r"expect no mail", self._nothing),
            (r"expect (\w) is (urgent|high|normal|low)", lambda t, p: self._shows(t, "priority", p)),
            (r"expect (\w) is in group (\w+)", lambda t, g: self._shows(t, "group_id", self.lab.seeded.groups[g])),
            (r"expect (\w) has nobody", lambda t: self._shows(t, "assignee_id", None)),
            (r"expect (\w) has somebody", self._has_somebody),
            (r"expect 1 note listing (.+) on (\w)", self._lists),
            (r"expect (\w) is not tagged (\w+)", lambda t, tag: self._has_tag(t, tag, there=False)),
            (r"expect (\w) is tagged (\w+)", lambda t, tag: self._has_tag(t, tag, there=True)),
            (r"expect (\d+) notes? on (\w)(?:, the last: (.+))?", self._noted),
            (r"expect bug (\w+) is (\w+)", self._bug_is),
        ]
        self.lab.cycle(complete=True)

    def play(self, timeline: str) -> None:
        """All lines, in order; then no mail of a rule may be left that no line expected."""
        for line in (line.strip() for line in timeline.strip().splitlines()):
            found = _LINE.fullmatch(line)
            assert found is not None, f"no line of a timeline: {line}"
            day = found["day"] or "2026-03-02 "
            self._wait(datetime.fromisoformat(f"{day}{found['time']}").replace(tzinfo=UTC).timestamp())
            self._do(found["what"], line)
        self._nothing()

    # ---- time ----

    def _wait(self, until: float) -> None:
        """Cycles at the end of the time that passes: what lies between is made up for, as after a pause."""
        for before in (45, 0):
            left = until - self.lab.sandbox.clock.now()
            if left - before >= 15 or (before == 0 and left > 0):
                self.lab.cycle(seconds=left - before, complete=True)

    def _do(self, what: str, line: str) -> None:
        for pattern, act in self._verbs:
            found = re.fullmatch(pattern, what)
            if found is not None:
                try:
                    act(*(self._known(word) for word in found.groups()))
                except AssertionError as error:
                    raise AssertionError(f"{line}\n{error}") from None
                return
        raise AssertionError(f"nobody knows what this means: {line}")

    def _known(self, word: str | None) -> Any:
        return word if word is None else self._tickets.get(word, word)

    # ---- people ----

    def _opened(self, name: str, priority: str, kind: str | None = None) -> None:
        fields = [{"id": self.lab.sandbox.zendesk.field_id("Category"), "value": kind}] if kind else []
        self._tickets[name] = self.lab.ticket("new", priority, custom_fields=fields)

    def _takes(self, ticket: int) -> None:
        self.lab.sandbox.zendesk.assign(ticket=ticket, actor=self.lab.agent, assignee=self.lab.agent)

    def _given(self, ticket: int) -> None:
        giver = self.lab.seeded.agents["Lena Vogt"]
        self.lab.sandbox.zendesk.assign(ticket=ticket, actor=giver, assignee=self.lab.agent)

    def _goes(self, ticket: int, group: str) -> None:
        self.lab.sandbox.zendesk.assign(ticket=ticket, actor=self.lab.agent, group=self.lab.seeded.groups[group])

    def _says(self, ticket: int, *, public: bool) -> None:
        self.lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=self.lab.agent, body="We are at it.", public=public)

    def _writes(self, ticket: int) -> None:
        self.lab.sandbox.zendesk.customer_replies(ticket=ticket, body="It is not solved!")

    def _tagged(self, ticket: int, tag: str) -> None:
        self.lab.sandbox.zendesk.add_tags(ticket=ticket, actor=self.lab.agent, tags=[tag])

    def _linked(self, ticket: int, name: str) -> None:
        if name not in self._bugs:
            self._bugs[name] = self.lab.bug()
            self.lab.cycle(complete=True)
        self.lab.link(ticket, self._bugs[name])

    # ---- what came of it ----

    def _arrived(self) -> list[Told]:
        """Mails of rules that no line has expected yet."""
        numbers = {str(number): name for name, number in self._tickets.items()}
        for receiver, subject in self.post.mails[self._read :]:
            found = _TOLD.search(subject)
            if found is not None:
                ticket = next((name for number, name in numbers.items() if f" {number} " in subject), "?")
                self._unseen.append(Told(receiver, ticket, found["rule"]))
        self._read = len(self.post.mails)
        return self._unseen

    def _expect_mail(self, to: str, ticket: int, rule: str) -> None:
        name = next(name for name, number in self._tickets.items() if number == ticket)
        wanted = [Told(each, name, rule) for each in to.split(", ")]
        arrived = self._arrived()
        missing = [each for each in wanted if each not in arrived]
        assert not missing, f"did not arrive: {missing}; there were {arrived}"
        for each in wanted:
            self._unseen.remove(each)

    def _nothing(self) -> None:
        arrived = self._arrived()
        assert not arrived, f"nobody expected {arrived}"

    def _shows(self, ticket: int, name: str, value: object) -> None:
        now = self.lab.sandbox.zendesk.ticket_state(ticket=ticket)[name]
        assert now == value, f"{name} is {now}"

    def _has_tag(self, ticket: int, tag: str, *, there: bool) -> None:
        tags = self.lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]
        assert (tag in tags) is there, f"its tags are {tags}"

    def _noted(self, count: str, ticket: int, last: str | None = None) -> None:
        notes = self.lab.notes(ticket)
        assert len(notes) == int(count), f"there are {len(notes)}: {notes}"
        if last is not None:
            assert last in notes[-1], f"it says {notes[-1]}"

    def _has_somebody(self, ticket: int) -> None:
        assert self.lab.sandbox.zendesk.ticket_state(ticket=ticket)["assignee_id"] is not None, "nobody has it"

    def _lists(self, items: str, ticket: int) -> None:
        wanted = [f"- {item}" for item in items.split(", ")]
        notes = [[line for line in note.splitlines() if line.startswith("- ")] for note in self.lab.notes(ticket)]
        assert notes.count(wanted) == 1, f"they list {notes}"

    def _bug_is(self, name: str, priority: str) -> None:
        now = self.lab.issue(self._bugs[name])["fields"]["priority"]
        assert now == priority, f"it is {now}"
