"""When each metric starts, is met and is cancelled: one function per kind, fed with the moments of a ticket's life.

The kinds follow Zendesk's where it has them (https://support.zendesk.com/hc/en-us/articles/4408834848154): a first
reply is a public comment by an agent after the ticket's creation; a next reply answers the oldest unanswered public
comment of a customer; solving a ticket meets what is open. Triggers and syncd itself never reply, whatever they write.
The requester asks, also where that is an agent; somebody else whose role nobody can tell any more, because the account
was deleted, replies: customers that write on others' tickets are rarer than agents that leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from syncd.core.model import ActorKind
from syncd.sla.conditions import hold
from syncd.sla.events import BugChanged, BugLinked, BugMoved, BugTouched, Commented, Event, Side
from syncd.sla.policy import Book, Counts, First, Kind, Merge, Metric, Options, Reopen
from syncd.sla.standing import Moment, Standing


class Outcome(StrEnum):
    MET = "met"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of a metric. `subject` is the bug's id for metrics of bugs, else ""."""

    metric: str
    kind: Kind
    subject: str
    number: int  # from 1
    start: int
    started_by: str
    end: int | None = None
    outcome: Outcome | None = None
    ended_by: str = ""
    inferred: bool = False  # start or end rests on something that the trackers could not tell exactly


@dataclass(slots=True)
class _Run:
    start: int
    started_by: str
    end: int | None = None
    outcome: Outcome | None = None
    ended_by: str = ""
    inferred: bool = False


@dataclass(slots=True)
class _Track:
    """The runs of one metric and subject while they are being found."""

    runs: list[_Run] = field(default_factory=list)
    answered: bool = False  # next reply: somebody has spoken to the customer
    begun: bool = False  # update: the periods have begun

    @property
    def is_open(self) -> bool:
        return bool(self.runs) and self.runs[-1].end is None

    def start(self, moment: Moment) -> None:
        if not self.is_open:
            self.runs.append(_Run(moment.at, moment.why, inferred=_inferred(moment)))

    def meet(self, moment: Moment) -> None:
        self._end(moment, Outcome.MET)

    def cancel(self, moment: Moment) -> None:
        self._end(moment, Outcome.CANCELLED)

    def resume(self) -> None:
        """The last run, which was met, goes on."""
        run = self.runs[-1]
        run.end, run.outcome, run.ended_by = None, None, ""

    def _end(self, moment: Moment, outcome: Outcome) -> None:
        if self.is_open:
            run = self.runs[-1]
            run.end, run.outcome, run.ended_by = moment.at, outcome, moment.why
            run.inferred = run.inferred or _inferred(moment)


def cycles(name: str, moments: Iterable[Moment], book: Book) -> tuple[Cycle, ...]:
    """The runs of a metric, in order of subject and time."""
    tracks: dict[str, _Track] = {}
    kind = book.metric(name, 0).kind
    for moment in moments:
        metric, options = book.metric(name, moment.at), book.at(moment.at).options
        if kind.of_bug:
            subjects = {bug.id for standing in (moment.before, moment.after) for bug in standing.bugs}
            for subject in sorted(subjects):
                _BUG_STEPS[kind](metric, moment, subject, tracks.setdefault(subject, _Track()))
        else:
            track = tracks.setdefault("", _Track())
            if moment.after.is_gone:
                met = moment.after.merged_into is not None and options.merge is Merge.MEET
                (track.meet if met else track.cancel)(moment)
            else:
                _STEPS[kind](metric, options, moment, track)
    return tuple(
        Cycle(name, kind, subject, number, run.start, run.started_by, run.end, run.outcome, run.ended_by, run.inferred)
        for subject, track in sorted(tracks.items())
        for number, run in enumerate(track.runs, 1)
    )


def _inferred(moment: Moment) -> bool:
    return any(event.inferred for event in moment.events)


def _solves(moment: Moment) -> bool:
    return moment.after.is_solved and not (moment.before.exists and moment.before.is_solved)


def _reopens(moment: Moment) -> bool:
    return moment.before.is_solved and not moment.after.is_solved


def _returns(moment: Moment) -> bool:
    """It was taken out of the bin again, unsolved."""
    return moment.before.exists and moment.before.is_gone and not moment.after.is_solved


def _asks(event: Event, after: Standing) -> bool:
    """Whether a comment by that actor comes from the customer's side."""
    if event.by.kind is ActorKind.CUSTOMER:
        return True
    is_somebody = event.by.kind in (ActorKind.AGENT, ActorKind.UNKNOWN) and bool(event.by.id)
    return is_somebody and event.by.id == after.value("requester")


def _is_staff(event: Event) -> bool:
    return event.by.kind is ActorKind.AGENT or (event.by.kind is ActorKind.UNKNOWN and bool(event.by.id))


def _is_reply(event: Event, comment: Commented, after: Standing) -> bool:
    return comment.public and _is_staff(event) and not _asks(event, after)


def _is_question(event: Event, comment: Commented, after: Standing) -> bool:
    return comment.public and _asks(event, after)


# ---- the ticket's own metrics ------------------------------------------------------------------------------------


def _first_reply(_metric: Metric, _options: Options, moment: Moment, track: _Track) -> None:
    if moment.is_creation:
        track.start(moment)  # what an agent writes on creating the ticket is the question, not the reply
    elif any(_is_reply(event, comment, moment.after) for event, comment in moment.comments()):
        track.meet(moment)
    elif _returns(moment) and all(run.outcome is Outcome.CANCELLED for run in track.runs):
        track.start(moment)
    if _solves(moment):
        track.meet(moment)


