"""What must hold of the mail when all is at rest, told by the mailboxes and the stopwatch: I7, and that letters leak
and repeat nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from syncd.core.alert_model import AlertKey, Post
from syncd.cycle.alerting import ENFORCE_FROM
from tests.simulation.clocks_and_rules import BOSS, FALLBACK, LEADS, SECOND
from tests.simulation.letters import DEAD_ADDRESS, Mail
from tests.simulation.oracle import Oracle
from tests.simulation.promises import Promises, Turn
from tests.simulation.stopwatch import SLACK, Measured, Stopwatch, times_back

if TYPE_CHECKING:
    from tests.simulation.history import History

NEWS = ("first", "breach")
"""Reasons that promise something that the receiver does not know."""
ALARMS = (*NEWS, "level", "digest")
MOST_TURNS = 2
"""Whole cycles after a breach until somebody must have been told: it is due while one runs, and told by the next."""


def every_breach_is_told(history: History, watch: Stopwatch, promises: Promises) -> None:
    """I7: each to the lead, or, where that could not be, to whoever is there for that."""
    since = _told_since(history, promises)
    told = _told(promises.office.mails)
    last = [turn for turn in promises.turns if turn.is_whole and turn.start >= promises.healed_at][-MOST_TURNS:]
    if len(last) < MOST_TURNS:
        return
    for clock in watch.measured.values():
        at = watch.breached_at(clock)
        if at is None or watch.is_close(clock) or at < since + SLACK:
            continue
        if at + promises.clocks.group_wait + SLACK >= last[0].start:
            continue  # it is due in a cycle to come
        names = [mail.recipient for mail in told.get(clock.name, ())]
        if LEADS in names:
            continue
        lost = _given_up(history, clock)
        # Where the fallback's mail is refused for good, too, nobody is left: `syncd alerts list` shows both.
        nobody_is_left = {address for address, key in lost if key.is_breach} >= {LEADS, FALLBACK}
        if not (lost and FALLBACK in names) and not nobody_is_left:
            history.broken("I7", f"the breach of {clock.name} at {_ago(watch, at)} was told to {names or 'nobody'}")


def _told_since(history: History, promises: Promises) -> float:
    """What clocks passed before alerts were there is history. They are there from the first cycle on."""
    with history.process.aside() as tx:
        since = tx.get_fact(ENFORCE_FROM)
    if not isinstance(since, int):
        history.broken("I7", "nobody knows since when there are alerts")
        return float("inf")
    late = seconds_late(since, promises.turns)
    if late > SLACK and not history.outcome.faults["old_backup"]:
        history.broken("I7", f"alerts are there since {late:.0f} s after the first cycle")
    return since


def seconds_late(since: int, turns: Sequence[Turn]) -> float:
    """By how much alerts are there later than the end of the first whole cycle, by the clock which that cycle went by.
    One that is off by too little to be corrected is the time: a clock that has passed by it when alerts begin is
    history. That it is off by no more is judged in Promises.went."""
    first = next((turn.end + turn.skew for turn in turns if turn.is_whole), float("inf"))
    return since - first


def _given_up(history: History, clock: Measured) -> list[tuple[str, AlertKey]]:
    """What of the clock could not be delivered to which address."""
    with history.process.aside() as tx:
        dead = tx.letters(states=[Post.DEAD])
    found = [(letter.address, key) for letter in dead for key in letter.keys]
    return [(address, key) for address, key in found if (key.ticket, key.metric, key.cycle) == _key(clock)]


def _key(clock: Measured) -> tuple[int, str, int]:
    return clock.ticket, clock.metric, clock.cycle


def _told(mails: Sequence[Mail]) -> Mapping[str, list[Mail]]:
    """The mails that tell of each clock's breach."""
    found: dict[str, list[Mail]] = defaultdict(list)
    for mail in mails:
        for fact in mail.facts:
            name, _, threshold = fact.rpartition(".")
            if threshold.startswith("breach"):
                found[name].append(mail)
    return found


def _ago(watch: Stopwatch, at: float) -> str:
    return f"{watch.now - at:.0f} s ago"


def no_breach_is_made_up(history: History, watch: Stopwatch, promises: Promises) -> None:
    """I7: who was told of a breach that never was is told so."""
    ahead = [turn.start for turn in promises.turns if turn.skew > SLACK]
    mails = promises.office.mails
    for place, mail in enumerate(mails):
        if mail.reason not in ALARMS or any(start <= mail.at for start in ahead):
            continue  # by a wall clock that is ahead, it was so
        for name in {fact.rpartition(".")[0] for fact in mail.facts if ".breach" in fact}:
            clock = watch.measured.get(name)
            if clock is None:
                continue
            at = watch.breached_at(clock)
            if (at is not None and at <= mail.at + SLACK) or watch.is_close(clock):
                continue
            later = [each for each in mails[place + 1 :] if each.recipient == mail.recipient]
            if not any(each.reason == "correction" and _speaks_of(each, name) for each in later):
                when = "never" if at is None else f"{at - mail.at:.0f} s later"
                history.broken("I7", f"{mail.recipient} was told of the breach of {name}, which came {when}")


def _speaks_of(mail: Mail, name: str) -> bool:
    return any(fact.rpartition(".")[0] == name for fact in mail.facts)


def a_message_is_one_message(history: History, watch: Stopwatch, promises: Promises) -> None:
    """I7: the same Message-ID is the same bytes to the same reader, however often it is sent."""
    del watch
    content: dict[str, tuple[str, bytes]] = {}
    for mail in promises.office.offered:
        mine, lost = (mail.recipient, mail.raw), history.outcome.faults["old_backup"]
        if content.setdefault(mail.message_id, mine) != mine and not lost:
            history.broken("I7", f"{mail.message_id} came with other bytes, or to another reader")


