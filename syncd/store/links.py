"""Links: which ticket and which bug are kept in step, and what happened to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, func, select

from syncd.core.model import Base, Conflict, Json, Link, LinkState, Origin
from syncd.store.clock_marks import ClockMarks
from syncd.store.codec import decode, dumps, encode, from_micros, loads, maybe_micros, maybe_moment, to_micros
from syncd.store.errors import LinkExists, LinkRetired, NotStored
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import ALL_ROWS, chunks, row_sum, sealed, table_of
from syncd.store.schema import LinkLogRow, LinkRow

_Side = Literal["ticket_id", "issue_id"]

_LINK = table_of(LinkRow)
_ALIVE = LinkRow.state != LinkState.RETIRED.value

_BY_ID = Prepared(select(_LINK).where(LinkRow.id == bindparam("id")))
_SIDES = {"ticket_id": LinkRow.ticket_id, "issue_id": LinkRow.issue_id}
_BY_SIDE = {name: Prepared(select(_LINK).where(listed(column), _ALIVE)) for name, column in _SIDES.items()}
_LINKED = {name: Prepared(select(column).where(listed(column), _ALIVE).distinct()) for name, column in _SIDES.items()}
_FROM = select(_LINK).where(LinkRow.id > bindparam("after_id")).order_by(LinkRow.id).limit(bindparam("most"))
_FILTERED = {
    (): Prepared(_FROM),
    ("state",): Prepared(_FROM.where(LinkRow.state == bindparam("state"))),
    ("route",): Prepared(_FROM.where(LinkRow.route == bindparam("route"))),
    ("state", "route"): Prepared(_FROM.where(LinkRow.state == bindparam("state"), LinkRow.route == bindparam("route"))),
}
_NEXT = Prepared(
    select(_LINK)
    .where(LinkRow.state == bindparam("state"), LinkRow.id > bindparam("after_id"))
    .order_by(LinkRow.id)
    .limit(bindparam("most"))
)
_SINCE = Prepared(
    select(_LINK)
    .where(_ALIVE, LinkRow.created_at > bindparam("since"), listed(LinkRow.origin, "origins"))
    .order_by(LinkRow.id)
)
_COUNT_LIVE = Prepared(select(func.count()).select_from(_LINK).where(LinkRow.state.in_(["live", "conflict"])))
_COUNT_LIVE_OF_ROUTE = Prepared(
    select(func.count())
    .select_from(_LINK)
    .where(LinkRow.state.in_(["live", "conflict"]), LinkRow.route == bindparam("route"))
)
_RETIRED_OF = select(LinkRow.ticket_id, LinkRow.issue_id).where(
    listed(LinkRow.ticket_id), LinkRow.state == LinkState.RETIRED.value
)
_RETIRED = Prepared(_RETIRED_OF)
_RETIRED_OTHERWISE = Prepared(_RETIRED_OF.where(LinkRow.retired_reason != bindparam("reason")))
_TWIN = Prepared(
    select(LinkRow.id).where(
        LinkRow.ticket_id == bindparam("ticket_id"), LinkRow.issue_id == bindparam("issue_id"), _ALIVE
    )
)


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """One line of a link's history."""

    link_id: int
    at: datetime
    what: str
    reason: str
    detail: dict[str, Json]


