"""How the pretend Jira finds issues: candidates from the index, the query's test, order, position of a page."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any

from syncd.sandbox.jira_core import JiraCore
from syncd.sandbox.jira_jql import Sort
from syncd.sandbox.jira_jql_plan import Plan
from syncd.sandbox.jira_model import Issue

#: Where a page ended: the sort values of its last issue.
Position = list[Any]
_DEFAULT_ORDER = (Sort("key", descending=True),)


class _Down:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Down) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


class Finder:
    """One query of one user. `fresh`: issues whose index documents are overridden by what they are now."""

    def __init__(self, world: JiraCore, plan: Plan, visible: set[str], fresh: Sequence[int] = ()) -> None:
        self._world = world
        self._plan = plan
        self._visible = visible
        self._fresh = set(fresh)
        self._order = plan.order or _DEFAULT_ORDER
        self._grain = world.index_grain_ms

    def page(self, after: Position | None, size: int) -> tuple[list[Issue], bool]:
        """Up to `size` documents behind the position, and whether there are more."""
        found = list(islice(self._sorted(after), size + 1))
        return found[:size], len(found) > size

    def every(self) -> list[Issue]:
        """All documents in order."""
        return list(self._sorted(None))

    def count(self) -> int:
        """How many documents there are."""
        return sum(1 for _ in self._matches(None))

    def position(self, issue: Issue) -> Position:
        """The sort values of a document; JSON keeps them."""
        return [*(_value(issue, key.field, self._grain) for key in self._order), issue.id]

    def _key(self, position: Position) -> list[Any]:
        down = [key.descending for key in self._order] + [False]
        return [_Down(value) if turn else value for value, turn in zip(position, down, strict=True)]

    def _sorted(self, after: Position | None) -> Iterator[Issue]:
        bound = None if after is None else self._key(after)
        key: Callable[[Issue], list[Any]] = lambda issue: self._key(self.position(issue))  # noqa: E731 - a local key
        first = self._order[0]
        if first.field == "updated" and not first.descending:
            # The index is in this order already: read on from the position and stop when the page is full.
            start = None if after is None else int(after[0]) * self._grain
            groups = groupby(self._matches(start), key=lambda issue: issue.updated // self._grain)
            for _, group in groups:
                for issue in sorted(group, key=key):
                    if bound is None or key(issue) > bound:
                        yield issue
            return
        ordered = sorted(((key(issue), issue) for issue in self._matches(None)), key=lambda pair: pair[0])
        yield from (issue for at, issue in ordered if bound is None or at > bound)

    def _matches(self, start: int | None) -> Iterator[Issue]:
        """Visible documents that pass the test, in order of (updated, id), from `start` (milliseconds) on."""
        lower = max(self._plan.lower_ms or 0, start or 0) // self._grain * self._grain
        test = self._plan.test
        for doc in self._candidates(lower):
            if doc.project in self._visible and (test is None or test(doc)):
                yield doc

    def _candidates(self, lower: int) -> Iterator[Issue]:
        index, plan = self._world.index, self._plan
        ids: set[int] | None = plan.ids
        if plan.labels is not None:
            labelled = {i for label in plan.labels for i in index.by_label.get(label, ())}
            ids = labelled if ids is None else ids & labelled
        old: Iterator[Issue]
        if ids is None:
            old = index.since(lower)
        else:
            few = (index.docs[i] for i in ids if i in index.docs)
            old = iter(sorted((d for d in few if d.updated >= lower), key=_place))
        if not self._fresh:
            return old
        now = (self._world.issues[i] for i in self._fresh if i in self._world.issues)
        current = sorted((issue for issue in now if issue.updated >= lower), key=_place)
        return heapq.merge((doc for doc in old if doc.id not in self._fresh), current, key=_place)


def _place(issue: Issue) -> tuple[int, int]:
    return issue.updated, issue.id


def _value(issue: Issue, field: str, grain: int) -> Any:
    """A sort value that JSON keeps as it is; an empty field sorts first."""
    match field:
        case "updated":
            return issue.updated // grain
        case "created":
            return issue.created // grain
        case "key" | "project":
            return [issue.project, issue.number if field == "key" else 0]
        case "id":
            return issue.id
        case "priority":
            return -int(issue.priority_id or 99)
        case "status":
            return int(issue.status_id)
        case "summary":
            return issue.summary.lower()
        case "resolved":
            return issue.resolved or 0
        case _:
            return issue.due or ""
