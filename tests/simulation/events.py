"""What may happen between two cycles of a history, and how it is made good again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from syncd.sandbox.seed import CLIENT_ID

if TYPE_CHECKING:
    from tests.simulation.history import History


def _jump(history: History, rng: random.Random, _number: int) -> None:
    history.clock.skew = rng.choice((0.0, 5.0, -5.0, 3600.0, -3600.0, 86400.0, -86400.0))


def _suspend(history: History, rng: random.Random, _number: int) -> None:
    seconds = rng.uniform(60.0, 43200.0)
    history.sandbox.advance(seconds)
    history.clock.asleep += seconds


def _expire(history: History, _rng: random.Random, _number: int) -> None:
    history.sandbox.zendesk.expire_tokens()


def _revoke_zendesk(history: History, rng: random.Random, number: int) -> None:
    history.sandbox.zendesk.revoke_credential(client_id=CLIENT_ID)
    history.wounds["zendesk_revoked"] = number + rng.randint(1, 3)


def _revoke_jira(history: History, rng: random.Random, number: int) -> None:
    history.sandbox.jira.revoke(history.seeded.jira_bot)
    history.wounds["jira_revoked"] = number + rng.randint(1, 3)


def _hide(history: History, rng: random.Random, number: int) -> None:
    history.sandbox.jira.set_members("NOVA", history.people.developers)
    history.wounds["project_hidden"] = number + rng.randint(1, 3)


def _restart(history: History, _rng: random.Random, _number: int) -> None:
    history.process.kill()


def _back_up(history: History, _rng: random.Random, _number: int) -> None:
    """The first time a backup is made, the next time it is put back."""
    if history.backup is None:
        history.backup = history.process.back_up()
    else:
        history.process.put_back(history.backup)
        history.cursors = {}
        history.outcome.marks["an old backup was put back"] += 1


def mend(history: History, wound: str) -> None:
    """What was revoked or hidden is given back."""
    del history.wounds[wound]
    history.note(f"mended: {wound}")
    if wound == "zendesk_revoked":
        history.sandbox.zendesk.restore_credential(client_id=CLIENT_ID)
    elif wound == "jira_revoked":
        history.sandbox.jira.restore(history.seeded.jira_bot)
    else:
        history.sandbox.jira.set_members("NOVA", None)


EVENTS = {
    "clock_jump": _jump,
    "suspend": _suspend,
    "token_expired": _expire,
    "zendesk_revoked": _revoke_zendesk,
    "jira_revoked": _revoke_jira,
    "project_hidden": _hide,
    "restart": _restart,
    "old_backup": _back_up,
}