class Links(ClockMarks):
    """A damaged row is never among the answers, and goes to `damage`."""

    def add_link(
        self,
        ticket_id: int,
        issue_id: str,
        issue_key: str,
        route: str,
        origin: Origin,
        now: datetime,
        occurrence: int = 1,
        *,
        before: tuple[datetime | None, datetime | None] = (None, None),
    ) -> Link:
        """A new live link; raises LinkExists when the two have one that is not retired. `before`: until when words on
        the ticket and on the issue are from before it, each by its tracker's clock."""
        self._refuse_twin(ticket_id, issue_id)
        row: dict[str, Any] = {
            "ticket_id": ticket_id,
            "issue_id": issue_id,
            "issue_key": issue_key,
            "route": route,
            "origin": origin.value,
            "state": LinkState.LIVE.value,
            "base": None,
            "vote": None,
            "conflict": None,
            "in_field": 0,
            "occurrence": occurrence,
            "created_at": to_micros(now),
            "ticket_until": maybe_micros(before[0]),
            "issue_until": maybe_micros(before[1]),
            "retired_at": None,
            "retired_reason": None,
        }
        row["id"] = self._add(LinkRow, {**row, "row_sum": ""})
        # The sum covers the id, which the database gives only now.
        self._rewrite(LinkRow, {"id": row["id"], "row_sum": row_sum("link", row)})
        self.touch_clocks_of_issues([issue_id])  # for the others on the bug one more ticket is affected
        return link_of(row)

    def link(self, link_id: int) -> Link | None:
        """The link, retired or not; raises RowDamaged."""
        row = self._link_row(link_id)
        return None if row is None else link_of(row)

    def links_of_ticket(self, ids: Iterable[int]) -> list[Link]:
        """The links of these tickets that are not retired, by id."""
        return self._links_by("ticket_id", ids)

    def links_of_issue(self, ids: Iterable[str]) -> list[Link]:
        """The links of these issues that are not retired, by id."""
        return self._links_by("issue_id", ids)

    def links_touching(self, ticket_ids: Iterable[int], issue_ids: Iterable[str]) -> list[Link]:
        """The links of these tickets and issues, those that share a ticket or an issue with them, and so on; none
        that is retired.

        A group that holds a damaged link is left out whole, since no vote in it can be counted."""
        tickets, issues = dict.fromkeys(ticket_ids), dict.fromkeys(issue_ids)
        new_tickets, new_issues = list(tickets), list(issues)
        found: dict[int, Link] = {}
        broken: set[tuple[str, object]] = set()
        while new_tickets or new_issues:
            by_ticket, bad_tickets = self._look_up("ticket_id", new_tickets)
            by_issue, bad_issues = self._look_up("issue_id", new_issues)
            broken |= {("ticket", ticket) for ticket in bad_tickets} | {("issue", issue) for issue in bad_issues}
            found |= {link.id: link for link in (*by_ticket, *by_issue)}
            new_issues = [i for i in dict.fromkeys(link.issue_id for link in by_ticket) if i not in issues]
            new_tickets = [t for t in dict.fromkeys(link.ticket_id for link in by_issue) if t not in tickets]
            issues |= dict.fromkeys(new_issues)
            tickets |= dict.fromkeys(new_tickets)
        return _without_broken(sorted(found.values(), key=lambda link: link.id), broken)

    def all_links(
        self, state: LinkState | None = None, route: str | None = None, after_id: int = 0, limit: int | None = 500
    ) -> list[Link]:
        """Links by id from the one after `after_id`, at most `limit` of them (None = all)."""
        wanted: dict[str, str] = {} if state is None else {"state": state.value}
        if route is not None:
            wanted["route"] = route
        most = ALL_ROWS if limit is None else limit
        return self._sound_links(self._rows(_FILTERED[tuple(wanted)], after_id=after_id, most=most, **wanted))

    def next_live_links(self, after_id: int, limit: int) -> list[Link]:
        """The next links that are not retired, by id: the census goes round with it."""
        states = [LinkState.LIVE.value, LinkState.CONFLICT.value]
        found: list[Link] = []
        for state in states:  # each is one walk along an index; an IN would sort all of them
            found += self._sound_links(self._rows(_NEXT, state=state, after_id=after_id, most=limit))
        return sorted(found, key=lambda link: link.id)[:limit]

    def links_since(self, moment: datetime, origins: Iterable[Origin]) -> list[Link]:
        """The links that were made after that moment, came to be in one of these ways, and are not retired, by id."""
        named = [origin.value for origin in origins]
        return self._sound_links(self._rows(_SINCE, since=to_micros(moment), origins=named))

    def live_link_count(self, route: str | None = None) -> int:
        """How many links of the route (None = of all) are live or in conflict."""
        return int(self._value(_COUNT_LIVE) if route is None else self._value(_COUNT_LIVE_OF_ROUTE, route=route))

    def link_counts(self) -> dict[tuple[str, LinkState], int]:
        """How many links there are of each route and state."""
        query = select(LinkRow.route, LinkRow.state, func.count()).group_by(LinkRow.route, LinkRow.state)
        return {(route, LinkState(state)): count for route, state, count in self._connection.execute(query)}

    def save_link(self, link: Link) -> None:
        """Writes all that may change of a link. Raises NotStored, RowDamaged, LinkRetired when the stored one is
        retired, and LinkExists when the ticket or issue it now names has another link with the same other side."""
        row = self._link_row(link.id)
        if row is None:
            raise NotStored(f"there is no link {link.id}.")
        if row["state"] == LinkState.RETIRED.value:
            raise LinkRetired(f"link {link.id} is retired; link ticket {link.ticket_id} and {link.issue_key} anew.")
        if link.state is LinkState.RETIRED:
            raise ValueError("retire() retires a link, since it wants a reason")
        if (link.ticket_id, link.issue_id) != (row["ticket_id"], row["issue_id"]):
            self._refuse_twin(link.ticket_id, link.issue_id)
            self.touch_clocks([link.ticket_id, row["ticket_id"]])
        changed = {
            "ticket_id": link.ticket_id,
            "issue_id": link.issue_id,
            "issue_key": link.issue_key,
            "route": link.route,
            "origin": link.origin.value,
            "state": link.state.value,
            "base": None if link.base is None else encode(link.base),
            "vote": link.vote,
            "conflict": None if link.conflict is None else encode(link.conflict),
            "in_field": int(link.in_field),
            "occurrence": link.occurrence,
        }
        self._write_link({**row, **changed})

    def retire(self, link_id: int, reason: str, now: datetime) -> None:
        """The link ends, and its history says why; harmless when it ended before. Raises NotStored and RowDamaged."""
        row = self._link_row(link_id)
        if row is None:
            raise NotStored(f"there is no link {link_id}.")
        if row["state"] == LinkState.RETIRED.value:
            return
        retired = {"state": LinkState.RETIRED.value, "retired_at": to_micros(now), "retired_reason": reason}
        self._write_link({**row, **retired})
        self.log_link(link_id, now, "retired", reason)
        self.touch_clocks_of_issues([row["issue_id"]])

    def retired_pairs(self, ticket_ids: Iterable[int], *, except_reason: str | None = None) -> set[tuple[int, str]]:
        """The tickets, each with the id of an issue that was once linked to it, by links that are retired for another
        reason than the one given."""
        found: set[tuple[int, str]] = set()
        for part in chunks(ticket_ids):
            if except_reason is None:
                pairs = self._tuples(_RETIRED, ids=part)
            else:
                pairs = self._tuples(_RETIRED_OTHERWISE, ids=part, reason=except_reason)
            found |= {(ticket, issue) for ticket, issue in pairs}
        return found

    def is_linked_ticket(self, ids: Iterable[int]) -> set[int]:
        """Those of the tickets that have a link that is not retired (a damaged one counts)."""
        found: set[int] = set()
        for part in chunks(ids):
            found |= set(self._column(_LINKED["ticket_id"], ids=part))
        return found

    def is_linked_issue(self, ids: Iterable[str]) -> set[str]:
        """Those of the issues that have a link that is not retired (a damaged one counts)."""
        found: set[str] = set()
        for part in chunks(ids):
            found |= set(self._column(_LINKED["issue_id"], ids=part))
        return found

    def log_link(
        self, link_id: int, now: datetime, what: str, reason: str, detail: Mapping[str, Json] | None = None
    ) -> None:
        """Adds a line to the link's history. The store itself adds only `retired`."""
        row = {"link_id": link_id, "at": to_micros(now), "what": what, "reason": reason, "detail": dumps(detail or {})}
        self._insert(LinkLogRow, row)

    def link_history(self, link_id: int, limit: int | None = None) -> list[LinkEntry]:
        """What happened to the link, oldest first; with a limit, the newest so many."""
        query = select(LinkLogRow.at, LinkLogRow.what, LinkLogRow.reason, LinkLogRow.detail)
        query = query.where(LinkLogRow.link_id == link_id).order_by(LinkLogRow.id.desc()).limit(limit)
        entries = [
            LinkEntry(link_id, from_micros(at), what, reason, loads(detail))
            for at, what, reason, detail in self._connection.execute(query)
        ]
        return entries[::-1]

    # ---- inside ----

    def _link_row(self, link_id: int) -> dict[str, Any] | None:
        row = self._row(_BY_ID, id=link_id)
        if row is not None:
            self._raise_if_damaged(LinkRow, row)
        return row

    def _write_link(self, row: Mapping[str, Any]) -> None:
        self._rewrite(LinkRow, sealed(LinkRow, row))

    def _refuse_twin(self, ticket_id: int, issue_id: str) -> None:
        twin = self._value(_TWIN, ticket_id=ticket_id, issue_id=issue_id)
        if twin is not None:
            raise LinkExists(f"ticket {ticket_id} and issue {issue_id} are linked already (link {twin}).", twin)

    def _sound_links(self, rows: Iterable[Mapping[Any, Any]]) -> list[Link]:
        return [link_of(row) for row in rows if self._sound(LinkRow, row)]

    def _links_by(self, side: _Side, values: Iterable[Any]) -> list[Link]:
        found: list[Link] = []
        for part in chunks(values):
            found += self._sound_links(self._rows(_BY_SIDE[side], ids=part))
        return sorted(found, key=lambda link: link.id)

    def _look_up(self, side: _Side, values: Sequence[Any]) -> tuple[list[Link], list[Any]]:
        """The links by these values, and the values that have a damaged one."""
        found: list[Link] = []
        broken: list[Any] = []
        for part in chunks(values):
            rows = self._rows(_BY_SIDE[side], ids=part)
            sound = [row for row in rows if self._sound(LinkRow, row)]
            found += [link_of(row) for row in sound]
            if len(sound) < len(rows):
                # A damaged row can not say whose it is, but the index that led to it can.
                broken += [value for value in part if self._has_damage(side, value)]
        return found, broken

    def _has_damage(self, side: _Side, value: Any) -> bool:
        return not all(self._sound(LinkRow, row) for row in self._rows(_BY_SIDE[side], ids=[value]))


