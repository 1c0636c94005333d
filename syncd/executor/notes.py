"""Copies of a bug's comments on tickets: writing them, finding them again, taking them back.

A copy is an internal note unless its author meant it for the customer and everything says that he may. Either is read
back; what turned out to be public without a grant is hidden at once and stops the route.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import structlog

from syncd.core.comment_actions import CommentToTicket, WithdrawNote
from syncd.core.comment_compare import BLACK, note_shows
from syncd.core.comment_model import BugTalk, TicketComment, TicketTalk, Twin, TwinState
from syncd.core.model import ActorKind, IssueSnapshot, TicketChange, TicketSnapshot, Visibility
from syncd.core.ports import IssueSource, TicketSource, TicketWrite, TicketWritten
from syncd.core.recalling import comment_named
from syncd.core.richtext import JOINER, leaves, quiet
from syncd.core.richtext_html import parse_html, write_html
from syncd.executor.carrying import CLOCKS_APART, PUBLIC, Files, contents, sentences
from syncd.executor.outcome import Done, Later, Outcome, Superseded
from syncd.executor.raising import Judged, Raiser
from syncd.sources.errors import NotFoundError, PreconditionError, RefusedError
from syncd.store import Store, Tx

CAS_TRIES = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Text:
    """One way to say it; the next one is tried when Zendesk refuses it for good."""

    html: str
    tokens: tuple[str, ...]
    state: TwinState
    judged: Judged | None = None  # of a public one


class _BugGoneError(Exception):
    """A file was not there, and its bug is not either."""

    def __init__(self, issue: IssueSnapshot) -> None:
        super().__init__()
        self.issue = issue


class NoteWriter:
    """Writes copies to one Zendesk."""

    def __init__(
        self, store: Store, zendesk: TicketSource, jira: IssueSource, desk: TicketTalk, tracker: BugTalk, raiser: Raiser
    ) -> None:
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._desk = desk
        self._tracker = tracker
        self._raiser = raiser

    def write(self, action: CommentToTicket, marker: str, now: datetime, before_send: Callable[[], None]) -> Outcome:
        """One PUT under compare-and-swap. Our own mark is looked for first, also before the first try: a store that was
        put back from a backup does not know what was carried since. And again when the ticket changed meanwhile."""
        texts: list[_Text] | None = None
        files = Files()
        for _ in range(CAS_TRIES):
            ticket = self._zendesk.read([action.ticket_id])[0]
            if ticket.is_gone or ticket.state.is_final:
                return Superseded("the ticket is closed or gone", tickets=(ticket,))
            found = self._found(action, ticket, marker, now)
            if found is not None:
                return found
            if texts is None:
                before_send()
                try:
                    texts = self._texts(action, files)
                except _BugGoneError as error:
                    why = f"{action.issue_key} was deleted, or syncd may no longer see it, nor its files"
                    return Superseded(why, issues=(error.issue,))
            if not texts:
                return self._kept(action, ticket, marker, now, files, "", TwinState.CARRIED, Visibility.INTERNAL)
            try:
                return self._first_accepted(action, texts, ticket, marker, now, files)
            except PreconditionError:
                continue
        return Later(5.0, f"ticket #{action.ticket_id} keeps changing while it is written")

    def find(self, action: CommentToTicket, marker: str, now: datetime) -> Outcome:
        """What became of a write whose answer is not known: Later(0) when it is not there."""
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone:
            return Superseded("the ticket is gone", tickets=(ticket,))
        return self._found(action, ticket, marker, now) or Later(0.0, "not found on the server")

    def _found(self, action: CommentToTicket, ticket: TicketSnapshot, marker: str, now: datetime) -> Outcome | None:
        ours = [change for change in self._zendesk.history(action.ticket_id) if change.marker == marker]
        if not ours:
            return None
        public = next((change.public for change in ours if change.kind == "comment"), None)
        allowed = public is not False and self._raiser.was_granted(marker, action.ticket_id)
        if public is not False and not allowed:
            judged = self._raiser.judge(action)  # a store that was put back does not know what it allowed
            allowed = judged.may
            if allowed:
                self._raiser.grant(action, judged, marker, action.public_html, now)
        written = TicketWritten(ticket, tuple(ours), public)
        files = Files()
        files.found(action.files)
        action = self._as_it_reads(action, _own_note(ours))
        return self._noted(action, written, marker, now, TwinState.CARRIED, files, allowed=allowed)

    def _as_it_reads(self, action: CommentToTicket, note: TicketChange | None) -> CommentToTicket:
        """The action, without a version and a digest when the note that was found is of older words: a store that was
        put back does not know of which, and the edit is still to be told."""
        is_edited = action.version > int(action.said_at.timestamp() * 1000)
        if action.edited or not is_edited or note is None or note.comment_id is None:
            return action
        found = self._desk.comment(action.ticket_id, note.comment_id)
        return action if found is None or note_shows(found.html, action) else replace(action, version=0, digest="")

    def _texts(self, action: CommentToTicket, files: Files) -> list[_Text]:
        """What to try, the best first; nothing when all that it brings is there already."""
        judged = self._raiser.judge(action) if action.visibility is Visibility.CUSTOMER else None
        public = judged is not None and judged.may
        present = self._upload(action, files, public=public)
        if action.loose and not files.tokens and all(name in present for name, _ in files.lost) and present:
            return []
        lost = [f"{name} {why}." for name, why in files.lost if not (action.loose and name in present)]
        tokens, found = tuple(files.tokens), []
        if judged is not None and public:
            apologies = [f"{name} could not be attached." for name, _ in files.lost]
            found.append(
                _Text(action.public_html + write_html(sentences(*apologies)), tokens, TwinState.CARRIED, judged)
            )
            lost.append("The customer has not read this: Zendesk refused it as a public comment.")
        elif judged is not None:
            lost.append(f"The customer has not read this: {judged.why_not}.")
        found.append(_Text(action.html + write_html(sentences(*lost)), tokens, TwinState.CARRIED))
        if tokens:
            lost.append("Its files could not be attached.")
            found.append(_Text(action.html + write_html(sentences(*lost)), (), TwinState.CARRIED))
        return [*found, _Text(action.placeholder, (), TwinState.PLACEHOLDER)]

    def _upload(self, action: CommentToTicket, files: Files, *, public: bool) -> set[str]:
        """Uploads what is to be attached; answers the names of loose files that need not come again."""
        present: set[str] = set()
        if action.loose:
            since = action.said_at - CLOCKS_APART
            notes = [c for c in self._desk.comments(action.ticket_id, since).comments if c.marker is not None]
            present = {file.name for note in notes for file in note.files}
            files.found(ref for ref in action.files if ref.save_as in present)
            action = replace(action, files=tuple(ref for ref in action.files if ref.save_as not in present))
        target = action.subject + (PUBLIC if public else "")
        for ref, content in contents(self._store, action, target, files, partial(self._fetch, action)):
            files.tokens.append(self._desk.upload(ref.save_as, content))
        if action.overflow:
            files.tokens.append(self._desk.upload(action.overflow_name, action.overflow.encode()))
        if action.loose:
            present |= {name for name, why in files.lost if why.startswith("is among")}
        return present

    def _fetch(self, action: CommentToTicket, address: str, limit: int) -> bytes:
        """A file of the bug. One that is not there is given up only while the bug itself can be read: a permission
        that is gone for a while must not cost a file. While the bug cannot be read the note is not written at all, and
        keeps nothing else waiting, least of all the word that the bug is gone."""
        try:
            return self._tracker.fetch(address, limit)
        except NotFoundError:
            issue = self._jira.read([action.issue_id], history=False)[0]
            if issue.visible:
                raise
        raise _BugGoneError(issue)

    def _first_accepted(
        self,
        action: CommentToTicket,
        texts: list[_Text],
        ticket: TicketSnapshot,
        marker: str,
        now: datetime,
        files: Files,
    ) -> Outcome:
        """Sends the first text that Zendesk takes; those that it refused are gone from `texts`."""
        while True:
            text = texts[0]
            try:
                written = self._send(action, text, ticket, marker, now)
            except RefusedError:
                if len(texts) == 1:
                    raise
                del texts[0]
                continue
            carried = files if text.tokens else Files()
            allowed = text.judged is not None
            return self._noted(action, written, marker, now, text.state, carried, allowed=allowed)

    def _send(
        self, action: CommentToTicket, text: _Text, ticket: TicketSnapshot, marker: str, now: datetime
    ) -> TicketWritten:
        stamp = ticket.updated_at
        if text.judged is not None:
            self._raiser.grant(action, text.judged, marker, text.html, now)
            return self._desk.say(action.ticket_id, text.html, text.tokens, stamp=stamp, marker=marker)
        write = TicketWrite(note=action.reason, html=text.html, uploads=text.tokens)
        return self._zendesk.write(action.ticket_id, write, stamp=stamp, marker=marker)

    def _noted(
        self,
        action: CommentToTicket,
        written: TicketWritten,
        marker: str,
        now: datetime,
        state: TwinState,
        files: Files,
        *,
        allowed: bool,
    ) -> Outcome:
        """Reads back who may read it."""
        note = _own_note(written.changes)
        if note is None:
            note = _own_note([c for c in self._zendesk.history(action.ticket_id) if c.marker == marker])
        public = note is not None and (note.public is not False or written.note_public is True)
        note_id = str(note.comment_id) if note is not None and note.comment_id else ""
        if public and not allowed and note is not None and note.comment_id:
            self._zendesk.make_private(action.ticket_id, note.comment_id)
        elif allowed and not public:
            log.warning("public_comment_stored_as_internal", ticket=action.ticket_id, comment=action.comment_id)
        visibility = Visibility.CUSTOMER if public and allowed else Visibility.INTERNAL
        outcome = self._kept(action, written.ticket, marker, now, files, note_id, state, visibility)
        if not public or allowed:
            return outcome
        incident = (
            f"Zendesk stored a comment of {action.issue_key} on ticket #{action.ticket_id} as public; "
            "it was made private"
        )
        return replace(outcome, incident=incident)

    def _kept(
        self,
        action: CommentToTicket,
        ticket: TicketSnapshot,
        marker: str,
        now: datetime,
        files: Files,
        note_id: str,
        state: TwinState,
        visibility: Visibility,
    ) -> Done:
        def keep(tx: Tx, at: datetime) -> None:
            known = tx.twin("jira", action.comment_id, action.subject) if action.edited else None
            ids = [known.twin_id] if known is not None and known.twin_id else []
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
                    marker=known.marker if known is not None else marker,
                    visibility=known.visibility if known is not None else visibility,
                    state=state,
                    at=at,
                )
            )
            files.keep(tx, action, action.subject + (PUBLIC if visibility is Visibility.CUSTOMER else ""), at)
            tx.close_grants(marker, at)

        result = {"note": note_id, "state": state.value, "visibility": visibility.value, "at": now.isoformat()}
        return Done(tickets=(ticket,), result=result, keep=keep)

    # ---- taking a note back ----

    def withdraw(self, action: WithdrawNote, before_send: Callable[[], None]) -> Outcome:
        """Makes a public copy private, and blacks out every text of our notes but the line that says where they came
        from, unless agents may go on reading it."""
        if not action.keeps_text:
            source = self._tracker.comment(action.issue_id, action.comment_id)
            if source is not None and not source.restricted:
                return Superseded("the comment is there and open to all who see the bug")
            if source is None and not self._jira.read([action.issue_id], history=False)[0].visible:
                return Superseded("the bug itself cannot be read")
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone or ticket.state.is_final:
            return Superseded("the ticket is closed or gone", tickets=(ticket,))
        for note in self._copies(action):
            if action.hides and note.public is not False:
                before_send()
                self._zendesk.make_private(action.ticket_id, note.id)
            if action.keeps_text:
                continue
            for text in _to_black_out(note.html, first_line=comment_named(note.html) is None):
                before_send()
                self._desk.redact(action.ticket_id, note.id, text)
            for file in note.files:
                before_send()
                self._desk.redact_file(action.ticket_id, note.id, file.id)

        def keep(tx: Tx, at: datetime) -> None:
            known = tx.twin("jira", action.comment_id, action.subject)
            if known is not None:
                state = known.state if action.keeps_text else TwinState.WITHDRAWN
                tx.keep_twin(replace(known, state=state, visibility=Visibility.INTERNAL, at=at))

        return Done(tickets=(self._zendesk.read([action.ticket_id])[0],), keep=keep)

    def _copies(self, action: WithdrawNote) -> list[TicketComment]:
        """The notes that carry this comment, and those that say how it was edited: a store that was put back does not
        know them all, but their first lines tell."""
        known = set(self._note_ids(action))
        return [
            note
            for note in self._desk.comments(action.ticket_id, datetime.fromtimestamp(0, UTC)).comments
            if note.author.kind is ActorKind.SELF
            and (note.id in known or (note.marker is not None and _names(note.html, action.comment_id)))
        ]

    def _note_ids(self, action: WithdrawNote) -> list[int]:
        ids = [int(number) for number in action.note_id.split(",") if number.isdigit()]
        if ids:
            return ids
        history = self._zendesk.history(action.ticket_id)
        return [c.comment_id for c in history if c.marker == action.note_marker and c.comment_id is not None]


def _names(html: str, comment_id: str) -> bool:
    named = comment_named(html)
    return named is not None and named[1] == comment_id


def _to_black_out(html: str, *, first_line: bool) -> list[str]:
    """The texts of a note, with or without its first line, longest first; as they stand there, joiners and all."""
    blocks = parse_html(html)[0 if first_line else 1 :]
    pieces = {piece for text in leaves(blocks) for piece in quiet(text).split(JOINER)}
    return sorted((piece for piece in pieces if piece.strip(BLACK + " @{}%")), key=lambda piece: (-len(piece), piece))


def _own_note(changes: Iterable[TicketChange]) -> TicketChange | None:
    comments = [change for change in changes if change.kind == "comment"]
    return next((c for c in comments if c.actor.kind is ActorKind.SELF), None)
