"""Performing and verifying what becomes of comments: notes on tickets, comments on bugs, and taking them back.

Every note is written as internal and every comment as hidden from the portal; both are read back, and what turned out
to be public is hidden at once and stops the route.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from syncd.core.actions import RemoteAction
from syncd.core.comment_actions import ChangeBugComment, CommentToBug, CommentToTicket, WithdrawNote
from syncd.core.comment_model import BugTalk, FileRef, TicketTalk, Twin, TwinState
from syncd.core.model import ActorKind, TicketChange, TicketSnapshot, Visibility
from syncd.core.ports import IssueSource, TicketSource, TicketWrite, TicketWritten
from syncd.core.richtext import JOINER, Block, Paragraph, Text, leaves, quiet
from syncd.core.richtext_html import parse_html, write_html
from syncd.core.richtext_wiki import write_wiki
from syncd.executor.outcome import Done, Later, Outcome, Superseded
from syncd.sources.errors import NotFoundError, PreconditionError, RefusedError
from syncd.store import Intent, Store, Tx

CAS_TRIES = 3
BLACK = "▇█"


@dataclass(slots=True)
class _Files:
    """What became of an action's files."""

    tokens: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # sentences
    kept: list[tuple[str, str, int]] = field(default_factory=list)  # digest, name, size


