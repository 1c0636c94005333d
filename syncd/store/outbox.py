"""The outbox: what has to reach somebody, with the bytes that every try sends, and every try that was made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select, update

from syncd.core.alert_model import Attempt, Letter, Post
from syncd.store.alerts import keys_of, keys_text, maybe_micros, maybe_seconds, micros, seconds
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import Repository, chunks, table_of
from syncd.store.schema_alerts import AttemptRow, OutboxRow

_OUTBOX, _ATTEMPT = table_of(OutboxRow), table_of(AttemptRow)

UNDER_WAY: Final = (Post.NEW.value, Post.SENDING.value, Post.UNKNOWN.value)
"""States of a row that has yet to reach its address."""

_WAITS_FOR_DIGEST = (_OUTBOX.c.state == Post.DIGEST.value) & _OUTBOX.c.carrier.is_(None)
_EARLIER = _OUTBOX.alias("earlier")
_IS_BEHIND = (
    select(_EARLIER.c.id)
    .where(
        _EARLIER.c.group_key == _OUTBOX.c.group_key,
        _EARLIER.c.receiver == _OUTBOX.c.receiver,
        _EARLIER.c.channel == _OUTBOX.c.channel,
        _EARLIER.c.address == _OUTBOX.c.address,
        _EARLIER.c.seq < _OUTBOX.c.seq,
        _EARLIER.c.state.in_(UNDER_WAY),
    )
    .exists()
)
_DUE = Prepared(
    select(_OUTBOX)
    .where(
        or_(
            _OUTBOX.c.state.in_([Post.NEW.value, Post.UNKNOWN.value]) & (_OUTBOX.c.not_before <= bindparam("now")),
            (_OUTBOX.c.state == Post.SENDING.value) & (_OUTBOX.c.lease_until <= bindparam("now")),
        ),
        ~_IS_BEHIND,
    )
    .order_by(_OUTBOX.c.not_before, _OUTBOX.c.id)
    .limit(bindparam("most"))
)
_LAST_SEQ = Prepared(
    select(func.max(_OUTBOX.c.seq)).where(
        _OUTBOX.c.group_key == bindparam("group_key"), _OUTBOX.c.receiver == bindparam("receiver")
    )
)
_BY_MESSAGE = Prepared(select(_OUTBOX.c.id).where(_OUTBOX.c.message_id == bindparam("message_id")))
_BY_ID = Prepared(select(_OUTBOX).where(listed(_OUTBOX.c.id)).order_by(_OUTBOX.c.id))
_TIMES = Prepared(
    select(_OUTBOX.c.group_key, _OUTBOX.c.seq, func.min(_OUTBOX.c.created_at))
    .where(
        _OUTBOX.c.receiver == bindparam("receiver"),
        _OUTBOX.c.created_at >= bindparam("since"),
        _OUTBOX.c.state.not_in([Post.DIGEST.value, Post.CANCELLED.value]),
    )
    .group_by(_OUTBOX.c.group_key, _OUTBOX.c.seq)
)
_DIGEST_DUE = Prepared(
    select(_OUTBOX).where(_WAITS_FOR_DIGEST, _OUTBOX.c.not_before <= bindparam("now")).order_by(_OUTBOX.c.id)
)
_FIRST_DIGEST = Prepared(
    select(func.min(_OUTBOX.c.not_before)).where(_WAITS_FOR_DIGEST, _OUTBOX.c.receiver == bindparam("receiver"))
)
_CLAIM = Prepared(
    update(_OUTBOX)
    .where(
        _OUTBOX.c.id == bindparam("letter"),
        _OUTBOX.c.state == bindparam("was"),
        _OUTBOX.c.tries == bindparam("tried"),
        _OUTBOX.c.epoch <= bindparam("ours"),
    )
    .values(
        state=Post.SENDING.value, lease_until=bindparam("until"), epoch=bindparam("ours"), tries=bindparam("tried") + 1
    )
)


class Outbox(Repository):
    """Instants go in and come out in Unix seconds."""

    def next_seq(self, group: str, receiver: str) -> int:
        """The number of the receiver's next notification about a group: 1, 2, …"""
        return int(self._value(_LAST_SEQ, group_key=group, receiver=receiver) or 0) + 1

    def add_letters(self, letters: Iterable[Letter]) -> list[int]:
        """Puts new rows in; returns their ids. A letter whose Message-ID is there already is left out."""
        return [self._add(OutboxRow, _row_of(x)) for x in letters if not self.knows_message(x.message_id)]

    def letters(
        self,
        *,
        ids: Collection[int] | None = None,
        episodes: Collection[int] | None = None,
        states: Sequence[Post] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Letter]:
        """Rows by id, by episode, or all of these states."""
        if ids is not None and states is None and limit is None and not newest_first:
            return [_letter(row) for part in chunks(ids) for row in self._rows(_BY_ID, ids=part)]
        query = select(_OUTBOX)
        if states is not None:
            query = query.where(_OUTBOX.c.state.in_([state.value for state in states]))
        query = query.order_by(_OUTBOX.c.id.desc() if newest_first else _OUTBOX.c.id).limit(limit)
        wanted = ids if ids is not None else episodes
        if wanted is None:
            return [_letter(row) for row in self._connection.execute(query).mappings()]
        column = _OUTBOX.c.id if ids is not None else _OUTBOX.c.episode_id
        found: list[Letter] = []
        for part in chunks(wanted):
            found += [_letter(row) for row in self._connection.execute(query.where(column.in_(part))).mappings()]
        return found

    def knows_message(self, message_id: str) -> bool:
        """True when a letter with that id was ever written."""
        return self._value(_BY_MESSAGE, message_id=message_id) is not None

    def times_written(self, receiver: str, since: int) -> tuple[int, ...]:
        """When the receiver's notifications since then were written, each once whatever the number of its addresses;
        what went into a digest does not count."""
        rows = self._tuples(_TIMES, receiver=receiver, since=micros(since))
        return tuple(sorted(seconds(at) for _, _, at in rows))

    def outbox_counts(self) -> dict[str, int]:
        """How many rows there are, by state."""
        query = select(_OUTBOX.c.state, func.count()).group_by(_OUTBOX.c.state)
        return {state: int(count) for state, count in self._connection.execute(query)}

    def posted_since(self, since: int) -> dict[str, int]:
        """How many rows ended since then, by state."""
        query = select(_OUTBOX.c.state, func.count()).where(_OUTBOX.c.done_at >= micros(since))
        return {state: int(count) for state, count in self._connection.execute(query.group_by(_OUTBOX.c.state))}

    # ---- digests ----

    def digest_waiting(self, now: int) -> list[Letter]:
        """Rows whose digest is due, oldest first."""
        return [_letter(row) for row in self._rows(_DIGEST_DUE, now=micros(now))]

    def first_digest(self, receiver: str) -> int | None:
        """When the receiver's next digest of overflow is due; None when nothing waits for one."""
        return maybe_seconds(self._value(_FIRST_DIGEST, receiver=receiver))

    def went_with(self, ids: Iterable[int], carrier: int, now: int) -> None:
        """These rows went with that letter."""
        for part in chunks(ids):
            change = update(_OUTBOX).where(_OUTBOX.c.id.in_(part))
            self._connection.execute(change.values(carrier=carrier, done_at=micros(now)))

    def put_off(self, ids: Iterable[int], until: int) -> None:
        """Their digest comes later."""
        for part in chunks(ids):
            self._connection.execute(update(_OUTBOX).where(_OUTBOX.c.id.in_(part)).values(not_before=micros(until)))

    def cancel_letters(self, ids: Iterable[int], why: str, now: int) -> int:
        """Takes back rows that surely reached nobody yet; returns how many."""
        count = 0
        waiting = or_(_OUTBOX.c.state == Post.NEW.value, _WAITS_FOR_DIGEST)
        for part in chunks(ids):
            change = update(_OUTBOX).where(_OUTBOX.c.id.in_(part), waiting)
            values = {"state": Post.CANCELLED.value, "last_error": why, "done_at": micros(now)}
            count += self._connection.execute(change.values(**values)).rowcount
        return count

    # ---- sending ----

    def letters_due(self, now: int, limit: int) -> list[Letter]:
        """Rows to be tried now: due ones that are new or in doubt, and those whose sender is gone (its lease ran out).
        None while an earlier notification to the same address about the same group is under way. Oldest first."""
        return [_letter(row) for row in self._rows(_DUE, now=micros(now), most=limit)]

    def release_letters(self, epoch: int) -> int:
        """What a process claimed that has been replaced since (its epoch is below this one) may be tried at once: it
        sends nothing any more. Returns how many rows that were."""
        change = update(_OUTBOX).where(_OUTBOX.c.state == Post.SENDING.value, _OUTBOX.c.epoch < epoch)
        return self._connection.execute(change.values(lease_until=0)).rowcount

    def claim_letter(self, letter: Letter, now: int, *, lease: int, epoch: int) -> bool:
        """Takes the row for one try; False when somebody else took or ended it meanwhile."""
        known = {"letter": letter.id, "was": letter.state.value, "tried": letter.tries}
        return bool(self._alter(_CLAIM, **known, ours=epoch, until=micros(now + lease)))

    def settle_letter(self, letter: Letter, attempt: Attempt) -> None:
        """One try ended: the row as it is now, and the attempt beside it."""
        self._rewrite(
            OutboxRow,
            {
                "id": letter.id,
                "state": letter.state.value,
                "not_before": micros(letter.not_before),
                "doubts": letter.doubts,
                "last_error": letter.last_error,
                "done_at": maybe_micros(letter.done_at),
            },
        )
        row = {
            "outbox_id": attempt.letter,
            "number": attempt.number,
            "started_at": micros(attempt.started),
            "ended_at": micros(attempt.ended),
            "fate": attempt.fate,
            "code": attempt.code,
            "said": attempt.text,
        }
        self._upsert(AttemptRow, [row], replace=False)

    def attempts(self, letters: Iterable[int]) -> dict[int, list[Attempt]]:
        """Every try of these rows, by row, in order."""
        found: dict[int, list[Attempt]] = {}
        for part in chunks(letters):
            query = select(_ATTEMPT).where(_ATTEMPT.c.outbox_id.in_(part)).order_by(_ATTEMPT.c.number)
            for row in self._connection.execute(query).mappings():
                found.setdefault(row["outbox_id"], []).append(
                    Attempt(
                        letter=row["outbox_id"],
                        number=row["number"],
                        started=seconds(row["started_at"]),
                        ended=seconds(row["ended_at"]),
                        fate=row["fate"],
                        code=row["code"],
                        text=row["said"],
                    )
                )
        return found

    def empty_letters(self, before: int, limit: int = 5000) -> int:
        """The bytes of letters that ended before that instant go, at most so many in one call; the rows stay, so that
        nothing is told again. Returns how many."""
        full = func.length(_OUTBOX.c.content) > 0
        old = select(_OUTBOX.c.id).where(_OUTBOX.c.done_at < micros(before), full).limit(limit)
        change = update(_OUTBOX).where(_OUTBOX.c.id.in_(old))
        return self._connection.execute(change.values(content=b"")).rowcount

    def shift_letter_times(self, by: int) -> None:
        """As shift_alert_times() for the rows that wait."""
        back = micros(by)
        change = update(_OUTBOX).where(_OUTBOX.c.done_at.is_(None))
        self._connection.execute(
            change.values(not_before=_OUTBOX.c.not_before - back, lease_until=_OUTBOX.c.lease_until - back)
        )


