"""The versions of the clocks' rules, so that a changed configuration never changes what was judged before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from syncd.store.codec import dumps, loads, to_micros
from syncd.store.prepared import Prepared
from syncd.store.rows import Repository, table_of
from syncd.store.schema_sla import SlaVersionRow

_VERSIONS = Prepared(select(table_of(SlaVersionRow)).order_by(SlaVersionRow.valid_from))


@dataclass(frozen=True, slots=True)
class SlaVersion:
    """`content` in the shape of syncd.sla.build, with ids for names and dates for holidays."""

    valid_from: int  # Unix seconds; 0 = from the beginning
    digest: str  # of the content
    content: Mapping[str, Any]


class SlaVersions(Repository):
    """Which rules were in force when."""

    def sla_versions(self) -> list[SlaVersion]:
        """All of them, oldest first, those to come included."""
        return [SlaVersion(row["valid_from"], row["digest"], loads(row["content"])) for row in self._rows(_VERSIONS)]

    def add_sla_version(self, version: SlaVersion, now: datetime) -> None:
        """From its instant on this version is in force. One of the same instant gives way to it."""
        row = {
            "valid_from": version.valid_from,
            "digest": version.digest,
            "content": dumps(dict(version.content)),
            "at": to_micros(now),
        }
        self._upsert(SlaVersionRow, [row])

    def drop_sla_versions(self, after: int) -> None:
        """Forgets the versions that come into force after that instant."""
        self._connection.execute(delete(table_of(SlaVersionRow)).where(SlaVersionRow.valid_from > after))
