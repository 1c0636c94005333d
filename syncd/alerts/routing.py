"""Which route a fact takes, and with which others it is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from syncd.alerts.case import Case
from syncd.alerts.settings import BREACH, FALLBACK_ROUTE, WARNING, AlertSettings, Route
from syncd.core.alert_model import FORECAST, RULE_PREFIX, AlertKey, Chain
from syncd.sla.conditions import hold

FORECAST_WAIT: Final = 300
"""Seconds that a forecast waits for others, and for the one who is setting dates to come to an end."""


def route_of(routes: Sequence[Route], case: Case, key: AlertKey) -> Route | None:
    """The first route that fits; None when none does."""
    return next((route for route in routes if fits(route, case, key)), None)


def fits(route: Route, case: Case, key: AlertKey) -> bool:
    """Whether the route is for this fact of this ticket."""
    holder = case.holder(key)
    return (
        (not route.severity or not route.severity.isdisjoint(severities(key)))
        and (not route.metrics or key.metric in route.metrics)
        and (not route.holders or str(holder.party) in route.holders)
        and (not route.teams or holder.team in route.teams)
        and (not route.tiers or (case.tier or "") in route.tiers)
        and hold(route.when, case.standing, case.tier)
    )


def severities(key: AlertKey) -> frozenset[str]:
    """What routes may call the fact."""
    if key.is_forecast:
        return frozenset((FORECAST,))
    return frozenset((BREACH,)) if key.is_breach else frozenset((WARNING, key.threshold))


def chain_and_group(settings: AlertSettings, case: Case, key: AlertKey) -> tuple[Chain, str]:
    """Who is told and how, and the key of the group that the fact joins. Without a fitting route the fallback is told:
    nothing that happened is told to nobody."""
    route = route_of(settings.routes, case, key)
    if route is None:
        return settings.fallback_chain, f"{FALLBACK_ROUTE}|ticket={case.ticket}"
    labels = "|".join(f"{name}={case.label(name, key)}" for name in route.group_by)
    return route.chain, f"{route.name}|{labels}"


def forecast_chain(settings: AlertSettings, case: Case, key: AlertKey) -> tuple[Chain, str] | None:
    """The same for a forecast, which is told once, without levels, reminders and an end; None when it is to be told to
    nobody: then it is in the morning list alone."""
    route = route_of(settings.routes, case, key) if settings.forecasts else None
    if route is None:
        return None
    chain, group = chain_and_group(settings, case, key)
    wait = max(chain.group_wait, FORECAST_WAIT)
    return replace(chain, levels=(), repeat=0, resolved="none", group_wait=wait), f"{group}|{FORECAST}"


def why_no_forecast(settings: AlertSettings) -> str:
    """Why forecasts are told to nobody, as the end of a sentence."""
    why = "no route takes it" if settings.forecasts else "alerts.forecasts is false"
    return f"{why}; it is in the morning list"


def rule_chain(key: AlertKey) -> tuple[Chain, str]:
    """The same for what a rule states: it names its receivers itself, and climbs by itself."""
    chain = Chain(route=key.metric, receivers=(), group_wait=0, repeat=0, resolved="none")
    return chain, f"{key.metric}|ticket={key.ticket}"


def rule_name(key: AlertKey) -> str:
    """The rule's name."""
    return key.metric.removeprefix(RULE_PREFIX)