def link_of(row: Mapping[Any, Any]) -> Link:
    return Link(
        id=row["id"],
        ticket_id=row["ticket_id"],
        issue_id=row["issue_id"],
        issue_key=row["issue_key"],
        route=row["route"],
        origin=Origin(row["origin"]),
        created_at=from_micros(row["created_at"]),
        ticket_until=maybe_moment(row["ticket_until"]),
        issue_until=maybe_moment(row["issue_until"]),
        state=LinkState(row["state"]),
        base=None if row["base"] is None else decode(Base, row["base"]),
        vote=row["vote"],
        conflict=None if row["conflict"] is None else decode(Conflict, row["conflict"]),
        in_field=bool(row["in_field"]),
        occurrence=row["occurrence"],
    )


def _without_broken(links: Sequence[Link], broken: set[tuple[str, object]]) -> list[Link]:
    """The links that hang together with nothing broken."""
    left = list(links)
    while broken:
        hit = [link for link in left if ("ticket", link.ticket_id) in broken or ("issue", link.issue_id) in broken]
        if not hit:
            break
        broken = broken | {("ticket", link.ticket_id) for link in hit} | {("issue", link.issue_id) for link in hit}
        gone = {link.id for link in hit}
        left = [link for link in left if link.id not in gone]
    return left
