"""Fields of Jira's issues: what a project defines, how a value is written, and what the changelog says of edits.

https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-fields/
https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues/#api-rest-api-2-issue-createmeta-projectidorkey-issuetypes-get
https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues/#api-rest-api-2-issue-issueidorkey-put
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from syncd.core.field_model import FieldChange
from syncd.core.model import BugField, IssueEdit, Json
from syncd.sources.errors import InvalidResponseError, NotFoundError
from syncd.sources.jira_history import embedded_changelog, marker_of_entry
from syncd.sources.jira_json import Authors, ident, instant, record, rows, text_of, user_id
from syncd.sources.jira_wire import Wire, segment, understood

PAGE: Final = 50
MOST_PAGES: Final = 40
FOUND: Final = 20  # users that a search by e-mail is asked for


class FieldDefinitions:
    """What fields there are."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def read(self, project_key: str, issue_type: str) -> tuple[BugField, ...]:
        """Every field of the site; those on the project's create screen with their allowed values.

        Three calls and more where a screen has several pages. Raises NotFoundError for an unknown project."""
        with understood():
            found = {field.id: field for field in map(_field, rows(self._wire.get("field"), "the fields"))}
            for raw in self._on_screen(project_key, issue_type):
                shape = record(raw, "a field of a screen")
                name = ident(shape.get("fieldId") or shape.get("key"), "a field's id")
                field = found.get(name) or _field({**shape, "id": name})
                allowed = shape.get("allowedValues")
                found[name] = replace(
                    _typed(field, shape.get("schema")),
                    on_screen=True,
                    allowed=tuple(map(_allowed, allowed)) if isinstance(allowed, list) else (),
                )
        return tuple(found.values())

    def _on_screen(self, project_key: str, issue_type: str) -> Iterable[object]:
        path = f"issue/createmeta/{segment(project_key)}/issuetypes"
        for raw in self._pages(path, "issueTypes"):
            kind = record(raw, "an issue type")
            type_id = ident(kind.get("id"), "an issue type's id")
            if issue_type.casefold() in (type_id, str(kind.get("name") or "").casefold()):
                return self._pages(f"{path}/{segment(type_id)}", "fields")
        return ()

    def _pages(self, path: str, name: str) -> list[object]:
        """`issueTypes` or `fields` on Cloud, a page bean of `values` on Data Center."""
        found: list[object] = []
        for _ in range(MOST_PAGES):
            answer = record(self._wire.get(path, {"startAt": str(len(found)), "maxResults": str(PAGE)}), path)
            page = rows(answer.get(name, answer.get("values")), f"the {name} of a screen")
            found += page
            total = answer.get("total")
            if not page or answer.get("isLast") is True or (isinstance(total, int) and len(found) >= total):
                return found
            if total is None and len(page) < PAGE:
                return found
        raise InvalidResponseError(f"jira: the list of {name} does not end")


def _field(raw: object) -> BugField:
    data = record(raw, "a field")
    name = data.get("name")
    field = BugField(ident(data.get("id"), "a field's id"), name if isinstance(name, str) else "")
    return _typed(field, data.get("schema"))


def _typed(field: BugField, schema: object) -> BugField:
    if not isinstance(schema, dict):
        return field
    return replace(field, type=str(schema.get("type") or ""), items=str(schema.get("items") or ""))


def _allowed(raw: object) -> str:
    if isinstance(raw, dict):
        return str(next((raw[key] for key in ("value", "name", "key", "id") if raw.get(key)), ""))
    return str(raw)


def read_priorities(wire: Wire) -> tuple[str, ...]:
    """The names of the site's priorities, the highest first. One call."""
    with understood():
        return tuple(
            ident(record(raw, "a priority").get("name"), "a priority")
            for raw in rows(wire.get("priority"), "the priorities")
        )


# ---- values ----------------------------------------------------------------------------------------------------


def compact(raw: object) -> Json:
    """A field's value without what nobody asks for: options and named things by their names, people by what tells them
    apart (`account`, `name`, `email`)."""
    if isinstance(raw, list):
        return [compact(item) for item in raw]
    if not isinstance(raw, dict):
        return raw if isinstance(raw, bool | int | float | str) else None
    if "accountId" in raw or "displayName" in raw or "emailAddress" in raw:
        person = {
            "account": user_id(raw),
            "name": text_of(raw.get("displayName")),
            "email": text_of(raw.get("emailAddress")),
        }
        return {key: value for key, value in person.items() if value is not None}
    return next((str(raw[key]) for key in ("value", "name", "key", "id") if raw.get(key)), None)


