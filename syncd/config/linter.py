"""Proof that a mapping's writes settle: a walk through all states that it can tell apart, with the decisions as they
are made in production. What goes wrong is told as the steps that lead there.

The laws that can be read off the file, with their lines, are in laws.py.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from syncd.config.classes import BugState, Classes, classes_of, landing
from syncd.config.ideal import START, Ideal, Look
from syncd.core.actions import CommentOnBug, MoveBug, Plan, RemoteAction, RemoveTag, UpdateTicket
from syncd.core.mapping import NOTE, Stage, StageMapping, TicketMove
from syncd.core.model import (
    Actor,
    ActorKind,
    IssueSnapshot,
    LinkState,
    Origin,
    ProjectCatalog,
    TicketSnapshot,
    TicketState,
)
from syncd.core.world import RouteView

CYCLES: Final = 8
MOST_STEPS: Final = 30_000
"""Moves that a walk looks at; the rest of a very large mapping is left out, and said so."""

AGENT: Final = Actor(ActorKind.AGENT, "agent", "an agent")
CUSTOMER: Final = Actor(ActorKind.CUSTOMER, "customer", "the customer")
RULE: Final = Actor(ActorKind.RULE, "rule", "a rule")
DEVELOPER: Final = Actor(ActorKind.AGENT, "developer", "a developer")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong (`error`: the mapping must not run) or worth a look (`warning`)."""

    severity: str
    message: str


