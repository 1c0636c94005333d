"""Looks over the sandbox's shoulder: which call of syncd carried whose act, how late, and what all calls were for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from syncd.demo.people import Act
from syncd.sandbox.server import Sandbox

POLLS: Final = "looking for changes (fast pass)"
COMPLETE: Final = "everything without gaps (exports, census)"
KNOWING: Final = "signing in, fields, workflows"
READING: Final = "reading what changed, and before each write"
WRITING: Final = "writing"

_CHANGES: Final = (READING, WRITING)
_TICKET = re.compile(r"/api/v2/tickets/(\d+)(/tags)?")
_ISSUE = re.compile(r"/rest/api/[^/]+/issue/([^/]+)/(transitions|comment)")
_PURPOSES: Final = (
    (KNOWING, re.compile(r"/oauth/.*|/api/v2/(users/me|ticket_fields|custom_statuses|account.*)")),
    (
        KNOWING,
        re.compile(r"/rest/api/[^/]+/(myself|mypermissions|serverInfo|resolution|status.*|field|project.*|workflow.*)"),
    ),
    (COMPLETE, re.compile(r"/api/v2/(incremental/.*|tickets/show_many)")),
    (POLLS, re.compile(r"/api/v2/tickets|/rest/api/[^/]+/search.*")),
)
_WIKI_LINK = re.compile(r"\[([^|\]]*)\|[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Carried:
    """A write of syncd. `act` None: it follows from an earlier write, such as a field that shows the new status."""

    subject: str  # as `people.shown` has it
    what: str
    at: float
    act: Act | None
    calls: int  # about this subject since the act, this write among them

    @property
    def lag(self) -> float | None:
        """Sandbox seconds from the act to this write; None when nobody's watch was running."""
        return self.at - self.act.at if self.act is not None and self.act.timed else None


class Watch:
    """Fed with acts; `look` reads what the journal has got since the last look. One thread at a time."""

    def __init__(self, sandbox: Sandbox, titles: Mapping[int, str]) -> None:
        self._sandbox = sandbox
        self._titles = titles
        self._read = sandbox.ctx.journal.last
        self._open: list[tuple[Act, str]] = []
        self._steps: Counter[str] = Counter()  # transitions by issue id
        self._about: list[tuple[float, str]] = []  # calls that name a subject: when, whom
        self.carried: list[Carried] = []
        self.purposes: Counter[str] = Counter()
        self.polls = 0
        self.polls_since_write = 0

    def act(self, act: Act) -> None:
        """From now on syncd owes a write to everybody whom the act reaches."""
        self._open += [(act, subject) for subject in act.reaches]

    @property
    def owed(self) -> list[tuple[Act, str]]:
        """What was not carried yet."""
        return list(self._open)

    def forgive(self) -> None:
        """Nothing is owed any more."""
        self._open.clear()

    def look(self) -> list[Carried]:
        """The writes since the last look, oldest first."""
        found = []
        for call in self._sandbox.ctx.journal.entries(self._read):
            self._read = call["n"]
            purpose = purpose_of(call)
            self.purposes[purpose] += 1
            if purpose == POLLS and call["service"] == "zendesk":
                self.polls += 1
                self.polls_since_write += 1
            subject = self._subject(call)
            if subject:
                self._about.append((call["at"], subject))
            if purpose == WRITING and subject:
                self.polls_since_write = 0
                found.append(self._carried(call, subject))
        self.carried += found
        return found

    def calls_per_change(self) -> float:
        """Calls that changes caused, for each change carried; looking for changes is not among them."""
        changes = sum(1 for carried in self.carried if carried.act is not None)
        return sum(self.purposes[purpose] for purpose in _CHANGES) / max(1, changes)

    def _carried(self, call: Mapping[str, Any], subject: str) -> Carried:
        act = next((a for a, reached in reversed(self._open) if reached == subject), None)
        self._open = [(a, reached) for a, reached in self._open if reached != subject]
        calls = sum(1 for at, whom in self._about if whom == subject and act is not None and at >= act.at)
        return Carried(subject, self._what(call), call["at"], act, calls)

    def _subject(self, call: Mapping[str, Any]) -> str:
        """The one ticket or bug that a call is about."""
        parts = call["path"].split("/")
        if call["service"] == "zendesk":
            return f"#{parts[4]}" if parts[3:4] == ["tickets"] and parts[4:5] and parts[4].isdigit() else ""
        if parts[4:5] != ["issue"] or not parts[5:6] or parts[5] == "bulkfetch":
            return ""
        return str(self._sandbox.jira.issue_state(parts[5])["key"])

    def _what(self, call: Mapping[str, Any]) -> str:
        body = call["body"] or {}
        ticket, issue = _TICKET.fullmatch(call["path"]), _ISSUE.fullmatch(call["path"])
        if ticket:
            return f"tag {', '.join(body.get('tags', ()))} taken off" if ticket[2] else self._update(body["ticket"])
        if issue and issue[2] == "comment":
            return f"comment: {comment_line(body['body'])}"
        key = call["path"].split("/")[5]
        self._steps[key] += 1
        return f"moved to {self._step(key, self._steps[key])}"

    def _update(self, body: Mapping[str, Any]) -> str:
        parts = [f"set to {body['status']}"] if "status" in body else []
        parts += [
            f"{self._titles.get(entry['id'], entry['id'])}: {entry['value'] or '(empty)'}"
            for entry in body.get("custom_fields", ())
        ]
        return ", ".join(parts + ["internal note"] * ("comment" in body))

    def _step(self, key: str, number: int) -> str:
        issue = self._sandbox.jira.issue_state(key)
        ours = [
            item["new_text"]
            for change in issue["changelog"]
            if change["metadata"] is not None
            for item in change["items"]
            if item["field"] == "status"
        ]
        return str(ours[number - 1]) if number <= len(ours) else str(issue["status"])


def purpose_of(call: Mapping[str, Any]) -> str:
    """What a call of the journal was made for."""
    path, method = call["path"], call["method"]
    for purpose, pattern in _PURPOSES:
        if pattern.fullmatch(path):
            census = purpose == POLLS and "id+in" in call["query"].replace("%20", "+")
            return COMPLETE if census else purpose
    changed = method != "GET" and (_TICKET.fullmatch(path) or _ISSUE.fullmatch(path))
    return WRITING if changed and call["status"] is not None and 200 <= call["status"] < 300 else READING


def comment_line(body: str) -> str:
    """The first line of a comment in Jira's markup, as people see it."""
    return _WIKI_LINK.sub(r"\1", body.splitlines()[0]).replace("\\", "") if body else ""
