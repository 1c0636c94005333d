"""Alerts in a cycle: load, decide, write down, send. The decisions are in alerts/, and pure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

import structlog

from syncd.alerts.case import Case
from syncd.alerts.episodes import Draft, Turn
from syncd.alerts.message import Notification, Reason
from syncd.alerts.pacing import pace
from syncd.alerts.pipeline import Decision, World, decide
from syncd.alerts.ports import Channel
from syncd.alerts.settings import AlertSettings
from syncd.core.alert_model import AlertKey, Chain, FactState, Letter, Post, RuleFact
from syncd.core.ports import Clock
from syncd.cycle.alert_digests import DailyRound
from syncd.cycle.alert_notices import SeesAgain, Watch
from syncd.cycle.alert_world import EPISODES_AT_ONCE, Keeper, case_of, load
from syncd.cycle.clocks import MOST
from syncd.cycle.letters import Writer
from syncd.cycle.postman import Postman
from syncd.cycle.quoting import Quoter
from syncd.cycle.settings import CycleReport
from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.folded import TicketClocks
from syncd.sla.policy import Book
from syncd.sources.errors import SourceError
from syncd.store import Store, StoreError, Tx
from syncd.store.alerts import AlertWork

log = structlog.get_logger(__name__)

ENFORCE_FROM = "alerts.enforce_from"
"""Fact: what clocks passed before that Unix second is history."""
LAST_RUN = "alerts.last_run"
SET_BACK = 60
"""A wall clock that goes back by more seconds than that was set back."""
RULES_AT_ONCE = 500
GAP = 600
"""A pause of so many seconds between two runs is a gap: the daemon slept, or alerts were turned off meanwhile."""
MOST_AGAIN = 5000
AGAIN_SHARE = 4
"""This part of the most tickets of a cycle is looked at once more beside the others; the rest is next in turn."""
MADE_UP_FOR = 300
"""Points that were passed while a source could not be read of which one message tells, at most."""
CATCHING_UP = 600
"""Seconds that a digest waits while syncd catches up after an outage, so that there is one and not one a cycle."""
A_FEW_CYCLES = 60
BEHIND = 180
"""Seconds that the exact history lags behind what is read anyway."""
UNCERTAIN_FOR = 600
"""Seconds that a first breach waits for the exact history of a change that was only seen."""


class Alerter:
    """run() is called once in every cycle, after the clocks were folded. Nothing in it stops the cycle: a tracker that
    does not answer makes alerts wait, a mail server that does not answer makes letters wait."""

    def __init__(
        self,
        store: Store,
        keeper: Keeper,
        clock: Clock,
        *,
        settings: Callable[[], AlertSettings | None],
        sla: Callable[[], SlaSettings | None],
        channels: Callable[[], Mapping[str, Channel]],
        seconds: float = 5.0,
        stopping: Callable[[], bool] = lambda: False,
        apart: bool = False,
        most: int = MOST,
        quoter: Quoter | None = None,
    ) -> None:
        """`settings` and `sla` answer None where config.yaml has no such part. `seconds`: how long letters may be sent
        in one cycle. `apart`: they go out in a thread of their own, one round at a time, so that a server which does
        not answer keeps no cycle waiting; a round that ends with the process is resumed when its lease is over.
        `most`: so many tickets in one cycle are not all that wait. `quoter` reads the words of the last steps."""
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._settings = settings
        self._sla = sla
        self._channels = channels
        self._seconds = seconds
        self._apart = apart
        self._most = most
        self._quoter = quoter
        self._sender: threading.Thread | None = None
        self._postman = Postman(store, channels, clock, stopping=stopping)
        self._watch = Watch(store, clock)
        self._daily = DailyRound(store, keeper)
        self._since: int | None = None  # enforce_from, once it is known
        self._last = 0  # the last run that the store knows of
        self._before = 0  # the last one before what is now; what was judged around it may not be taken down
        self._ran = 0  # the last run of this process
        # Tickets to be looked at once more although nothing happens to them, in turn.
        self._again: dict[int, None] = {}

    def run(
        self, tickets: Sequence[TicketClocks], now: datetime, report: CycleReport, stated: Sequence[RuleFact] = ()
    ) -> Decision:
        """1. Mind the wall clock and what cannot be read. 2. Decide; before a first breach read its ticket again and
        decide anew. 3. Write it all down in one transaction. 4. Send what is due. Returns what was decided.

        `stated`: what rules want told and the store does not hold yet. A defect in here is told in the report and stops
        nothing else; raises StoreError."""
        try:
            return self._run(tickets, now, report, stated)
        except StoreError:
            raise
        except Exception as error:
            log.exception("alerts_failed")
            self._ran = 0  # what was not taken down now is looked for in the next run
            report.problems["alerts"] = (
                f"Alerts could not be decided ({type(error).__name__}); the log has the details."
            )
            return Decision()

    def _run(
        self, tickets: Sequence[TicketClocks], now: datetime, report: CycleReport, stated: Sequence[RuleFact]
    ) -> Decision:
        settings, sla = self._settings(), self._sla()
        if settings is None:
            return Decision()
        at = int(now.timestamp())
        enforce_from = self._begin(at)
        blind = self._watch.look(report, settings, at)
        self._sweep(at, enforce_from)
        with self._store.reading() as tx:
            work = tx.alert_work(at)
        round_ = _Round(settings, sla.book if sla is not None else None, at, enforce_from, blind, report)
        round_.is_full = len(tickets) >= self._most
        decided = None
        if round_.book is not None and (
            tickets or stated or work.episodes or work.rules or (self._again and not blind)
        ):
            again = [] if blind else list(islice(self._again, max(1, self._most // AGAIN_SHARE)))
            decided = self._decide(round_, round_.book, tickets, again, stated)
            for number in again:
                del self._again[number]
            self._again |= dict.fromkeys(sorted(decided[0].held))
            decided = self._quoted(round_, *decided)
        round_.sees_again = self._watch.sees_again(at, is_held=bool(self._again))
        wrote = [
            self._write(round_, decided, work),
            self._watch.tell(settings, self._channels(), report, blind, at),
            self._daily.run(settings, round_.book, self._channels(), at, enforce_from),
        ]
        if work.letters or any(wrote):
            self._send(settings)
        return decided[1] if decided is not None else Decision()

    def wait(self, seconds: float) -> None:
        """Until what is being sent in a thread of its own is over, for so many seconds at most."""
        if self._sender is not None:
            self._sender.join(seconds)

    # ---- time ----

    def _begin(self, now: int) -> int:
        """What was before alerts were turned on is history; what waits for an instant waits on when the wall clock is
        set back. Returns enforce_from."""
        if self._since is not None and self._last <= now < self._last + SET_BACK:
            return self._since
        with self._store.transaction() as tx:
            since, last = tx.get_fact(ENFORCE_FROM), tx.get_fact(LAST_RUN)
            self._before = min(last, now) if isinstance(last, int) else now
            if isinstance(last, int) and now < last - SET_BACK:
                log.warning("alerts_clock_set_back", seconds=last - now)
                tx.shift_alert_times(last - now)
                tx.shift_letter_times(last - now)
            if not isinstance(last, int) or now >= last + SET_BACK or now < last - SET_BACK:
                tx.set_fact(LAST_RUN, now, self._clock.now())
                last = now
            if not isinstance(since, int) or since > now:  # what is to come was written down by a clock that was ahead
                tx.set_fact(ENFORCE_FROM, now, self._clock.now())
                since = now
        self._since, self._last = since, last
        return since

    def _sweep(self, now: int, enforce_from: int) -> None:
        """After a start or a gap: what clocks passed while nobody took it down is looked at again, and what was being
        sent is sent again. A process may have died after it folded a clock and before it wrote down what that says."""
        if not self._ran <= now < self._ran + GAP:
            with self._store.transaction() as tx:
                tx.release_letters(tx.epoch)
                self._again |= dict.fromkeys(tx.unnoticed(enforce_from, self._before - GAP, MOST_AGAIN))
        self._ran = now

    # ---- deciding ----

    def _decide(
        self,
        round_: _Round,
        book: Book,
        tickets: Iterable[TicketClocks],
        again: Sequence[int],
        stated: Sequence[RuleFact],
    ) -> tuple[World, Decision]:
        given = {told.id: told for told in tickets}
        clocks_now = self._keeper.now()
        missing = sorted(set(again) - given.keys())
        if missing:
            with self._store.reading() as tx:
                given |= {told.id: told for told in self._keeper.folded(tx, missing, clocks_now)}

        def world_of(fresh: frozenset[int], known: Mapping[int, Case], groups: frozenset[str]) -> World:
            with self._store.reading() as tx:
                waiting = tx.stated_rule_facts(RULES_AT_ONCE)
                loaded = load(
                    tx,
                    self._keeper,
                    given.values(),
                    round_.settings,
                    book,
                    round_.now,
                    clocks_now=clocks_now,
                    enforce_from=round_.enforce_from,
                    blind=round_.blind,
                    fresh=fresh,
                    stated=tuple(dict.fromkeys((*waiting, *stated))),
                    known_cases=known,
                    groups=groups,
                )
            return replace(loaded, back_at=self._watch.back_at)

        def decided(fresh: frozenset[int], known: Mapping[int, Case]) -> tuple[World, Decision]:
            groups: frozenset[str] = frozenset()
            while True:
                world = world_of(fresh, known, groups)
                decision = decide(world)
                begun = {turn.episode.group for turn in decision.turns if not turn.episode.id} - groups
                with self._store.reading() as tx:
                    joined = {episode.group for episode in tx.open_episodes_of(sorted(begun))}
                if not joined:
                    return world, decision
                groups |= joined  # these have begun before: the facts join them
                known = {**known, **world.cases}

        world, decision = decided(frozenset(), {})
        if not decision.wants:
            return world, decision
        read = self._read_again(sorted(decision.wants), round_.report)
        given |= {told.id: told for told in read}
        with self._store.reading() as tx:
            cases = {told.id: case_of(tx, self._keeper, told, book) for told in read}
        kept = {ticket: case for ticket, case in world.cases.items() if ticket not in cases}
        return decided(frozenset(told.id for told in read if _is_sure(told)), {**kept, **cases})

    def _read_again(self, tickets: Sequence[int], report: CycleReport) -> Sequence[TicketClocks]:
        try:
            read = self._keeper.fresh(tickets, report)
        except SourceError as error:
            log.warning("alerts_wait", problem=str(error))
            return ()
        with self._store.transaction() as tx:
            for told in read:  # rules have not seen what was read just now, and what they wait for is due as before
                tx.bring_clock_forward(told.id, told.now + 1)
        return read

    def _quoted(self, round_: _Round, world: World, decision: Decision) -> tuple[World, Decision]:
        """With the words of the last steps on the tickets of which mails are about to tell."""
        if self._quoter is None or not decision.drafts:
            return world, decision
        quotes = self._quoter.read(decision.drafts, round_.settings.quotes)
        cases = {n: replace(world.cases[n], quotes=said) for n, said in quotes.items() if n in world.cases}
        return replace(world, cases={**world.cases, **cases}), decision

    # ---- writing down ----

    def _write(self, round_: _Round, decided: tuple[World, Decision] | None, work: AlertWork) -> bool:
        changed = _changed(*decided) if decided is not None else []
        if not changed and not work.digests and not round_.sees_again:
            return False
        with self._store.transaction() as tx:
            writer = Writer(tx, round_.settings, self._channels(), round_.now)
            cases = dict(decided[0].cases) if decided is not None else {}
            if decided is not None:
                self._keep(tx, writer, changed, cases, round_)
                tx.take_rule_facts(decided[0].stated)
            if round_.book is not None:
                self._add_waiting(tx, cases, round_.book, round_.now)
            for again in round_.sees_again:
                self._say_seeing(tx, writer, again, cases, round_)
            if round_.sees_again:
                self._watch.seen(tx, [again.side for again in round_.sees_again])
            writer.flush_digests(cases, patience=self._patience(round_, decided))
        return True

    def _say_seeing(self, tx: Tx, writer: Writer, again: SeesAgain, cases: dict[int, Case], round_: _Round) -> None:
        """To those who were told that the side cannot be read."""
        keys = {fact.key for fact in tx.facts_made_up_for(again.until, MADE_UP_FOR)}
        if round_.book is not None:
            missing = sorted({key.ticket for key in keys} - cases.keys())
            for told in self._keeper.folded(tx, missing, round_.now):
                cases[told.id] = case_of(tx, self._keeper, told, round_.book)
        for name in self._watch.told_blind(tx, round_.settings, again.side):
            told_of = Notification(
                Reason.SEEING,
                name,
                f"blind|{again.side}",
                0,
                round_.now,
                blind=again.side,
                blind_since=again.since,
                blind_until=again.until,
            )
            writer.say_seeing(told_of, f"seeing|{again.side}|{again.since}|{name}", keys, cases)

    def _patience(self, round_: _Round, decided: tuple[World, Decision] | None) -> int:
        """For how many seconds digests wait, because the next cycle will have more that belongs into them: tickets
        whose source was away, a history that is not read up to now, more than one cycle can take."""
        known = round_.report.clocks.get("known_until")
        is_behind = isinstance(known, int) and 0 < known < round_.now - round_.settings.blind_after - BEHIND
        if is_behind or (self._watch.back_at is not None and self._again):
            return CATCHING_UP
        world = decided[0] if decided is not None else None
        is_full = world is not None and (len(world.episodes) >= EPISODES_AT_ONCE or len(world.stated) >= RULES_AT_ONCE)
        return A_FEW_CYCLES if is_full or round_.is_full else 0

    def _keep(self, tx: Tx, writer: Writer, turns: Sequence[Turn], cases: Mapping[int, Case], round_: _Round) -> None:
        now, chains, drafts = round_.now, dict[str, tuple[int, Chain]](), list[Draft]()
        for turn in turns:
            number = tx.save_episode(turn.episode)
            chains[turn.episode.group] = (number, turn.episode.chain)
            tx.save_alert_facts(replace(fact, episode=number) for fact in turn.facts)
            _cancel_moot(tx, number, turn, now)
            for draft in turn.drafts:
                tx.save_told(number, draft.told)
                if draft.reason is not Reason.CORRECTION or _was_told(tx, number, draft):
                    drafts.append(draft)
        names = {draft.receiver for draft in drafts}
        since = {
            name: now - receiver.burst * receiver.refill
            for name, receiver in round_.settings.receivers.items()
            if name in names
        }
        written = {name: tx.times_written(name, at) for name, at in since.items()}
        waiting = {name: tx.first_digest(name) for name in since}
        sides = self._watch.back_sides
        seeing = frozenset(name for side in sides for name in self._watch.told_blind(tx, round_.settings, side))
        writer.write(pace(drafts, round_.settings, written, waiting, now, seeing=seeing), cases, chains)

    def _add_waiting(self, tx: Tx, cases: dict[int, Case], book: Book, now: int) -> None:
        """What a digest tells of tickets that this cycle did not look at is as of now, too."""
        waiting = {key.ticket for letter in tx.digest_waiting(now) for key in letter.keys} - cases.keys()
        for told in self._keeper.folded(tx, sorted(waiting), now):
            cases[told.id] = case_of(tx, self._keeper, told, book)

    # ---- sending ----

    def _send(self, settings: AlertSettings) -> None:
        channels = self._channels()

        def on_dead(tx: Tx, letter: Letter) -> None:
            self._watch.letter_dead(tx, settings, channels, letter)

        def send() -> None:
            self._postman.run(self._seconds, on_dead)

        if not self._apart:
            send()
        elif self._sender is None or not self._sender.is_alive():
            self._sender = threading.Thread(target=_logged(send), name="postman", daemon=True)
            self._sender.start()


def _is_sure(told: TicketClocks) -> bool:
    """Whether a breach may be told by what was read: nothing happened that the exact history does not tell yet. A
    history that stands still for long is not waited for."""
    return told.is_certain or told.now - told.as_of.history >= UNCERTAIN_FOR


def _logged(work: Callable[[], None]) -> Callable[[], None]:
    """What goes wrong in a thread of its own has nobody else to tell."""

    def run() -> None:
        try:
            work()
        except Exception:
            log.exception("letters_not_sent")

    return run


class _Round:
    """What one run goes by."""

    def __init__(
        self,
        settings: AlertSettings,
        book: Book | None,
        now: int,
        enforce_from: int,
        blind: frozenset[str],
        report: CycleReport,
    ) -> None:
        self.settings = settings
        self.book = book
        self.now = now
        self.enforce_from = enforce_from
        self.blind = blind
        self.report = report
        self.sees_again: list[SeesAgain] = []
        self.is_full = False  # more tickets wait than one cycle folds


def _changed(world: World, decision: Decision) -> list[Turn]:
    """The turns that leave something other than it was."""
    return [
        turn
        for turn in decision.turns
        if turn.facts or turn.drafts or world.episodes.get(turn.episode.id) != turn.episode
    ]


def _cancel_moot(tx: Tx, episode: int, turn: Turn, now: int) -> None:
    """Letters that nobody tried to send yet and that nobody needs any more: warnings of a clock that is over or
    breached (also when warnings and breaches have routes of their own), breaches that never were."""
    if not turn.facts:
        return
    breaching = {f.key.ticket for f in turn.facts if f.key.is_breach and f.state is FactState.FIRING}
    beside = {fact.episode for known in tx.alert_facts(breaching).values() for fact in known.values()}
    episodes = sorted({episode, *beside} - {0})
    waiting = tx.letters(episodes=episodes, states=[Post.NEW, Post.DIGEST])
    if not waiting:
        return
    facts = {fact.key: fact for facts in tx.facts_of_episodes(episodes).values() for fact in facts}
    breached = {key.clock for key, fact in facts.items() if key.is_breach and fact.state is FactState.FIRING}

    def is_moot(key: AlertKey) -> bool:
        fact = facts.get(key)
        if fact is None or fact.state is FactState.WITHDRAWN:
            return True
        return not key.is_breach and (fact.state is FactState.OVER or key.clock in breached)

    moot = [
        letter.id
        for letter in waiting
        if letter.keys and letter.reason != Reason.CORRECTION and all(is_moot(key) for key in letter.keys)
    ]
    tx.cancel_letters(moot, "it was over before it went out", now)


def _was_told(tx: Tx, episode: int, draft: Draft) -> bool:
    """Whether the receiver was sent (or may have been sent) what the draft corrects."""
    wanted = set(draft.keys)
    return any(
        letter.receiver == draft.receiver
        and not wanted.isdisjoint(letter.keys)
        and letter.state is not Post.CANCELLED
        and not (letter.state is Post.DIGEST and not letter.carrier)
        for letter in tx.letters(episodes=[episode])
    )
