"""Reading issues: found by search, in bulk, or one at a time, on both deployments.

https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-search/
https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues/#api-rest-api-2-issue-bulkfetch-post
https://developer.atlassian.com/server/jira/platform/rest/v10003/api-group-search/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from syncd.core.model import IssueEdit, IssueSnapshot
from syncd.core.ports import Clock, IssuePage
from syncd.sources.errors import InvalidResponseError, NotFoundError, RefusedError, SourceError
from syncd.sources.jira_fields import edits_of
from syncd.sources.jira_history import embedded_changelog, missing_entries
from syncd.sources.jira_json import Authors, MalformedError, epoch_ms, instant, record, rows
from syncd.sources.jira_marks import embedded_comments, marks_of, with_marks
from syncd.sources.jira_parse import DECISIVE, FIELDS, absent_fields, hidden_issue, issue_name, parse_issue
from syncd.sources.jira_search import PAGE, Walk, ids_jql, next_on_cloud, next_on_data_center
from syncd.sources.jira_wire import Wire, segment, understood

BULK: Final = 100  # ids a call
HISTORY_PAGES: Final = 100
MOST_EMBEDDED: Final = 20
"""Entries of a changelog that Cloud is known to embed where it answers many issues. One that has as many or more may be
cut off, whatever its `total` says: docs.adaptavist.com/sr4jc, "atlassian-rest-api-search-endpoints-deprecation"."""
BARRED_FOR: Final = 300.0  # seconds until a project that the server did not know is asked for again
WITHOUT_BULK_FOR: Final = 3600.0  # seconds until bulkfetch is tried again on a server that lacks it
LONGEST_QUERY: Final = 4000  # characters; longer searches are sent as POST

_ID_OR_KEY: Final = re.compile(r"\d{1,18}|\w{1,255}-\d{1,18}")
_LACKING: Final = frozenset({404, 405, 410, 501})

log = structlog.get_logger(__name__)


class Reader:
    """The reading half of syncd.sources.jira.Jira.

    `is_cloud` tells the dialect, `authors` whose a change is, and `probe` raises AuthError when the server takes us for
    nobody: it is asked before an issue that does not answer is believed to be gone.
    """

    def __init__(
        self,
        wire: Wire,
        clock: Clock,
        *,
        is_cloud: Callable[[], bool],
        authors: Callable[[], Authors],
        probe: Callable[[], object],
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._is_cloud = is_cloud
        self._authors = authors
        self._probe = probe
        self._barred: dict[str, tuple[float, str]] = {}  # project key -> (monotonic time, sentence)
        self._without_resolution: set[str] = set()  # projects that hide the field even from a direct reading
        self._wanted: tuple[str, ...] = ()
        self._marks = False
        self._last_word = False
        self._bulk_from = float("-inf")  # monotonic time from which bulkfetch is tried

    def want(self, field_ids: Iterable[str]) -> None:
        """Further fields that every reading asks for and keeps."""
        self._wanted = tuple(sorted(set(field_ids) - set(FIELDS)))

    def want_marks(self, wanted: bool) -> None:
        """Whether readings with history tell who did what else: assignees, components, comments' times."""
        self._marks = wanted

    def want_last_word(self, wanted: bool) -> None:
        """Whether readings with history tell of comments, as far as they come with the issue: no call more."""
        self._last_word = wanted

    @property
    def _fields(self) -> tuple[str, ...]:
        return (*FIELDS, *self._wanted)

    # ---- search ------------------------------------------------------------------------------------------------

    def changed(self, project_keys: Sequence[str], since_ms: int, cursor: str | None) -> IssuePage:
        """One page of the walk; see IssueSource.changed.

        A project that the server does not know would refuse the whole query: such are left out, named in `malformed`
        of every page, and asked for again after some minutes. Raises RefusedError when no project is left.
        """
        asked = tuple(dict.fromkeys(project_keys))
        if not asked:
            return IssuePage((), None, end=True)
        walk = Walk.decode(cursor, asked) or self._begin(asked, since_ms)
        with understood():
            try:
                answer = self._search(walk)
            except RefusedError as refusal:
                if refusal.status != 400:
                    raise
                walk = self._begin_anew(walk, refusal)
                answer = self._search(walk)
            return self._page(walk, answer)

    def _page(self, walk: Walk, answer: Mapping[str, Any]) -> IssuePage:
        raws = rows(answer.get("issues"), "the issues of a search")
        issues, malformed, updated = [], [self._barred[key][1] for key in walk.asked if key in self._barred], []
        for raw in raws:
            issue = self._row(raw)
            if isinstance(issue, str):
                malformed.append(issue)
            else:
                issues.append(issue)
                updated.extend(_place(raw))
        if self._is_cloud():
            onward = next_on_cloud(walk, answer, len(raws))
        else:
            onward = next_on_data_center(walk, answer, len(raws), updated)
        return IssuePage(
            tuple(issues), onward.encode() if onward else None, end=onward is None, malformed=tuple(malformed)
        )

    def _row(self, raw: object) -> IssueSnapshot | str:
        """A row as a snapshot, read directly where the search left out what matters; or why it could not be read."""
        try:
            try:
                absent: tuple[str, ...] = absent_fields(raw)
            except MalformedError:
                absent = DECISIVE
            if absent and not self._is_known_to_hide(raw, absent):
                raw = self._direct(_id_of(raw), history=False)
            return parse_issue(raw, Authors(), self._wanted)
        except NotFoundError:
            self._probe()
            return replace(hidden_issue(_id_of(raw)), key=str(record(raw, "an issue").get("key") or ""))
        except (MalformedError, RefusedError) as error:
            return f"{issue_name(raw)} was left out: {error}"

    def _begin(self, asked: tuple[str, ...], since_ms: int) -> Walk:
        now = self._clock.monotonic()
        self._barred = {key: entry for key, entry in self._barred.items() if entry[0] > now}
        known = tuple(key for key in asked if key not in self._barred)
        return Walk(asked, known or asked, since_ms)

    def _begin_anew(self, walk: Walk, refusal: RefusedError) -> Walk:
        """After a 400: without the projects that the server does not know; or, within a walk, simply from its bound,
        as a token may have expired."""
        bad = dict(self._refused_projects(walk)) if len(walk.keys) > 1 else {}
        good = tuple(key for key in walk.keys if key not in bad)
        if not good or (not bad and not walk.pages):
            raise refusal
        until = self._clock.monotonic() + BARRED_FOR
        for key, words in bad.items():
            self._barred[key] = (until, f"project {key} was left out: {words}")
        return replace(walk, keys=good, token=None, start=0, pages=walk.pages + 1, seen=())

    def _refused_projects(self, walk: Walk) -> Iterator[tuple[str, str]]:
        for key in walk.keys:
            try:
                self._search(Walk((key,), (key,), walk.since), limit=1)
            except RefusedError as refusal:
                yield key, str(refusal)

    def _search(self, walk: Walk, limit: int = PAGE) -> Mapping[str, Any]:
        options = (
            {"startAt": walk.start} if not self._is_cloud() else {"nextPageToken": walk.token} if walk.token else {}
        )
        return self._query(walk.jql, {"maxResults": limit, **options})

    def _query(self, jql: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
        path = "search/jql" if self._is_cloud() else "search"
        values = {"jql": jql, **options}
        if sum(len(str(value)) for value in values.values()) > LONGEST_QUERY:
            return record(self._wire.ask(path, {**values, "fields": list(self._fields)}), "the answer to a search")
        params = {name: _parameter(value) for name, value in values.items()}
        return record(self._wire.get(path, {**params, "fields": ",".join(self._fields)}), "the answer to a search")

    # ---- known issues ------------------------------------------------------------------------------------------

    def read(self, ids: Sequence[str], *, history: bool) -> tuple[IssueSnapshot, ...]:
        """See IssueSource.read. One that cannot be understood is logged and left out, or raises InvalidResponseError
        when it is the only one asked for."""
        with understood():
            return self._collect(ids, lambda some: self._bulk(some, history=history), history=history)

    def with_edits(self, issue_id: str) -> tuple[IssueSnapshot, tuple[IssueEdit, ...]]:
        """One issue as it is now with its whole changelog, newest first; visible=False when it does not answer."""
        with understood():
            try:
                raw = self._direct(issue_id, history=True)
            except NotFoundError:
                self._probe()
                return hidden_issue(issue_id), ()
            if self._is_cloud():
                raw = self._with_all_history(raw)
            return parse_issue(raw, self._authors(), self._wanted), edits_of(raw, self._authors())

    def census(self, ids: Sequence[str]) -> tuple[IssueSnapshot, ...]:
        """See IssueSource.census."""
        with understood():
            if self._is_cloud():
                return self._collect(ids, lambda some: self._bulk(some, history=False), history=False)
            return self._collect(ids, self._by_search, history=False)

    def _collect(
        self, ids: Sequence[str], fetch: Callable[[Sequence[str]], list[Any]], *, history: bool
    ) -> tuple[IssueSnapshot, ...]:
        """Fetches in bulk, then directly whatever that did not bring: only a direct reading proves an issue gone."""
        wanted = tuple(dict.fromkeys(ids))
        askable = [name for name in wanted if _ID_OR_KEY.fullmatch(name)]
        asked = frozenset(askable)
        raws: dict[str, Any] = {}
        for begin in range(0, len(askable), BULK):
            for raw in fetch(askable[begin : begin + BULK]):
                for name in (raw.get("id"), raw.get("key")):
                    raws[str(name).casefold()] = raw
        found: dict[str, IssueSnapshot] = {}
        probed = False
        for name in wanted:
            snapshot: IssueSnapshot | None = hidden_issue(name)
            if name in asked:
                try:
                    snapshot = self._snapshot(name, raws.get(name.casefold()), history=history, only=len(wanted) == 1)
                except NotFoundError:
                    if not probed:
                        self._probe()
                        probed = True
            if snapshot is not None:
                found.setdefault(snapshot.id or snapshot.key, snapshot)
        return tuple(found.values())

    def _snapshot(self, name: str, raw: Any, *, history: bool, only: bool) -> IssueSnapshot | None:
        """One issue, from its JSON when the bulk reading brought it whole. None when it cannot be understood."""
        try:
            if raw is None or self._lacks(raw):
                raw = self._direct(name, history=history)
            elif len(embedded_changelog(raw)) >= MOST_EMBEDDED:
                raw = {key: value for key, value in raw.items() if key != "changelog"}  # it is listed instead
            if history and self._is_cloud():
                raw = self._with_all_history(raw)
            issue = parse_issue(raw, self._authors(), self._wanted)
            if not history or not (self._marks or self._last_word):
                return issue
            if not self._marks:
                return replace(issue, marks=marks_of((), embedded_comments(raw)[0], self._authors()))
            return with_marks(issue, raw, embedded_changelog(raw), self._authors(), lambda: self._comments(issue.id))
        except (MalformedError, RefusedError) as error:
            if only:
                raise
            log.warning("issue_unreadable", issue=name, reason=str(error))
            return None

    def _comments(self, issue_id: str) -> list[Any]:
        """The newest comments, where the issue's own JSON holds only some; none where they cannot be read."""
        params = {"orderBy": "-created", "maxResults": "50"}
        try:
            answer = record(self._wire.get(f"issue/{segment(issue_id)}/comment", params), "the comments")
            return rows(answer.get("comments"), "the comments")
        except (NotFoundError, RefusedError, MalformedError):
            return []

    def _asked(self, *, history: bool) -> list[str]:
        return [*self._fields, *(("comment",) if history and (self._marks or self._last_word) else ())]

    def _direct(self, name: str, *, history: bool) -> Any:
        fields = {"fields": ",".join(self._asked(history=history))}
        params = {**fields, "expand": "changelog"} if history else fields
        raw = record(self._wire.get(f"issue/{segment(name)}", params), f"issue {name}")
        if "resolution" in absent_fields(raw):
            self._without_resolution.add(_project_of(raw))
        return raw

    def _lacks(self, raw: Any) -> bool:
        absent = absent_fields(raw)
        return bool(absent) and not self._is_known_to_hide(raw, absent)

    def _is_known_to_hide(self, raw: Any, absent: tuple[str, ...]) -> bool:
        return absent == ("resolution",) and _project_of(raw) in self._without_resolution

    # ---- in bulk -----------------------------------------------------------------------------------------------

    def _bulk(self, names: Sequence[str], *, history: bool) -> list[Any]:
        """What POST issue/bulkfetch gives: unknown and invisible issues are silently missing, and so are those listed
        under issueErrors, which a direct reading asks for again. Nothing where the server has no such call."""
        if len(names) == 1 or not self._is_cloud() or self._clock.monotonic() < self._bulk_from:
            return []
        body = {
            "issueIdsOrKeys": list(names),
            "fields": self._asked(history=history),
            **({"expand": ["changelog"]} if history else {}),
        }
        try:
            answer = record(self._wire.ask("issue/bulkfetch", body), "the answer to a bulk fetch")
        except SourceError as error:
            if error.status not in _LACKING:
                raise
            self._bulk_from = self._clock.monotonic() + WITHOUT_BULK_FOR
            return []
        return [raw for raw in rows(answer.get("issues"), "the issues of a bulk fetch") if isinstance(raw, dict)]

    def _by_search(self, names: Sequence[str]) -> list[Any]:
        """Data Center: by search. It refuses a query that names a deleted issue, unless it leaves that check out."""
        numbers = [name for name in names if name.isdecimal()]
        if not numbers:
            return []
        found: list[Any] = []
        while True:
            options = {"startAt": len(found), "maxResults": BULK, "validateQuery": False}
            try:
                answer = self._query(ids_jql(numbers), options)
            except RefusedError as refusal:
                if refusal.status != 400 or len(numbers) == 1:
                    return []
                half = len(numbers) // 2
                return self._by_search(numbers[:half]) + self._by_search(numbers[half:])
            page = [raw for raw in rows(answer.get("issues"), "the issues of a search") if isinstance(raw, dict)]
            found += page
            total = answer.get("total")
            if not page or not isinstance(total, int) or len(found) >= total:
                return found

    def _with_all_history(self, raw: Any) -> Any:
        """With the changelog entries that Cloud did not embed (the oldest), from the list of its own."""
        data = record(raw, "an issue")
        if "changelog" in data and not missing_entries(data):
            return raw
        entries = list(embedded_changelog(data))
        have = {str(entry.get("id")) for entry in entries if isinstance(entry, dict)}
        start = 0
        for _ in range(HISTORY_PAGES):
            path = f"issue/{segment(_id_of(raw))}/changelog"
            page = record(self._wire.get(path, {"startAt": str(start), "maxResults": "100"}), "a changelog")
            values = embedded_changelog({"changelog": page})
            new = [entry for entry in values if isinstance(entry, dict) and str(entry.get("id")) not in have]
            entries += new
            have.update(str(entry.get("id")) for entry in new)
            start += len(values)
            total = page.get("total")
            if not values or page.get("isLast") is True or (isinstance(total, int) and len(have) >= total):
                return {**data, "changelog": {"histories": entries}}
        raise InvalidResponseError(f"jira: the changelog of {issue_name(raw)} does not end")


def _parameter(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _id_of(raw: object) -> str:
    data = record(raw, "an issue")
    name = str(data.get("id") or data.get("key") or "")
    if not _ID_OR_KEY.fullmatch(name):
        raise MalformedError(f"{issue_name(raw)} has no usable id")
    return name


def _project_of(raw: object) -> str:
    project = record(record(raw, "an issue").get("fields"), "an issue's fields").get("project")
    return str(project.get("id")) if isinstance(project, dict) else ""


def _place(raw: object) -> list[int]:
    """The `updated` of a row as the search gave it; a reading made after that may show a later one."""
    fields = record(raw, "an issue").get("fields")
    try:
        return [epoch_ms(instant(fields.get("updated")))] if isinstance(fields, dict) else []
    except MalformedError:
        return []