def lint_mapping(
    mapping: StageMapping, *, project: ProjectCatalog | None = None, beside: Sequence[StageMapping] = ()
) -> list[Finding]:
    """What is wrong with a mapping, each kind of fault once. `beside`: mappings of other bugs on the same tickets."""
    findings = [*_loops(mapping), *_flips(mapping), *_landings(mapping, project), *_dead_ends(mapping)]
    if any(finding.severity == "error" for finding in findings):
        return findings  # the walk would only tell the same again, at length
    pictures: list[tuple[int, list[StageMapping]]] = [(1, [mapping]), (2, [mapping]), (1, [mapping, mapping])]
    for tickets, mappings in [*pictures, *((1, [mapping, other]) for other in beside)]:
        classes = classes_of(mappings, project)
        findings += _walked(_Picture(repr((mappings, classes, tickets)), mappings, classes, tickets))
        if any(finding.severity == "error" for finding in findings):
            break  # a fault of one ticket and one bug shows in every larger picture
    return findings


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is walked: projects that share a workflow make the same one."""

    words: str
    mappings: Sequence[StageMapping] = field(compare=False)
    classes: Classes = field(compare=False)
    tickets: int = field(compare=False)


@functools.lru_cache(maxsize=128)
def _walked(picture: _Picture) -> tuple[Finding, ...]:
    return tuple(Walk(picture.mappings, picture.classes, picture.tickets).findings())


# ---- what can be read off the mapping ----------------------------------------------------------------------------


def _loops(mapping: StageMapping) -> Iterator[Finding]:
    """A stage that sets the ticket to what asks the bug to leave the stage; a tag that asks to and fro."""
    for stage in mapping.stages:
        for source, target in stage.set_ticket:
            for move, outcome in stage.asks:
                if move.to is None or outcome == NOTE or move.by in ("agent", "customer"):
                    continue
                if move.to.matches(TicketState(target.category, target.custom_id)) and (
                    move.frm is None or move.frm.matches(TicketState(source.category, source.custom_id))
                ):
                    yield Finding(
                        "error",
                        f"Ping-pong: stage {stage.name} sets the ticket from {source.name} to {target.name}, and there "
                        f"'{move.key}' moves the bug on to {outcome}. Set another status, or write "
                        f"'{move.key} by agent'.",
                    )
        for move, outcome in stage.asks:
            goal = mapping.stage(outcome)
            back = [name for other, name in goal.asks if other.tag == move.tag and name != NOTE] if goal else []
            if move.tag is not None and back:
                yield Finding(
                    "error",
                    f"Ping-pong: the tag {move.tag} moves a bug from {stage.name} to {outcome}, and there to {back[0]} "
                    "before it is taken off the ticket. Ask by two tags.",
                )


def _flips(mapping: StageMapping) -> Iterator[Finding]:
    """What a ticket becomes must not depend on how often the bug enters the stage."""
    for stage in mapping.stages:
        for source, target in stage.set_ticket:
            back = stage.wants(TicketState(target.category, target.custom_id))
            if back is not None and back.matches(TicketState(source.category, source.custom_id)):
                yield Finding(
                    "warning",
                    f"Stage {stage.name} sets {source.name} to {target.name} and {target.name} to {source.name}: each "
                    "time the bug enters it the ticket flips. Keep one of the two.",
                )


def _landings(mapping: StageMapping, project: ProjectCatalog | None) -> Iterator[Finding]:
    """A walk keeps the resolution that the bug has: the pair it arrives at must lie in the stage that was asked for."""
    classes = classes_of([mapping], project)
    for stage in mapping.stages:
        told = set()
        for goal in filter(None, (mapping.stage(outcome) for _, outcome in stage.asks)):
            target = goal.move_bug_to
            if target is None:
                continue
            for selector in stage.bug_is:
                for resolution in sorted(selector.resolutions or {None}, key=str):
                    if mapping.stage_of_pair(selector.status_id, resolution) is not stage:
                        continue
                    arrived = landing(target.status_id, resolution, target.resolution, classes)
                    found = mapping.stage_of_pair(*arrived)
                    if found is goal or (goal.name, arrived) in told:
                        continue
                    told.add((goal.name, arrived))
                    start = classes.bug_name(selector.status_id, resolution)
                    where = f"in stage {found.name}" if found else "in no stage"
                    yield Finding(
                        "error",
                        f"A bug that is {start} and is moved to stage {goal.name} keeps its resolution: it arrives at "
                        f"{classes.bug_name(*arrived)}, which is {where}. Add that to bug_is of {goal.name}.",
                    )


def _dead_ends(mapping: StageMapping) -> Iterator[Finding]:
    """What people and customers do every day must not be a conflict every time."""
    for stage in mapping.stages:
        for category, who in (
            ("open", "a customer's answer opens the ticket"),
            ("solved", "an agent solves the ticket"),
        ):
            state = TicketState(category)
            said = any(_covers(move, state) for move, _ in stage.asks)
            named = stage.ticket_may_be or ()
            if stage.ticket_may_be is None or said or any(selector.category == category for selector in named):
                continue
            yield Finding(
                "warning",
                f"In stage {stage.name} every time {who} is a conflict: add {category} to ticket_may_be, or say under "
                f"when_ticket_moves.{stage.name} what it asks of the bug ({category}: note).",
            )


def _covers(move: TicketMove, state: TicketState) -> bool:
    return move.to is not None and move.to.matches(state) and move.frm is None and move.by is None


# ---- the walk ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Edit:
    """Something that people do between two looks."""

    told: str
    do: Callable[[Ideal], object]
    moves: int = 1


@dataclass(slots=True)
class Outcome:
    """What became of an edit: the state before and after, and every cycle until it came to rest."""

    before: Ideal
    after: Ideal
    edit: Edit
    cycles: list[tuple[Plan, list[RemoteAction]]]


@dataclass(slots=True)
class Walk:
    """Visits every state that `tickets` tickets on one bug, or one ticket on several, can settle in.

    One ticket and one bug are walked with all that can happen to them, and with moves of both sides between two looks.
    With more of them it is their being together that is looked at: closing and unknown statuses are left out."""

    mappings: Sequence[StageMapping]  # of each bug
    classes: Classes
    tickets: int = 1
    look: Look | None = None  # sees every plan before it is carried out
    steps: int = 0
    cut_short: bool = False
    _found: dict[str, Finding] = field(default_factory=dict)

    @property
    def is_alone(self) -> bool:
        """One ticket and one bug."""
        return self.tickets == len(self.mappings) == 1

    def findings(self) -> list[Finding]:
        """Each kind of fault once, with the steps that lead to it."""
        best: dict[str, int] = {}
        for outcome in self.outcomes():
            fault = self._fault(outcome)
            if fault is None:
                continue
            kind, what = fault
            if kind not in best or outcome.edit.moves < best[kind]:  # the simplest story is told
                best[kind] = outcome.edit.moves
                self._found[kind] = Finding("error", f"{what}\n{self.trace(outcome)}")
        if self.cut_short:
            message = f"The mapping has very many states: {self.steps} moves were tried, and not all of them."
            self._found.setdefault("cut short", Finding("warning", message))
        return list(self._found.values())

    def outcomes(self) -> Iterator[Outcome]:
        """Every edit in every state that can be reached, each state once."""
        seen: set[object] = set()
        queue: deque[Ideal] = deque()
        for start in self._starts():
            yield from self._visit(start, Edit("the link is made", Ideal.tick), seen, queue)
        while queue:
            settled = queue.popleft()
            for edit in self._edits(settled):
                if self.steps >= MOST_STEPS:
                    self.cut_short = True
                    return
                yield from self._visit(settled, edit, seen, queue)

    def _visit(self, before: Ideal, edit: Edit, seen: set[object], queue: deque[Ideal]) -> Iterator[Outcome]:
        self.steps += 1
        after = before.fork()
        edit.do(after)
        outcome = Outcome(before, after, edit, after.run(CYCLES, self.look))
        yield outcome
        key = self._key(after)
        if key not in seen and not outcome.cycles[-1][0].actions:
            seen.add(key)
            queue.append(after)

    def _starts(self) -> Iterator[Ideal]:
        routes = {
            f"route{place}": RouteView(f"route{place}", f"P{place}", mapping, link_tag="", off_tag="")
            for place, mapping in enumerate(self.mappings, 1)
        }
        empty = Ideal(
            routes=routes,
            statuses=self.classes.statuses,
            resolutions=self.classes.resolutions,
            defaults=self.classes.defaults,
        )
        first = [bug for bug in self.classes.bugs if self.mappings[0].stage_of_pair(bug.status_id, bug.resolution_id)]
        second = [b for b in self.classes.bugs if self.mappings[-1].stage_of_pair(b.status_id, b.resolution_id)][:1]
        for origin in (Origin.MANUAL, Origin.ADOPTED):
            for state in self.classes.tickets if self.tickets == 1 else self.classes.tickets[1:2]:
                for bug in first:
                    ideal = empty.fork()
                    self._add(ideal, 1, bug)
                    for bug_two in second if len(self.mappings) > 1 else []:
                        self._add(ideal, 2, bug_two)
                    for number in range(1, self.tickets + 1):
                        ideal.add_ticket(TicketSnapshot(number, state, START, START))
                        for place in range(1, len(self.mappings) + 1):
                            ideal.add_link(number, str(place), f"route{place}", origin)
                    yield ideal

    def _add(self, ideal: Ideal, place: int, bug: BugState) -> None:
        info = self.classes.statuses[bug.status_id]
        ideal.add_issue(
            IssueSnapshot(
                id=str(place),
                key=f"P{place}-1",
                project_key=f"P{place}",
                project_id=str(place),
                issue_type="Bug",
                issue_type_id="1",
                status_id=bug.status_id,
                status_name=info.name,
                status_category=info.category,
                updated_ms=0,
                resolution_id=bug.resolution_id,
                resolution_name=self.classes.resolutions.get(bug.resolution_id or ""),
            )
        )

    def _stage_of(self, issue: IssueSnapshot) -> Stage | None:
        return self.mappings[int(issue.id) - 1].stage_of_pair(issue.status_id, issue.resolution_id)

    # ---- what people do ----

    def _edits(self, ideal: Ideal) -> list[Edit]:
        tickets = {number: list(self._ticket_edits(ideal, number)) for number in ideal.tickets}
        bugs = {issue_id: list(self._bug_edits(ideal, issue_id)) for issue_id in ideal.issues}
        single = [edit for edits in (*tickets.values(), *bugs.values()) for edit in edits]
        if not self.is_alone:
            return single
        by_ticket, by_bug = [e for m in tickets.values() for e in m], [e for m in bugs.values() for e in m]
        return single + [_both(one, two) for one in by_ticket for two in by_bug]

    def _ticket_edits(self, ideal: Ideal, number: int) -> Iterator[Edit]:
        ticket = ideal.tickets[number]
        if ticket.state.is_final:
            return
        name = self._ticket(number)
        for state in self.classes.tickets:
            if state == ticket.state or state.category == "new":
                continue
            if state.is_final:
                if ticket.state.is_solved and self.is_alone:
                    yield Edit(f"a rule closes {name}", _move(number, state, RULE))
                continue
            yield Edit(f"an agent sets {name} to {self.classes.ticket_name(state)}", _move(number, state, AGENT))
        opened = TicketState("open", self.classes.defaults.get("open"))
        answered = opened if ticket.state.category in ("pending", "hold", "solved") else ticket.state
        yield Edit(f"the customer answers {name}", lambda i: i.say(number, CUSTOMER, state=answered))
        stages = [self._stage_of(ideal.issues[k.issue_id]) for k in ideal.links.values() if k.ticket_id == number]
        asked = {move.tag for stage in stages if stage is not None for move, _ in stage.asks}
        for tag in [tag for tag in self.classes.tags if tag in asked]:
            yield Edit(f"an agent tags {name} {tag}", lambda i, tag=tag: i.tag(number, tag, AGENT))  # type: ignore[misc]  # bound per turn

    def _bug_edits(self, ideal: Ideal, issue_id: str) -> Iterator[Edit]:
        present = self._stage_of(ideal.issues[issue_id])
        for bug in self.classes.bugs:
            stage = self.mappings[int(issue_id) - 1].stage_of_pair(bug.status_id, bug.resolution_id)
            if stage is not present and (stage is not None or self.is_alone):
                goal = self.classes.bug_name(bug.status_id, bug.resolution_id)
                yield Edit(f"a developer moves {self._bug(issue_id)} to {goal}", _walk(issue_id, bug))

    # ---- what must hold ----

    def _fault(self, outcome: Outcome) -> tuple[str, str] | None:
        """(kind, sentence) of what is wrong with how an edit ended."""
        cycles, after = outcome.cycles, outcome.after
        written = [action for _, actions in cycles for action in actions]
        statuses = [a.subject for a in written if isinstance(a, MoveBug) or (isinstance(a, UpdateTicket) and a.status)]
        twice = next((subject for subject in statuses if statuses.count(subject) > 1), None)
        if cycles[-1][0].actions:
            return "no rest", "This never comes to rest."
        if twice is not None:
            return "twice", f"One move makes syncd write {self._subject(twice)} twice: two parts of the mapping fight."
        if after.again:
            return "again", "syncd asks again for what it did already."
        # What a person asks for by a tag, they ask for whatever the ticket is.
        tagged = {action.ticket_id for action in written if isinstance(action, RemoveTag)}
        ours = {s.link_id for action in written if isinstance(action, MoveBug | UpdateTicket) for s in action.settles}
        for link in [after.links[link_id] for link_id in sorted(ours)]:
            base = link.base
            if link.state is not LinkState.LIVE or base is None or link.ticket_id in tagged:
                continue
            stage = after.routes[link.route].mapping.stage_of_pair(base.status_id, base.resolution_id)
            state = after.tickets[link.ticket_id].state
            if stage is not None and not stage.allows(state):
                left = f"{self._ticket(link.ticket_id)} {self.classes.ticket_name(state)}"
                what = f"while the bug is in stage {stage.name}, which the mapping does not allow."
                return "not allowed", f"syncd's own write leaves {left} {what}"
        return None

    # ---- how it is told ----

    def trace(self, outcome: Outcome) -> str:
        """The steps as people would tell them: what there was, what was done, what each plan wrote."""
        lines = [f"  {self._told(outcome.before)}"]
        lines.append(f"  {outcome.edit.told}")
        for number, (plan, _) in enumerate(outcome.cycles, 1):
            acts = [text for action in plan.remote if (text := self._act(action))]
            codes = [f"opens a conflict ({a.conflict.code})" for a in plan.local if hasattr(a, "conflict")]
            lines.append(f"  plan {number}: {'; '.join([*acts, *codes]) or 'nothing'}")
        return "\n".join(lines)

    def _told(self, ideal: Ideal) -> str:
        parts = [f"{self._ticket(n)} is {self.classes.ticket_name(t.state)}" for n, t in ideal.tickets.items()]
        for issue_id, issue in ideal.issues.items():
            parts.append(f"{self._bug(issue_id)} is {self.classes.bug_name(issue.status_id, issue.resolution_id)}")
        bases = [link.base.stage for link in ideal.links.values() if link.base is not None]
        return f"{', '.join(parts)} (agreed: {', '.join(bases) or 'nothing yet'})"

    def _act(self, action: RemoteAction) -> str:
        match action:
            case UpdateTicket(status=str()):
                return f"sets {self._ticket(action.ticket_id)} to {action.status_name or action.status}"
            case UpdateTicket():
                return f"leaves a note on {self._ticket(action.ticket_id)}"
            case MoveBug():
                return f"moves {self._bug(action.issue_id)} to {action.target.status_name}"
            case CommentOnBug():
                return f"comments on {self._bug(action.issue_id)}"
            case RemoveTag():
                return f"takes the tag {action.tag} off {self._ticket(action.ticket_id)}"
            case _:
                return f"does {action.kind.replace('_', ' ')}"  # what a mapping never asks for

    def _ticket(self, number: int) -> str:
        return "the ticket" if self.tickets == 1 else f"ticket {number}"

    def _bug(self, issue_id: str) -> str:
        return "the bug" if len(self.mappings) == 1 else f"bug {issue_id}"

    def _subject(self, subject: str) -> str:
        kind, number = subject.split(":")
        return self._ticket(int(number)) if kind == "ticket" else self._bug(number)

    def _key(self, ideal: Ideal) -> object:
        """States with equal keys are visited once; tickets are interchangeable. Who wrote what was agreed matters only
        where a robot undoes it, and an unanswered customer only prevents writes: neither makes a state of its own."""
        issues = tuple((i.status_id, i.resolution_id) for i in ideal.issues.values())
        tickets = []
        for number, ticket in ideal.tickets.items():
            links = tuple(
                (
                    link.state,
                    link.vote,
                    link.conflict.code if link.conflict else None,
                    base and (base.stage, base.ticket, base.acted),
                )
                for link in ideal.links.values()
                if link.ticket_id == number
                for base in [link.base]
            )
            tickets.append((ticket.state, ticket.tags, links))
        return (issues, tuple(sorted(tickets, key=repr)))


def _both(one: Edit, two: Edit) -> Edit:
    def do(ideal: Ideal) -> None:
        one.do(ideal)
        two.do(ideal)

    return Edit(f"{one.told}, and {two.told}", do, moves=2)


def _move(number: int, state: TicketState, actor: Actor) -> Callable[[Ideal], None]:
    return lambda ideal: ideal.move_ticket(number, state, actor)


def _walk(issue_id: str, bug: BugState) -> Callable[[Ideal], None]:
    return lambda ideal: ideal.move_issue(issue_id, bug.status_id, bug.resolution_id, DEVELOPER)
