"""Choosing the next step through a workflow that nobody told us whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from syncd.core.actions import MoveBug
from syncd.core.mapping import BugTarget, StatusOrder
from syncd.core.model import IssueSnapshot, Json
from syncd.core.ports import Transition, TransitionField

MAX_STEPS = 6


@dataclass(frozen=True, slots=True)
class Step:
    transition: Transition
    fields: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Stuck:
    """No step can be taken; the message names what is missing and what to write where."""

    code: str  # missing_field | unreachable
    message: str


def next_step(
    issue: IssueSnapshot,
    target: BugTarget,
    transitions: Iterable[Transition],
    *,
    edges: Collection[tuple[str | None, str]],
    visited: Collection[str],
    order: StatusOrder,
    stage: str,
) -> Step | Stuck:
    """The transition to take now.

    `edges` are the workflow's known (from, to) pairs of status ids, from None = from anywhere; `visited` the statuses
    that this walk has been in; `order` is for steps into the unknown. No way leads through a status of the other kind:
    a bug that is to be worked on is not called done on the way, nor is a done one reopened on its way to be done,
    unless the mapping's path says so. A transition whose required fields can be filled is preferred to one whose
    cannot.
    """
    offered = [t for t in transitions if t.to_status_id is not None and t.to_status_id not in visited]
    ways = _towards(issue, target, offered, edges, order)
    if not ways:
        names = ", ".join(sorted({t.to_status_name or t.name for t in offered})) or "none"
        return Stuck(
            "unreachable",
            f"{issue.key} cannot be moved from {issue.status_name} to {target.status_name}: transitions that syncd may "
            f"take now lead to: {names}. Name the way in the mapping under {stage}.move_bug_to.path, or give syncd's "
            "account the permission to transition.",
        )
    missing: list[TransitionField] = []
    for transition in ways:
        fields, lacking = fill(transition, target, issue)
        if not lacking:
            return Step(transition, fields)
        missing.extend(lacking)
    field = missing[0]
    examples = ", ".join(name for _, name in field.allowed[:5])
    hint = f" (one of: {examples})" if examples else ""
    where = "resolution" if field.id == "resolution" else f"fields.{field.id}"
    return Stuck(
        "missing_field",
        f"{issue.key} cannot be moved to {target.status_name}: its screen requires '{field.name}'. "
        f"Set {stage}.move_bug_to.{where} in the mapping{hint}.",
    )


def steps_of(action: MoveBug, edges: Collection[tuple[str | None, str]]) -> int:
    """How many steps the walk takes over these edges; as many as its path names where they do not lead there."""
    return _distances(edges, action.target.status_id).get(action.expected_status_id) or 1 + len(action.target.path)


def _towards(
    issue: IssueSnapshot,
    target: BugTarget,
    offered: list[Transition],
    edges: Collection[tuple[str | None, str]],
    order: StatusOrder,
) -> list[Transition]:
    direct = [t for t in offered if t.to_status_id == target.status_id]
    if direct:
        return direct
    for status_id in target.path:
        named = [t for t in offered if t.to_status_id == status_id]
        if named:
            return named
    may_pass = _passable(issue.status_id, target.status_id, order.done)
    offered = [t for t in offered if may_pass(t.to_status_id or "")]
    known = {edge for edge in edges if may_pass(edge[1])}
    known |= {(issue.status_id, t.to_status_id) for t in offered if t.to_status_id}
    distance = _distances(known, target.status_id)
    reachable = [t for t in offered if t.to_status_id in distance]
    if reachable:
        best = min(distance[t.to_status_id or ""] for t in reachable)
        return [t for t in reachable if distance[t.to_status_id or ""] == best]
    explored = {issue.status_id, *(source for source, _ in (*edges, *known))}
    unknown = [t for t in offered if not _ends(t.to_status_id or "", known, explored)]
    return _greedy(issue, target.status_id, unknown, order.ranks)


def _ends(status: str, edges: Collection[tuple[str | None, str]], explored: Collection[str | None]) -> bool:
    """Whether all that these edges lead to from a status is explored, so that nothing more can be hoped for there."""
    reached, queue = {status}, deque([status])
    while queue:
        here = queue.popleft()
        if here not in explored and None not in explored:
            return False
        onward = {to for source, to in edges if source in (here, None)} - reached
        reached |= onward
        queue.extend(onward)
    return True


def _passable(start: str, target: str, done: Collection[str]) -> Callable[[str], bool]:
    """Whether a way from one status to another may lead into a status: all may, where it leads from work to done or
    back, and otherwise those of the same kind. Nothing is known of a project whose statuses are not known."""
    if not done or (start in done) != (target in done):
        return lambda _status: True
    return lambda status: (status in done) == (target in done)


def _distances(edges: Collection[tuple[str | None, str]], target: str) -> dict[str, int]:
    """Steps from each status to the target over known edges."""
    into: dict[str, set[str]] = {}
    sources = {source for source, _ in edges if source is not None} | {to for _, to in edges}
    for source, to in edges:
        into.setdefault(to, set()).update(sources if source is None else {source})
    found = {target: 0}
    queue = deque([target])
    while queue:
        status = queue.popleft()
        for source in into.get(status, ()):
            if source not in found:
                found[source] = found[status] + 1
                queue.append(source)
    return found


def _greedy(issue: IssueSnapshot, target: str, offered: list[Transition], ranks: Mapping[str, int]) -> list[Transition]:
    """One step into the unknown, towards the target by the mapping's order of progress and never away from it.

    A status that the mapping does not name counts as lying between here and there, unless Jira's category says
    otherwise: from a done bug no way forward leads through work, and no way back through another done status.
    """
    goal, now = ranks.get(target), ranks.get(issue.status_id)
    if goal is None or now is None:
        return offered
    low, high = min(goal, now), max(goal, now)

    def is_between(transition: Transition) -> bool:
        rank = ranks.get(transition.to_status_id or "")
        if rank is not None:
            return low <= rank <= high
        if issue.status_category != "done" or not transition.to_category:
            return True
        return (transition.to_category == "done") == (goal >= now)

    def badness(transition: Transition) -> tuple[int, str]:
        rank = ranks.get(transition.to_status_id or "")
        return (abs(goal - rank) if rank is not None else abs(goal - now), transition.to_status_id or "")

    return sorted((t for t in offered if is_between(t)), key=badness)


def fill(
    transition: Transition, target: BugTarget, issue: IssueSnapshot
) -> tuple[dict[str, Json], list[TransitionField]]:
    """The fields to send, only those on the screen, and the required ones that nothing fills.

    A resolution that the bug has is kept where the screen takes it: people chose it.
    """
    fields: dict[str, Json] = {}
    lacking = []
    for field in transition.fields:
        value: Json = None
        if field.id == "resolution":
            value = _resolution(field, target, issue)
        elif field.id in target.fields:
            value = target.fields[field.id]
        if value is not None:
            fields[field.id] = value
        elif field.required and not field.has_default:
            lacking.append(field)
    return fields, lacking


def _resolution(field: TransitionField, target: BugTarget, issue: IssueSnapshot) -> Json:
    allowed = dict(field.allowed)
    if issue.resolution_id is not None and (issue.resolution_id in allowed or not allowed):
        return {"id": issue.resolution_id} if field.required else None
    if target.resolution is None:
        return None
    for identifier, name in field.allowed:
        if name.casefold() == target.resolution.casefold() or identifier == target.resolution:
            return {"id": identifier}
    return None if allowed else {"name": target.resolution}
