"""The process dies before or after each of its commits: the same is told, to the same people, under the same ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from syncd.alerts.settings import Route
from syncd.store import Store, Tx
from tests.alerts.stage import BOSS, DAY, LEAD, Stage, chain, clock_text, seconds, settings
from tests.sla.kit import ANN

COMMITS = 24
"""How many commits the day makes; one more would not be reached."""


class Crash(BaseException):
    """The process dies here."""


class Dying:
    """A store whose process dies at its n-th write transaction: inside, so that it is undone, or right after it."""

    def __init__(self, store: Store, at: int, *, after: bool) -> None:
        self._store = store
        self._left = at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        self._left -= 1
        with self._store.transaction() as tx:
            yield tx
            if self._left == 0 and not self._after:
                raise Crash
        if self._left == 0:
            raise Crash


def day(folder: Path, crash: tuple[int, bool] | None) -> tuple[Stage, bool]:
    """A ticket that is warned of, breached, escalated and solved; and whether the process died on the way."""
    route = Route("leads", chain(LEAD, levels=[("30m", [BOSS])]), group_by=("ticket",))
    stage = Stage(f"sqlite:///{folder / 's.db'}", settings(route), start="09:29")
    stage.keeps_verdicts = True
    stage.opened("09:00")
    stage.cycle()
    died = False
    if crash is not None:
        stage.store = cast("Store", Dying(stage.store, crash[0], after=crash[1]))
        stage.begin()
    while stage.now < seconds("10:50"):
        if stage.now >= seconds("10:40") and len(stage.life().events) < 3:
            stage.life().change(f"{DAY} {clock_text(stage.now)}", ANN, status="solved")
        try:
            stage.run_to(clock_text(stage.now + 60))
        except Crash:
            died = True
            stage.restart()
            stage.look_again()
    return stage, died


def told(stage: Stage) -> list[tuple[str, str, tuple[str, ...], str]]:
    return sorted((mail["to"], mail["reason"], tuple(mail["facts"]), mail["id"]) for mail in stage.mails)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, tuple[str, ...], str]]:
    """What is told when nothing goes wrong."""
    stage, _ = day(tmp_path_factory.mktemp("usual"), None)
    return told(stage)


def test_the_usual_day(usual: list[tuple[str, str, tuple[str, ...], str]]) -> None:
    assert [(to, reason) for to, reason, _, _ in usual] == [
        (BOSS, "level"),
        (BOSS, "resolved"),
        (LEAD, "breach"),
        (LEAD, "first"),
        (LEAD, "reminder"),
        (LEAD, "resolved"),
    ]


@pytest.mark.parametrize("after", [False, True], ids=["undone", "kept"])
@pytest.mark.parametrize("at", range(1, COMMITS + 1))
def test_a_process_that_dies_at_any_commit_tells_the_same(
    at: int, after: bool, usual: list[tuple[str, str, tuple[str, ...], str]], tmp_path: Path
) -> None:
    stage, died = day(tmp_path, (at, after))
    assert died
    assert told(stage) == usual
