"""Letters that go out in a thread of their own: a mail server that does not answer keeps no cycle waiting."""

from __future__ import annotations

import threading
from pathlib import Path

from syncd.alerts.ports import Fate, Outcome, Parcel
from syncd.cycle.alerting import Alerter
from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.calendar import always
from tests.alerts.stage import Stage

PATIENCE = 20.0


class Stuck:
    """A server that takes a message and says nothing until it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()
        self.times = 0

    def __call__(self, _: Parcel) -> Outcome | None:
        self.times += 1
        self.asked.set()
        assert self.let_go.wait(PATIENCE)
        return Outcome(Fate.SENT)


def sends_apart(stage: Stage) -> None:
    stage.alerter = Alerter(
        stage.store,
        stage.keeper,
        stage.clock,
        settings=lambda: stage.settings,
        sla=lambda: SlaSettings(stage.keeper.book, "test", always()),
        channels=lambda: {"fake": stage.channel},
        apart=True,
    )


def test_cycles_go_on_while_a_mail_server_says_nothing_and_the_letter_goes_out_once(tmp_path: Path) -> None:
    stage, stuck = Stage(f"sqlite:///{tmp_path / 's.db'}"), Stuck()
    sends_apart(stage)
    stage.channel.always = stuck
    stage.opened("09:00", 1)
    stage.run_to("09:35")  # half of the target is over at 09:30; every cycle came to its end
    assert stuck.asked.wait(PATIENCE)
    assert (stuck.times, stage.channel.taken) == (1, [])
    stuck.let_go.set()
    stage.alerter.wait(PATIENCE)
    stage.run_to("09:40")
    stage.alerter.wait(PATIENCE)
    assert (stuck.times, len(stage.channel.taken)) == (1, 1)
