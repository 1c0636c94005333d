"""Intents: every remote write is a row here before it is made.

    new ──mark_sent──▶ sent ──settle──▶ done | refused
     ▲                  │ │▲                    │
     │                  │ │└─────revive─────────┘
     └────postpone──────┘ └──park──▶ parked (waits for a person: retry or drop)

`sent` means that the server may have got it: after a crash it is looked for there, never repeated blindly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from syncd.core.actions import CommentOnBug, RemoteAction, RemoveTag, marker_of
from syncd.core.model import Json
from syncd.store.codec import (
    decode_action,
    destination_of,
    dumps,
    encode,
    from_micros,
    loads,
    maybe_micros,
    maybe_moment,
    to_micros,
)
from syncd.store.errors import IntentMoved, NotStored
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import Repository, chunks, sealed, table_of
from syncd.store.schema import IntentRow

SUPERSEDED = "superseded"
"""last_error of an intent that a newer plan did without; the same marker may come back to life."""

_INTENT = table_of(IntentRow)

# Of an intent: the one it comes after, and others of its subject.
_FIRST, _OTHER, _EARLIER = aliased(IntentRow), aliased(IntentRow), aliased(IntentRow)
_FIRST_IS_DONE = select(_FIRST.id).where(_FIRST.id == IntentRow.after, _FIRST.state == "done").exists()
_IS_UNDER_WAY = select(_OTHER.id).where(_OTHER.subject == IntentRow.subject, _OTHER.state == "sent").exists()
_HAS_FAILED = (
    select(_EARLIER.id)
    .where(
        _EARLIER.subject == IntentRow.subject,
        _EARLIER.state == "new",
        _EARLIER.attempts > 0,
        _EARLIER.seq < IntentRow.seq,
    )
    .exists()
)

_BY_ID = Prepared(select(_INTENT).where(IntentRow.id == bindparam("id")))
_UNTRIED = Prepared(select(_INTENT).where(listed(IntentRow.subject), IntentRow.state == "new", IntentRow.attempts == 0))
_UNTRIED_OF_KIND = Prepared(
    select(_INTENT).where(
        IntentRow.subject == bindparam("subject"),
        IntentRow.state == "new",
        IntentRow.kind == bindparam("kind"),
        IntentRow.attempts == 0,
    )
)
_WAITING = Prepared(
    select(_INTENT)
    .where(IntentRow.subject == bindparam("subject"), IntentRow.state == "new", IntentRow.kind == bindparam("kind"))
    .order_by(IntentRow.seq)
)
_UNSETTLED = Prepared(select(_INTENT).where(IntentRow.state == "sent").order_by(IntentRow.seq))
_UNFINISHED = Prepared(
    select(_INTENT).where(IntentRow.subject == bindparam("subject"), IntentRow.state.in_(["new", "sent", "parked"]))
)
_BUSY = Prepared(
    select(IntentRow.subject)
    .where(
        listed(IntentRow.subject),
        and_(IntentRow.state.in_(["new", "sent", "parked"]), or_(IntentRow.state != "new", IntentRow.attempts > 0)),
    )
    .distinct()
)
_COUNT_NEW = Prepared(
    select(func.count())
    .select_from(_INTENT)
    .where(IntentRow.destination == bindparam("destination"), IntentRow.state == "new")
)
_COUNTS = Prepared(select(IntentRow.state, func.count()).group_by(IntentRow.state))
_LAST_SEQ = Prepared(select(func.max(IntentRow.seq)))
_ORPHANS = Prepared(
    select(_INTENT)
    .outerjoin(_FIRST, _FIRST.id == IntentRow.after)
    .where(
        IntentRow.state == "new",
        IntentRow.after > "",  # not IS NOT NULL, for which SQLite uses no index
        or_(_FIRST.id.is_(None), _FIRST.state == "refused"),
    )
)
_CANDIDATES = (
    select(_INTENT)
    .where(
        IntentRow.destination == bindparam("destination"),
        IntentRow.state == "new",
        IntentRow.next_at <= bindparam("now"),
        or_(IntentRow.after.is_(None), _FIRST_IS_DONE),
        ~_IS_UNDER_WAY,
        ~_HAS_FAILED,
    )
    .order_by(IntentRow.urgency, IntentRow.seq)
    .limit(bindparam("most"))
)
_FIRST_CANDIDATES = Prepared(_CANDIDATES)
_FURTHER_CANDIDATES = Prepared(
    _CANDIDATES.where(
        IntentRow.urgency >= bindparam("urgency"),
        or_(IntentRow.urgency > bindparam("urgency"), IntentRow.seq > bindparam("seq")),
    )
)


class IntentState(StrEnum):
    NEW = "new"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    PARKED = "parked"

    @property
    def is_final(self) -> bool:
        """Nothing more happens to it by itself."""
        return self in (IntentState.DONE, IntentState.REFUSED)


@dataclass(frozen=True, slots=True)
class Intent:
    """A remote write and how far it is. `id` is its marker."""

    id: str
    kind: str
    subject: str
    destination: str  # zendesk | jira
    action: RemoteAction
    state: IntentState
    epoch: int
    urgency: int  # 0 urgent … 4
    after: str | None  # the intent that must be done first
    route: str
    link_ids: tuple[int, ...]
    floor: str | None  # what was known to exist when it was sent; a search for its effect starts there
    sent_at: datetime | None
    attempts: int
    next_at: datetime  # not before this
    last_error: str | None
    result: dict[str, Json] | None
    created_at: datetime
    done_at: datetime | None


class Intents(Repository):
    """A damaged row is never among the answers, and goes to `damage`; its subject gets nothing new to do.

    `epoch` is the one that intents are made and sent under; 0 where nobody claimed the store."""

    epoch = 0

    def __init__(self, connection: Connection, *, writable: bool, keeps_clocks: bool = False) -> None:
        super().__init__(connection, writable=writable, keeps_clocks=keeps_clocks)
        self._enqueued: set[str] = set()  # by this transaction: one plan does not supersede itself

    def enqueue(self, action: RemoteAction, *, urgency: int, now: datetime) -> IntentState | None:
        """Puts a write in the queue, once per marker. None when it is in the queue now, else the state it stays in.

        A `new` one takes the new payload and urgency; one that was refused as superseded comes back to life. Other
        intents for the same slot of the subject that were never tried, and that this transaction did not enqueue, are
        superseded; notes and comments have no slot, so each of them is written."""
        marker = marker_of(action)
        self._enqueued.add(marker)
        row = self._intent_row(marker)
        if row is not None and row["state"] != "new" and not _is_superseded(row):
            return IntentState(row["state"])
        wanted = {
            "payload": encode(action),
            "urgency": urgency,
            "after": _after(action),
            "route": action.route,
            "epoch": self.epoch,
        }
        fresh = {
            "seq": 0,
            "state": "new",
            "floor": None,
            "sent_at": None,
            "attempts": 0,
            "next_at": to_micros(now),
            "last_error": None,
            "result": None,
            "created_at": to_micros(now),
            "done_at": None,
        }
        if row is None:
            identity = {
                "id": marker,
                "kind": action.kind,
                "subject": action.subject,
                "destination": destination_of(action),
            }
            new = {**identity, **fresh, **wanted, "seq": self._next_seq()}
            self._insert(IntentRow, sealed(IntentRow, new))
        elif row["state"] == "new":
            self._write_intent({**row, **wanted})
        else:
            self._write_intent({**row, **fresh, **wanted, "seq": self._next_seq()})
        self._supersede_others(action, now)
        return None

    def supersede_untried(self, subjects: Iterable[str], slots: Collection[str], now: datetime) -> list[str]:
        """What a newer plan of these subjects no longer asks for: their `new` intents of these slots that were never
        tried and that this transaction did not enqueue. Returns their ids."""
        gone = []
        for part in chunks(subjects):
            for row in self._rows(_UNTRIED, ids=part):
                if row["id"] in self._enqueued or not self._sound(IntentRow, row):
                    continue
                if decode_action(row["kind"], row["payload"]).slot in slots:
                    self._supersede(row, now)
                    gone.append(row["id"])
        return gone

    def due(self, destination: str, now: datetime, limit: int) -> list[Intent]:
        """What may be sent now, most urgent first, then in order of enqueuing; at most one intent per subject.

        Left out: what waits for a later time, or for an intent that is not done; a subject with a sent intent, with an
        earlier one that failed before, or with a damaged one. An intent that waits for one that was refused, or is not
        there, is refused as superseded (in a write transaction)."""
        self._drop_orphans(now)
        chosen: list[Intent] = []
        subjects: set[str] = set()
        position: tuple[int, int] | None = None
        while len(chosen) < limit:
            rows = self._candidates(destination, now, position, 2 * limit)
            for row in rows:
                if len(chosen) == limit or row["subject"] in subjects:
                    continue
                subjects.add(row["subject"])
                intent = self._sound_intent(row)
                if intent is not None and self._subject_is_sound(row["subject"]):
                    chosen.append(intent)
            if len(rows) < 2 * limit:
                break
            position = (rows[-1]["urgency"], rows[-1]["seq"])
        return chosen

    def mark_sent(self, intent_id: str, now: datetime, floor: str | None = None) -> Intent:
        """Claims a `new` intent just before its call; raises IntentMoved when it is not `new` (any more)."""
        row = self._need(intent_id, IntentState.NEW)
        changed = {**row, "state": "sent", "sent_at": to_micros(now), "epoch": self.epoch}
        if floor is not None:
            changed["floor"] = floor
        self._write_intent(changed)
        return _intent(changed)

    def settle(
        self,
        intent_id: str,
        state: IntentState,
        now: datetime,
        result: Mapping[str, Json] | None = None,
        error: str | None = None,
    ) -> None:
        """How it ended: done, refused or parked. Harmless when it is in that state already; raises IntentMoved when it
        ended otherwise."""
        if state in (IntentState.NEW, IntentState.SENT):
            raise ValueError("settle() is for the end of an intent")
        row = self._need(intent_id)
        if row["state"] == state.value:
            return
        if IntentState(row["state"]).is_final:
            raise IntentMoved(f"intent {intent_id} is {row['state']} already, so it can not become {state.value}.")
        done_at = to_micros(now) if state.is_final else None
        text = None if result is None else dumps(dict(result))
        self._write_intent({**row, "state": state.value, "done_at": done_at, "result": text, "last_error": error})

    def postpone(self, intent_id: str, next_at: datetime, error: str) -> None:
        """It was certainly not done: tried again at `next_at`, one attempt more on its account."""
        row = self._need(intent_id, IntentState.NEW, IntentState.SENT)
        again = {"state": "new", "attempts": row["attempts"] + 1, "next_at": to_micros(next_at), "last_error": error}
        self._write_intent({**row, **again})

    def recheck(self, intent_id: str, next_at: datetime, error: str | None = None) -> None:
        """It may have been done, and the server does not show it yet: stays `sent`; look again at `next_at`."""
        row = self._need(intent_id, IntentState.SENT)
        later = {"attempts": row["attempts"] + 1, "next_at": to_micros(next_at), "last_error": error}
        self._write_intent({**row, **later})

    def park(self, intent_id: str, error: str) -> None:
        """It waits for a person."""
        row = self._need(intent_id, IntentState.NEW, IntentState.SENT)
        self._write_intent({**row, "state": "parked", "last_error": error})

    def retry(self, intent_id: str, now: datetime | None = None) -> None:
        """A person wants it tried again, at once: a parked or refused intent becomes `new`, a `new` one is due."""
        row = self._need(intent_id, IntentState.NEW, IntentState.PARKED, IntentState.REFUSED)
        at = row["created_at"] if now is None else to_micros(now)
        self._write_intent({**row, "state": "new", "attempts": 0, "next_at": at, "last_error": None, "done_at": None})

    def drop(self, intent_id: str, reason: str, now: datetime | None = None) -> None:
        """A person gives it up. Raises IntentMoved for a sent one, which must be looked for on the server first."""
        row = self._need(intent_id, IntentState.NEW, IntentState.PARKED, IntentState.REFUSED)
        self._write_intent({**row, "state": "refused", "last_error": reason, "done_at": maybe_micros(now)})

    def forget_refusal(self, intent_id: str, now: datetime) -> None:
        """A refused intent counts as superseded from now on, so that its marker may be enqueued again. Harmless for
        any other."""
        row = self._intent_row(intent_id)
        if row is not None and row["state"] == IntentState.REFUSED.value and not _is_superseded(row):
            self._write_intent({**row, "last_error": SUPERSEDED, "done_at": to_micros(now)})

    def revive(self, intent_id: str, now: datetime, change: Callable[[RemoteAction], RemoteAction]) -> bool:
        """Its effect shows on the server after it was given up: a refused intent is `sent` again, and looked for at
        once; `change` says how its action, whose marker stays, is meant now. False, and harmless, for any other, and
        for a damaged one."""
        row = self._row(_BY_ID, id=intent_id)
        intent = None if row is None else self._sound_intent(row)
        if row is None or intent is None or intent.state is not IntentState.REFUSED:
            return False
        again = {
            "state": "sent",
            "payload": encode(change(intent.action)),
            "epoch": self.epoch,
            "sent_at": to_micros(intent.sent_at or now),
            "attempts": 0,
            "next_at": to_micros(now),
            "last_error": None,
            "done_at": None,
        }
        self._write_intent({**row, **again})
        return True

    def intent(self, intent_id: str) -> Intent | None:
        """The intent with this marker; raises RowDamaged."""
        row = self._intent_row(intent_id)
        if row is None:
            return None
        intent = self._sound_intent(row)
        if intent is None:
            raise next(reversed(self.damage))
        return intent

    def intents(self, state: IntentState | None = None, limit: int | None = 100) -> list[Intent]:
        """Intents in order of enqueuing, newest first."""
        query = select(_INTENT)
        if state is not None:
            query = query.where(IntentRow.state == state.value)
        return self._asked(query.order_by(IntentRow.seq.desc()).limit(limit))

    def waiting_for(self, subject: str, kind: str) -> list[Intent]:
        """The subject's intents of a kind that were never sent, in order of enqueuing."""
        return self._sound_intents(self._rows(_WAITING, subject=subject, kind=kind))

    def superseded_of(self, subject: str, kind: str, since: datetime) -> list[Intent]:
        """The subject's intents of a kind that were dropped since then, in order of enqueuing."""
        query = select(_INTENT).where(
            IntentRow.subject == subject,
            IntentRow.kind == kind,
            IntentRow.state == IntentState.REFUSED.value,
            IntentRow.last_error == SUPERSEDED,
            IntentRow.done_at >= to_micros(since),
        )
        rows = self._connection.execute(query.order_by(IntentRow.seq)).mappings().all()
        return [intent for row in rows if (intent := self._sound_intent(row)) is not None]

    def unsettled(self) -> list[Intent]:
        """Those in state `sent`, in order of enqueuing."""
        return self._sound_intents(self._rows(_UNSETTLED))

    def busy_subjects(self, subjects: Iterable[str]) -> set[str]:
        """Those of the subjects with a sent or parked intent, or with a `new` one that failed before."""
        found: set[str] = set()
        for part in chunks(subjects):
            found |= set(self._column(_BUSY, ids=part))
        return found

    def waiting_counts(self) -> dict[str, int]:
        """How many are `new`, by destination; both destinations are always there."""
        return {side: int(self._value(_COUNT_NEW, destination=side)) for side in ("zendesk", "jira")}

    def intent_counts(self) -> dict[IntentState, int]:
        """How many are in each state; states without any are left out."""
        return {IntentState(state): count for state, count in self._tuples(_COUNTS)}

    # ---- inside ----

    def _next_seq(self) -> int:
        return int(self._value(_LAST_SEQ) or 0) + 1

    def _supersede_others(self, action: RemoteAction, now: datetime) -> None:
        if not action.slot:
            return
        for row in self._rows(_UNTRIED_OF_KIND, subject=action.subject, kind=action.kind):
            if row["id"] in self._enqueued:
                continue
            other = self._sound_intent(row)
            if other is not None and other.action.slot == action.slot:
                self._supersede(row, now)

    def _supersede(self, row: Mapping[Any, Any], now: datetime) -> None:
        self._write_intent({**row, "state": "refused", "last_error": SUPERSEDED, "done_at": to_micros(now)})

    def _drop_orphans(self, now: datetime) -> None:
        while self._writable:  # what waits for an orphan is one in the next round
            orphans = [row for row in self._rows(_ORPHANS) if self._sound(IntentRow, row)]
            for row in orphans:
                self._supersede(row, now)
            if not orphans:
                break

    def _candidates(
        self, destination: str, now: datetime, position: tuple[int, int] | None, limit: int
    ) -> list[dict[str, Any]]:
        wanted = {"destination": destination, "now": to_micros(now), "most": limit}
        if position is None:
            return self._rows(_FIRST_CANDIDATES, **wanted)
        urgency, seq = position
        return self._rows(_FURTHER_CANDIDATES, **wanted, urgency=urgency, seq=seq)

    def _subject_is_sound(self, subject: str) -> bool:
        """False when an unfinished intent of the subject is damaged: it may be one that was sent."""
        return not [row for row in self._rows(_UNFINISHED, subject=subject) if not self._sound(IntentRow, row)]

    def _need(self, intent_id: str, *states: IntentState) -> dict[str, Any]:
        row = self._intent_row(intent_id)
        if row is None:
            raise NotStored(f"there is no intent {intent_id}. See `syncd intents list`.")
        if states and row["state"] not in states:
            wanted = " or ".join(states)
            raise IntentMoved(f"intent {intent_id} is {row['state']}, and only one that is {wanted} can do this.")
        return row

    def _intent_row(self, intent_id: str) -> dict[str, Any] | None:
        row = self._row(_BY_ID, id=intent_id)
        if row is not None:
            self._raise_if_damaged(IntentRow, row)
        return row

    def _write_intent(self, row: Mapping[Any, Any]) -> None:
        self._rewrite(IntentRow, sealed(IntentRow, row))

    def _asked(self, query: Select[Any]) -> list[Intent]:
        return self._sound_intents(self._connection.execute(query).mappings().all())

    def _sound_intents(self, rows: Iterable[Mapping[Any, Any]]) -> list[Intent]:
        return [intent for row in rows if (intent := self._sound_intent(row)) is not None]

    def _sound_intent(self, row: Mapping[Any, Any]) -> Intent | None:
        if not self._sound(IntentRow, row):
            return None
        try:
            return _intent(row)
        except ValueError as error:
            self._damaged(IntentRow, row["id"], f"it can not be read ({error})")
            return None


def _intent(row: Mapping[Any, Any]) -> Intent:
    action = decode_action(row["kind"], row["payload"])
    return Intent(
        id=row["id"],
        kind=row["kind"],
        subject=row["subject"],
        destination=row["destination"],
        action=action,
        state=IntentState(row["state"]),
        epoch=row["epoch"],
        urgency=row["urgency"],
        after=row["after"],
        route=row["route"],
        link_ids=action.link_ids,
        floor=row["floor"],
        sent_at=maybe_moment(row["sent_at"]),
        attempts=row["attempts"],
        next_at=from_micros(row["next_at"]),
        last_error=row["last_error"],
        result=None if row["result"] is None else loads(row["result"]),
        created_at=from_micros(row["created_at"]),
        done_at=maybe_moment(row["done_at"]),
    )


def _after(action: RemoteAction) -> str | None:
    return action.after if isinstance(action, (RemoveTag, CommentOnBug)) else None


def _is_superseded(row: Mapping[str, Any]) -> bool:
    return bool(row["state"] == "refused" and row["last_error"] == SUPERSEDED)
