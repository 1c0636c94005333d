"""What a plan's local actions leave in the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.core.actions import RepointLink
from syncd.core.model import Conflict, LinkState, Origin, Seen, TicketState
from syncd.cycle.apply import apply_local
from syncd.store import Store
from tests.store.records import NOW, base


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/syncd.db") as opened:
        yield opened


def test_a_link_that_gets_another_ticket_forgets_what_the_old_one_agreed_to_and_asked_for(store: Store) -> None:
    with store.transaction() as tx:
        link = tx.add_link(35, "1", "APP-1", "app", Origin.TAG, NOW)
        seen = Seen("3", None, TicketState("open"))
        tx.save_link(
            replace(
                link,
                base=base(),
                vote="confirmed",
                state=LinkState.CONFLICT,
                conflict=Conflict("refused", "no", seen, NOW),
                in_field=True,
            )
        )
        apply_local(tx, RepointLink(link.id, "ticket #35 was merged into #36", ticket_id=36), NOW)
        assert tx.link(link.id) == replace(link, ticket_id=36)
