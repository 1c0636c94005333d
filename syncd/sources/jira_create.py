"""Creating issues in Jira, and finding again what was created when the answer was lost.

Jira has no idempotency key. The mark goes with the creation itself, as a label (which search finds) and as an entity
property (which stays when somebody cleans labels up): both are in the create request of Cloud and Data Center.
https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues/#api-rest-api-2-issue-post
https://developer.atlassian.com/server/jira/platform/rest/v10003/api-group-issue/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from syncd.core.creating import LABEL, CreateField, CreateScreen, Found, Probe, label_of
from syncd.core.model import Json
from syncd.core.wiki import within_bmp
from syncd.sources.errors import InvalidResponseError, NotFoundError, RefusedError
from syncd.sources.jira_json import ident, record, rows
from syncd.sources.jira_parse import ORIGIN, marker_of_origin
from syncd.sources.jira_search import quoted
from syncd.sources.jira_wire import Wire, segment, understood

PER_QUERY: Final = 50  # markers
PAGE: Final = 100
PAGES: Final = 50
GAPS: Final = 4
"""Keys in a row that are not there, after which no higher one is expected."""
MOST_PROBED: Final = 200  # keys after the floor that are looked at in one go
META_PAGE: Final = 100  # Cloud refuses more than 200


LONGEST = {"summary": 255, "description": 32_767}
"""What Jira takes of these fields; a longer one refuses the whole issue."""


class Creator:
    """The creating half of syncd.sources.jira.Jira. A BugMaker."""

    def __init__(self, wire: Wire, is_cloud: Callable[[], bool]) -> None:
        self._wire = wire
        self._is_cloud = is_cloud

    @property
    def reads_slowly(self) -> bool:
        """Cloud's search lags "a few seconds to minutes":
        https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile/"""
        return self._is_cloud()

    def create(self, project_key: str, fields: Mapping[str, Json], *, marker: str, origin: Mapping[str, Json]) -> Found:
        """See BugMaker.create. On Data Center characters beyond U+FFFF are spelt out: where its database cannot hold
        them it would answer 500 at every attempt."""
        named = fields.get("labels")
        labels = [*(named if isinstance(named, list) else []), label_of(marker)]
        whole: dict[str, Any] = {"project": {"key": project_key}, **fields, "labels": labels}
        if not self._is_cloud():
            whole = {key: _plain(value) for key, value in whole.items()}
        body = {
            "fields": {key: _short(value, LONGEST[key]) if key in LONGEST else value for key, value in whole.items()},
            "properties": [{"key": ORIGIN, "value": {"marker": marker, **origin}}],
        }
        answer = self._wire.write("issue", body)
        with understood():
            made = record(answer, "the answer to the creation")
            return Found(ident(made.get("id"), "the id of the new issue"), ident(made.get("key"), "its key"))

    # ---- finding it again --------------------------------------------------------------------------------------

    def labelled(self, markers: Sequence[str]) -> Mapping[str, tuple[Found, ...]]:
        """See BugMaker.labelled."""
        wanted = list(dict.fromkeys(markers))
        found: dict[str, dict[str, Found]] = {}
        for start in range(0, len(wanted), PER_QUERY):
            part = wanted[start : start + PER_QUERY]
            named = ", ".join(quoted(label_of(marker)) for marker in part)
            jql = f"labels in ({named}) ORDER BY key ASC" if len(part) > 1 else f"labels = {named} ORDER BY key ASC"
            for raw in self._search(jql, "labels"):
                issue = Found(ident(raw.get("id"), "an issue's id"), ident(raw.get("key"), "an issue's key"))
                for marker in _markers(raw):
                    if marker in part:
                        found.setdefault(marker, {})[issue.id] = issue
        return {
            marker: tuple(sorted(issues.values(), key=lambda i: (int(i.id) if i.id.isdecimal() else 0, i.key)))
            for marker, issues in found.items()
        }

    def newest_number(self, project_key: str) -> int:
        """See BugMaker.newest_number."""
        jql = f"project = {quoted(project_key)} ORDER BY key DESC"
        keys = [str(raw.get("key") or "") for raw in self._search(jql, "labels", limit=1)]
        return max((Found("", key).number for key in keys), default=0)

    def probe(self, project_key: str, floor: int, *, marker: str) -> Probe:
        """See BugMaker.probe. Reading an issue by its key does not go through the search index; a key that was moved
        away answers with its new one."""
        found: list[Found] = []
        gap = number = 0
        while gap < GAPS and number < MOST_PROBED:
            number += 1
            key = f"{project_key}-{floor + number}"
            try:
                raw = self._wire.get(f"issue/{segment(key)}", {"fields": "labels", "properties": ORIGIN})
            except NotFoundError:
                gap += 1
                continue
            except RefusedError:
                return Probe(tuple(found), complete=False, calls=number)
            gap = 0
            with understood():
                data = record(raw, f"issue {key}")
                if marker in _markers(data) or marker == _origin(data):
                    found.append(Found(ident(data.get("id"), "an issue's id"), ident(data.get("key"), "its key")))
        return Probe(tuple(found), complete=gap >= GAPS, calls=number)

    def _search(self, jql: str, fields: str, *, limit: int | None = None) -> list[Mapping[str, Any]]:
        cloud = self._is_cloud()
        path = "search/jql" if cloud else "search"
        found: list[Mapping[str, Any]] = []
        tokens: set[str] = set()
        token: str | None = None
        for _ in range(PAGES):
            params = {"jql": jql, "fields": fields, "maxResults": str(limit or PAGE)}
            if token is not None:
                params["nextPageToken"] = token
            elif not cloud:
                params["startAt"] = str(len(found))
            with understood():
                answer = record(self._wire.get(path, params), "the answer to a search")
                page = [record(raw, "an issue") for raw in rows(answer.get("issues"), "the issues of a search")]
            found += page
            if limit is not None and (found or not cloud):
                return found[:limit]
            token = answer.get("nextPageToken") if cloud else None
            total = answer.get("total")
            if cloud and (not isinstance(token, str) or not token):
                return found
            if not cloud and (not page or (isinstance(total, int) and len(found) >= total)):
                return found
            if token is not None and token in tokens:
                break
            tokens.add(str(token))
        raise InvalidResponseError("jira: a search by label does not end")

    # ---- beside it ---------------------------------------------------------------------------------------------

    def show_ticket(self, issue_id: str, *, global_id: str, url: str, title: str) -> None:
        """See BugMaker.show_ticket. Fields that are left out would be emptied, so all are sent:
        https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-remote-links/"""
        body = {
            "globalId": global_id,
            "application": {"type": "com.zendesk", "name": "Zendesk"},
            "relationship": "is caused by",
            "object": {"url": url, "title": title if self._is_cloud() else within_bmp(title)},
        }
        answer = self._wire.write(f"issue/{segment(issue_id)}/remotelink", body)
        with understood():
            ident(record(answer, "the answer to a remote link").get("id"), "the id of the remote link")

    def is_related(self, issue_id: str, other_id: str) -> bool:
        """See BugMaker.is_related."""
        with understood():
            raw = record(self._wire.get(f"issue/{segment(issue_id)}", {"fields": "issuelinks"}), "an issue")
            fields = record(raw.get("fields"), "the fields of an issue")
            for entry in rows(fields.get("issuelinks") or [], "the links of an issue"):
                link = record(entry, "a link")
                ends = [link.get(name) for name in ("inwardIssue", "outwardIssue")]
                found = any(isinstance(end, Mapping) and str(end.get("id")) == other_id for end in ends)
                if found and _relates(link.get("type")):
                    return True
        return False

    def relate(self, issue_key: str, other_key: str) -> None:
        """See BugMaker.relate. The kind of link is looked up, since an administrator may have renamed it:
        https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-links/#api-rest-api-2-issuelink-post
        """
        with understood():
            kinds = record(self._wire.get("issueLinkType"), "the kinds of links").get("issueLinkTypes")
            kind = next((k for k in rows(kinds, "the kinds of links") if _relates(k)), None)
        if kind is None:
            raise RefusedError('jira: there is no kind of issue link called "relates to"')
        body = {
            "type": {"name": record(kind, "a kind of links").get("name")},
            "inwardIssue": {"key": other_key},
            "outwardIssue": {"key": issue_key},
        }
        self._wire.write("issueLink", body)

    def create_screen(self, project_key: str, issue_type: str) -> CreateScreen:
        """See BugMaker.create_screen. Two calls or more: both deployments page, under other names."""
        path = f"issue/createmeta/{segment(project_key)}/issuetypes"
        with understood():
            kinds = self._meta(path, "issueTypes")
            wanted = issue_type.strip().casefold()
            kind = next((k for k in kinds if str(k.get("id")) == issue_type), None) or next(
                (k for k in kinds if str(k.get("name")).casefold() == wanted), None
            )
            if kind is None:
                offered = ", ".join(str(k.get("name")) for k in kinds)
                raise NotFoundError(
                    f"jira: {project_key} has no issue type '{issue_type}' that may be created: {offered}"
                )
            number = ident(kind.get("id"), "an issue type's id")
            fields = self._meta(f"{path}/{segment(number)}", "fields")
            return CreateScreen(number, str(kind.get("name")), tuple(_field(raw) for raw in fields))

    def _meta(self, path: str, key: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for _ in range(PAGES):
            answer = record(
                self._wire.get(path, {"startAt": str(len(found)), "maxResults": str(META_PAGE)}), "the page"
            )
            values = rows(answer.get(key) if key in answer else answer.get("values"), "what may be created")
            found += [record(raw, "an entry") for raw in values]
            total = answer.get("total")
            if not values or answer.get("isLast") is True or (isinstance(total, int) and len(found) >= total):
                return found
            if total is None and "isLast" not in answer:
                return found
        raise InvalidResponseError("jira: the create screen does not end")


def _relates(kind: Any) -> bool:
    named = kind if isinstance(kind, Mapping) else {}
    words = [str(named.get(name) or "").strip().casefold() for name in ("name", "inward", "outward")]
    return "relates" in words or "relates to" in words


def _field(raw: Mapping[str, Any]) -> CreateField:
    schema = raw.get("schema")
    kind = schema if isinstance(schema, Mapping) else {}
    allowed = raw.get("allowedValues")
    values = [value for value in allowed if isinstance(value, Mapping)] if isinstance(allowed, list) else []
    return CreateField(
        id=ident(raw.get("fieldId") or raw.get("key"), "a field's id"),
        name=str(raw.get("name") or ""),
        required=raw.get("required") is True,
        has_default=raw.get("hasDefaultValue") is True,
        type=str(kind.get("type") or "any"),
        items=str(kind["items"]) if kind.get("items") else None,
        custom=str(kind["custom"]) if kind.get("custom") else None,
        allowed=tuple(
            (str(value.get("id") or ""), str(value.get("name") or value.get("value") or "")) for value in values
        ),
    )


def _markers(raw: Mapping[str, Any]) -> list[str]:
    fields = raw.get("fields")
    labels = fields.get("labels") if isinstance(fields, Mapping) else None
    named = [label for label in labels if isinstance(label, str)] if isinstance(labels, list) else []
    return [label.removeprefix(LABEL) for label in named if label.startswith(LABEL)]


def _origin(raw: Mapping[str, Any]) -> str | None:
    properties = raw.get("properties")
    return marker_of_origin(properties.get(ORIGIN)) if isinstance(properties, Mapping) else None


def _short(value: Any, units: int) -> Any:
    """A text cut to so many UTF-16 units, as Java counts: an emoji is two, and spelt out it is many."""
    if not isinstance(value, str) or len(value.encode("utf-16-le", "surrogatepass")) <= 2 * units:
        return value
    return value.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore")


def _plain(value: Any) -> Any:
    """`value` with no character beyond U+FFFF in any of its texts."""
    if isinstance(value, str):
        return within_bmp(value)
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value
