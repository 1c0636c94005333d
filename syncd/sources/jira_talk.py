"""Comments and files of Jira issues.

https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-comments/
https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-attachments/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from syncd.core.comment_model import BugTalkPage, CommentFile, Raising
from syncd.core.ports import BugComment
from syncd.core.wiki import within_bmp
from syncd.sources.errors import AuthError, InvalidResponseError, NotFoundError, RefusedError
from syncd.sources.files import FileFetcher
from syncd.sources.jira_json import Authors, MalformedError, ident, instant, record, rows
from syncd.sources.jira_members import Members
from syncd.sources.jira_wire import Wire, segment, understood

PER_PAGE = 50
MOST_PAGES = 40


class JiraTalk:
    """A BugTalk. `understand` reads one comment."""

    def __init__(
        self,
        wire: Wire,
        files: FileFetcher,
        *,
        is_cloud: Callable[[], bool],
        understand: Callable[[object], BugComment],
        authors: Callable[[], Authors],
        members: Members,
        count_write: Callable[[str], None],
    ) -> None:
        self._wire = wire
        self._files = files
        self._is_cloud = is_cloud
        self._understand = understand
        self._authors = authors
        self._members = members
        self._count_write = count_write

    def comments(self, issue_id: str, since: datetime | None) -> BugTalkPage:
        """The newest comments, at least back to `since` (None: one page). A server that lists the oldest first is read
        to the end. Files are read when a comment names one."""
        found: dict[str, BugComment] = {}
        whole = False
        with understood():
            for _ in range(MOST_PAGES):
                answer = record(self._wire.get(self._path(issue_id), self._params(len(found))), "the comments")
                page = [self._understand(raw) for raw in rows(answer.get("comments"), "the comments")]
                new = [comment for comment in page if comment.id not in found]
                found.update((comment.id, comment) for comment in page)
                total = answer.get("total")
                whole = not new or (isinstance(total, int) and len(found) >= total)
                falls = not page or page[0].created >= page[-1].created
                if whole or (falls and (since is None or page[-1].created < since)):
                    break
        comments = tuple(sorted(found.values(), key=lambda c: (c.created, len(c.id), c.id), reverse=True))
        named = any("!" in c.body or "[^" in c.body for c in comments if c.marker is None)
        return BugTalkPage(comments, whole, tuple(self.files(issue_id)) if named else ())

    def comment(self, issue_id: str, comment_id: str) -> BugComment | None:
        """One comment; None when the issue does not show it (any more)."""
        try:
            with understood():
                return self._understand(self._wire.get(self._path(issue_id, comment_id), {"expand": "properties"}))
        except NotFoundError:
            return None

    def is_internal(self, comment_id: str) -> bool:
        """Whether the stored comment is hidden from the portal; False when the mark is not there."""
        mark = self._mark(comment_id)
        return isinstance(mark, dict) and mark.get("internal") in (True, "true")

    def is_open(self, comment_id: str) -> bool:
        """Whether the stored comment carries no mark that hides it; one that cannot be read counts as such a mark."""
        mark = self._mark(comment_id)
        return mark is None or (isinstance(mark, dict) and mark.get("internal") in (False, "false"))

    def _mark(self, comment_id: str) -> object:
        path = f"comment/{segment(comment_id)}/properties/sd.public.comment"
        try:
            with understood():
                return record(self._wire.get(path), "a property").get("value") or {}
        except NotFoundError:
            return None

    def speakers(self, project_key: str, raising: Raising) -> frozenset[str]:
        """The accounts that may speak to customers; kept for ten minutes."""
        return self._members.of(project_key, raising)

    def edit(self, issue_id: str, comment_id: str, body: str) -> None:
        """Replaces the text of a comment of ours; its properties stay."""
        self._count_write(issue_id)
        text = body if self._is_cloud() else within_bmp(body)
        self._wire.write(self._path(issue_id, comment_id), {"body": text}, method="PUT")

    def delete(self, issue_id: str, comment_id: str) -> None:
        """Removes a comment of ours; where the account may not, its text is taken out."""
        self._count_write(issue_id)
        try:
            self._wire.write(self._path(issue_id, comment_id), None, method="DELETE")
        except NotFoundError:
            return
        except RefusedError:
            self.edit(issue_id, comment_id, "(removed)")

    def files(self, issue_id: str) -> Sequence[CommentFile]:
        """The issue's attachments, oldest first."""
        with understood():
            answer = record(self._wire.get(f"issue/{segment(issue_id)}", {"fields": "attachment"}), "an issue")
            fields = record(answer.get("fields") or {}, "an issue's fields")
            found = [self._file(record(raw, "a file")) for raw in rows(fields.get("attachment") or [], "the files")]
        return tuple(file for file in found if file is not None)

    def _file(self, raw: Any) -> CommentFile | None:
        number, name, size = raw.get("id"), raw.get("filename"), raw.get("size")
        if not isinstance(name, str):
            return None
        # On Cloud the address in the answer is the site's, which a gateway's credential does not open.
        address = self._wire.address(f"attachment/content/{ident(number, 'the id of a file')}")
        if not self._is_cloud():
            address = raw.get("content") if isinstance(raw.get("content"), str) else ""
        try:
            at = instant(raw.get("created"))
        except MalformedError:
            at = None
        author = self._authors().actor(raw.get("author"))
        return CommentFile(str(number), name, address, size if isinstance(size, int) else 0, author, at)

    def attach(self, issue_id: str, name: str, content: bytes) -> None:
        """Adds a file. Not idempotent: look at files() first."""
        self._count_write(issue_id)
        answer = self._wire.send_file(f"issue/{segment(issue_id)}/attachments", name, content)
        if not isinstance(answer, list) or not answer:
            raise InvalidResponseError("jira: the answer to a file does not show it")

    def detach(self, issue_id: str, file_id: str) -> None:
        """Deletes a file: https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-attachments/ ;
        RefusedError without the permission "Delete own attachments", for which Jira answers 403."""
        self._count_write(issue_id)
        try:
            self._wire.write(f"attachment/{segment(file_id)}", None, method="DELETE")
        except NotFoundError:
            return
        except AuthError as error:
            if error.status != 403:
                raise
            raise RefusedError(str(error), status=403) from None

    def fetch(self, url: str, limit: int) -> bytes:
        """A file of the issue."""
        return self._files.fetch(url, limit)

    @staticmethod
    def _path(issue_id: str, comment_id: str | None = None) -> str:
        path = f"issue/{segment(issue_id)}/comment"
        return path if comment_id is None else f"{path}/{segment(comment_id)}"

    @staticmethod
    def _params(start: int) -> dict[str, str]:
        params = {"orderBy": "-created", "maxResults": str(PER_PAGE), "expand": "properties"}
        return {**params, "startAt": str(start)} if start else params
