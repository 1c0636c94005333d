"""Judges the end of the demo: compares what the two trackers hold, and every call that was made, with end_state.yaml.

    python -I checker.py STATE.json JOURNAL.json [SCENE ...]

It stands alone: it knows nothing of syncd but what its end state says, and reads nothing but the sandbox's own account
(`/state` and `/journal` of its control address). Without scenes all are judged. Exit code 0: they agree; 1: they do
not, and each line says in what; 64: wrongly called.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

END_STATE = Path(__file__).with_name("end_state.yaml")

_TICKET = re.compile(r"/api/v2/tickets/(\d+)(/tags)?")
_ISSUE = re.compile(r"/rest/api/[\w.]+/issue/([\w-]+)/(transitions|comment)")
_NOT_A_WRITE = re.compile(r"/oauth/tokens|/rest/api/[\w.]+/(search.*|issue/bulkfetch|workflows.*|jql/.*|changelog/.*)")
_LOST_RACE = 409


@dataclass(slots=True)
class Write:
    """A call of syncd that changed something, or was meant to."""

    number: int
    method: str
    path: str
    status: int | None
    body: Mapping[str, Any]
    subject: str  # ticket:ID, issue:ID or ""
    kind: str  # ticket, tags, transitions, comment or other

    @property
    def done(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def marker(self) -> str | None:
        """What tells this write from every other: it must never be seen on two."""
        if self.kind == "ticket":
            return _text(self.body.get("ticket"), "metadata", "syncd_op")
        if self.kind == "transitions":
            operation = _text(self.body, "historyMetadata", "extraData", "op")
            return operation and f"{operation} by transition {_text(self.body, 'transition', 'id')}"
        if self.kind == "comment":
            found = [p for p in self.body.get("properties") or () if p.get("key") == "syncd.origin"]
            return _text(found[0], "value", "marker") if found else None
        return None


@dataclass(slots=True)
class Seen:
    """What the sandbox has, as far as it matters here."""

    tickets: Mapping[str, Mapping[str, Any]]  # by number
    issues: Mapping[str, Mapping[str, Any]]  # by key
    field_ids: Mapping[str, str]  # title -> id
    ours: frozenset[str]  # syncd's accounts on both sides
    writes: Sequence[Write]
    mails: Sequence[Mapping[str, Any]] = ()

    def of(self, subject: str, *kinds: str) -> list[Write]:
        """The successful writes to one ticket or bug."""
        return [w for w in self.writes if w.done and w.subject == subject and w.kind in kinds]


@dataclass(slots=True)
class Judge:
    """Collects the differences. `names` are the numbers and keys that {name} stands for, in one scene."""

    seen: Seen
    titles: Mapping[str, str]
    found: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    expected_mails: list[str] = field(default_factory=list)

    def differ(self, where: str, what: str, expected: object, actual: object) -> None:
        """Notes a difference, when there is one."""
        if expected != actual:
            self.found.append(f"{where}: {what} is {_shown(actual)}, expected {_shown(expected)}")

    def fill(self, text: object) -> str:
        """The text with its {names} filled in."""
        return re.sub(r"\{(\w+)\}", lambda m: self.names.get(m[1], m[0]), str(text))

    def phrases(self, where: str, what: str, expected: Sequence[str], actual: Sequence[str]) -> None:
        """Each text holds the parts of its phrase, in order."""
        if len(expected) != len(actual):
            self.differ(where, f"the number of {what}s", len(expected), len(actual))
            self.found += [f"{where}: {what}: {_first_line(text)}" for text in actual]
            return
        for number, (phrase, text) in enumerate(zip(expected, actual, strict=True), start=1):
            if not _holds(text, self.fill(phrase)):
                said = _shown(_first_line(text))
                self.found.append(f"{where}: {what} {number} is {said}, expected {_shown(self.fill(phrase))}")

    # One ticket, one bug

    def ticket(self, number: str, expected: Mapping[str, Any]) -> None:
        """Everything that is said of a ticket."""
        actual = self.seen.tickets[number]
        where = f"#{number} “{actual['subject']}”"
        self.differ(where, "the status", expected["status"], actual["status"])
        self.differ(
            where, "tags", sorted(self.fill(t).lower() for t in expected.get("tags", ())), sorted(actual["tags"])
        )
        self._fields(where, actual["fields"], expected.get("shows", {}))
        notes = [c for c in actual["comments"] if str(c["author_id"]) in self.seen.ours]
        for note in notes:
            if note["public"] is not False:
                self.found.append(f"{where}: a note of syncd is public: {_first_line(note['body'])}")
        self.phrases(where, "note", expected.get("notes", ()), [n["body"] for n in notes])
        bodies = [w.body.get("ticket") or {} for w in self.seen.of(f"ticket:{number}", "ticket")]
        self.differ(where, "what syncd set", list(expected.get("sets", ())), _statuses(bodies))
        written = self.seen.of(f"ticket:{number}", "ticket", "tags")
        self.differ(where, "the number of writes", expected["writes"], len(written))
        if "sync" not in expected.get("shows", {}):
            self._never_in_need(where, bodies)

    def _fields(self, where: str, actual: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
        for short, title in self.titles.items():
            wanted, value = self.fill(expected.get(short, "")), str(actual.get(title) or "")
            if short == "sync" and wanted:
                if not _holds(value, wanted):
                    self.differ(where, title, wanted, value)
            else:
                self.differ(where, title, wanted, value)

    def _never_in_need(self, where: str, bodies: Iterable[Mapping[str, Any]]) -> None:
        state = self.seen.field_ids[self.titles["sync"]]
        for body in bodies:
            for entry in body.get("custom_fields") or ():
                if str(entry.get("id")) == state and entry.get("value"):
                    self.found.append(f"{where}: a person was asked to mend: {entry['value']}")

    def bug(self, key: str, expected: Mapping[str, Any]) -> None:
        """Everything that is said of a bug."""
        actual = self.seen.issues[key]
        where = f"{key} “{actual['fields']['summary']}”"
        self.differ(where, "the status", expected["status"], actual["status"])
        self.differ(where, "the resolution", expected.get("resolution"), actual["resolution"])
        comments = [c for c in actual["comments"] if c["author"] in self.seen.ours]
        self.phrases(where, "comment", expected.get("comments", ()), [c["body"] for c in comments])
        for comment in comments:
            if (comment["properties"].get("sd.public.comment") or {}).get("internal") is not True:
                self.found.append(f"{where}: a comment of syncd is not marked as internal")
        walked = [
            item["new_text"]
            for change in actual["changelog"]
            if change["author"] in self.seen.ours
            for item in change["items"]
            if item["field"] == "status"
        ]
        self.differ(where, "the way that syncd walked it", list(expected.get("moves", ())), walked)
        written = self.seen.of(f"issue:{actual['id']}", "transitions", "comment")
        self.differ(where, "the number of writes", len(walked) + len(comments), len(written))

    # Mails

    def mails(self, expected: Sequence[Mapping[str, Any]]) -> None:
        """Exactly these mails, in this order, each with an id of its own."""
        numbers = {self.fill(mail["about"]).removeprefix("#") for mail in expected}
        here = [mail for mail in self.seen.mails if _numbers(mail["subject"]) & numbers]
        self.differ(
            "the mails",
            "who got them, and why",
            [f"{mail['to']}: {mail['reason']}" for mail in expected],
            [f"{mail['recipient']}: {_header(mail, 'X-Syncd-Reason')}" for mail in here],
        )
        self.expected_mails += [mail["message_id"] for mail in here]

    def no_other_mails(self) -> None:
        """Nobody got a mail that was not expected, nor the same one twice."""
        for mail in self.seen.mails:
            if mail["message_id"] not in self.expected_mails:
                self.found.append(f"nobody expects the mail “{mail['subject']}” to {mail['recipient']}")
        times = Counter(mail["message_id"] for mail in self.seen.mails)
        self.found += [f"the mail {name} came {count} times" for name, count in times.items() if count > 1]

    # All calls

    def calls(self) -> None:
        """Nothing was written but tickets, tags, transitions and comments; nothing was refused; nothing came twice."""
        markers: Counter[str] = Counter()
        for write in self.seen.writes:
            call = f"call {write.number}, {write.method} {write.path}"
            if write.kind == "other":
                self.found.append(f"{call}: syncd has no business there")
            elif not write.done:
                if write.status != _LOST_RACE:
                    self.found.append(f"{call}: answered with {write.status}")
            elif write.kind != "tags":
                if write.marker is None:
                    self.found.append(f"{call}: without a marker")
                else:
                    markers[f"{write.kind} {write.marker}"] += 1
            comment = (write.body.get("ticket") or {}).get("comment")
            if comment is not None and comment.get("public") is not False:
                self.found.append(f"{call}: a comment that is not said to be private")
        self.found += [f"written {times} times: {marker}" for marker, times in markers.items() if times > 1]


def differences(
    state: Mapping[str, Any],
    journal: Sequence[Mapping[str, Any]],
    end_state: Mapping[str, Any],
    scenes: Iterable[str] = (),
) -> list[str]:
    """A line for each thing that is not as it should be; empty when all is well.

    Raises KeyError for a scene that the end state does not know.
    """
    chosen = {name: end_state["scenes"][name] for name in scenes} or end_state["scenes"]
    judge = Judge(_seen(state, journal), end_state["fields"])
    if not journal or journal[0]["n"] != 1:
        judge.found.append("the journal does not go back to the first call")
    judge.calls()
    known: set[str] = set()
    for scene in chosen.values():
        tickets = _named(scene["tickets"], "subject", {n: t["subject"] for n, t in judge.seen.tickets.items()})
        bugs = _named(scene["bugs"], "summary", {k: i["fields"]["summary"] for k, i in judge.seen.issues.items()})
        judge.names = {**{name: f"#{n}" for name, n in tickets.items() if n}, **{n: k for n, k in bugs.items() if k}}
        for kind, named, what in ((scene["tickets"], tickets, "subject"), (scene["bugs"], bugs, "summary")):
            for name, expected in kind.items():
                found = named[name]
                if found is None:
                    judge.found.append(f"there is not exactly one with the {what} “{expected[what]}”")
                    continue
                known.add(found)
                (judge.ticket if what == "subject" else judge.bug)(found, expected)
        judge.mails(scene.get("mails", ()))
    judge.no_other_mails()
    judge.found += [f"nobody expects #{n}" for n in judge.seen.tickets if n not in known]
    judge.found += [f"nobody expects {key}" for key in judge.seen.issues if key not in known]
    return judge.found


def _named(expected: Mapping[str, Any], what: str, present: Mapping[str, str]) -> dict[str, str | None]:
    """Name of the end state -> number or key of the one with that subject or summary."""
    matches = {name: [key for key, text in present.items() if text == e[what]] for name, e in expected.items()}
    return {name: keys[0] if len(keys) == 1 else None for name, keys in matches.items()}


def _seen(state: Mapping[str, Any], journal: Sequence[Mapping[str, Any]]) -> Seen:
    # People act through the worlds themselves: whoever calls an API here is syncd, whatever it says it is.
    ours = {str(call["actor"]) for call in journal} - {"anonymous"}
    desk, house = state["zendesk"], state["jira"]
    return Seen(
        tickets=desk["tickets"],
        issues=house["issues"],
        field_ids={title: key for key, title in desk["ticket_fields"].items()},
        ours=frozenset(ours),
        writes=[write for call in journal for write in _write(call)],
        mails=state.get("mails", ()),
    )


def _write(call: Mapping[str, Any]) -> Iterator[Write]:
    if call["method"] in ("GET", "HEAD", "OPTIONS") or _NOT_A_WRITE.fullmatch(call["path"]):
        return
    subject, kind = "", "other"
    ticket, issue = _TICKET.fullmatch(call["path"]), _ISSUE.fullmatch(call["path"])
    if ticket and (call["method"] == "PUT" or (ticket[2] and call["method"] == "DELETE")):
        subject, kind = f"ticket:{ticket[1]}", "tags" if ticket[2] else "ticket"
    elif issue and call["method"] == "POST":
        subject, kind = f"issue:{issue[1]}", issue[2]
    yield Write(call["n"], call["method"], call["path"], call["status"], call["body"] or {}, subject, kind)


def _numbers(subject: str) -> set[str]:
    return set(re.findall(r"\d+", subject))


def _header(mail: Mapping[str, Any], name: str) -> str:
    return next((value for known, value in mail["headers"] if known.lower() == name.lower()), "")


def _statuses(bodies: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        str(b.get("status") or b.get("custom_status_id")) for b in bodies if {"status", "custom_status_id"} & set(b)
    ]


def _holds(text: str, phrase: str) -> bool:
    """The parts of the phrase between … occur in this order; Jira's escapes do not count."""
    plain, place = text.replace("\\", ""), 0
    for part in phrase.split("…"):
        place = plain.find(part.strip(), place)
        if place < 0:
            return False
        place += len(part.strip())
    return True


def _text(value: Any, *path: str) -> str | None:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) and value else None


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return f"“{value}”" if isinstance(value, str) and value else str(value or "nothing")


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def main(arguments: Sequence[str]) -> int:
    """The command line; prints the verdict."""
    if len(arguments) < 2:
        print("usage: checker.py STATE.json JOURNAL.json [SCENE ...]", file=sys.stderr)  # noqa: T201 - its answer
        return 64
    state, journal = (json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments[:2])
    end_state = yaml.safe_load(END_STATE.read_text(encoding="utf-8"))
    entries = journal["entries"]
    try:
        found = differences(state, entries, end_state, arguments[2:])
    except KeyError as missing:
        print(f"the end state has no {missing}", file=sys.stderr)  # noqa: T201 - as above
        return 64
    for line in found:
        print(line)  # noqa: T201 - as above
    if not found:
        seen = _seen(state, entries)
        written = sum(1 for write in seen.writes if write.done)
        figures = f"tickets: {len(seen.tickets)}, bugs: {len(seen.issues)}, writes: {written}, mails: {len(seen.mails)}"
        print(f"agreed; {figures}")  # noqa: T201 - as above
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
