"""Timelines in plain words, played on the stage. One line, one thing; `expect` lines must name every mail, in order.

at 09:00 ticket 1 opened, urgent
at 10:01 expect mail to lead, reason first: 1 resolution breach
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from syncd.alerts.ports import Fate, Outcome
from syncd.alerts.settings import AlertSettings
from syncd.core.alert_model import RuleFact
from syncd.sla.forecast import Sign
from syncd.sla.policy import Book
from tests.alerts.stage import DAY, Stage, clock_text, seconds
from tests.sla.kit import ANN, BOB, CUSTOMER

_LINE = re.compile(r"at (?P<when>(?:\d{4}-\d\d-\d\d )?\d\d:\d\d(?::\d\d)?) (?P<what>.+)")
_MAIL = re.compile(
    r"expect (?:mail to )?(?P<to>[\w-]+), reason (?P<reason>\w+)(?:, level (?P<level>\d+))?(?:: (?P<facts>.*))?"
)


class Player:
    """Plays one timeline; what a line may say is the list of patterns in `_verbs`."""

    def __init__(self, folder: Path, configured: AlertSettings | None = None, by: Book | None = None) -> None:
        self.stage = Stage(f"sqlite:///{folder / 'syncd.db'}", configured, by=by)
        self.others: dict[str, AlertSettings] = {}
        self._unread: list[dict[str, object]] = []
        self._taken = 0
        self._verbs: list[tuple[str, Callable[..., None]]] = [
            (r"ticket (\d+) opened(?:, (\w+))?", self._opened),
            (r"one cycle takes (\d+) tickets", self._takes),
            (r"(\d+) tickets opened(?:, (\w+))?", self._many_opened),
            (r"an agent replies on (\d+)", lambda t: self._says(t, public=True)),
            (r"an agent notes on (\d+)", lambda t: self._says(t, public=False)),
            (r"an agent notes #ack on (\d+)", lambda t: self._says(t, public=False, markers=("#ack",))),
            (r"(\d+) is assigned to Bob", lambda t: self._change(t, assignee=BOB.id)),
            (r"(\d+) is tagged (\w+)", lambda t, tag: self._change(t, tags=tag)),
            (r"(\d+) becomes (new|open|pending|hold|solved|closed)", lambda t, s: self._change(t, status=s)),
            (r"(\d+) becomes priority (\w+)", lambda t, p: self._change(t, priority=p)),
            (r"the customer writes on (\d+)", lambda t: self._says(t, public=True, by_customer=True)),
            (r"(\d+) is merged away", self._merged),
            (r"the bug of (\d+) will be released on (\S+)", lambda t, day: self._foretell(t, (Sign.RELEASE, day))),
            (r"the bug of (\d+) lies, and will be released on (\S+)", self._lies),
            (r"the bug of (\d+) is in time", self._foretell),
            (r"(\d+) was solved at (\S+), unread", self._solved_unread),
            (r"it turns out that (\d+) was solved at (\S+)", self._solved_before),
            (r"(?:the daemon )?restarts?", self.stage.restart),
            (r"the daemon stops", lambda: None),
            (r"the daemon starts", lambda: None),
            (r"the clock is set back by (\d+) minutes", self._set_back),
            (r"the configuration is (\w+)", lambda name: self.stage.reload(self.others[name])),
            (r"(zendesk|jira) is away", self._away),
            (r"(zendesk|jira) is back", self._back),
            (r"the mail server is away", lambda: self._post(Outcome(Fate.RETRY, "connection refused"))),
            (r"the mail server greylists", lambda: self._post(Outcome(Fate.RETRY, "greylisted", 451, 120))),
            (r"the mail server is back", lambda: self._post(None)),
            (r"the mail server refuses (\S+)", self._refuses),
            (r"the next answer of the mail server is lost", self._lost),
            (r"rule (\S+) states (\S+) of run (\d+) on (\d+) for (\S+)", self._states),
            (r"expect nothing", self._nothing),
        ]

    def play(self, timeline: str) -> Stage:
        """All lines, in order; then nothing may be left that no line expected."""
        lines = [
            line.strip() for line in timeline.strip().splitlines() if line.strip() and not line.strip().startswith("#")
        ]
        down = False
        for line in lines:
            found = _LINE.fullmatch(line)
            assert found is not None, f"no line of a timeline: {line}"
            when, what = found["when"], found["what"]
            if down:
                self.stage.clock.advance(seconds(when) - self.stage.clock.at)
            else:
                self.stage.run_to(when)
            down = what == "the daemon stops" or (down and what != "the daemon starts")
            if what == "the daemon starts":
                self.stage.restart()
                self.stage.cycle()
            self._do(what, line)
        self._nothing()
        return self.stage

    # ---- lines ----

    def _do(self, what: str, line: str) -> None:
        mail = _MAIL.fullmatch(what)
        if mail is not None:
            self._expect(mail, line)
            return
        for pattern, act in self._verbs:
            found = re.fullmatch(pattern, what)
            if found is not None:
                act(*found.groups())
                return
        raise AssertionError(f"nobody knows what this means: {line}")

    def _arrived(self) -> Iterator[dict[str, object]]:
        mails = self.stage.mails
        yield from mails[self._taken :]

    def _expect(self, mail: re.Match[str], line: str) -> None:
        arrived = list(self._arrived())
        assert arrived, f"{line}\nnothing arrived"
        first = arrived[0]
        self._taken += 1
        got = (
            f"{first['when']} mail to {first['to']}, reason {first['reason']}, level {first['level']}: {first['facts']}"
        )
        assert (first["to"], first["reason"]) == (mail["to"], mail["reason"]), f"{line}\ngot {got}"
        if mail["level"] is not None:
            assert str(first["level"]) == mail["level"], f"{line}\ngot {got}"
        if mail["facts"] is not None:
            assert shown(first) == mail["facts"].strip(), f"{line}\ngot {got}"

    def _nothing(self) -> None:
        left = [self.stage.line(mail) for mail in self._arrived()]
        assert not left, f"at {clock_text(self.stage.now)} nobody expected\n" + "\n".join(left)

    # ---- people ----

    def _now(self) -> str:
        text = clock_text(self.stage.now)
        return text if "-" in text else f"{DAY} {text}"

    def _opened(self, ticket: str, priority: str | None) -> None:
        self.stage.opened(self._now(), int(ticket), **({"priority": priority} if priority else {}))

    def _many_opened(self, count: str, priority: str | None) -> None:
        for number in range(1, int(count) + 1):
            self._opened(str(number), priority)

    def _foretell(self, ticket: str, *signs: tuple[Sign, str]) -> None:
        self.stage.keeper.foretell(int(ticket), *signs)

    def _lies(self, ticket: str, day: str) -> None:
        self._foretell(ticket, (Sign.UNTOUCHED, ""), (Sign.RELEASE, day))

    def _takes(self, count: str) -> None:
        self.stage.most = int(count)
        self.stage.restart()

    def _says(self, ticket: str, *, public: bool, markers: tuple[str, ...] = (), by_customer: bool = False) -> None:
        by = CUSTOMER if by_customer else ANN
        self.stage.life(int(ticket)).says(self._now(), by, public=public, markers=markers)

    def _change(self, ticket: str, **values: str) -> None:
        self.stage.life(int(ticket)).change(self._now(), ANN, **values)

    def _merged(self, ticket: str) -> None:
        self.stage.life(int(ticket)).merged(self._now())

    def _solved_unread(self, ticket: str, when: str) -> None:
        """It happened, and no list of changes has shown it yet."""
        life = self.stage.life(int(ticket))
        before = len(life.events)
        life.change(f"{DAY} {when}", ANN, status="solved")
        self.stage.keeper.unread[int(ticket)] = life.events[before:]
        del life.events[before:]

    def _solved_before(self, ticket: str, when: str) -> None:
        """A late page of the history tells of something that happened before."""
        self.stage.life(int(ticket)).change(f"{DAY} {when}", ANN, status="solved")

    # ---- machines ----

    def _set_back(self, minutes: str) -> None:
        self.stage.cycle()  # cycles in which nothing is due are left out; the one before the jump is not
        self.stage.clock.set_back(int(minutes) * 60)

    def _away(self, side: str) -> None:
        self.stage.report.problems[side] = f"{side} does not answer"
        self.stage.keeper.is_away = side == "zendesk" or self.stage.keeper.is_away

    def _back(self, side: str) -> None:
        self.stage.report.problems.pop(side)
        self.stage.keeper.is_away = False
        self.stage.look_again()

    def _post(self, outcome: Outcome | None) -> None:
        self.stage.channel.always = lambda _: outcome

    def _refuses(self, address: str) -> None:
        refused = Outcome(Fate.DEAD, "no such mailbox", 550)
        self.stage.channel.always = lambda parcel: refused if parcel.address == address else None

    def _lost(self) -> None:
        self.stage.channel.answers.append(Outcome(Fate.UNKNOWN, "connection lost after the final dot"))

    def _states(self, rule: str, step: str, run: str, ticket: str, receivers: str) -> None:
        fact = RuleFact(int(ticket), rule, run, step, tuple(receivers.split(",")), self.stage.now, "because")
        with self.stage.store.transaction() as tx:
            tx.state_rule_facts([fact])
        self.stage.look_again()


def shown(mail: dict[str, object]) -> str:
    """The facts of a mail on one line."""
    facts, more = mail["facts"], mail["more"]
    assert isinstance(facts, list)
    assert isinstance(more, int)
    if mail["headline"]:
        return str(mail["headline"])
    if mail["blind"] and not facts:
        return str(mail["blind"])
    if len(facts) + more > 3:
        return f"{len(facts) + more} alerts"
    return ", ".join(str(fact) for fact in facts)
