"""Public holidays of a country with its make-up working days, from the package `holidays`.

https://holidays.readthedocs.io/ gives the days that a country announced, and those that follow from rules. For a year
that is not announced yet it only has the rules, and answers as if nothing was missing. Here such a year is told apart:
`published_until` is the last one that can be relied on.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from syncd.config.names import nearest
from syncd.sla.calendar import PublicHolidays

FIRST_YEAR: Final = 2010
LAST_YEAR: Final = 2060
"""The years that are read, the same on every day, so that a calendar does not become another one by waiting."""
_SHOWN: Final = 30  # how many parts of a country a sentence lists


@cache
def public_holidays(country: str, subdivision: str | None = None) -> PublicHolidays:
    """What is announced in a country (ISO 3166 code, such as CN), or in a part of it (such as BY of DE).

    Raises ValueError with a sentence for a country or part that is not known. Where working days are moved by a notice
    each year, `published_until` is the last year with a notice; where days are estimated, the last one without an
    estimate."""
    import holidays  # noqa: PLC0415 - takes 0.1 s to import, which only calendars with holidays need to pay

    known = holidays.list_supported_countries()
    if country not in known:
        near = nearest(country, known)
        hint = f' Did you mean "{near}"?' if near else " Write a code such as CN or DE."
        raise ValueError(f"{country} is no country whose holidays are known.{hint}")
    if subdivision is not None and subdivision not in known[country]:
        near = nearest(subdivision, known[country])
        hint = f' Did you mean "{country}/{near}"?' if near else ""
        parts = f" They are {', '.join(known[country][:_SHOWN])}." if known[country] and not near else ""
        raise ValueError(f"{country} has no part {subdivision} with holidays of its own.{hint}{parts}")
    language = getattr(holidays, country).default_language  # the names must not depend on the machine's language
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    days = holidays.country_holidays(country, subdiv=subdivision, years=years, language=language)
    makeup = frozenset(day for day in days.weekend_workdays if FIRST_YEAR <= day.year <= LAST_YEAR)
    limits = [days.end_year]
    if days.has_substituted_holidays:
        limits.append(max((day.year for day in makeup), default=FIRST_YEAR - 1))
    label = str(getattr(days, "estimated_label", "")).replace("%s", "").strip()
    estimated = {day.year for day, name in days.items() if label and label in name}
    if estimated:
        limits.append(max((year for year in years if year not in estimated), default=FIRST_YEAR - 1))
    until = min(limits)
    return PublicHolidays(frozenset(days), makeup, None if until >= LAST_YEAR else until)
