"""What became of comments and files: twins, how far each link was looked at, files that were carried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from syncd.core.comment_model import Carried, FileCopy, Looked, Side, Twin, TwinState
from syncd.core.model import Visibility
from syncd.store.codec import from_micros, to_micros
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import Repository, chunks, table_of
from syncd.store.schema import AuditRow, CarriedFileRow, CommentsSeenRow, CommentTwinRow

_TWIN = table_of(CommentTwinRow)
_ONE_TWIN = Prepared(
    select(_TWIN).where(
        CommentTwinRow.side == bindparam("side"),
        CommentTwinRow.source_id == bindparam("source_id"),
        CommentTwinRow.target == bindparam("target"),
    )
)
_TWINS = Prepared(select(_TWIN).where(listed(CommentTwinRow.origin)).order_by(CommentTwinRow.source_at))
_PUBLIC_TWINS = Prepared(
    select(_TWIN).where(
        CommentTwinRow.side == "jira",
        CommentTwinRow.visibility == Visibility.CUSTOMER.value,
        CommentTwinRow.source_at >= bindparam("since"),
    )
)
_SEEN = Prepared(
    select(CommentsSeenRow.link_id, CommentsSeenRow.side, CommentsSeenRow.version).where(
        listed(CommentsSeenRow.link_id)
    )
)
_CARRIED = Prepared(
    select(CarriedFileRow.digest, CarriedFileRow.size, CarriedFileRow.name).where(
        CarriedFileRow.target == bindparam("target")
    )
)
_COPIES = Prepared(select(table_of(CarriedFileRow)).where(listed(CarriedFileRow.origin)))
_COPIES_ON = Prepared(select(table_of(CarriedFileRow)).where(CarriedFileRow.target == bindparam("target")))


class Comments(Repository):
    """Digests and ids only; the texts stay with the trackers."""

    def keep_twin(self, twin: Twin) -> None:
        """Remembers it, or what became of it since."""
        row = {
            "side": twin.side,
            "source_id": twin.source_id,
            "target": twin.target,
            "origin": twin.origin,
            "source_at": to_micros(twin.source_at),
            "version": twin.version,
            "digest": twin.digest,
            "twin_id": twin.twin_id,
            "marker": twin.marker,
            "visibility": twin.visibility.value,
            "state": twin.state.value,
            "at": to_micros(twin.at),
        }
        self._upsert(CommentTwinRow, [row])

    def twin(self, side: Side, source_id: str, target: str) -> Twin | None:
        """The copy of one comment on one subject."""
        row = self._row(_ONE_TWIN, side=side, source_id=source_id, target=target)
        return None if row is None else _twin(row)

    def twins_of(self, origins: Iterable[str]) -> list[Twin]:
        """The copies of all comments of these subjects."""
        found: list[Twin] = []
        for part in chunks(origins):
            found += [_twin(row) for row in self._rows(_TWINS, ids=part)]
        return found

    def twins_since(self, side: Side, since: datetime) -> list[Twin]:
        """The copies of comments of that side that were made or changed since."""
        query = select(_TWIN).where(CommentTwinRow.side == side, CommentTwinRow.at >= to_micros(since))
        return [_twin(row) for row in self._connection.execute(query.order_by(CommentTwinRow.at)).mappings()]

    def public_twins_since(self, since: datetime) -> list[Twin]:
        """What customers read of comments that were made since."""
        return [_twin(row) for row in self._rows(_PUBLIC_TWINS, since=to_micros(since))]

    # ---- how far ----

    def comments_seen(self, link_ids: Iterable[int]) -> dict[tuple[int, str], int]:
        """(link, side) → the version up to which its comments were looked at."""
        found: dict[tuple[int, str], int] = {}
        for part in chunks(link_ids):
            found |= {(link, side): version for link, side, version in self._tuples(_SEEN, ids=part)}
        return found

    def saw_comments(self, link_id: int, side: Looked, version: int) -> None:
        """They were looked at."""
        self._upsert(CommentsSeenRow, [{"link_id": link_id, "side": side, "version": version}])

    def look_again(self, link_ids: Iterable[int], side: Looked) -> None:
        """The next plan reads the comments of these links anew, whether or not the side has another version."""
        for part in chunks(link_ids):
            seen = (CommentsSeenRow.link_id.in_(part), CommentsSeenRow.side == side)
            self._connection.execute(update(CommentsSeenRow).where(*seen).values(version=0))

    # ---- files ----

    def carried(self, target: str) -> Carried:
        """The files that were brought to a ticket or issue."""
        rows = self._tuples(_CARRIED, target=target)
        sizes = {digest: size for digest, size, _ in rows}
        return Carried(sum(sizes.values()), {digest: name for digest, _, name in rows})

    def keep_file(self, copy: FileCopy, size: int) -> None:
        """A file was brought there, or was there already with the same content."""
        row = {**asdict(copy), "size": size, "at": to_micros(copy.at)}
        self._upsert(CarriedFileRow, [row], replace=False)

    def file_copies(self, origins: Iterable[str]) -> list[FileCopy]:
        """The copies of files of these subjects, wherever they were brought."""
        found: list[FileCopy] = []
        for part in chunks(origins):
            found += [_file_copy(row) for row in self._rows(_COPIES, ids=part)]
        return found

    def copies_on(self, target: str) -> list[FileCopy]:
        """What was brought there."""
        return [_file_copy(row) for row in self._rows(_COPIES_ON, target=target)]

    def forget_file(self, copy: FileCopy) -> None:
        """The copy counts no more."""
        this = (CarriedFileRow.target == copy.target, CarriedFileRow.digest == copy.digest)
        one = (CarriedFileRow.origin == copy.origin, CarriedFileRow.comment_id == copy.comment_id)
        self._connection.execute(delete(CarriedFileRow).where(*this, *one, CarriedFileRow.file_id == copy.file_id))

    def tickets_written_since(self, since: datetime) -> list[int]:
        """The tickets that anything was written to since."""
        done = (AuditRow.at >= to_micros(since), AuditRow.outcome == "done", AuditRow.subject.like("ticket:%"))
        rows = self._connection.execute(select(AuditRow.subject).where(*done).distinct())
        return sorted(int(row.subject.removeprefix("ticket:")) for row in rows)


def _file_copy(row: Mapping[Any, Any]) -> FileCopy:
    known = {name: row[name] for name in ("target", "origin", "comment_id", "file_id", "name", "digest")}
    return FileCopy(**known, at=from_micros(row["at"]))


def _twin(row: Mapping[Any, Any]) -> Twin:
    return Twin(
        side=row["side"],
        source_id=row["source_id"],
        target=row["target"],
        origin=row["origin"],
        source_at=from_micros(row["source_at"]),
        version=row["version"],
        digest=row["digest"],
        twin_id=row["twin_id"],
        marker=row["marker"],
        visibility=Visibility(row["visibility"]),
        state=TwinState(row["state"]),
        at=from_micros(row["at"]),
    )