def _row_of(letter: Letter) -> dict[str, Any]:
    return {
        "group_key": letter.group,
        "receiver": letter.receiver,
        "seq": letter.seq,
        "address": letter.address,
        "channel": letter.channel,
        "reason": letter.reason,
        "message_id": letter.message_id,
        "content": letter.content,
        "created_at": micros(letter.created),
        "not_before": micros(letter.not_before),
        "state": letter.state.value,
        "episode_id": letter.episode or None,
        "keys": keys_text(letter.keys),
        "about": letter.about,
        "lease_until": micros(letter.lease_until),
        "epoch": letter.epoch,
        "tries": letter.tries,
        "doubts": letter.doubts,
        "last_error": letter.last_error,
        "done_at": maybe_micros(letter.done_at),
        "carrier": letter.carrier or None,
    }


def _letter(row: Mapping[Any, Any]) -> Letter:
    return Letter(
        id=row["id"],
        group=row["group_key"],
        receiver=row["receiver"],
        seq=row["seq"],
        address=row["address"],
        channel=row["channel"],
        reason=row["reason"],
        message_id=row["message_id"],
        content=bytes(row["content"]),
        created=seconds(row["created_at"]),
        not_before=seconds(row["not_before"]),
        state=Post(row["state"]),
        episode=row["episode_id"] or 0,
        keys=keys_of(row["keys"]),
        about=row["about"],
        lease_until=seconds(row["lease_until"]),
        epoch=row["epoch"],
        tries=row["tries"],
        doubts=row["doubts"],
        last_error=row["last_error"],
        done_at=maybe_seconds(row["done_at"]),
        carrier=row["carrier"] or 0,
    )
