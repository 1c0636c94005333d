"""Comments and files of Zendesk tickets.

https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/
https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Protocol

from syncd.core.comment_model import CommentFile, TicketComment, TicketTalkPage
from syncd.core.model import TicketSnapshot
from syncd.core.ports import TicketWritten
from syncd.sources.errors import InvalidResponseError, NotFoundError, RefusedError
from syncd.sources.files import FileFetcher
from syncd.sources.http import parse_json
from syncd.sources.zendesk_audits import MARKER
from syncd.sources.zendesk_calls import Calls, list_in
from syncd.sources.zendesk_parse import MalformedError, inner, moment, needed_whole, row_of, rows_of, text_or_none
from syncd.sources.zendesk_people import People, Via

PER_PAGE = 100
SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".txt": "text/plain",
    ".log": "text/plain",
    ".pdf": "application/pdf",
}
"""Files that Zendesk shows to agents when it is told what they are; nothing that could run in a page."""
MOST_PAGES = 60  # Zendesk allows 5,000 comments on a ticket


class Say(Protocol):
    """Zendesk's one public write; see TicketTalk.say."""

    def __call__(
        self, ticket_id: int, html: str, uploads: Sequence[str], *, stamp: datetime, marker: str
    ) -> TicketWritten: ...


class ZendeskTalk:
    """A TicketTalk."""

    def __init__(
        self,
        calls: Calls,
        people: People,
        files: FileFetcher,
        *,
        own_id: Callable[[], int],
        read: Callable[[int], TicketSnapshot],
        say: Say,
    ) -> None:
        self._calls = calls
        self._people = people
        self._files = files
        self._own_id = own_id
        self._read = read
        self._say = say
        self._takes_sort = True

    def comments(self, ticket_id: int, since: datetime | None) -> TicketTalkPage:
        """The newest comments, at least back to `since` (None: one page). A server that lists the oldest first is read
        to the end."""
        rows: list[Any] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            body = self._page(ticket_id, cursor)
            page = list_in(body, "comments")
            rows.extend(page)
            self._people.learn(rows_of(body.get("users")))
            after = text_or_none(inner(body, "meta", "after_cursor"))
            if inner(body, "meta", "has_more") is not True or after is None or after == cursor:
                return TicketTalkPage(self._understood(rows), whole=True)
            cursor = after
            if _falls(page) and (since is None or _time(page[-1]) < since):
                return TicketTalkPage(self._understood(rows), whole=False)
        return TicketTalkPage(self._understood(rows), whole=False)

    def comment(self, ticket_id: int, comment_id: int) -> TicketComment | None:
        """One comment, found in the list: Zendesk has no call for one."""
        page = self.comments(ticket_id, datetime.fromtimestamp(0).astimezone())
        return next((comment for comment in page.comments if comment.id == comment_id), None)

    def read(self, ticket_id: int) -> TicketSnapshot:
        """The ticket as it is now."""
        return self._read(ticket_id)

    def say(self, ticket_id: int, html: str, uploads: Sequence[str], *, stamp: datetime, marker: str) -> TicketWritten:
        """A public comment under safe_update."""
        return self._say(ticket_id, html, uploads, stamp=stamp, marker=marker)

    def redact(self, ticket_id: int, comment_id: int, text: str) -> None:
        """Blacks out a text in a comment."""
        session = self._calls.session
        session.send_json("PUT", f"/api/v2/tickets/{ticket_id}/comments/{comment_id}/redact.json", {"text": text})

    def redact_file(self, ticket_id: int, comment_id: int, file_id: str) -> bool:
        """Takes a file off a comment, which leaves an empty "redacted.txt" there; False where the account may not, or
        the plan has no such call: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/"""
        path = f"/api/v2/tickets/{ticket_id}/comments/{comment_id}/attachments/{file_id}/redact.json"
        try:
            self._calls.session.send_json("PUT", path, {})
        except (NotFoundError, RefusedError):
            return False
        return True

    def upload(self, name: str, content: bytes) -> str:
        """A file for a comment to come; its token is good for an hour."""
        session = self._calls.session
        answer = session.request(
            "POST",
            f"{session.base_url}/api/v2/uploads.json",
            params={"filename": name},
            data=content,
            headers={"Content-Type": _shown_as(name)},
        )
        token = inner(parse_json(answer, "Zendesk: POST a file"), "upload", "token")
        if not isinstance(token, str) or not token:
            raise InvalidResponseError("Zendesk: the answer to a file holds no token")
        return token

    def fetch(self, url: str, limit: int) -> bytes:
        """A file of a comment."""
        return self._files.fetch(url, limit)

    # ---- parts ----

    def _page(self, ticket_id: int, cursor: str | None) -> dict[str, Any]:
        path = f"tickets/{ticket_id}/comments"
        params: dict[str, Any] = {"page[size]": PER_PAGE, "include": "users"}
        if cursor:
            params["page[after]"] = cursor
        if self._takes_sort:
            try:
                return self._calls.get(path, {**params, "sort": "-created_at"})
            except NotFoundError:
                raise
            except RefusedError as error:
                if error.status != 400:
                    raise
                self._takes_sort = False
        return self._calls.get(path, params)

    def _understood(self, rows: list[Any]) -> tuple[TicketComment, ...]:
        """Newest first. One that cannot be read is left out."""
        self._own_id()
        self._people.load({a for row in rows if isinstance(a := inner(row, "author_id"), int)})
        found = []
        for row in rows:
            try:
                found.append(self._comment(row))
            except MalformedError:
                continue
        return tuple(sorted(found, key=lambda comment: (comment.at, comment.id), reverse=True))

    def _comment(self, value: object) -> TicketComment:
        row = row_of(value, "a comment")
        marker = inner(row, "metadata", "custom", MARKER)
        author = row.get("author_id")
        public = row.get("public")
        html = row.get("html_body")
        if not isinstance(html, str):
            html = _as_html(str(row.get("plain_body") or row.get("body") or ""))
        return TicketComment(
            id=needed_whole(row, "id"),
            author=self._people.actor(
                author if isinstance(author, int) else None,
                (Via.of(row.get("via")),),
                ours=isinstance(marker, str),
            ),
            html=html,
            at=moment(row, "created_at"),
            public=public if isinstance(public, bool) else None,
            files=tuple(_files(row)),
            marker=marker if isinstance(marker, str) else None,
        )


def _files(row: Mapping[str, Any]) -> list[CommentFile]:
    found = []
    for entry in rows_of(row.get("attachments")):
        if not isinstance(entry, Mapping) or entry.get("deleted") is True:
            continue
        address, size = entry.get("content_url"), entry.get("size")
        if isinstance(address, str) and address:
            name = str(entry.get("file_name") or "file")
            found.append(CommentFile(str(entry.get("id")), name, address, size if isinstance(size, int) else 0))
    return found


def _shown_as(name: str) -> str:
    return SHOWN.get(PurePosixPath(name).suffix.casefold(), "application/binary")


def _as_html(text: str) -> str:
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("\n", "<br>")


def _falls(page: list[Any]) -> bool:
    return bool(page) and _time(page[0]) >= _time(page[-1])


def _time(row: Any) -> datetime:
    try:
        return moment(row_of(row, "a comment"), "created_at")
    except MalformedError as error:
        raise InvalidResponseError(f"Zendesk: {error}") from None