class CommentPerformer:
    """A Performer for the actions of syncd.core.comment_actions."""

    actions: tuple[type[RemoteAction], ...] = (CommentToTicket, WithdrawNote, CommentToBug, ChangeBugComment)

    def __init__(
        self, store: Store, zendesk: TicketSource, jira: IssueSource, desk: TicketTalk, tracker: BugTalk
    ) -> None:
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._desk = desk
        self._tracker = tracker

    def perform(self, intent: Intent, now: datetime, before_send: Callable[[], None]) -> Outcome:
        """See Performer."""
        if intent.attempts:
            found = self.verify(intent, now)
            if not isinstance(found, Later):
                return found
        match intent.action:
            case CommentToTicket() as action:
                return self._note(action, intent.id, now, before_send)
            case WithdrawNote() as action:
                return self._withdraw(action, before_send)
            case CommentToBug() as action:
                return self._tell_bug(action, intent.id, now, before_send)
            case ChangeBugComment() as action:
                return self._change(action, before_send)
            case other:
                raise TypeError(f"{other.kind} is no action of comments")

    def verify(self, intent: Intent, now: datetime) -> Outcome:
        """See Performer. What is idempotent is done again."""
        match intent.action:
            case CommentToTicket() as action:
                return self._find_note(action, intent.id, now)
            case CommentToBug() as action:
                return self._find_bug_comment(action, intent.id, now)
            case _:
                return Later(0.0, "it is looked at again")

    def describe(self, action: object) -> str:
        """See Performer."""
        match action:
            case CommentToTicket():
                return f"carry a comment on {action.issue_key} to ticket #{action.ticket_id}"
            case WithdrawNote():
                return f"take a comment back from ticket #{action.ticket_id}"
            case CommentToBug():
                return f"carry a comment on ticket #{action.ticket_id} to {action.issue_key}"
            case ChangeBugComment():
                return f"change a comment on {action.issue_key}"
            case _:
                return "carry a comment"

    def matters(self, action: object) -> bool:  # noqa: ARG002 - the protocol's signature
        """A refused comment is said in the log; it keeps no status waiting."""
        return False

    # ---- a note on a ticket ----

    def _note(self, action: CommentToTicket, marker: str, now: datetime, before_send: Callable[[], None]) -> Outcome:
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone or ticket.state.is_final:
            return Superseded("the ticket is closed or gone", tickets=(ticket,))
        before_send()
        files = self._uploaded(action)
        whole = action.html + write_html(_sentences(files.lost))
        bare = action.html + write_html(_sentences([*files.lost, "Its files could not be attached."]))
        texts = [(whole, tuple(files.tokens), TwinState.CARRIED)]
        if files.tokens:
            texts.append((bare, (), TwinState.CARRIED))
        texts.append((action.placeholder, (), TwinState.PLACEHOLDER))
        for number, (html, tokens, state) in enumerate(texts, 1):
            try:
                written = self._write(action, html, tokens, marker)
            except RefusedError:
                if number == len(texts):
                    raise
                continue
            if isinstance(written, TicketSnapshot):
                return Superseded("the ticket is closed or gone", tickets=(written,))
            if written is None:
                return Later(5.0, f"ticket #{action.ticket_id} keeps changing while it is written")
            return self._noted(action, written, marker, now, state, files if tokens else _Files())
        return Later(5.0, "nothing was written")

    def _write(
        self, action: CommentToTicket, html: str, tokens: tuple[str, ...], marker: str
    ) -> TicketWritten | TicketSnapshot | None:
        """The answer; the ticket when it is closed or gone by now; None when it keeps changing."""
        for _ in range(CAS_TRIES):
            ticket = self._zendesk.read([action.ticket_id])[0]
            if ticket.is_gone or ticket.state.is_final:
                return ticket
            write = TicketWrite(note=action.reason, html=html, uploads=tokens)
            try:
                return self._zendesk.write(action.ticket_id, write, stamp=ticket.updated_at, marker=marker)
            except PreconditionError:
                continue
        return None

    def _find_note(self, action: CommentToTicket, marker: str, now: datetime) -> Outcome:
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone:
            return Superseded("the ticket is gone", tickets=(ticket,))
        ours = [change for change in self._zendesk.history(action.ticket_id) if change.marker == marker]
        if not ours:
            return Later(0.0, "not found on the server")
        public = next((change.public for change in ours if change.kind == "comment"), None)
        written = TicketWritten(ticket, tuple(ours), public)
        return self._noted(action, written, marker, now, TwinState.CARRIED, _Files())

    def _noted(
        self,
        action: CommentToTicket,
        written: TicketWritten,
        marker: str,
        now: datetime,
        state: TwinState,
        files: _Files,
    ) -> Outcome:
        note = _own_note(written.changes)
        if note is None:
            note = _own_note([c for c in self._zendesk.history(action.ticket_id) if c.marker == marker])
        incident = None
        if note is not None and (note.public is not False or written.note_public is True) and note.comment_id:
            self._zendesk.make_private(action.ticket_id, note.comment_id)
            incident = (
                f"Zendesk stored a comment of {action.issue_key} on ticket #{action.ticket_id} as public; "
                "it was made private"
            )
        note_id = str(note.comment_id) if note is not None and note.comment_id else ""

        def keep(tx: Tx, at: datetime) -> None:
            known = tx.twin("jira", action.comment_id, action.subject)
            ids = [known.twin_id] if action.edited and known is not None and known.twin_id else []
            tx.keep_twin(
                Twin(
                    side="jira",
                    source_id=action.comment_id,
                    target=action.subject,
                    origin=f"issue:{action.issue_id}",
                    source_at=action.said_at,
                    version=action.version,
                    digest=action.digest,
                    twin_id=",".join([*ids, note_id]).strip(",") or None,
                    marker=known.marker if ids and known is not None else marker,
                    visibility=Visibility.INTERNAL,
                    state=state,
                    at=at,
                )
            )
            for digest, name, size in files.kept:
                tx.keep_file(action.subject, digest, name, size, at)

        return Done(
            tickets=(written.ticket,),
            result={"note": note_id, "state": state.value, "at": now.isoformat()},
            incident=incident,
            keep=keep,
        )

    def _uploaded(self, action: CommentToTicket) -> _Files:
        files = _Files()
        for ref, content in self._contents(action, files, self._tracker.fetch):
            files.tokens.append(self._desk.upload(ref.save_as, content))
        if action.overflow:
            files.tokens.append(self._desk.upload(action.overflow_name, action.overflow.encode()))
        return files

    def _contents(
        self, action: CommentToTicket | CommentToBug, files: _Files, fetch: Callable[[str, int], bytes]
    ) -> Iterator[tuple[FileRef, bytes]]:
        """The files that fit, one at a time; what does not is said in `files.lost`."""
        if not action.files:
            return
        with self._store.reading() as tx:
            carried = tx.carried(action.subject)
        total, known = carried.bytes, set(carried.digests)
        for ref in action.files:
            try:
                content = fetch(ref.url, action.file_bytes)
            except (RefusedError, NotFoundError) as error:
                files.lost.append(f"{ref.save_as} was left out: {error}.")
                continue
            digest = hashlib.sha256(content).hexdigest()
            if digest in known:
                files.lost.append(f"{ref.save_as} is among the files that came before.")
            elif total + len(content) > action.files_bytes:
                files.lost.append(f"{ref.save_as} was left out: there are too many bytes of files already.")
            else:
                total += len(content)
                known.add(digest)
                files.kept.append((digest, ref.save_as, len(content)))
                yield ref, content

    # ---- taking a note back ----

    def _withdraw(self, action: WithdrawNote, before_send: Callable[[], None]) -> Outcome:
        """Blacks out every text of our notes but the line that says where they came from."""
        source = self._tracker.comment(action.issue_id, action.comment_id)
        if source is not None and not source.restricted:
            return Superseded("the comment is there and open to all who see the bug")
        if source is None and not self._jira.read([action.issue_id], history=False)[0].visible:
            return Superseded("the bug itself cannot be read")
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone or ticket.state.is_final:
            return Superseded("the ticket is closed or gone", tickets=(ticket,))
        for note_id in self._note_ids(action):
            note = self._desk.comment(action.ticket_id, note_id)
            if note is None or note.author.kind is not ActorKind.SELF:
                continue
            for text in _to_black_out(note.html):
                before_send()
                self._desk.redact(action.ticket_id, note_id, text)
            for file in note.files:
                before_send()
                self._desk.redact_file(action.ticket_id, note_id, file.id)

        def keep(tx: Tx, at: datetime) -> None:
            known = tx.twin("jira", action.comment_id, action.subject)
            if known is not None:
                tx.keep_twin(replace(known, state=TwinState.WITHDRAWN, at=at))

        return Done(tickets=(self._zendesk.read([action.ticket_id])[0],), keep=keep)

    def _note_ids(self, action: WithdrawNote) -> list[int]:
        ids = [int(number) for number in action.note_id.split(",") if number.isdigit()]
        if ids:
            return ids
        history = self._zendesk.history(action.ticket_id)
        return [c.comment_id for c in history if c.marker == action.note_marker and c.comment_id is not None]

    # ---- a comment on a bug ----

    def _tell_bug(self, action: CommentToBug, marker: str, now: datetime, before_send: Callable[[], None]) -> Outcome:
        issue = self._jira.read([action.issue_id], history=False)[0]
        if not issue.visible:
            return Superseded("the bug is gone", issues=(issue,))
        before_send()
        files = self._attached(action)
        state, body = TwinState.CARRIED, action.body
        if files.lost:
            body += "\n\n" + write_wiki(_sentences(files.lost))
        try:
            comment_id = self._jira.comment(action.issue_id, body, marker=marker)
        except RefusedError:
            state = TwinState.PLACEHOLDER
            comment_id = self._jira.comment(action.issue_id, action.placeholder, marker=marker)
        return self._told(action, comment_id, marker, now, state, files)

    def _find_bug_comment(self, action: CommentToBug, marker: str, now: datetime) -> Outcome:
        since = datetime.fromtimestamp(int(action.said_at.timestamp()), UTC)
        for comment in self._tracker.comments(action.issue_id, since).comments:
            if comment.marker == marker:
                return self._told(action, comment.id, marker, now, TwinState.CARRIED, _Files())
        return Later(0.0, "not found on the server")

    def _told(
        self, action: CommentToBug, comment_id: str, marker: str, now: datetime, state: TwinState, files: _Files
    ) -> Outcome:
        incident = None
        if not self._tracker.is_internal(comment_id):
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
            for digest, name, size in files.kept:
                tx.keep_file(action.subject, digest, name, size, at)

        return Done(
            issues=self._jira.read([action.issue_id]),
            result={"comment": comment_id, "state": state.value, "at": now.isoformat()},
            incident=incident,
            keep=keep,
        )

    def _attached(self, action: CommentToBug) -> _Files:
        """Adds the files; those that an interrupted try brought already are found by their names."""
        files = _Files()
        if not action.files and not action.overflow:
            return files
        there = {file.name for file in self._tracker.files(action.issue_id)}
        wanted = replace(action, files=tuple(ref for ref in action.files if ref.save_as not in there))
        for ref, content in self._contents(wanted, files, self._desk.fetch):
            try:
                self._tracker.attach(action.issue_id, ref.save_as, content)
            except RefusedError as error:
                files.lost.append(f"{ref.save_as} was left out: {error}.")
                files.kept.pop()
        if action.overflow and action.overflow_name not in there:
            self._tracker.attach(action.issue_id, action.overflow_name, action.overflow.encode())
        return files

    def _change(self, action: ChangeBugComment, before_send: Callable[[], None]) -> Outcome:
        before_send()
        try:
            self._tracker.edit(action.issue_id, action.twin_id, action.body)
        except NotFoundError:
            return Superseded("the copy is no longer there")

        def keep(tx: Tx, at: datetime) -> None:
            known = tx.twin("zendesk", action.comment_id, action.subject)
            if known is not None:
                tx.keep_twin(replace(known, digest=action.digest, at=at))

        return Done(issues=self._jira.read([action.issue_id]), keep=keep)


def _to_black_out(html: str) -> list[str]:
    """The texts of a note but for its first line, longest first; as they stand there, joiners and all."""
    pieces = {piece for text in leaves(parse_html(html)[1:]) for piece in quiet(text).split(JOINER)}
    return sorted((piece for piece in pieces if piece.strip(BLACK + " @{}%")), key=lambda piece: (-len(piece), piece))


def _own_note(changes: Iterable[TicketChange]) -> TicketChange | None:
    comments = [change for change in changes if change.kind == "comment"]
    return next((c for c in comments if c.actor.kind is ActorKind.SELF), None)


def _sentences(texts: Sequence[str]) -> tuple[Block, ...]:
    return tuple(Paragraph((Text(text, frozenset({"italic"})),)) for text in texts)
