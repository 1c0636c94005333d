"""`syncd demo`: an afternoon of support against a pretend Zendesk and Jira, carried by the real daemon, and judged."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console

from syncd.demo.people import OPERATOR, Act, People
from syncd.demo.place import DemoFailed, Place
from syncd.demo.show import Show
from syncd.demo.story import SCENES_WITH_MAIL, Scene, rounds
from syncd.demo.watch import Watch

RATE: Final = 30.0
"""Sandbox seconds in a real one while the daemon runs."""

HISTORY_SECONDS: Final = 4 * 3600.0
"""How far back lies what was there before syncd, in sandbox time."""

LIMIT_SECONDS: Final = 105.0
"""Real seconds after which nothing is waited for any more: with the checker that makes less than two minutes."""

STEP_SECONDS: Final = 25.0
POLL_SECONDS: Final = 5.0
START_SECONDS: Final = 30.0
"""Real seconds to wait for a step to be carried, for one poll, for the daemon's first one."""

ACTS_IN_A_POLL: Final = 3
"""How many things people do while syncd looks once."""

QUIET_POLLS: Final = 2
"""Polls without a write after which a step is over."""


def run_demo(*, keep: bool = False, console: Console | None = None, scenes: Sequence[Scene] = SCENES_WITH_MAIL) -> int:
    """Plays the demo (or only these scenes of it); 0 when the checker agrees with its outcome, else 1.

    It ends by itself within two minutes and leaves nothing behind. `keep`: then sandbox and daemon go on running, and
    how to reach them is printed, until Ctrl-C.
    """
    show = Show(console)
    with Place() as place:
        demo = _Demo(place, show, scenes)
        try:
            agreed = demo.play(keep=keep)
        except DemoFailed as failed:
            show.still()
            show.line(f"The demo cannot go on: {failed}.", "red")
            demo.judge()
            agreed = False
        if not agreed and place.log_tail():
            show.heading("The end of the daemon's log")
            show.lines(place.log_tail())
        if keep:
            _keep(place, show)
    return 0 if agreed else 1