def _next_reply(_metric: Metric, _options: Options, moment: Moment, track: _Track) -> None:
    if not moment.is_creation:
        for event, comment in moment.comments():
            if _is_reply(event, comment, moment.after):
                track.meet(moment)
                track.answered = True
            elif _is_question(event, comment, moment.after) and track.answered and not moment.after.is_solved:
                track.start(moment)  # thanks that leave a ticket solved wait for nothing
    if _solves(moment):
        track.meet(moment)
        track.answered = True


def _update(metric: Metric, _options: Options, moment: Moment, track: _Track) -> None:
    noted = not moment.is_creation and any(
        _counts(metric, event, comment, moment.after) for event, comment in moment.comments()
    )
    begins = {
        First.REPLY: any(_is_reply(event, comment, moment.after) for event, comment in moment.comments()),
        First.CREATED: moment.is_creation,
        First.ASSIGNED: moment.after.value("assignee") is not None,
    }[metric.first]
    track.begun = track.begun or begins or (noted and metric.first is First.REPLY)
    if noted or _solves(moment):
        track.meet(moment)
    waits = metric.first is not First.REPLY and not track.is_open  # after a reopening, no reply has to begin it
    if track.begun and not moment.after.is_solved and (noted or begins or waits):
        track.start(moment)


def _counts(metric: Metric, event: Event, comment: Commented, after: Standing) -> bool:
    if not _is_staff(event) or (comment.public and _asks(event, after)):
        return False
    if metric.by_assignee and event.by.id != after.value("assignee"):
        return False
    return metric.counts is Counts.ANY or comment.public is (metric.counts is Counts.PUBLIC)


def _acknowledge(metric: Metric, _options: Options, moment: Moment, track: _Track) -> None:
    before, after = moment.before.value("assignee"), moment.after.value("assignee")
    if after != before:
        track.cancel(moment)
        if after is not None and not moment.after.is_solved:
            track.start(moment)
    by_assignee = after is not None and any(
        event.side is Side.TICKET and event.by.id == after for event in moment.events
    )
    if by_assignee or moment.after.is_solved or _says(metric, moment):
        track.meet(moment)


def _checkpoint(metric: Metric, _options: Options, moment: Moment, track: _Track) -> None:
    if hold(metric.starts_when, moment.after) and not (
        moment.before.exists and hold(metric.starts_when, moment.before)
    ):
        track.start(moment)
    if _says(metric, moment) or (metric.solved_meets and _solves(moment)):
        track.meet(moment)


def _says(metric: Metric, moment: Moment) -> bool:
    """Whether a tag, a field or a marked comment of this moment says that it is done."""
    if metric.met_when is not None and hold(metric.met_when, moment.after):
        return True
    return any(
        not metric.markers.isdisjoint(comment.markers) and event.by.kind is not ActorKind.CUSTOMER
        for event, comment in moment.comments()
    )


def _resolution(_metric: Metric, options: Options, moment: Moment, track: _Track) -> None:
    if moment.is_creation:
        track.start(moment)
    elif _reopens(moment) and track.runs and not track.is_open:
        if options.reopen is Reopen.RESTART or track.runs[-1].outcome is Outcome.CANCELLED:
            track.start(moment)
        else:
            track.resume()
    elif _returns(moment):
        track.start(moment)
    if _solves(moment):
        track.meet(moment)


_Step: TypeAlias = Callable[[Metric, Options, Moment, _Track], None]
_STEPS: Final[Mapping[Kind, _Step]] = {
    Kind.FIRST_REPLY: _first_reply,
    Kind.NEXT_REPLY: _next_reply,
    Kind.UPDATE: _update,
    Kind.ACKNOWLEDGE: _acknowledge,
    Kind.CHECKPOINT: _checkpoint,
    Kind.RESOLUTION: _resolution,
}


# ---- metrics of the bugs -----------------------------------------------------------------------------------------


def _touches(moment: Moment, subject: str) -> bool:
    """Whether a person did something to the bug; linking it is no work on it."""
    return any(
        event.bug == subject and event.by.kind.is_person and isinstance(event.what, BugMoved | BugChanged | BugTouched)
        for event in moment.events
    )


def _joins(moment: Moment, subject: str) -> bool:
    return any(event.bug == subject and isinstance(event.what, BugLinked) for event in moment.events)


def _bug_first_action(_metric: Metric, moment: Moment, subject: str, track: _Track) -> None:
    bug = moment.after.bug_of(subject)
    if bug is None:
        track.cancel(moment)
        return
    if _joins(moment, subject) and not track.runs and not bug.done:
        track.start(moment)
    if bug.done or _touches(moment, subject):
        track.meet(moment)


def _bug_stage(metric: Metric, moment: Moment, subject: str, track: _Track) -> None:
    bug = moment.after.bug_of(subject)
    if bug is None:
        track.cancel(moment)
    elif bug.stage in metric.stages:
        track.start(moment)
    else:
        track.meet(moment)


def _bug_untouched(_metric: Metric, moment: Moment, subject: str, track: _Track) -> None:
    bug = moment.after.bug_of(subject)
    if bug is None:
        track.cancel(moment)
        return
    if bug.done or _touches(moment, subject):
        track.meet(moment)
    if not bug.done:
        track.start(moment)


_BugStep: TypeAlias = Callable[[Metric, Moment, str, _Track], None]
_BUG_STEPS: Final[Mapping[Kind, _BugStep]] = {
    Kind.BUG_FIRST_ACTION: _bug_first_action,
    Kind.BUG_STAGE: _bug_stage,
    Kind.BUG_UNTOUCHED: _bug_untouched,
}