def nothing_is_told_twice(history: History, watch: Stopwatch, promises: Promises) -> None:
    """I7: a message that promises news, under an id of its own, has some: a ticket that was opened again is news."""
    del watch
    if history.outcome.faults["old_backup"]:
        return  # what was told since the backup may be told again
    for mail in repeated_news(promises.office.mails, promises.office.offered, lambda fact: _times_back(history, fact)):
        history.broken("I7", f"{mail.recipient} is told again of {', '.join(mail.facts)}: {mail.message_id}")


def repeated_news(mails: Sequence[Mail], offered: Sequence[Mail], times_back: Callable[[str], int]) -> list[Mail]:
    """The messages that promised news and had none, though they came under an id of their own.

    Each is judged by when the server was first shown it: a digest that comes while a breach waits for a server that put
    it off does not make old news of it. `times_back`: how often a fact's ticket was opened again.
    """
    first = {(mail.recipient, mail.message_id): place for place, mail in reversed(list(enumerate(offered)))}
    once = {(mail.recipient, mail.message_id): mail for mail in reversed(mails)}
    heard: dict[str, Counter[str]] = defaultdict(Counter)
    repeats = []
    for key in sorted(once, key=first.__getitem__):
        mail = once[key]
        mine, facts = heard[mail.recipient], {fact for fact in mail.facts if ".-." not in fact}  # none of a rule's
        is_deputy = mail.recipient == FALLBACK  # who hears what others could not be told, too
        promises_news = mail.reason in NEWS and facts and not is_deputy
        if promises_news and all(mine[fact] > times_back(fact) for fact in facts):
            repeats.append(mail)
        for fact in facts:
            mine[fact] = 0 if mail.reason == "correction" else max(mine[fact] + bool(promises_news), 1)
    return repeats


def _times_back(history: History, fact: str) -> int:
    """How often the fact's ticket was opened again after it had been solved."""
    return times_back(history.oracle.ticket(int(fact.partition(".")[0])), 0)


def a_lost_answer_is_followed_by_the_same_mail(history: History, watch: Stopwatch, promises: Promises) -> None:
    """I7: whoever sends does not know that the mail was taken, and sends it once more."""
    del watch
    fates, faults = promises.office.fates, history.outcome.faults
    if faults["old_backup"] or faults["mail_refused_once"]:
        return  # who does not know what was sent, or is refused when it is sent again, does neither
    for place, (message, fate) in enumerate(fates):
        again = any(later == message for later, _ in fates[place + 1 :])
        earlier = any(before == message for before, _ in fates[:place])
        if fate in ("lost", "died") and not again and not earlier:
            history.broken("I7", f"the answer to {message} was lost, and it was not sent again")


def readers_are_those_of_the_configuration(history: History, watch: Stopwatch, promises: Promises) -> None:
    """I5: no customer gets a mail of syncd: what was said inside the house may be in it."""
    del watch
    mine = {LEADS, SECOND, BOSS, FALLBACK, DEAD_ADDRESS}
    for mail in promises.office.offered:
        if mail.recipient not in mine:
            history.broken("I5", f"{mail.recipient} got {mail.message_id}")


def nothing_is_left_in_the_outbox(history: History, watch: Stopwatch, promises: Promises) -> None:
    """I10: what was written was sent, or somebody was told why not."""
    del watch
    if promises.waits(promises.turns[-2].start):
        history.broken("I10", "a message still waits")
    with history.process.aside() as tx:
        dead = tx.letters(states=[Post.DEAD])
    if any(letter.reason == "notice" for letter in dead):
        return  # there are no notices about notices: `syncd status` has them
    notices = [mail for mail in promises.office.mails if mail.reason == "notice" and mail.recipient == FALLBACK]
    for letter in dead:
        is_owed = letter.reason != "notice" and letter.address != FALLBACK and not history.outcome.faults["old_backup"]
        if is_owed and not any(letter.address in mail.text for mail in notices):
            history.broken("I10", f"{letter.message_id} was given up ({letter.last_error}), and nobody was told")


def it_is_told_soon(history: History, watch: Stopwatch, promises: Promises) -> None:
    """I7: at most so many whole cycles lie between a breach and the first try to tell of it."""
    for clock in watch.measured.values():
        at = watch.breached_at(clock)
        first = next((m for m in promises.office.offered if _speaks_of(m, clock.name) and _is_alarm(m, clock)), None)
        if at is None or first is None or first.reason not in NEWS or at <= promises.healed_at:
            continue
        begun = at + promises.clocks.group_wait + SLACK
        between = [turn for turn in promises.turns if turn.is_whole and turn.start >= begun and turn.end < first.at]
        if len(between) > MOST_TURNS:
            history.broken("I7", f"{len(between)} cycles went by before anybody was told of {clock.name}")


def _is_alarm(mail: Mail, clock: Measured) -> bool:
    return any(fact.startswith(f"{clock.name}.breach") for fact in mail.facts)


LOOKS: tuple[Callable[[History, Stopwatch, Promises], None], ...] = (
    every_breach_is_told,
    no_breach_is_made_up,
    a_message_is_one_message,
    nothing_is_told_twice,
    a_lost_answer_is_followed_by_the_same_mail,
    readers_are_those_of_the_configuration,
    nothing_is_left_in_the_outbox,
    it_is_told_soon,
)


def judge_mail(history: History, oracle: Oracle, watch: Stopwatch, promises: Promises) -> None:
    """All of the above."""
    del oracle
    for look in LOOKS:
        look(history, watch, promises)
