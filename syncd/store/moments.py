"""What happened to bugs that tickets must hear of: versions released, and bugs that came back after a ticket closed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update

from syncd.core.discover import TICKET_CLOSED
from syncd.core.model import Base as Agreed
from syncd.core.model import Comeback, Link, LinkState, Origin, Release
from syncd.store.codec import decode, from_micros, maybe_moment, to_micros
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import Repository, chunks, table_of
from syncd.store.schema import LinkRow
from syncd.store.schema_moments import ComebackRow, ReleaseRow, ToldRow

_LINK, _COMEBACK = table_of(LinkRow), table_of(ComebackRow)
_CLOSED = (LinkRow.state == LinkState.RETIRED.value) & (LinkRow.retired_reason == TICKET_CLOSED)
_WATCHED = Prepared(select(LinkRow.issue_id).where(listed(LinkRow.issue_id), _CLOSED).distinct())
_CLOSED_LINKS = Prepared(select(_LINK).where(listed(LinkRow.issue_id), _CLOSED))
_AT_CLOSE = Prepared(
    select(_LINK)
    .where(listed(LinkRow.ticket_id), _CLOSED | (LinkRow.state != LinkState.RETIRED.value))
    .order_by(LinkRow.id)
)
_RELEASES = Prepared(select(table_of(ReleaseRow)).where(listed(ReleaseRow.version_id)))
_TOLD = Prepared(select(ToldRow.subject, ToldRow.topic).where(listed(ToldRow.subject)))
_COMEBACK_OF_LINK = Prepared(select(_COMEBACK).where(ComebackRow.link_id == bindparam("link_id")))
_COMEBACKS_OF_ISSUES = Prepared(select(_COMEBACK).where(listed(ComebackRow.issue_id)))
_OPEN_COMEBACKS = Prepared(select(_COMEBACK).where(ComebackRow.over_at.is_(None)).order_by(ComebackRow.link_id))


@dataclass(frozen=True, slots=True)
class ClosedLink:
    """A link that ended when its ticket was closed."""

    link: Link
    retired_at: datetime


class Moments(Repository):
    """Damaged links are left out of the answers, and go to `damage`."""

    # ---- links of closed tickets ----

    def is_watched_issue(self, ids: Iterable[str]) -> set[str]:
        """Those of the issues that a ticket was linked to when it was closed."""
        found: set[str] = set()
        for part in chunks(ids):
            found |= set(self._column(_WATCHED, ids=part))
        return found

    def closed_links(self, issue_ids: Iterable[str]) -> list[ClosedLink]:
        """The links of these issues that ended with their tickets, by id."""
        found: list[ClosedLink] = []
        for part in chunks(issue_ids):
            found += [
                ClosedLink(_closed_link(row), from_micros(row["retired_at"]))
                for row in self._rows(_CLOSED_LINKS, ids=part)
                if self._sound(LinkRow, row)
            ]
        return sorted(found, key=lambda closed: closed.link.id)

    def issues_at_close(self, ticket_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
        """The issues that each of these tickets was linked to when it was closed, or is linked to still."""
        found: dict[int, tuple[str, ...]] = {}
        for part in chunks(ticket_ids):
            for row in self._rows(_AT_CLOSE, ids=part):
                if self._sound(LinkRow, row):
                    known = found.get(row["ticket_id"], ())
                    found[row["ticket_id"]] = tuple(dict.fromkeys((*known, row["issue_id"])))
        return found

    # ---- releases ----

    def note_release(self, release: Release) -> None:
        """A version was seen to be released; the first sight counts."""
        row = {
            "version_id": release.version_id,
            "project_key": release.project_key,
            "name": release.name,
            "at": to_micros(release.at),
        }
        self._upsert(ReleaseRow, [row], replace=False)

    def releases(self, version_ids: Iterable[str]) -> dict[str, Release]:
        """Those of the versions that were seen to be released."""
        found: dict[str, Release] = {}
        for part in chunks(version_ids):
            for row in self._rows(_RELEASES, ids=part):
                found[row["version_id"]] = Release(
                    row["version_id"], row["project_key"], row["name"], from_micros(row["at"])
                )
        return found

    # ---- what was told ----

    def mark_told(self, subject: str, topic: str, now: datetime) -> None:
        """The subject has heard of the topic."""
        self._upsert(ToldRow, [{"subject": subject, "topic": topic, "at": to_micros(now)}], replace=False)

    def told(self, subjects: Iterable[str]) -> set[tuple[str, str]]:
        """(subject, topic) of everything that these have heard of."""
        found: set[tuple[str, str]] = set()
        for part in chunks(subjects):
            found |= {(subject, topic) for subject, topic in self._tuples(_TOLD, ids=part)}
        return found

    # ---- bugs that came back ----

    def save_comeback(self, comeback: Comeback) -> None:
        """Keeps it; there is one for each link."""
        row = {
            "link_id": comeback.link_id,
            "ticket_id": comeback.ticket_id,
            "issue_id": comeback.issue_id,
            "issue_key": comeback.issue_key,
            "route": comeback.route,
            "message": comeback.message,
            "at": to_micros(comeback.at),
            "over_at": None if comeback.over_at is None else to_micros(comeback.over_at),
            "asked_at": None if comeback.asked_at is None else to_micros(comeback.asked_at),
            "followup_id": comeback.followup_id,
        }
        self._upsert(ComebackRow, [row])

    def comeback(self, link_id: int) -> Comeback | None:
        """That of a link."""
        row = self._row(_COMEBACK_OF_LINK, link_id=link_id)
        return None if row is None else _comeback(row)

    def comebacks(self, *, issue_ids: Iterable[str] | None = None) -> list[Comeback]:
        """Those of these issues, over or not; without issues those that are not over: what a lead has to look at."""
        if issue_ids is None:
            return [_comeback(row) for row in self._rows(_OPEN_COMEBACKS)]
        found: list[Comeback] = []
        for part in chunks(issue_ids):
            found += [_comeback(row) for row in self._rows(_COMEBACKS_OF_ISSUES, ids=part)]
        return sorted(found, key=lambda comeback: comeback.link_id)

    def followups_since(self, route: str, since: datetime) -> int:
        """How many follow-ups were asked for on this route since then."""
        query = select(func.count()).select_from(_COMEBACK)
        query = query.where(ComebackRow.route == route, ComebackRow.asked_at >= to_micros(since))
        return self._connection.execute(query).scalar_one()

    def comeback_followed(self, link_id: int, ticket_id: int, now: datetime) -> None:
        """Its follow-up ticket is there."""
        query = update(_COMEBACK).where(_COMEBACK.c.link_id == link_id)
        self._connection.execute(query.values(followup_id=ticket_id, over_at=to_micros(now)))


def _comeback(row: Any) -> Comeback:
    return Comeback(
        link_id=row["link_id"],
        ticket_id=row["ticket_id"],
        issue_id=row["issue_id"],
        issue_key=row["issue_key"],
        route=row["route"],
        message=row["message"],
        at=from_micros(row["at"]),
        over_at=maybe_moment(row["over_at"]),
        asked_at=maybe_moment(row["asked_at"]),
        followup_id=row["followup_id"],
    )


def _closed_link(row: Any) -> Link:
    return Link(
        id=row["id"],
        ticket_id=row["ticket_id"],
        issue_id=row["issue_id"],
        issue_key=row["issue_key"],
        route=row["route"],
        origin=Origin(row["origin"]),
        created_at=from_micros(row["created_at"]),
        state=LinkState.RETIRED,
        base=None if row["base"] is None else decode(Agreed, row["base"]),
        occurrence=row["occurrence"],
    )
