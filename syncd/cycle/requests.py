"""What people ask for on the command line while the daemon runs: each verb is a row, taken at the next cycle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.core.model import Json, LinkState, Origin
from syncd.core.ports import Clock, IssueSource, TicketSource
from syncd.core.resolve import CannotResolve, resolve
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.world import World
from syncd.cycle.acknowledging import acknowledge
from syncd.cycle.apply import apply_local
from syncd.cycle.clock_brake import CLOCK_FIELDS, WANTED
from syncd.cycle.settings import Routes, Settings
from syncd.sources.errors import SourceError
from syncd.store import IntentMoved, LinkExists, NotStored, Store, Tx

BELIEVE_CENSUS = "census.believe"
"""Fact: a person accepted that what a census found missing is really gone; the next census stores it."""


class RequestRefused(Exception):
    """It cannot be done as asked; the message says why and what to type instead."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with what it is carried out under."""

    args: Mapping[str, Json]
    routes: Routes
    settings: Settings


class Requests:
    """Carries out request rows. Every verb either does all of what it says or raises RequestRefused."""

    def __init__(self, store: Store, zendesk: TicketSource, jira: IssueSource, clock: Clock) -> None:
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._clock = clock

    def handle_all(self, routes: Routes, settings: Settings) -> int:
        """Takes every open request; its outcome is kept with it. Returns how many there were."""
        with self._store.reading() as tx:
            open_requests = tx.open_requests()
        for request in open_requests:
            outcome = self.handle(request.verb, request.args, routes, settings)
            with self._store.transaction() as tx:
                tx.finish_request(request.id, outcome, self._clock.now())
        return len(open_requests)

    def handle(self, verb: str, args: Mapping[str, Json], routes: Routes, settings: Settings) -> str:
        """Does one verb; the answer is a sentence that begins with "ok: " or "refused: "."""
        verbs: dict[str, Callable[[Asked], str]] = {
            "links add": self._add_link,
            "links remove": self._remove_link,
            "accept": self._accept,
            "conflicts resolve": self._resolve,
            "intents retry": self._retry,
            "intents drop": self._drop,
            "sla recompute": self._recompute_clocks,
            "alerts ack": self._acknowledge,
        }
        action = verbs.get(verb)
        if action is None:
            return f"refused: this daemon does not know the request '{verb}'; is it older than the command line?"
        try:
            return f"ok: {action(Asked(args, routes, settings))}"
        except (RequestRefused, CannotResolve, SourceError, IntentMoved, NotStored) as error:
            return f"refused: {error}"

    def _add_link(self, asked: Asked) -> str:
        ticket_id, key = int(str(asked.args["ticket"])), str(asked.args["issue"]).upper()
        ticket = self._zendesk.read([ticket_id])[0]
        if ticket.is_gone:
            raise RequestRefused(f"Ticket #{ticket_id} does not exist in Zendesk, or syncd may not read it.")
        if ticket.state.is_final:
            raise RequestRefused(
                f"Ticket #{ticket_id} is closed: nothing can be written to it, so it cannot be linked."
            )
        issue = self._jira.read([key])[0]
        if not issue.visible:
            raise RequestRefused(f"{key} does not exist in Jira, or syncd may not read it.")
        route = next((r for r in asked.routes.running.values() if r.project_key == issue.project_key), None)
        if route is None:
            stopped = "; ".join(f"{name}: {why}" for name, why in asked.routes.stopped.items())
            raise RequestRefused(
                f"No running route has project {issue.project_key}; add one to config.yaml."
                + (f" Stopped routes: {stopped}" if stopped else "")
            )
        now = self._clock.now()
        with self._store.transaction() as tx:
            tx.put_tickets([ticket], now)
            tx.put_issues([issue], now)
            try:
                link = tx.join(ticket_id, issue.id, issue.key, route.name, Origin.MANUAL, now)
            except LinkExists as error:
                raise RequestRefused(str(error)) from error
            tx.log_link(link.id, now, "linked", "by hand", {"origin": "manual"})
            tx.touch([ticket_subject(ticket_id), issue_subject(issue.id)], now)
        return f"link {link.id}: ticket #{ticket_id} and {issue.key} (route {route.name})"

    def _remove_link(self, asked: Asked) -> str:
        now = self._clock.now()
        with self._store.transaction() as tx:
            link = tx.link(int(str(asked.args["link"])))
            if link is None or link.state is LinkState.RETIRED:
                raise RequestRefused(f"There is no live link {asked.args['link']}; see: syncd links list")
            tx.retire(link.id, "removed by hand", now)
            others = [*tx.links_of_ticket([link.ticket_id]), *tx.links_of_issue([link.issue_id])]
            tx.touch({s for o in others for s in (ticket_subject(o.ticket_id), issue_subject(o.issue_id))}, now)
        return f"link {link.id} (ticket #{link.ticket_id}, {link.issue_key}) is removed; neither side was written to"

    def _accept(self, asked: Asked) -> str:
        now = self._clock.now()
        wanted = asked.args.get("route")
        released = []
        with self._store.transaction() as tx:
            for name, guard in tx.guards().items():
                held = guard.get("held")
                if name == CLOCK_FIELDS:
                    if wanted in (None, name) and guard.get(WANTED) is not None:
                        count = held.get("count") if isinstance(held, dict) else 0
                        tx.save_guard(name, {"meaning": guard[WANTED], WANTED: guard[WANTED]})
                        released.append(f"{name} ({count} tickets)")
                    continue
                if not isinstance(held, dict) or (wanted is not None and wanted != name):
                    continue
                _release(tx, name, guard, held, now)
                released.append(f"{name} ({held.get('reason')}, {held.get('count')} writes)")
            # A first run is accepted for all that was configured: a route without writes so far was looked at too.
            accounts = json.dumps(tx.get_fact("accounts"), sort_keys=True)
            for name, route in asked.routes.running.items():
                guard = dict(tx.guard(name) or {})
                if wanted in (None, name) and not guard.get("tokens") and guard.get("meaning") is None:
                    tx.save_guard(name, guard | {"meaning": route.mapping.meaning, "accounts": accounts})
                    released.append(f"{name} (first_run, 0 writes)")
        return f"released {', '.join(released)}" if released else "no brake is on"

    def _resolve(self, asked: Asked) -> str:
        now = self._clock.now()
        take = str(asked.args["take"])
        with self._store.transaction() as tx:
            link = tx.link(int(str(asked.args["link"])))
            if link is None or link.state is LinkState.RETIRED:
                raise RequestRefused(f"There is no live link {asked.args['link']}; see: syncd conflicts list")
            if link.state is not LinkState.CONFLICT:
                raise RequestRefused(f"Link {link.id} is not in conflict.")
            world = World(
                links=tuple(tx.links_touching([link.ticket_id], [link.issue_id])),
                tickets=tx.tickets([link.ticket_id]),
                issues=tx.issues([link.issue_id]),
                routes=asked.routes.running,
                browse_url=asked.settings.browse_url,
                ticket_url=asked.settings.ticket_url,
            )
            plan = resolve(world, link, take, now)
            for local in plan.local:
                apply_local(tx, local, now)
            for remote in plan.remote:
                tx.enqueue(remote, urgency=1, now=now)
            tx.log_link(link.id, now, "resolved", f"a person took: {take}", {})
        return f"link {link.id}: {'nothing to write' if not plan.remote else plan.remote[0].reason}"

    def _acknowledge(self, asked: Asked) -> str:
        ticket, now = int(str(asked.args["ticket"])), self._clock.now()
        with self._store.transaction() as tx:
            said = acknowledge(
                tx, ticket, int(str(asked.args.get("seconds") or 0)), str(asked.args.get("by") or "somebody"), now
            )
        return f"ticket #{ticket} {said}"

    def _retry(self, asked: Asked) -> str:
        with self._store.transaction() as tx:
            tx.retry(str(asked.args["intent"]), self._clock.now())
        return f"intent {asked.args['intent']} is tried again in the next cycle"

    def _drop(self, asked: Asked) -> str:
        now = self._clock.now()
        with self._store.transaction() as tx:
            tx.drop(str(asked.args["intent"]), "dropped by hand", now)
            intent = tx.intent(str(asked.args["intent"]))
            if intent is not None:
                tx.touch([intent.subject], now)
        return f"intent {asked.args['intent']} is given up"

    def _recompute_clocks(self, _: Asked) -> str:
        with self._store.transaction() as tx:
            number = tx.recompute_clocks()
        return f"the clocks of {number} tickets are computed anew, a share in each cycle; syncd sla says how many wait"


def _release(tx: Tx, name: str, guard: Mapping[str, Json], held: Mapping[str, Json], now: datetime) -> None:
    tokens = guard.get("tokens")
    kept = [*tokens, held["token"]] if isinstance(tokens, list) else [held["token"]]
    changed: dict[str, Json] = {**guard, "tokens": kept, "held": None}
    if held.get("reason") == "emptied_source":
        tx.set_fact(BELIEVE_CENSUS, True, now)
        changed["emptied"] = None
    if held.get("reason") == "public_note":
        changed["public_note"] = None
    tx.save_guard(name, changed)
