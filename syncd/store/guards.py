"""The brakes of each route: what was accepted, and what holds it now."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from syncd.core.model import Json
from syncd.store.codec import dumps, loads
from syncd.store.prepared import Prepared
from syncd.store.rows import Repository
from syncd.store.schema import GuardRow

_BODY = Prepared(select(GuardRow.body).where(GuardRow.route == bindparam("route")))
_ALL = Prepared(select(GuardRow.route, GuardRow.body).order_by(GuardRow.route))


class Guards(Repository):
    """A guard is {accepted: [token, …], accepted_meaning, held: {reason, token, message, count, at} or None}."""

    def guard(self, route: str) -> dict[str, Json] | None:
        """None for a route that was never seen."""
        body = self._value(_BODY, route=route)
        return None if body is None else loads(body)

    def guards(self) -> dict[str, dict[str, Json]]:
        """All of them, by route."""
        return {route: loads(body) for route, body in self._tuples(_ALL)}

    def save_guard(self, route: str, guard: Mapping[str, Json]) -> None:
        """Replaces the route's guard."""
        self._upsert(GuardRow, [{"route": route, "body": dumps(dict(guard))}])
