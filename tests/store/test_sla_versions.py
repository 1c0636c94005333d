"""The versions of the clocks' rules are kept until a person replaces what is not in force yet."""

from __future__ import annotations

from datetime import UTC, datetime

from syncd.store import Store
from syncd.store.sla_versions import SlaVersion

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def version(valid_from: int, word: str) -> SlaVersion:
    return SlaVersion(valid_from, word * 8, {"metrics": {"first_reply": {}}, "word": word, "days": [valid_from]})


def test_versions_come_back_as_they_were_kept_oldest_first(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.sla_versions() == []
        tx.add_sla_version(version(1700, "b"), NOW)
        tx.add_sla_version(version(0, "a"), NOW)
    with store.reading() as tx:
        assert tx.sla_versions() == [version(0, "a"), version(1700, "b")]


def test_one_of_the_same_instant_gives_way_and_what_is_to_come_may_be_dropped(store: Store) -> None:
    with store.transaction() as tx:
        for valid_from in (0, 1700, 1800):
            tx.add_sla_version(version(valid_from, "a"), NOW)
        tx.add_sla_version(version(1700, "b"), NOW)
        tx.drop_sla_versions(1700)
        assert tx.sla_versions() == [version(0, "a"), version(1700, "b")]
