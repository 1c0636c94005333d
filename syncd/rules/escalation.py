"""Escalation rules: when a ticket's situation fits a rule, what its levels do, each once per episode. Pure.

A rule is level-triggered: it is asked again and again with the situation as it is, and its run (what it did so far)
is what keeps it from doing anything twice. A run begins when the conditions hold and is over when they do not; one
that comes back within `rearm` goes on where it was, so that a status that flips back and forth starts nothing anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final, TypeAlias

from syncd.core.conditions import Condition, Conditions, Operator, Value, holds

HOUR: Final = 3600
MINUTES: Final = "minutes_since."
"""`minutes_since.X` is worth the whole minutes since an instant of the situation."""


class ReadyNote:
    """The notes that syncd fills in itself."""

    MISSING: Final = "missing_information"
    FORM: Final = "escalation_form"
    ROOT_CAUSE: Final = "root_cause"
    ARTICLE: Final = "knowledge_article"
    PRIORITY: Final = "priority_check"
    ALL: Final = (MISSING, FORM, ROOT_CAUSE, ARTICLE, PRIORITY)


# ---- what a level does -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notify:
    """Receivers hear of it."""

    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RaisePriority:
    """The ticket's priority goes up, by steps or to a floor; it never goes down."""

    steps: int = 0
    to: str = ""


@dataclass(frozen=True, slots=True)
class AssignGroup:
    """The ticket goes to a group; its assignee is taken off, because the group decides."""

    group_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Unassign:
    """The assignee is taken off, so that the group sees the ticket again."""


@dataclass(frozen=True, slots=True)
class AddTags:
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteNote:
    """An internal note: a template of the operator's, or one of ReadyNote.ALL."""

    text: str = ""
    ready: str = ""


@dataclass(frozen=True, slots=True)
class CreateBugFor:
    """The ticket asks for a bug of a route, as if an agent had set the tag."""

    route: str
    tag: str


@dataclass(frozen=True, slots=True)
class RaiseBugPriority:
    """The bug's priority goes up by steps of Jira's own order."""

    steps: int = 1


@dataclass(frozen=True, slots=True)
class CommentBug:
    """A comment on the ticket's bugs: a template of the operator's."""

    text: str


Do: TypeAlias = (
    Notify | RaisePriority | AssignGroup | Unassign | AddTags | WriteNote | CreateBugFor | RaiseBugPriority | CommentBug
)


