"""Going through whole projects for what names a ticket: a field, labels, or remote links; and finding issues by key.

https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-search/
https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-remote-links/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from syncd.sources.errors import InvalidResponseError, NotFoundError, RefusedError
from syncd.sources.jira_json import record, rows
from syncd.sources.jira_parse import ORIGIN
from syncd.sources.jira_search import quoted
from syncd.sources.jira_wire import Wire, segment, understood

PAGE: Final = 100
PAGES: Final = 10_000
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Row:
    """An issue as a scan gave it, with the one field that was asked for."""

    id: str
    key: str
    value: Any


class IssueScan:
    """The reading that adoption does. One call for each 100 issues."""

    def __init__(self, wire: Wire, is_cloud: Callable[[], bool]) -> None:
        self._wire = wire
        self._is_cloud = is_cloud

    def with_field(self, project_keys: Sequence[str], field_id: str) -> Iterator[Row]:
        """The issues of the projects whose field is filled. RefusedError for a field that Jira does not know."""
        number = field_id.rpartition("_")[2]
        clause = f"cf[{number}]" if field_id.startswith("customfield_") and number.isdecimal() else quoted(field_id)
        yield from self._scan(f"{_of(project_keys)} AND {clause} is not EMPTY", field_id)

    def with_labels(self, project_keys: Sequence[str]) -> Iterator[Row]:
        """The issues of the projects that have labels: JQL knows no beginnings of labels."""
        yield from self._scan(f"{_of(project_keys)} AND labels is not EMPTY", "labels")

    def all_issues(self, project_keys: Sequence[str]) -> Iterator[Row]:
        """Every issue of the projects."""
        yield from self._scan(_of(project_keys), "labels")

    def remote_links(self, issue_id: str) -> tuple[str, ...]:
        """The addresses that the issue's remote links lead to. One call."""
        with understood():
            listed = rows(self._wire.get(f"issue/{segment(issue_id)}/remotelink"), "the remote links")
            found = [entry.get("object") for entry in listed if isinstance(entry, Mapping)]
            return tuple(str(o.get("url") or "") for o in found if isinstance(o, Mapping))

    def made_for(self, issue_id: str) -> int | None:
        """The number of the ticket that syncd made the issue for, from the mark it left; None without a mark. One call.

        A copy of the issue may carry the label too, but not the mark: cloning leaves entity properties behind."""
        try:
            raw = self._wire.get(f"issue/{segment(issue_id)}", {"fields": "labels", "properties": ORIGIN})
        except NotFoundError:
            return None
        with understood():
            properties = record(raw, "an issue").get("properties")
            value = properties.get(ORIGIN) if isinstance(properties, Mapping) else None
            ticket = value.get("ticket") if isinstance(value, Mapping) else None
            return ticket if isinstance(ticket, int) and not isinstance(ticket, bool) and ticket > 0 else None

    def ids_of_keys(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Key (in capitals) -> id of those that are found; 100 a call on Data Center, where nothing else takes many."""
        wanted = [key.upper() for key in dict.fromkeys(keys) if _KEY.fullmatch(key)]
        found: dict[str, str] = {}
        for start in range(0, len(wanted), PAGE):
            found |= self._by_key(wanted[start : start + PAGE])
        return found

    def _by_key(self, keys: Sequence[str]) -> dict[str, str]:
        """One that does not exist may refuse the whole query: then by halves."""
        if not keys:
            return {}
        try:
            listed = list(self._scan(f"key in ({', '.join(quoted(key) for key in keys)})", "labels", strict=False))
        except RefusedError as error:
            if error.status != 400 or len(keys) == 1:
                return {}
            half = len(keys) // 2
            return self._by_key(keys[:half]) | self._by_key(keys[half:])
        return {row.key.upper(): row.id for row in listed}

    def _scan(self, where: str, field_id: str, *, strict: bool = True) -> Iterator[Row]:
        cloud, token, count = self._is_cloud(), "", 0
        seen: set[str] = set()
        for _ in range(PAGES):
            params = {"jql": f"{where} ORDER BY key ASC", "fields": field_id, "maxResults": str(PAGE)}
            if cloud:
                params |= {"nextPageToken": token} if token else {}
            else:
                params |= {"startAt": str(count), "validateQuery": "true" if strict else "false"}
            with understood():
                answer = record(self._wire.get("search/jql" if cloud else "search", params), "a search")
                page = [record(raw, "an issue") for raw in rows(answer.get("issues"), "the issues")]
            count += len(page)
            for raw in page:
                fields = raw.get("fields")
                value = fields.get(field_id) if isinstance(fields, Mapping) else None
                yield Row(str(raw.get("id") or ""), str(raw.get("key") or ""), value)
            token = str(answer.get("nextPageToken") or "")
            total = answer.get("total")
            if (cloud and not token) or (not cloud and (not page or (isinstance(total, int) and count >= total))):
                return
            if cloud and token in seen:
                raise InvalidResponseError("jira: a search repeats the token of a page, so its list never ends")
            seen.add(token)
        raise InvalidResponseError("jira: a search does not end")


def _of(project_keys: Sequence[str]) -> str:
    return f"project in ({', '.join(quoted(key) for key in project_keys)})"