class _Demo:
    def __init__(self, place: Place, show: Show, scenes: Sequence[Scene]) -> None:
        self._scenes = scenes
        self._end = time.monotonic() + LIMIT_SECONDS
        self._place = place
        self._show = show
        self._clock = place.sandbox.clock
        self._watch: Watch | None = None  # None: syncd does not run yet
        self._late: list[str] = []
        self._acts = 0
        self._mails = 0

    def play(self, *, keep: bool) -> bool:
        """The whole of it; True when the checker agrees."""
        people = People(self._place.sandbox, self._place.seeded, seen=self._seen, link=self._link, mail=self._mail)
        steps = rounds(people, self._scenes)
        self._before(steps)
        self._operator()
        watch = self._start()
        for _ in self._acted(steps):
            self._catch_up(watch)
        self._show.still()
        code = None if keep else self._place.stop_daemon()
        self._show.summary(watch, RATE)
        agreed = self.judge()
        for late in self._late:
            self._show.line(f"  {late}", "red")
        if code:
            self._show.line(f"  the daemon ended with exit code {code}", "red")
        return agreed and not self._late and not code

    def judge(self) -> bool:
        """What the checker says; nothing when syncd did not run yet."""
        if self._watch is None:
            return False
        agreed, lines = self._place.verdict(scene.__name__ for scene in self._scenes)
        self._show.verdict(agreed, lines)
        return agreed

    def _before(self, steps: Iterator[int]) -> None:
        """What was there when syncd came; nobody sees it happen."""
        present = self._clock.now()
        self._clock.set(present - HISTORY_SECONDS)
        next(steps)
        self._clock.set(max(present, self._clock.now()))
        state = self._place.sandbox.state()
        tickets, bugs = len(state["zendesk"]["tickets"]), len(state["jira"]["issues"])
        seeded = self._place.seeded
        self._show.heading(f"A help desk with {tickets} tickets and {bugs} bugs, and no syncd yet")
        self._show.line(f"  Zendesk {seeded.zendesk_url}   Jira {seeded.jira_url}   {self._place.config}", "dim")

    def _operator(self) -> None:
        """What an operator types when syncd is new."""
        clock = ("--clock", self._place.seeded.control_url)
        for arguments, first, last in (
            (("check",), 8, 0),
            (("plan", *clock), 6, 7),
            (("once", "--accept", *clock), 12, 0),
        ):
            self._show.heading(f"$ syncd {' '.join(arguments)}")
            code, said = self._place.syncd(*arguments)
            self._show.lines(said.splitlines(), None if code else first, last)
            if code:
                raise DemoFailed(f"syncd {arguments[0]} ended with exit code {code}")

    def _start(self) -> Watch:
        self._clock.rate = RATE
        titles = {number: title for title, number in self._place.seeded.fields.items()}
        self._watch = watch = Watch(self._place.sandbox, titles)
        self._show.heading(f"$ syncd run   (an hour of its clock passes in {3600 / RATE:.0f} s)")
        self._place.start_daemon()
        if not self._place.wait(lambda: self._polled(watch, 1), min(START_SECONDS, self._left())):
            raise DemoFailed("the daemon does not poll")
        return watch

    def _acted(self, steps: Iterator[int]) -> Iterator[int]:
        try:
            yield from steps
        except ValueError as refused:
            raise DemoFailed(f"a tracker does not let somebody act: {refused}") from refused

    def _catch_up(self, watch: Watch) -> None:
        """Until syncd has carried everything that it owes, and has looked again and found nothing to do."""

        def over() -> bool:
            self._look()
            return not watch.owed and watch.polls_since_write >= QUIET_POLLS

        if not self._place.wait(over, min(STEP_SECONDS, self._left())):
            self._late += [f"not carried to {subject}: {act.who} {act.text}" for act, subject in watch.owed]
            watch.forgive()

    def _seen(self, act: Act) -> None:
        watch = self._watch
        if watch is None:
            self._clock.advance(60)
            return
        self._show.act(act)
        watch.act(act)
        self._acts += 1
        in_time = self._left() > LIMIT_SECONDS / 2  # on a slow machine people do not wait for the show
        if in_time and self._acts % ACTS_IN_A_POLL == 0 and act.who != OPERATOR:  # whose command waits by itself
            before = watch.polls
            self._place.wait(lambda: self._polled(watch, before + 1), POLL_SECONDS)

    def _left(self) -> float:
        """Real seconds until the limit. Raises `DemoFailed` when it was passed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise DemoFailed(f"it is not over after {LIMIT_SECONDS:.0f} s")
        return left

    def _polled(self, watch: Watch, polls: int) -> bool:
        self._look()
        return watch.polls >= polls

    def _look(self) -> None:
        if self._watch is not None:
            for carried in self._watch.look():
                self._show.carried(carried)
            self._show.progress(self._watch)

    def _mail(self, ticket: int, reason: str) -> None:
        """Waits for a mail about the ticket."""

        def there() -> bool:
            self._look()
            self._show_mails()
            mails = self._place.sandbox.mailbox.mails()
            return any(_is_about(mail, ticket, reason) for mail in mails)

        if not self._place.wait(there, min(STEP_SECONDS, self._left())):
            self._late.append(f"no mail about #{ticket} for the reason {reason}")

    def _show_mails(self) -> None:
        for mail in self._place.sandbox.mailbox.mails(self._mails):
            self._mails += 1
            self._show.mail(mail)

    def _link(self, ticket: int, key: str) -> None:
        code, said = self._place.syncd("links", "add", str(ticket), key, meanwhile=self._look)
        self._show.lines(said.splitlines())
        if code:
            raise DemoFailed(f"syncd links add ended with exit code {code}")


def _is_about(mail: Mapping[str, Any], ticket: int, reason: str) -> bool:
    headers = {str(name).lower(): str(value) for name, value in mail["headers"]}
    return headers.get("x-syncd-reason") == reason and str(ticket) in headers.get("subject", "")


def _keep(place: Place, show: Show) -> None:
    """Says how to reach what runs, and waits for Ctrl-C."""
    seeded = place.seeded
    show.heading("Everything goes on running until Ctrl-C. In another terminal:")
    for name, value in place.environment.items():
        show.line(f"  export {name}={shlex.quote(value)}")
    show.line(f"  cd {place.folder}")
    for verb in ("status", "links list", "conflicts list", "explain 1"):
        show.line(f"  syncd {verb}")
    show.line(f"  curl -s {seeded.control_url}/state")
    act = '{"ticket": 1, "body": "Hello?"}'
    show.line(f"  curl -s {seeded.control_url}/act/zendesk/customer_replies -d {shlex.quote(act)}")
    show.line(f"The daemon's log is {place.folder / 'syncd.log'}; config.yaml and mappings/ beside it may be edited.")
    try:
        place.wait(lambda: False, threading.TIMEOUT_MAX, every=1.0)
    except KeyboardInterrupt:
        show.line("")
    except DemoFailed as failed:
        show.line(f"{failed}".capitalize(), "red")


__all__ = ["run_demo"]