def body_of(changes: Sequence[FieldChange], *, cloud: bool) -> dict[str, Any]:
    """`fields` and `update` of an edit. A list is changed by its members, never written whole."""
    fields: dict[str, Any] = {}
    update: dict[str, Any] = {}
    for change in changes:
        if change.add or change.remove:
            update[change.id] = [
                *({"remove": _member(change.kind, name)} for name in change.remove),
                *({"add": _member(change.kind, name)} for name in change.add),
            ]
        else:
            fields[change.id] = _written(change.kind, change.value, cloud=cloud)
    return {**({"fields": fields} if fields else {}), **({"update": update} if update else {})}


def _member(kind: str, name: str) -> Json:
    if kind == "labels":
        return name
    return {"value": name} if kind == "multi" else {"name": name}


def _written(kind: str, value: Json, *, cloud: bool) -> Json:
    if value is None:
        return None
    match kind:
        case "priority":
            return {"name": value}
        case "option":
            return {"value": value}
        case "assignee" | "user":
            return {"accountId" if cloud else "name": value}
        case "number":
            number = float(str(value))
            return int(number) if number.is_integer() else number
        case _:
            return value


# ---- edits -----------------------------------------------------------------------------------------------------


def edits_of(raw: object, authors: Authors) -> tuple[IssueEdit, ...]:
    """Every item of an embedded changelog, newest first."""
    found: list[tuple[tuple[Any, int], IssueEdit]] = []
    for entry in (record(value, "a changelog entry") for value in embedded_changelog(record(raw, "an issue"))):
        number = ident(entry.get("id"), "the id of a changelog entry")
        at = instant(entry.get("created"), "the time of a changelog entry")
        for item in rows(entry.get("items") or [], "the items of a changelog entry"):
            shape = record(item, "an item of a changelog entry")
            edit = IssueEdit(
                id=number,
                at=at,
                actor=authors.actor(entry.get("author")),
                names=tuple(fold for key in ("fieldId", "field") if (fold := str(shape.get(key) or "").casefold())),
                before=text_of(shape.get("fromString")) or text_of(shape.get("from")),
                after=text_of(shape.get("toString")) or text_of(shape.get("to")),
                marker=marker_of_entry(entry),
            )
            found.append(((at, int(number) if number.isdecimal() else 0), edit))
    return tuple(edit for _, edit in sorted(found, key=lambda pair: pair[0], reverse=True))


# ---- people ----------------------------------------------------------------------------------------------------


def find_account(wire: Wire, asked: str, *, cloud: bool) -> str | None:
    """The account of an e-mail address, an account id (Cloud), a user name (Data Center) or a full name; None when
    nobody, or more than one, fits. One or two calls."""
    with understood():
        found: list[Mapping[str, Any]] = [
            user
            for user in rows(wire.get("user/search", _search(asked, cloud=cloud)), "the users")
            if isinstance(user, dict) and user.get("active") is not False
        ]
        exact = [user for user in found if _is_called(user, asked)]
        if not exact and "@" in asked and cloud:
            # An e-mail address may be hidden: the only one who is found by it is the one who has it.
            exact = [user for user in found if text_of(user.get("emailAddress")) is None]
        if not exact and "@" not in asked:
            exact = _by_name(wire.get, asked, cloud=cloud)
    accounts = {account for user in exact if (account := user_id(user)) is not None}
    return accounts.pop() if len(accounts) == 1 else None


def _search(asked: str, *, cloud: bool) -> dict[str, str]:
    return {"query" if cloud else "username": asked, "maxResults": str(FOUND)}


def _is_called(user: Mapping[str, Any], asked: str) -> bool:
    names = ("emailAddress", "accountId", "name", "key", "displayName")
    return asked.casefold() in (str(user.get(key) or "").casefold() for key in names)


def _by_name(get: Callable[..., Any], asked: str, *, cloud: bool) -> list[Mapping[str, Any]]:
    try:
        user = get("user", {"accountId" if cloud else "username": asked})
    except NotFoundError:
        return []
    return [user] if isinstance(user, dict) else []
