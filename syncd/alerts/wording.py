"""Every word of a notification in both languages, and how moments, spans and names are said. Pure.

The texts of TEXTS are filled in by str.format; a test holds both languages to the same keys and the same blanks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.alerts.message import Language
from syncd.alerts.wording_en import ENGLISH
from syncd.alerts.wording_zh import CHINESE
from syncd.sla.holder import Holder

TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {"en": ENGLISH, "zh-CN": CHINESE}
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def zone_of(name: str) -> tzinfo:
    """The zone of this IANA name; UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


class Wording:
    """One reader's language and zone."""

    def __init__(self, language: Language, zone: str) -> None:
        self.language = language
        self._texts = TEXTS[language]
        self._zone = zone_of(zone)
        self._zone_name = zone if self._zone is not UTC else "UTC"

    def say(self, key: str, **blanks: object) -> str:
        """The text of this key, filled in; raises KeyError for an unknown one."""
        return self._texts[key].format(**blanks)

    def name(self, family: str, key: str) -> str:
        """The name of something that a configuration may have added to: `metric`, `priority`, `status`, `count`. What
        has no translation is shown as it is written, with blanks for underscores."""
        return self._texts.get(f"{family}.{key}") or key.replace("_", " ")

    def moment(self, at: int) -> str:
        """`Mon 2026-11-23 10:01 (Asia/Shanghai, UTC+08:00)`: the reader's wall, and which wall that is."""
        local = self._local(at)
        day = self._texts["weekdays"].split()[local.weekday()]
        return self.say(
            "moment", day=day, date=local.strftime("%Y-%m-%d"), time=local.strftime("%H:%M"), zone=self.zone(at)
        )

    def brief(self, at: int) -> str:
        """`11-23 10:01`, where the zone stands beside already."""
        return self._local(at).strftime("%m-%d %H:%M")

    def zone(self, at: int) -> str:
        """`Asia/Shanghai, UTC+08:00`; the offset is the one of that instant."""
        offset = self._local(at).strftime("%z")
        return f"{self._zone_name}, UTC{offset[:3]}:{offset[3:5]}" if self._zone_name != "UTC" else "UTC"

    def day(self, at: int) -> date:
        """The reader's date."""
        return self._local(at).date()

    def span(self, seconds: int) -> str:
        """`2 d 4 h 30 min`: at most the three largest parts, seconds only under an hour; days have 24 h."""
        left, parts = abs(int(seconds)), list[str]()
        for unit, size in _UNITS:
            count, left = divmod(left, size)
            if count and (unit != "s" or abs(seconds) < 3600):
                parts.append(self.say(f"unit.{unit}", n=count))
        joined = self._texts["unit.join"].join(parts[:3]) or self.say("unit.s", n=0)
        return f"-{joined}" if seconds < 0 and parts else joined

    def holder(self, holder: Holder) -> str:
        """Who has the ball: `Development NOVA`."""
        party = self._texts[f"party.{holder.party}"]
        return self.say("holder.team", party=party, team=holder.team) if holder.team else party

    def _local(self, at: int) -> datetime:
        # A year that no calendar prints is a broken instant: it is shown as the nearest that can be.
        bounded = min(max(int(at), 0), 253_370_764_800)
        return datetime.fromtimestamp(bounded, tz=UTC).astimezone(self._zone)