# ---- rules, situations, runs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Level:
    """What is done some seconds after the run began."""

    after: int
    do: tuple[Do, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """What is done again after the last level, every so many seconds, so many times."""

    every: int
    times: int
    do: tuple[Do, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps of a rule; a run keeps those that it began with, so that an edited rule disturbs no running one."""

    levels: tuple[Level, ...]
    repeat: Repeat | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    when: Conditions
    chain: Chain
    per: str = ""  # a new run when this field's value changes; "" = only after the conditions ceased to hold
    during: str = ""  # the calendar in whose open hours it acts; "" = always
    rearm: int = HOUR  # seconds without the conditions holding after which a run can no longer go on
    stops_when_acknowledged: bool = True
    acknowledged_for: int = 4 * HOUR  # seconds until an acknowledged run climbs on
    solved_too: bool = False  # a solved ticket is none of a rule's business unless it says so
    asks: str = ""  # what those who hear of it are to do: call, decide, root_cause, or a sentence
    said: tuple[str, ...] = field(default=(), repr=False)  # each line of `when` in the words of the configuration

    @property
    def digest(self) -> str:
        """The same for rules that mean the same."""
        return blake2b(repr(self).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Situation:
    """A ticket as rules see it. Instants are Unix seconds."""

    ticket: int
    values: Mapping[str, Value] = field(default_factory=dict)
    instants: Mapping[str, int] = field(default_factory=dict)  # what minutes_since.X counts from
    latest: int = 0  # when the last thing happened to it: an event, or a threshold of one of its clocks
    acknowledged_at: int | None = None  # when a person last showed that they have it
    is_solved: bool = False
    is_gone: bool = False  # merged away or deleted

    def value(self, name: str, now: int) -> Value:
        """What a condition compares with; None when there is nothing."""
        if name.startswith(MINUTES):
            since = self.instants.get(name.removeprefix(MINUTES))
            return None if since is None or since > now else (now - since) // 60
        return self.values.get(name)


@dataclass(frozen=True, slots=True)
class Run:
    """One episode of a rule on a ticket, and how far it went."""

    rule: str
    ticket: int
    number: int
    since: int
    chain: Chain
    per: str = ""
    done: int = 0  # levels
    repeated: int = 0
    last_at: int = 0  # when it last did something
    over_at: int | None = None
    acknowledged_at: int | None = None
    silent: bool = False  # it had begun before the rule was there: it does nothing

    @property
    def is_open(self) -> bool:
        return self.over_at is None

    def without(self, step: str) -> Run:
        """As if this step and those of its kind after it had not been taken."""
        kind, _, number = step.rpartition("-")
        before = int(number) - 1
        if kind == "repeat":
            return replace(self, repeated=min(self.repeated, before))
        return replace(self, done=min(self.done, before))


@dataclass(frozen=True, slots=True)
class Firing:
    """A step to carry out. Its key is the same however often it is asked for."""

    rule: str
    ticket: int
    number: int  # of the run
    step: str  # level-1, level-2 …, repeat-1 …
    at: int  # when it was due
    do: tuple[Do, ...]

    @property
    def key(self) -> str:
        """`rule name/run/step`."""
        return f"{self.rule}/{self.number}/{self.step}"


@dataclass(frozen=True, slots=True)
class Advanced:
    """What came of asking a rule. `next_at`: when it is to be asked again though nothing happens; None = never."""

    run: Run | None
    firings: tuple[Firing, ...] = ()
    next_at: int | None = None
    why: str = ""  # why it did nothing, for `explain`


Opening: TypeAlias = Callable[[int], int | None]
"""The first open instant at or after another one; None when there is none."""


def advance(
    rule: Rule, run: Run | None, situation: Situation, now: int, *, enforce_from: int, opening: Opening | None = None
) -> Advanced:
    """Asks the rule once. `run` is the newest one of this rule and ticket. What began before `enforce_from` is
    history: its run is recorded and does nothing.

    Overdue levels (after an outage) are all carried out, but each receiver hears only of the last that names it."""
    if run is not None and now < max(run.since, run.last_at):
        # What was known then is not known now; nothing may be concluded from it.
        return Advanced(run, next_at=max(run.since, run.last_at), why="the clock was set back")
    is_over = _is_over(rule, situation)
    coming = None if is_over else _next_crossing(rule.when, situation, now)
    if not is_about(rule, situation, now):
        closed = run if run is None or not run.is_open else replace(run, over_at=now)
        return Advanced(closed, next_at=coming, why="it is over" if is_over else "its conditions do not hold")
    run = _current(rule, run, situation, now, enforce_from)
    if run.silent:
        return Advanced(run, next_at=coming, why="it was so before the rule was there")
    if rule.stops_when_acknowledged:
        run = _acknowledged(run, situation)
        until = None if run.acknowledged_at is None else run.acknowledged_at + rule.acknowledged_for
        if until is not None and now < until:
            return Advanced(run, next_at=_earliest(coming, until), why="somebody acknowledged it")
    run, firings, due = _climb(rule, run, now, opening)
    return Advanced(run, firings, _earliest(coming, due), why="" if firings else "everything due was done")


def is_about(rule: Rule, situation: Situation, now: int) -> bool:
    """Whether the rule is about the ticket as it is."""
    return not _is_over(rule, situation) and holds(rule.when, lambda name: situation.value(name, now))


def _is_over(rule: Rule, situation: Situation) -> bool:
    return situation.is_gone or (situation.is_solved and not rule.solved_too)


def _current(rule: Rule, run: Run | None, situation: Situation, now: int, enforce_from: int) -> Run:
    """The run that goes on, or a new one."""
    per = str(situation.value(rule.per, now)) if rule.per else ""
    since = _crossed(rule.when, situation, now, min(situation.latest or now, now))
    if run is not None and run.per == per:
        if run.over_at is None:
            return run
        if since - run.over_at <= rule.rearm:  # when it came back counts, not when that was seen
            return replace(run, over_at=None)
    number = 1 if run is None else run.number + 1
    return Run(rule.name, situation.ticket, number, since, rule.chain, per, silent=since < enforce_from)


def _acknowledged(run: Run, situation: Situation) -> Run:
    at = situation.acknowledged_at
    if at is None or at < max(run.since, run.last_at) or run.done == 0:
        return run
    return replace(run, acknowledged_at=max(at, run.acknowledged_at or at))


def _climb(rule: Rule, run: Run, now: int, opening: Opening | None) -> tuple[Run, tuple[Firing, ...], int | None]:
    """Every step that is due, and when the next one will be."""
    shift = 0  # an acknowledgement holds the climb up: what was due meanwhile is due when it ends
    if rule.stops_when_acknowledged and run.acknowledged_at is not None:
        shift = run.acknowledged_at + rule.acknowledged_for

    def due_at(at: int) -> int | None:
        at = max(at, shift)
        return at if opening is None else opening(at)

    firings: list[Firing] = []
    while True:
        step, at, do = _step(run, due_at)
        if at is None or at > now:
            break
        firings.append(Firing(run.rule, run.ticket, run.number, step, at, do))
        repeats = step.startswith("repeat")
        run = replace(
            run,
            done=run.done + (not repeats),
            repeated=run.repeated + repeats,
            last_at=now,
        )
    return run, _one_word_each(firings), at


def _one_word_each(firings: Sequence[Firing]) -> tuple[Firing, ...]:
    """Of steps that are carried out together, a receiver hears only of the last one that names it."""
    told: set[str] = set()
    found: list[Firing] = []
    for firing in reversed(firings):
        does: list[Do] = []
        for do in firing.do:
            if isinstance(do, Notify):
                receivers = tuple(name for name in do.receivers if name not in told)
                told.update(receivers)
                does += [Notify(receivers)] if receivers else []
            else:
                does.append(do)
        found += [replace(firing, do=tuple(does))] if does else []
    return tuple(reversed(found))


def _step(run: Run, due_at: Callable[[int], int | None]) -> tuple[str, int | None, tuple[Do, ...]]:
    """The next step of a run and when it is due; None when there is none any more."""
    levels, repeat = run.chain.levels, run.chain.repeat
    if run.done < len(levels):
        level = levels[run.done]
        return f"level-{run.done + 1}", due_at(run.since + level.after), level.do
    if repeat is not None and run.repeated < repeat.times:
        return f"repeat-{run.repeated + 1}", due_at(run.last_at + repeat.every), repeat.do
    return "", None, ()


def _earliest(*instants: int | None) -> int | None:
    return min((at for at in instants if at is not None), default=None)


def _timed(when: Conditions, situation: Situation) -> list[tuple[Condition, int]]:
    """The lines about minutes, each with the instant at which it changes its answer."""
    found = []
    for line in when.each():
        since = situation.instants.get(line.field.removeprefix(MINUTES)) if line.field.startswith(MINUTES) else None
        if since is None:
            continue
        try:
            minutes = int(float(str(line.value)))
        except ValueError:
            continue
        if line.operator is Operator.GREATER_THAN:
            found.append((line, since + (minutes + 1) * 60))
        elif line.operator is Operator.LESS_THAN:
            found.append((line, since + minutes * 60))
    return found


def _next_crossing(when: Conditions, situation: Situation, now: int) -> int | None:
    return min((at for _, at in _timed(when, situation) if at > now), default=None)


def _crossed(when: Conditions, situation: Situation, now: int, since: int) -> int:
    """When the conditions began to hold, if minutes are what they waited for."""
    crossed = [at for line, at in _timed(when, situation) if line.operator is Operator.GREATER_THAN and at <= now]
    return max([since, *crossed]) if crossed else since
