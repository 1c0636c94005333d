"""What clocks cost a cycle, counted: nothing that grows with the tickets that are merely open."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.calendar import always
from syncd.store.codec import to_micros
from syncd.store.rows import digest
from tests.scenarios.lab import Lab
from tests.sla.kit import ALWAYS, OFFICE, rules

METRICS = {
    "first_reply": "200h",
    "resolution": {"goals": {"any": "400h"}, "calendar": "always"},
    "updates": "300h",
    "whole": {"goals": {"any": "500h"}, "calendar": "always"},
}
BOOK = rules(
    METRICS,
    {
        "first_reply": {},
        "resolution": {},
        "updates": {"kind": "update", "first": "created"},
        "whole": {"kind": "resolution"},
    },
    {"office": OFFICE, "always": ALWAYS},
)
SETTINGS = SlaSettings(BOOK, "costs", always("reader", "UTC"))
CHANGED, DUE = 20, 5
STEPS = 100  # of SQLite's machine between two looks


@dataclass
class Cost:
    statements: int = 0
    steps: int = 0


@contextmanager
def counted(lab: Lab) -> Iterator[Cost]:
    """Statements, and the steps that SQLite made for them, while it lasts."""
    cost = Cost()
    engines = (lab.app.store._engine, lab.app.store._reader)

    def statement(*_: Any) -> None:
        cost.statements += 1

    def step() -> int:
        cost.steps += STEPS
        return 0

    def watch(dbapi: Any, *_: Any) -> None:
        dbapi.set_progress_handler(step, STEPS)

    def unwatch(dbapi: Any, *_: Any) -> None:
        dbapi.set_progress_handler(None, 0)

    watched = (("before_cursor_execute", statement), ("checkout", watch), ("checkin", unwatch))
    for engine, (name, told) in itertools.product(engines, watched):
        event.listen(engine, name, told)
    try:
        yield cost
    finally:
        for engine, (name, told) in itertools.product(engines, watched):
            event.remove(engine, name, told)


FIRST = 1_000_000


def store_open_tickets(lab: Lab, sample: int, count: int) -> None:
    """Open tickets as `sample` is, with its history and its clocks, next worth a look in a week."""
    week = to_micros(lab.clock.now()) + 7 * 86_400 * 1_000_000
    with lab.app.store.transaction() as tx:
        connection = tx._connection
        driver: Any = connection.connection.dbapi_connection
        driver.create_function("digest_of", 1, digest, deterministic=True)
        last = FIRST + count - 1
        numbers = f"WITH RECURSIVE n(i) AS (SELECT {FIRST} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"  # noqa: S608 - numbers

        def clone(table: str, key: str, **changed: str) -> None:
            names = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
            values = ", ".join(changed.get(name, f"s.{name}") for name in names)
            query = f"{numbers} INSERT INTO {table} SELECT {values} FROM {table} s, n WHERE s.{key} = {sample}"  # noqa: S608 - our own tables
            connection.exec_driver_sql(query)

        body = f"""replace(s.body, '"id":{sample},', '"id":' || i || ',')"""
        clone("ticket", "id", id="i", body=body, digest=f"digest_of({body})")
        clone("ticket_change", "ticket_id", id="i * 1000 + s.id", ticket_id="i")
        clone("clock", "ticket_id", ticket_id="i")
        clone("clock_due", "ticket_id", ticket_id="i", at=f"{week} + i")


def cost_of_a_busy_cycle(folder: Path, stored: int) -> Cost:
    """Of a cycle in which 20 tickets changed and 5 fell due."""
    lab = Lab(folder, "cloud", sla=SETTINGS)
    tickets = [lab.ticket("open") for _ in range(CHANGED)]
    lab.cycle(4, seconds=60)
    store_open_tickets(lab, tickets[0], stored)
    with lab.app.store.transaction() as tx:
        assert {record.metric for record in tx.clocks_of([FIRST + stored - 1])} == set(METRICS)
        assert tx.tickets([FIRST + stored - 1]).keys() == {FIRST + stored - 1}
    lab.cycle(complete=True)
    lab.cycle(2, seconds=1)
    with lab.app.store.transaction() as tx:
        tx._connection.exec_driver_sql(
            f"UPDATE clock_due SET at = 1 WHERE ticket_id BETWEEN {FIRST} AND {FIRST + DUE - 1}"  # noqa: S608 - numbers
        )
    for ticket in tickets:
        lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="high")
    with counted(lab) as cost:
        report = lab.cycle(seconds=1)
    assert report.folded == CHANGED + DUE
    return cost


def test_a_cycle_folds_what_changed_or_fell_due_and_reads_nothing_else(tmp_path: Path) -> None:
    few, many = (cost_of_a_busy_cycle(tmp_path / str(stored), stored) for stored in (1_000, 100_000))
    assert few.statements == many.statements
    assert many.steps < few.steps * 1.5  # a walk over a table of 100,000 would be 100 times as many


@pytest.mark.parametrize("deployment", ["cloud"])
def test_a_quiet_cycle_with_clocks_makes_no_call_more(tmp_path: Path, deployment: Any) -> None:
    calls = []
    for settings in (None, SETTINGS):
        lab = Lab(tmp_path / str(settings is None), deployment, sla=settings)
        ticket, key = lab.ticket("open"), lab.bug()
        lab.link(ticket, key)
        lab.settle()
        lab.cycle(4, seconds=60)
        lab.cycle(3, seconds=1)
        before = len(lab.sandbox.ctx.journal.entries(0))
        lab.cycle(seconds=1)
        lab.cycle(complete=True)
        calls.append([f"{e['method']} {e['path']}" for e in lab.sandbox.ctx.journal.entries(0)[before:]])
    without, with_clocks = calls
    assert with_clocks == without
