"""Taking copies of files away whose source was taken away. Neither can be undone, so the source is looked for again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from syncd.core.actions import CommentOnBug, UpdateTicket
from syncd.core.comment_actions import COMMENT_URGENCY, RemoveBugFile, WithdrawFile
from syncd.core.comment_gone_files import ATTACHMENTS, still_has
from syncd.core.comment_model import BugTalk, FileCopy, TicketTalk
from syncd.core.model import ActorKind
from syncd.core.ports import IssueSource, TicketSource
from syncd.executor.carrying import CLOCKS_APART, PUBLIC
from syncd.executor.outcome import Done, Outcome, Superseded
from syncd.sources.errors import NotFoundError, RefusedError
from syncd.store import Store, Tx


class FileRemover:
    """Takes files of ours off tickets and bugs."""

    def __init__(
        self, store: Store, zendesk: TicketSource, jira: IssueSource, desk: TicketTalk, tracker: BugTalk
    ) -> None:
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._desk = desk
        self._tracker = tracker

    def withdraw(self, action: WithdrawFile, before_send: Callable[[], None]) -> Outcome:
        """Takes the copy off every note of ours that has it; Zendesk leaves an empty file there. Done again, it finds
        nothing."""
        issue = self._jira.read([action.issue_id], history=False)[0]
        present = issue.fields.get(ATTACHMENTS)
        if not issue.visible or not isinstance(present, list):
            return Superseded(f"the files of {action.issue_key} cannot be read")
        if action.file_id in map(str, present):
            return Superseded(f"the file is there on {action.issue_key}")
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone or ticket.state.is_final:
            return Superseded("the ticket is closed or gone", tickets=(ticket,))
        if self._is_of_others(action.copy):
            return Done(tickets=(ticket,), result={"kept": "for another file"}, keep=_forgets(action.copy))
        left = False
        for note in self._desk.comments(action.ticket_id, action.copy.at - CLOCKS_APART).comments:
            if note.author.kind is not ActorKind.SELF or (note.public is True) != action.copy.target.endswith(PUBLIC):
                continue
            for file in note.files:
                if file.name == action.copy.name:
                    before_send()
                    if not self._desk.redact_file(action.ticket_id, note.id, file.id):
                        left = True
                        if note.public is not False:
                            self._zendesk.make_private(action.ticket_id, note.id)
        ticket = self._zendesk.read([action.ticket_id])[0]
        said = UpdateTicket(
            ticket_id=ticket.id,
            source=f"{action.source}:left",
            reason=action.reason,
            expected=ticket.state,
            note=(
                f"A file was deleted on {action.issue_key}. Zendesk does not let syncd take its copy "
                f"{action.copy.name} off this ticket: please redact it."
            ),
            link_ids=action.link_ids,
            route=action.route,
        )
        return Done(tickets=(ticket,), keep=_forgets(action.copy, said if left else None))

    def remove(self, action: RemoveBugFile, before_send: Callable[[], None]) -> Outcome:
        """Deletes the copy on the bug; where that is hidden for a while, when it can be seen again. Done again, it
        finds nothing."""
        ticket = self._zendesk.read([action.ticket_id])[0]
        comment = None if ticket.is_gone else self._desk.comment(action.ticket_id, action.comment_id)
        if comment is None:
            return Superseded("the comment cannot be read", tickets=(ticket,))
        if still_has(comment, action.copy):
            return Superseded(f"the file is there in ticket #{action.ticket_id}")
        try:
            files = self._tracker.files(action.issue_id)
        except NotFoundError:
            return Superseded(
                f"{action.issue_key} cannot be read",
                issues=self._jira.read([action.issue_id], history=False),
                keep=lambda tx, _: tx.look_again(action.link_ids, "zendesk"),
            )
        left = False
        for file in files if not self._is_of_others(action.copy) else ():
            is_ours = file.author is not None and file.author.kind is ActorKind.SELF
            if is_ours and file.name == action.copy.name:
                before_send()
                try:
                    self._tracker.detach(action.issue_id, file.id)
                except RefusedError:
                    left = True
        said = CommentOnBug(
            issue_id=action.issue_id,
            issue_key=action.issue_key,
            source=f"{action.source}:left",
            reason=action.reason,
            body=(
                f"A file was taken off Zendesk #{action.ticket_id}. Jira does not let syncd delete its copy "
                f"{action.copy.name}: please delete it."
            ),
            link_ids=action.link_ids,
            route=action.route,
        )
        issues = self._jira.read([action.issue_id])
        return Done(issues=issues, keep=_forgets(action.copy, said if left else None))

    def _is_of_others(self, copy: FileCopy) -> bool:
        """The same content is there for another source, too, which may still be there."""
        with self._store.reading() as tx:
            return any(
                other.digest == copy.digest and other.target == copy.target and other != copy
                for other in tx.copies_on(copy.target)
            )


def _forgets(copy: FileCopy, said: UpdateTicket | CommentOnBug | None = None) -> Callable[[Tx, datetime], None]:
    """`said`: what a person is told, who has to take the copy away."""

    def keep(tx: Tx, at: datetime) -> None:
        tx.forget_file(copy)
        if said is not None:
            tx.enqueue(said, urgency=COMMENT_URGENCY, now=at)

    return keep
