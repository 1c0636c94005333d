"""Copies of a ticket's comments on bugs: writing them, finding them again, changing them.

Every one is written as hidden from the portal and read back; one that turned out to be open is removed at once and
stops the route.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from syncd.core.comment_actions import ChangeBugComment, CommentToBug
from syncd.core.comment_compare import comment_shows
from syncd.core.comment_model import BugTalk, TicketTalk, Twin, TwinState
from syncd.core.model import Visibility
from syncd.core.ports import IssueSource
from syncd.core.richtext_wiki import write_wiki
from syncd.executor.bugs import hidden_bug
from syncd.executor.carrying import CLOCKS_APART, Files, contents, sentences
from syncd.executor.outcome import LOOK_AFTER, Done, InDoubt, Later, Outcome, Superseded
from syncd.sources.errors import NotFoundError, RefusedError
from syncd.store import Store, Tx


class BugCommenter:
    """Writes copies to one Jira."""

    def __init__(self, store: Store, jira: IssueSource, desk: TicketTalk, tracker: BugTalk) -> None:
        self._store = store
        self._jira = jira
        self._desk = desk
        self._tracker = tracker

    def write(self, action: CommentToBug, marker: str, now: datetime, before_send: Callable[[], None]) -> Outcome:
        """One comment. Our own mark is looked for first, also before the first try: a store that was put back from a
        backup does not know what was carried since."""
        found = self.find(action, marker, now)
        if not isinstance(found, Later):
            return found
        before_send()
        try:
            return self._write(action, marker, now)
        except NotFoundError:  # hidden since it was looked for
            hidden = hidden_bug(self._jira, action.issue_id, action.issue_key)
            if hidden is None:
                raise
            return hidden

    def _write(self, action: CommentToBug, marker: str, now: datetime) -> Outcome:
        files = self._attached(action)
        state, body = TwinState.CARRIED, action.body
        if files.lost:
            body += "\n\n" + write_wiki(sentences(*(f"{name} {why}." for name, why in files.lost)))
        try:
            comment_id = self._jira.comment(action.issue_id, body, marker=marker)
        except RefusedError:
            state = TwinState.PLACEHOLDER
            comment_id = self._jira.comment(action.issue_id, action.placeholder, marker=marker)
        return self._told(action, comment_id, marker, now, state, files)

    def find(self, action: CommentToBug, marker: str, now: datetime) -> Outcome:
        """What became of a comment whose answer is not known: Later(0) when it is not there. On a bug that is gone, or
        hidden for a while, nobody can look: it is dropped, and looked for before it is written again."""
        since = datetime.fromtimestamp(int(action.said_at.timestamp()), UTC) - CLOCKS_APART
        try:
            page = self._tracker.comments(action.issue_id, since)
        except NotFoundError:
            hidden = hidden_bug(self._jira, action.issue_id, action.issue_key)
            if hidden is None:
                raise
            return hidden
        for comment in page.comments:
            if comment.marker == marker:
                files = Files()
                files.found(action.files)
                if not comment_shows(comment.body, action):
                    action = replace(action, digest="")  # redacted since: it is still to be changed
                return self._told(action, comment.id, marker, now, TwinState.CARRIED, files)
        return Later(0.0, "not found on the server")

    def _told(
        self, action: CommentToBug, comment_id: str, marker: str, now: datetime, state: TwinState, files: Files
    ) -> Outcome:
        incident = None
        if not self._tracker.is_internal(comment_id):
            if hidden_bug(self._jira, action.issue_id, action.issue_key) is not None:
                return InDoubt(LOOK_AFTER, f"{action.issue_key} was hidden before the comment could be read back")
            self._tracker.delete(action.issue_id, comment_id)
            state = TwinState.WITHDRAWN
            incident = (
                f"Jira stored a comment of ticket #{action.ticket_id} on {action.issue_key} as public; it was removed"
            )

        def keep(tx: Tx, at: datetime) -> None:
            tx.keep_twin(
                Twin(
                    side="zendesk",
                    source_id=action.comment_id,
                    target=action.subject,
                    origin=f"ticket:{action.ticket_id}",
                    source_at=action.said_at,
                    version=0,
                    digest=action.digest,
                    twin_id=comment_id,
                    marker=marker,
                    visibility=Visibility.INTERNAL,
                    state=state,
                    at=at,
                )
            )
            files.keep(tx, action, action.subject, at)

        return Done(
            issues=self._jira.read([action.issue_id]),
            result={"comment": comment_id, "state": state.value, "at": now.isoformat()},
            incident=incident,
            keep=keep,
        )

    def _attached(self, action: CommentToBug) -> Files:
        """Adds the files; those that an interrupted try brought already are found by their names."""
        files = Files()
        if not action.files and not action.overflow:
            return files
        there = {file.name for file in self._tracker.files(action.issue_id)}
        wanted = replace(action, files=tuple(ref for ref in action.files if ref.save_as not in there))
        files.found(ref for ref in action.files if ref.save_as in there)
        for ref, content in contents(self._store, wanted, action.subject, files, self._desk.fetch):
            try:
                self._tracker.attach(action.issue_id, ref.save_as, content)
            except RefusedError as error:
                files.lost.append((ref.save_as, f"was left out: {error}"))
                files.kept.pop()
        if action.overflow and action.overflow_name not in there:
            self._tracker.attach(action.issue_id, action.overflow_name, action.overflow.encode())
        return files

    def change(self, action: ChangeBugComment, before_send: Callable[[], None]) -> Outcome:
        """Gives our comment the text that its source has by now; on a bug that is hidden for a while when it can be
        seen again, or what was blacked out in Zendesk could be read there for ever."""
        before_send()
        try:
            self._tracker.edit(action.issue_id, action.twin_id, action.body)
        except NotFoundError:
            hidden = hidden_bug(self._jira, action.issue_id, action.issue_key)
            if hidden is None:
                return Superseded("the copy is no longer there")
            return replace(hidden, keep=lambda tx, _: tx.look_again(action.link_ids, "zendesk"))

        def keep(tx: Tx, at: datetime) -> None:
            known = tx.twin("zendesk", action.comment_id, action.subject)
            if known is not None:
                tx.keep_twin(replace(known, digest=action.digest, at=at))

        return Done(issues=self._jira.read([action.issue_id]), keep=keep)
