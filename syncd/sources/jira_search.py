"""Walking through a search whose set moves while it is walked: JQL, and where to go on. Pure.

Two dialects. Cloud gives an opaque token per page and no total; the query must stay the same from page to page
(https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-search/). Data Center counts offsets into a
list that changes under the reader, so rows are skipped (JRASERVER-69860); there the walk asks anew from the last row's
`updated`, and counts offsets only among rows that share one second, which is what its index resolves.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from syncd.sources.errors import InvalidResponseError

PAGE: Final = 100  # rows to ask for; a server may give fewer
PAGES: Final = 10_000  # no walk is longer than this, whatever the server says
EMPTY_PAGES: Final = 20  # pages without rows in a row that are believed
REMEMBERED: Final = 50  # tokens that are compared

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def quoted(text: str) -> str:
    """`text` as a JQL string: quotes and backslashes escaped, control characters left out."""
    return '"' + _CONTROL.sub("", text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def changed_jql(project_keys: Sequence[str], since_ms: int) -> str:
    """Issues of the projects changed at or after `since_ms`, oldest change first.

    The bound is a number of epoch milliseconds: a date text would be read in the account's time zone and to the minute.
    There is no upper bound, which would hide an issue that changes often.
    """
    keys = ", ".join(quoted(key) for key in project_keys)
    return f"project in ({keys}) AND updated >= {since_ms} ORDER BY updated ASC, key ASC"


def ids_jql(ids: Sequence[str]) -> str:
    """The issues with these ids, in order of id."""
    return f"id in ({', '.join(ids)}) ORDER BY id ASC"


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a walk stands. Its text form is the cursor that callers keep."""

    asked: tuple[str, ...]  # the projects of the caller
    keys: tuple[str, ...]  # those of them that the server knows
    since: int  # epoch milliseconds
    token: str | None = None  # Cloud
    start: int = 0  # Data Center: rows to skip at this `since`
    pages: int = 0
    empty: int = 0
    seen: tuple[str, ...] = ()

    @property
    def jql(self) -> str:
        return changed_jql(self.keys, self.since)

    def encode(self) -> str:
        """As text."""
        state = [1, self.asked, self.keys, self.since, self.token, self.start, self.pages, self.empty, self.seen]
        return json.dumps(state, separators=(",", ":"))

    @classmethod
    def decode(cls, cursor: str | None, asked: Sequence[str]) -> Walk | None:
        """The walk of a cursor; None when it is another format's, or was begun for other projects: begin anew then."""
        try:
            version, of, keys, since, token, start, pages, empty, seen = json.loads(cursor or "[]")
            walk = cls(tuple(of), tuple(keys), int(since), token, int(start), int(pages), int(empty), tuple(seen))
        except (ValueError, TypeError):
            return None
        return walk if version == 1 and walk.asked == tuple(asked) else None


def next_on_cloud(walk: Walk, answer: Mapping[str, Any], count: int) -> Walk | None:
    """Where to go on after a page of `count` rows; None at the end, which is where no token is given.

    `isLast` is not consulted, and short pages mean nothing. Raises InvalidResponseError when the walk does not end.
    """
    token = answer.get("nextPageToken")
    if token is None or token == "":
        return None
    if not isinstance(token, str):
        raise InvalidResponseError("search: the token of the next page is not text")
    mark = hashlib.blake2b(token.encode(), digest_size=6).hexdigest()
    if mark in walk.seen:
        raise InvalidResponseError("search: the server repeats the token of a page, so its list never ends")
    seen = (*walk.seen, mark)[-REMEMBERED:]
    return _one_more(replace(walk, token=token, seen=seen), count)


def next_on_data_center(walk: Walk, answer: Mapping[str, Any], count: int, updated: Sequence[int]) -> Walk | None:
    """Where to go on after a page of `count` rows with these `updated` (epoch milliseconds); None at the end.

    The new lower bound is the least `updated` among the last rows of the page rather than the very last one: a row is
    ordered as it was indexed and shown as it is, so one that changed in between shows a later time than its place.
    Where only the offset can move on, it moves a little less than the page, since rows that change leave the list.
    """
    if not count:
        return None
    total = answer.get("total")
    if isinstance(total, int) and walk.start + count >= total:
        return None
    margin = min(10, count // 10)
    anchor = min(updated[-max(1, margin) :], default=0) // 1000 * 1000
    if anchor > walk.since:
        return _one_more(replace(walk, since=anchor, start=0), count)
    return _one_more(replace(walk, start=walk.start + count - margin), count)


def _one_more(walk: Walk, count: int) -> Walk:
    pages, empty = walk.pages + 1, 0 if count else walk.empty + 1
    if pages >= PAGES or empty >= EMPTY_PAGES:
        raise InvalidResponseError(f"search: no end after {pages} pages, the last {empty} of them empty")
    return replace(walk, pages=pages, empty=empty)
