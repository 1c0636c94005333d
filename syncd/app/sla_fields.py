"""Ticket fields that show clocks: looked up, and refused where they would tell customers what is internal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from syncd.app.sla_names import Resolver
from syncd.config.models import Route
from syncd.config.problems import KeyPath, listed
from syncd.config.sla_models import ShownModel, Sla
from syncd.core.model import DeskCatalog, TicketField
from syncd.cycle.sla_settings import ShownField
from syncd.sla.states import State

_TEXTS: Final = ("text", "textarea")
TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "due": ("date", *_TEXTS),
    "state": ("tagger", *_TEXTS),
    "remaining": ("integer", *_TEXTS),
    "holder": ("tagger", *_TEXTS),
}
"""The types of field that can hold what is shown."""


def shown_fields(
    sla: Sla, routes: tuple[Route, ...], desk: DeskCatalog, resolver: Resolver, zone: str
) -> tuple[ShownField, ...]:
    """The fields with their ids; what is wrong with others is told to the resolver."""
    found: list[ShownField] = []
    taken = dict(_taken(routes, desk))
    for place, shown in enumerate(sla.fields):
        path: KeyPath = ("fields", place)
        known = resolver.field((*path, "field"), shown.field)
        if known is None:
            continue
        problem = _problem(shown, known, taken)
        if problem is not None:
            resolver.errors.append((path, problem))
            continue
        taken[known.id] = f"sla.fields[{place}]"
        found.append(ShownField(shown.metric, shown.shows, known.id, known.type, zone, _options(shown, known)))
    return tuple(found)


def _taken(routes: tuple[Route, ...], desk: DeskCatalog) -> Iterator[tuple[int, str]]:
    """Fields that something else of the configuration writes."""
    ids = {str(field.id): field.id for field in desk.fields} | {
        field.title.strip().casefold(): field.id for field in desk.fields if field.active
    }
    for route in routes:
        mirrored = [written for written in route.mirror.model_dump().values() if written is not None]
        mapped = [entry.ticket for entry in route.fields if entry.owner != "zendesk"]
        for written in (*mirrored, *mapped):
            number = ids.get(str(written).strip().casefold())
            if number is not None:
                yield number, f"route {route.name}"


def _problem(shown: ShownModel, known: TicketField, taken: Mapping[int, str]) -> str | None:
    if known.visible_to_end_users or known.editable_by_end_users:
        return (
            f"Customers can see ticket field '{known.title}': what is internal would become public. In Zendesk, take "
            "it out of 'Customers can see', or name another field."
        )
    if known.type not in TYPES[shown.shows]:
        return f"Ticket field '{known.title}' is of type {known.type}; it must be {listed(TYPES[shown.shows])}."
    if known.id in taken:
        return f"Ticket field '{known.title}' is written by {taken[known.id]} already: name another field."
    unknown = [title for title in shown.options.values() if _option(known, title) is None]
    if known.type == "tagger" and unknown:
        return f"Ticket field '{known.title}' has no option '{unknown[0]}'; it has {listed(_titles(known), 'and')}."
    if shown.options and known.type != "tagger":
        return f"Ticket field '{known.title}' is no drop-down list: take out options."
    if known.type == "tagger" and shown.shows == "state":
        options = _options(shown, known)
        missing = [state.value for state in State if state.value not in options]
        if missing:
            return (
                f"Ticket field '{known.title}' has no option for {listed(missing, 'and')}: make some in Zendesk, or "
                f"say which one is meant: options: {{{missing[0]}: …}}."
            )
    return None


def _titles(known: TicketField) -> list[str]:
    return [title for title, _ in known.options]


def _option(known: TicketField, written: str) -> str | None:
    folded = written.strip().casefold()
    return next((value for title, value in known.options if folded in (title.casefold(), value.casefold())), None)


def _options(shown: ShownModel, known: TicketField) -> dict[str, str]:
    """What is told -> the option's value: by the option's title or value, or as the configuration says."""
    if known.type != "tagger":
        return {}
    found = {word: value for title, value in known.options for word in (value, title, title.casefold())}
    found |= {title.casefold().replace(" ", "_"): value for title, value in known.options}
    return found | {told: _option(known, title) or "" for told, title in shown.options.items()}
