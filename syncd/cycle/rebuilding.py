"""`syncd rebuild`: links are found again by the marks that both servers keep, when the store is gone without a backup.

The ticket field that shows the bug names every link of a route that has one; a bug that syncd made carries the label
and the property that it was made with. Bases are not known any more: what both sides are now counts as agreed where
the mapping allows it, and is a conflict elsewhere. Nothing is written to either side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.core.adopting import Adoption, Outcome, Pair, Source, Verdict
from syncd.core.creating import marks_of, occurrence_of
from syncd.core.model import Link, Origin, TicketSnapshot
from syncd.core.ports import Clock, TicketSource
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.cycle.adopting import Adopter, Progress, Wanted
from syncd.cycle.settings import Routes
from syncd.sources.jira_scan import IssueScan
from syncd.store import LinkExists, Store, Tx

LONG_AGO = timedelta(days=30)
"""A bug that was found again counts as made then: beyond the caps and the look for twins."""


@dataclass(frozen=True, slots=True)
class Made:
    """A bug that carries the mark of its making."""

    ticket_id: int
    issue_id: str
    issue_key: str
    marker: str


@dataclass(slots=True)
class Rebuilt:
    """What was found: `adoption` as for `links adopt`; `made` is how many of the links are bugs that syncd made."""

    adoption: Adoption
    made: int = 0


class Rebuilder:
    """Finds the links of a lost store again."""

    def __init__(
        self, store: Store, zendesk: TicketSource, scan: IssueScan, adopter: Adopter, clock: Clock, *, account: str
    ) -> None:
        self._store = store
        self._zendesk = zendesk
        self._scan = scan
        self._adopter = adopter
        self._clock = clock
        self._account = account

    def rebuild(
        self,
        routes: Routes,
        wanted: Wanted,
        *,
        dry_run: bool,
        progress: Progress,
        said_since: datetime | None = None,
    ) -> Rebuilt:
        """Every link that the marks tell of. Without `dry_run` they are stored, as links that are only observed at
        first; comments since `said_since` (default: from now on) are carried where they were not."""
        made = self._made(routes, progress)
        beside = [Pair(m.ticket_id, m.issue_id, Source.ORIGIN, m.issue_key) for m in made.values()]
        sources = tuple(s for s in wanted.sources if s is not Source.APP_LINKS)
        adoption, _ = self._adopter.survey(routes, replace(wanted, sources=sources), beside=beside, progress=progress)
        adoption.verdicts = self._without_taken_off(routes, self._found_meanwhile(adoption.verdicts))
        if not dry_run:
            self._keep(adoption, made, said_since)
        if Source.APP_LINKS in wanted.sources:
            alone = replace(wanted, sources=(Source.APP_LINKS,))
            more = self._adopter.adopt(routes, alone, dry_run=dry_run, progress=progress)
            judged = {(v.pair.ticket_id, v.issue_id) for v in adoption.verdicts}
            adoption.verdicts += [v for v in more.verdicts if (v.pair.ticket_id, v.issue_id) not in judged]
            adoption.unread += more.unread
        ours = [v for v in adoption.adopted if (v.pair.ticket_id, v.issue_id) in made]
        return Rebuilt(adoption, len(ours))

    def _made(self, routes: Routes, progress: Progress) -> Mapping[tuple[int, str], Made]:
        """Bugs with our label; one call for each tells the ticket."""
        found: dict[tuple[int, str], Made] = {}
        projects = sorted({view.project_key for view in routes.running.values()})
        for row in self._scan.with_labels(projects):
            labels = row.value if isinstance(row.value, list) else []
            marks = marks_of(labels)
            ticket = self._scan.made_for(row.id) if marks else None
            if ticket is not None:
                found[ticket, row.id] = Made(ticket, row.id, row.key, marks[0])
                progress("bugs that syncd made", len(found), None)
        return found

    def _found_meanwhile(self, verdicts: list[Verdict]) -> list[Verdict]:
        """A daemon that starts on an empty store finds links by their fields and tags, as if an agent had just written
        those. As long as nothing was written for their route they are found again like the others."""
        known = sorted({v.pair.ticket_id for v in verdicts if v.outcome is Outcome.KNOWN})
        with self._store.reading() as tx:
            links = {(x.ticket_id, x.issue_id): x for x in _found_by_itself(tx, known)}
        return [
            replace(v, outcome=Outcome.NEW, route=links[pair].route)
            if v.outcome is Outcome.KNOWN and (pair := (v.pair.ticket_id, v.issue_id)) in links
            else v
            for v in verdicts
        ]

    def _without_taken_off(self, routes: Routes, verdicts: list[Verdict]) -> list[Verdict]:
        """A bug of ours whose ticket shows no key any more was taken off by somebody."""
        alone = [v for v in verdicts if v.is_adopted and v.pair.source is Source.ORIGIN]
        fields = {name: view.link_field for name, view in routes.running.items()}
        numbers = sorted({v.pair.ticket_id for v in alone if fields.get(v.route)})
        tickets: dict[int, TicketSnapshot] = {}
        for start in range(0, len(numbers), 100):
            tickets |= {t.id: t for t in self._zendesk.read(numbers[start : start + 100])}
        kept = []
        for verdict in verdicts:
            ticket = tickets.get(verdict.pair.ticket_id)
            if verdict in alone and ticket is not None and not ticket.fields.get(fields[verdict.route] or ""):
                sentence = (
                    f"ticket #{ticket.id}: {verdict.issue_key} was made for it, and its field is empty: somebody took "
                    "it off."
                )
                kept.append(replace(verdict, outcome=Outcome.RETIRED, sentence=sentence))
            else:
                kept.append(verdict)
        return kept

    def _keep(self, adoption: Adoption, made: Mapping[tuple[int, str], Made], said_since: datetime | None) -> None:
        now = self._clock.now()
        for verdict in adoption.adopted:
            ticket_id, issue_id = verdict.pair.ticket_id, verdict.issue_id
            ours = made.get((ticket_id, issue_id))
            occurrence = None
            if ours is not None:
                occurrence = occurrence_of(
                    ours.marker, account=self._account, ticket_id=ours.ticket_id, route=verdict.route
                )
            with self._store.transaction() as tx:
                try:
                    sides = ticket_id, issue_id, verdict.issue_key, verdict.route, Origin.ADOPTED
                    if said_since is None:
                        link = tx.join(*sides, now, occurrence or 1)
                    else:
                        before = said_since - timedelta(microseconds=1)
                        link = tx.add_link(*sides, said_since, occurrence or 1, before=(before, before))
                except LinkExists:
                    same = [x for x in _found_by_itself(tx, [ticket_id]) if x.issue_id == issue_id]
                    if not same:
                        continue
                    link = replace(same[0], origin=Origin.ADOPTED, occurrence=occurrence or same[0].occurrence)
                    tx.save_link(link)
                if ours is not None and occurrence is not None:
                    tx.recall_creation(
                        ours.marker,
                        ticket_id=ticket_id,
                        route=verdict.route,
                        occurrence=occurrence,
                        issue_id=issue_id,
                        issue_key=verdict.issue_key,
                        at=now - LONG_AGO,
                    )
                tx.log_link(link.id, now, "linked", f"found again by {verdict.pair.source}", {"origin": "rebuilt"})
                tx.touch([ticket_subject(ticket_id), issue_subject(issue_id)], now)


def _found_by_itself(tx: Tx, tickets: Sequence[int]) -> list[Link]:
    """Links of these tickets that syncd found by a field or a tag, in routes whose first run nobody accepted."""
    begun = {name for name, guard in tx.guards().items() if guard.get("tokens") or guard.get("meaning") is not None}
    by_itself = (Origin.FIELD, Origin.TAG)
    return [x for x in tx.links_of_ticket(tickets) if x.origin in by_itself and x.route not in begun]
