"""Design bugs of telling people; see ablations.py."""

from __future__ import annotations

from tests.simulation.ablation import Ablation, Change

OF_MAIL: tuple[Ablation, ...] = (
    Ablation(
        33,
        "what readers were told is known to the process alone",
        (
            Change(
                "cycle/alert_world.py",
                """        told=tx.told_in(episodes),
""",
                """        told=vars(keeper).setdefault("told", {}),
""",
            ),
            Change(
                "cycle/alerting.py",
                """                tx.save_told(number, draft.told)
""",
                """                told = vars(self._keeper).setdefault("told", {})
                told.setdefault(number, {})[draft.receiver] = draft.told
""",
            ),
        ),
    ),
    Ablation(
        34,
        "an unknown answer of the mail server is taken as sent",
        (
            Change(
                "alerts/mail.py",
                """            return Outcome(Fate.UNKNOWN, f"{self.name} took""",
                """            return Outcome(Fate.SENT, f"{self.name} took""",
            ),
        ),
    ),
)
