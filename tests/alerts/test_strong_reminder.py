"""A strong reminder: what nobody acknowledged by mail comes again by another channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.alerts.message import Reader
from syncd.alerts.ports import Target
from syncd.alerts.settings import Receiver, Route
from tests.alerts.stage import LEAD, Stage, book, chain, settings
from tests.sla.kit import ANN

PHONE = Receiver("lead's phone", (Target("phone", Reader("lead")),))
CONFIGURED = settings(Route("all", chain(LEAD, levels=[("15m", ["lead's phone"])])), receivers=[PHONE])


@pytest.mark.parametrize("answered", [False, True], ids=["nobody acts", "somebody acknowledges"])
def test_the_second_channel_speaks_unless_the_first_was_acknowledged(tmp_path: Path, answered: bool) -> None:
    stage = Stage(f"sqlite:///{tmp_path / 's.db'}", CONFIGURED, by=book(warn={}))
    life = stage.opened("08:05")
    stage.run_to("09:06")
    assert [mail["to"] for mail in stage.mails] == [LEAD]
    if answered:
        life.says("2026-03-02 09:07", ANN, public=True)
    stage.run_to("09:25")
    assert len(stage.phone.taken) == (0 if answered else 1)
