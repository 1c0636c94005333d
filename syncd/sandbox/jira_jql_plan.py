"""What a JQL query means in the pretend Jira: a predicate over index documents, hints for the index, a sort order.

Dates in strings are read in the time zone of the asking user with the precision of a minute, bare numbers are epoch
milliseconds, durations count from now. Data Center compares dates by the second, as its index does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from syncd.sandbox.jira_errors import Refusal, say
from syncd.sandbox.jira_jql import Both, Clause, Either, JqlSyntaxError, Negated, Node, Operand, Sort, parse
from syncd.sandbox.jira_model import CATEGORIES, Issue, User

if TYPE_CHECKING:
    from syncd.sandbox.jira_core import JiraCore

Test = Callable[[Issue], bool]

_DATE: Final = re.compile(r"^(\d{4})[/-](\d{1,2})[/-](\d{1,2})(?:[ T](\d{1,2}):(\d{2}))?$")
_DURATION: Final = re.compile(r"^([+-]?)((?:\d+[wdhmMy]\s*)+)$")
_PERIOD: Final = re.compile(r"(\d+)([wdhmMy])")
_UNIT_MINUTES: Final = {"w": 10080, "d": 1440, "h": 60, "m": 1, "M": 43200, "y": 525600}
_NAMES: Final = {
    "issuekey": "key",
    "issue": "key",
    "type": "issuetype",
    "issue type": "issuetype",
    "createddate": "created",
    "updateddate": "updated",
    "resolutiondate": "resolved",
    "duedate": "due",
    "fixversion": "fixversion",
    "label": "labels",
}
_DATES: Final = frozenset({"created", "updated", "resolved"})
_EQUALITY: Final = frozenset({"=", "!=", "in", "not in", "is", "is not"})
_TEXT: Final = frozenset({"~", "!~", "is", "is not"})


@dataclass(slots=True)
class Plan:
    """A compiled query.

    `lower_ms`, `ids` and `labels` are hints: every match has `updated` from `lower_ms` on, its id in `ids`, one of
    the `labels` (None: no hint). `warnings` is filled when unknown values are tolerated.
    """

    test: Test | None
    order: tuple[Sort, ...]
    lower_ms: int | None = None
    ids: set[int] | None = None
    labels: set[str] | None = None
    warnings: list[str] = field(default_factory=list)


def compile_jql(world: JiraCore, user: User | None, jql: str, *, lenient: bool = False) -> Plan:
    """The plan of `jql` for `user`. Raises `Refusal` 400; with `lenient`, unknown values match nothing and warn."""
    try:
        query = parse(jql)
    except JqlSyntaxError as error:
        raise Refusal(400, [world.say("jql_syntax", detail=str(error))]) from error
    return _Compiler(world, user, lenient).plan(query.where, query.order)


class _Compiler:
    def __init__(self, world: JiraCore, user: User | None, lenient: bool) -> None:
        self._world = world
        self._user = user
        self._lenient = lenient
        self._grain = world.index_grain_ms
        self._projects = world.browsable(user)
        self._problems: list[str] = []

    def plan(self, where: Node | None, order: tuple[Sort, ...]) -> Plan:
        test = self._node(where) if where is not None else None
        keys = tuple(Sort(self._name(key.field), key.descending) for key in order)
        for key in keys:
            if key.field not in SORTABLE:
                self._problem("jql_order", field=key.field)
        if self._problems and not self._lenient:
            raise Refusal(400, self._problems)
        plan = Plan(test, keys, warnings=self._problems)
        for part in where.parts if isinstance(where, Both) else (where,):
            if isinstance(part, Clause):
                self._hint(plan, part)
        return plan

    def _problem(self, text: str, **values: object) -> None:
        message = say(str(self._world.switches["language"]), text, **values)
        if message not in self._problems:
            self._problems.append(message)

    @staticmethod
    def _name(name: str) -> str:
        lowered = name.lower()
        return _NAMES.get(lowered, lowered)

    def _hint(self, plan: Plan, clause: Clause) -> None:
        name = self._name(clause.field)
        texts = [operand.value for operand in clause.operands if operand.kind == "text"]
        if name == "updated" and clause.operator in {">", ">="} and texts:
            value = self._date(name, clause.operands[0])
            if value is not None and (plan.lower_ms is None or value > plan.lower_ms):
                plan.lower_ms = value
        elif clause.operator in {"=", "in"} and name in {"key", "id"}:
            ids = self._issue_ids(clause)
            plan.ids = ids if plan.ids is None else plan.ids & ids
        elif clause.operator in {"=", "in"} and name == "labels" and len(texts) == len(clause.operands):
            plan.labels = set(texts) if plan.labels is None else plan.labels

    def _node(self, node: Node) -> Test:
        if isinstance(node, Clause):
            return self._clause(node)
        if isinstance(node, Negated):
            inner = self._node(node.part)
            return lambda issue: not inner(issue)
        tests = [self._node(part) for part in node.parts]
        if isinstance(node, Either):
            return lambda issue: any(test(issue) for test in tests)
        return lambda issue: all(test(issue) for test in tests)

    def _clause(self, clause: Clause) -> Test:
        name = self._name(clause.field)
        if name in _DATES:
            return self._date_test(name, clause)
        if name == "due":
            return self._due_test(clause)
        if name in {"summary", "description", "text", "comment"}:
            return self._text_test(name, clause)
        if name in {"key", "id"}:
            self._allow(clause, _EQUALITY)
            ids = self._issue_ids(clause)
            return self._negate(clause, lambda issue: issue.id in ids)
        self._allow(clause, _EQUALITY)
        reader = self._reader(name)
        if reader is None:
            self._problem("jql_field", field=clause.field)
            return lambda _: False
        return self._values_test(name, clause, reader)

    def _allow(self, clause: Clause, operators: frozenset[str]) -> None:
        if clause.operator not in operators:
            self._problem("jql_operator", operator=clause.operator, field=clause.field)

    @staticmethod
    def _negate(clause: Clause, test: Test) -> Test:
        return (lambda issue: not test(issue)) if clause.operator in {"!=", "not in"} else test

    def _reader(self, name: str) -> Callable[[Issue], Iterable[str | None]] | None:
        """How the values of an equality field are read: ids, lower case where case does not count."""
        world = self._world
        simple: dict[str, Callable[[Issue], Iterable[str | None]]] = {
            "project": lambda issue: (issue.project,),
            "status": lambda issue: (issue.status_id,),
            "statuscategory": lambda issue: (world.site.statuses[issue.status_id].category,),
            "resolution": lambda issue: (issue.resolution_id,),
            "priority": lambda issue: (issue.priority_id,),
            "issuetype": lambda issue: (issue.type_id,),
            "assignee": lambda issue: (issue.assignee,),
            "reporter": lambda issue: (issue.reporter,),
            "creator": lambda issue: (issue.creator,),
            "labels": lambda issue: issue.labels or (None,),
            "fixversion": lambda issue: issue.fix_versions or (None,),
            "parent": lambda issue: (None if issue.parent is None else str(issue.parent),),
        }
        if name in simple:
            return simple[name]
        custom = world.site.custom_field(name)
        if custom is None:
            return None
        field_id = custom.id

        def read(issue: Issue) -> Iterable[str | None]:
            value = issue.custom.get(field_id)
            return (None if value is None else str(value),)

        return read

    def _values_test(self, name: str, clause: Clause, reader: Callable[[Issue], Iterable[str | None]]) -> Test:
        wanted: set[str | None] = set()
        for operand in clause.operands:
            if operand.kind == "empty":
                wanted.add(None)
            else:
                wanted.update(self._values(name, clause.field, operand))
        if clause.operator in {"!=", "not in", "is not"}:
            # As in Jira an empty field answers no negated comparison, unless emptiness is what is excluded.
            return lambda issue: all(value not in wanted and value is not None for value in reader(issue))
        return lambda issue: any(value in wanted for value in reader(issue))

    def _values(self, name: str, shown: str, operand: Operand) -> set[str | None]:
        world = self._world
        if operand.kind == "function":
            return self._function(name, operand)
        text = operand.value
        lowered = text.lower()
        found: set[str | None]
        if name == "labels":
            return {text}
        if name == "project":
            found = {
                project.key
                for project in world.site.projects.values()
                if project.key in self._projects
                and lowered in {project.key.lower(), project.name.lower(), str(project.id)}
            }
        elif name == "status":
            found = {s.id for s in world.site.statuses.values() if lowered in {s.id, s.name.lower()}}
        elif name == "statuscategory":
            found = {
                key for key, (number, label, _) in CATEGORIES.items() if lowered in {key, str(number), label.lower()}
            }
        elif name == "resolution" and lowered == "unresolved":
            found = {None}
        elif name in {"resolution", "priority", "issuetype"}:
            catalogue = {
                "resolution": world.site.resolutions,
                "priority": world.site.priorities,
                "issuetype": world.site.issue_types,
            }[name]
            found = {entry.id for entry in catalogue.values() if lowered in {entry.id, entry.name.lower()}}
        elif name in {"assignee", "reporter", "creator"}:
            user = world.site.find_user(text)
            found = set() if user is None else {user.id}
        elif name == "fixversion":
            found = {v.id for v in world.site.versions.values() if lowered in {v.id, v.name.lower()}}
        elif name == "parent":
            issue = world.find_issue(text)
            found = set() if issue is None else {str(issue.id)}
        else:
            return {text}
        if not found:
            self._problem("jql_value", value=text, field=shown)
        return found

    def _function(self, name: str, operand: Operand) -> set[str | None]:
        if operand.value.lower() == "currentuser" and name in {"assignee", "reporter", "creator"}:
            return {self._user.id} if self._user else set()
        self._problem("jql_function", name=operand.value)
        return set()

    # Issues by key, by id and by remote link

    def _issue_ids(self, clause: Clause) -> set[int]:
        world = self._world
        ids: set[int] = set()
        for operand in clause.operands:
            if operand.kind == "function":
                if operand.value.lower() != "issueswithremotelinksbyglobalid":
                    self._problem("jql_function", name=operand.value)
                for global_id in operand.arguments:
                    ids.update(world.remote_ids.get(global_id, ()))
                continue
            issue = world.find_issue(operand.value)
            if issue is not None and issue.project in self._projects:
                ids.add(issue.id)
            elif not world.switches["unknown_issue_in_jql_ignored"]:
                text = "jql_issue_id" if operand.value.isdigit() else "jql_issue"
                self._problem(text, value=operand.value, field=clause.field)
        return ids

    # Texts and dates

    def _text_test(self, name: str, clause: Clause) -> Test:
        self._allow(clause, _TEXT)
        needles = [operand.value.lower().strip('"') for operand in clause.operands]

        def haystack(issue: Issue) -> str:
            parts = [issue.summary] if name in {"summary", "text"} else []
            if name in {"description", "text"}:
                parts.append(issue.description or "")
            if name in {"comment", "text"}:
                parts.extend(comment.body for comment in issue.comments)
            return "\n".join(parts).lower()

        if clause.operator in {"is", "is not"}:
            empty = clause.operator == "is"
            return lambda issue: (not haystack(issue)) is empty
        wanted = clause.operator == "~"
        return lambda issue: all(needle in haystack(issue) for needle in needles) is wanted

    def _due_test(self, clause: Clause) -> Test:
        operand = clause.operands[0]
        if operand.kind == "empty":
            empty = clause.operator in {"is", "="}
            return lambda issue: (issue.due is None) is empty
        value = self._date("duedate", operand)
        if value is None:
            return lambda _: False
        day = datetime.fromtimestamp(value / 1000, self._zone).date().isoformat()
        compare = COMPARE[clause.operator]
        return lambda issue: issue.due is not None and compare(issue.due, day)

    def _date_test(self, name: str, clause: Clause) -> Test:
        operand = clause.operands[0]
        read: Callable[[Issue], int | None] = {
            "created": lambda issue: issue.created,
            "updated": lambda issue: issue.updated,
            "resolved": lambda issue: issue.resolved,
        }[name]
        if operand.kind == "empty":
            empty = clause.operator in {"is", "="}
            return lambda issue: (read(issue) is None) is empty
        if clause.operator not in COMPARE:
            self._problem("jql_operator", operator=clause.operator, field=clause.field)
            return lambda _: False
        value = self._date(clause.field, operand)
        if value is None:
            return lambda _: False
        compare, grain = COMPARE[clause.operator], self._grain
        bound = value // grain

        def test(issue: Issue) -> bool:
            at = read(issue)
            return at is not None and compare(at // grain, bound)

        return test

    @property
    def _zone(self) -> ZoneInfo:
        return self._world.zone_of(self._user)

    def _date(self, shown: str, operand: Operand) -> int | None:
        """Epoch milliseconds of a date operand; a problem is noted and None answered when it is none."""
        now = self._world.now_ms()
        text = operand.value.strip()
        if operand.kind == "function":
            if text.lower() == "now":
                return now
            if text.lower() == "startofday":
                day = datetime.fromtimestamp(now / 1000, self._zone)
                return int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
            self._problem("jql_function", name=operand.value)
            return None
        if text.lstrip("-").isdigit() and not operand.quoted:
            return int(text)
        duration = _DURATION.match(text)
        if duration:
            minutes = sum(int(count) * _UNIT_MINUTES[unit] for count, unit in _PERIOD.findall(duration.group(2)))
            return now + (-minutes if duration.group(1) == "-" else minutes) * 60_000
        moment = self._local(text)
        if moment is not None:
            # Through UTC, so that a time that a clock change skips is read as Java reads it: an hour later.
            return round((moment - _EPOCH) / timedelta(milliseconds=1))
        self._problem("jql_date", value=operand.value, field=shown)
        return None

    def _local(self, text: str) -> datetime | None:
        match = _DATE.match(text)
        if match is None:
            return None
        year, month, day, hour, minute = (int(part or 0) for part in match.groups())
        try:
            return datetime(year, month, day, hour, minute, tzinfo=self._zone)
        except ValueError:
            return None


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))

COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}

SORTABLE: Final = frozenset(
    {"updated", "created", "key", "id", "priority", "status", "summary", "resolved", "due", "project"}
)
